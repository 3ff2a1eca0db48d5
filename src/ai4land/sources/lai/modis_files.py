"""MODIS leaf area files: HDF-EOS2 tiles as downloaded, GeoTIFF and NetCDF exports of them."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import netCDF4
import numpy as np

from ai4land.errors import ConfigError, GridError, MissingFileError, SourceError
from ai4land.formats import (
    HdfGrid,
    Layout,
    chosen,
    days_of,
    map_of,
    opened_hdf4,
    opened_netcdf,
    same_grid,
    whole,
)
from ai4land.regrid import SinusoidalGrid
from ai4land.sources.bands import BandFile, open_bands
from ai4land.sources.lai.composites import Naming
from ai4land.sources.periods import composite_date, dated_files
from ai4land.sources.source import Array

__all__ = [
    "LAI",
    "QUALITY",
    "Sheet",
    "Sheets",
    "check_quality",
    "modis_exports",
    "modis_netcdf",
    "modis_tiles",
    "whole_of",
]

LAI, QUALITY = "lai", "quality"
Read = Callable[[str, slice, slice], Array]

_TILE = re.compile(
    r"(?P<product>M[OYC]D15A[23]H?)\.A(?P<year>\d{4})(?P<doy>\d{3})"
    r"\.h(?P<h>\d{2})v(?P<v>\d{2})\.(?P<collection>\d{3})\..*hdf\Z",
    re.IGNORECASE,
)
_NAMES = {LAI: ("Lai_500m", "Lai_1km"), QUALITY: ("FparLai_QC",)}
_SCALE = 0.1


@dataclass(frozen=True, eq=False)
class Sheet:
    """One file at one time: a tile, or a window cut from tiles.

    Attributes:
        path: The file.
        place: Where its cells lie.
        read: Block of a layer (``LAI`` or ``QUALITY``), as stored.
        layers: Layers that it holds.
    """

    path: Path
    place: SinusoidalGrid | Layout
    read: Read
    layers: frozenset[str] = frozenset({LAI, QUALITY})


@dataclass(frozen=True, eq=False)
class Sheets:
    """All files of a product.

    Attributes:
        days: First day of each composite → its files.
        length: Days from one composite to the next.
        product: Short name, such as ``MCD15A2H``; empty if the files do not tell.
        collection: Collection, such as ``061``; empty if the files do not tell.
    """

    days: Mapping[dt.date, tuple[Sheet, ...]]
    length: int
    product: str = ""
    collection: str = ""


def _tile(match: re.Match[str], file: Path) -> tuple[dt.date, int, int]:
    return composite_date(match["year"] + match["doy"], file), int(match["h"]), int(match["v"])


_TILES = Naming(
    what="MODIS leaf area tiles",
    pattern=_TILE,
    ending="*.hdf",
    example="MCD15A2H.A2004001.h17v04.061.….hdf; of exports, the option `pattern`",
    of=_tile,
    one="tile and time",
    twice="keep the one that was produced last",
    edition=lambda match: f"{match['product'].upper()} {match['collection']}",
    several="set the option `product`, and keep one collection in a folder",
)


def modis_tiles(folder: Path, product: str | None) -> Sheets:
    """Tiles as downloaded, in a folder or its subfolders.

    Only the first tile's header is read here; each other's is checked when it is read.

    Args:
        folder: The folder.
        product: Short name, needed if there are several products.

    Raises:
        MissingFileError: If there is no tile, or no HDF4 library.
        SourceError: If there are several products, collections or versions of one tile.
    """
    tiles, edition = _TILES.files_in(folder, product)
    name, collection = edition.split()
    cells = _cells(next(iter(tiles.values())))
    days: dict[dt.date, list[Sheet]] = {}
    for (day, h, v), file in tiles.items():
        place = SinusoidalGrid.tile(h, v, cells)
        days.setdefault(day, []).append(Sheet(file, place, partial(_read_tile, file, place)))
    length = 4 if "15A3" in name else 8
    return Sheets({d: tuple(s) for d, s in days.items()}, length, name, collection)


def _cells(path: Path) -> int:
    """Pixels along a side of the tiles, from one of them."""
    with opened_hdf4(path) as file:
        return _place(file.grid_of(_name(file.names(), LAI, path))).cells


def _place(grid: HdfGrid) -> SinusoidalGrid:
    """The part of the sinusoidal grid that a grid of a file is."""
    left, top, _, _ = grid.corners
    width, height = grid.cell
    if not grid.sinusoidal or not math.isclose(width, height, rel_tol=1e-6):
        raise SourceError(
            "Not a sinusoidal tile",
            where=grid.where,
            expected="GCTP_SNSOID with square pixels",
            found=f"pixels of {width:g} × {height:g}",
            remedy="for exports, set the option `pattern`",
        )
    try:
        return SinusoidalGrid.from_metres(left, top, width, grid.shape)
    except GridError as error:
        raise SourceError("Not a MODIS tile", where=grid.where, found=error) from error


def _read_tile(path: Path, place: SinusoidalGrid, layer: str, rows: slice, cols: slice) -> Array:
    with opened_hdf4(path) as file:
        name = _name(file.names(), layer, path)
        found = _place(file.grid_of(name))
        if found != place:
            raise SourceError(
                "The tile lies elsewhere than its name says",
                where=path,
                expected=place,
                found=found,
            )
        if layer == LAI:
            _check_scale(file.attributes(name).get("scale_factor"), path)
        return file.read(name, rows, cols)


def _name(names: tuple[str, ...], layer: str, path: Path) -> str:
    for name in _NAMES[layer]:
        if name in names:
            return name
    raise SourceError(
        "The file lacks a layer",
        where=path,
        expected=" or ".join(_NAMES[layer]),
        found=", ".join(names),
        remedy="choose `quality: any`" if layer == QUALITY else None,
    )


def _check_scale(found: object, path: Path) -> None:
    """Refuse a file that declares another scale than the product's."""
    if found is not None and abs(float(str(found)) - _SCALE) > 1e-6:
        raise SourceError(
            "The file declares another scale factor", where=path, expected=_SCALE, found=found
        )


