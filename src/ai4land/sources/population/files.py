"""Files of ISIMIP population: what they count, where and for which years."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Layout, NetcdfMap, map_of, opened_netcdf, read_times, time_of, years_of
from ai4land.grid import Window

__all__ = ["COUNTS", "CountFile", "FileName", "open_counts", "parse_name"]

COUNTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "population_density": ("number_of_people", "total-population", "total_population"),
        "urban_population_density": ("urban-population", "urban_population"),
        "rural_population_density": ("rural-population", "rural_population"),
    }
)
"""Variable of the vocabulary → names of its counts in the files, of ISIMIP2b and of ISIMIP3."""

_NAME = re.compile(
    r"(?:corrected_)?population_(?P<what>[A-Za-z0-9]+)_(?:.*?_)?"
    r"(?P<first>\d{4})[-_](?P<last>\d{4})(?P<tail>[^.]*)\.nc4?\Z"
)
_NO_COUNT = re.compile(
    r"km|m\^?-2|m\*\*-2|thousand|million|\b1000|1e3|1e6|%|percent", re.IGNORECASE
)
_LONGEST_YEAR = 400 * 86_400  # seconds between the bounds of a time that is one year
_MISSING = 1e19  # ISIMIP marks missing values with 1e20, whether or not an attribute says so
_MOST = 1e10  # people in one cell
_ROUNDING = -0.5


@dataclass(frozen=True, slots=True)
class FileName:
    """What the name of a file says.

    Attributes:
        scenario: ``hist``, ``ssp2``, ``2005`` and so on, without ``soc``.
        first: First year.
        last: Last year.
    """

    scenario: str
    first: int
    last: int


def parse_name(path: Path) -> FileName | None:
    """Scenario and years from a file's name, with hyphens or underscores between the years."""
    match = _NAME.match(path.name)
    if match is None:
        return None
    return FileName(match["what"].removesuffix("soc"), int(match["first"]), int(match["last"]))


@dataclass(frozen=True, slots=True)
class CountFile:
    """One file of counts whose header was read and found in order.

    Attributes:
        path: The file.
        maps: Variable of the vocabulary → its counts in the file.
        time: Name of the dimension of time.
        index: Year → position in time.
        period: First and last year of the mean that the file holds; ``None`` if it is annual.
        edition: ISIMIP phase that the names are of.
    """

    path: Path
    maps: Mapping[str, NetcdfMap]
    time: str
    index: Mapping[int, int]
    period: tuple[int, int] | None
    edition: str

    @property
    def layout(self) -> Layout:
        """How its cells lie."""
        return self.maps["population_density"].layout

    def read(self, variable: str, year: int, window: Window) -> npt.NDArray[np.float32]:
        """People per cell of a window, NaN where nothing was counted, ``(y, x)``.

        Raises:
            SourceError: If a count is negative or larger than any number of people.
        """
        values = self.maps[variable].floats(window, {self.time: self.index[year]})
        values[values >= _MISSING] = np.nan
        wrong = (values < _ROUNDING) | (values > _MOST)
        if wrong.any():
            raise SourceError(
                "Counts that cannot be numbers of people",
                where=f"{self.path.name}, {self.maps[variable].name}, {year}",
                expected=f"0…{_MOST:g} in a cell",
                found=f"{values[wrong][0]:g} in {int(wrong.sum())} cells",
                remedy="the file is damaged, or its missing value is not 1e20",
            )
        return np.maximum(values, np.float32(0.0))


def open_counts(path: Path, *, hold_means: bool) -> CountFile:
    """Read and check the header of a file of counts.

    Args:
        path: The file; its name may say scenario and years, and is then held against the content.
        hold_means: Whether a mean over several years stands for each of them.

    Raises:
        SourceError: If it holds no annual counts of people, or contradicts its name.
    """
    named = parse_name(path)
    with opened_netcdf(path) as dataset:
        counts = _counts(dataset, path)
        for name in counts.values():
            _check_units(dataset[name], path)
        maps = {n: map_of(dataset, dataset[name], path) for n, name in counts.items()}
        time = time_of(dataset, maps["population_density"])
        period = _period(time, named, path)
        if period is not None and (time.size > 1 or not hold_means):
            raise SourceError(
                "The population comes as period means",
                where=path,
                expected="one count for each year",
                found=f"one mean of {period[0]}–{period[1]}",
                remedy="fetch the annual file"
                if time.size > 1
                else "fetch the annual file; or say `period_means: hold`, which gives each year of "
                "a period its mean",
            )
        if period is None:
            index = years_of(time, path)
            _check_name(index, named, time, path)
        else:
            index = dict.fromkeys(range(period[0], period[1] + 1), 0)
        edition = "ISIMIP2b" if "number_of_people" in counts.values() else "ISIMIP3"
        return CountFile(path, maps, time.name, index, period, edition)


def _counts(dataset: netCDF4.Dataset, path: Path) -> dict[str, str]:
    """The counts that a file holds."""
    found = {
        variable: name
        for variable, names in COUNTS.items()
        for name in names
        if name in dataset.variables
    }
    if "population_density" not in found:
        maps = [f"{n}{v.dimensions}" for n, v in dataset.variables.items() if v.ndim >= 2]
        raise SourceError(
            "The file does not say that it counts people",
            where=path,
            expected=" or ".join(COUNTS["population_density"]) + "(time, lat, lon)",
            found=", ".join(maps) or "no map",
            remedy="fetch the provider's annual file: a variable of another name may be anything",
        )
    return found


def _check_units(array: netCDF4.Variable[Any], path: Path) -> None:
    """Refuse what is clearly not a number of people; the providers' wording differs."""
    units = str(getattr(array, "units", "")).strip()
    if _NO_COUNT.search(units):
        raise SourceError(
            "The variable is in other units",
            where=f"{path}, {array.name}",
            expected="people per cell",
            found=units,
            remedy="fetch the file of counts",
        )


def _period(
    time: netCDF4.Variable[Any], named: FileName | None, path: Path
) -> tuple[int, int] | None:
    """First and last year of a mean over time, or ``None`` if the file is not one.

    A mean shows in the bounds of its time, which lie years apart; without bounds, in one time for
    many years of the name.
    """
    times = read_times(time, path)
    if times.bounds is not None and times.bounds[0, 1] - times.bounds[0, 0] > _LONGEST_YEAR:
        # CDO writes the first and last of the times it averaged: the name decides if it can
        (first, _, _), (last, _, _) = times.dates(times.bounds[0])
        inside = named is not None and first == named.first and named.last <= last
        return (named.first, named.last) if named is not None and inside else (first, last)
    if time.size == 1 and named is not None and named.last > named.first:
        return named.first, named.last
    return None


def _check_name(
    index: Mapping[int, int], named: FileName | None, time: netCDF4.Variable[Any], path: Path
) -> None:
    """Refuse a file whose time axis says other years than its name."""
    if named is None or all(named.first <= year <= named.last for year in index):
        return
    raise SourceError(
        "The time axis contradicts the file's name",
        where=path,
        expected=f"{named.first}…{named.last}",
        found=f"{min(index)}…{max(index)} by {getattr(time, 'units', 'bare numbers')!r}",
        remedy="compare with the provider's file: the axis may count from another year",
    )
