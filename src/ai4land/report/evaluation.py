"""Judging a saved reconstruction: against the labels, beside persistence, kernel and random."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, Field, State, Status
from ai4land.errors import CubeError, GridError, SampleError, VocabularyError
from ai4land.grid import Grid
from ai4land.metrics import (
    COMPLETE,
    ChangeRates,
    Protocol,
    RolloutScores,
    coarse_cells,
    complete_cells,
    summarise,
    table_one,
)
from ai4land.report.details import Details, uncertainty
from ai4land.report.partitions import blocks_of, by_climate, by_completeness, by_latitude
from ai4land.report.provenance import forcing_used, held_out_blocks
from ai4land.report.tally import Regions, Study, ceilings, follow
from ai4land.report.weighting import Weighting
from ai4land.rollout import (
    AllocationStepper,
    Persistence,
    Stepper,
    observed_state,
    rollout,
    shuffled,
)
from ai4land.samples import Demand, WindowReader, class_forcing, input_spec
from ai4land.vocabulary import NO_DATA, Legend, Task, task

__all__ = ["Evaluation", "evaluate", "path_of", "stored_states"]

BoolArray = npt.NDArray[np.bool_]

_BEFORE = 10  # steps of the labels before the initial map that show how they usually change


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
        ceiling: Net over gross change of the truth in coarse cells until the last time, the share
            of change that a model can know from the net; ``None`` without a forcing.
        notes: What a reader must know beside.
        details: How sure, how near, how faithful, where, and what came in time.
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
    details: Details

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
            "details": self.details.to_dict(names),
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
    study, side, sentences = _study(prediction, reader, demand, start, (protocol, weighting), notes)
    every = (initial, *path_of(prediction, job)[1])
    runs: dict[str, Callable[[], Iterator[State]]] = {
        model: functools.partial(stored_states, prediction, job, every)
    }
    if demand is not None:  # what the amounts alone are worth, without their places
        runs[f"{model}, shuffled"] = lambda: shuffled(
            stored_states(prediction, job, every), reader, demand.cells, seed=seed
        )
    for stepper in steppers:  # a baseline may itself be what is judged
        runs.setdefault(stepper.name, functools.partial(rollout, stepper, start, path))
    details = _details(runs, model, study, (initial, *path), side, seed, progress)
    tallies = details.tallies
    _check_something_scored(tallies[model].zones[0], prediction)
    return Evaluation(
        title=str(prediction.attributes.get("title", prediction.path.name)),
        model=model,
        legend=study.legend,
        protocol=protocol,
        weighting=weighting,
        initial=initial,
        scores={name: tally.zones[0] for name, tally in tallies.items()},
        scored=" ".join(sentences),
        all_cells={n: t.zones[0] + t.zones[1] for n, t in tallies.items()}
        if len(study.zones) > 1
        else {},
        ceiling=_known(details.ceilings.get(path[-1])),
        notes=tuple(notes),
        details=details,
    )


def _study(
    prediction: Cube,
    reader: WindowReader,
    demand: Demand | None,
    start: State,
    counted: tuple[Protocol, Weighting],
    notes: list[str],
) -> tuple[Study, int, list[str]]:
    """Which pixels are scored and how they are grouped; the side of a block; and what to say."""
    job, truth, grid = reader.task, reader.cube, reader.grid
    protocol, weighting = counted
    forcing = () if demand is None else (demand.forcing,)
    base, sentences = _held_out(prediction, reader)
    complete = _complete_cells(truth, grid, job, forcing, start.tick, protocol)
    zones = _zones(base, complete, start, job, reader, sentences, notes)
    weights = grid.cell_areas() if weighting is Weighting.AREA else None
    blocks, side = blocks_of(grid, truth.grid(forcing[0]) if forcing else None)
    legend = start[job.target].legend or _no_legend(job)
    regions = _partitions(reader, demand, start, weights)
    study = Study(reader, legend, protocol, weights, tuple(zones), demand, blocks, regions)
    return study, side, sentences


def _details(
    runs: Mapping[str, Callable[[], Iterator[State]]],
    model: str,
    study: Study,
    ticks: tuple[int, ...],
    side: int,
    seed: int,
    progress: Callable[[str], None] | None,
) -> Details:
    """Follow every rollout and the truth once, then resample."""
    tell = progress or (lambda _: None)
    tallies = {}
    for name, states in runs.items():
        tell(name)
        tallies[name] = follow(states(), study)
    tell("truth")
    cube, job = study.reader.cube, study.reader.task
    most, course = ceilings(_labels(cube, job, ticks), study)
    before = _before(cube, job, ticks[0], ticks[1:], study)
    tell("confidence intervals")
    return Details(
        tallies=tallies,
        truth=course,
        ceilings=most,
        groups=_group_names(study.demand),
        partitions=study.regions,
        before=before,
        seams={} if before is None else {"labels to prediction": min(ticks[:2])},
        uncertainty=uncertainty(tallies, model, side, np.random.default_rng(seed)),
    )


def _known(value: float | None) -> float | None:
    """``None`` for what is 0/0."""
    return None if value is None or np.isnan(value) else value


def _labels(cube: Cube, job: Task, ticks: Sequence[int]) -> Iterator[State]:
    """The labels as a rollout that is always right."""
    return (observed_state(cube, job, tick) for tick in ticks)


def _before(
    truth: Cube, job: Task, initial: int, path: tuple[int, ...], study: Study
) -> ChangeRates | None:
    """Rates of the labels in the steps before the initial map, in the rollout's own stride."""
    known, stride = set(truth.group(job.target).ticks), path[0] - initial
    earlier = itertools.takewhile(
        lambda tick: tick in known, (initial - stride * n for n in range(1, _BEFORE + 1))
    )
    ticks = [*reversed(list(earlier)), initial]
    if len(ticks) < 2:
        return None
    return ceilings(_labels(truth, job, ticks), replace(study, demand=None))[1].rates


