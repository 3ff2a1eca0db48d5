"""Windows: rectangles of cells, and how to cut them from a grid that may wrap the globe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ai4land.errors import GridError

__all__ = ["Piece", "Window"]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A rectangle of cells: first row and column (0 = north, west) and size in cells.

    It may reach beyond its grid; ``Grid.pieces`` says which part of it exists.
    """

    row: int
    col: int
    height: int
    width: int

    def __post_init__(self) -> None:
        """Refuse empty windows."""
        if self.height < 1 or self.width < 1:
            raise GridError("An empty window", found=f"{self.height} × {self.width} cells")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in cells."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices; only for a window that lies inside its grid."""
        return (
            slice(self.row, self.row + self.height),
            slice(self.col, self.col + self.width),
        )

    def pad(self, halo: int) -> Window:
        """The window with ``halo`` more cells on each side."""
        return Window(
            self.row - halo, self.col - halo, self.height + 2 * halo, self.width + 2 * halo
        )

    def shift(self, rows: int, cols: int) -> Window:
        """The window moved south and east."""
        return Window(self.row + rows, self.col + cols, self.height, self.width)

    def meet(self, other: Window) -> Window | None:
        """The part that two windows share; ``None`` if they share nothing."""
        top, left = max(self.row, other.row), max(self.col, other.col)
        height = min(self.row + self.height, other.row + other.height) - top
        width = min(self.col + self.width, other.col + other.width) - left
        return Window(top, left, height, width) if height > 0 and width > 0 else None

    def strips(self, rows: int) -> Iterator[Window]:
        """The window in strips of some rows from north to south; the last may have fewer."""
        for row in range(0, self.height, rows):
            height = min(rows, self.height - row)
            yield Window(self.row + row, self.col, height, self.width)


@dataclass(frozen=True, slots=True)
class Piece:
    """One contiguous part of a window: where it lies in the grid and where in the window."""

    source: tuple[slice, slice]
    target: tuple[slice, slice]

    @property
    def window(self) -> Window:
        """Where it lies in the grid."""
        rows, cols = self.source
        return Window(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)