def _check_stored(dtype: str, path: Path) -> None:
    if np.dtype(dtype) != np.uint8:
        raise SourceError(
            "The export is not as the product stores it",
            where=path,
            expected="uint8, leaf area × 10, 249…255 without a value",
            found=dtype,
            remedy="export the original numbers, neither scaled nor interpolated",
        )


def modis_exports(
    folder: Path, pattern: str, quality_pattern: str | None, length: int | None
) -> Sheets:
    """GeoTIFF exports, one file per composite, sinusoidal or in EPSG:4326.

    Args:
        folder: The folder.
        pattern: File name with ``{year}`` and ``{doy}``, or ``{year}``, ``{month}``, ``{day}``.
        quality_pattern: The same for files of ``FparLai_QC``.
        length: Days of a composite; default: as the files say, else 8.

    Raises:
        MissingFileError: If there are no files, or one lacks its quality file.
        SourceError: If they lie on several grids, or contradict their dates.
    """
    files = {day: open_bands(file) for day, file in dated_files(folder, pattern).items()}
    checks = {} if quality_pattern is None else dated_files(folder, quality_pattern)
    first = next(iter(files.values()))
    lengths = {_declared_length(day, file) for day, file in files.items()} - {None}
    if len(lengths) > 1 or (lengths and length not in {None, *lengths}):
        raise SourceError(
            "Composites of another length",
            where=folder,
            expected=f"{length or 'one length of'} days",
            found=f"{', '.join(map(str, sorted(filter(None, lengths))))} days by the files' tags",
            remedy="set the option `days` accordingly, one product per folder",
        )
    days: dict[dt.date, tuple[Sheet, ...]] = {}
    for day, file in files.items():
        _check_stored(file.dtypes[0], file.path)
        _check_scale(file.tags.get("scale_factor"), file.path)
        if not _same_place(file.place, first.place):
            raise SourceError(
                "A file of the series lies on another grid", where=file.path, found=file.place
            )
        other = None
        if checks:
            if day not in checks:
                raise MissingFileError("A quality file is missing", where=folder, expected=day)
            other = open_bands(checks[day])
        layers = frozenset({LAI} if other is None else {LAI, QUALITY})
        days[day] = (Sheet(file.path, file.place, partial(_read_band, file, other), layers),)
    found = next(iter(lengths), None)
    name = first.tags.get("SHORTNAME", "")
    return Sheets(days, length or found or 8, name, first.tags.get("VERSIONID", ""))


def _declared_length(day: dt.date, file: BandFile) -> int | None:
    """Days of a composite by its tags, which must agree with the date in its name."""
    ends = [file.tags.get(f"RANGE{end}DATE") for end in ("BEGINNING", "ENDING")]
    if ends[0] is None or ends[1] is None:
        return None
    try:
        start, last = (dt.date.fromisoformat(str(end).strip()) for end in ends)
    except ValueError:
        return None  # some exports blank these tags with an asterisk
    if start != day:
        raise SourceError(
            "The file's tags contradict the date in its name",
            where=file.path,
            expected=day,
            found=f"RANGEBEGINNINGDATE {start}",
        )
    shortened = last.month == 12 and last.day == 31
    return None if shortened else (last - start).days + 1


