"""The grids on which the coarser products of a synthetic planet come, and fields on them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid, overlap
from ai4land.regrid import conservative

__all__ = ["mean_on", "node_grid", "product_grid"]

FloatArray = npt.NDArray[np.float64]


def product_grid(domain: Grid, native: Fraction) -> Grid:
    """Cells of a product over a planet, on whole multiples of their size.

    Args:
        domain: The planet's pixels.
        native: Size of the product's cells in degrees; where pixels are larger, the pixels are
            the cells.

    Returns:
        The cells that touch the domain.
    """
    if native <= domain.dx:
        return domain
    left, right = math.floor(domain.west / native), math.ceil(domain.east / native)
    bottom, top = math.floor(domain.south / native), math.ceil(domain.north / native)
    return Grid(left * native, top * native, native, native, top - bottom, right - left)


def node_grid(domain: Grid, native: Fraction) -> Grid:
    """Cells around nodes on whole multiples of their distance, as a reanalysis has them.

    Args:
        domain: The planet's pixels.
        native: Distance of the nodes in degrees; where pixels are larger, theirs.

    Returns:
        Around a globe: nodes on both poles, whose rows are half as high, and longitudes from 0.
        Else the nodes in the domain and the next ones around it.
    """
    step = max(native, domain.dx)
    reach = math.floor(90 / step)
    top = min(math.ceil(domain.north / step), reach)
    bottom = max(math.floor(domain.south / step), -reach)
    left, columns = 0, int(360 / step)
    if not domain.is_global:
        left = math.floor(domain.west / step)
        columns = math.ceil(domain.east / step) - left + 1
    half = step / 2
    return Grid(left * step - half, top * step + half, step, step, top - bottom + 1, columns)


def mean_on(
    values: npt.NDArray[np.floating | np.bool_],
    source: Grid,
    target: Grid,
    where: npt.NDArray[np.bool_],
) -> FloatArray:
    """Area-weighted mean of some pixels in each cell of a product.

    Args:
        values: On ``source``, ``(y, x)``.
        source: The planet's pixels.
        target: The product's cells.
        where: The pixels that count.

    Returns:
        On ``target``; NaN where no such pixel lies.
    """
    if source == target:
        return np.where(where, values, np.nan).astype(np.float64)
    return conservative(np.asarray(values, dtype=np.float64), overlap(source, target), where)
