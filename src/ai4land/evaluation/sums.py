"""Sums of all scores of a rollout, gathered while its maps go by once."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ai4land.cube import State
from ai4land.errors import SampleError
from ai4land.evaluation.adding import both, merged
from ai4land.evaluation.plan import ScoringWindow
from ai4land.evaluation.probability_scores import ProbabilityScores
from ai4land.metrics import (
    Binned,
    ChangeRates,
    Composite,
    Fidelity,
    Flicker,
    Resolutions,
    RolloutScores,
    Sums,
    ThreeMaps,
    by,
    ceiling,
    cell_areas,
    change_rates,
    composite,
    fidelity,
    flicker,
    numbered,
    resolutions,
    three_maps,
)
from ai4land.rollout import ScoredStep, steps_with_truth
from ai4land.samples import Demand
from ai4land.vocabulary import NO_DATA

__all__ = [
    "FLICKER_STEPS",
    "ChangeCeiling",
    "FigureOfMeritSums",
    "RolloutSums",
    "TimeSums",
    "joined",
    "sum_rollout",
    "sum_truth",
]

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

FLICKER_STEPS = (3, 5)
"""Steps within which a change that is undone is flicker."""


@dataclass(frozen=True, eq=False)
class FigureOfMeritSums(Sums):
    """The little of three maps that a figure of merit needs, to be resampled many times.

    Attributes:
        hits: Shape (1,): changed, and simulated to become what it became.
        union: Shape (1,): changed in either map.
        weighting: What a pixel counts: ``pixel`` or ``area``.
    """

    hits: npt.NDArray[np.float64]
    union: npt.NDArray[np.float64]
    weighting: str

    @property
    def figure_of_merit(self) -> float:
        """Hits per observed or simulated change; NaN if there is neither."""
        union = float(self.union[0])
        return float(self.hits[0]) / union if union > 0 else float("nan")

    @classmethod
    def by_block(
        cls,
        blocks: npt.NDArray[np.integer],
        maps: tuple[ByteArray, ByteArray, ByteArray],
        weights: npt.NDArray[np.float64] | None,
        used: BoolArray,
    ) -> Binned[FigureOfMeritSums]:
        """The sums of every block that has a scored pixel.

        Args:
            blocks: Number of each pixel's block, from 0.
            maps: Initial map, truth and simulation.
            weights: Areas in m²; without them pixels are counted.
            used: True where a pixel is scored.
        """
        initial, truth, own = maps
        changed, moved = used & (initial != truth), used & (initial != own)
        labels, _ = numbered(blocks[used])
        size = int(labels[-1]) + 1 if labels.size else 0

        def summed(where: BoolArray) -> npt.NDArray[np.float64]:
            weight = None if weights is None else weights[where]
            sums = np.bincount(blocks[where], weight, minlength=size)
            return sums[labels].astype(np.float64)[:, np.newaxis]

        nothing = cls(np.zeros(1), np.zeros(1), "pixel" if weights is None else "area")
        hits = changed & moved & (truth == own)
        return Binned(labels, nothing, (summed(hits), summed(changed | moved)))


@dataclass(frozen=True, eq=False)
class ChangeCeiling(Sums):
    """The true change by pixel and by coarse cell: how much of it is net change of a cell.

    Attributes:
        fine: Initial map, truth and truth again.
        coarse: The same of coarse cells.
    """

    fine: ThreeMaps
    coarse: Composite

    @property
    def ceiling(self) -> float:
        """Share of the change that is net change of a coarse cell; NaN if nothing changed."""
        return ceiling(self.fine, self.coarse)


@dataclass(frozen=True, eq=False)
class TimeSums:
    """Sums over the times of a series of maps, true or predicted: gains, losses, flicker, forcing.

    Attributes:
        rates: Gains and losses from map to map; ``None`` of a single map.
        flicker: Number of steps → changes, and those undone within them.
        fidelity: Time → area against the forcing.
    """

    rates: ChangeRates | None
    flicker: Mapping[int, Flicker]
    fidelity: Mapping[int, Fidelity]

    def __add__(self, other: TimeSums) -> TimeSums:
        """The sums on both sets of pixels."""
        return TimeSums(
            both(self.rates, other.rates),
            merged(self.flicker, other.flicker),
            merged(self.fidelity, other.fidelity),
        )


@dataclass(frozen=True, eq=False)
class RolloutSums:
    """The sums of one rollout against the labels.

    Attributes:
        zones: Scores by step, one rollout for each zone of the window.
        blocks: Time → what the figure of merit needs by block, on the headline's pixels.
        regions: One table by region at the last time for each partition; a region's number is
            doubled, and 1 more for pixels that are not in the headline.
        resolutions: The three maps at several resolutions, last time, headline.
        time: What the maps do in time.
        probabilities: What the probabilities are worth, headline.
    """

    zones: tuple[RolloutScores, ...]
    blocks: Mapping[int, Binned[FigureOfMeritSums]]
    regions: tuple[Binned[ThreeMaps], ...]
    resolutions: Resolutions
    time: TimeSums
    probabilities: ProbabilityScores

    def __add__(self, other: RolloutSums) -> RolloutSums:
        """The rollout on both sets of pixels."""
        return RolloutSums(
            tuple(one + two for one, two in zip(self.zones, other.zones, strict=True)),
            merged(self.blocks, other.blocks),
            tuple(one + two for one, two in zip(self.regions, other.regions, strict=True)),
            self.resolutions + other.resolutions,
            self.time + other.time,
            self.probabilities + other.probabilities,
        )


@dataclass
class TimeCounter:
    """Sums maps that come one by one over time, on the pixels that the first one knows."""

    window: ScoringWindow
    mask: BoolArray | None = None
    held: deque[ByteArray] = field(default_factory=lambda: deque(maxlen=max(FLICKER_STEPS) + 1))
    times: list[int] = field(default_factory=list)
    rates: ChangeRates | None = None
    undone: dict[int, Flicker] = field(default_factory=dict)
    unclosed: dict[int, Fidelity] = field(default_factory=dict)

    def count(self, state: State) -> State:
        """Count one more map, and hand it on."""
        labels, tick = self.window.labels, state.tick
        own = labels.positions(state[labels.target.name].values)
        if self.mask is None:
            self.mask = self.window.within(self.window.valid(own))
        self.held.append(own)
        self.times.append(tick)
        classes, weights = len(self.window.legend), self.window.weights
        if len(self.times) > 1:
            pair = zip(self.times[-2:], (self.held[-2], own), strict=True)
            step = change_rates(pair, classes, weights, self.mask)
            self.rates = step if self.rates is None else joined(self.rates, step)
            demand = self.window.demand
            if demand is not None and tick in labels.cube.group(demand.forcing).ticks:
                self.unclosed[tick] = _closed(self.window, demand, own, tick)
        for steps in FLICKER_STEPS:
            if len(self.held) > steps:
                last = itertools.islice(self.held, len(self.held) - steps - 1, None)
                found = flicker(last, classes, (steps,), weights, self.mask)
                known = self.undone.get(steps)
                self.undone[steps] = found if known is None else known + found
        return state

    def sums(self) -> TimeSums:
        """What was counted."""
        return TimeSums(self.rates, self.undone, self.unclosed)


def joined(first: ChangeRates, second: ChangeRates) -> ChangeRates:
    """Rates of maps that go on where others end."""
    return ChangeRates(
        np.concatenate([first.areas[:-1], second.areas]),
        np.concatenate([first.gains, second.gains]),
        np.concatenate([first.losses, second.losses]),
        (*first.times, *second.times[1:]),
        first.weighting,
    )


def sum_rollout(states: Iterable[State], window: ScoringWindow) -> RolloutSums:
    """Sum all scores of a rollout, consumed once, the initial state first.

    Years without labels only add to the sums over time.
    """
    labels, classes, weights = window.labels, len(window.legend), window.weights
    target, labelled = labels.target.name, set(labels.ticks)
    zones = [RolloutScores() for _ in window.zones]
    blocks: dict[int, Binned[FigureOfMeritSums]] = {}
    probabilities = ProbabilityScores()
    counter = TimeCounter(window)
    seen = map(counter.count, states)
    last: ScoredStep | None = None
    for last in steps_with_truth(itertools.takewhile(lambda s: s.tick in labelled, seen), labels):
        maps, time = (last.initial, last.truth, last.own), last.state.tick
        used = window.valid(last.initial, last.prior_truth, last.truth)
        for n in range(len(zones)):
            zones[n] += last.scores(classes, weights, window.within(used, n))
        scored = window.within(used)
        blocks[time] = FigureOfMeritSums.by_block(window.blocks, maps, weights, scored)
        said = last.state[target].probabilities
        if said is not None:
            probabilities = probabilities.with_time(time, maps[:2], said, weights, scored)
    if last is None:
        raise SampleError("No step of the rollout has labels", where=str(labels.cube.path))
    deque(seen, maxlen=0)  # years without labels
    return RolloutSums(
        tuple(zones),
        blocks,
        _by_region(window, maps, used),
        resolutions(*maps, classes, weights, scored, window.factors),
        counter.sums(),
        probabilities,
    )


def sum_truth(
    states: Iterable[State], window: ScoringWindow
) -> tuple[dict[int, ChangeCeiling], TimeSums]:
    """Sum what could be known of the true change at most, and what the labels do in time.

    Args:
        states: The labels, initial map first.
        window: With a demand; else nothing could be known.

    Returns:
        Time → what its ceiling is computed from; and the sums over time.
    """
    classes, counter = len(window.legend), TimeCounter(window)
    found: dict[int, ChangeCeiling] = {}
    for step in steps_with_truth(map(counter.count, states), window.labels):
        if window.cells is not None:
            used = window.within(window.valid(step.initial, step.prior_truth, step.truth))
            maps = (step.initial, step.truth, step.truth)
            found[step.state.tick] = ChangeCeiling(
                three_maps(*maps, classes, window.weights, used),
                composite(*maps, classes, window.cells.index, window.weights, used),
            )
    return found, counter.sums()


def _by_region(
    window: ScoringWindow, maps: tuple[ByteArray, ...], used: BoolArray
) -> tuple[Binned[ThreeMaps], ...]:
    """For each partition tables by region and by whether the pixel is in the headline."""
    inside = window.within(used)
    every = inside if len(window.zones) == 1 else inside | window.within(used, 1)
    places = np.flatnonzero(every)  # all partitions look at these few pixels alone
    coastal = (~inside).ravel()[places].astype(np.int64)
    flat = [layer.ravel()[places] for layer in maps]
    weights = None if window.weights is None else window.weights[every]
    classes = len(window.legend)
    nothing = ThreeMaps.zero(classes)
    found = []
    for part in window.regions:
        own = part.labels.ravel()[places]
        if (own < 0).all():
            empty = (nothing.counts[np.newaxis][:0],)
            found.append(Binned(np.zeros(0, np.int64), nothing, empty))
            continue
        labels = np.where(own < 0, -1, 2 * own.astype(np.int64) + coastal)
        found.append(by(labels, three_maps, *flat, classes, weights=weights))
    return tuple(found)


def _closed(window: ScoringWindow, demand: Demand, own: ByteArray, tick: int) -> Fidelity:
    """Area of each group in each coarse cell beside what the forcing asks for."""
    cells, reference = window.cells, window.start.reference
    assert cells is not None
    assert reference is not None
    group = np.full(256, NO_DATA, dtype=np.uint8)
    for number, members in enumerate(demand.groups):
        group[list(members)] = number
    index, groups = group[own], len(demand.groups)
    used = (index != NO_DATA) & (cells.index >= 0)
    areas = np.broadcast_to(window.labels.grid.cell_areas(), index.shape)[used]
    mapped = cell_areas(index[used], cells.index[used], cells.count, groups, areas)[:, :-1].T
    under, _, _ = demand.mesh.cells(window.labels.grid.window)
    shares = demand.shares(reference, tick, under)
    return fidelity(mapped, shares * mapped.sum(axis=0), shares.sum(axis=0) > 0)
