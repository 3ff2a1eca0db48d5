"""Judging a saved reconstruction: against the labels, beside persistence, kernel and random."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, Field, State, Status
from ai4land.errors import CubeError, GridError, SampleError, VocabularyError
from ai4land.grid import Grid
from ai4land.metrics import Protocol, RolloutScores, summarise, table_one
from ai4land.report.provenance import forcing_used, held_out_blocks
from ai4land.report.weighting import Weighting
from ai4land.rollout import (
    AllocationStepper,
    Persistence,
    Stepper,
    observed_state,
    rollout,
    score_rollout,
)
from ai4land.samples import Demand, WindowReader, class_forcing, input_spec
from ai4land.vocabulary import Legend, Task, task

__all__ = ["Evaluation", "evaluate", "path_of", "stored_states"]

BoolArray = npt.NDArray[np.bool_]

_COMPLETE = 0.5  # least share of known land of a coarse cell that enters the headline


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of a reconstruction and of the baselines on the same pixels.

    Attributes:
        title: Title of the reconstruction.
        model: Name of what made it; one of the keys of ``scores``.
        legend: Legend of the maps.
        protocol: Which classes are scored.
        weighting: What a pixel counts.
        initial: Tick of the map it started from.
        scores: Name → scores on the pixels of the headline.
        scored: One sentence on which pixels those are.
        all_cells: Name → scores with incomplete coarse cells as well; empty if none were left out.
        ceiling: Net over gross change of the truth in coarse cells, the share of change that a
            model can know from the net; ``None`` without a forcing.
        notes: What a reader must know beside.
    """

    title: str
    model: str
    legend: Legend
    protocol: Protocol
    weighting: Weighting
    initial: int
    scores: Mapping[str, RolloutScores]
    scored: str
    all_cells: Mapping[str, RolloutScores]
    ceiling: float | None
    notes: tuple[str, ...]

    @property
    def ticks(self) -> tuple[int, ...]:
        """The times scored, in the order of the rollout."""
        return tuple(step.time for step in self.scores[self.model].leads)

    @property
    def direction(self) -> str:
        """``forward`` or ``backward``."""
        return "forward" if self.ticks[-1] > self.initial else "backward"

    def to_dict(self) -> dict[str, Any]:
        """All scores as plain data, ready for JSON."""
        names = self.legend.names

        def rows(scores: Mapping[str, RolloutScores]) -> dict[str, Any]:
            return {
                name: {**summarise(s.leads, names), "table_one": table_one(s.leads, names)}
                for name, s in scores.items()
            }

        return {
            "title": self.title,
            "model": self.model,
            "legend": self.legend.name,
            "classes": list(names),
            "protocol": self.protocol.value,
            "weighting": self.weighting.value,
            "initial": self.initial,
            "times": list(self.ticks),
            "direction": self.direction,
            "scored": self.scored,
            "scores": rows(self.scores),
            "all_cells": rows(self.all_cells) if self.all_cells else None,
            "net_over_gross_change": self.ceiling,
            "notes": list(self.notes),
        }


