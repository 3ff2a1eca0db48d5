"""Maps of classes in NetCDF: one map of a file, read as a raster is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ai4land.formats import Layout, NetcdfMap, opened_netcdf
from ai4land.grid import Window
from ai4land.sources.source import Array

__all__ = ["NetcdfClassMap"]


@dataclass(frozen=True, slots=True)
class NetcdfClassMap:
    """A map of classes in a NetCDF variable.

    Attributes:
        map: The variable.
        at: Position on its other dimensions.
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

    @property
    def nodata(self) -> float | None:
        """The file's own missing value, the first if it has several."""
        packing = self.map.packing
        return float(packing.fills[0]) if packing.fills and not packing.packed else None

    def read_all(self, windows: Sequence[Window]) -> list[Array]:
        """Codes of windows, north up, ``(y, x)``, the file opened once.

        Missing ones are ``nodata``, or NaN where they are missing for another reason.
        """
        with opened_netcdf(self.path) as dataset:
            return [self._codes(self.map.stored(w, self.at, dataset)) for w in windows]

    def _codes(self, raw: Array) -> Array:
        packing = self.map.packing
        missing = packing.missing(raw)
        if packing.packed:
            return packing.values(raw)
        if self.nodata is not None:
            missing &= raw != raw.dtype.type(packing.fills[0])
        return np.where(missing, np.nan, raw) if missing.any() else raw
