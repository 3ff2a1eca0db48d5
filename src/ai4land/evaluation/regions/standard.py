"""Standard partitions: bands of latitude, climate zones, the land of coarse cells."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.evaluation.regions.partition import Regions
from ai4land.grid import Grid
from ai4land.metrics import complete_cells, latitude_bands
from ai4land.vocabulary import Clock

__all__ = ["by_climate", "by_completeness", "by_latitude"]

_WIDTHS = (30.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.25, 0.1)
_WHOLE = 0.999  # share of land of a cell that is all land
_CLIMATE = "climate_zone"


def by_latitude(grid: Grid, whole: Grid) -> Regions:
    """Bands of latitude of a round width, about four of them on the whole map.

    Args:
        grid: The pixels that are wanted.
        whole: The grid of the map that they are a part of.
    """
    north, south = float(whole.north), float(whole.south)
    width = next((w for w in _WIDTHS if (north - south) / w >= 2.5), _WIDTHS[-1])
    top, bottom = math.ceil(north / width), math.floor(south / width)
    edges = [n * width for n in range(top, bottom - 1, -1)]
    names = {
        n: f"{_degrees(low)} to {_degrees(high)}"
        for n, (high, low) in enumerate(itertools.pairwise(edges))
    }
    return Regions("Band of latitude", latitude_bands(grid, edges), names)


def by_climate(cube: Cube, grid: Grid, clock: Clock, tick: int) -> Regions | None:
    """Climate zones of the cube at the start; ``None`` if it has none there."""
    if _CLIMATE not in cube.variables:
        return None
    spec, group = cube.variable(_CLIMATE), cube.group(_CLIMATE)
    own = None if group.clock is Clock.STATIC else tick
    if spec.legend is None or group.clock not in {Clock.STATIC, clock}:
        return None
    if own is not None and own not in group.ticks:
        return None
    rows, cols = cube.grid(_CLIMATE).nearest(grid)
    codes = cube.read(_CLIMATE, own)[np.ix_(rows, cols)].astype(np.int32)
    known = np.isin(codes, spec.legend.codes) & (rows >= 0)[:, None] & (cols >= 0)[None, :]
    names = {cls.code: cls.name.replace("_", " ") for cls in spec.legend.classes}
    return Regions("Climate zone", np.where(known, codes, -1), names)


def by_completeness(
    land: npt.NDArray[np.bool_], cells: npt.NDArray[np.int32], areas: npt.NDArray[np.float64] | None
) -> Regions:
    """How much of its coarse cell is land."""
    found = complete_cells(land, cells, areas)
    kinds = np.full(int(cells.max()) + 2, -1, np.int32)  # the last one is for no cell, −1
    kinds[found.cells] = (found.share >= found.least).astype(np.int32) + (found.share >= _WHOLE)
    labels = kinds[cells]
    names = {0: "cells under half land", 1: "half land or more", 2: "all land"}
    return Regions("Land in the coarse cell", labels, names)


def _degrees(value: float) -> str:
    side = "N" if value > 0 else "S" if value < 0 else ""
    return f"{abs(value):g}°{side}"
