"""Slope and aspect of elevation, with cell sizes in metres on the sphere."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid.grid import Grid

__all__ = ["slope_aspect"]

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
_BLOCK = 4_000_000  # cells worked on at once, so that a global map needs no global temporaries


def slope_aspect(
    elevation: npt.NDArray[np.floating | np.integer], grid: Grid
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Slope and downslope direction of every cell.

    Gradients are the 1–2–1 weighted central differences of a 3 × 3 neighbourhood (Horn 1981,
    Proc. IEEE 69, 14), each row's eastward difference over the true length of its own cells, on
    the sphere of the grid's authalic radius. Columns of a global grid close around the globe;
    at any other border the difference is one-sided. Nothing is smoothed beyond that kernel.

    Args:
        elevation: Height in m, shape ``(y, x)``, no missing values.
        grid: Grid of the elevation, at least two rows and two columns.

    Returns:
        Slope in degrees (0…90), and the cosine (north) and sine (east) of the downslope
        direction clockwise from north, both 0 where the ground is flat; each ``(y, x)``.

    Raises:
        GridError: If the shape is not the grid's, too small, or a height is not a number.
    """
    if elevation.shape != grid.shape or min(grid.shape) < 2:
        raise GridError(
            "Elevation does not fit its grid",
            expected=f"shape {grid.shape}, at least 2 × 2",
            found=elevation.shape,
        )
    if not np.isfinite(elevation).all():
        raise GridError(
            "Elevation with missing values has no slope",
            found=f"{int((~np.isfinite(elevation)).sum())} cells without a number",
            remedy="give the sea its depth or 0 m before deriving slopes",
        )
    slope, north, east = (np.empty(grid.shape, np.float32) for _ in range(3))
    step = max(_BLOCK // grid.width, 1)
    for first in range(0, grid.height, step):
        rows = slice(first, min(first + step, grid.height))
        up, right = _gradient(elevation, grid, rows)
        steepness = np.hypot(up, right)
        slope[rows] = np.degrees(np.arctan(steepness))
        steepness[steepness == 0.0] = np.inf  # flat: no direction
        north[rows] = -up / steepness
        east[rows] = -right / steepness
    return slope, north, east


def _gradient(
    elevation: npt.NDArray[np.floating | np.integer], grid: Grid, rows: slice
) -> tuple[FloatArray, FloatArray]:
    """Northward and eastward gradient (m per m) of a block of rows."""
    metres = grid.earth.authalic_radius * math.radians(1.0)
    z = _with_border(elevation, grid, rows)
    lines = np.clip(np.arange(rows.start - 1, rows.stop + 1), 0, grid.height - 1)
    middle = 90.0 - float(grid.dy) / 4.0  # of a half row, whose node on the pole has no length
    latitude = np.clip(grid.latitudes()[lines], -middle, middle)
    width = metres * float(grid.dx) * np.cos(np.radians(latitude))
    across = (z[:, 2:] - z[:, :-2]) / (2.0 * width[:, None])
    eastward = (across[:-2] + 2.0 * across[1:-1] + across[2:]) / 4.0
    along = (z[:-2] - z[2:]) / (2.0 * metres * float(grid.dy))
    northward = (along[:, :-2] + 2.0 * along[:, 1:-1] + along[:, 2:]) / 4.0
    return northward, eastward


def _with_border(
    elevation: npt.NDArray[np.floating | np.integer], grid: Grid, rows: slice
) -> FloatArray:
    """Rows with one more cell on each side: the neighbour, or the straight line onward.

    A straight continuation makes the central difference at a border the one-sided one.
    """
    z = np.empty((rows.stop - rows.start + 2, grid.width + 2))
    low, high = max(rows.start - 1, 0), min(rows.stop + 1, grid.height)
    z[low - rows.start + 1 : high - rows.start + 1, 1:-1] = elevation[low:high]
    inner = z[:, 1:-1]
    if rows.start == 0:
        inner[0] = 2.0 * elevation[0].astype(np.float64) - elevation[1]
    if rows.stop == grid.height:
        inner[-1] = 2.0 * elevation[-1].astype(np.float64) - elevation[-2]
    if grid.is_global:
        z[:, 0], z[:, -1] = inner[:, -1], inner[:, 0]
    else:
        z[:, 0] = 2.0 * inner[:, 0] - inner[:, 1]
        z[:, -1] = 2.0 * inner[:, -1] - inner[:, -2]
    return z
