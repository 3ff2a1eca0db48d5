"""Land-use codes of the simulation, and the view of a fine map as coarse cells of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.spec import PlanetSpec
from ai4land.vocabulary import legend

__all__ = [
    "CLASSES",
    "CODES",
    "CROPLAND",
    "DYNAMIC",
    "FOREST",
    "GRASS",
    "ICE",
    "OCEAN",
    "PASTURE",
    "SPARSE",
    "URBAN",
    "WATER",
    "count",
    "to_cells",
    "to_map",
]

IntArray = npt.NDArray[np.int64]

CLASSES = legend("hildaplus_v1").names
CODES = np.array(legend("hildaplus_v1").codes, dtype=np.uint8)
"""HILDA+ code of each simulated class; inside the simulation a class is its position here."""

URBAN, CROPLAND, PASTURE, FOREST, GRASS, SPARSE, WATER, ICE, OCEAN = range(len(CLASSES))
DYNAMIC = 6
"""The first six classes change; water, ice and ocean never do."""


def to_cells(array: npt.NDArray[Any], ratio: int) -> npt.NDArray[Any]:
    """Reorder a map ``(y, x)`` to ``(cell, pixel)``, cells and pixels row by row."""
    height, width = array.shape
    blocks = array.reshape(height // ratio, ratio, width // ratio, ratio)
    return np.ascontiguousarray(blocks.swapaxes(1, 2)).reshape(-1, ratio * ratio)


def to_map(cells: npt.NDArray[Any], spec: PlanetSpec) -> npt.NDArray[Any]:
    """Reorder ``(cell, pixel)`` to a map ``(y, x)``, the inverse of ``to_cells``."""
    coarse, ratio = spec.coarse, spec.ratio
    blocks = cells.reshape(coarse.height, coarse.width, ratio, ratio).swapaxes(1, 2)
    return np.ascontiguousarray(blocks).reshape(spec.domain.shape)


def count(cells: npt.NDArray[np.uint8], classes: int = DYNAMIC) -> IntArray:
    """Pixels of each of the first classes in each cell, shape ``(cell, class)``."""
    return np.stack([(cells == k).sum(axis=1) for k in range(classes)], axis=1)
