"""Where scores are binned, and which coarse cells are whole enough to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import GridError
from ai4land.grid import Grid
from ai4land.metrics.tables.counting import as_weights, check_shapes, numbered

__all__ = [
    "COMPLETE",
    "CompleteCells",
    "coarse_cells",
    "complete_cells",
    "latitude_bands",
    "squares",
]

COMPLETE = 0.5
"""Least share of land of a coarse cell that enters a headline score."""


def latitude_bands(grid: Grid, edges: Sequence[float]) -> NDArray[np.int32]:
    """Number the pixels of a grid by bands of latitude.

    Args:
        grid: The fine grid.
        edges: Degrees north, descending; band 0 lies between the first two.

    Returns:
        Band of each pixel by its centre, read-only int32 ``(y, x)``; −1 outside all bands.

    Raises:
        GridError: If the edges do not descend.
    """
    borders = np.asarray(edges, np.float64)
    if borders.ndim != 1 or borders.size < 2 or (np.diff(borders) >= 0).any():
        raise GridError("Bands of latitude need descending edges", found=list(edges))
    band = np.searchsorted(-borders, -grid.latitudes(), side="right") - 1
    band[band >= borders.size - 1] = -1
    return np.broadcast_to(band.astype(np.int32)[:, np.newaxis], grid.shape)


def coarse_cells(fine: Grid, coarse: Grid) -> NDArray[np.int32]:
    """Number the pixels of a fine grid by the coarse cell in which their centre lies.

    Returns:
        Cell numbers, row by row from the north-west, int32 ``(y, x)``; −1 outside.
    """
    rows, cols = coarse.nearest(fine)
    index = (rows[:, np.newaxis] * coarse.width + cols).astype(np.int32)
    index[rows < 0] = -1
    index[:, cols < 0] = -1
    return index


def squares(
    shape: tuple[int, int], side: int, part: tuple[slice, slice] | None = None
) -> NDArray[np.int32]:
    """Number the pixels of a map by squares, as blocks for a bootstrap.

    Args:
        shape: Rows and columns of the map.
        side: Pixels along the side of a square, at least 1.
        part: Rows and columns that are wanted; default all.

    Returns:
        Square of each pixel of the part, row by row from the north-west of the map, int32
        ``(y, x)``.
    """
    rows, cols = (np.arange(length, dtype=np.int32) // side for length in shape)
    across = cols[-1] + 1
    if part is not None:
        rows, cols = rows[part[0]], cols[part[1]]
    return np.asarray(rows[:, np.newaxis] * across + cols)


@dataclass(frozen=True, eq=False)
class CompleteCells:
    """Which pixels lie in coarse cells with enough land.

    Attributes:
        mask: True where the pixel's cell holds at least ``least`` of land, shape of the map.
        share: Land share of each cell that has a pixel, ``(n,)``.
        cells: Numbers of those cells, ascending, int64 ``(n,)``.
        least: The threshold.
        kept: Share of all land that lies in the cells kept.
    """

    mask: NDArray[np.bool_]
    share: NDArray[np.float64]
    cells: NDArray[np.int64]
    least: float
    kept: float

    def sentence(self) -> str:
        """What a score on these pixels must say of itself."""
        return (
            f"Coarse cells at least {self.least:.0%} land "
            f"({int((self.share >= self.least).sum())} of {len(self.share)}, "
            f"{self.kept:.0%} of the land)."
        )


def complete_cells(
    land: NDArray[np.bool_],
    cells: NDArray[np.integer[Any]],
    weights: ArrayLike | None = None,
    least: float = COMPLETE,
) -> CompleteCells:
    """Leave out the coarse cells that hold little land.

    Where the forcing is made from the labels, a cell with few land pixels nearly gives them away;
    so headline scores leave out cells that are less than half land.

    Args:
        land: True on land, ``(y, x)``; sea and missing are False.
        cells: Cell of each pixel, negative in none. A cell that the map cuts is judged by the
            part that is there.
        weights: Areas in m², broadcastable to the map; without them pixels are counted.
        least: Least share of land.

    Raises:
        GridError: If shapes differ.
    """
    check_shapes(land.shape, cells=cells)
    used = cells >= 0
    numbers, place = numbered(cells[used])
    inside = land[used]
    areas = None if weights is None else as_weights(weights, land.shape)[used]
    whole = np.bincount(place, areas, minlength=len(numbers)).astype(np.float64)
    on_land = None if areas is None else areas[inside]
    dry = np.bincount(place[inside], on_land, minlength=len(numbers)).astype(np.float64)
    share = np.divide(dry, whole, out=np.zeros_like(dry), where=whole > 0)
    mask = np.zeros(land.shape, np.bool_)
    mask[used] = (share >= least)[place]
    total = float(dry.sum())
    kept = float(dry[share >= least].sum()) / total if total else 0.0
    return CompleteCells(mask, share, numbers, least, kept)