def evaluate(
    prediction: Cube,
    truth: Cube,
    *,
    job: Task | None = None,
    protocol: Protocol = Protocol.LAND,
    weighting: Weighting = Weighting.PIXEL,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Score a reconstruction against the labels of a cube, with the baselines beside it.

    Scored is every year of the reconstruction that has labels, up to the first without. If its
    checkpoint was trained with blocks held out in space, only those blocks are scored. If the
    forcing is made from the labels, the headline leaves out coarse cells less than half of which
    is known land: there the forcing nearly gives the labels away.

    Args:
        prediction: What ``ai4land reconstruct`` wrote.
        truth: The cube with labels, and with forcing for kernel and random.
        job: The task; land use by default.
        protocol: Land alone, or all classes as the reference system counts.
        weighting: Whether a pixel counts 1 or its area.
        seed: Of the baselines' ties.
        progress: Called with the name of each row before it is computed.

    Raises:
        CubeError: If the reconstruction has no observed initial map.
        GridError: If the two cubes do not lie on one grid.
        VocabularyError: If their legends differ.
        SampleError: If no year of the reconstruction has labels, or no pixel is left.
    """
    job = job or task("land_use")
    _check_pair(prediction, truth, job)
    initial, path, notes = _scorable(prediction, truth, job)
    forcing = class_forcing(truth, job, forcing_used(prediction.attributes))
    reader = WindowReader(truth, job, input_spec(truth, job, forcing[:1], ()))
    start = observed_state(truth, job, initial)
    if not np.array_equal(start[job.target].values, prediction.read(job.target, initial)):
        notes.append(f"The reconstruction does not start from the labels of {initial}.")
    model = str(prediction.variable(job.target).source or "reconstruction")
    demand = Demand(reader, forcing[0], start) if forcing else None
    steppers: list[Stepper] = [Persistence(job)]
    if demand is not None:
        steppers += [AllocationStepper(rule, demand, seed=seed) for rule in ("kernel", "random")]
    else:
        notes.append("The cube has no forcing for this legend: no kernel and random rows.")
    base, sentences = _held_out(prediction, reader)
    complete = _complete_cells(truth, reader.grid, job, forcing, initial)
    zones = _zones(base, complete, start, job, reader, sentences, notes)

    visited = (initial, *path)
    runs: dict[str, Callable[[], Iterator[State]]] = {
        model: functools.partial(stored_states, prediction, job, visited)
    }
    for stepper in steppers:  # a baseline may itself be what is judged
        runs.setdefault(stepper.name, functools.partial(rollout, stepper, start, path))
    weights = reader.grid.cell_areas() if weighting is Weighting.AREA else None
    found: dict[str, list[RolloutScores]] = {}
    for name, states in runs.items():
        if progress is not None:
            progress(name)
        found[name] = [
            score_rollout(states(), reader, protocol=protocol, mask=zone, weights=weights)
            for zone in zones
        ]
    _check_something_scored(found[model][0], prediction)
    return Evaluation(
        title=str(prediction.attributes.get("title", prediction.path.name)),
        model=model,
        legend=start[job.target].legend or _no_legend(job),
        protocol=protocol,
        weighting=weighting,
        initial=initial,
        scores={name: scores[0] for name, scores in found.items()},
        scored=" ".join(sentences),
        all_cells={n: s[0] + s[1] for n, s in found.items()} if len(zones) > 1 else {},
        ceiling=_net_over_gross(demand, reader, start, path[-1]) if demand else None,
        notes=tuple(notes),
    )


def stored_states(cube: Cube, job: Task, ticks: tuple[int, ...]) -> Iterator[State]:
    """The maps of a saved reconstruction as the states that it came from."""
    spec, grid, status = cube.variable(job.target), cube.grid(job.target), cube.status(job.target)
    for tick in ticks:
        field = Field(spec.variable, grid, cube.read(job.target, tick), spec.legend)
        yield State(job.clock, tick, {job.target: field}, status[tick])


def path_of(cube: Cube, job: Task) -> tuple[int, tuple[int, ...]]:
    """Initial time of a saved reconstruction, and the times after it in the order of the rollout.

    Raises:
        CubeError: If there is no observed map at one end to have started from.
    """
    status = cube.status(job.target)
    ticks = tuple(status)
    observed = [t for t in ticks if status[t] is not Status.PREDICTED]
    if len(ticks) > 1 and observed in ([ticks[0]], [ticks[-1]]):
        forward = observed == [ticks[0]]
        return observed[0], ticks[1:] if forward else ticks[-2::-1]
    raise CubeError(
        "This is not a reconstruction",
        where=str(cube.path),
        expected="one observed map at the first or last time, all others predicted",
        found=f"{len(observed)} observed of {len(ticks)} times",
        remedy="give the store that `ai4land reconstruct` wrote, and the labels as --truth",
    )


def _no_legend(job: Task) -> Legend:
    raise VocabularyError("Only maps of classes are scored", where=job.target)


def _check_something_scored(scores: RolloutScores, prediction: Cube) -> None:
    if all(step.confusion.total == 0 for step in scores.leads):
        raise SampleError(
            "No pixel is left to score",
            where=str(prediction.path),
            expected="land in the cube's labels",
            remedy="use --protocol reference, or check the legend's sea and missing codes",
        )


def _check_pair(prediction: Cube, truth: Cube, job: Task) -> None:
    """Refuse two cubes that cannot be compared pixel by pixel."""
    one, two = prediction.grid(job.target), truth.grid(job.target)
    if one != two:
        raise GridError(
            "Reconstruction and truth lie on different grids",
            where=f"{prediction.path} and {truth.path}",
            expected=two.describe(),
            found=one.describe(),
            remedy="score against the cube that drove the reconstruction",
        )
    mine, theirs = prediction.variable(job.target).legend, truth.variable(job.target).legend
    if mine is None or theirs is None or mine.classes != theirs.classes:
        raise VocabularyError(
            "Reconstruction and truth have different legends",
            expected=getattr(theirs, "name", None),
            found=getattr(mine, "name", None),
        )


def _scorable(prediction: Cube, truth: Cube, job: Task) -> tuple[int, tuple[int, ...], list[str]]:
    """Initial time, the times that have labels, and a note on those that have none."""
    initial, path = path_of(prediction, job)
    labelled = set(truth.group(job.target).ticks)
    count = next((i for i, tick in enumerate(path) if tick not in labelled), len(path))
    if initial not in labelled or count == 0:
        raise SampleError(
            "No year of the reconstruction has labels to be judged by",
            where=str(truth.path),
            expected=f"labels of {initial} and {path[0]}",
            found=f"labels of {min(labelled)}…{max(labelled)}",
        )
    notes = []
    if count < len(path):
        notes.append(f"{len(path) - count} years without labels from {path[count]} on: not scored.")
    return initial, path[:count], notes


def _held_out(prediction: Cube, reader: WindowReader) -> tuple[BoolArray | None, list[str]]:
    """Pixels of the blocks that the checkpoint never saw, and a sentence on what is scored."""
    blocks = held_out_blocks(prediction.attributes, reader)
    if blocks is None:
        return None, ["All pixels with a class in the truth."]
    return blocks, [f"Only the test blocks of the checkpoint's split ({blocks.mean():.0%} of it)."]


def _complete_cells(
    truth: Cube, grid: Grid, job: Task, forcing: tuple[str, ...], tick: int
) -> BoolArray | None:
    """Pixels of coarse cells at least half known land, if the forcing is made from labels."""
    legend = truth.variable(job.target).legend
    if not forcing or legend is None or truth.variable(forcing[0]).components != legend.names:
        return None
    if "land_share" not in truth.variables:
        return None
    coarse = truth.grid("land_share")
    rows, cols = coarse.nearest(grid)
    share = np.nan_to_num(truth.read("land_share", tick))[np.ix_(rows, cols)]
    return np.asarray((share >= _COMPLETE) & (rows >= 0)[:, None] & (cols >= 0)[None, :])


def _zones(
    base: BoolArray | None,
    complete: BoolArray | None,
    start: State,
    job: Task,
    reader: WindowReader,
    sentences: list[str],
    notes: list[str],
) -> list[BoolArray | None]:
    """The pixels of the headline, and if some were left out, the others."""
    if complete is None:
        return [base]
    used = reader.domain(start[job.target].values)
    used = used if base is None else used & base
    if (used & complete).any():
        share = (used & complete).sum() / used.sum()
        sentences.append(
            f"Coarse cells at least half known land ({share:.0%} of the land pixels), because the "
            "forcing is made from the labels."
        )
        everywhere = np.ones(reader.grid.shape, dtype=bool) if base is None else base
        return [everywhere & complete, everywhere & ~complete]
    notes.append(
        "The forcing is made from the labels and no coarse cell is half known land: the scores "
        "flatter every row that uses the forcing."
    )
    return [base]


def _net_over_gross(demand: Demand, reader: WindowReader, start: State, last: int) -> float | None:
    """Share of the true change between two times that is net change of a coarse cell."""
    target = reader.task.target
    before = start[target]
    after = Field(
        before.variable, before.grid, reader.codes(last, reader.grid.window), before.legend
    )
    both = reader.domain(before.values) & reader.domain(after.values)
    changed = int((both & (before.values != after.values)).sum())
    net = np.abs(demand.counts(after) - demand.counts(before)).sum() / 2.0
    return min(float(net / changed), 1.0) if changed else None
