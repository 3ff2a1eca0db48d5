"""Values at the cell centres of another grid: the nearest cell, or between four of them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid import Grid

__all__ = ["bilinear", "nearest", "upsample"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


def nearest(
    values: npt.NDArray[Scalar], source: Grid, target: Grid, fill: float
) -> npt.NDArray[Scalar]:
    """The value of the source cell in which each target centre lies.

    Conserves neither areas nor integrals: towards finer grids cells are repeated unevenly at
    non-nesting ratios, towards coarser ones most of them are dropped. Invents no value, so it is
    safe for classes.

    Args:
        values: Values on the source grid, shape ``(…, y, x)``, any type and unit.
        source: Grid of the values.
        target: Grid wanted.
        fill: Value where a target centre lies outside the source grid; for an integer type it
            must be one of its numbers.

    Returns:
        Shape ``(…, Y, X)`` of the target, same type and unit.

    Raises:
        GridError: If the values do not fit the source grid or the type cannot hold ``fill``.
    """
    _check_shape(values, source)
    rows, cols = source.nearest(target)
    result = _take(values, rows, cols)
    if (rows < 0).any() or (cols < 0).any():
        if np.issubdtype(values.dtype, np.integer):
            limits = np.iinfo(values.dtype.name)
            if not (limits.min <= fill <= limits.max and float(fill).is_integer()):
                raise GridError(
                    "The fill value does not fit the data type", expected=values.dtype, found=fill
                )
        result[..., rows < 0, :] = fill
        result[..., cols < 0] = fill
    return result


def upsample(coarse_values: npt.NDArray[Scalar], coarse: Grid, fine: Grid) -> npt.NDArray[Scalar]:
    """Repeat each coarse value in the fine cells whose centres it contains.

    Where the grids nest, means over coarse cells are kept exactly; elsewhere fine cells on a
    coarse edge belong wholly to one side, which is an error of at most one fine cell per edge.

    Args:
        coarse_values: Values on the coarse grid, shape ``(…, Y, X)``, any type and unit.
        coarse: Grid of the values.
        fine: Grid wanted; every cell centre must lie inside the coarse grid.

    Returns:
        Shape ``(…, y, x)`` of the fine grid, same type and unit.

    Raises:
        GridError: If the values do not fit, or fine cells lie outside the coarse grid.
    """
    _check_shape(coarse_values, coarse)
    rows, cols = coarse.nearest(fine)
    if (rows < 0).any() or (cols < 0).any():
        raise GridError(
            "Fine cells lie outside the coarse grid",
            expected=f"inside {coarse.describe()}",
            found=fine.describe(),
            remedy="crop the fine grid, or bring a coarse product that covers it",
        )
    return _take(coarse_values, rows, cols)


def bilinear(
    values: npt.NDArray[np.floating | np.integer],
    source: Grid,
    target: Grid,
    mask: npt.NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Interpolate linearly between the four nearest source centres.

    Does not conserve integrals and flattens extremes; for continuous values towards a finer grid,
    never for classes. In the outer half cells of the source the border value is kept; a global
    source closes around the globe. Weights of masked neighbours go to the valid ones.

    Args:
        values: Values on the source grid, shape ``(…, y, x)``, any unit.
        source: Grid of the values.
        target: Grid wanted; every cell centre must lie inside the source grid.
        mask: True where valid, shape ``(y, x)``; without it every value must be a number.

    Returns:
        Shape ``(…, Y, X)``, same unit; NaN only where a mask leaves no valid neighbour.

    Raises:
        GridError: If shapes do not fit, a valid value is not a number, or the target reaches
            beyond the source.
    """
    _check_shape(values, source)
    if mask is not None:
        _check_shape(mask, source)
    rows, cols = source.nearest(target)
    if (rows < 0).any() or (cols < 0).any():
        raise GridError(
            "Interpolation would leave the source grid",
            expected=f"inside {source.describe()}",
            found=target.describe(),
        )
    valid = np.ones(source.shape, bool) if mask is None else mask
    clean = np.where(valid, values, 0.0)
    if not np.isfinite(clean).all():
        raise GridError(
            "A value is not a number", remedy="pass a mask that is False where values are missing"
        )
    top, bottom, south = _neighbours(
        (float(source.north) - target.latitudes()) / float(source.dy) - 0.5, source.height
    )
    hair = 1e-9 * float(source.dx)  # a centre on the western edge may round to either side of it
    offset = np.mod(target.longitudes() - float(source.west) + hair, 360.0) - hair
    from_west = offset / float(source.dx) - 0.5
    left, right, east = _neighbours(from_west, source.width, wraps=source.is_global)
    total = np.zeros((*values.shape[:-2], *target.shape))
    weight = np.zeros(target.shape)
    for y, wy in ((top, 1.0 - south), (bottom, south)):
        for x, wx in ((left, 1.0 - east), (right, east)):
            share = wy[:, None] * wx * _take(valid, y, x)
            total += share * _take(clean, y, x)
            weight += share
    # renormalising by a weight of all four would only add rounding
    weight[np.abs(weight - 1.0) < 1e-12] = 1.0
    known = np.broadcast_to(weight > 0.0, total.shape)
    return np.divide(total, weight, out=np.full_like(total, np.nan), where=known)


def _neighbours(
    position: FloatArray, size: int, *, wraps: bool = False
) -> tuple[IntArray, IntArray, FloatArray]:
    """The cells before and after a position in cell centres, and the weight of the latter."""
    if wraps:
        before = np.floor(position)
        index = before.astype(np.int64)
        return index % size, (index + 1) % size, position - before
    inside = np.clip(position, 0.0, size - 1.0)
    index = np.minimum(inside.astype(np.int64), max(size - 2, 0))
    return index, np.minimum(index + 1, size - 1), inside - index


def _take(values: npt.NDArray[Scalar], rows: IntArray, cols: IntArray) -> npt.NDArray[Scalar]:
    return values[..., rows[:, None], cols]


def _check_shape(values: npt.NDArray[Scalar], grid: Grid) -> None:
    if values.shape[-2:] != grid.shape:
        raise GridError("Values do not fit their grid", expected=grid.shape, found=values.shape)
