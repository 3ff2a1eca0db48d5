"""Views: one variable at one time that reads windows, whether it lies in memory or in a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ai4land.cube.store import Cube
from ai4land.grid import Grid, Window

__all__ = ["ArrayView", "StoreView", "View"]

Array = npt.NDArray[Any]


class View(Protocol):
    """Values ``([layer,] y, x)`` of a grid that are read by window."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Layers, if there are any, rows and columns."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        ...

    def read(self, window: Window) -> Array:
        """Values of a window ``([layer,] y, x)``, not to be written to.

        It may reach beyond the grid, where values are missing, and around a global one.
        """
        ...


@dataclass(frozen=True, eq=False)
class ArrayView:
    """Values in memory.

    Attributes:
        values: ``([layer,] y, x)``.
        grid: Their grid.
        fill: What stands outside the grid.
    """

    values: Array
    grid: Grid
    fill: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Layers, if there are any, rows and columns."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.values.dtype

    def read(self, window: Window) -> Array:
        """Values of a window; see ``View``."""
        if window == self.grid.window:
            return self.values
        out = np.full((*self.values.shape[:-2], *window.shape), self.fill, dtype=self.dtype)
        for piece in self.grid.pieces(window):
            out[(..., *piece.target)] = self.values[(..., *piece.source)]
        return out


@dataclass(frozen=True, eq=False)
class StoreView:
    """Values in a cube, read when they are asked for.

    Attributes:
        cube: The store.
        name: Name of the variable.
        tick: The time; ``None`` for a static variable.
    """

    cube: Cube
    name: str
    tick: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Layers, if there are any, rows and columns."""
        spec = self.cube.variable(self.name)
        layers = (spec.layers,) if spec.components else ()
        return (*layers, *self.cube.grid(self.name).shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return np.dtype(self.cube.variable(self.name).dtype)

    def read(self, window: Window) -> Array:
        """Values of a window; see ``View``."""
        return self.cube.read(self.name, self.tick, window)
