"""Drivers from a cube."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.errors import CubeError
from ai4land.grid import Grid, Window
from ai4land.samples.drivers.gridded import Described, GriddedDrivers
from ai4land.vocabulary import Clock

__all__ = ["CubeDrivers"]


class CubeDrivers(GriddedDrivers):
    """Reads variables of a cube by window; the cube keeps the chunks it decoded last.

    Args:
        cube: Where values come from.
        grid: The fine grid, usually that of the labels.
    """

    def __init__(self, cube: Cube, grid: Grid) -> None:
        super().__init__(grid)
        self.cube = cube

    @property
    def names(self) -> tuple[str, ...]:
        """The variables of the cube."""
        return self.cube.variables

    def describe(self, name: str) -> Described:
        """What is known of a variable; raises ``CubeError`` if there is none of that name."""
        group, spec = self.cube.group(name), self.cube.variable(name)
        kind, legend = spec.variable.kind, spec.legend
        return Described(name, group.grid, group.clock, kind, spec.components, legend, group.ticks)

    def cells(self, name: str, tick: int, cells: Window) -> npt.NDArray[Any]:
        """A variable on its own grid, ``(components, Y, X)``.

        Raises:
            CubeError: If the cube does not hold that time.
        """
        group = self.cube.group(name)
        static = group.clock is Clock.STATIC
        if not static and tick not in group.ticks:
            raise CubeError(
                "A driver has no such time",
                where=f"{name}, {self.cube.path}",
                expected=group.clock.span(group.ticks),
                found=group.clock.label(tick),
                remedy="build the cube for more years, or choose others",
            )
        values = self.cube.read(name, None if static else tick, cells)
        return values if values.ndim == 3 else values[None]
