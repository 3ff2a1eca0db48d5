"""Land cover files as ESA CCI and C3S write them: NetCDF in both packings, GeoTIFF tiles."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.geotiff import write_geotiff
from ai4land.vocabulary import legend

if TYPE_CHECKING:
    import netCDF4

__all__ = ["esacci_name", "tile_name", "write_esacci", "write_esacci_tile"]

ClassMap = npt.NDArray[np.uint8]


def esacci_name(year: int, edition: str) -> str:
    """File name of a year.

    Args:
        year: The year.
        edition: ``v2.0.7`` (signed bytes, no time), ``v2.0.7cds`` or ``v2.1.1``.
    """
    producer = "C3S" if edition == "v2.1.1" else "ESACCI"
    return f"{producer}-LC-L4-LCCS-Map-300m-P1Y-{year}-{edition}.nc"


def write_esacci(path: Path, year: int, codes: ClassMap, grid: Grid, edition: str) -> Path:
    """Write the map of a year with its four quality layers.

    Args:
        path: The file, named by ``esacci_name``.
        year: The year, for the time axis.
        codes: Class codes, 0 no data, on ``grid``.
        grid: The pixels.
        edition: See ``esacci_name``.
    """
    import netCDF4

    signed = edition == "v2.0.7"
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.setncatts(
            {
                "title": "Land Cover Map in the form of ESA CCI",
                "Conventions": "CF-1.6",
                "product_version": edition.removesuffix("cds").removeprefix("v"),
                "time_coverage_start": f"{year}0101",
                "time_coverage_end": f"{year}1231",
                "geospatial_lat_max": str(float(grid.north)),
                "geospatial_lon_min": str(float(grid.west)),
            }
        )
        _axes(file, year, grid, timed=not signed)
        dims = ("lat", "lon") if signed else ("time", "lat", "lon")
        kinds = {"lccs_class": "i1" if signed else "u1", "processed_flag": "i1"}
        kinds |= {"current_pixel_state": "i1", "observation_count": "u2", "change_count": "i1"}
        for name, kind in kinds.items():
            array = file.createVariable(name, kind, dims, zlib=True, complevel=1, fill_value=False)
            array.set_auto_maskandscale(False)
            if name == "lccs_class":
                _describe(array, signed)
                values = codes.view(np.int8) if signed else codes
            else:
                array.setncatts({"long_name": name.replace("_", " "), "valid_min": 0})
                values = np.ones(grid.shape, dtype=kind)
            array[:] = values if signed else values[None]
        crs = file.createVariable("crs", "i4", ())
        step = float(grid.dx)
        crs.i2m = f"{step:.15f},0.0,0.0,-{step:.15f},{float(grid.west)},{float(grid.north)}"
    return path


def _axes(file: netCDF4.Dataset, year: int, grid: Grid, *, timed: bool) -> None:
    file.createDimension("bounds", 2)
    if timed:
        file.createDimension("time", 1)
        time = file.createVariable("time", "f8", ("time",))
        time.setncatts(
            {
                "standard_name": "time",
                "units": "days since 1970-01-01 00:00:00",
                "axis": "T",
                "bounds": "time_bounds",
            }
        )
        time[:] = (dt.date(year, 1, 1) - dt.date(1970, 1, 1)).days
    for name, long_name, centres, edges in (
        ("lat", "latitude", grid.latitudes(), grid.latitude_edges()),
        ("lon", "longitude", grid.longitudes(), grid.longitude_edges()),
    ):
        file.createDimension(name, centres.size)
        axis = file.createVariable(name, "f8", (name,))
        axis.setncatts(
            {
                "standard_name": long_name,
                "units": f"degrees_{'north' if name == 'lat' else 'east'}",
                "bounds": f"{name}_bounds",
            }
        )
        axis[:] = centres
        bounds = file.createVariable(f"{name}_bounds", "f8", (name, "bounds"))
        bounds[:] = np.stack([edges[:-1], edges[1:]], axis=1)


def _describe(array: netCDF4.Variable[np.generic], signed: bool) -> None:
    """The attributes of ``lccs_class``: 38 flag values and 37 colours, none for 0."""
    known = legend("esa_cci_lc")
    values = np.array([0, *known.codes], dtype=np.uint8)
    array.setncatts(
        {
            "standard_name": "land_cover_lccs",
            "long_name": "Land cover class defined in LCCS",
            "flag_colors": " ".join(known.colours),
            "flag_meanings": " ".join(["no_data", *known.names]),
            "flag_values": values.view(np.int8) if signed else values,
            "valid_min": np.int8(1) if signed else np.uint8(1),
            "valid_max": np.int8(-36) if signed else np.uint8(220),
            "ancillary_variables": "processed_flag current_pixel_state observation_count "
            "change_count",
        }
    )
    if signed:
        array.setncattr("_Unsigned", "true")


def tile_name(year: int, grid: Grid) -> str:
    """File name of a GeoTIFF tile, named after its south-western corner in whole degrees."""
    south, west = math.ceil(grid.south), math.floor(grid.west)
    corner = f"{'S' if south < 0 else 'N'}{abs(south):02d}{'W' if west < 0 else 'E'}{abs(west):03d}"
    return f"C3S-LC-L4-LCCS-Map-300m-P1Y-{year}-v2.1.1-{corner}-lccs_class.tif"


def write_esacci_tile(path: Path, codes: ClassMap, grid: Grid) -> Path:
    """Write a GeoTIFF tile: uint8, blocks of 512, deflate, 0 no data, the colours as palette.

    Args:
        path: The file, named by ``tile_name``.
        codes: Class codes on ``grid``.
        grid: The pixels.
    """
    colours = {0: (0, 0, 0, 0)}
    for cls in legend("esa_cci_lc").classes:
        red, green, blue = (int(cls.colour[k : k + 2], 16) for k in (1, 3, 5))
        colours[cls.code] = (red, green, blue, 255)
    return write_geotiff(
        path,
        [codes],
        grid.transform,
        colours=colours,
        nodata=0,
        compress="deflate",
        tiled=True,
        blockxsize=512,
        blockysize=512,
    )
