"""Drawing samples: windows and steps, stratified so that change is seen, without leakage."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Field, Reference, State, StoreView
from ai4land.errors import SampleError
from ai4land.grid import Window
from ai4land.samples.assembler import Assembler, Loop
from ai4land.samples.corruption import Subject, corrupted
from ai4land.samples.coupling import CellShares
from ai4land.samples.labels import Labels
from ai4land.samples.options import SampleOptions
from ai4land.samples.sample import Sample, TargetSample
from ai4land.samples.strata import Strata

__all__ = ["Sampler"]

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
Times = tuple[int, ...]

_TOLD = ("static", "zones", "series", "flows", "calendar")  # of a step, by the drivers


class Sampler:
    """Draws samples of one split; the same ``rng`` state gives the same sample.

    Args:
        assembler: Makes inputs of drivers.
        labels: Target → its maps.
        options: How windows are drawn.
        span: First and last tick of the split, on the task's clock; every step lies inside.
        mask: ``(y, x)`` pixels of the split. Pixels outside enter neither loss nor prior.
        known: First and last tick from which history may be read; default ``span``.

    Raises:
        SampleError: If the split holds no step or no land.
    """

    def __init__(
        self,
        assembler: Assembler,
        labels: Mapping[str, Labels],
        options: SampleOptions,
        span: tuple[int, int],
        mask: BoolArray,
        known: tuple[int, int] | None = None,
    ) -> None:
        self.assembler = assembler
        self.labels = labels
        self.options = options
        self.mask = mask
        self.grid = assembler.drivers.grid
        self._clock = assembler.task.clock
        self._known = known or span
        available = self._available(span)
        self.steps = _steps(available, options)
        if not self.steps:
            raise SampleError(
                "No step fits the split",
                where=f"times {span[0]}…{span[1]}",
                expected=f"two labelled times {options.strides} ticks apart",
                found=f"labels at {available or 'no time at all'}",
                remedy="widen the split, or change `strides` to the spacing of the labels",
            )
        self._check_moves(span)
        self._places = Strata(labels, self._clock, options, mask)
        self._domain_area: dict[int, npt.NDArray[np.float64]] = {}
        self._shares = _LabelledShares(assembler, labels)

    def _check_moves(self, span: tuple[int, int]) -> None:
        """Refuse a split in which a target of a slower clock never moves.

        Raises:
            SampleError: If there is one.
        """
        task = self.assembler.task
        moved = {t for run in self.steps for t in task.moving(run[0], run[-1])}
        for target in task.targets:
            if target not in moved:
                raise SampleError(
                    "A target never moves in a split",
                    where=f"{target.name}, times {task.clock.span(span)}",
                    expected=f"a step from one {target.clock.value} into the next",
                    remedy="widen the split",
                )

    def _available(self, span: tuple[int, int]) -> list[int]:
        """Times in a span at which all targets are labelled, and all lags of drivers held."""
        first, last = span
        finest = next(v for v in self.labels.values() if v.target.clock is self._clock)
        others = {v.target.clock: set(v.ticks) for v in self.labels.values() if v is not finest}
        return [
            t
            for t in finest.ticks
            if first <= t <= last
            and all(self._clock.convert(t, clock) in held for clock, held in others.items())
            and self.assembler.reaches(t)
        ]

    @functools.cached_property
    def _strata(self) -> list[tuple[list[Times], FloatArray]]:
        """Steps in which all targets move, and the others, with their cumulative chances."""
        task, found = self.assembler.task, []
        whole = [len(task.moving(*run[:2])) == len(task.targets) for run in self.steps]
        for kind in (True, False):
            runs = [run for run, moves in zip(self.steps, whole, strict=True) if moves is kind]
            if runs:
                lengths = np.array([abs(run[1] - run[0]) for run in runs], dtype=np.float64)
                chance = np.cumsum(lengths**-self.options.stride_decay)
                found.append((runs, chance[:-1] / chance[-1]))
        return found

    @property
    def parts(self) -> tuple[Sampler, ...]:
        """The sampler of the one region; see ``SampleSource``."""
        return (self,)

    def draw(self, rng: np.random.Generator, progress: float = 0.0) -> Sample:
        """Draw one sample.

        Args:
            rng: Source of randomness.
            progress: Share of the training that is done, 0…1, which corruption may follow.
        """
        strata = self._strata
        every = len(strata) == 1 or rng.random() < self.options.moving_share
        runs, chance = strata[0 if every else 1]
        times = runs[int(np.searchsorted(chance, rng.random(), side="right"))]
        place = self._places.draw(times[0], times[-1], rng)
        sample = self.read(times, place.window)
        if self.options.weigh:
            sample = replace(sample, weight=np.array(place.weight, np.float32))
        sample = self.damaged(sample, rng, progress)
        return _turn(sample, self.assembler.spec.static, rng) if self.options.augment else sample

    def damaged(self, sample: Sample, rng: np.random.Generator, progress: float = 0.0) -> Sample:
        """A sample whose priors and earlier maps are damaged as the options say."""
        for name, target in sample.targets.items():
            keep = rng.random() >= self.options.history_drop
            # what must not be seen now was not seen before either
            seen = target.history_visible & target.visible & keep
            sample = sample.with_target(name, history_visible=seen)
        subject = Subject(self.assembler.spec, self.assembler.codings)
        return corrupted(sample, self.options.corruption, subject, rng, progress)

    def judged(self, times: Times, window: Window) -> Sample:
        """The sample of given times and window as validation shows it, always the same."""
        sample = self.read(times, window)
        if not self.options.damaged_validation:
            return sample
        place = [abs(number) for number in (*times, window.row, window.col)]
        return self.damaged(sample, np.random.default_rng(place), 1.0)

    def read(self, times: Times, window: Window) -> Sample:
        """The undamaged sample of given times in a given window."""
        assembler, shares = self.assembler, self._shares
        allowed = np.zeros(window.shape, dtype=bool)
        for piece in self.grid.pieces(window):
            allowed[piece.target] = self.mask[piece.source]
        cell, cell_share = self._cells(times[0], window)
        given = [assembler.given(a, b, window, shares.loop(times, a, b)) for a, b in _pairs(times)]
        return Sample(
            targets={
                name: self._target(labels, times, window, allowed)
                for name, labels in self.labels.items()
            },
            forcing=np.stack([shares.forcing(t, window) for t in times]),
            wanted=shares.wanted(times, window),
            **{name: np.stack([getattr(g, name) for g in given]) for name in _TOLD},
            cell=cell,
            cell_share=cell_share,
        )

    def _target(
        self, labels: Labels, times: Times, window: Window, allowed: BoolArray
    ) -> TargetSample:
        """The maps of one target, each at its own time."""
        coding, clock = labels.coding, labels.target.clock
        own = [self._clock.convert(t, clock) for t in times]
        codes = [labels.codes(t, window) for t in own]
        maps = np.stack([coding.positions(c) for c in codes])
        domain = coding.domain(codes[0])
        moves = np.array([a != b for a, b in _pairs(own)])
        valid = np.stack([domain & allowed & coding.domain(c) for c in codes[1:]])
        jump = own[1] - own[0] or (1 if times[1] > times[0] else -1)
        history, known = self._history(labels, own[0], jump, window, maps[0])
        return TargetSample(
            prior=maps[0],
            visible=coding.known(maps[0]) & allowed,
            domain=domain,
            before=maps[0],
            history=history,
            history_visible=known & allowed,
            targets=maps[1:],
            valid=valid,
            moves=moves,
        )

    def _history(
        self, labels: Labels, start: int, jump: int, window: Window, like: Array
    ) -> tuple[Array, BoolArray]:
        """Maps before the first time, and where they are known; unknown times are blank."""
        count = self.assembler.spec.history
        first, last = (self._clock.convert(t, labels.target.clock) for t in self._known)
        maps = np.stack([like] * count) if count else np.empty((0, *window.shape), like.dtype)
        known = np.zeros(maps.shape, dtype=bool)
        for i, tick in enumerate(start - jump * (k + 1) for k in range(count)):
            if first <= tick <= last and tick in labels.ticks:
                maps[i] = labels.at(tick, window)
                known[i] = labels.coding.known(maps[i])
        return maps, known

    def _cells(self, tick: int, window: Window) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Coarse cells of a window, for a forcing that the model's own map feeds back on."""
        coupling = self.assembler.coupling
        if coupling is None:
            empty = np.zeros(window.shape, dtype=np.int64)
            return empty, empty.astype(np.float32)
        labels = self.labels[self.assembler.spec.bound]
        own = self._clock.convert(tick, labels.target.clock)
        if own not in self._domain_area:
            whole = coupling.mesh.whole(self.grid.window)
            domain = labels.domain(labels.codes(own, whole))
            self._domain_area[own] = coupling.whole_area(whole, domain)
        return coupling.pixel_shares(window, self._domain_area[own])


