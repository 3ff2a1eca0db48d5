"""Exact overlap of two grids: which fine cells share which area with which coarse cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid.grid import Grid

__all__ = ["AxisOverlap", "Overlap", "overlap"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_SLIVER = 1e-9  # a shared length below this share of a fine cell is rounding, not overlap


@dataclass(frozen=True, slots=True)
class AxisOverlap:
    """Pairs of overlapping intervals on one axis.

    Attributes:
        fine: Index of the fine interval, ascending, shape ``(pairs,)``.
        coarse: Index of the coarse interval, shape ``(pairs,)``.
        length: Shared measure: zone area per radian (m²) on rows, radians on columns.
    """

    fine: IntArray
    coarse: IntArray
    length: FloatArray


@dataclass(frozen=True, slots=True)
class Overlap:
    """Overlap of a fine with a coarse grid; shared area = row length × column length in m²."""

    fine: Grid
    coarse: Grid
    rows: AxisOverlap
    cols: AxisOverlap


def overlap(fine: Grid, coarse: Grid) -> Overlap:
    """Find all shared areas of two grids, at any ratio and offset, across the date line.

    Raises:
        GridError: If the grids use different earth models or do not meet.
    """
    if fine.earth != coarse.earth:
        raise GridError(
            "Grids on different earth models", expected=fine.earth.name, found=coarse.earth.name
        )
    zone = fine.earth.zone_area
    rows = _pairs(
        -fine.latitude_edges(), -coarse.latitude_edges(), measure=lambda x: -zone(np.asarray(-x))
    )
    parts = [
        _pairs(fine.longitude_edges(), coarse.longitude_edges() + turn, measure=np.radians)
        for turn in (-360.0, 0.0, 360.0)
    ]
    fine_index = np.concatenate([p.fine for p in parts])
    order = np.argsort(fine_index, kind="stable")
    cols = AxisOverlap(
        fine_index[order],
        np.concatenate([p.coarse for p in parts])[order],
        np.concatenate([p.length for p in parts])[order],
    )
    if rows.fine.size == 0 or cols.fine.size == 0:
        raise GridError("The grids do not meet", expected=fine.describe(), found=coarse.describe())
    return Overlap(fine, coarse, rows, cols)


def _pairs(
    fine: FloatArray, coarse: FloatArray, measure: Callable[[FloatArray], FloatArray]
) -> AxisOverlap:
    """Overlaps of two ascending sets of edges; ``measure`` maps positions to a measure."""
    edges = np.unique(np.concatenate([fine, coarse]))
    edges = edges[(edges >= max(fine[0], coarse[0])) & (edges <= min(fine[-1], coarse[-1]))]
    if edges.size < 2:
        empty = np.empty(0, np.int64)
        return AxisOverlap(empty, empty, np.empty(0))
    middle = (edges[:-1] + edges[1:]) / 2
    keep = np.diff(edges) > _SLIVER * (fine[1] - fine[0])
    fine_index = np.searchsorted(fine, middle, side="right") - 1
    coarse_index = np.searchsorted(coarse, middle, side="right") - 1
    length = np.diff(measure(edges))
    return AxisOverlap(fine_index[keep], coarse_index[keep], length[keep])
