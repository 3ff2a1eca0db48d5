"""Layer: one variable as the cube will hold it, cropped, translated, on its schedule."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Status, VariableSpec
from ai4land.errors import GridError
from ai4land.grid import Grid, Window
from ai4land.recipes.schedule import held_from, times
from ai4land.sources import Array, LabelForcing, Method, Source, SourceField, resampled
from ai4land.vocabulary import Clock, Kind, Legend, Variable, variable

__all__ = ["LIBRARIES", "Classes", "Layer", "clipped", "describe", "inside", "touching"]

LIBRARIES = threading.RLock()
"""Held while a provider's file is read: NetCDF, HDF and GRIB libraries serve one thread only."""

Box = tuple[Fraction, Fraction, Fraction, Fraction]
_HAIR = Fraction(1, 10**6)  # share of a cell: a box edge this close to a cell edge is that edge
_STRIP_BYTES = 1 << 27  # of source values resampled at once, however fine the source is


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
        return VariableSpec(self.variable, self.classes.legend, self.name)

    @property
    def variable(self) -> Variable:
        """The variable in the cube: the source's own, or the class fractions made of it."""
        own = self.offer.variable
        return variable(f"{own.name}_fractions") if self.method == "fraction" else own

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

    def native(self, tick: int | None, window: Window) -> Array:
        """Values of a window of the source's own grid, in the legend of the cube."""
        return self._translated(self._read(tick, window))

    def read_source(self, tick: int | None, window: Window) -> Array:
        """Values of a window of ``grid`` at a tick of the source."""
        if self.method is None:
            there = window.shift(self.window.row, self.window.col)
            return self.native(tick, there)
        strips = window.strips(self._strip_rows(window))
        parts = [self._resampled(tick, self.grid.crop(strip)) for strip in strips]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-2)

    def _resampled(self, tick: int | None, target: Grid) -> Array:
        """Values on a part of ``grid``; missing where the source does not reach it at all."""
        assert self.method is not None
        source = self.offer.grid
        try:
            cover = clipped(touching(source, target).pad(1), source)
        except GridError:
            return self._empty(target.window)
        values = self.native(tick, cover)
        return resampled(values, source.crop(cover), target, self.method, self.classes.legend)

    def _read(self, tick: int | None, window: Window) -> Array:
        """A window of the source, alone in the library that reads its files."""
        name = self.offer.variable.name
        if isinstance(self.source, LabelForcing):  # it computes; what it reads comes through here
            return self.source.read(name, tick, window)
        with LIBRARIES:
            return self.source.read(name, tick, window)

    def _strip_rows(self, window: Window) -> int:
        """Rows of ``grid`` whose source values are not too many to hold."""
        offer = self.offer
        item = 1 if offer.variable.kind is Kind.CATEGORICAL else 4
        layers = VariableSpec(offer.variable, offer.legend).layers
        across = math.ceil(window.width * self.grid.dx / offer.grid.dx) + 4
        row_bytes = item * layers * max(across, 1) * float(self.grid.dy / offer.grid.dy)
        return max(1, int(_STRIP_BYTES / row_bytes))

    def _empty(self, window: Window) -> Array:
        shape = (*((self.spec.layers,) if self.spec.components else ()), *window.shape)
        return np.full(shape, self.spec.fill, dtype=self.spec.dtype)

    def _translated(self, values: Array) -> Array:
        return values if self.classes.codes is None else self.classes.codes[values]


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

    upper, lower = min(crop.north, Fraction(90)), max(crop.south, Fraction(-90))  # half rows
    top, bottom = cut(upper - north, grid.dy), cut(south - lower, grid.dy)
    left, right = cut((west - crop.west) % 360, grid.dx), cut((crop.east - east) % 360, grid.dx)
    height, width = cover.height - top - bottom, cover.width - left - right
    if height < 1 or width < 1:
        raise GridError(
            "No cell lies inside the region",
            expected=f"a region larger than a cell of {float(grid.dy)}° × {float(grid.dx)}°",
            found=[float(edge) for edge in box],
        )
    return Window(cover.row + top, cover.col + left, height, width)


def clipped(window: Window, grid: Grid) -> Window:
    """The part of a window that exists; columns of a global grid go around at most once."""
    top, bottom = max(window.row, 0), min(window.row + window.height, grid.height)
    left, right = window.col, window.col + window.width
    if not grid.is_global:
        left, right = max(left, 0), min(right, grid.width)
    return Window(top, left, bottom - top, min(right - left, grid.width))


def describe(layer: Layer) -> dict[str, Any]:
    """What a person wants to know about where the values of a layer come from, plain data."""
    status, clock = layer.status(), layer.offer.clock
    said: dict[str, Any] = {"source": layer.name, "resample": layer.method}
    for kind in (Status.BACK_CAST, Status.HELD, Status.DROPPED):
        if kind in status.values():
            found = [t for t, s in status.items() if s is kind]
            said[kind.name.lower()] = times(clock, found)
    if Status.HELD in status.values():
        said["held_from"] = held_from(clock, layer.schedule)
    return said
