"""Windows: rectangles of cells, and how to cut them from a grid that may wrap the globe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ai4land.errors import GridError

__all__ = ["Piece", "Window", "tiles"]


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


@dataclass(frozen=True, slots=True)
class Piece:
    """One contiguous part of a window: where it lies in the grid and where in the window."""

    source: tuple[slice, slice]
    target: tuple[slice, slice]


def tiles(height: int, width: int, tile: int, stride: int) -> Iterator[Window]:
    """Windows of ``tile`` cells every ``stride`` cells that cover ``height × width``.

    The last row and column of tiles are moved inwards to end at the border, so that every
    tile has the same size; a domain smaller than a tile gives one tile that reaches beyond it.

    Raises:
        GridError: If the stride would leave gaps.
    """
    if not 0 < stride <= tile:
        raise GridError("Tiles would leave gaps", expected=f"0 < stride ≤ {tile}", found=stride)
    for row in _starts(height, tile, stride):
        for col in _starts(width, tile, stride):
            yield Window(row, col, tile, tile)


def _starts(length: int, tile: int, stride: int) -> list[int]:
    last = max(length - tile, 0)
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]
