"""Drawing samples: windows and steps, stratified so that change is seen, without leakage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import SampleError
from ai4land.grid import Window
from ai4land.samples.corruption import corrupt
from ai4land.samples.labelled import LabelledForcing
from ai4land.samples.options import SampleOptions
from ai4land.samples.reader import WindowReader
from ai4land.vocabulary import NO_DATA

__all__ = ["Sample", "Sampler", "stack"]

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

_BLOCK = 16  # side in pixels of the blocks by which change is counted and windows are placed


@dataclass(frozen=True, slots=True)
class Sample:
    """One window over n consecutive steps, in physical units; stacked samples gain a batch axis.

    Attributes:
        prior: ``(y, x)`` class positions ``uint8``/255 or ``float32``/NaN at the first time,
            after corruption.
        visible: ``(y, x)`` where the prior may be seen.
        domain: ``(y, x)`` where the target exists at the first time.
        forcing: ``(n + 1, C, y, x)`` coarse forcing at all times.
        wanted: ``(n, K, y, x)`` class shares that a product of other classes asks for after each
            step, counted from the first time; ``(n, 0, y, x)`` where the forcing says it itself.
        static: ``(S, y, x)`` continuous static fields.
        zones: ``(Z, y, x)`` codes of categorical static fields.
        targets: ``(n, y, x)`` truth after each step.
        before: ``(y, x)`` truth at the first time, undamaged; for the loss alone.
        history: ``(H, y, x)`` maps before the first time, nearest first.
        history_visible: ``(H, y, x)`` where they may be seen.
        valid: ``(n, y, x)`` pixels that enter the loss.
        cell: ``(y, x)`` number of the coarse cell within the window; 0 without a closed loop.
        cell_share: ``(y, x)`` share of a pixel in the area of its cell's domain; 0 likewise.
        years: ``(n,)`` signed length of each step in years.
    """

    prior: Array
    visible: BoolArray
    domain: BoolArray
    forcing: FloatArray
    wanted: FloatArray
    static: FloatArray
    zones: npt.NDArray[np.int64]
    targets: Array
    before: Array
    history: Array
    history_visible: BoolArray
    valid: BoolArray
    cell: npt.NDArray[np.int64]
    cell_share: FloatArray
    years: FloatArray

    def target_forcing(self, step: int) -> FloatArray:
        """Coarse forcing after a step as the network is told it, ``([B,] C, y, x)``."""
        forcing, asked = self.forcing[..., step + 1, :, :, :], self.wanted[..., step, :, :, :]
        stored = forcing.shape[-3] - asked.shape[-3]  # the demand's channels are the last
        return np.concatenate([forcing[..., :stored, :, :], asked], axis=-3)


class Sampler:
    """Draws samples of one split; the same ``rng`` state gives the same sample.

    Args:
        reader: Serves the fields.
        options: How windows are drawn.
        span: First and last tick of the split; every step lies inside.
        mask: ``(y, x)`` pixels of the split. Pixels outside enter neither loss nor prior.
        known: First and last tick from which history may be read; default ``span``.

    Raises:
        SampleError: If the split holds no step or no land.
    """

    def __init__(
        self,
        reader: WindowReader,
        options: SampleOptions,
        span: tuple[int, int],
        mask: BoolArray,
        known: tuple[int, int] | None = None,
    ) -> None:
        self.reader = reader
        self.options = options
        self.mask = mask
        available = [t for t in reader.group.ticks if span[0] <= t <= span[1]]
        first, last = known or span
        self._known = {t for t in reader.group.ticks if first <= t <= last}
        self.steps = _steps(available, options)
        if not self.steps:
            raise SampleError(
                "No step fits the split",
                where=f"times {span[0]}…{span[1]}",
                expected=f"two labelled times {options.strides} ticks apart",
                found=f"labels at {available or 'no time at all'}",
                remedy="widen the split, or change `strides` to the spacing of the labels",
            )
        lengths = np.array([abs(run[1] - run[0]) for run in self.steps], dtype=np.float64)
        chance = np.cumsum(lengths**-options.stride_decay)
        self._chance = chance[:-1] / chance[-1]
        self._weights: dict[tuple[int, int], tuple[Array, Array]] = {}
        self._domain_area: dict[int, npt.NDArray[np.float64]] = {}
        self._forcing = LabelledForcing(reader)

    def draw(self, rng: np.random.Generator) -> Sample:
        """Draw one sample."""
        times = self.steps[int(np.searchsorted(self._chance, rng.random(), side="right"))]
        window = self._window(times, rng)
        sample = self.read(times, window)
        prior, visible = corrupt(sample.prior, sample.visible, self.options.corruption, rng)
        keep = rng.random() >= self.options.history_drop
        seen = sample.history_visible & visible & keep  # what is hidden was not seen before either
        sample = _with(sample, prior=prior, visible=visible, history_visible=seen)
        return _turn(sample, self.reader.spec.static, rng) if self.options.augment else sample

    def read(self, times: tuple[int, ...], window: Window) -> Sample:
        """The undamaged sample of given times in a given window."""
        reader = self.reader
        codes = [reader.codes(t, window) for t in times]
        maps = np.stack([reader.target(t, window) for t in times])
        domain = reader.domain(codes[0])
        allowed = np.zeros(window.shape, dtype=bool)
        for piece in reader.grid.pieces(window):
            allowed[piece.target] = self.mask[piece.source]
        valid = np.stack([domain & allowed & reader.domain(c) for c in codes[1:]])
        known = maps[0] != NO_DATA if maps.dtype == np.uint8 else np.isfinite(maps[0])
        clock = reader.task.clock
        cell, cell_share = self._cells(times[0], window)
        history, history_visible = self._history(times, window, maps[0])
        return Sample(
            prior=maps[0],
            visible=known & allowed,
            domain=domain,
            forcing=np.stack([self._forcing.at(t, window) for t in times]),
            wanted=self._forcing.wanted(times, window),
            static=reader.static(window, times[0]),
            zones=reader.zones(window, times[0]),
            targets=maps[1:],
            before=maps[0],
            history=history,
            history_visible=history_visible & allowed,
            valid=valid,
            cell=cell,
            cell_share=cell_share,
            years=np.array([clock.years(int(d)) for d in np.diff(times)], dtype=np.float32),
        )

    def _history(
        self, times: tuple[int, ...], window: Window, like: Array
    ) -> tuple[Array, BoolArray]:
        """Maps before the first time, and where they are known; unknown years are blank."""
        count, jump = self.reader.spec.history, times[1] - times[0]
        maps = np.stack([like] * count) if count else np.empty((0, *window.shape), like.dtype)
        known = np.zeros(maps.shape, dtype=bool)
        for i, tick in enumerate(times[0] - jump * (k + 1) for k in range(count)):
            if tick in self._known:
                maps[i] = self.reader.target(tick, window)
                known[i] = maps[i] != NO_DATA if maps.dtype == np.uint8 else np.isfinite(maps[i])
        return maps, known

    def _cells(self, tick: int, window: Window) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Coarse cells of a window, for a forcing that the model's own map feeds back on."""
        coupling = self.reader.coupling
        if coupling is None:
            empty = np.zeros(window.shape, dtype=np.int64)
            return empty, empty.astype(np.float32)
        if tick not in self._domain_area:
            whole = coupling.mesh.whole(self.reader.grid.window)
            domain = self.reader.domain(self.reader.codes(tick, whole))
            self._domain_area[tick] = coupling.whole_area(whole, domain)
        return coupling.pixel_shares(window, self._domain_area[tick])

    def _window(self, times: tuple[int, ...], rng: np.random.Generator) -> Window:
        """A window centred in a block drawn by change, or by land."""
        land, changed = self._block_weights(times[0], times[-1])
        weights = changed if rng.random() < self.options.changed_share else land
        weights = weights if weights.any() else land
        total = np.cumsum(weights)
        block = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        row, col = divmod(block, -(-self.reader.grid.width // _BLOCK))
        side = self.options.window
        jitter = rng.integers(0, _BLOCK, size=2)
        corner = (
            row * _BLOCK + int(jitter[0]) - side // 2,
            col * _BLOCK + int(jitter[1]) - side // 2,
        )
        return self._inside(Window(*corner, side, side))

    def _inside(self, window: Window) -> Window:
        """Move a window into the grid where the grid is large enough."""
        grid = self.reader.grid
        row = int(np.clip(window.row, 0, max(grid.height - window.height, 0)))
        col = window.col
        if not grid.is_global:
            col = int(np.clip(col, 0, max(grid.width - window.width, 0)))
        return Window(row, col, window.height, window.width)

    def _block_weights(self, first: int, last: int) -> tuple[Array, Array]:
        """Land pixels and changed pixels of each block between two times, each ``(blocks,)``."""
        key = (min(first, last), max(first, last))
        if key not in self._weights:
            grid, reader = self.reader.grid, self.reader
            land, changed = [], []
            for row in range(0, grid.height, _BLOCK):
                band = Window(row, 0, min(_BLOCK, grid.height - row), grid.width)
                one, two = reader.codes(key[0], band), reader.codes(key[1], band)
                exists = reader.domain(one) & reader.domain(two) & self.mask[band.slices[0]]
                columns = np.arange(0, grid.width, _BLOCK)
                land.append(np.add.reduceat(exists.sum(axis=0), columns))
                differs = exists & (one != two)
                changed.append(np.add.reduceat(differs.sum(axis=0), columns))
            totals = np.concatenate(land).astype(np.float64)
            if not totals.any():
                raise SampleError("The split holds no land", where=f"times {key[0]} and {key[1]}")
            self._weights[key] = totals, np.concatenate(changed).astype(np.float64)
        return self._weights[key]


def stack(samples: list[Sample]) -> Sample:
    """Samples of one shape as one batch; every array gains a leading batch axis."""
    names = Sample.__dataclass_fields__
    return Sample(**{name: np.stack([getattr(s, name) for s in samples]) for name in names})


def _steps(ticks: list[int], options: SampleOptions) -> list[tuple[int, ...]]:
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


def _with(sample: Sample, **changes: Array) -> Sample:
    fields = {name: getattr(sample, name) for name in Sample.__dataclass_fields__}
    return Sample(**{**fields, **changes})


def _turn(sample: Sample, static: tuple[str, ...], rng: np.random.Generator) -> Sample:
    """Flip and transpose a sample at random; the two aspect components turn with it."""
    north_south, west_east, transpose = rng.random(3) < 0.5
    fields = {name: getattr(sample, name) for name in Sample.__dataclass_fields__}
    years = fields.pop("years")
    aspects = {"aspect_north", "aspect_east"} & set(static)
    # one component of the aspect alone cannot be transposed: it would become the other
    transpose &= sample.prior.shape[0] == sample.prior.shape[1] and len(aspects) != 1
    signs = {
        "aspect_north": -1.0 if north_south else 1.0,
        "aspect_east": -1.0 if west_east else 1.0,
    }
    terrain = fields["static"].copy()
    for i, name in enumerate(static):
        terrain[i] *= signs.get(name, 1.0)
    if transpose and aspects:
        north, east = static.index("aspect_north"), static.index("aspect_east")
        # swapping rows and columns maps north to west: (n, e) → (−e, −n)
        terrain[[north, east]] = -terrain[[east, north]]
    fields["static"] = terrain
    for name, values in fields.items():
        turned = values[..., ::-1, :] if north_south else values
        turned = turned[..., ::-1] if west_east else turned
        fields[name] = turned.swapaxes(-1, -2) if transpose else turned
    return Sample(**fields, years=years)
