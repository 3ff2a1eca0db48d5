"""Drivers that keep what was read last, up to a number of bytes, for many threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import ArrayCache
from ai4land.grid import Window
from ai4land.samples.drivers.gridded import Described, GriddedDrivers
from ai4land.vocabulary import Clock

__all__ = ["CachedDrivers"]

Array = npt.NDArray[Any]

_SIDE = 256  # cells along the side of what is kept in one piece


class CachedDrivers(GriddedDrivers):
    """Keeps squares of cells of other drivers in place of those not asked for longest.

    Args:
        inner: Where values come from.
        limit: Bytes kept.
    """

    def __init__(self, inner: GriddedDrivers, limit: int = 64 * 2**20) -> None:
        super().__init__(inner.grid)
        self.inner = inner
        self.limit = limit
        self._kept = ArrayCache(limit)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that there are."""
        return self.inner.names

    def describe(self, name: str) -> Described:
        """What is known of a variable."""
        return self.inner.describe(name)

    def cells(self, name: str, tick: int, cells: Window) -> Array:
        """A variable on its own grid, ``(components, Y, X)``; missing beyond it."""
        about = self.inner.describe(name)
        tick = 0 if about.clock is Clock.STATIC else tick
        width = about.grid.width
        inside = cells.row >= 0 and cells.row + cells.height <= about.grid.height
        if not (inside and cells.col >= 0 and cells.col + cells.width <= width):
            return self.inner.cells(name, tick, cells)
        rows = range(cells.row // _SIDE, (cells.row + cells.height - 1) // _SIDE + 1)
        cols = range(cells.col // _SIDE, (cells.col + cells.width - 1) // _SIDE + 1)
        parts = [[self._square(name, tick, row, col) for col in cols] for row in rows]
        found = parts[0][0] if len(rows) == len(cols) == 1 else np.block(parts)
        top, left = cells.row - rows[0] * _SIDE, cells.col - cols[0] * _SIDE
        return np.asarray(found[:, top : top + cells.height, left : left + cells.width])

    def _square(self, name: str, tick: int, row: int, col: int) -> Array:
        key = (name, tick, row, col)
        found = self._kept.get(key)
        if found is None:
            grid = self.inner.describe(name).grid
            top, left = row * _SIDE, col * _SIDE
            height, width = min(_SIDE, grid.height - top), min(_SIDE, grid.width - left)
            found = self.inner.cells(name, tick, Window(top, left, height, width)).view()
            found.flags.writeable = False  # it is handed out again
            self._kept.put(key, found)
        return found
