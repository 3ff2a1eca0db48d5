"""Formats: how files are written, read in one way: NetCDF, times, HDF-EOS, GRIB.

What is missing is missing as the file writes it; a grid lies where bounds, then coordinates say; a
time is what its bounds, then its stamp say. A failure is one sentence of ``ai4land.errors``.
"""

from ai4land.formats.grib import GribMessage, grib_messages, grib_values
from ai4land.formats.hdf4 import Hdf4File, HdfGrid, degrees_of, opened_hdf4
from ai4land.formats.layout import (
    Layout,
    layout_from_axes,
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
from ai4land.formats.packing import Packing, whole
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
    "GribMessage",
    "Hdf4File",
    "HdfGrid",
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
    "degrees_of",
    "grib_messages",
    "grib_values",
    "instants_of",
    "layout_from_axes",
    "layout_from_transform",
    "map_of",
    "maps_in",
    "opened_hdf4",
    "opened_netcdf",
    "read_times",
    "same_grid",
    "whole",
    "years_of",
]
