"""Coupling: what coarse cells look like when a fine map is summed over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells
from ai4land.grid import Grid, Window

__all__ = ["Coupling"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]

_BAND = 1024  # rows summed at once


class Coupling:
    """Sums a fine map over the coarse cells of a forcing made from the same classes.

    A pixel counts with its true area to the cell in which its centre lies.

    Args:
        fine: Grid of the map.
        coarse: Grid of the forcing.
        classes: Number of classes.
        cells: The coarse cell of each pixel; default worked out here.
    """

    def __init__(
        self, fine: Grid, coarse: Grid, classes: int, cells: CoarseCells | None = None
    ) -> None:
        self.fine = fine
        self.coarse = coarse
        self.classes = classes
        self.cells = cells or CoarseCells.of(fine, coarse)
        self._areas = fine.row_areas()

    def shares(self, positions: Array, domain: Array) -> FloatArray:
        """Area share of each class in the domain of each coarse cell, ``(K, Y, X)``.

        Args:
            positions: Class positions ``(y, x)`` of the whole fine grid; 255 counts for nobody.
            domain: ``(y, x)`` pixels that count.

        Returns:
            Shares that sum to 1, or all 0 where a cell has no domain.
        """
        total = np.zeros((self.classes + 1) * self.cells.count)
        for row in range(0, self.fine.height, _BAND):
            band = slice(row, row + _BAND)
            used = domain[band] & (self.cells.index[band] >= 0)
            class_of = np.minimum(positions[band][used], self.classes).astype(np.int64)
            key = class_of * self.cells.count + self.cells.index[band][used]
            area = np.broadcast_to(self._areas[band, None], used.shape)[used]
            total += np.bincount(key, weights=area, minlength=total.size)
        per_class = total.reshape(self.classes + 1, *self.coarse.shape)[: self.classes]
        whole = per_class.sum(axis=0)
        shares = np.divide(per_class, whole, out=np.zeros_like(per_class), where=whole > 0)
        return np.asarray(shares, dtype=np.float32)

    def expected_shares(self, probability: FloatArray, domain: Array) -> FloatArray:
        """As ``shares``, of class probabilities ``(K, y, x)`` instead of classes."""
        area = np.where(domain & (self.cells.index >= 0), self._areas[:, None], 0.0)
        cell = np.maximum(self.cells.index, 0).ravel()
        count = self.cells.count
        sums = [np.bincount(cell, (p * area).ravel(), minlength=count) for p in probability]
        per_class = np.stack(sums).reshape(self.classes, *self.coarse.shape)
        whole = per_class.sum(axis=0)
        shares = np.divide(per_class, whole, out=np.zeros_like(per_class), where=whole > 0)
        return np.asarray(shares, dtype=np.float32)

    def domain_area(self, domain: Array) -> npt.NDArray[np.float64]:
        """Area in m² of the domain in each coarse cell, flat ``(cells,)``."""
        total = np.zeros(self.cells.count)
        for row in range(0, self.fine.height, _BAND):
            band = slice(row, row + _BAND)
            used = domain[band] & (self.cells.index[band] >= 0)
            area = np.broadcast_to(self._areas[band, None], used.shape)[used]
            total += np.bincount(self.cells.index[band][used], area, minlength=total.size)
        return total

    def window(
        self, window: Window, domain_area: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Cells of a window, numbered from 0, and each pixel's share of its cell's domain.

        Both ``(y, x)``; a pixel outside the grid has cell 0 and share 0.
        """
        index = np.full(window.shape, -1, dtype=np.int64)
        area = np.zeros(window.shape)
        for piece in self.fine.pieces(window):
            index[piece.target] = self.cells.index[piece.source]
            area[piece.target] = self._areas[piece.source[0], None]
        total = np.where(index >= 0, domain_area[np.maximum(index, 0)], 0.0)
        share = np.divide(area, total, out=np.zeros_like(area), where=total > 0)
        _, local = np.unique(index, return_inverse=True)
        return local.reshape(window.shape).astype(np.int64), share.astype(np.float32)
