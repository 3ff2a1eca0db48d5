"""Scores of a trained model, and of the baselines, on one case: labels are read to score alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ai4land.allocation import draws
from ai4land.cube import State
from ai4land.experiments.measured import Metered, forget_peak, peak_memory
from ai4land.experiments.scene import Scene
from ai4land.experiments.sums import CUT, Budget, CaseScores, Probable, Row
from ai4land.grid import Mesh
from ai4land.metrics import reliability, valid_mask
from ai4land.models import Predictor
from ai4land.rollout import (
    AllocationStepper,
    Belief,
    Decisions,
    Faithful,
    Likely,
    Persistence,
    PredictorStepper,
    Recurrence,
    Sampled,
    Stepper,
    Tiling,
    choose_odds,
    open_model,
    rollout,
    standing,
    step,
)
from ai4land.samples import AnchoredDrivers
from ai4land.vocabulary import Direction, single_task

__all__ = ["Judged", "cut_at_random", "score_baselines", "score_model"]

ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
HalfArray = npt.NDArray[np.float16]

_INTERVALS = 20  # of probability


@dataclass(frozen=True)
class Judged:
    """By what a model is scored.

    Attributes:
        decisions: Names of decisions.
        members: Of the sampled ensemble.
        curve: Odds of ``likely`` at which the trade is drawn; none if empty.
    """

    decisions: Sequence[str]
    members: int
    curve: Sequence[float] = ()


def score_baselines(scene: Scene) -> CaseScores:
    """Persistence, kernel (in steps and in one jump) and random on a case."""
    target, grid = scene.labels.target, scene.labels.grid
    ticks = scene.path[1:]
    steppers: dict[str, tuple[Stepper, Sequence[int]]] = {
        "persistence": (Persistence(single_task(target), grid), ticks)
    }
    if scene.demand is not None:
        kernel = AllocationStepper("kernel", scene.demand)
        steppers["kernel"] = kernel, ticks
        steppers["kernel, one jump"] = kernel, ticks[-1:]
        steppers["random"] = AllocationStepper("random", scene.demand), ticks
    rows: dict[str, Row] = {}
    lines: dict[str, Any] = {}
    for name, (stepper, path) in steppers.items():
        rows[name], lines[name] = scene.row(rollout(stepper, scene.initial, path))
    return CaseScores(ticks, scene.classes, rows, reference=lines)


def score_model(
    checkpoint: str | Path, scene: Scene, judged: Judged, *, tiling: Tiling | None = None
) -> CaseScores:
    """A trained model by every decision.

    The odds of a decision are chosen on the path without labels, with the margin that the card
    keeps from the validation split (``rollout.choose_odds``).

    Args:
        checkpoint: Folder of the checkpoint.
        scene: The case.
        judged: By what it is scored.
        tiling: How the map is cut for the model.
    """
    forget_peak()
    opened, initial, card = open_model(
        checkpoint,
        scene.cube,
        scene.path,
        tiling=tiling,
        decision=Likely(),
        drivers=scene.drivers,
    )
    meter = Metered(opened.predictor)
    opened.predictor = cast(Predictor, meter)
    own = None if isinstance(scene.drivers, AnchoredDrivers) else opened.demand
    opened.demand = own or scene.demand  # by which any model may be decided
    stepper = opened.remembering(initial)
    trial = _Trial(scene, stepper, initial, Decisions.from_dict(card.decision))
    beliefs, probable = trial.probable()
    rows: dict[str, Row] = {}
    lines: dict[str, Any] = {}
    odds: dict[str, float] = {}
    for name in (Faithful.name, Likely.name):
        if name not in judged.decisions or (name == Faithful.name and stepper.demand is None):
            continue
        chosen, odds[name] = trial.chosen(name)
        rows[name], lines[name] = scene.row(trial.rolled(chosen), beliefs)
        if name == Likely.name and scene.demand is not None:
            rows[CUT], _ = scene.row(_cut_kernel(scene, rows[name].sums.leads))
    if Sampled.name in judged.decisions:
        rows[Sampled.name] = trial.sampled(judged.members, beliefs)
    return CaseScores(
        scene.path[1:],
        scene.classes,
        rows,
        probable,
        lines,
        tuple(trial.curve(judged.curve)),
        odds,
        {**meter.cost(), "memory": peak_memory()},
    )


@dataclass(frozen=True, eq=False)
class _Trial:
    """A model on a case."""

    scene: Scene
    stepper: PredictorStepper
    initial: State
    decisions: Decisions

    @property
    def ticks(self) -> tuple[int, ...]:
        return self.scene.path[1:]

    @property
    def direction(self) -> Direction:
        return Direction.leading(*self.scene.path[:2])

    @property
    def recurrence(self) -> Recurrence:
        return self.decisions.recurrence(self.direction.value)

    @property
    def likely(self) -> Likely:
        found = self.decisions.of(Likely.name)
        assert isinstance(found, Likely)
        return found if self.stepper.demand is not None else replace(found, balanced=False)

    def rolled(self, stepper: PredictorStepper) -> Iterator[State]:
        return rollout(stepper, self.initial, self.ticks)

    def chosen(self, name: str) -> tuple[PredictorStepper, float]:
        """The model under a decision, and its odds."""
        decision = self.likely if name == Likely.name else self.decisions.of(name)
        margin = self.decisions.margin(name, self.direction.value)
        stepper = self.stepper.with_decision(decision)
        found, _ = choose_odds(
            stepper, self.initial, self.ticks, margin=margin, recurrence=self.recurrence
        )
        assert isinstance(found.decision, Faithful | Likely)
        return found, found.decision.odds(self.direction.sign)

    def sampled(self, members: int, beliefs: Sequence[HalfArray]) -> Row:
        """All members of an ensemble together."""
        decision = self.decisions.of(Sampled.name)
        assert isinstance(decision, Sampled)
        if self.stepper.demand is None:
            decision = replace(decision, balanced=False, closed=False)
        total: Row | None = None
        for seed in range(members):
            stepper = self.stepper.with_decision(replace(decision, seed=seed))
            row, _ = self.scene.row(self.rolled(stepper), beliefs)
            total = row if total is None else total + row
        assert total is not None
        return total

    def curve(self, candidates: Sequence[float]) -> Iterator[tuple[float, Budget]]:
        """The last step of ``likely`` under each of some odds."""
        for odds in candidates:
            decision = self.likely.with_odds(self.direction, odds)
            row, _ = self.scene.row(self.rolled(self.stepper.with_decision(decision)))
            yield odds, row.sums.leads[-1]

    def probable(self) -> tuple[list[HalfArray], dict[str, Probable]]:
        """Beliefs as the decisions have them after each step, and how true they are."""
        scene, labels = self.scene, self.scene.labels
        clock, target = self.stepper.task.clock, labels.target
        kinds = ("free ", "") if self.likely.balanced else ("free ",)
        # one after the other at each time: they share what the model predicts
        steppers = {kind: self.stepper.with_decision(Likely(balanced=not kind)) for kind in kinds}
        believed = {k: Belief(scene.before, len(scene.classes), self.recurrence) for k in kinds}
        found: dict[str, Probable] = {}
        beliefs: list[HalfArray] = []
        for state, tick in standing(self.stepper, self.initial, self.ticks):
            if target not in self.stepper.task.moving(state.tick, tick):
                continue
            truth = labels.at(clock.convert(tick, target.clock))
            for kind, belief in believed.items():
                said = step(steppers[kind], state, tick)[target.name].probabilities
                assert said is not None
                belief.advance(said)
                table = _probable(belief.values, scene.before, truth, scene.scored(truth))
                found.setdefault(f"{kind}first", table)
                found[f"{kind}last"] = table
            beliefs.append(believed[kinds[-1]].values.astype(np.float16))
        for span in ("first", "last"):
            found.setdefault(span, found[f"free {span}"])
        return beliefs, found


def _probable(
    belief: npt.NDArray[np.float32], before: ByteArray, truth: ByteArray, used: BoolArray
) -> Probable:
    said = np.clip(belief[:, used], 0.0, 1.0)
    start, after = before[used], truth[used]
    stay = np.take_along_axis(said, start[None].astype(np.intp), axis=0)[0]
    change = reliability(
        (start != after).astype(np.uint8), np.stack([stay, 1.0 - stay]), 2, intervals=_INTERVALS
    )
    return Probable.of(change, reliability(after, said, len(said), intervals=_INTERVALS))


def _cut_kernel(scene: Scene, likely: Sequence[Budget]) -> Iterator[State]:
    """The kernel's rollout, its maps cut to as much scored change as another rollout has."""
    assert scene.demand is not None
    name, labels = scene.labels.target.name, scene.labels
    kernel = rollout(AllocationStepper("kernel", scene.demand), scene.initial, scene.path[1:])
    order = draws(Mesh(labels.grid, labels.grid), labels.grid.window, 0, scene.path[0])
    start = scene.initial[name].values
    yield next(kernel)
    for lead, state in zip(likely, kernel, strict=True):
        truth = labels.at(state.clock.convert(state.tick, labels.target.clock))
        used = scene.mask & valid_mask(truth, labels.classes)
        values = cut_at_random(start, state[name].values, used, int(lead.simulated), order)
        yield replace(state, fields={name: state[name].replaced(values)})


def cut_at_random(
    start: npt.NDArray[Any],
    end: npt.NDArray[Any],
    mask: BoolArray,
    keep: int,
    order: npt.NDArray[np.float64],
) -> npt.NDArray[Any]:
    """Put changed pixels back at random until no more than a number remain.

    Args:
        start: The map before.
        end: The map after, of the same shape.
        mask: Pixels that count; all others are left as they are.
        keep: Changed pixels that remain; all, if there are fewer.
        order: Of a random number for each pixel those with the least remain.
    """
    changed = np.flatnonzero((start != end) & mask)
    ranked = changed[np.argsort(order.ravel()[changed], kind="stable")]
    out = end.copy()
    out.ravel()[ranked[keep:]] = start.ravel()[ranked[keep:]]
    return out
