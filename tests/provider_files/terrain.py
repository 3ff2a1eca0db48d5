"""Terrain files as their providers write them: GEBCO's type identifiers, and ETOPO 2022."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.gebco import gebco_axes
from ai4land.testing.formats.netcdf import create_netcdf

__all__ = ["etopo_name", "write_etopo", "write_gebco_tid"]

Numbers = npt.NDArray[np.integer | np.floating]


def write_gebco_tid(path: Path, kinds: npt.NDArray[np.integer], grid: Grid) -> Path:
    """Write ``tid(lat, lon)``, how each cell was measured: 0 land, 10 … 44 kinds of sounding."""
    with create_netcdf(path) as file:
        gebco_axes(file, grid, south_first=True, east=False)
        tid = file.createVariable("tid", "i1", ("lat", "lon"), zlib=True, fill_value=False)
        tid.long_name = "Type Identifier"
        tid[:] = kinds[::-1]
    return path


def etopo_name(resolution: str = "60s", what: str = "surface") -> str:
    """File name of ETOPO 2022: ``surface``, ``bed`` or ``geoid``."""
    return f"ETOPO_2022_v1_{resolution}_N90W180_{what}.nc"


def write_etopo(
    path: Path, elevation: Numbers, grid: Grid, *, shared_meridian: bool = False
) -> Path:
    """Write ``z(lat, lon)`` in metres, float32 with −99999 missing, south first.

    Args:
        path: The file, named by ``etopo_name``.
        elevation: Metres, NaN missing, row 0 in the north, ``(y, x)``.
        grid: Its grid.
        shared_meridian: Repeat the first column as the last, as grid-registered editions do.
    """
    latitude, longitude = grid.latitudes()[::-1], grid.longitudes()
    z = np.where(np.isnan(elevation), -99999.0, elevation)[::-1].astype(np.float32)
    if shared_meridian:
        longitude = np.append(longitude, longitude[0] + 360.0)
        z = np.concatenate([z, z[:, :1]], axis=1)
    with create_netcdf(path) as file:
        file.setncatts({"GDAL_AREA_OR_POINT": "Area", "Conventions": "CF-1.5"})
        for name, long_name, centres in (
            ("lat", "latitude", latitude),
            ("lon", "longitude", longitude),
        ):
            file.createDimension(name, len(centres))
            axis = file.createVariable(name, "f8", (name,))
            axis.setncatts(
                {
                    "standard_name": long_name,
                    "long_name": long_name,
                    "units": f"degrees_{'north' if name == 'lat' else 'east'}",
                }
            )
            axis[:] = centres
        file.createVariable("crs", "S1", ()).grid_mapping_name = "latitude_longitude"
        height = file.createVariable(
            "z", "f4", ("lat", "lon"), zlib=True, complevel=1, fill_value=np.float32(-99999.0)
        )
        height.setncatts(
            {"standard_name": "height", "long_name": "z", "units": "meters", "grid_mapping": "crs"}
        )
        height[:] = z
    return path
