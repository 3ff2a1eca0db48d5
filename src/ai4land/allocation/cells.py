"""Which coarse cell each fine pixel belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid import Grid, Mesh, Window

__all__ = ["CoarseCells"]

ClassArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
_BLOCK = 4_000_000  # pixels counted at once


@dataclass(frozen=True, slots=True, eq=False)
class CoarseCells:
    """The coarse cell of every fine pixel: the one in which the pixel's centre lies.

    Attributes:
        index: Cell number of each pixel, row-major over the coarse grid, int32 ``(y, x)``;
            −1 outside the coarse grid.
        count: Number of coarse cells, with or without pixels.
        wraps: Whether the first and last pixel columns are neighbours (a global map).
    """

    index: npt.NDArray[np.int32]
    count: int
    wraps: bool = False

    @classmethod
    def of(cls, fine: Grid, coarse: Grid) -> CoarseCells:
        """Number the pixels of a fine grid by the cells of a coarse one.

        Raises:
            GridError: If no pixel lies in the coarse grid.
        """
        rows, cols = coarse.nearest(fine)
        if (rows < 0).all() or (cols < 0).all():
            raise GridError(
                "The grids do not meet", expected=fine.describe(), found=coarse.describe()
            )
        return cls(
            _numbered(rows, cols, coarse.width), coarse.height * coarse.width, fine.is_global
        )

    @classmethod
    def within(cls, mesh: Mesh, window: Window) -> CoarseCells:
        """Number the pixels of a window by the coarse cells under it, see ``Mesh.cells``.

        The first and last column are no neighbours, even where the window closes around the globe.
        """
        cells, rows, cols = mesh.cells(window)
        return cls(_numbered(rows, cols, cells.width), cells.height * cells.width)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the fine map."""
        return self.index.shape[0], self.index.shape[1]

    def counts(self, indices: ClassArray, n_classes: int) -> IntArray:
        """Pixels of each class in each cell.

        Args:
            indices: Class indices ``(y, x)``; every index not below ``n_classes`` (255: unknown)
                is left out.
            n_classes: Number of classes K.

        Returns:
            Pixel counts, int64 ``(K, count)``.

        Raises:
            GridError: If the map has another shape than the cells.
        """
        self.check(indices)
        result = np.zeros(n_classes * self.count, np.int64)
        step = max(_BLOCK // self.shape[1], 1)
        for first in range(0, self.shape[0], step):
            part, cell = indices[first : first + step], self.index[first : first + step]
            used = (part < n_classes) & (cell >= 0)
            key = part[used].astype(np.int64) * self.count + cell[used]
            result += np.bincount(key, minlength=result.size)
        return result.reshape(n_classes, self.count)

    def check(self, layer: npt.NDArray[np.generic]) -> None:
        """Refuse a layer whose last two axes are not the pixels of these cells.

        Raises:
            GridError: If they are not.
        """
        if layer.shape[-2:] != self.index.shape:
            raise GridError(
                "The map does not fit the coarse cells",
                expected=self.index.shape,
                found=layer.shape,
            )


def _numbered(
    rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64], width: int
) -> npt.NDArray[np.int32]:
    """Row-major numbers ``(y, x)`` of the cells at rows and columns; −1 where either is."""
    index = (rows[:, None] * width).astype(np.int32) + cols.astype(np.int32)
    index[rows < 0] = -1
    index[:, cols < 0] = -1
    return index
