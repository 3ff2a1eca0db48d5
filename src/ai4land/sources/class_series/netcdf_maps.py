"""Maps of classes in NetCDF: one map of a file, read as a raster is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from ai4land.formats import class_codes
from ai4land.grid import Window
from ai4land.sources.layout import Layout
from ai4land.sources.netcdf import opened, read_layout
from ai4land.sources.source import Array
from ai4land.vocabulary import Legend

__all__ = ["NetcdfClassMap"]


@dataclass(frozen=True, slots=True)
class NetcdfClassMap:
    """A map of classes in a NetCDF variable; bytes are unsigned, whatever the file calls them.

    Attributes:
        path: The file.
        name: The variable.
        layout: How its rows and columns lie.
        index: Position on the leading dimension, ``None`` if it has none.
        nodata: The file's own missing value.
    """

    path: Path
    name: str
    layout: Layout
    index: int | None
    nodata: float | None

    @classmethod
    def of(
        cls, dataset: netCDF4.Dataset, array: netCDF4.Variable[Any], path: Path, index: int | None
    ) -> NetcdfClassMap:
        """The map of an open file.

        Raises:
            SourceError: If its last dimensions are not latitude and longitude.
        """
        layout, fill = read_layout(dataset, array, path), getattr(array, "_FillValue", None)
        nodata = None if fill is None else float(_unsigned(np.asarray([fill], array.dtype))[0])
        return cls(path, array.name, layout, index, nodata)

    def read_all(self, windows: Sequence[Window]) -> list[Array]:
        """Codes of windows as stored, north up, ``(y, x)``, the file opened once."""
        lead = () if self.index is None else (self.index,)
        with opened(self.path) as dataset:
            array = dataset[self.name]

            def block(rows: slice, cols: slice) -> Array:
                return _unsigned(np.asarray(array[(*lead, rows, cols)]))

            return [self.layout.gather(window, block) for window in windows]

    def codes(
        self,
        window: Window,
        legend: Legend,
        where: str,
        recode: Callable[[Array], Array] | None = None,
    ) -> Array:
        """Codes of a window as a legend stores them, ``(y, x)`` uint8, 255 missing."""
        values = self.read_all([window])[0]
        return class_codes(recode(values) if recode else values, legend, self.nodata, where)


def _unsigned(raw: Array) -> Array:
    """Bytes as unsigned: 220 is stored as −36 where the file has signed bytes."""
    return np.ascontiguousarray(raw).view(np.uint8) if raw.dtype == np.int8 else raw
