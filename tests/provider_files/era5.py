"""Files of ERA5 and ERA5-Land as the Climate Data Store gave and gives them.

Three forms: NetCDF of the store until 2024 (packed, hours since 1900, perhaps an ``expver``
dimension), NetCDF since then (``valid_time`` in seconds since 1970, ``expver`` as strings),
alone or in a ZIP archive that is named ``.nc``; and GRIB.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import netCDF4

__all__ = [
    "ERA5_NAMES",
    "node_axes",
    "write_era5_classic",
    "write_era5_grib",
    "write_era5_netcdf",
    "write_era5_zip",
]

Values = Mapping[str, npt.NDArray[Any]]
Axes = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

ERA5_NAMES: MappingProxyType[str, tuple[int, str, str]] = MappingProxyType(
    {
        "t2m": (167, "K", "2 metre temperature"),
        "d2m": (168, "K", "2 metre dewpoint temperature"),
        "tp": (228, "m", "Total precipitation"),
        "ssrd": (169, "J m**-2", "Surface solar radiation downwards"),
        "strd": (175, "J m**-2", "Surface thermal radiation downwards"),
        "stl1": (139, "K", "Soil temperature level 1"),
        "stl2": (170, "K", "Soil temperature level 2"),
        "stl3": (183, "K", "Soil temperature level 3"),
        "stl4": (236, "K", "Soil temperature level 4"),
        "swvl1": (39, "m**3 m**-3", "Volumetric soil water layer 1"),
        "swvl2": (40, "m**3 m**-3", "Volumetric soil water layer 2"),
        "swvl3": (41, "m**3 m**-3", "Volumetric soil water layer 3"),
        "swvl4": (42, "m**3 m**-3", "Volumetric soil water layer 4"),
        "sd": (141, "m of water equivalent", "Snow depth"),
        "sde": (3066, "m", "Snow depth"),
    }
)
"""Name in NetCDF → ECMWF parameter number, units and long name."""

_ACCUMULATED = {"tp", "ssrd", "strd"}
_PACKED_MISSING = -32767
_GRIB_MISSING = 9999.0


def node_axes(step: float) -> Axes:
    """Latitudes 90…−90 and longitudes 0…360 − step of a grid with nodes on the poles."""
    rows, columns = round(180 / step) + 1, round(360 / step)
    north = 90.0 - step * np.arange(rows, dtype=np.float64)
    return north, step * np.arange(columns, dtype=np.float64)


def write_era5_classic(
    path: Path,
    values: Values,
    times: Sequence[dt.datetime],
    axes: Axes,
    versions: Sequence[int] | None = None,
) -> Path:
    """Write NetCDF of the old store: 16-bit integers, classic format, hours since 1900.

    Args:
        path: The file.
        values: Name → ``(time, y, x)``, or ``(time, expver, y, x)`` with ``versions``; NaN missing.
        times: UTC, naive.
        axes: Latitudes and longitudes.
        versions: Values of the ``expver`` dimension, ``(1, 5)`` of a mix with ERA5T.
    """
    import netCDF4

    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_OFFSET") as file:
        file.createDimension("longitude", len(axes[1]))
        file.createDimension("latitude", len(axes[0]))
        dims = ["time", "latitude", "longitude"]
        _axis(file, "longitude", axes[1].astype(np.float32), {"units": "degrees_east"})
        _axis(file, "latitude", axes[0].astype(np.float32), {"units": "degrees_north"})
        if versions is not None:
            dims.insert(1, "expver")
            file.createDimension("expver", len(versions))
            _axis(file, "expver", np.array(versions, dtype=np.int32), {"long_name": "expver"})
        file.createDimension("time", None)
        hours = [round((t - dt.datetime(1900, 1, 1)).total_seconds() / 3600) for t in times]
        unit = {"units": "hours since 1900-01-01 00:00:00.0", "calendar": "gregorian"}
        _axis(file, "time", np.array(hours, dtype=np.int32), unit)
        for name, array in values.items():
            _packed(file, name, array, dims)
        file.setncatts(
            {"Conventions": "CF-1.6", "history": "2020-01-24 09:37:07 GMT by grib_to_netcdf-2.16.0"}
        )
    return path


def _axis(
    file: netCDF4.Dataset, name: str, values: npt.NDArray[Any], attributes: Mapping[str, Any]
) -> None:
    axis = file.createVariable(name, values.dtype, (name,))
    axis.setncatts({"long_name": name, **attributes})
    axis[:] = values


def _packed(file: netCDF4.Dataset, name: str, array: npt.NDArray[Any], dims: Sequence[str]) -> None:
    """One variable as ``short`` over the whole range of its values, as ECMWF packs it."""
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    scale = (high - low) / 65_532 or 1.0
    offset = (high + low) / 2
    variable = file.createVariable(name, "i2", tuple(dims))
    variable.set_auto_maskandscale(False)
    _, units, long_name = ERA5_NAMES[name]
    variable.setncatts(
        {
            "scale_factor": scale,
            "add_offset": offset,
            "_FillValue": np.int16(_PACKED_MISSING),
            "missing_value": np.int16(_PACKED_MISSING),
            "units": units,
            "long_name": long_name,
        }
    )
    stored = np.rint((np.nan_to_num(array, nan=low) - offset) / scale).astype(np.int16)
    variable[:] = np.where(np.isnan(array), np.int16(_PACKED_MISSING), stored)


def write_era5_netcdf(
    path: Path,
    values: Values,
    times: Sequence[dt.datetime],
    axes: Axes,
    versions: Sequence[str] | None = None,
    time_name: str = "valid_time",
) -> Path:
    """Write NetCDF of the new store: floats, seconds since 1970, ``expver`` strings.

    Args:
        path: The file.
        values: Name → ``(time, y, x)``, NaN missing.
        times: UTC, naive.
        axes: Latitudes and longitudes.
        versions: ``expver`` of each time, such as ``0001`` and, of ERA5T, ``0005``.
        time_name: ``valid_time``, or ``date`` as the first monthly files of the new store had
            it: whole numbers YYYYMMDD.
    """
    import netCDF4

    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        for name, size in ((time_name, len(times)), ("latitude", len(axes[0]))):
            file.createDimension(name, size)
        file.createDimension("longitude", len(axes[1]))
        number = file.createVariable("number", "i8")
        number.setncatts({"long_name": "ensemble member numerical id", "units": "1"})
        number[...] = 0
        _new_time(file, time_name, times)
        for name, axis in zip(("latitude", "longitude"), axes, strict=True):
            variable = file.createVariable(name, "f8", (name,), fill_value=np.nan)
            variable.setncatts(
                {
                    "units": "degrees_north" if name == "latitude" else "degrees_east",
                    "standard_name": name,
                    "long_name": name,
                }
            )
            variable[:] = axis
        file["latitude"].stored_direction = "decreasing"
        expver = file.createVariable("expver", str, (time_name,))
        for i in range(len(times)):
            expver[i] = "0001" if versions is None else versions[i]
        for name, array in values.items():
            _floats(file, name, array, time_name)
        file.setncatts(
            {
                "GRIB_centre": "ecmf",
                "GRIB_subCentre": np.int64(0),
                "Conventions": "CF-1.7",
                "institution": "European Centre for Medium-Range Weather Forecasts",
                "history": "2024-11-20T10:00 GRIB to CDM+CF via cfgrib-0.9.14.1",
            }
        )
    return path


def _new_time(file: netCDF4.Dataset, name: str, times: Sequence[dt.datetime]) -> None:
    time = file.createVariable(name, "i8", (name,))
    if name == "date":
        time[:] = [int(t.strftime("%Y%m%d")) for t in times]
        return
    time.setncatts(
        {
            "long_name": "time",
            "standard_name": "time",
            "units": "seconds since 1970-01-01",
            "calendar": "proleptic_gregorian",
        }
    )
    time[:] = [round((t - dt.datetime(1970, 1, 1)).total_seconds()) for t in times]


def _floats(file: netCDF4.Dataset, name: str, array: npt.NDArray[Any], time_name: str) -> None:
    number, units, long_name = ERA5_NAMES[name]
    variable = file.createVariable(
        name,
        "f4",
        (time_name, "latitude", "longitude"),
        fill_value=np.nan,
        zlib=True,
        complevel=1,
        chunksizes=(1, *(min(720, n) for n in array.shape[1:])),
    )
    variable.setncatts(
        {
            "GRIB_paramId": np.int64(number),
            "GRIB_dataType": "fc" if name in _ACCUMULATED else "an",
            "GRIB_stepType": "avgad" if name in _ACCUMULATED else "avgua",
            "GRIB_missingValue": 3.40282346638529e38,
            "long_name": long_name,
            "units": units,
            "standard_name": "unknown",
            "GRIB_surface": 0.0,
            "coordinates": "number valid_time latitude longitude expver",
        }
    )
    variable[:] = array.astype(np.float32)


def write_era5_zip(
    path: Path,
    values: Values,
    times: Sequence[dt.datetime],
    axes: Axes,
    versions: Sequence[str] | None = None,
) -> Path:
    """Write what a mixed request of monthly means gives: a ZIP archive, whatever its name.

    The instantaneous variables lie in ``…avgua.nc`` at 00:00, the accumulated ones in
    ``…avgad.nc`` stamped at 06:00.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "w") as archive:
        for kind, hour in (("avgua", 0), ("avgad", 6)):
            part = {n: v for n, v in values.items() if (n in _ACCUMULATED) == (kind == "avgad")}
            if part:
                member = Path(folder) / f"data_stream-moda_stepType-{kind}.nc"
                stamped = [t.replace(hour=hour) for t in times]
                write_era5_netcdf(member, part, stamped, axes, versions)
                archive.write(member, member.name, zipfile.ZIP_DEFLATED)
    return path


