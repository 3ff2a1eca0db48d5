"""The sums of all rows of an evaluation, of a window of the map or of all windows together."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ai4land.cube import Cube, State
from ai4land.grid import Grid, Window
from ai4land.metrics import ChangeRates
from ai4land.report.adding import both, merged
from ai4land.report.regions import Partition
from ai4land.report.stored import stored_states
from ai4land.report.study import Ground, Study
from ai4land.report.tally import Course, Known, Tally, follow, follow_truth
from ai4land.rollout import (
    AllocationStepper,
    Persistence,
    Stepper,
    observed_state,
    rollout,
    shuffled,
)
from ai4land.samples import Demand
from ai4land.vocabulary import Task

__all__ = ["Part", "Run", "baselines", "part_of"]

_BEFORE = 10  # steps of the labels before the initial map that show how they usually change


@dataclass(frozen=True, eq=False)
class Run:
    """A reconstruction to be judged.

    Attributes:
        cube: What was saved.
        model: Name of what made it.
        path: The times scored, in the order of the rollout.
        every: All its times in that order, the initial one first.
        seed: Of the ties in the baselines.
        baselines: Name → saved rollout of a baseline, where maps are scored in windows.
    """

    cube: Cube
    model: str
    path: tuple[int, ...]
    every: tuple[int, ...]
    seed: int
    baselines: Mapping[str, Cube] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Part:
    """What was counted in a window, to be added to others.

    Attributes:
        tallies: Row → sums of its rollout.
        truth: What the labels themselves do in time.
        known: Time → what the net change of coarse cells tells of the change; empty without a
            forcing.
        before: Rates of the labels before the initial map, up to it; ``None`` if there are none.
        groups: Names of the groups of classes that forcing and labels both express.
        partitions: What the regions of all windows are called.
        same_start: Whether the reconstruction starts from the labels.
    """

    tallies: dict[str, Tally]
    truth: Course
    known: dict[int, Known]
    before: ChangeRates | None
    groups: tuple[str, ...]
    partitions: tuple[Partition, ...]
    same_start: bool

    def __add__(self, other: Part) -> Part:
        """Both windows together."""
        pairs = zip(self.partitions, other.partitions, strict=True)
        return Part(
            merged(self.tallies, other.tallies),
            self.truth + other.truth,
            merged(self.known, other.known),
            both(self.before, other.before),
            self.groups,
            tuple(one + two for one, two in pairs),
            self.same_start and other.same_start,
        )


def part_of(
    ground: Ground,
    run: Run,
    window: Window,
    progress: Callable[[str], None] = lambda _: None,
    *,
    headline: bool,
) -> Part:
    """Follow every row and the truth through a window, each once.

    Args:
        ground: Where and how.
        run: What is judged.
        window: One of the ground's windows.
        progress: Called with the name of each row before it is computed.
        headline: Whether coarse cells less than half land are told apart.
    """
    study = ground.study(window, headline=headline)
    said, job = ground.cut(run.cube, window), ground.job
    tallies = {}
    saved = {name: ground.cut(cube, window) for name, cube in run.baselines.items()}
    for name, states in _rows(study, run, said, saved).items():
        progress(name)
        tallies[name] = follow(states(), study)
    progress("truth")
    cube = study.reader.cube
    known, course = follow_truth(_labels(cube, job, (ground.initial, *run.path)), study)
    same = np.array_equal(study.start[job.target].values, said.read(job.target, ground.initial))
    return Part(
        tallies,
        course,
        known,
        _before(study, ground.initial, run.path),
        _group_names(study.demand),
        tuple(part.partition for part in study.regions),
        same,
    )


def _rows(
    study: Study, run: Run, said: Cube, saved: Mapping[str, Cube]
) -> dict[str, Callable[[], Iterator[State]]]:
    """Row → its rollout, the model leading."""
    job, demand, grid = study.reader.task, study.demand, study.reader.grid
    rows: dict[str, Callable[[], Iterator[State]]] = {
        run.model: functools.partial(stored_states, said, job, run.every)
    }
    if demand is not None:  # what the amounts alone are worth, without their places
        rows[f"{run.model}, shuffled"] = lambda: shuffled(
            stored_states(said, job, run.every), study.reader, demand.mesh, seed=run.seed
        )
    for stepper in baselines(job, grid, demand, run.seed):  # one may itself be what is judged
        name, path = stepper.name, (study.start.tick, *run.path)
        kept = saved.get(name)
        rows.setdefault(
            name,
            functools.partial(rollout, stepper, study.start, run.path)
            if kept is None
            else functools.partial(stored_states, kept, job, path),
        )
    return rows


def baselines(job: Task, grid: Grid, demand: Demand | None, seed: int) -> list[Stepper]:
    """The steppers beside which every reconstruction stands, persistence first."""
    steppers: list[Stepper] = [Persistence(job, grid)]
    if demand is not None:
        steppers += [AllocationStepper(rule, demand, seed=seed) for rule in ("kernel", "random")]
    return steppers


def _labels(cube: Cube, job: Task, ticks: Sequence[int]) -> Iterator[State]:
    """The labels as a rollout that is always right."""
    return (observed_state(cube, job, tick) for tick in ticks)


def _before(study: Study, initial: int, path: tuple[int, ...]) -> ChangeRates | None:
    """Rates of the labels in the steps before the initial map, in the rollout's own stride."""
    cube, job = study.reader.cube, study.reader.task
    known, stride = set(study.reader.group.ticks), path[0] - initial
    earlier = itertools.takewhile(
        lambda tick: tick in known, (initial - stride * n for n in range(1, _BEFORE + 1))
    )
    ticks = [*reversed(list(earlier)), initial]
    if len(ticks) < 2:
        return None
    return follow_truth(_labels(cube, job, ticks), replace(study, demand=None, cells=None))[1].rates


def _group_names(demand: Demand | None) -> tuple[str, ...]:
    """What forcing and labels both express, each group by its classes."""
    if demand is None:
        return ()
    names = demand.legend.names
    return tuple(" + ".join(names[k] for k in group) for group in demand.groups)
