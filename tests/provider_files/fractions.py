"""Files of class shares as providers and modellers write them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid

if TYPE_CHECKING:
    import netCDF4

__all__ = ["write_class_dimension", "write_class_variables"]

Shares = npt.NDArray[np.floating]


def write_class_dimension(
    path: Path,
    shares: Mapping[int, Mapping[str, Shares]],
    grid: Grid,
    *,
    name: str = "fraction_percent",
    dimension: str = "class",
    scale: float = 100.0,
    units: str | None = None,
    time_units: str | None = None,
    ascending: bool = False,
    time_first: bool = False,
) -> Path:
    """Write one variable ``(class, time, lat, lon)`` with the class names as coordinate.

    Args:
        path: The file.
        shares: Year → class → shares ``(y, x)`` of 1, north up, NaN missing.
        grid: Their grid.
        name: Name of the variable.
        dimension: Name of the class dimension.
        scale: 100 for percent.
        units: Units attribute; none is written by default, as in the ESA CCI series.
        time_units: Such as ``years since 1990-01-01`` or ``days since 1970-01-01``; bare years by
            default.
        ascending: South first.
        time_first: Dimensions ``(time, class, …)``.
    """
    import netCDF4

    names = list(next(iter(shares.values())))
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as file:
        _axes(file, grid, list(shares), time_units, ascending)
        file.createDimension(dimension, len(names))
        members = file.createVariable(dimension, str, (dimension,))
        for k, member in enumerate(names):
            members[k] = member
        lead = ("time", dimension) if time_first else (dimension, "time")
        dims = (*lead, "lat", "lon")
        array = file.createVariable(name, "f4", dims, zlib=True, fill_value=np.float32(np.nan))
        if units is not None:
            array.units = units
        for t, layers in enumerate(shares.values()):
            for k, values in enumerate(layers.values()):
                layer = values[::-1] if ascending else values
                array[(t, k) if time_first else (k, t)] = layer * scale
    return path


def write_class_variables(
    path: Path,
    shares: Mapping[int, Mapping[str, Shares]],
    grid: Grid,
    *,
    units: str | None = "1",
    scale: float = 1.0,
    time_units: str | None = None,
    ascending: bool = False,
    static: bool = False,
    attributes: Mapping[str, Any] | None = None,
) -> Path:
    """Write one variable per class, ``(time, lat, lon)``, or ``(lat, lon)`` if static.

    Args:
        path: The file.
        shares: Year → class → shares ``(y, x)`` of 1, north up, NaN missing.
        grid: Their grid.
        units: Units attribute.
        scale: 100 for percent.
        time_units: See ``write_class_dimension``.
        ascending: South first.
        static: Leave the time axis out; there must be one year.
        attributes: More attributes, such as a misspelt ``_Fillvalue`` of 1e20, which then stands
            for missing values.
    """
    import netCDF4

    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as file:
        _axes(file, grid, [] if static else list(shares), time_units, ascending)
        dims = ("lat", "lon") if static else ("time", "lat", "lon")
        for name in next(iter(shares.values())):
            array = file.createVariable(name, "f4", dims, zlib=True, fill_value=False)
            array.setncatts(
                ({"units": units} if units is not None else {}) | dict(attributes or {})
            )
            array.set_auto_maskandscale(False)
            for t, layers in enumerate(shares.values()):
                values = np.where(np.isnan(layers[name]), 1e20, layers[name] * scale)
                values = values if attributes else layers[name] * scale
                layer = values[::-1] if ascending else values
                if static:
                    array[:] = layer
                else:
                    array[t] = layer
    return path


def _axes(
    file: netCDF4.Dataset, grid: Grid, years: list[int], units: str | None, ascending: bool
) -> None:
    """Latitude, longitude, and time in the form asked for."""
    lat = grid.latitudes()
    for name, centres in (("lat", lat[::-1] if ascending else lat), ("lon", grid.longitudes())):
        file.createDimension(name, centres.size)
        axis = file.createVariable(name, "f8", (name,))
        axis.units = f"degrees_{'north' if name == 'lat' else 'east'}"
        axis[:] = centres
    if not years:
        return
    file.createDimension("time", len(years))
    time = file.createVariable("time", "f8" if units else "i8", ("time",))
    if units is None:
        time[:] = years
        return
    time.units = units
    base = int(units.split(" since ")[1].split("-")[0])
    if units.startswith("years"):
        time[:] = [year - base for year in years]
    else:
        time[:] = [(dt.date(year, 7, 1) - dt.date(base, 1, 1)).days for year in years]
