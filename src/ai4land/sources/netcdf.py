"""NetCDF as providers write it: any latitude order, odd times, misspelt fill attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import MissingFileError, SourceError
from ai4land.sources.layout import Layout, layout_from_centres
from ai4land.sources.source import Array

__all__ = ["check_units", "masked", "opened", "read_layout", "years_of"]

_AXES = ({"lat", "latitude", "y"}, {"lon", "longitude", "x"})
_FILL_ATTRIBUTES = ("missing_value", "_FillValue", "_Fillvalue", "_fillvalue")
_TIME_UNITS = re.compile(r"(years|days) since (\d{1,4})-0?1-0?1", re.IGNORECASE)
_NOLEAP = {"noleap", "365_day"}


@contextmanager
def opened(path: Path) -> Iterator[netCDF4.Dataset]:
    """Open a NetCDF file for raw reading, without masks, scaling or time decoding.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If its bytes cannot be decoded, when opened or when read.
    """
    if not path.is_file():
        raise MissingFileError("The file is not there", where=path)
    try:
        with netCDF4.Dataset(path) as dataset:
            dataset.set_auto_maskandscale(False)
            yield dataset
    except (OSError, RuntimeError) as error:
        raise SourceError(
            "The NetCDF file cannot be read: it is damaged, incomplete or of another format",
            where=path,
            found=str(error).strip(),
            remedy="compare its size and checksum with the provider's and fetch it again",
        ) from error


def read_layout(dataset: netCDF4.Dataset, array: netCDF4.Variable[Any], path: Path) -> Layout:
    """The layout of a variable from the coordinates of its last two dimensions.

    Args:
        dataset: The open file.
        array: Its variable, ``(..., lat, lon)``.
        path: For the error text.

    Raises:
        SourceError: If the last two dimensions are not latitude and longitude, in this order.
    """
    names = tuple(array.dimensions[-2:])
    found = [n.lower() for n in names]
    if len(names) < 2 or any(n not in axis for n, axis in zip(found, _AXES, strict=True)):
        raise SourceError(
            "The variable is not a map with latitude as rows and longitude as columns",
            where=f"{path}, {array.name}",
            expected="dimensions (…, lat, lon)",
            found=array.dimensions,
            remedy="transpose it, for example with `ncpdq -a lat,lon`",
        )
    missing = [n for n in names if n not in dataset.variables]
    if missing:
        raise SourceError("A coordinate is missing", where=path, found=missing)
    latitude, longitude = (np.asarray(dataset[n][:], dtype=np.float64) for n in names)
    return layout_from_centres(latitude, longitude, path)


def years_of(time: netCDF4.Variable[Any], path: Path) -> list[int]:
    """Calendar years of a time coordinate that no library decodes.

    Bare integers are years (HILDA+); ``years since Y-01-01`` counts from Y (LUH2); ``days since``
    is understood for the calendar without leap days (LUH3).

    Raises:
        SourceError: If the units are others, or a year occurs twice.
    """
    values = np.asarray(time[:], dtype=np.float64)
    units = str(getattr(time, "units", "")).strip()
    match = _TIME_UNITS.match(units)
    if match is None:
        bare = units.lower() in {"", "1", "year", "years"}
        years = np.floor(values)
        if not bare or not ((years == values) & (years > 0) & (years < 10_000)).all():
            raise SourceError(
                "The time axis is not understood",
                where=f"{path}, {time.name}",
                expected="bare years, or `years since Y-01-01`",
                found=f"units {units!r}, first value {values.ravel()[:1]}",
            )
    else:
        length = 1.0
        if match[1].lower() == "days":
            if str(getattr(time, "calendar", "standard")).lower() not in _NOLEAP:
                raise SourceError(
                    "The time axis is not understood",
                    where=f"{path}, {time.name}",
                    expected="calendar noleap",
                    found=getattr(time, "calendar", "standard"),
                )
            length = 365.0
        years = int(match[2]) + np.floor(values / length + 1e-6)
    out = [int(y) for y in years]
    if len(set(out)) != len(out):
        raise SourceError("A year occurs twice on the time axis", where=path, found=units)
    return out


def masked(raw: Array, array: netCDF4.Variable[Any]) -> npt.NDArray[np.float32]:
    """Numbers with NaN for the fill value, under whatever attribute name it is given.

    Args:
        raw: Values as stored.
        array: The variable, for its attributes.

    Returns:
        float32, NaN missing.
    """
    values = raw.astype(np.float32)
    for name in _FILL_ATTRIBUTES:
        if name in array.ncattrs():
            fill = np.asarray(array.getncattr(name)).astype(raw.dtype)
            values[raw == fill] = np.nan
    return values


def check_units(array: netCDF4.Variable[Any], accepted: set[str], path: Path) -> None:
    """Refuse a variable in other units than the reader expects.

    Raises:
        SourceError: If the units attribute is there and says something else.
    """
    units = str(getattr(array, "units", "")).strip()
    if units.lower() not in {"", *accepted}:
        raise SourceError(
            "The variable is in other units",
            where=f"{path}, {array.name}",
            expected=" or ".join(sorted(accepted)),
            found=units,
        )