class _LabelledShares:
    """The coarse forcing of times whose map is known, so that demands are counted on the labels."""

    def __init__(self, assembler: Assembler, labels: Mapping[str, Labels]) -> None:
        self.assembler = assembler
        self.labels = labels
        self._own: dict[int, CellShares] = {}
        self._references: dict[int, Reference] = {}
        self._asked: dict[tuple[int, int], CellShares] = {}

    def forcing(self, tick: int, window: Window) -> FloatArray:
        """Forcing at a time, with what the labels of that time hold, ``(C, y, x)``."""
        own = self._held(tick) if self.assembler.needs_demand else None
        return self.assembler.forcing(tick, window, own)

    def wanted(self, times: Times, window: Window) -> FloatArray:
        """What a product of other classes asks for, counted from the labels of the first time.

        Returns:
            ``(n, K, y, x)`` class shares at each later time; ``(n, 0, y, x)`` where the forcing
            is made of the classes itself.
        """
        if not self.assembler.needs_demand:
            return np.empty((len(times) - 1, 0, *window.shape), dtype=np.float32)
        asked = [self._wanted(times[0], tick) for tick in times[1:]]
        return np.stack([self.assembler.upsampled(shares, window) for shares in asked])

    def loop(self, times: Times, before: int, after: int) -> Loop | None:
        """What the labels hold at a time of a sample, and what is wanted at the next."""
        if not self.assembler.needs_demand:
            return None
        return Loop(self._held(before), self._wanted(times[0], after))

    def _held(self, tick: int) -> CellShares:
        if tick not in self._own:
            whole = self.assembler.drivers.grid.window
            coupling, state = self.assembler.coupling, self._state(tick)
            assert coupling is not None
            around = coupling.mesh.whole(whole)
            labels = self.labels[self.assembler.spec.bound]
            codes = state[labels.target.name].read(around)
            self._own[tick] = coupling.shares(around, labels.positions(codes), labels.domain(codes))
        return self._own[tick]

    def _wanted(self, first: int, tick: int) -> CellShares:
        demand = self.assembler.demand
        assert demand is not None
        if first not in self._references:
            self._references[first] = demand.reference(self._state(first))
        if (first, tick) not in self._asked:
            when = demand.tick_of(tick, self.assembler.task.clock)
            asked = demand.class_shares(self._references[first], when, self._held(first))
            self._asked[first, tick] = asked
        return self._asked[first, tick]

    def _state(self, tick: int) -> State:
        """The labels of the bound target at one time as a state."""
        clock, labels = self.assembler.task.clock, self.labels[self.assembler.spec.bound]
        name = labels.target.name
        view = StoreView(labels.cube, name, clock.convert(tick, labels.target.clock))
        field = Field(labels.target.variable, labels.grid, view, labels.legend)
        return State(clock, tick, {name: field})


