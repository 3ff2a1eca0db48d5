"""Formats: how files are written, read in one way: NetCDF, times, HDF-EOS, GRIB.

What is missing is missing as the file writes it; a grid lies where bounds, then coordinates say; a
time is what its bounds, then its stamp say. A failure is one sentence of ``ai4land.errors``.
"""

from ai4land.formats.layout import (
    Layout,
    layout_from_axes,
    layout_from_centres,
    layout_from_transform,
    same_grid,
)
from ai4land.formats.netcdf import (
    NetcdfMap,
    Rows,
    check_units,
    chosen,
    map_of,
    maps_in,
    opened_netcdf,
)
from ai4land.formats.packing import Packing
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
    "Instants",
    "Layout",
    "NetcdfMap",
    "Packing",
    "Rows",
    "Stamp",
    "Times",
    "check_units",
    "chosen",
    "days_of",
    "instants_of",
    "layout_from_axes",
    "layout_from_centres",
    "layout_from_transform",
    "map_of",
    "maps_in",
    "opened_netcdf",
    "read_times",
    "same_grid",
    "years_of",
]