def _group_names(demand: Demand | None) -> tuple[str, ...]:
    """What forcing and labels both express, each group by its classes."""
    if demand is None:
        return ()
    names = demand.legend.names
    return tuple(" + ".join(names[k] for k in group) for group in demand.groups)


def _partitions(
    reader: WindowReader,
    demand: Demand | None,
    start: State,
    weights: npt.NDArray[np.float64] | None,
) -> tuple[Regions, ...]:
    """Bands of latitude; climate zones and the coarse cells' land where they are known."""
    job = reader.task
    found = [by_latitude(reader.grid), by_climate(reader.cube, reader.grid, job, start.tick)]
    if demand is not None:
        land = reader.domain(start[job.target].values)
        found.append(by_completeness(land, demand.cells.index, weights))
    return tuple(part for part in found if part is not None)


def stored_states(cube: Cube, job: Task, ticks: tuple[int, ...]) -> Iterator[State]:
    """The maps of a saved reconstruction as the states that it came from."""
    spec, grid, status = cube.variable(job.target), cube.grid(job.target), cube.status(job.target)
    believed = job.probability in cube.variables
    for tick in ticks:
        said = None
        if believed and status[tick] is Status.PREDICTED:
            said = cube.read(job.probability, tick)
        field = Field(spec.variable, grid, cube.read(job.target, tick), spec.legend, said)
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
    truth: Cube,
    grid: Grid,
    job: Task,
    forcing: tuple[str, ...],
    tick: int,
    protocol: Protocol,
) -> BoolArray | None:
    """Pixels of coarse cells at least half known land, if the forcing is made from labels."""
    legend = truth.variable(job.target).legend
    if not forcing or legend is None or truth.variable(forcing[0]).components != legend.names:
        return None
    if "land_share" not in truth.variables:
        if protocol is Protocol.REFERENCE:  # which scores the sea
            return None
        codes = truth.read(job.target, tick)
        land = (codes != NO_DATA) & ~np.isin(codes, legend.sea)
        return complete_cells(land, coarse_cells(grid, truth.grid(forcing[0]))).mask
    coarse = truth.grid("land_share")
    rows, cols = coarse.nearest(grid)
    share = np.nan_to_num(truth.read("land_share", tick))[np.ix_(rows, cols)]
    return np.asarray((share >= COMPLETE) & (rows >= 0)[:, None] & (cols >= 0)[None, :])


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
