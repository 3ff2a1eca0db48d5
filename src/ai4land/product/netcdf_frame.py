"""The frame of a NetCDF file: axes with bounds, times, the earth, and the areas of its cells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ai4land.cube import Status, grid_mapping
from ai4land.grid import WGS84, Grid
from ai4land.product.attributes import Attributes

if TYPE_CHECKING:
    import netCDF4

__all__ = ["array", "new_netcdf", "status"]

_EPOCH = dt.date(1850, 1, 1)
_TILE = 512  # rows and columns of a chunk, as in the GeoTIFFs
_LEVEL: Final = 4  # of deflate, which every reader has


@contextmanager
def new_netcdf(
    path: Path, grid: Grid, years: Sequence[int], attributes: Attributes
) -> Iterator[netCDF4.Dataset]:
    """A NetCDF-4 file with its axes, to be filled.

    A year's state is dated 1 January, as LUH2 dates its states, and stands for the time between
    the bounds, which is the year.

    Args:
        path: Where it goes.
        grid: Its cells.
        years: Its times, ascending.
        attributes: Global attributes.
    """
    import netCDF4  # heavy, and only files need it

    with netCDF4.Dataset(path, "w", format="NETCDF4") as data:
        data.setncatts(attributes)
        data.createDimension("time", None)  # so that tools may put years one after the other
        data.createDimension("lat", grid.height)
        data.createDimension("lon", grid.width)
        data.createDimension("bnds", 2)
        days = [[(dt.date(y, 1, 1) - _EPOCH).days for y in (year, year + 1)] for year in years]
        axes: Mapping[str, Any] = {
            "time": (np.array(days)[:, 0], np.array(days)),
            "lat": (grid.latitudes(), _pairs(grid.latitude_edges())),
            "lon": (grid.longitudes(), _pairs(grid.longitude_edges())),
        }
        for name, (values, bounds) in axes.items():
            axis = data.createVariable(name, "f8", (name,))
            axis.setncatts({**_AXES[name], "bounds": f"{name}_bnds"})
            axis[:] = values
            data.createVariable(f"{name}_bnds", "f8", (name, "bnds"))[:] = bounds
        crs = data.createVariable("crs", "i4", ())
        crs.setncatts({"long_name": "coordinate reference system", **grid_mapping(grid.earth)})
        if grid.earth == WGS84:
            crs.crs_wkt = _wkt()
        height = data.createVariable("height", "f8", ())
        height.setncatts(_HEIGHT)
        height[...] = 0.0
        area = data.createVariable("cell_area", "f8", ("lat",))
        area.setncatts(
            {
                "standard_name": "cell_area",
                "long_name": "area of each cell of a row on the earth of the grid mapping",
                "units": "m2",
                "coverage_content_type": "auxiliaryInformation",
            }
        )
        area[:] = grid.row_areas()
        yield data


_AXES: Mapping[str, Mapping[str, str]] = {
    "time": {
        "standard_name": "time",
        "long_name": "the year that begins",
        "units": f"days since {_EPOCH} 00:00:00",
        "units_metadata": "leap_seconds: none",
        "calendar": "proleptic_gregorian",
        "axis": "T",
    },
    "lat": {
        "standard_name": "latitude",
        "long_name": "latitude",
        "units": "degrees_north",
        "axis": "Y",
    },
    "lon": {
        "standard_name": "longitude",
        "long_name": "longitude",
        "units": "degrees_east",
        "axis": "X",
    },
}

_HEIGHT = {
    "standard_name": "height",
    "long_name": "height above the ground",
    "units": "m",
    "positive": "up",
    "axis": "Z",
}


def _pairs(edges: Any) -> Any:  # noqa: ANN401
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _wkt() -> str:
    from rasterio.crs import CRS

    return str(CRS.from_epsg(4326).to_wkt(version="WKT2_2019"))


def array(
    data: netCDF4.Dataset, name: str, dtype: str, fill: float, attributes: Mapping[str, Any]
) -> netCDF4.Variable[Any]:
    """A compressed variable ``(time, lat, lon)`` of the file's cells."""
    sides = [min(_TILE, len(data.dimensions[axis])) for axis in ("lat", "lon")]
    kind = np.dtype(dtype)
    made: netCDF4.Variable[Any] = data.createVariable(
        name,
        kind,
        ("time", "lat", "lon"),
        fill_value=fill,
        chunksizes=(1, *sides),
        zlib=True,
        complevel=_LEVEL,
        shuffle=kind.itemsize > 1,
    )
    frame = {"grid_mapping": "crs", "coordinates": "height", "cell_measures": "area: cell_area"}
    made.setncatts(frame | {**attributes})
    made.set_auto_maskandscale(False)  # what is written is what the file holds
    return made


def status(data: netCDF4.Dataset, name: str, values: Sequence[Status]) -> None:
    """Say of every time where the map of a variable comes from."""
    made = data.createVariable(name, "u1", ("time",), fill_value=255)
    made.setncatts(
        {
            "standard_name": "status_flag",
            "long_name": f"where the values of {name.removesuffix('_status')} come from",
            "units": "1",
            "flag_values": np.array([int(s) for s in Status], np.uint8),
            "flag_meanings": " ".join(s.name.lower() for s in Status),
            "coverage_content_type": "qualityInformation",
        }
    )
    made[:] = np.array([int(s) for s in values], np.uint8)
