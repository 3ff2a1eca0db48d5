"""What a method that does not conserve costs: areas and means before and after, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid import Grid, overlap
from ai4land.regrid.aggregate import class_areas, conservative
from ai4land.vocabulary import NO_DATA

__all__ = ["AreaBias", "class_area_bias", "mean_bias"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AreaBias:
    """What conservative regridding would have kept, and what another method gives.

    Attributes:
        before: Area of each class in m², or area-weighted mean of each layer in its own unit, in
            the part of the source grid that the target grid covers, shape ``(K,)``.
        after: The same on the target grid, shape ``(K,)``.
    """

    before: FloatArray
    after: FloatArray

    @property
    def relative(self) -> FloatArray:
        """``after / before − 1``, shape ``(K,)``; NaN where there was nothing before."""
        nothing = self.before == 0.0
        share = self.after / np.where(nothing, 1.0, self.before) - 1.0
        return np.asarray(np.where(nothing, np.nan, share))


def class_area_bias(
    before: npt.NDArray[np.uint8],
    source: Grid,
    after: npt.NDArray[np.uint8],
    target: Grid,
    n_classes: int,
) -> AreaBias:
    """Area of each class before and after a majority or nearest-neighbour resampling.

    Args:
        before: Class indices on the source grid, shape ``(y, x)``; 255 unknown.
        source: Grid of ``before``.
        after: Class indices on the target grid, shape ``(Y, X)``; 255 unknown.
        target: Grid of ``after``.
        n_classes: Number of classes K.

    Raises:
        GridError: If a map does not fit its grid, or the grids do not meet.
    """
    if after.shape != target.shape:
        raise GridError("The map does not fit its grid", expected=target.shape, found=after.shape)
    areas = class_areas(before, n_classes, overlap(source, target)).sum(axis=(1, 2))
    rows = np.broadcast_to(target.row_areas()[:, None], target.shape)
    slot = np.where(after == NO_DATA, n_classes, after)
    sums = np.bincount(slot.ravel(), rows.ravel(), minlength=n_classes + 1)
    return AreaBias(areas, np.asarray(sums[:n_classes], dtype=np.float64))


def mean_bias(
    before: npt.NDArray[np.floating], source: Grid, after: npt.NDArray[np.floating], target: Grid
) -> AreaBias:
    """Area-weighted mean before and after a bilinear or nearest-neighbour resampling.

    Args:
        before: Values on the source grid, shape ``(C, y, x)`` or ``(y, x)``; NaN missing.
        source: Grid of ``before``.
        after: Values on the target grid, shape ``(C, Y, X)`` or ``(Y, X)``; NaN missing.
        target: Grid of ``after``.

    Returns:
        Means over the target cells that both know; 0 where there are none.

    Raises:
        GridError: If values do not fit their grid, or the grids do not meet.
    """
    layers = before[None] if before.ndim == 2 else before
    made = after[None] if after.ndim == 2 else after
    if made.shape[-2:] != target.shape:
        raise GridError("Values do not fit their grid", expected=target.shape, found=made.shape)
    valid = np.asarray(np.isfinite(layers).all(axis=0))
    kept = conservative(layers, overlap(source, target), valid)
    both = np.isfinite(kept).all(axis=0) & np.isfinite(made).all(axis=0)
    weights = np.where(both, target.row_areas()[:, None], 0.0)
    weights /= max(float(weights.sum()), 1.0)
    means = [(np.where(both, values, 0.0) * weights).sum(axis=(1, 2)) for values in (kept, made)]
    return AreaBias(means[0], means[1])
