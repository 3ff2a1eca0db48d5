"""Sums of all rows of an evaluation, of one window of the map or of all windows together."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ai4land.cube import Cube, State
from ai4land.evaluation.adding import both, merged
from ai4land.evaluation.plan import ScoringPlan, ScoringWindow
from ai4land.evaluation.regions.partition import Partition
from ai4land.evaluation.stored import stored_states
from ai4land.evaluation.sums import ChangeCeiling, RolloutSums, TimeSums, sum_rollout, sum_truth
from ai4land.grid import Grid, Window
from ai4land.metrics import ChangeRates
from ai4land.rollout import (
    AllocationStepper,
    Persistence,
    Stepper,
    observed_state,
    rollout,
    shuffled,
)
from ai4land.samples import Demand
from ai4land.vocabulary import Target, single_task

__all__ = ["SavedRollout", "WindowSums", "baselines", "sum_window"]

_BEFORE = 10  # steps of the labels before the initial map that show how they usually change


@dataclass(frozen=True, eq=False)
class SavedRollout:
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
class WindowSums:
    """Sums of every row in a window, to be added to those of others.

    Attributes:
        rollouts: Row → sums of its rollout.
        truth: What the labels themselves do in time.
        ceilings: Time → what the net change of coarse cells tells of the change; empty without a
            forcing.
        before: Rates of the labels before the initial map, up to it; ``None`` if there are none.
        groups: Names of the groups of classes that forcing and labels both express.
        partitions: What the regions of all windows are called.
        same_start: Whether the reconstruction starts from the labels.
    """

    rollouts: dict[str, RolloutSums]
    truth: TimeSums
    ceilings: dict[int, ChangeCeiling]
    before: ChangeRates | None
    groups: tuple[str, ...]
    partitions: tuple[Partition, ...]
    same_start: bool

    def __add__(self, other: WindowSums) -> WindowSums:
        """Both windows together."""
        pairs = zip(self.partitions, other.partitions, strict=True)
        return WindowSums(
            merged(self.rollouts, other.rollouts),
            self.truth + other.truth,
            merged(self.ceilings, other.ceilings),
            both(self.before, other.before),
            self.groups,
            tuple(one + two for one, two in pairs),
            self.same_start and other.same_start,
        )


def sum_window(
    plan: ScoringPlan,
    saved: SavedRollout,
    window: Window,
    progress: Callable[[str], None] = lambda _: None,
    *,
    headline: bool,
) -> WindowSums:
    """Sum every row and the truth in a window, each gone through once.

    Args:
        plan: Where and how.
        saved: What is judged.
        window: One of the plan's windows.
        progress: Called with the name of each row before it is computed.
        headline: Whether coarse cells less than half land are told apart.
    """
    scored = plan.open(window, headline=headline)
    cube, target = plan.cut(saved.cube, window), plan.target
    stored = {name: plan.cut(store, window) for name, store in saved.baselines.items()}
    rollouts = {}
    for name, states in _rows(scored, saved, cube, stored).items():
        progress(name)
        rollouts[name] = sum_rollout(states(), scored)
    progress("truth")
    labels = _labels(scored, (plan.initial, *saved.path))
    ceilings, truth = sum_truth(labels, scored)
    start = scored.start[target.name].values
    return WindowSums(
        rollouts,
        truth,
        ceilings,
        _before(scored, plan.initial, saved.path),
        _group_names(scored.demand),
        tuple(part.partition for part in scored.regions),
        np.array_equal(start, cube.read(target.name, plan.initial)),
    )


def _rows(
    scored: ScoringWindow, saved: SavedRollout, cube: Cube, stored: Mapping[str, Cube]
) -> dict[str, Callable[[], Iterator[State]]]:
    """Row → its rollout, the model leading."""
    labels, demand = scored.labels, scored.demand
    target, grid = labels.target, labels.grid
    rows: dict[str, Callable[[], Iterator[State]]] = {
        saved.model: functools.partial(stored_states, cube, target, saved.every)
    }
    if demand is not None:  # what the amounts alone are worth, without their places
        rows[f"{saved.model}, shuffled"] = lambda: shuffled(
            stored_states(cube, target, saved.every), labels, demand.mesh, seed=saved.seed
        )
    for stepper in baselines(target, grid, demand, saved.seed):  # one may itself be what is judged
        name, path = stepper.name, (scored.start.tick, *saved.path)
        store = stored.get(name)
        rows.setdefault(
            name,
            functools.partial(rollout, stepper, scored.start, saved.path)
            if store is None
            else functools.partial(stored_states, store, target, path),
        )
    return rows


def baselines(target: Target, grid: Grid, demand: Demand | None, seed: int) -> list[Stepper]:
    """The steppers beside which every reconstruction stands, persistence first."""
    steppers: list[Stepper] = [Persistence(single_task(target), grid)]
    if demand is not None:
        steppers += [AllocationStepper(rule, demand, seed=seed) for rule in ("kernel", "random")]
    return steppers


def _labels(scored: ScoringWindow, ticks: Sequence[int]) -> Iterator[State]:
    """The labels as a rollout that is always right."""
    cube, task = scored.labels.cube, single_task(scored.labels.target)
    return (observed_state(cube, task, tick) for tick in ticks)


def _before(scored: ScoringWindow, initial: int, path: tuple[int, ...]) -> ChangeRates | None:
    """Rates of the labels in the steps before the initial map, in the rollout's own stride."""
    known, stride = set(scored.labels.ticks), path[0] - initial
    earlier = itertools.takewhile(
        lambda tick: tick in known, (initial - stride * n for n in range(1, _BEFORE + 1))
    )
    ticks = [*reversed(list(earlier)), initial]
    if len(ticks) < 2:
        return None
    whole = replace(scored, demand=None, cells=None)
    return sum_truth(_labels(scored, ticks), whole)[1].rates


def _group_names(demand: Demand | None) -> tuple[str, ...]:
    """What forcing and labels both express, each group by its classes."""
    if demand is None:
        return ()
    names = demand.legend.names
    return tuple(" + ".join(names[k] for k in group) for group in demand.groups)
