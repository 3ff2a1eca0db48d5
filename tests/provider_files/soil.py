"""Soil files as their providers write them: PNNL and ELM, SoilGrids, HWSD and WaterGAP texture.

The files of PNNL are not documented; these imitate what the land model they are made for reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.geotiff import write_geotiff
from ai4land.testing.formats.netcdf import create_netcdf

if TYPE_CHECKING:
    pass

__all__ = [
    "HOMOLOSINE",
    "soilgrids_name",
    "write_hwsd",
    "write_land_parameters",
    "write_soilgrids",
    "write_soilgrids_homolosine",
    "write_watergap_texture",
]

Floats = npt.NDArray[np.floating]
HOMOLOSINE = "+proj=igh +datum=WGS84 +units=m +no_defs"
"""Coordinate system of SoilGrids 2.0: Interrupted Goode Homolosine on WGS 84."""

_SOILGRIDS_MISSING = -32768


def write_land_parameters(
    path: Path,
    grid: Grid,
    maps: Mapping[str, tuple[Floats, Mapping[str, Any]]],
    *,
    order: Sequence[str] = ("nlevsoi", "lat", "lon"),
    south_first: bool = True,
    east: bool = False,
    coordinates: Literal["axes", "tables", "none"] = "axes",
    fill: float | None = 1e36,
) -> Path:
    """Write land parameters in any of the layouts that land models use.

    Args:
        path: The file.
        grid: A global grid.
        maps: Name in the file → values, ``(y, x)`` or ``(layer, y, x)``, row 0 in the north, NaN
            missing, and attributes.
        order: Dimensions in the file; those of ``lat`` and ``lon`` are called ``lsmlat`` and
            ``lsmlon`` where the coordinates are tables.
        south_first: Write row 0 in the south.
        east: Write longitudes 0…360°.
        coordinates: One axis each, the 2-D tables ``LATIXY`` and ``LONGXY``, or nothing.
        fill: Missing value; ``None`` writes −9999 and does not declare it.
    """
    half = grid.width // 2
    names = {"lat": "lsmlat", "lon": "lsmlon"} if coordinates == "tables" else {}
    latitude, longitude = grid.latitudes(), grid.longitudes()
    latitude = latitude[::-1] if south_first else latitude
    longitude = np.roll(longitude, -half) % 360 if east else longitude
    with create_netcdf(path) as file:
        file.createDimension(names.get("lat", "lat"), grid.height)
        file.createDimension(names.get("lon", "lon"), grid.width)
        if coordinates == "axes":
            for name, axis in (("lat", latitude), ("lon", longitude)):
                file.createVariable(name, "f8", (name,))[:] = axis
        elif coordinates == "tables":
            both = ("lsmlat", "lsmlon")
            file.createVariable("LATIXY", "f8", both)[:] = np.repeat(
                latitude[:, None], grid.width, axis=1
            )
            file.createVariable("LONGXY", "f8", both)[:] = np.repeat(
                longitude[None], grid.height, axis=0
            )
        for name, (values, attributes) in maps.items():
            layered = values.ndim == 3
            if layered and "nlevsoi" not in file.dimensions:
                file.createDimension("nlevsoi", values.shape[0])
            dims = tuple(names.get(d, d) for d in order if layered or d != "nlevsoi")
            turned = values[..., ::-1, :] if south_first else values
            turned = np.roll(turned, -half, axis=-1) if east else turned
            missing = np.float32(-9999 if fill is None else fill)
            turned = np.where(np.isnan(turned), missing, turned).astype(np.float32)
            axes = ["nlevsoi", "lat", "lon"] if layered else ["lat", "lon"]
            wanted = [axes.index(d) for d in order if d in axes]
            array = file.createVariable(
                name, "f4", dims, zlib=True, fill_value=False if fill is None else missing
            )
            array.setncatts(dict(attributes))
            array[:] = turned.transpose(wanted)
    return path


def soilgrids_name(
    what: str, depth: str, *, statistic: str = "mean", resolution: str = "_1000"
) -> str:
    """File name of SoilGrids: property, depth, statistic and the resolution of an aggregate."""
    return f"{what}_{depth}_{statistic}{resolution}.tif"


def write_soilgrids(path: Path, values: Floats, grid: Grid) -> Path:
    """Write a map of SoilGrids in EPSG:4326, as its web service gives it.

    Args:
        path: The file, named by ``soilgrids_name``.
        values: In mapped units (g/kg for sand and clay, hg/m³ for ocd), NaN missing, ``(y, x)``.
        grid: Its grid, row 0 in the north.
    """
    return _write_soilgrids(path, values, "EPSG:4326", grid.transform)


def write_soilgrids_homolosine(
    path: Path, values: Floats, west: float, north: float, metres: float
) -> Path:
    """Write a map of SoilGrids in its own coordinate system.

    Args:
        path: The file, named by ``soilgrids_name``.
        values: In mapped units, NaN missing, ``(y, x)``, row 0 in the north.
        west: Western edge in m.
        north: Northern edge in m.
        metres: Side of a cell.
    """
    transform = (metres, 0.0, west, 0.0, -metres, north)
    return _write_soilgrids(path, values, HOMOLOSINE, transform)


def _write_soilgrids(path: Path, values: Floats, crs: str, transform: tuple[float, ...]) -> Path:
    stored = np.where(np.isnan(values), _SOILGRIDS_MISSING, values).astype(np.int16)
    return write_geotiff(
        path,
        [stored],
        transform,
        crs=crs,
        nodata=_SOILGRIDS_MISSING,
        compress="deflate",
        tiled=True,
        blockxsize=256,
        blockysize=256,
    )


def write_hwsd(path: Path, values: Floats, grid: Grid, name: str, units: str = "% weight") -> Path:
    """Write one map of the regridded HWSD, such as ``T_SAND.nc4``.

    Args:
        path: The file.
        values: NaN missing, ``(y, x)``, row 0 in the north.
        grid: Its grid.
        name: The variable, such as ``T_SAND``.
        units: Its units.
    """
    with create_netcdf(path) as file:
        for axis, centres in (("lat", grid.latitudes()), ("lon", grid.longitudes())):
            file.createDimension(axis, len(centres))
            coordinate = file.createVariable(axis, "f8", (axis,))
            coordinate.units = f"degrees_{'north' if axis == 'lat' else 'east'}"
            coordinate[:] = centres
        array = file.createVariable(
            name, "f4", ("lat", "lon"), zlib=True, fill_value=np.float32(-1.0)
        )
        array.setncatts({"units": units, "missing_value": np.float32(-1.0)})
        array[:] = np.where(np.isnan(values), -1.0, values)
    return path


def write_watergap_texture(path: Path, texture: Floats, grid: Grid) -> Path:
    """Write ``texture(lat, lon)`` of WaterGAP: 10 … 30, and codes below 10 for what is no soil.

    Args:
        path: The file.
        texture: −2 and −1 unknown, 0 lake, 1 rock or glacier, 2 salt lake, 10 … 30 area means of
            coarse, medium and fine, NaN at sea, ``(y, x)``, row 0 in the north.
        grid: Its grid.
    """
    with create_netcdf(path) as file:
        file.setncatts({"model_version": "WaterGAP 2.2e", "licence": "LGPL-3.0"})
        for axis, long_name, centres in (
            ("lat", "latitude", grid.latitudes()),
            ("lon", "longitude", grid.longitudes()),
        ):
            file.createDimension(axis, len(centres))
            coordinate = file.createVariable(axis, "f4", (axis,), fill_value=np.float32(np.nan))
            coordinate.setncatts(
                {
                    "standard_name": long_name,
                    "long_name": long_name,
                    "units": f"degrees_{'north' if axis == 'lat' else 'east'}",
                    "axis": "Y" if axis == "lat" else "X",
                }
            )
            coordinate[:] = centres
        array = file.createVariable("texture", "f4", ("lat", "lon"), fill_value=np.float32(np.nan))
        array.setncatts(
            {
                "standard_name": "texture",
                "long_name": "Soil texture classes",
                "description": "FAO soil texture classes",
                "units": "-",
                "legend": "coarse = 10 , medium = 20,  fine = 30, rock  or glacier"
                "(in 100% of cell land area",
            }
        )
        array[:] = texture
    return path
