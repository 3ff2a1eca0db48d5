"""ESA CCI land cover v2.0.7 and C3S land cover v2.1.1: annual maps of 300 m (1/360°).

Defourny et al., ESA CCI Land Cover Product User Guide 2.0 (2017); C3S doi:10.24381/cds.006f2c9a.
NetCDF as ``ubyte`` with a time axis (editions of the climate data store) or as signed byte with
``_Unsigned`` and none (v2.0.7 as first published), and GeoTIFF, whole or in tiles.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from ai4land.errors import SourceError
from ai4land.formats import NetcdfMap, chosen, map_of, opened_netcdf, same_grid, time_of, years_of
from ai4land.grid import Grid, Window
from ai4land.sources.class_series.class_maps import ClassMap, NetcdfClassMap
from ai4land.sources.class_series.years import annual_files
from ai4land.sources.file_source import FileSource, gaps_in, nothing_here
from ai4land.sources.rasters import open_class_map
from ai4land.sources.reader import Certainty, Reader, Side, Strict, side_of
from ai4land.sources.resampling import Method, resampled
from ai4land.sources.source import Array, Notes, Product, SourceField, Ticks
from ai4land.vocabulary import NO_DATA, Clock, legend, variable

__all__ = ["READER", "EsaCci", "EsaCciOptions", "open_esa_cci"]

Tiles = dict[Window, ClassMap]
"""Place in the whole → its map."""

_FILE = re.compile(
    r"(?:ESACCI|C3S)-LC-L4-LCCS-Map-300m-P1Y-(?P<year>\d{4})-v(?P<version>[\d.]+\d)(?:cds)?"
    r"(?P<rest>.*)\.(?P<kind>nc|tiff?)\Z",
    re.IGNORECASE,
)
_ARRAY, _NAME, _FRACTIONS = "lccs_class", "land_cover", "land_cover_fractions"
_COMPANIONS = ("change_count", "current_pixel_state", "observation_count", "processed_flag")
_ONE_KM = "1/120"
_NOISE = 0.01  # share of a pixel by which georeferences of tiles are off
_CITATION = "ESA CCI Land Cover, Product User Guide 2.0; C3S, doi:10.24381/cds.006f2c9a"
_LICENCE = "free with attribution to ESA CCI and C3S"
_STRIP = 1 << 24  # fine cells aggregated at once


class EsaCciOptions(Strict):
    """Options of ``esa_cci``.

    Attributes:
        degrees: Side of a coarser cell. With it, ``land_cover`` is the class of the largest area
            in such cells; without it, the maps stay as they are, and ``land_cover_fractions`` are
            given on 1/120° (1 km, 3 × 3 pixels).
        pattern: Name of renamed files, one a year, with ``{year}`` in it, see ``geotiff_series``;
            default the names of the provider.
        variable: The NetCDF variable, where it is not called ``lccs_class``.
    """

    degrees: Side | None = None
    pattern: str = ""
    variable: str | None = None


def open_esa_cci(path: Path, options: EsaCciOptions) -> EsaCci:
    """Open a folder of annual files with its subfolders, or one NetCDF or GeoTIFF file."""
    renamed: dict[Path, int] = {}
    if path.is_file():
        files = [path]
    elif options.pattern:
        renamed = {file: year for year, file in annual_files(path, options.pattern).items()}
        files = list(renamed)
    else:
        files = _land_cover_in(path)
    if not files:
        expected = "files named …-LC-L4-LCCS-Map-300m-P1Y-{year}-v….nc or .tif"
        what = "ESA CCI or C3S land cover"
        raise nothing_here(what, path, expected, "fetch the layer lccs_class")
    maps: dict[int, list[ClassMap]] = {}
    versions: set[str] = set()
    for file in files:
        match = _FILE.search(file.name)
        if match is not None:
            versions.add(f"v{match['version']}")
        named = renamed.get(file, None if match is None else int(match["year"]))
        for year, one in _open_file(file, named, options.variable).items():
            maps.setdefault(year, []).append(one)
    product = Product("ESA CCI land cover", ", ".join(sorted(versions)), _LICENCE, _CITATION)
    return EsaCci(maps, product, options)


def _land_cover_in(folder: Path) -> list[Path]:
    """Files of land cover in a folder and its subfolders, without their companions."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and (match := _FILE.search(file.name)) and _layer(match) is None
    ]


