"""Files of class shares: a variable per class, or one with a class dimension; by year or static."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import ConfigError, SourceError
from ai4land.formats import (
    Layout,
    NetcdfMap,
    Stamp,
    chosen,
    map_of,
    maps_in,
    opened_netcdf,
    time_of,
    whole,
    years_of,
)
from ai4land.grid import Window
from ai4land.sources.class_series.years import annual_files
from ai4land.sources.file_source import check_one_grid
from ai4land.vocabulary import check_name

__all__ = ["FractionFile", "open_fraction_files"]

_PERCENT = {"%", "percent", "percentage"}
_FRACTION = {"1", "fraction", "-", "0-1", "unitless", "share"}


@dataclass(frozen=True, eq=False)
class FractionFile:
    """One file whose header was read.

    Attributes:
        path: The file.
        index: Year → position on the time axis, ``None`` without one.
        classes: Class of the file → variable and position on its class dimension, ``None`` if the
            class is a variable of its own.
        dimensions: Names of time and class dimension, ``None`` where there is none.
    """

    path: Path
    index: Mapping[int, int | None]
    classes: Mapping[str, tuple[NetcdfMap, int | None]]
    dimensions: tuple[str | None, str | None]

    @property
    def layout(self) -> Layout:
        """Where its cells lie."""
        return next(iter(self.classes.values()))[0].layout

    def check_units(self, wanted: str | None) -> None:
        """Refuse units that contradict the recipe, or are not known at all.

        Raises:
            ConfigError: If file and recipe disagree, or both are silent.
        """
        for array in {array.name: array for array, _ in self.classes.values()}.values():
            found, where = _units(array), f"{self.path}, {array.name}"
            if found is None and wanted is None:
                raise ConfigError(
                    "The file does not say whether its shares are percent",
                    where=where,
                    found=f"units {array.units!r}",
                    remedy="set the option `units` to percent or fraction",
                )
            if found is not None and wanted not in {None, found}:
                raise ConfigError(
                    "File and recipe disagree on the units",
                    where=where,
                    expected=wanted,
                    found=f"units {array.units!r}",
                    remedy="leave the option `units` out, or correct that of the file",
                )

    def read(self, year: int, window: Window, units: str | None) -> npt.NDArray[np.float64]:
        """Shares of the mapped classes as fractions, ``(class, y, x)`` float64, NaN missing."""
        layers = []
        with opened_netcdf(self.path) as dataset:
            for array, member in self.classes.values():
                places = zip(self.dimensions, (self.index[year], member), strict=True)
                at = {name: at for name, at in places if name is not None and at is not None}
                values = array.packing.values(array.stored(window, at, dataset))
                percent = units == "percent" or _units(array) == "percent"
                layers.append(values / 100.0 if percent else values)
        return np.stack(layers)


def _units(array: NetcdfMap) -> str | None:
    """``percent`` or ``fraction``, if the file says so."""
    text = array.units.lower()
    return "percent" if text in _PERCENT else "fraction" if text in _FRACTION else None


def open_fraction_files(
    path: Path,
    classes: tuple[str, ...],
    *,
    variable: str | None,
    dimension: str | None,
    year: int | None,
    pattern: str | None,
    stamp: Stamp = Stamp.WITHIN,
) -> dict[int, FractionFile]:
    """Open a file, or the files of a folder, and find their years.

    Args:
        path: NetCDF file, or folder.
        classes: Classes of the file that are mapped.
        variable: The variable with a class dimension.
        dimension: Its class dimension.
        year: Year of a file without time axis.
        pattern: File name in a folder, with ``{year}``.
        stamp: What times without bounds say.

    Returns:
        Year → file.

    Raises:
        ConfigError: If the class map does not fit the file.
        MissingFileError: If no file is there.
        SourceError: If a file is laid out differently, or files lie on several grids.
    """
    found: dict[int, FractionFile] = {}
    for file, named in _files(path, year, pattern).items():
        one = _open(file, classes, (variable, dimension), named, stamp)
        twice = set(one.index) & set(found)
        if twice:
            raise SourceError("Two files for one year", where=file, found=sorted(twice)[0])
        found |= dict.fromkeys(one.index, one)
    check_one_grid((file.path, file.layout.grid) for file in found.values())
    return found


def _files(path: Path, year: int | None, pattern: str | None) -> dict[Path, int | None]:
    """Files and the years in their names."""
    if path.is_file() or pattern is None:
        if path.is_dir():
            raise ConfigError(
                "A folder needs a pattern",
                where=path,
                remedy="give the path of one file, or the option `pattern` with {year}",
            )
        return {path: year}
    return {file: named for named, file in annual_files(path, pattern).items()}


def _open(
    path: Path,
    classes: tuple[str, ...],
    stacked: tuple[str | None, str | None],
    named: int | None,
    stamp: Stamp,
) -> FractionFile:
    variable, dimension = stacked
    with opened_netcdf(path) as dataset:
        if variable is None or dimension is None:
            _check_names(classes, list(maps_in(dataset)), path, complete=False)
            places: dict[str, tuple[str, int | None]] = {name: (name, None) for name in classes}
        else:
            array = chosen(dataset, (), path, what="a map of shares", variable=variable)
            if dimension not in array.dimensions:
                raise ConfigError(
                    "The variable has no such dimension",
                    where=f"{path}, {variable}",
                    expected=f"{variable} by {dimension}",
                    found=", ".join(array.dimensions),
                    remedy="name its dimension of classes in the option `dimension`",
                )
            members = _members(dataset, dimension)
            _check_names(classes, members, path, complete=True)
            places = {name: (variable, members.index(name)) for name in classes}
        names = dict.fromkeys(name for name, _ in places.values())
        maps = {name: map_of(dataset, dataset[name], path) for name in names}
        first = next(iter(maps.values()))
        for one in maps.values():
            if one.dimensions != first.dimensions:
                raise SourceError(
                    "The classes have different dimensions",
                    where=f"{path}, {one.name}",
                    expected=first.dimensions,
                    found=one.dimensions,
                )
        classes_in = {name: (maps[array], member) for name, (array, member) in places.items()}
        if set(first.others) <= {dimension}:
            return FractionFile(path, _only(named, path), classes_in, (None, dimension))
        time = time_of(dataset, first, beside=dimension)
        years = _years(time, named, path, stamp)
        return FractionFile(path, years, classes_in, (time.name, dimension))


def _members(dataset: netCDF4.Dataset, dimension: str) -> list[str]:
    """Names of the members of a class dimension; positions from 0 on if it has no coordinate."""
    if dimension not in dataset.variables:
        return [str(k) for k in range(dataset.dimensions[dimension].size)]
    values = whole(dataset[dimension], dimension)
    if values.dtype.kind == "S" and values.ndim == 2:
        values = np.asarray(netCDF4.chartostring(values))
    return [
        f"{v:g}" if isinstance(v, np.floating) else str(v).strip() for v in np.atleast_1d(values)
    ]


def _check_names(classes: tuple[str, ...], known: list[str], path: Path, *, complete: bool) -> None:
    """Refuse classes that the file lacks, and with ``complete`` members that are not mapped."""
    for name in classes:
        check_name(name, known, "The class map names a class that the file does not have", path)
    left = [name for name in known if name not in classes]
    if complete and left:
        raise ConfigError(
            "The class map leaves a class of the file out",
            where=path,
            expected="every member of the class dimension",
            found=", ".join(map(repr, left)),
            remedy="give it a class, or `null` if nothing is known of its area",
        )


def _only(named: int | None, path: Path) -> dict[int, int | None]:
    """The year of a file without time axis."""
    if named is None:
        raise ConfigError(
            "The file has no time axis",
            where=path,
            remedy="set the option `year`, or `pattern` for a folder with one file a year",
        )
    return {named: None}


def _years(
    time: netCDF4.Variable[Any], named: int | None, path: Path, stamp: Stamp
) -> dict[int, int | None]:
    """Year → position on the time axis; the one of the file's name if that says one."""
    years = years_of(time, path, stamp)
    if named not in {None, *years}:
        raise SourceError(
            "The times are not those of the file's name",
            where=f"{path}, {time.name}",
            expected=f"the year {named}",
            found=list(years)[:5],
            remedy="correct the year in the name or the recipe; or say `stamp: end` if times "
            "mark the end of their year",
        )
    return {named: years[named]} if named is not None else dict(years)
