"""Layer: one variable as the cube will hold it, cropped, translated, on its schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ai4land.cube import Status, VariableSpec
from ai4land.errors import ConfigError, GridError
from ai4land.grid import Grid, Window, overlap
from ai4land.regrid import bilinear, conservative, majority, nearest
from ai4land.sources.source import Array, Source, SourceField
from ai4land.vocabulary import NO_DATA, Clock, Kind, Legend

__all__ = ["Classes", "Layer", "Method", "check_method", "describe", "inside", "touching"]

Method = Literal["conservative", "majority", "nearest", "bilinear"]
Box = tuple[Fraction, Fraction, Fraction, Fraction]
_HAIR = Fraction(1, 10**6)  # share of a cell: a box edge this close to a cell edge is that edge


@dataclass(frozen=True, eq=False)
class Classes:
    """Meaning of the codes of a layer.

    Attributes:
        legend: The legend in the cube.
        codes: 256-entry table from the source's codes to that legend; ``None`` if they agree.
    """

    legend: Legend | None = None
    codes: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """One variable of a cube and where its values come from.

    Attributes:
        offer: What the source offers.
        source: The opened source.
        name: Name of the source in the recipe.
        grid: Grid of the values in the cube.
        window: The part of the source's grid that is read.
        schedule: Tick in the cube → tick to read (``None``: leave empty) and status; empty if
            static.
        classes: Legend in the cube and the way to it; of numbers, the names of class fractions.
        method: How values come onto ``grid``; ``None`` if it is the source's own.
    """

    offer: SourceField
    source: Source
    name: str
    grid: Grid
    window: Window
    schedule: Mapping[int, tuple[int | None, Status]]
    classes: Classes = field(default_factory=Classes)
    method: Method | None = None

    @property
    def spec(self) -> VariableSpec:
        """The declaration of the variable."""
        return VariableSpec(self.offer.variable, self.classes.legend, self.name)

    @property
    def ticks(self) -> tuple[int, ...]:
        """Times in the cube."""
        return tuple(self.schedule)

    @property
    def source_ticks(self) -> tuple[int, ...]:
        """Times that are read, ascending."""
        return tuple(sorted({t for t, _ in self.schedule.values() if t is not None}))

    def status(self) -> dict[int, Status]:
        """Tick in the cube → where its values come from."""
        return {tick: status for tick, (_, status) in self.schedule.items()}

    def read(self, tick: int | None, window: Window) -> Array:
        """Values of a window of ``grid`` at a tick of the cube, in the cube's type.

        Returns:
            ``([component,] y, x)``; missing where the schedule leaves the tick empty.
        """
        origin = None
        if self.offer.clock is not Clock.STATIC:
            assert tick is not None
            origin = self.schedule[tick][0]
            if origin is None:
                return self._empty(window)
        return self.read_source(origin, window)

    def read_source(self, tick: int | None, window: Window) -> Array:
        """Values of a window of ``grid`` at a tick of the source."""
        name = self.offer.variable.name
        if self.method is None:
            there = window.shift(self.window.row, self.window.col)
            return self._translated(self.source.read(name, tick, there))
        target = self.grid.crop(window)
        cover = _clipped(touching(self.offer.grid, target).pad(1), self.offer.grid)
        values = self._translated(self.source.read(name, tick, cover))
        return self._resampled(values, self.offer.grid.crop(cover), target)

    def _empty(self, window: Window) -> Array:
        shape = (*((self.spec.layers,) if self.spec.components else ()), *window.shape)
        return np.full(shape, self.spec.fill, dtype=self.spec.dtype)

    def _translated(self, values: Array) -> Array:
        return values if self.classes.codes is None else self.classes.codes[values]

    def _resampled(self, values: Array, source: Grid, target: Grid) -> Array:
        """Bring values onto another grid by the recipe's method."""
        if self.method == "nearest":
            return nearest(values, source, target, self.spec.fill)
        if self.method == "majority":
            legend = self.classes.legend
            assert legend is not None
            codes = np.array(sorted({*legend.codes, *legend.sea, NO_DATA}), dtype=np.uint8)
            index = np.full(256, NO_DATA, dtype=np.uint8)
            index[codes[:-1]] = np.arange(codes.size - 1, dtype=np.uint8)
            found = majority(index[values], codes.size - 1, overlap(source, target))
            back = np.full(256, NO_DATA, dtype=np.uint8)
            back[: codes.size - 1] = codes[:-1]
            return back[found]
        layers = values[None] if values.ndim == 2 else values
        valid = np.asarray(np.isfinite(layers).all(axis=0))
        mask = None if valid.all() else valid
        if self.method == "conservative":
            return conservative(values, overlap(source, target), mask).astype(np.float32)
        return bilinear(values, source, target, mask).astype(np.float32)


def check_method(method: str | None, entry: SourceField, where: str) -> None:
    """Refuse a resampling that would invent classes, or find majorities of numbers.

    Raises:
        ConfigError: If the method does not suit the kind of the variable.
    """
    classes = entry.variable.kind is Kind.CATEGORICAL
    allowed = ("majority", "nearest") if classes else ("conservative", "nearest", "bilinear")
    if method is not None and method not in allowed:
        raise ConfigError(
            "The resampling does not suit the variable",
            where=where,
            expected=f"{' or '.join(allowed)} for {entry.variable.kind.value} values",
            found=method,
        )


def touching(grid: Grid, box: Grid) -> Window:
    """The smallest window of ``grid`` that covers another grid, cut at its border."""
    return grid.window_of(box.west, box.south, box.east, box.north)


def inside(grid: Grid, box: Box) -> Window:
    """The window of the cells of ``grid`` that lie wholly inside a box.

    Args:
        grid: The grid.
        box: West, south, east, north in degrees.

    Raises:
        GridError: If no cell does.
    """
    west, south, east, north = box
    cover = grid.window_of(west, south, east, north)
    crop = grid.crop(cover)

    def cut(overhang: Fraction, cell: Fraction) -> int:
        return 1 if _HAIR * cell < overhang < cell * (1 - _HAIR) else 0

    top, bottom = cut(crop.north - north, grid.dy), cut(south - crop.south, grid.dy)
    left, right = cut((west - crop.west) % 360, grid.dx), cut((crop.east - east) % 360, grid.dx)
    height, width = cover.height - top - bottom, cover.width - left - right
    if height < 1 or width < 1:
        raise GridError(
            "No cell lies inside the region",
            expected=f"a region larger than a cell of {float(grid.dy)}° × {float(grid.dx)}°",
            found=[float(edge) for edge in box],
        )
    return Window(cover.row + top, cover.col + left, height, width)


def _clipped(window: Window, grid: Grid) -> Window:
    """The part of a window that exists; columns of a global grid go around at most once."""
    top, bottom = max(window.row, 0), min(window.row + window.height, grid.height)
    left, right = window.col, window.col + window.width
    if not grid.is_global:
        left, right = max(left, 0), min(right, grid.width)
    return Window(top, left, bottom - top, min(right - left, grid.width))


def describe(layer: Layer) -> dict[str, Any]:
    """What a person wants to know about where the values of a layer come from, plain data."""
    status = layer.status()
    return {
        "source": layer.name,
        "resample": layer.method,
        **{
            kind.name.lower(): [t for t, s in status.items() if s is kind]
            for kind in (Status.BACK_CAST, Status.HELD, Status.DROPPED)
            if kind in status.values()
        },
    }
