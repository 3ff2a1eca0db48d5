"""Labels: the maps of one target in a cube, read by window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.errors import SampleError
from ai4land.grid import Grid, Window
from ai4land.samples.coding import ClassCoding, coding_of
from ai4land.vocabulary import Legend, Target

__all__ = ["Labels"]

Array = npt.NDArray[Any]


class Labels:
    """Serves the values of a target as they are stored, or as a model counts them.

    Args:
        cube: Where they lie.
        target: What they are of.

    Raises:
        CubeError: If the cube does not hold the target.
    """

    def __init__(self, cube: Cube, target: Target) -> None:
        self.cube = cube
        self.target = target
        self.legend: Legend | None = cube.variable(target.name).legend
        self.coding = coding_of(target, self.legend)

    @property
    def grid(self) -> Grid:
        """The fine grid."""
        return self.cube.grid(self.target.name)

    @property
    def ticks(self) -> tuple[int, ...]:
        """The labelled times, on the target's clock."""
        return self.cube.group(self.target.name).ticks

    @property
    def classes(self) -> Legend:
        """The legend of a map of classes.

        Raises:
            SampleError: If the target is a number.
        """
        if not isinstance(self.coding, ClassCoding):
            raise SampleError("Only maps of classes are scored here", where=self.target.name)
        return self.coding.legend

    def codes(self, tick: int, window: Window | None = None) -> Array:
        """Values as the cube stores them, ``(y, x)``; outside the grid missing."""
        return self.cube.read(self.target.name, tick, window)

    def at(self, tick: int, window: Window | None = None) -> Array:
        """Class positions ``uint8``/255, or ``float32``/NaN, ``(y, x)``."""
        return self.coding.positions(self.codes(tick, window))

    def positions(self, codes: Array) -> Array:
        """Stored values as a model counts them."""
        return self.coding.positions(codes)

    def domain(self, codes: Array) -> npt.NDArray[np.bool_]:
        """Where the target exists, ``(y, x)``: known and not sea, from stored values."""
        return self.coding.domain(codes)

    def land(self, tick: int) -> npt.NDArray[np.bool_]:
        """Where the target exists on the whole fine grid at one time, ``(y, x)``."""
        return self.coding.domain(self.codes(tick))
