"""A new driver: roads that nobody stores, built from south to north as the years go by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid, Window
from ai4land.samples import Described, GriddedDrivers
from ai4land.vocabulary import Clock, Kind


class WithRoads(GriddedDrivers):
    """Other drivers, and roads beside them.

    Args:
        inner: The other drivers.
        coarse: Where roads are counted.
        pace: Rows of cells that they win in a year.
    """

    def __init__(self, inner: GriddedDrivers, coarse: Grid, pace: float = 0.5) -> None:
        super().__init__(inner.grid)
        self.inner = inner
        self.pace = pace
        self.about = Described("roads", coarse, Clock.YEAR, Kind.CONTINUOUS, ("paved", "unpaved"))

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.inner.names, self.about.name)

    def describe(self, name: str) -> Described:
        return self.about if name == self.about.name else self.inner.describe(name)

    def cells(self, name: str, tick: int, cells: Window) -> npt.NDArray[Any]:
        if name != self.about.name:
            return self.inner.cells(name, tick, cells)
        rows = np.arange(cells.row, cells.row + cells.height, dtype=np.float32)
        paved = np.maximum(rows - self.about.grid.height + self.pace * (tick - 1999), 0)
        return np.stack([np.repeat(km[:, None], cells.width, 1) for km in (paved, 2 * paved)])
