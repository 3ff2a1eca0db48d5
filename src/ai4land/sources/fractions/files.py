"""Files of class shares: a variable per class, or one with a class dimension; by year or static."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import ConfigError, SourceError
from ai4land.grid import Window
from ai4land.sources.class_series.years import annual_files
from ai4land.sources.file_source import check_one_grid
from ai4land.sources.layout import Layout
from ai4land.sources.netcdf import masked, opened, read_layout, years_of
from ai4land.sources.periods import dates_of
from ai4land.sources.source import Array
from ai4land.vocabulary import check_name

__all__ = ["FractionFile", "open_fraction_files"]

_PERCENT = {"%", "percent", "percentage"}
_FRACTION = {"1", "fraction", "-", "0-1", "unitless", "share"}
_DATED = re.compile(r"(days|hours|seconds) since ", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class FractionFile:
    """One file whose header was read.

    Attributes:
        path: The file.
        layout: Where its cells lie.
        index: Year → position on the time axis, ``None`` without one.
        classes: Class of the file → variable and position on its class dimension, ``None`` if the
            class is a variable of its own.
        dimensions: Names of time and class dimension, ``None`` where there is none.
    """

    path: Path
    layout: Layout
    index: Mapping[int, int | None]
    classes: Mapping[str, tuple[str, int | None]]
    dimensions: tuple[str | None, str | None]

    def check_units(self, wanted: str | None) -> None:
        """Refuse units that contradict the recipe, or are not known at all.

        Raises:
            ConfigError: If file and recipe disagree, or both are silent.
        """
        with opened(self.path) as dataset:
            for name in {name for name, _ in self.classes.values()}:
                text = str(getattr(dataset[name], "units", "")).strip().lower()
                found = "percent" if text in _PERCENT else "fraction" if text in _FRACTION else None
                if found is None and wanted is None:
                    raise ConfigError(
                        "The file does not say whether its shares are percent",
                        where=f"{self.path}, {name}",
                        found=f"units {text!r}",
                        remedy="set the option `units` to percent or fraction",
                    )
                if found is not None and wanted not in {None, found}:
                    raise ConfigError(
                        "File and recipe disagree on the units",
                        where=f"{self.path}, {name}",
                        expected=wanted,
                        found=f"units {text!r}",
                        remedy="leave the option `units` out",
                    )

    def read(self, year: int, window: Window, units: str | None) -> npt.NDArray[np.float64]:
        """Shares of the mapped classes as fractions, ``(class, y, x)`` float64, NaN missing."""
        with opened(self.path) as dataset:
            layers = []
            for name, member in self.classes.values():
                array = dataset[name]
                block = self._block(array, self.index[year], member)
                values = masked(self.layout.gather(window, block), array).astype(np.float64)
                values *= float(getattr(array, "scale_factor", 1.0))
                values += float(getattr(array, "add_offset", 0.0))
                text = str(getattr(array, "units", "")).strip().lower()
                percent = units == "percent" or text in _PERCENT
                layers.append(values / 100.0 if percent else values)
        return np.stack(layers)

    def _block(
        self, array: netCDF4.Variable[Any], time: int | None, member: int | None
    ) -> Callable[[slice, slice], Array]:
        places = dict(zip(self.dimensions, (time, member), strict=True))
        lead = tuple(places[name] for name in array.dimensions[:-2])
        return lambda rows, cols: np.asarray(array[(*lead, rows, cols)])


def open_fraction_files(
    path: Path,
    classes: tuple[str, ...],
    *,
    variable: str | None,
    dimension: str | None,
    year: int | None,
    pattern: str | None,
) -> dict[int, FractionFile]:
    """Open a file, or the files of a folder, and find their years.

    Args:
        path: NetCDF file, or folder.
        classes: Classes of the file that are mapped.
        variable: The variable with a class dimension.
        dimension: Its class dimension.
        year: Year of a file without time axis.
        pattern: File name in a folder, with ``{year}``.

    Returns:
        Year → file.

    Raises:
        ConfigError: If the class map does not fit the file.
        MissingFileError: If no file is there.
        SourceError: If a file is laid out differently, or files lie on several grids.
    """
    found: dict[int, FractionFile] = {}
    for file, named in _files(path, year, pattern).items():
        one = _open(file, classes, variable, dimension, named)
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
    variable: str | None,
    dimension: str | None,
    named: int | None,
) -> FractionFile:
    with opened(path) as dataset:
        if variable is None or dimension is None:
            known = [n for n, v in dataset.variables.items() if v.ndim >= 2]
            _check_names(classes, known, path, complete=False)
            places: dict[str, tuple[str, int | None]] = {name: (name, None) for name in classes}
        else:
            if variable not in dataset.variables or dimension not in dataset[variable].dimensions:
                raise ConfigError(
                    "The file has no such variable with such a dimension",
                    where=path,
                    expected=f"{variable} by {dimension}",
                    found=", ".join(f"{n}{v.dimensions}" for n, v in dataset.variables.items()),
                )
            members = _members(dataset, dimension)
            _check_names(classes, members, path, complete=True)
            places = {name: (variable, members.index(name)) for name in classes}
        arrays = [dataset[name] for name in dict.fromkeys(n for n, _ in places.values())]
        first = arrays[0]
        for array in arrays:
            if array.dimensions != first.dimensions:
                raise SourceError(
                    "The classes have different dimensions",
                    where=f"{path}, {array.name}",
                    expected=first.dimensions,
                    found=array.dimensions,
                )
        layout = read_layout(dataset, first, path)
        others = [n for n in first.dimensions[:-2] if n != dimension]
        if len(others) > 1:
            raise SourceError(
                "More dimensions than time, class, latitude and longitude",
                where=f"{path}, {first.name}",
                found=first.dimensions,
            )
        time = others[0] if others else None
        return FractionFile(
            path, layout, _years(dataset, time, named, path), places, (time, dimension)
        )


def _members(dataset: netCDF4.Dataset, dimension: str) -> list[str]:
    """Names of the members of a class dimension; positions from 0 on if it has no coordinate."""
    if dimension not in dataset.variables:
        return [str(k) for k in range(dataset.dimensions[dimension].size)]
    values = np.asarray(dataset[dimension][:])
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


def _years(
    dataset: netCDF4.Dataset, time: str | None, named: int | None, path: Path
) -> dict[int, int | None]:
    """Year → position on the time axis."""
    if time is None:
        if named is None:
            raise ConfigError(
                "The file has no time axis",
                where=path,
                remedy="set the option `year`, or `pattern` for a folder with one file a year",
            )
        return {named: None}
    if time not in dataset.variables:
        raise SourceError("A coordinate is missing", where=path, found=time)
    axis = dataset[time]
    units = str(getattr(axis, "units", ""))
    noleap = str(getattr(axis, "calendar", "standard")).lower() in {"noleap", "365_day"}
    dated = _DATED.match(units) is not None and not noleap
    years = [day.year for day in dates_of(axis, path)] if dated else years_of(axis, path)
    if len(set(years)) != len(years) or named not in {None, *years}:
        raise SourceError(
            "The times are not one a year",
            where=f"{path}, {time}",
            expected="each year once" if named is None else f"the year {named}",
            found=years[:5],
        )
    if named is not None:
        return {named: years.index(named)}
    return {year: index for index, year in enumerate(years)}
