"""Classes of a fine map on a coarser regular grid: the largest class, or the share of each."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ai4land.errors import SourceError
from ai4land.grid import Grid, Window
from ai4land.sources.resampling import Method, resampled
from ai4land.sources.source import Array, Source

__all__ = ["CoarseClasses", "cells_inside"]

_STRIP = 1 << 24  # fine cells aggregated at once


def cells_inside(grid: Grid, side: Fraction, where: object) -> Grid:
    """The cells of whole multiples of a length that lie wholly inside a grid.

    Args:
        grid: The fine grid.
        side: Side of a coarse cell in degrees.
        where: The file, for the error text.

    Raises:
        SourceError: If no cell does.
    """
    hair = Fraction(1, 10**6) * grid.dx / side  # an edge this close is that edge
    first, last = math.ceil(grid.west / side - hair), math.floor(grid.east / side + hair)
    bottom, top = math.ceil(grid.south / side - hair), math.floor(grid.north / side + hair)
    if last <= first or top <= bottom:
        raise SourceError(
            "No coarse cell lies wholly inside the map",
            where=where,
            expected=f"a map larger than a cell of {float(side):g}°",
            found=grid.describe(),
            remedy="choose smaller cells with the option `degrees`",
        )
    return Grid(first * side, top * side, side, side, top - bottom, last - first, grid.earth)


class CoarseClasses:
    """A categorical variable of a source, aggregated by exactly shared area.

    Args:
        source: The source.
        name: Its categorical variable.
        grid: The coarse grid, inside the variable's own.
    """

    def __init__(self, source: Source, name: str, grid: Grid) -> None:
        self._source, self._name, self.grid = source, name, grid

    def largest(self, tick: int | None, window: Window) -> Array:
        """Code of the class with the largest area in each cell, ``(y, x)`` uint8, 255 missing."""
        return self._aggregated(tick, window, "majority")

    def shares(self, tick: int | None, window: Window) -> Array:
        """Share of each class in what is known of a cell, ``(class, y, x)`` float32, NaN none."""
        return self._aggregated(tick, window, "fraction")

    def _aggregated(self, tick: int | None, window: Window, method: Method) -> Array:
        field = self._source.fields[self._name]
        ratio = self.grid.dy / field.grid.dy
        across = float(window.width * self.grid.dx / field.grid.dx) + 2
        step = max(int(_STRIP / (across * float(ratio))), 1)
        strips = []
        for strip in window.strips(step):
            parts = []
            for piece in self.grid.pieces(strip):  # a window around the globe comes in parts
                target = self.grid.crop(piece.window)
                box = (target.west, target.south, target.east, target.north)
                cover = field.grid.window_of(*box)
                values = self._source.read(self._name, tick, cover)
                fine = field.grid.crop(cover)
                parts.append(resampled(values, fine, target, method, field.legend))
            strips.append(np.concatenate(parts, axis=-1))
        return np.concatenate(strips, axis=-2)
