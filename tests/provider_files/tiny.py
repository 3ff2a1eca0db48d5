"""Tiny files in the providers' formats, with their traps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.transform import Affine

from ai4land.vocabulary import LUH2_STATES

HILDA_V1 = "crete_hilda_plus_{year}_states_GLOB-v1-0_wgs84-nn.tif"
HILDA_BASE_MAP = "hilda_plus_2015_states_GLOB-v1-0_base-map_wgs84-nn.tif"
HILDA_V1_F = "hilda_plus_{year}_states_GLOB-v1-0-f_uk-south.tif"
HILDA_V2 = "hilda_plus_states_{year}_GLOB-v2_wgs84.tif"
CODES = np.array([0, 11, 22, 33, 44, 55, 66, 77], dtype=np.uint8)


def class_map(
    height: int = 12, width: int = 16, seed: int = 0, codes: Sequence[int] | None = None
) -> npt.NDArray[np.uint8]:
    """A map without symmetry: sea in the north-west corner, patches elsewhere."""
    rng = np.random.default_rng(seed)
    values = rng.choice(np.asarray(codes or CODES[1:], dtype=np.uint8), (height, width))
    if codes is None:
        values[: height // 3, : width // 3] = 0
    return values.astype(np.uint8)


def write_map(
    path: Path,
    values: npt.NDArray[Any],
    *,
    west: float = 20.0,
    north: float = 40.0,
    cell: float = 0.1,
    crs: str | None = "EPSG:4326",
    nodata: float | None = None,
    transform: Affine | None = None,
) -> Path:
    """Write a class map; ``values`` is written as it is, row 0 first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype=values.dtype,
        crs=crs,
        nodata=nodata,
        transform=transform or Affine(cell, 0, west, 0, -cell, north),
        compress="lzw",
        blockysize=1,
    ) as dataset:
        dataset.write(values, 1)
    return path


def write_series(
    folder: Path,
    name: str,
    maps: Mapping[int, npt.NDArray[Any]],
    *,
    west: float = 20.0,
    north: float = 40.0,
    cell: float = 0.1,
    crs: str | None = "EPSG:4326",
    nodata: float | None = None,
    transform: Affine | None = None,
) -> Path:
    """Write one map a year; the rest as ``write_map``."""
    for year, values in maps.items():
        path = folder / name.format(year=year)
        write_map(
            path,
            values,
            west=west,
            north=north,
            cell=cell,
            crs=crs,
            nodata=nodata,
            transform=transform,
        )
    return folder


def write_luh2(
    path: Path,
    states: Mapping[int, npt.NDArray[np.float32]],
    *,
    base: int = 850,
    ascending: bool = False,
    east: bool = False,
    units: str = "1",
    names: Sequence[str] = LUH2_STATES,
) -> Path:
    """Write a states file as UMD does; states are ``(12, y, x)`` global, north up, west −180.

    Args:
        path: The file.
        states: Year → states, NaN at sea.
        base: Year from which the file counts.
        ascending: South first.
        east: Longitudes 0…360.
        units: Units attribute of the states.
        names: States that are written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = next(iter(states.values())).shape[1:]
    lat = 90 - 180 / height * (np.arange(height) + 0.5)
    lon = -180 + 360 / width * (np.arange(width) + 0.5)
    with netCDF4.Dataset(path, "w", format="NETCDF4_CLASSIC") as file:
        file.createDimension("time", None)
        file.createDimension("lat", height)
        file.createDimension("lon", width)
        time = file.createVariable("time", "f8", ("time",))
        time.setncatts(
            {"units": f"years since {base}-01-01 0:0:0", "calendar": "noleap", "axis": "T"}
        )
        time[:] = [y - base for y in states]
        rows = file.createVariable("lat", "f8", ("lat",))
        rows.units, rows.bounds = "degrees_north", "bounds_lat"  # bounds that do not exist
        cols = file.createVariable("lon", "f8", ("lon",))
        rows[:] = lat[::-1] if ascending else lat
        cols[:] = np.roll(lon, -width // 2) % 360 if east else lon
        for i, name in enumerate(LUH2_STATES):
            if name not in names:
                continue
            array = file.createVariable(name, "f4", ("time", "lat", "lon"), fill_value=False)
            array.setncatts(
                {
                    "missing_value": np.float32(1e20),
                    "_Fillvalue": np.float32(1e20),
                    "units": units,
                    "cell_methods": "time:mean",
                }
            )
            for t, values in enumerate(states.values()):
                layer = np.where(np.isnan(values[i]), np.float32(1e20), values[i])
                layer = layer[::-1] if ascending else layer
                array[t] = np.roll(layer, -width // 2, axis=1) if east else layer
    return path


def luh2_states(height: int = 72, width: int = 144, seed: int = 0) -> npt.NDArray[np.float32]:
    """States that sum to at most 1, sea in the northernmost rows, ``(12, y, x)``."""
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.ones(13), (height, width)).astype(np.float32)
    states = np.moveaxis(values, -1, 0)[:12].copy()
    states[:, : height // 6] = np.nan
    return states


def write_elevation(
    path: Path,
    elevation: npt.NDArray[np.int16],
    lat: npt.NDArray[np.float64],
    lon: npt.NDArray[np.float64],
    units: str = "m",
) -> Path:
    """Write elevation as GEBCO does, rows in the order of ``lat``."""
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("lat", lat.size)
        file.createDimension("lon", lon.size)
        for name, values in (("lat", lat), ("lon", lon)):
            axis = file.createVariable(name, "f8", (name,))
            axis.units = f"degrees_{'north' if name == 'lat' else 'east'}"
            axis[:] = values
        array = file.createVariable("elevation", "i2", ("lat", "lon"))
        array.units = units
        array.grid_mapping = "crs"
        array[:] = elevation
        file.createVariable("crs", "S1").grid_mapping_name = "latitude_longitude"
    return path


def write_hilda_netcdf(
    path: Path,
    maps: Mapping[int, npt.NDArray[np.uint8]],
    *,
    dims: tuple[str, str] = ("latitude", "longitude"),
    cell: float = 0.1,
) -> Path:
    """Write ``LULC_states(time, latitude, longitude)`` with bare integer years."""
    height, width = next(iter(maps.values())).shape
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", len(maps))
        file.createDimension(dims[0], height)
        file.createDimension(dims[1], width)
        file.createVariable("time", "u2", ("time",))[:] = list(maps)
        axes = {
            dims[0]: 40 - cell * (np.arange(height) + 0.5),
            dims[1]: 20 + cell * (np.arange(width) + 0.5),
        }
        for name, axis in axes.items():
            file.createVariable(name, "f4", (name,))[:] = axis
        states = file.createVariable("LULC_states", "u2", ("time", *dims))
        for t, values in enumerate(maps.values()):
            states[t] = values
    return path
