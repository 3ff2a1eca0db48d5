"""Classes of a fine map on a coarser regular grid: the largest class, or the share of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ai4land.errors import SourceError
from ai4land.grid import Grid, Window
from ai4land.sources.resampling import Method, resampled
from ai4land.sources.source import Array, SourceField

__all__ = ["aggregated", "cells_inside"]

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


def aggregated(
    read: Callable[[Window], Array], native: SourceField, grid: Grid, window: Window, method: Method
) -> Array:
    """Classes on a coarser grid by exactly shared area.

    Args:
        read: Codes of a window of the fine grid.
        native: The categorical variable on it.
        grid: The coarse grid, inside the fine one.
        window: Part of the coarse grid.
        method: ``majority``: code of the class with the largest area; ``fraction``: share of each
            class in what is known of a cell.

    Returns:
        Codes ``(y, x)`` uint8, 255 missing, or shares ``(class, y, x)`` float32, NaN missing.
    """
    across = float(window.width * grid.dx / native.grid.dx) + 2
    step = max(int(_STRIP / (across * float(grid.dy / native.grid.dy))), 1)
    strips = []
    for strip in window.strips(step):
        parts = []
        for piece in grid.pieces(strip):  # a window around the globe comes in parts
            target = grid.crop(piece.window)
            box = (target.west, target.south, target.east, target.north)
            cover = native.grid.window_of(*box)
            fine = native.grid.crop(cover)
            parts.append(resampled(read(cover), fine, target, method, native.legend))
        strips.append(np.concatenate(parts, axis=-1))
    return np.concatenate(strips, axis=-2)
