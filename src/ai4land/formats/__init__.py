"""How files are written: each kind of file, system, time and missing value is read in one way.

What is missing is missing as the file writes it; a grid lies where bounds, then coordinates say; a
time is what its bounds, then its stamp say; two systems are one if nothing moves from one to the
other. A failure is one sentence of ``ai4land.errors``. Names are loaded when they are used, so
that a room that opens no file brings no library along.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai4land.formats.codes import class_codes, codes_in, decoded
    from ai4land.formats.grib import GribMessage, grib_messages, grib_values
    from ai4land.formats.hdf4 import Hdf4File, HdfGrid, degrees_of, opened_hdf4
    from ai4land.formats.layout import Layout, layout_from_axes, layout_from_transform, same_grid
    from ai4land.formats.netcdf import (
        NetcdfMap,
        Rows,
        check_units,
        chosen,
        map_of,
        maps_in,
        opened_netcdf,
        time_of,
    )
    from ai4land.formats.packing import Packing, whole
    from ai4land.formats.polygons import Polygons, holds_polygons, read_polygons
    from ai4land.formats.rasters import (
        Raster,
        check_same_grid,
        missing_values,
        open_raster,
        opened_raster,
    )
    from ai4land.formats.systems import (
        LONGITUDES,
        PixelAreas,
        RasterGrid,
        is_wgs84,
        moved,
        same_system,
        shift,
    )
    from ai4land.formats.times import (
        Instants,
        Stamp,
        Times,
        days_of,
        instants_of,
        read_times,
        years_of,
    )

__all__ = [
    "LONGITUDES",
    "GribMessage",
    "Hdf4File",
    "HdfGrid",
    "Instants",
    "Layout",
    "NetcdfMap",
    "Packing",
    "PixelAreas",
    "Polygons",
    "Raster",
    "RasterGrid",
    "Rows",
    "Stamp",
    "Times",
    "check_same_grid",
    "check_units",
    "chosen",
    "class_codes",
    "codes_in",
    "days_of",
    "decoded",
    "degrees_of",
    "grib_messages",
    "grib_values",
    "holds_polygons",
    "instants_of",
    "is_wgs84",
    "layout_from_axes",
    "layout_from_transform",
    "map_of",
    "maps_in",
    "missing_values",
    "moved",
    "open_raster",
    "opened_hdf4",
    "opened_netcdf",
    "opened_raster",
    "read_polygons",
    "read_times",
    "same_grid",
    "same_system",
    "shift",
    "time_of",
    "whole",
    "years_of",
]

_NAMES = {
    "codes": "class_codes codes_in decoded",
    "grib": "GribMessage grib_messages grib_values",
    "hdf4": "Hdf4File HdfGrid degrees_of opened_hdf4",
    "layout": "Layout layout_from_axes layout_from_transform same_grid",
    "netcdf": "NetcdfMap Rows check_units chosen map_of maps_in opened_netcdf time_of",
    "packing": "Packing whole",
    "polygons": "Polygons holds_polygons read_polygons",
    "rasters": "Raster check_same_grid missing_values open_raster opened_raster",
    "systems": "LONGITUDES PixelAreas RasterGrid is_wgs84 moved same_system shift",
    "times": "Instants Stamp Times days_of instants_of read_times years_of",
}
_HOMES = MappingProxyType({name: home for home, names in _NAMES.items() for name in names.split()})


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"ai4land.formats.{_HOMES[name]}"), name)