def write_era5_grib(
    path: Path,
    values: Values,
    times: Sequence[dt.datetime],
    axes: Axes,
    *,
    edition: int = 1,
    stream: str = "oper",
    hours: int = 1,
    version: str = "0001",
) -> Path:
    """Write GRIB, one message per variable and time; needs ecCodes.

    Args:
        path: The file.
        values: Name → ``(time, y, x)``, NaN missing.
        times: Valid times, UTC, naive; of monthly means the first of the month.
        axes: Latitudes and longitudes.
        edition: GRIB edition, 1 or 2.
        stream: ``oper`` (hours) or ``moda`` (monthly means).
        hours: Hours that an accumulation covers until its valid time; 24 with ``hours=24`` at
            midnight is how ERA5-Land gives the total of a day.
        version: ``expver``.
    """
    import eccodes

    path.parent.mkdir(parents=True, exist_ok=True)
    latitude, longitude = axes
    with path.open("wb") as out:
        for name, array in values.items():
            for time, field in zip(times, array, strict=True):
                handle = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
                if edition == 2:
                    eccodes.codes_set(handle, "setLocalDefinition", 1)
                accumulated = name in _ACCUMULATED
                span = hours if stream == "oper" else 24  # a mean of days, not of the first one
                back = hours if accumulated and stream == "oper" else 0
                start = time - dt.timedelta(hours=back)
                keys: dict[str, Any] = {
                    "centre": "ecmf",
                    "class": "ea",
                    "stream": stream,
                    "type": "fc" if name in _ACCUMULATED else "an",
                    "expver": version,
                    "Ni": len(longitude),
                    "Nj": len(latitude),
                    "latitudeOfFirstGridPointInDegrees": float(latitude[0]),
                    "latitudeOfLastGridPointInDegrees": float(latitude[-1]),
                    "longitudeOfFirstGridPointInDegrees": float(longitude[0]),
                    "longitudeOfLastGridPointInDegrees": float(longitude[-1]),
                    "iDirectionIncrementInDegrees": float(longitude[1] - longitude[0]),
                    "jDirectionIncrementInDegrees": float(latitude[0] - latitude[1]),
                    "paramId": ERA5_NAMES[name][0],
                    "dataDate": int(start.strftime("%Y%m%d")),
                    "dataTime": start.hour * 100,
                    "stepType": "accum" if accumulated else "instant",
                    "stepRange": f"0-{span}" if accumulated else "0",
                    "bitsPerValue": 24,
                    "bitmapPresent": int(np.isnan(field).any()),
                    "missingValue": _GRIB_MISSING,
                }
                for key, value in keys.items():
                    eccodes.codes_set(handle, key, value)
                filled = np.nan_to_num(field.astype(np.float64), nan=_GRIB_MISSING)
                eccodes.codes_set_values(handle, filled.ravel())
                out.write(eccodes.codes_get_message(handle))
                eccodes.codes_release(handle)
    return path
