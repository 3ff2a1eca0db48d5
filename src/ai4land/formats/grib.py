"""GRIB, editions 1 and 2, by ecCodes: the messages of a file, their grids, times and values."""

from __future__ import annotations

import datetime as dt
import importlib
import itertools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats.layout import Layout, layout_from_axes

__all__ = ["GribMessage", "grib_messages", "grib_values"]

_CORNERS = tuple(
    f"{axis}Of{end}GridPointInDegrees"
    for axis, end in itertools.product(("latitude", "longitude"), ("First", "Last"))
)
_SCANNING = ("iScansNegatively", "jPointsAreConsecutive", "alternativeRowScanning")
_MONTHLY = {"moda", "mnth", "edmo", "edmm"}
Value = TypeVar("Value", str, int)
_MOST = 2**27  # points of a message, which can only be decoded whole


@dataclass(frozen=True, slots=True)
class GribMessage:
    """The header of a message.

    Attributes:
        parameter: ECMWF parameter number.
        units: Units, as ecCodes names them.
        corners: First and last latitude, first and last longitude, in degrees.
        shape: Rows and columns.
        time: Seconds since 1970: of a monthly mean the first of the month, else the valid time.
        stream: ECMWF stream; empty if it names none.
        version: ``expver``.
        span: Hour of the day at which an accumulation starts, and its hours; ``None`` of others.
        place: First byte and length in the file.
    """

    parameter: int
    units: str
    corners: tuple[float, ...]
    shape: tuple[int, int]
    time: int
    stream: str
    version: str
    span: tuple[int, int] | None
    place: tuple[int, int]

    def layout(self, where: object) -> Layout:
        """How the rows and columns lie.

        Raises:
            SourceError: If they are not those of a regular grid.
        """
        north, south, west, east = self.corners
        rows, columns = self.shape
        step = ((east - west) % 360.0) / max(columns - 1, 1)
        latitude = north + (south - north) / max(rows - 1, 1) * np.arange(rows, dtype=np.float64)
        return layout_from_axes(latitude, west + step * np.arange(columns, dtype=float), where)


def grib_messages(
    path: Path, parameters: Collection[int], where: object | None = None
) -> list[GribMessage]:
    """The messages of some parameters in a file.

    Args:
        path: The file.
        parameters: ECMWF parameter numbers; others are passed over.
        where: What error texts call the file.

    Raises:
        SourceError: If ecCodes is not installed, the bytes cannot be decoded, or a message is not
            a regular map of one analysis.
    """
    where = path if where is None else where
    found = []
    library = _library(where)
    with _decoding(library, where), path.open("rb") as stream:
        while (handle := library.codes_grib_new_from_file(stream)) is not None:
            try:
                keys = _Keys(library, handle)
                if keys("paramId", 0) in parameters:
                    found.append(_message(keys, where))
            finally:
                library.codes_release(handle)
    return found


def grib_values(
    path: Path, message: GribMessage, where: object | None = None
) -> npt.NDArray[np.float32]:
    """One field as it lies in the file, NaN missing, ``(rows, columns)`` float32.

    A message can only be decoded whole, so a window costs the memory of one field.

    Raises:
        SourceError: If it cannot be decoded.
    """
    where = path if where is None else where
    library = _library(where)
    with path.open("rb") as stream:
        stream.seek(message.place[0])
        content = stream.read(message.place[1])
    with _decoding(library, where):
        handle = library.codes_new_from_message(content)
        try:
            values = np.asarray(library.codes_get_values(handle), dtype=np.float64)
            if library.codes_get(handle, "bitmapPresent"):
                values[values == library.codes_get_double(handle, "missingValue")] = np.nan
        finally:
            library.codes_release(handle)
        return values.reshape(message.shape).astype(np.float32)


@dataclass(frozen=True)
class _Keys:
    """Keys of a message as text or numbers, with a default for those it lacks."""

    library: ModuleType
    handle: int

    def __call__(self, key: str, default: Value) -> Value:
        """A key, of the type of its default."""
        if not self.library.codes_is_defined(self.handle, key):
            return default
        kind = type(default)
        return kind(self.library.codes_get(self.handle, key, kind))


def _message(keys: _Keys, where: object) -> GribMessage:
    """Read a header, after refusing what is not a regular map of the analysis."""
    where = f"{where}, parameter {keys('paramId', 0)}"
    scanning = {key for key in _SCANNING if keys(key, 0)}
    if keys("gridType", "") != "regular_ll" or scanning:
        raise SourceError(
            "The GRIB field is not on a regular latitude-longitude grid",
            where=where,
            expected="gridType regular_ll, rows from west to east",
            found=f"{keys('gridType', '')} {' '.join(sorted(scanning))}".strip(),
            remedy="download it on a regular grid, or convert it with `cdo remapbil`",
        )
    if keys("number", 0):
        raise SourceError(
            "The GRIB file holds ensemble members",
            where=where,
            found=f"member {keys('number', 0)}",
            remedy="download the reanalysis itself, not its ensemble members",
        )
    shape = (keys("Nj", 0), keys("Ni", 0))
    if not 0 < shape[0] * shape[1] <= _MOST:
        raise SourceError(
            "The GRIB field is larger than can be read",
            where=where,
            expected=f"1…{_MOST:,} points",
            found=f"{shape[0]} × {shape[1]}",
            remedy="download it again, or a smaller region",
        )
    stream = keys("stream", "")
    start, end = keys("startStep", 0), keys("endStep", 0)
    span = None
    if keys("stepType", "") == "accum" and stream not in _MONTHLY:
        span = ((keys("dataTime", 0) // 100 + start) % 24, end - start)
    return GribMessage(
        keys("paramId", 0),
        keys("units", ""),
        tuple(float(keys.library.codes_get(keys.handle, key, float)) for key in _CORNERS),
        shape,
        _time(keys, stream),
        stream,
        keys("expver", "1"),
        span,
        (keys("offset", 0), keys("totalLength", 0)),
    )


def _time(keys: _Keys, stream: str) -> int:
    """Seconds since 1970: the first of the month of a monthly mean, else the valid time."""
    if stream in _MONTHLY:
        year, month = divmod(keys("dataDate", 0) // 100, 100)
        return int(dt.datetime(year, month, 1, tzinfo=dt.UTC).timestamp())
    day, time = keys("validityDate", ""), keys("validityTime", 0)
    moment = dt.datetime.strptime(day, "%Y%m%d").replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) + time // 100 * 3600 + time % 100 * 60


@contextmanager
def _decoding(library: ModuleType, where: object) -> Iterator[None]:
    """Turn the complaints of the library, and values that are none, into a sentence."""
    try:
        yield
    except SourceError:
        raise
    except (library.CodesInternalError, OSError, ValueError, OverflowError, MemoryError) as error:
        raise SourceError(
            "The GRIB file cannot be read: it is damaged or incomplete",
            where=where,
            found=str(error).strip() or type(error).__name__,
            remedy="compare its size with the provider's and fetch it again",
        ) from error


def _library(where: object) -> ModuleType:
    """The library, which only those need who have GRIB files."""
    try:
        return importlib.import_module("eccodes")
    except (ImportError, RuntimeError) as error:
        raise SourceError(
            "GRIB files need ecCodes",
            where=where,
            found=error,
            remedy="install `ai4land[grib]`, or download NetCDF",
        ) from error
