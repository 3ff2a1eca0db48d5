"""The branches of a run: which times each holds, what leads from one to the next, and where."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ai4land.cube import Cube, CubeSpec, GroupSpec, State, Status, VariableSpec, whole_shard
from ai4land.errors import ConfigError
from ai4land.grid import Window
from ai4land.rollout.run.books import Books
from ai4land.rollout.stepper import Stepper, check_path
from ai4land.vocabulary import Target, Task, variable

__all__ = ["SHARD", "Branch", "Job", "Leg", "Start", "Step", "nothing_kept"]

SHARD = (1200, 3600)
"""Rows and columns of a file of a map at most: 150 files a year of the globe at 0.01°."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a leg begins that goes on from another branch.

    Attributes:
        branch: Its name.
        leg: Number of the leg there.
        step: Steps of that leg that lead to the beginning.
    """

    branch: str
    leg: int
    step: int


@dataclass(frozen=True, eq=False)
class Leg:
    """Steps one way.

    Attributes:
        stepper: What moves the land.
        start: The state before the first step, as ``begun`` left it, or where it comes from.
        before: Its time.
        ticks: The times that are reached.
    """

    stepper: Stepper
    start: State | Start
    before: int
    ticks: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse times that cannot be visited."""
        if self.ticks:
            check_path(self.stepper.task, (self.before, *self.ticks))


