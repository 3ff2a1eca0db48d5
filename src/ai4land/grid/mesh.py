"""The mesh: where coarse cells begin and end on a fine grid, and pieces of whole cells.

A pixel belongs to the coarse cell in which its centre lies, whatever the ratio of the grids. A
rectangle of coarse cells is therefore a rectangle of pixels, which is what a *piece* is: everything
that is worked on at once (stepping, writing, scoring) is a piece of whole coarse cells.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.grid.grid import Grid
from ai4land.grid.windows import Window

__all__ = ["Mesh"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Axis:
    """One axis of a mesh.

    Attributes:
        cell: Coarse row or column of each pixel, ``(n,)``; −1 outside the coarse grid.
        first: First pixel of each pixel's cell; below 0 where a cell reaches around the globe.
        stop: The pixel after the last of its cell.
        count: Coarse rows or columns in all.
        turns: Whether pixels close around the globe.
        closed: Whether coarse cells do.
        torn: Whether pixels do not, but the first and the last lie in one cell: nearly around the
            globe. That cell is whole only together with all that lies between its two parts.
    """

    cell: IntArray
    first: IntArray
    stop: IntArray
    count: int
    turns: bool
    closed: bool
    torn: bool

    @classmethod
    def of(cls, cell: IntArray, count: int, turns: bool, closed: bool) -> _Axis:
        """Find the runs of pixels that share a cell."""
        length = cell.size
        begins = np.r_[True, cell[1:] != cell[:-1]]
        if turns:
            begins[0] = cell[0] != cell[-1] or not begins[1:].any()
        starts = np.flatnonzero(begins)
        run = np.cumsum(begins) - 1  # −1 before the first start: the run that comes around
        ends = np.r_[starts[1:], starts[0] + length]
        first, stop = starts[run], ends[run]
        early = run < 0
        first[early] -= length
        stop[early] -= length
        torn = bool(not turns and cell[0] == cell[-1] >= 0 and begins[1:].any())
        return cls(cell, first, stop, count, turns, closed, torn)

    def whole(self, start: int, stop: int) -> tuple[int, int]:
        """The pixels of all cells that a stretch of pixels touches."""
        length = self.cell.size
        if not self.turns:
            start, stop = min(max(start, 0), length - 1), max(min(stop, length), 1)
            if self.torn and (start < self.stop[0] or stop > self.first[-1]):
                return 0, length
            return int(self.first[start]), int(self.stop[stop - 1])
        low, high = (self._turned(self.first, start), self._turned(self.stop, stop - 1))
        return (low, high) if high - low <= length else (low, low + length)

    def _turned(self, table: IntArray, pixel: int) -> int:
        turn, place = divmod(pixel, self.cell.size)
        return int(table[place]) + turn * self.cell.size

    def cells(self, start: int, stop: int) -> tuple[int, IntArray]:
        """First coarse cell of a stretch of pixels, and each pixel's cell counted from it.

        Outside the coarse grid a pixel counts −1; the number of cells is the largest plus 1.
        """
        pixels = np.arange(start, stop)
        places = np.mod(pixels, self.cell.size) if self.turns else pixels
        inside = (places >= 0) & (places < self.cell.size)
        cell = np.where(inside, self.cell[places.clip(0, self.cell.size - 1)], -1)
        known = cell[cell >= 0]
        if not known.size:
            return 0, cell
        if not self.closed:
            low = int(known.min())
            return low, np.where(cell >= 0, cell - low, -1)
        low = int(known[0])
        # around a closed circle cells are counted eastward from the first
        return low, np.where(cell >= 0, np.mod(cell - low, self.count), -1)

    def offsets(self, start: int, stop: int) -> IntArray:
        """Place of each pixel of a stretch within its cell."""
        pixels = np.arange(start, stop)
        if not self.turns:
            place = pixels - self.first[pixels.clip(0, self.cell.size - 1)]
            if self.torn:  # the part at the beginning goes on where the one at the end stops
                place[pixels < self.stop[0]] += self.cell.size - self.first[-1]
            return np.asarray(place)
        turn, place = np.divmod(pixels, self.cell.size)
        return np.asarray(pixels - (self.first[place] + turn * self.cell.size))

    def starts(self) -> list[int]:
        """First pixels of all cells, and the pixel after the last, from west or north."""
        every = np.unique(self.first)
        if self.turns:
            every = every[every >= 0] if (every >= 0).any() else every
            return [*every.tolist(), int(every[0]) + self.cell.size]
        return [*every.tolist(), self.cell.size]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Coarse cells on fine pixels.

    Attributes:
        fine: Grid of the pixels.
        coarse: Grid of the cells.
    """

    fine: Grid
    coarse: Grid

    @functools.cached_property
    def _axes(self) -> tuple[_Axis, _Axis]:
        rows, cols = self.coarse.nearest(self.fine)
        closed = self.coarse.is_global
        return (
            _Axis.of(rows, self.coarse.height, False, False),
            _Axis.of(cols, self.coarse.width, self.fine.is_global, closed),
        )

    def whole(self, window: Window) -> Window:
        """The pixels of all cells that a window touches; cut at the border of the fine grid.

        Around a global grid a window may reach west or east beyond the last column.
        """
        rows, cols = self._axes
        top, bottom = rows.whole(window.row, window.row + window.height)
        left, right = cols.whole(window.col, window.col + window.width)
        return Window(top, left, bottom - top, right - left)

    def cells(self, window: Window) -> tuple[Window, IntArray, IntArray]:
        """The coarse cells under a window.

        Returns:
            Their window on the coarse grid (which may reach around the globe), and row ``(y,)`` and
            column ``(x,)`` within it for each row and column of pixels; −1 outside.
        """
        rows, cols = self._axes
        top, down = rows.cells(window.row, window.row + window.height)
        left, across = cols.cells(window.col, window.col + window.width)
        height, width = max(int(down.max()), 0) + 1, max(int(across.max()), 0) + 1
        return Window(top, left, height, width), down, across

    def offsets(self, window: Window) -> tuple[IntArray, IntArray]:
        """Row ``(y,)`` and column ``(x,)`` of each pixel of a window within its own cell."""
        rows, cols = self._axes
        return (
            rows.offsets(window.row, window.row + window.height),
            cols.offsets(window.col, window.col + window.width),
        )

    def places(self, piece: Window, window: Window) -> tuple[IntArray, IntArray]:
        """Rows ``(y,)`` and columns ``(x,)`` of a piece at which the pixels of a window lie.

        −1 where they lie outside; around the globe columns are counted in any turn.
        """
        rows = np.arange(window.row, window.row + window.height) - piece.row
        cols = np.arange(window.col, window.col + window.width) - piece.col
        cols = np.mod(cols, self.fine.width) if self.fine.is_global else cols
        rows = np.where((rows >= 0) & (rows < piece.height), rows, -1)
        return rows, np.where((cols >= 0) & (cols < piece.width), cols, -1)

    def within(self, window: Window, most: int) -> list[Window]:
        """Cut the cells that a window touches into pieces.

        Args:
            window: Any window of the fine grid.
            most: Pixels of a piece, about; a piece holds one cell at the least.
        """
        whole, (rows, cols) = self.whole(window), self._axes
        turn = self.fine.width if self.fine.is_global else None
        right = whole.col + whole.width
        down = _between(rows.starts(), whole.row, whole.row + whole.height, None)
        return self._cut(down, _between(cols.starts(), whole.col, right, turn), most, 1)

    def pieces(self, most: int, multiple: int = 1) -> list[Window]:
        """Cut the fine grid into pieces of whole cells.

        Args:
            most: Pixels of a piece, about; a piece holds one cell at the least.
            multiple: Rows and columns at which a piece may end are multiples of this, where
                cells end there as well; where they never do, the grid is one piece.

        Returns:
            The pieces, from north to south and from west to east.
        """
        height, width = self.fine.shape
        if height * width <= most:
            return [Window(0, self._axes[1].starts()[0], height, width)]
        rows, cols = self._axes
        return self._cut(rows.starts(), cols.starts(), most, multiple)

    def _cut(
        self, down: Sequence[int], across: Sequence[int], most: int, multiple: int
    ) -> list[Window]:
        """Cut a rectangle of cells, given by where they begin and end, into pieces."""
        height = width = max(math.isqrt(most), 1)
        extent = across[-1] - across[0]
        if self._axes[1].torn and extent == self.fine.width:
            across, height = (across[0], across[-1]), max(most // extent, 1)
        rows, cols = _stretches(down, height, multiple), _stretches(across, width, multiple)
        return [Window(r, c, b - r, e - c) for r, b in rows for c, e in cols]


def _between(starts: Sequence[int], low: int, high: int, turn: int | None) -> list[int]:
    """Ends of cells from one to another, around the globe as well."""
    edges = set(starts)
    if turn is not None:
        turns = range(low // turn - 1, high // turn + 2)
        edges = {edge + by * turn for edge in starts for by in turns}
    return sorted(edge for edge in edges if low <= edge <= high)


def _stretches(starts: Sequence[int], side: int, multiple: int) -> list[tuple[int, int]]:
    """Join neighbouring cells to stretches of at most ``side`` pixels, a cell at the least."""
    origin, end = starts[0], starts[-1]
    edges = [edge for edge in starts[1:-1] if (edge - origin) % multiple == 0]
    found, begin, last = [], origin, origin
    for edge in (*edges, end):
        if edge - begin > side and last > begin:
            found.append((begin, last))
            begin = last
        last = edge
    return [*found, (begin, end)]
