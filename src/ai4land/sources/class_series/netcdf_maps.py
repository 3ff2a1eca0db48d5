"""Maps of classes in NetCDF: one map of a file, read as a raster is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ai4land.formats import Layout, NetcdfMap, class_codes, opened_netcdf
from ai4land.grid import Window
from ai4land.sources.source import Array
from ai4land.vocabulary import Legend

__all__ = ["NetcdfClassMap"]


@dataclass(frozen=True, slots=True)
class NetcdfClassMap:
    """A map of classes in a NetCDF variable.

    Attributes:
        map: The variable.
        at: Position on each dimension beside latitude and longitude.
    """

    map: NetcdfMap
    at: Mapping[str, int] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file."""
        return self.map.path

    @property
    def layout(self) -> Layout:
        """How its rows and columns lie."""
        return self.map.layout

    def read_all(self, windows: Sequence[Window]) -> list[Array]:
        """Codes of windows as stored, north up, ``(y, x)``, the file opened once."""
        with opened_netcdf(self.path) as dataset:
            return [self.map.stored(window, self.at, dataset) for window in windows]

    def codes(
        self,
        window: Window,
        legend: Legend,
        where: str,
        recode: Callable[[Array], Array] | None = None,
    ) -> Array:
        """Codes of a window as a legend stores them, ``(y, x)`` uint8, 255 missing.

        The file's fill value is missing unless the legend gives it a meaning.
        """
        raw, missing = self.map.classes(window, () if recode else legend.stored, self.at)
        return class_codes(recode(raw) if recode else raw, legend, None, where, missing)
