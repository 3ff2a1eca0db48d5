"""Gridded drivers: any grid and clock, put on the fine pixels of a window when it is read."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ai4land.errors import SampleError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import Clock, Kind, Legend

__all__ = ["Described", "Drivers", "GriddedDrivers"]

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a driving variable without reading it.

    Attributes:
        name: Its name.
        grid: Its own grid.
        clock: Its own clock.
        kind: Classes, fractions or numbers.
        components: Names of its layers; empty for one.
        legend: Of classes, or of class fractions.
        ticks: Its times, on its own clock; none of what never changes.
    """

    name: str
    grid: Grid
    clock: Clock
    kind: Kind
    components: tuple[str, ...] = ()
    legend: Legend | None = None
    ticks: tuple[int, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names ``variable/component`` of its layers."""
        return tuple(f"{self.name}/{c}" for c in self.components) or (self.name,)


class Drivers(Protocol):
    """Serves what a model is given, in physical units."""

    @property
    def grid(self) -> Grid:
        """The fine grid on which windows are counted."""

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that there are."""

    def describe(self, name: str) -> Described:
        """What is known of a variable; an error names those that there are."""

    def window(self, names: Sequence[str], ticks: Sequence[int], window: Window) -> Array:
        """Channels on fine pixels, each by the cell in which the pixel's centre lies.

        Args:
            names: Channels ``variable/component``, or variables of one layer.
            ticks: Times of the variables' own clocks; ignored for what never changes.
            window: Window on the fine grid; may reach around a global one, and beyond it, where
                the border stands in for what lies on other grids; else there is nothing.

        Returns:
            ``(ticks, channels, y, x)``; ``float32`` with NaN missing, or codes with 255.
        """

    def cells(self, name: str, tick: int, cells: Window) -> Array:
        """A variable on its own grid, ``(components, Y, X)``; missing beyond it."""


class GriddedDrivers:
    """What drivers of any origin share: fine windows are cut from coarse ones.

    Args:
        grid: The fine grid.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The variables that there are."""

    @abstractmethod
    def describe(self, name: str) -> Described:
        """What is known of a variable."""

    @abstractmethod
    def cells(self, name: str, tick: int, cells: Window) -> Array:
        """A variable on its own grid, ``(components, Y, X)``; missing beyond it."""

    def window(self, names: Sequence[str], ticks: Sequence[int], window: Window) -> Array:
        """Channels on fine pixels; see ``Drivers``."""
        variables = dict.fromkeys(full.partition("/")[0] for full in names)
        held = {name: self._whole(name, ticks, window) for name in variables}
        if len(variables) == 1:
            (name,) = variables
            if tuple(names) == self.describe(name).channels:
                return held[name]
        parts = []
        for full in names:
            name, _, _ = full.partition("/")
            channels = self.describe(name).channels
            if full not in channels:
                raise SampleError(
                    "A driver has no such channel", expected=", ".join(channels), found=repr(full)
                )
            parts.append(held[name][:, channels.index(full)])
        return np.stack(parts, axis=1)

    def _whole(self, name: str, ticks: Sequence[int], window: Window) -> Array:
        """All layers of a variable on fine pixels, ``(ticks, components, y, x)``."""
        known = self.describe(name)
        if known.grid == self.grid:
            return np.stack([self.cells(name, tick, window) for tick in ticks])
        rows, cols = self._under(name, known.grid, window)
        low, left = int(rows.min()), int(cols.min())
        block = Window(low, left, int(rows.max()) - low + 1, int(cols.max()) - left + 1)
        found = np.stack([self.cells(name, tick, block) for tick in ticks])
        # columns first: ten times faster than both at once
        return np.take(np.take(found, cols - left, axis=-1), rows - low, axis=-2)

    def _under(self, name: str, grid: Grid, window: Window) -> tuple[IntArray, IntArray]:
        """Rows and columns of a coarse grid under the pixels of a fine window."""
        rows, cols = pixels_under(self.grid, grid, window)
        if rows.min() < 0 or cols.min() < 0:
            raise SampleError(
                "The labels reach beyond the forcing",
                where=f"variable {name!r}",
                expected=f"cover of {self.grid.describe()}",
                found=grid.describe(),
                remedy="choose a smaller region in the recipe",
            )
        return rows, cols


def pixels_under(fine: Grid, coarse: Grid, window: Window) -> tuple[IntArray, IntArray]:
    """Row and column of a coarse grid under each pixel of a fine window, −1 outside.

    Beyond the fine grid its nearest border pixel stands in; the domain hides it anyway.
    """
    rows, cols = _nearest(fine, coarse)
    down = np.arange(window.row, window.row + window.height).clip(0, fine.height - 1)
    across = np.arange(window.col, window.col + window.width)
    across = across % fine.width if fine.is_global else across.clip(0, fine.width - 1)
    return rows[down], cols[across]


@functools.lru_cache(maxsize=64)
def _nearest(fine: Grid, coarse: Grid) -> tuple[IntArray, IntArray]:
    return coarse.nearest(fine)
