"""Maps for pictures: every so many pixels of a map that need not fit into memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.grid import Grid, Window

__all__ = ["read_thinned", "thinning"]

_WHOLE = 1 << 24  # pixels of a map that are looked at, all of them
_BAND = 1 << 25  # pixels read at once


def thinning(grid: Grid) -> int:
    """Every how many rows and columns of a grid are looked at: 1 unless the map is very large."""
    return max(1, math.isqrt(-(-grid.height * grid.width // _WHOLE) - 1) + 1)


def read_thinned(cube: Cube, name: str, tick: int, step: int) -> npt.NDArray[Any]:
    """Every so many rows and columns of a variable, from the north-western pixel on.

    Args:
        cube: The cube.
        name: A variable without components.
        tick: The time.
        step: 1 for all.

    Returns:
        ``(y, x)``, in the units of the cube.
    """
    grid = cube.grid(name)
    rows = max(_BAND // grid.width // step, 1) * step
    bands = []
    for row in range(0, grid.height, rows):
        window = Window(row, 0, min(rows, grid.height - row), grid.width)
        bands.append(cube.read(name, tick, window)[::step, ::step])
    return np.concatenate(bands)
