"""Elevation as GEBCO publishes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.netcdf import create_netcdf

if TYPE_CHECKING:
    import netCDF4

__all__ = ["gebco_axes", "write_gebco_grid"]

Numbers = npt.NDArray[np.integer | np.floating]

_HEIGHT: Mapping[str, str] = MappingProxyType(
    {
        "standard_name": "height_above_mean_sea_level",
        "long_name": "Elevation relative to sea level",
        "units": "m",
        "grid_mapping": "crs",
        "sdn_parameter_urn": "SDN:P01::BATHHGHT",
        "sdn_parameter_name": "Sea floor height (above mean sea level)",
        "sdn_uom_urn": "SDN:P06::ULAA",
        "sdn_uom_name": "Metres",
    }
)


def gebco_axes(file: netCDF4.Dataset, grid: Grid, *, south_first: bool, east: bool) -> None:
    """Latitude, longitude and the coordinate system of a file."""
    latitude, longitude = grid.latitudes(), grid.longitudes()
    for short, long_name, letter, centres in (
        ("lat", "latitude", "Y", latitude[::-1] if south_first else latitude),
        (
            "lon",
            "longitude",
            "X",
            np.roll(longitude, -(grid.width // 2)) % 360 if east else longitude,
        ),
    ):
        north = short == "lat"
        file.createDimension(short, len(centres))
        axis = file.createVariable(short, "f8", (short,))
        axis.setncatts(
            {
                "standard_name": long_name,
                "long_name": long_name,
                "units": f"degrees_{'north' if north else 'east'}",
                "axis": letter,
                "sdn_parameter_urn": f"SDN:P01::AL{'AT' if north else 'ON'}ZZ01",
                "sdn_parameter_name": f"{long_name.title()} {'north' if north else 'east'}",
                "sdn_uom_urn": f"SDN:P06::DEG{'N' if north else 'E'}",
                "sdn_uom_name": f"Degrees {'north' if north else 'east'}",
            }
        )
        axis[:] = centres
    crs = file.createVariable("crs", "S1", ())
    crs.setncatts(
        {
            "grid_mapping_name": "latitude_longitude",
            "epsg_code": "EPSG:4326",
            "inverse_flattening": 298.257223563,
            "semi_major_axis": 6378137.0,
        }
    )


def _turned(values: Numbers, *, south_first: bool, east: bool) -> Numbers:
    values = values[::-1] if south_first else values
    return np.roll(values, -(values.shape[1] // 2), axis=1) if east else values


def write_gebco_grid(
    path: Path,
    elevation: Numbers,
    grid: Grid,
    *,
    south_first: bool = True,
    east: bool = False,
    attributes: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``elevation(lat, lon)`` in metres, int16, no missing values.

    Args:
        path: The file, such as ``GEBCO_2024.nc``.
        elevation: Metres, row 0 in the north, ``(y, x)``.
        grid: Its grid.
        south_first: Write row 0 in the south, as current releases do.
        east: Write longitudes 0…360°; only for a global grid.
        attributes: Replace or add to those of the variable, and to the title.
    """
    with create_netcdf(path) as file:
        file.setncatts(
            {
                "title": "Synthetic elevation in the form of the GEBCO_2024 Grid",
                "Conventions": "CF-1.6",
                "source": "AI4Land synthetic planet",
                "node_offset": np.int32(1),
            }
        )
        gebco_axes(file, grid, south_first=south_first, east=east)
        height = file.createVariable(
            "elevation", "i2", ("lat", "lon"), zlib=True, complevel=1, fill_value=False
        )
        height.setncatts({**_HEIGHT, **(attributes or {})})
        height[:] = _turned(elevation, south_first=south_first, east=east)
    return path
