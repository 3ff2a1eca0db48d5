"""Files of a reanalysis: NetCDF of the old and the new Climate Data Store, plain or zipped."""

from __future__ import annotations

import logging
import lzma
import re
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import MissingFileError, SourceError
from ai4land.formats import (
    Instants,
    Layout,
    NetcdfMap,
    check_units,
    instants_of,
    map_of,
    opened_netcdf,
    whole,
)
from ai4land.grid import Window
from ai4land.sources.file_source import nothing_here

__all__ = ["NetcdfSeries", "Place", "Series", "netcdf_series", "places"]

_LOG = logging.getLogger(__name__)
_SUFFIXES = {".nc", ".nc4", ".netcdf", ".grib", ".grib1", ".grib2", ".grb", ".grb2", ".zip"}
_STREAM = re.compile(r"data_stream-([a-z]+)")
_FINAL, _PRELIMINARY = 1, 5  # ``expver`` of ERA5 and of ERA5T
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError),
    *(RuntimeError, NotImplementedError, ValueError, MemoryError),  # encrypted, or unknown
)
_TIMES = ("valid_time", "time", "date")


class _Archive:
    """A ZIP archive whose members are unpacked into a temporary folder while they are used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder: Path | None = None

    def unpacked(self, member: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="ai4land-"))
            weakref.finalize(self, shutil.rmtree, self._folder, True)
        target = self._folder / Path(member).name
        if not target.exists():
            try:
                with zipfile.ZipFile(self._path) as archive, archive.open(member) as stream:
                    part = target.with_suffix(".part")
                    with part.open("wb") as out:
                        shutil.copyfileobj(stream, out)
                    part.rename(target)
            except _BROKEN as error:
                raise SourceError(
                    "The ZIP archive cannot be unpacked",
                    where=f"{self._path}, {member}",
                    found=error,
                    remedy="fetch it again, or make room in the folder for temporary files",
                ) from error
        return target


@dataclass(frozen=True, eq=False)
class Place:
    """A file, or a member of an archive.

    Attributes:
        origin: The file that lies on disk, and is hashed.
        member: Name inside the archive.
        archive: The archive.
    """

    origin: Path
    member: str | None = None
    archive: _Archive | None = None

    @property
    def path(self) -> Path:
        """The file to open."""
        if self.member is None or self.archive is None:
            return self.origin
        return self.archive.unpacked(self.member)

    @property
    def label(self) -> Path:
        """What error texts call it: a member stands behind its archive like in a folder."""
        return self.origin if self.member is None else self.origin / self.member

    def head(self) -> bytes:
        """The first bytes."""
        try:
            with self.path.open("rb") as stream:
                return stream.read(8)
        except OSError as error:
            raise MissingFileError("Cannot read the file", where=self, found=error) from error

    @property
    def kind(self) -> str:
        """``netcdf``, ``grib``, ``zip`` or nothing, by the first bytes and never by the name."""
        head = self.head()
        if head.startswith(b"PK\x03\x04"):
            return "zip"
        if head.startswith((b"\x89HDF", b"CDF")):
            return "netcdf"
        return "grib" if head.startswith(b"GRIB") else ""

    @property
    def streams(self) -> frozenset[str]:
        """The stream in names such as ``data_stream-moda_stepType-avgua.nc``."""
        return frozenset(_STREAM.findall(self.member or self.origin.name))

    def __str__(self) -> str:
        """The label."""
        return str(self.label)


def places(path: Path) -> Iterator[Place]:
    """The files behind a path: itself, those of a folder, the members of archives.

    Raises:
        MissingFileError: If there is none.
        SourceError: If a file is neither NetCDF nor GRIB nor a ZIP of such.
    """
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in _SUFFIXES and f.is_file())
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise nothing_here("files of a reanalysis", path, "NetCDF, GRIB or ZIP files")
    for file in files:
        place = Place(file)
        for part in _members(place) if place.kind == "zip" else [place]:
            if not part.kind or part.kind == "zip":
                raise SourceError(
                    "The file is neither NetCDF nor GRIB nor a ZIP of such",
                    where=part,
                    found=f"it begins with {part.head()!r}",
                    remedy="look into it: a failed download is often an error page",
                )
            yield part


def _members(place: Place) -> list[Place]:
    """Files inside an archive; the Climate Data Store names such archives ``.nc``."""
    try:
        with zipfile.ZipFile(place.origin) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/")]
    except _BROKEN as error:
        raise SourceError(
            "The ZIP archive is damaged or incomplete",
            where=place,
            found=error,
            remedy="fetch it again",
        ) from error
    files = [n for n in names if Path(n).suffix.lower() in _SUFFIXES - {".zip"}]
    if not files or len({Path(n).name for n in files}) < len(files):
        raise SourceError("The archive holds no data files", where=place, found=", ".join(names))
    unpacked = _Archive(place.origin)
    return [Place(place.origin, name, unpacked) for name in files]


@dataclass(frozen=True, eq=False, kw_only=True)
class Series:
    """One variable of one file, its header read.

    Attributes:
        place: The file.
        layout: How the rows and columns lie.
        times: Time of each record; of a monthly mean the first day of the month.
        streams: ECMWF streams that the file names; empty if it names none.
        spans: Hour of the day at which an accumulation starts, and its hours; empty if unknown.
    """

    place: Place
    layout: Layout
    times: Instants
    streams: frozenset[str]
    spans: frozenset[tuple[int, int]] = frozenset()

    def read(self, first: int, stop: int, window: Window) -> npt.NDArray[np.float32]:
        """Some records in a row, ``(record, y, x)``, in the file's units, NaN missing."""
        raise NotImplementedError

    def preliminary(self, window: Window) -> npt.NDArray[np.bool_]:
        """Which records are preliminary (ERA5T, ``expver`` 5); may look into the window."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, kw_only=True)
class NetcdfSeries(Series):
    """One variable of a NetCDF file.

    Attributes:
        map: The variable.
        time: Name of the dimension of time.
        versions: ``expver`` along its dimension, or of each record.
    """

    map: NetcdfMap
    time: str
    versions: npt.NDArray[np.int64]

    def read(self, first: int, stop: int, window: Window) -> npt.NDArray[np.float32]:
        """See ``Series``; where both versions of ERA5 hold a value, the final one counts."""
        values = self._raw(first, stop, window)
        if "expver" not in self.map.dimensions:
            return values
        final, preliminary = (self._version(values, v) for v in (_FINAL, _PRELIMINARY))
        if final is None or preliminary is None:
            return values[:, 0]
        return np.where(np.isnan(final), preliminary, final)

    def preliminary(self, window: Window) -> npt.NDArray[np.bool_]:
        """See ``Series``; with ``expver`` as dimension only the values tell."""
        if "expver" not in self.map.dimensions:
            return np.broadcast_to(self.versions == _PRELIMINARY, self.times.shape)
        found = np.zeros(self.times.shape, dtype=np.bool_)
        for record in reversed(range(self.times.size)):
            final = self._version(self._raw(record, record + 1, window), _FINAL)
            if final is not None and np.isfinite(final).any():
                break  # preliminary months follow the final ones
            found[record] = True
        return found

    def _version(
        self, values: npt.NDArray[np.float32], version: int
    ) -> npt.NDArray[np.float32] | None:
        found = np.flatnonzero(self.versions == version)
        return values[:, int(found[0])] if found.size else None

    def _raw(self, first: int, stop: int, window: Window) -> npt.NDArray[np.float32]:
        """Records ``(record, [expver,] y, x)``."""
        at: dict[str, int | slice] = {self.time: slice(first, stop)}
        if "expver" in self.map.dimensions:
            at["expver"] = slice(None)
        with opened_netcdf(self.place.path) as dataset:
            values = self.map.floats(window, at, dataset)
        kept = [name for name in self.map.others if name in at]
        return values if kept[0] == self.time else np.moveaxis(values, 1, 0)


def netcdf_series(
    place: Place, units: Mapping[str, frozenset[str]]
) -> Iterable[tuple[str, NetcdfSeries]]:
    """The known variables of a NetCDF file.

    Args:
        place: The file.
        units: Name in the file → units in which it is understood.

    Raises:
        SourceError: If a known variable is not a series of maps of one analysis.
    """
    found = []
    with opened_netcdf(place.path) as dataset:
        for name in dataset.variables:
            if name in units:
                check_units(dataset[name], set(units[name]), place.label)
                found.append((name, _header(dataset, name, place)))
        if not found:
            _LOG.info("%s: no known variable among %s", place, ", ".join(dataset.variables))
    return found


def _header(dataset: netCDF4.Dataset, name: str, place: Place) -> NetcdfSeries:
    found = map_of(dataset, dataset[name], place.path)
    time = next((n for n in found.others if n in _TIMES), None)
    for dim, size in found.others.items():
        if dim not in {time, "expver"} and size > 1:
            raise SourceError(
                "The variable has a dimension that is not understood",
                where=f"{place}, {name}",
                expected="(time, latitude, longitude), of one analysis",
                found=f"{dim} of size {size} in {found.dimensions}",
                remedy="download the reanalysis itself, not its ensemble members",
            )
    if time is None or time not in dataset.variables:
        raise SourceError(
            "The variable has no time axis",
            where=f"{place}, {name}",
            expected=f"a dimension and coordinate {' or '.join(_TIMES)}",
            found=found.dimensions,
        )
    times = instants_of(dataset[time], place.label)
    versions = _versions(dataset, place)
    length = found.others.get("expver", times.size)
    if versions.size not in {1, length}:
        raise SourceError(
            "`expver` does not fit the variable",
            where=f"{place}, {name}",
            expected=f"one or {length} values",
            found=versions.size,
        )
    return NetcdfSeries(
        place=place,
        layout=found.layout,
        times=times,
        streams=place.streams,
        map=found,
        time=time,
        versions=versions,
    )


def _versions(dataset: netCDF4.Dataset, place: Place) -> npt.NDArray[np.int64]:
    """``expver`` as numbers: strings such as ``0005`` in new files, integers in old ones."""
    if "expver" not in dataset.variables:
        return np.array([_FINAL], dtype=np.int64)
    raw = np.atleast_1d(whole(dataset["expver"], place))
    try:
        return np.array([int(v) for v in raw], dtype=np.int64)
    except ValueError as error:
        raise SourceError(
            "`expver` is not understood",
            where=place,
            expected="1 (final) or 5 (preliminary)",
            found=sorted({str(v) for v in raw}),
        ) from error
