"""Coupling: what coarse cells look like when a fine map is summed over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells
from ai4land.grid import Mesh, Window

__all__ = ["CellShares", "Coupling"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CellShares:
    """Shares of classes in the coarse cells of a window.

    Attributes:
        cells: The window on the coarse grid; may reach around a global one.
        values: ``(K, Y, X)``, sums of 1, or all 0 where a cell holds no land.
    """

    cells: Window
    values: FloatArray


class Coupling:
    """Sums a fine map over the coarse cells of a forcing made from the same classes.

    A pixel counts with its true area to the cell in which its centre lies.

    Args:
        mesh: The cells of the forcing on the pixels of the map.
        classes: Number of classes.
    """

    def __init__(self, mesh: Mesh, classes: int) -> None:
        self.mesh = mesh
        self.classes = classes
        self._areas = mesh.fine.row_areas()

    def shares(self, window: Window, positions: Array, domain: Array) -> CellShares:
        """Area share of each class in the domain of each coarse cell.

        Args:
            window: Whole coarse cells.
            positions: Class positions ``(y, x)``; 255 counts for nobody.
            domain: ``(y, x)`` pixels that count.
        """
        cells, index, area = self._measured(window)
        count = cells.height * cells.width
        used = domain & (index >= 0)
        key = np.minimum(positions[used], self.classes).astype(np.int64) * count + index[used]
        size = (self.classes + 1) * count
        total = np.bincount(key, area[used], size).astype(np.float64)
        total = total.reshape(self.classes + 1, *cells.shape)
        return CellShares(cells, _relative(total[: self.classes]))

    def expected_shares(self, window: Window, probability: FloatArray, domain: Array) -> CellShares:
        """As ``shares``, of class probabilities ``(K, y, x)`` instead of classes."""
        cells, index, area = self._measured(window)
        area = np.where(domain & (index >= 0), area, 0.0)
        cell, count = np.maximum(index, 0).ravel(), cells.height * cells.width
        sums = [np.bincount(cell, (p * area).ravel(), minlength=count) for p in probability]
        stacked = np.stack(sums).astype(np.float64).reshape(self.classes, *cells.shape)
        return CellShares(cells, _relative(stacked))

    def whole_area(self, window: Window, domain: Array) -> npt.NDArray[np.float64]:
        """Area in m² of the domain in all coarse cells ``(Y, X)``, from the whole map."""
        cells, index, area = self._measured(window)
        used = domain & (index >= 0)
        found = np.bincount(index[used], area[used], cells.height * cells.width)
        total = np.zeros(self.mesh.coarse.shape)
        for part in self.mesh.coarse.pieces(cells):
            total[part.source] = found.reshape(cells.shape)[part.target]
        return total

    def pixel_shares(
        self, window: Window, domain_area: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Cells of a window, numbered from 0, and each pixel's share of its cell's domain.

        Args:
            window: Any window.
            domain_area: Of all coarse cells, ``(Y, X)``.

        Returns:
            Both ``(y, x)``; a pixel outside the grid has cell 0 and share 0.
        """
        mesh = self.mesh
        index, area = np.full(window.shape, -1, dtype=np.int64), np.zeros(window.shape)
        rows, cols = mesh.coarse.nearest(mesh.fine)
        for piece in mesh.fine.pieces(window):
            row, col = rows[piece.source[0], None], cols[piece.source[1]]
            number = row * mesh.coarse.width + col
            index[piece.target] = np.where((row < 0) | (col < 0), -1, number)
            area[piece.target] = self._areas[piece.source[0], None]
        total = np.where(index >= 0, domain_area.ravel()[np.maximum(index, 0)], 0.0)
        share = np.divide(area, total, out=np.zeros_like(area), where=total > 0)
        _, local = np.unique(index, return_inverse=True)
        return local.reshape(window.shape).astype(np.int64), share.astype(np.float32)

    def _measured(self, window: Window) -> tuple[Window, npt.NDArray[np.int32], Array]:
        """Coarse window, cell of each pixel within it, and area of each pixel."""
        cells, _, _ = self.mesh.cells(window)
        index = CoarseCells.within(self.mesh, window).index
        rows = self._areas[window.row : window.row + window.height]
        return cells, index, np.broadcast_to(rows[:, None], window.shape)


def _relative(sums: npt.NDArray[np.float64]) -> FloatArray:
    """Sums ``(K, …)`` as shares of their total; 0 where there is none."""
    whole = np.zeros_like(sums[0])
    for layer in sums:  # in one order, whatever the shape
        whole += layer
    shares = np.divide(sums, whole, out=np.zeros_like(sums), where=whole > 0)
    return np.asarray(shares, dtype=np.float32)