def _same_place(one: SinusoidalGrid | Layout, two: SinusoidalGrid | Layout) -> bool:
    if isinstance(one, Layout) and isinstance(two, Layout):
        return same_grid(one.grid, two.grid) and one.flipped == two.flipped
    return one == two


def _read_band(
    file: BandFile, quality: BandFile | None, layer: str, rows: slice, cols: slice
) -> Array:
    source = file if layer == LAI else quality
    assert source is not None
    if not _same_place(source.place, file.place):
        raise SourceError("The quality file lies on another grid", where=source.path)
    return source.read(1, rows, cols)


def modis_netcdf(path: Path, length: int | None) -> Sheets:
    """A NetCDF export: ``Lai_500m(time, y, x)`` in sinusoidal metres, or by latitude and longitude.

    Args:
        path: The file.
        length: Days of a composite; default: 4 if the time axis has such steps, else 8.

    Raises:
        SourceError: If the file is laid out differently.
    """
    with opened_netcdf(path) as dataset:
        array = chosen(dataset, _NAMES[LAI], path, what="leaf area", option=None)
        if array.ndim != 3 or array.dimensions[0] not in dataset.variables:
            raise SourceError(
                "Other dimensions than a series of maps",
                where=f"{path}, {array.name}",
                expected="(time, y, x) with coordinates",
                found=array.dimensions,
            )
        _check_stored(str(array.dtype), path)
        _check_scale(getattr(array, "scale_factor", None), path)
        days = days_of(dataset[array.dimensions[0]], path)
        place = _netcdf_place(dataset, array, path)
        both = _NAMES[QUALITY][0] in dataset.variables
        layers = frozenset({LAI} | ({QUALITY} if both else set()))
    steps = {(b - a).days for a, b in itertools.pairwise(days) if a.year == b.year}
    found = 4 if 4 in steps else 8  # a step is longer where a composite is missing
    if length is not None and steps and min(steps) < length:
        raise SourceError(
            "Composites of another length",
            where=path,
            expected=f"steps of {length} days",
            found=f"{min(steps)} days",
            remedy="set the option `days` accordingly",
        )
    return Sheets(
        {
            day: (Sheet(path, place, partial(_read_netcdf, path, index), layers),)
            for index, day in enumerate(days)
        },
        length or found,
    )


def _netcdf_place(
    dataset: netCDF4.Dataset, array: netCDF4.Variable[object], path: Path
) -> SinusoidalGrid | Layout:
    """Where the cells lie, by the coordinates of the last two dimensions."""
    y, x = array.dimensions[-2:]
    if {y, x} <= set(dataset.variables) and getattr(dataset[y], "units", "") == "m":
        try:
            return SinusoidalGrid.from_centres(
                whole(dataset[x], path).astype(np.float64),
                whole(dataset[y], path).astype(np.float64),
            )
        except GridError as error:
            raise SourceError("Not a part of a MODIS tile", where=path, found=error) from error
    return map_of(dataset, array, path).layout


def _read_netcdf(path: Path, index: int, layer: str, rows: slice, cols: slice) -> Array:
    with opened_netcdf(path) as dataset:
        return np.asarray(dataset[_name(tuple(dataset.variables), layer, path)][index, rows, cols])


def check_quality(sheets: Sheets, rule: str) -> None:
    """Refuse a quality rule where there is no quality layer.

    Raises:
        ConfigError: If a file lacks the layer.
    """
    bare = next((s for parts in sheets.days.values() for s in parts if QUALITY not in s.layers), 0)
    if rule != "any" and isinstance(bare, Sheet):
        raise ConfigError(
            "The files hold no quality layer",
            where=bare.path,
            expected="FparLai_QC",
            remedy="choose `quality: any`, or export FparLai_QC and set `quality_pattern`",
        )


def whole_of(sheets: Sheets) -> SinusoidalGrid | Layout:
    """The smallest place that holds all files.

    Raises:
        SourceError: If files of different kinds are mixed.
    """
    places = [s.place for parts in sheets.days.values() for s in parts]
    tiles = [p for p in places if isinstance(p, SinusoidalGrid)]
    if not tiles:
        return places[0]
    if len({t.cells for t in tiles}) > 1 or len(tiles) < len(places):
        raise SourceError("Files on different grids", found=sorted({t.cells for t in tiles}))
    row, col = min(t.row for t in tiles), min(t.col for t in tiles)
    bottom, right = max(t.row + t.height for t in tiles), max(t.col + t.width for t in tiles)
    return replace(tiles[0], row=row, col=col, height=bottom - row, width=right - col)
