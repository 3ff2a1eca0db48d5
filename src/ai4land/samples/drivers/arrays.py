"""Drivers that a program hands over as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import SampleError
from ai4land.grid import Grid, Window
from ai4land.samples.drivers.gridded import Described, GriddedDrivers
from ai4land.vocabulary import NO_DATA, Clock, Kind, nearest_name

__all__ = ["ArrayDrivers", "DriverArray"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class DriverArray:
    """One variable in memory.

    Attributes:
        about: Name, grid, clock, components.
        values: Tick → ``(components, Y, X)``, physical units with NaN missing, or codes with 255;
            of what never changes the tick is 0.
    """

    about: Described
    values: Mapping[int, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that do not lie on the grid."""
        expected = (max(len(self.about.components), 1), *self.about.grid.shape)
        for tick, values in self.values.items():
            if values.shape != expected:
                raise SampleError(
                    "A driver's values do not lie on its grid",
                    where=f"{self.about.name}, time {tick}",
                    expected=expected,
                    found=values.shape,
                )


class ArrayDrivers(GriddedDrivers):
    """Serves arrays on any coarse grid, as a coupled model hands them over.

    Args:
        grid: The fine grid.
        arrays: The variables.
    """

    def __init__(self, grid: Grid, arrays: Iterable[DriverArray]) -> None:
        super().__init__(grid)
        self._arrays = {
            a.about.name: replace(a, about=replace(a.about, ticks=tuple(sorted(a.values))))
            for a in arrays
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that were handed over."""
        return tuple(self._arrays)

    def describe(self, name: str) -> Described:
        """What is known of a variable.

        Raises:
            SampleError: If it was not handed over.
        """
        return self._array(name).about

    def cells(self, name: str, tick: int, cells: Window) -> Array:
        """A variable on its own grid, ``(components, Y, X)``; missing beyond it.

        Raises:
            SampleError: If it was not handed over for that time.
        """
        array = self._array(name)
        about = array.about
        tick = 0 if about.clock is Clock.STATIC else tick
        if tick not in array.values:
            raise SampleError(
                "A driver was not handed over for this time",
                where=name,
                expected=about.clock.label(tick) if about.clock is not Clock.STATIC else "values",
                found=", ".join(about.clock.label(t) for t in array.values) or "no time",
                remedy="give its values for the prior and the target time of every step",
            )
        whole = array.values[tick]
        fill = NO_DATA if about.kind is Kind.CATEGORICAL else np.nan
        out = np.full((len(whole), *cells.shape), fill, dtype=whole.dtype)
        for piece in about.grid.pieces(cells):
            out[(..., *piece.target)] = whole[(..., *piece.source)]
        return out

    def _array(self, name: str) -> DriverArray:
        if name not in self._arrays:
            close = nearest_name(name, self._arrays)
            raise SampleError(
                "A driver was not handed over",
                expected=name,
                found=", ".join(self._arrays) or "none",
                remedy=f"did you mean {close!r}?" if close else None,
            )
        return self._arrays[name]