@dataclass(frozen=True, slots=True)
class Step:
    """How a time of a branch comes about: the step of a leg; ``leg`` is −1 of an observed map."""

    tick: int
    leg: int
    number: int
    prior: int


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker does at once: a piece of a branch at one time, whole files.

    Attributes:
        branch: Name of the branch.
        kind: ``maps``, ``areas`` (the books of a map) or ``transitions`` (from one map to another).
        tick: The time; of transitions the first of the two.
        window: Rows and columns, of the coarse grid in books.
        after: The second time of transitions.
    """

    branch: str
    kind: str
    tick: int
    window: Window
    after: int = 0

    @property
    def key(self) -> str:
        """How the journal calls it."""
        w = self.window
        place = f"{w.row}-{w.row + w.height}/{w.col}-{w.col + w.width}"
        return f"{self.branch}/{self.kind}/{self.tick}/{place}"


@dataclass(frozen=True, eq=False)
class Branch:
    """Times that share a store.

    Attributes:
        name: Of the branch.
        path: Where the store goes.
        like: The cube whose labels are continued; gives grid, legend and clock.
        observed: Time → the map that is taken over as it is.
        legs: What leads from there to all other times.
        attributes: Provenance, plain data.
        source: Name kept in the arrays' attributes.
        probabilities: Whether the probabilities of the classes are kept.
        with_books: Whether what was asked and given is written, where anything is asked.
        shard: Rows and columns of a file of a map at most.
    """

    name: str
    path: Path
    like: Cube
    observed: Mapping[int, State]
    legs: tuple[Leg, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    probabilities: bool = False
    with_books: bool = True
    shard: tuple[int, int] = SHARD

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.legs[0].stepper.task

    @property
    def exact(self) -> bool:
        """Whether the next step reads probabilities, so that they are kept to the last bit."""
        reads = any(leg.stepper.reads_probabilities for leg in self.legs)
        return reads and any(target.categorical for target in self.task.targets)

    @property
    def keeps(self) -> bool:
        """Whether probabilities are in the store."""
        return self.probabilities or self.exact

    @functools.cached_property
    def steps(self) -> dict[int, Step]:
        """Time → how it comes about, in the order in which times can come about."""
        found = {tick: Step(tick, -1, 0, tick) for tick in sorted(self.observed)}
        for place, leg in enumerate(self.legs):
            path = (leg.before, *leg.ticks)
            for number, (prior, tick) in enumerate(zip(path, leg.ticks, strict=False), start=1):
                found[tick] = Step(tick, place, number, prior)
        return found

    def moving(self, tick: int) -> tuple[Target, ...]:
        """The targets that are written at a time."""
        step = self.steps[tick]
        if step.leg >= 0:
            return tuple(self.task.moving(step.prior, tick))
        earlier = [t for t in self.observed if t < tick]
        return tuple(self.task.moving(max(earlier), tick) if earlier else self.task.targets)

    def own(self, tick: int, target: Target) -> int:
        """A time of the task on the clock of a target."""
        return self.task.clock.convert(tick, target.clock)

    @functools.cached_property
    def books(self) -> Books | None:
        """What is written beside the maps, if anything is asked of them."""
        leg = self.legs[0]
        start, demand = leg.start, leg.stepper.demand
        told = isinstance(start, Start) or start.reference is not None
        if not self.with_books or demand is None or not told:
            return None
        status = self.like.status(demand.target.name)
        labelled = [t for t, s in status.items() if s in {Status.OBSERVED, Status.BACK_CAST}]
        labelled = labelled or list(status)
        return Books(demand, (min(labelled), max(labelled)))

    @functools.cached_property
    def booked(self) -> list[int]:
        """The times whose map the books speak of."""
        if self.books is None:
            return []
        name = self.books.demand.target.name
        return [t for t in self.steps if any(m.name == name for m in self.moving(t))]

    @functools.cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Times one after the other in the calendar, the first maybe of the branch before."""
        start = self.legs[0].start if self.legs else None
        first = [self.legs[0].before] if isinstance(start, Start) and self.booked else []
        ticks = sorted({*self.booked, *first})
        return list(itertools.pairwise(ticks))

    @functools.cached_property
    def spec(self) -> CubeSpec:
        """The store, declared."""
        groups = self._maps()
        if self.books is not None and self.booked:
            target = self.books.demand.target
            own = {t: self.own(t, target) for t in (*self.booked, *(a for a, _ in self.pairs))}
            groups += self.books.groups(
                [own[t] for t in self.booked],
                [own[t] for t in self.booked if self.steps[t].leg >= 0],
                [(own[a], own[b]) for a, b in self.pairs],
            )
        return CubeSpec(groups, dict(self.attributes))

    def _maps(self) -> tuple[GroupSpec, ...]:
        """The groups of the maps, one per clock, a chunk a time."""
        found: dict[str, GroupSpec] = {}
        for target in self.task.targets:
            group = self.like.group(target.name)
            keep = self.keeps and target.categorical
            names = [target.name, *([target.probability] if keep else [])]
            legend = group.spec(target.name).legend
            specs = tuple(VariableSpec(variable(name), legend, self.source) for name in names)
            if group.name in found:
                specs = (*found[group.name].variables, *specs)
            moves = [t for t in self.steps if target in self.moving(t)]
            ticks = tuple(sorted({self.own(t, target) for t in moves}))
            shard = whole_shard(group.grid.shape, self.shard)
            found[group.name] = GroupSpec(
                group.name, group.grid, group.clock, ticks, specs, 1, shard
            )
        if self.probabilities and not any(t.categorical for t in self.task.targets):
            raise nothing_kept(self.task, self.legs[0].before)
        return tuple(found.values())

    def status(self) -> dict[str, dict[int, Status]]:
        """Variable → time → where its values come from, which is known beforehand."""
        out: dict[str, dict[int, Status]] = {}
        for tick, step in self.steps.items():
            said = self.observed[tick].status if step.leg < 0 else Status.PREDICTED
            for target in self.moving(tick):
                for name in (target.name, target.probability if target.categorical else ""):
                    out.setdefault(name, {})[self.own(tick, target)] = said
        for group in self.spec.groups:
            for name in (v.name for v in group.variables if v.name not in out):
                assert self.books is not None
                target = self.books.demand.target
                maps = out[target.name]
                out[name] = {t: maps.get(t, Status.PREDICTED) for t in group.ticks}
                if name == self.books.transitions:  # observed where both maps are
                    for pair in self.pairs:
                        first, last = (self.own(t, target) for t in pair)
                        same = maps.get(first) is maps[last]
                        out[name][first] = maps[last] if same else Status.PREDICTED
        return out

    def maps(self, tick: int) -> Iterator[Job]:
        """The pieces of the maps of a time."""
        group = self.spec.group_of(self.task.targets[0].name)
        for window in group.block_windows(group.variables[0]):
            yield Job(self.name, "maps", tick, window)

    def areas(self, tick: int) -> Iterator[Job]:
        """The pieces of the books of a time."""
        if tick in self.booked:
            group = next(g for g in self.spec.groups if g.name == "areas")
            for window in group.block_windows(group.variables[0]):
                yield Job(self.name, "areas", tick, window)

    def transitions(self, pair: tuple[int, int]) -> Iterator[Job]:
        """The pieces of what moved from one time to the next."""
        assert self.books is not None
        group = self.spec.group_of(self.books.transitions)
        for window in group.block_windows(group.variables[0]):
            yield Job(self.name, "transitions", pair[0], window, pair[1])


def nothing_kept(task: Task, tick: int) -> ConfigError:
    """There are no probabilities to be kept."""
    classes = [t.name for t in task.targets if t.categorical]
    return ConfigError(
        "This rollout has no probabilities to keep",
        where=f"{', '.join(t.name for t in task.targets)}, {task.clock.label(tick)}",
        expected="steps of a model that predicts classes",
        found="classes alone" if classes else "numbers",
    )