def _layer(match: re.Match[str]) -> str | None:
    """The companion layer that a file's name says; ``None`` if it is the land cover."""
    return next((name for name in _COMPANIONS if name in match["rest"].lower()), None)


def _open_file(path: Path, named: int | None, variable: str | None) -> dict[int, ClassMap]:
    """The maps of a file by year.

    Args:
        path: The file.
        named: Year in its name.
        variable: The NetCDF variable that a person chose.
    """
    match = _FILE.search(path.name)
    layer = None if match is None else _layer(match)
    if layer is not None:
        raise SourceError(
            "The file is a companion of the land cover",
            where=path,
            expected=f"…-{_ARRAY}{path.suffix}",
            found=layer,
            remedy="give the path of the land cover itself",
        )
    if path.suffix.lower() != ".nc":
        if named is None:
            raise SourceError(
                "The file name holds no year",
                where=path,
                expected="…-P1Y-2018-v…",
                remedy="give the file its original name back",
            )
        return {named: open_class_map(path)}
    with opened_netcdf(path) as dataset:
        array = chosen(dataset, (_ARRAY,), path, what="land cover", variable=variable)
        found = map_of(dataset, array, path)
        _check_codes(array, path)
        years = _years(dataset, found, path, named)
    return {
        year: NetcdfClassMap(found, {} if at is None else dict.fromkeys(found.others, at))
        for year, at in years.items()
    }


def _check_codes(array: netCDF4.Variable[Any], path: Path) -> None:
    """Refuse a file whose own list of codes has one that the legend lacks.

    ``flag_values`` may be negative, as the bytes are; ``flag_colors`` is not used: it has one entry
    fewer, none for 0.
    """
    values = getattr(array, "flag_values", None)
    if values is None:
        return
    codes = np.atleast_1d(np.asarray(values)).astype(np.int64) % 256
    known = legend("esa_cci_lc")
    unknown = sorted(set(codes.tolist()) - {*known.codes, *known.missing})
    if unknown:
        raise SourceError(
            "The file lists class codes that the legend does not know",
            where=f"{path}, flag_values",
            expected="the 38 codes of ESA CCI land cover",
            found=unknown,
        )


def _years(
    dataset: netCDF4.Dataset, found: NetcdfMap, path: Path, named: int | None
) -> Mapping[int, int | None]:
    """Year → position on the time axis."""
    if not found.others:
        if named is None:
            raise SourceError(
                "Neither the file's name nor a time axis tells the year",
                where=path,
                expected="a name with …-P1Y-1992-v2.0.7",
                remedy="give the file its original name back",
            )
        return {named: None}
    years = years_of(time_of(dataset, found), path)
    if named is not None and list(years) != [named]:
        raise SourceError(
            "The times are not those of the file's name",
            where=path,
            expected=f"the year {named}",
            found=", ".join(map(str, years)),
            remedy="give the file its original name back",
        )
    return years