def _pairs(times: Sequence[int]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(times))


def _steps(ticks: list[int], options: SampleOptions) -> list[Times]:
    """All runs of ``recursion`` equal steps (shorter where the series is too short for it)."""
    present = set(ticks)
    runs = []
    for direction in options.directions:
        for stride in options.strides:
            jump = stride * direction.sign
            for length in range(options.recursion, 0, -1):
                found = [tuple(t + k * jump for k in range(length + 1)) for t in ticks]
                found = [run for run in found if present.issuperset(run)]
                if found:
                    runs += found
                    break
    # one length for all, so that samples stack
    shortest = min((len(run) for run in runs), default=0)
    return sorted({run[:shortest] for run in runs})


def _turn(sample: Sample, static: tuple[str, ...], rng: np.random.Generator) -> Sample:
    """Flip and transpose a sample at random; the two aspect components turn with it."""
    north_south, west_east, transpose = rng.random(3) < 0.5
    aspects = {"aspect_north", "aspect_east"} & set(static)
    # one component of the aspect alone cannot be transposed: it would become the other
    square = sample.cell.shape[0] == sample.cell.shape[1]
    transpose = bool(transpose and square and len(aspects) != 1)
    signs = {
        "aspect_north": -1.0 if north_south else 1.0,
        "aspect_east": -1.0 if west_east else 1.0,
    }
    terrain = sample.static.copy()
    for i, name in enumerate(static):
        terrain[:, i] *= signs.get(name, 1.0)
    if transpose and aspects:
        north, east = static.index("aspect_north"), static.index("aspect_east")
        # swapping rows and columns maps north to west: (n, e) → (−e, −n)
        terrain[:, [north, east]] = -terrain[:, [east, north]]

    def turned(name: str, values: Array) -> Array:
        if name in {"calendar", "moves", "weight"}:
            return values
        values = terrain if name == "static" else values
        values = values[..., ::-1, :] if north_south else values
        values = values[..., ::-1] if west_east else values
        return values.swapaxes(-1, -2) if transpose else values

    return sample.map(turned)
