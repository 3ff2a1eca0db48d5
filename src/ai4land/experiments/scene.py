"""The scene of a case: the pixels, the truth and the demand that all its models share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, State
from ai4land.errors import ConfigError
from ai4land.experiments.plan import Perturbed
from ai4land.experiments.sums import Budget, ClassSums, Row, RowSums, budget
from ai4land.metrics import (
    LeadScores,
    ScoredClasses,
    by,
    coarse_cells,
    complete_cells,
    squares,
    table_one,
    valid_mask,
)
from ai4land.rollout import (
    ScoredStep,
    demand_of,
    observed_state,
    steps_with_truth,
    unplaced_change,
)
from ai4land.samples import (
    AnchoredDrivers,
    CubeDrivers,
    Demand,
    GriddedDrivers,
    Labels,
    PerturbedDrivers,
    space_masks,
)
from ai4land.training import Experiment, opened
from ai4land.vocabulary import Kind, single_task, task

__all__ = ["Scene", "open_scene"]

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

_BLOCKS = 100  # of the bootstrap over the whole map, about


@dataclass(frozen=True, eq=False)
class Scene:
    """Where and by what the models of a case and fold are scored.

    Attributes:
        cube: Initial map, forcing and truth.
        labels: The truth.
        path: Times of the rollout, the initial one first.
        initial: The observed initial map, its counts by coarse cell as the reference.
        demand: What the coarse forcing asks for; ``None`` if it asks for nothing.
        held_out: Pixels of the test blocks, ``(y, x)``.
        mask: Those of them that are scored: land, in coarse cells at least half land.
        blocks: Block of each pixel for the bootstrap, ``(y, x)``.
        drivers: What drives models in place of the cube; ``None`` for the cube.
    """

    cube: Cube
    labels: Labels
    path: tuple[int, ...]
    initial: State
    demand: Demand | None
    held_out: BoolArray
    mask: BoolArray
    blocks: npt.NDArray[np.int32]
    drivers: GriddedDrivers | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.labels.classes.names

    @property
    def before(self) -> ByteArray:
        """Class positions of the initial map."""
        return self.labels.at(self.path[0])

    def scored(self, truth: ByteArray) -> BoolArray:
        """Pixels at which a step that leads to a map is judged."""
        return self.mask & valid_mask(truth, self.labels.classes)

    def row(
        self, states: Iterable[State], beliefs: Sequence[npt.NDArray[np.floating[Any]]] = ()
    ) -> tuple[Row, dict[str, Any]]:
        """Score a rollout.

        Args:
            states: The rollout, initial state first.
            beliefs: After each step the probability of each class in the truth, ``(K, y, x)``.

        Returns:
            Its sums, and its line as the reference system counts.
        """
        name, classes = self.labels.target.name, len(self.classes)
        leads: list[Budget] = []
        sums: list[ClassSums] = []
        expected, closing, line = [], [], []
        for step in steps_with_truth(states, self.labels):
            used = self.scored(step.truth)
            leads.append(budget(step.initial, step.truth, step.own, used))
            sums.append(ClassSums.of(step.truth[used], step.own[used], classes))
            if beliefs:
                expected.append(_of_class(beliefs[step.lead - 1], step.own, used))
            if self.demand is not None:
                closing.append(self._closing(step.state, name))
            line.append(self._as_reference(step))
            last = step
        inside = np.where(self.scored(last.truth), self.blocks, -1)
        blocks = by(inside, budget, last.initial, last.truth, last.own)
        held = RowSums(
            tuple(leads),
            sums[0],
            sums[-1],
            np.array(expected, np.float64),
            np.array(closing, np.float64).reshape(-1, 2),
        )
        found = table_one(line, self.classes)
        return Row(held, blocks), {
            span: {kind: _plain(found[span][kind]) for kind in ("all", "changed_truth")}
            for span in ("first", "mean")
        }

    def _as_reference(self, step: ScoredStep) -> LeadScores:
        """A step on all pixels of the test blocks that have a class, sea included."""
        legend, own = self.labels.classes, ScoredClasses.REFERENCE
        maps = (step.initial, step.prior_truth, step.truth)
        used = np.logical_and.reduce([self.held_out, *(valid_mask(m, legend, own) for m in maps)])
        return step.scores(len(legend), None, used)

    def _closing(self, state: State, name: str) -> tuple[float, float]:
        """Pixels of change that scored coarse cells lack, and that they were asked for."""
        demand, reference = self.demand, self.initial.reference
        assert demand is not None
        assert reference is not None
        tick = demand.tick_of(state.tick, state.clock)
        lacking = unplaced_change(demand, reference, state[name], tick)
        asked = demand.asked(reference, tick, demand.mesh.coarse.window)
        change = 0.5 * np.abs(asked - reference.counts.reshape(asked.shape)).sum(axis=0)
        cells = coarse_cells(self.labels.grid, demand.mesh.coarse)[self.mask]
        used = np.unique(cells[cells >= 0])
        return (
            float(np.nan_to_num(lacking).reshape(-1)[used].sum()),
            float(change.reshape(-1)[used].sum()),
        )


def _plain(scores: dict[str, Any]) -> dict[str, Any]:
    return {k: v if v is None or k == "total" else round(v, 5) for k, v in scores.items()}


def _of_class(belief: npt.NDArray[np.floating[Any]], own: ByteArray, used: BoolArray) -> float:
    """Sum over scored pixels of the probability of the map's class."""
    index = np.minimum(own[used], len(belief) - 1)[None]
    found = np.take_along_axis(belief[:, used], index.astype(np.intp), axis=0)
    return float(found[0][own[used] < len(belief)].sum(dtype=np.float64))