class EsaCci(FileSource):
    """Land cover, as it is or by the largest class of coarser cells, and shares of classes.

    Args:
        maps: Year → its map, or its tiles.
        product: For provenance.
        options: Cells of the aggregation.

    Raises:
        SourceError: If maps of a year overlap, or pixels do not fit together.
    """

    def __init__(
        self, maps: Mapping[int, Sequence[ClassMap]], product: Product, options: EsaCciOptions
    ) -> None:
        self._legend, self._aggregated = legend("esa_cci_lc"), options.degrees is not None
        every = [one for parts in maps.values() for one in parts]
        whole = _union([one.layout.grid for one in every], every[0].path)
        self._tiles, gaps = _complete({y: _placed(maps[y], whole) for y in sorted(maps)})
        inner = gaps_in(self._tiles, lambda year: gaps.get(year, "no file of this year"))
        self._native = SourceField(
            variable(_NAME), whole, Clock.YEAR, tuple(self._tiles), self._legend, gaps=inner
        )
        fields, absent = {_NAME: self._native}, {}
        try:
            grid = cells_inside(whole, side_of(options.degrees or _ONE_KM), "land cover")
        except SourceError as error:
            if self._aggregated:
                raise
            absent[_FRACTIONS] = str(error.what)
        else:
            fields[_FRACTIONS] = replace(self._native, variable=variable(_FRACTIONS), grid=grid)
            if self._aggregated:
                fields[_NAME] = replace(self._native, grid=grid)
        super().__init__(fields, product, absent)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Codes ``(y, x)`` uint8, or shares ``(class, y, x)`` float32."""
        assert tick is not None
        read = partial(self._codes, self._tiles[tick], tick)
        shares = entry.variable.name == _FRACTIONS
        if not shares and not self._aggregated:
            return read(window)
        method: Method = "fraction" if shares else "majority"
        return aggregated(read, self._native, entry.grid, window, method)

    def _codes(self, tiles: Mapping[Window, ClassMap], year: int, window: Window) -> Array:
        """Codes of a window of the product's own pixels, ``(y, x)`` uint8, 255 missing."""
        out = np.full(window.shape, NO_DATA, dtype=np.uint8)
        for piece in self._native.grid.pieces(window):
            there, (rows, cols) = piece.window, piece.target
            for place, one in tiles.items():
                shared = there.meet(place)
                if shared is None:
                    continue
                part = shared.shift(-place.row, -place.col)
                where = f"{one.path.name}, {year}, row {part.row}, column {part.col}"
                here = shared.shift(rows.start - there.row, cols.start - there.col)
                out[here.slices] = one.codes(part, self._legend, where)
        return out

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """How values were aggregated, if they were."""
        if entry.variable.name == _FRACTIONS:
            return {"denominator": "known area of the cell", "resample": "exactly shared area"}
        return {"resample": "class of the largest area"} if self._aggregated else {}

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        assert tick is not None
        return [one.path for one in self._tiles[tick].values()]


def _placed(parts: Sequence[ClassMap], whole: Grid) -> Tiles:
    """Where each tile of a year lies in the whole."""
    placed: dict[Window, ClassMap] = {}
    for one in parts:
        grid = one.layout.grid
        place = Window(*_offset(grid, whole, one.path), *grid.shape)
        if any(place.meet(other) for other in placed):
            raise SourceError(
                "Two files for one year and place",
                where=one.path.parent,
                found=f"{next(iter(placed.values())).path.name} and {one.path.name}",
                remedy="keep one of them in the folder",
            )
        placed[place] = one
    return placed


def _complete(places: Mapping[int, Tiles]) -> tuple[dict[int, Tiles], dict[int, str]]:
    """The years that have all tiles, and what the others lack."""
    every = {(place.row, place.col) for placed in places.values() for place in placed}
    gaps = {
        year: f"{len(every) - len(placed)} of {len(every)} tiles are missing"
        for year, placed in places.items()
        if len(placed) < len(every)
    }
    complete = {year: placed for year, placed in places.items() if year not in gaps}
    if not complete:
        some = next(one for placed in places.values() for one in placed.values())
        raise SourceError(
            "No year has all tiles", where=some.path.parent, found=next(iter(gaps.items()))
        )
    return complete, gaps


