"""GRIB, editions 1 and 2, of a reanalysis, by ecCodes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources.layout import Layout, layout_from_centres
from ai4land.sources.reanalysis.files import Place
from ai4land.sources.reanalysis.times import Instants
from ai4land.sources.source import Array

__all__ = ["GribSeries", "grib_series"]

_PRELIMINARY = 5
_GEOMETRY = (
    "Ni",
    "Nj",
    "latitudeOfFirstGridPointInDegrees",
    "latitudeOfLastGridPointInDegrees",
    "longitudeOfFirstGridPointInDegrees",
    "longitudeOfLastGridPointInDegrees",
)
_SCANNING = ("iScansNegatively", "jPointsAreConsecutive", "alternativeRowScanning")
_MONTHLY = {"moda", "mnth", "edmo", "edmm"}


@dataclass(frozen=True, eq=False)
class GribSeries:
    """The messages of one parameter in one GRIB file; see ``Series``.

    A message can only be decoded whole, so a window costs the memory of one field.

    Attributes:
        place: The file.
        layout: How the rows and columns lie.
        times: Time of each message; of a monthly mean the first day of the month.
        messages: First byte and length of each message.
        late: Which messages are preliminary.
        streams: ECMWF streams.
        spans: Start hour and hours of accumulations.
    """

    place: Place
    layout: Layout
    times: Instants
    messages: tuple[tuple[int, int], ...]
    late: npt.NDArray[np.bool_]
    streams: frozenset[str]
    spans: frozenset[tuple[int, int]]

    def read(self, first: int, stop: int, window: Window) -> npt.NDArray[np.float32]:
        """See ``Series``."""
        out = np.empty((stop - first, *window.shape), dtype=np.float32)
        with self.place.path.open("rb") as stream:
            for i, (offset, length) in enumerate(self.messages[first:stop]):
                stream.seek(offset)
                values = self._decoded(stream.read(length))
                out[i] = self.layout.gather(window, _cutter(values))
        return out

    def preliminary(self, window: Window) -> npt.NDArray[np.bool_]:
        """See ``Series``."""
        return self.late

    def _decoded(self, message: bytes) -> npt.NDArray[np.float32]:
        """One field ``(Nj, Ni)`` as it lies in the file, NaN missing."""
        eccodes = _eccodes(self.place)
        with _message(eccodes, message, self.place) as handle:
            values = np.asarray(eccodes.codes_get_values(handle), dtype=np.float64)
            if eccodes.codes_get(handle, "bitmapPresent"):
                values[values == eccodes.codes_get_double(handle, "missingValue")] = np.nan
            return values.reshape(self.layout.grid.shape).astype(np.float32)


def _cutter(values: npt.NDArray[np.float32]) -> Callable[[slice, slice], Array]:
    return lambda rows, cols: values[rows, cols]


@dataclass(eq=False)
class _Found:
    """Messages of one parameter while a file is scanned."""

    geometry: tuple[float, ...]
    times: list[int] = field(default_factory=list)
    messages: list[tuple[int, int]] = field(default_factory=list)
    late: list[bool] = field(default_factory=list)
    streams: set[str] = field(default_factory=set)
    spans: set[tuple[int, int]] = field(default_factory=set)


def grib_series(
    place: Place, names: Mapping[int, str], units: Mapping[str, frozenset[str]]
) -> Iterable[tuple[str, GribSeries]]:
    """The known parameters of a GRIB file.

    Args:
        place: The file.
        names: ECMWF parameter number → name of the variable.
        units: Name → units in which it is understood.

    Raises:
        SourceError: If ecCodes is not installed, or a known parameter is not a series of regular
            maps of one analysis.
    """
    found: dict[str, _Found] = {}
    eccodes = _eccodes(place)
    try:
        with place.path.open("rb") as stream:
            while (handle := eccodes.codes_grib_new_from_file(stream)) is not None:
                try:
                    name = names.get(int(eccodes.codes_get(handle, "paramId")))
                    if name is not None:
                        keys = _Keys(eccodes, handle)
                        _check_message(keys, units[name], f"{place}, {name}")
                        _add(found, name, keys, f"{place}, {name}")
                finally:
                    eccodes.codes_release(handle)
    except eccodes.CodesInternalError as error:
        raise SourceError(
            "The GRIB file cannot be read: it is damaged or incomplete",
            where=place,
            found=error,
            remedy="compare its size with the provider's and fetch it again",
        ) from error
    return [(name, _series(place, entry)) for name, entry in found.items()]


class _Keys:
    """Keys of a message, with a default for those it lacks."""

    def __init__(self, eccodes: ModuleType, handle: int) -> None:
        self._eccodes, self._handle = eccodes, handle

    def text(self, key: str, default: str = "") -> str:
        """A key as text."""
        if not self._eccodes.codes_is_defined(self._handle, key):
            return default
        return str(self._eccodes.codes_get(self._handle, key, str))

    def number(self, key: str, default: int = 0) -> int:
        """A key as whole number."""
        if not self._eccodes.codes_is_defined(self._handle, key):
            return default
        return int(self._eccodes.codes_get(self._handle, key, int))

    def degrees(self, key: str) -> float:
        """A key as number."""
        return float(self._eccodes.codes_get(self._handle, key, float))


def _check_message(keys: _Keys, units: frozenset[str], where: str) -> None:
    """Refuse what is not a regular map of the analysis."""
    scanning = {key for key in _SCANNING if keys.number(key)}
    if keys.text("gridType") != "regular_ll" or scanning:
        raise SourceError(
            "The GRIB field is not on a regular latitude-longitude grid",
            where=where,
            expected="gridType regular_ll, rows from west to east",
            found=f"{keys.text('gridType')} {' '.join(sorted(scanning))}".strip(),
            remedy="download it on a regular grid, or convert it with `cdo remapbil`",
        )
    if keys.number("number"):
        raise SourceError(
            "The GRIB file holds ensemble members",
            where=where,
            found=f"member {keys.number('number')}",
            remedy="download the reanalysis itself, not its ensemble members",
        )
    if keys.text("units").lower() not in units:
        raise SourceError(
            "The parameter is in other units",
            where=where,
            expected=" or ".join(sorted(units)),
            found=keys.text("units"),
        )


def _add(found: dict[str, _Found], name: str, keys: _Keys, where: str) -> None:
    """Note one message."""
    geometry = tuple(keys.degrees(key) for key in _GEOMETRY)
    entry = found.setdefault(name, _Found(geometry))
    if geometry != entry.geometry:
        raise SourceError(
            "The GRIB fields of one parameter lie on different grids",
            where=where,
            expected=entry.geometry,
            found=geometry,
            remedy="split the file, for example with `grib_copy`",
        )
    stream = keys.text("stream")
    if stream:
        entry.streams.add(stream)
    entry.times.append(_time(keys, stream))
    entry.messages.append((keys.number("offset"), keys.number("totalLength")))
    entry.late.append(keys.text("expver", "1").strip("0") == str(_PRELIMINARY))
    start, end = keys.number("startStep"), keys.number("endStep")
    if keys.text("stepType") == "accum" and stream not in _MONTHLY:
        hour = (keys.number("dataTime") // 100 + start) % 24
        entry.spans.add((hour, end - start))


def _time(keys: _Keys, stream: str) -> int:
    """Seconds since 1970: the first of the month of a monthly mean, else the valid time."""
    if stream in _MONTHLY:
        year, month = divmod(keys.number("dataDate") // 100, 100)
        return int(dt.datetime(year, month, 1, tzinfo=dt.UTC).timestamp())
    day, time = keys.text("validityDate"), keys.number("validityTime")
    moment = dt.datetime.strptime(day, "%Y%m%d").replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) + time // 100 * 3600 + time % 100 * 60


def _series(place: Place, entry: _Found) -> GribSeries:
    width, height, north, south, west, east = entry.geometry
    columns, rows = int(width), int(height)
    step = ((east - west) % 360.0) / max(columns - 1, 1)
    latitude = north + (south - north) / max(rows - 1, 1) * np.arange(rows, dtype=np.float64)
    longitude = west + step * np.arange(columns, dtype=np.float64)
    layout = layout_from_centres(latitude, longitude, place)
    return GribSeries(
        place,
        layout,
        np.array(entry.times, dtype=np.int64),
        tuple(entry.messages),
        np.array(entry.late, dtype=np.bool_),
        frozenset(entry.streams),
        frozenset(entry.spans),
    )


@contextmanager
def _message(eccodes: ModuleType, message: bytes, place: Place) -> Iterator[int]:
    """A message, decoded while it is used."""
    try:
        handle = eccodes.codes_new_from_message(message)
        try:
            yield handle
        finally:
            eccodes.codes_release(handle)
    except eccodes.CodesInternalError as error:
        raise SourceError(
            "The GRIB file cannot be read: it is damaged or incomplete", where=place, found=error
        ) from error


def _eccodes(place: Place) -> ModuleType:
    """The library, which only those need who have GRIB files."""
    try:
        import eccodes
    except (ImportError, RuntimeError) as error:
        raise SourceError(
            "GRIB files need ecCodes",
            where=place,
            found=error,
            remedy="install `ai4land[grib]`, or download NetCDF",
        ) from error
    module: ModuleType = eccodes
    return module