def open_scene(
    experiment: Experiment,
    cube: Cube,
    path: Sequence[int],
    *,
    forcing: str | None = None,
    perturbed: Perturbed | None = None,
) -> Scene:
    """Open a case: what is scored depends on the experiment's split and cube, on no model.

    Args:
        experiment: Whose models are scored; its test blocks are, on their own grid.
        cube: Holds initial map, forcing and truth.
        path: Times of the rollout, the initial one first.
        forcing: Fractions of another product that take the place of the experiment's, see
            ``AnchoredDrivers``.
        perturbed: Errors that are put into the forcing.

    Raises:
        ConfigError: If the experiment predicts no classes at the time of its steps, the forcing
            does not lead to them, or no pixel is left to be scored.
    """
    learned = task(experiment.task)
    target = next((t for t in learned.targets if t.categorical), None)
    if target is None or target.clock is not learned.clock:
        raise ConfigError("Only maps of classes of every step are compared", where=experiment.task)
    labels = Labels(cube, target)
    initial = observed_state(cube, single_task(target), path[0])
    drivers: GriddedDrivers | None
    drivers = None if perturbed is None else _perturbed(cube, labels, forcing, perturbed, path[0])
    try:
        preferred = (forcing,) if forcing else experiment.forcing
        demand = demand_of(cube, target, preferred, drivers)
    except ConfigError:
        demand = None
    if forcing is not None:
        if demand is None or demand.forcing != forcing:
            raise ConfigError(
                "The forcing of a case does not lead to the classes of its labels",
                where=cube.path,
                expected="fractions of the cube with a crosswalk to the legend of the labels",
                found=forcing,
            )
        inner = drivers or CubeDrivers(cube, labels.grid)
        drivers = AnchoredDrivers(inner, experiment.forcing[0], demand, initial)
    codes = initial[target.name].values
    land, held_out = labels.domain(codes), _held_out(experiment, labels)
    grid, coarse, mask = labels.grid, None, land & held_out
    if demand is not None:
        initial = replace(initial, reference=demand.reference(initial))
        coarse = demand.mesh.coarse
        mask &= complete_cells(land, coarse_cells(grid, coarse)).mask
    mask &= valid_mask(labels.at(path[0]), labels.classes)
    if not mask.any():
        raise ConfigError(
            "No pixel is left to score", where=cube.path, expected="land in the test blocks"
        )
    cell = 16 if coarse is None else max(1, math.ceil(float(coarse.dy / grid.dy)))
    side = cell * max(1, math.ceil(math.sqrt(grid.height * grid.width / _BLOCKS) / cell))
    blocks = squares(grid.shape, side)
    return Scene(cube, labels, tuple(path), initial, demand, held_out, mask, blocks, drivers)


def _perturbed(
    cube: Cube, labels: Labels, forcing: str | None, errors: Perturbed, since: int
) -> PerturbedDrivers:
    """A cube's drivers with errors in a forcing, or in all that is made of the labels."""
    inner = CubeDrivers(cube, labels.grid)
    own = [inner.describe(name) for name in inner.names if name.startswith(labels.target.name)]
    fractions = [about.name for about in own if about.kind is Kind.FRACTION and about.components]
    names, clock = [forcing] if forcing else fractions, inner.describe(fractions[0]).clock
    when = labels.target.clock.convert(since, clock)
    return PerturbedDrivers(inner, names, errors.error, since=when, of=errors.of, seed=errors.seed)


def _held_out(experiment: Experiment, labels: Labels) -> BoolArray:
    """Pixels that no training of the experiment has seen; all if it holds no blocks out."""
    found = np.ones(labels.grid.shape, bool)
    for region in experiment.regions:
        alone = experiment.alone(region)
        own, space = opened(alone), alone.split.space
        held = Labels(own, labels.target)
        if space is None or held.grid != labels.grid:
            continue
        coarse = own.grid(experiment.forcing[0]) if experiment.forcing else held.grid
        found &= space_masks(
            labels.grid, coarse, space, held.land(alone.split.dealt(held.ticks))
        ).test
    return found