def _union(grids: Sequence[Grid], where: Path) -> Grid:
    """The smallest grid of the same pixels that holds all of some grids."""
    first = grids[0]
    for grid in grids:
        if abs(grid.dx / first.dx - 1) * max(grid.shape) > _NOISE:
            raise SourceError(
                "A file of the series has other pixels",
                where=where.parent,
                expected=first.describe(),
                found=grid.describe(),
            )
    if all(same_grid(grid, first) for grid in grids):
        return first
    west, north = min(g.west for g in grids), max(g.north for g in grids)
    width = round((max(g.east for g in grids) - west) / first.dx)
    height = round((north - min(g.south for g in grids)) / first.dy)
    return Grid(west, north, first.dx, first.dy, height, width, first.earth)


def _offset(grid: Grid, whole: Grid, path: Path) -> tuple[int, int]:
    """Row and column of a tile in the whole."""
    row, col = (whole.north - grid.north) / whole.dy, (grid.west - whole.west) / whole.dx
    if abs(row - round(row)) > _NOISE or abs(col - round(col)) > _NOISE:
        raise SourceError(
            "A file of the series lies on another grid",
            where=path,
            expected=f"whole pixels from {whole.describe()}",
            found=grid.describe(),
        )
    return round(row), round(col)


def cells_inside(grid: Grid, side: Fraction, where: object) -> Grid:
    """The cells of whole multiples of a length that lie wholly inside a grid.

    Args:
        grid: The fine grid.
        side: Side of a coarse cell in degrees.
        where: The file, for the error text.

    Raises:
        SourceError: If no cell does.
    """
    hair = Fraction(1, 10**6) * grid.dx / side  # an edge this close is that edge
    first, last = math.ceil(grid.west / side - hair), math.floor(grid.east / side + hair)
    bottom, top = math.ceil(grid.south / side - hair), math.floor(grid.north / side + hair)
    if last <= first or top <= bottom:
        raise SourceError(
            "No coarse cell lies wholly inside the map",
            where=where,
            expected=f"a map larger than a cell of {float(side):g}°",
            found=grid.describe(),
            remedy="choose smaller cells with the option `degrees`",
        )
    return Grid(first * side, top * side, side, side, top - bottom, last - first, grid.earth)


def aggregated(
    read: Callable[[Window], Array], native: SourceField, grid: Grid, window: Window, method: Method
) -> Array:
    """Classes on a coarser grid by exactly shared area.

    Args:
        read: Codes of a window of the fine grid.
        native: The categorical variable on it.
        grid: The coarse grid, inside the fine one.
        window: Part of the coarse grid.
        method: ``majority``: code of the class with the largest area; ``fraction``: share of each
            class in what is known of a cell.

    Returns:
        Codes ``(y, x)`` uint8, 255 missing, or shares ``(class, y, x)`` float32, NaN missing.
    """
    across = float(window.width * grid.dx / native.grid.dx) + 2
    step = max(int(_STRIP / (across * float(grid.dy / native.grid.dy))), 1)
    strips = []
    for strip in window.strips(step):
        parts = []
        for piece in grid.pieces(strip):  # a window around the globe comes in parts
            target = grid.crop(piece.window)
            box = (target.west, target.south, target.east, target.north)
            cover = native.grid.window_of(*box)
            fine = native.grid.crop(cover)
            parts.append(resampled(read(cover), fine, target, method, native.legend))
        strips.append(np.concatenate(parts, axis=-1))
    return np.concatenate(strips, axis=-2)


READER = Reader(
    EsaCciOptions,
    (_NAME, _FRACTIONS),
    lambda path, options, _: open_esa_cci(path, options),
    title="ESA CCI land cover v2.0.7 and C3S land cover v2.1.1, 300 m",
    files=(
        "ESACCI-LC-L4-LCCS-Map-300m-P1Y-{year}-v2.0.7cds.nc",
        "C3S-LC-L4-LCCS-Map-300m-P1Y-{year}-v2.1.1.nc",
        "C3S-LC-L4-LCCS-Map-300m-P1Y-{year}-v2.1.1-{tile}-lccs_class.tif",
    ),
    years="1992–2015 (v2.0.7), 2016–2022 (v2.1.1)",
    licence=_LICENCE,
    citation=_CITATION,
    certainty=Certainty.BYTES,
)
