"""ISIMIP population: people per cell and year, history continued by a scenario, as densities.

ISIMIP2b, ISIMIP3a and ISIMIP3b input data (HYDE and SSP projections on cells of half a degree).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Window
from ai4land.sources.file_source import (
    FileSource,
    check_one_grid,
    check_one_series,
    gaps_in,
    joined,
)
from ai4land.sources.population.files import COUNTS, CountFile, open_counts, parse_name
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.source import Array, Notes, Product, SourceField, Ticks
from ai4land.vocabulary import Clock, nearest_name, variable

__all__ = ["READER", "Population", "PopulationOptions", "open_population"]

_HISTORY = "hist"
_LICENCE = "CC0 or CC BY 4.0, see the dataset's page"
_CITATION = "ISIMIP input data, https://data.isimip.org"


class PopulationOptions(Strict):
    """Options of ``population``.

    Attributes:
        scenario: Scenario that continues the history, such as ``ssp2``; default: history alone.
        join: Last year taken from the history; default: its last year.
        period_means: ``refuse`` files that hold one mean of many years, or ``hold`` the mean in
            each of them.
        uncounted: What a cell without a count has: ``zero`` people, so that density × area is the
            number of people on any grid; or ``missing``.
    """

    scenario: str | None = None
    join: int | None = None
    period_means: Literal["refuse", "hold"] = "refuse"
    uncounted: Literal["zero", "missing"] = "zero"


def open_population(path: Path, options: PopulationOptions) -> Population:
    """Open a file of counts, or a folder of files as ISIMIP names them.

    The files of a history may follow each other (1850–1900, 1901–2014). Where history and scenario
    both hold a year, the history's is taken, up to ``join``; nothing is blended.
    """
    hold = options.period_means == "hold"
    if path.is_file():
        check_one_series(path, options.scenario)
        return Population([open_counts(path, hold_means=hold)], [], options)
    wanted = None if options.scenario is None else options.scenario.removesuffix("soc")
    by_name: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else []:
        named = parse_name(file)
        if named is not None:
            by_name.setdefault(named.scenario, []).append(file)
    if not by_name or (wanted is not None and wanted not in by_name):
        others = sorted(set(by_name) - {_HISTORY})
        close = None if wanted is None else nearest_name(wanted, others)
        raise MissingFileError(
            "No population file of this name here",
            where=path,
            expected=f"population_{wanted or 'hist'}soc_0p5deg_annual_….nc4 or "
            f"population_{wanted or 'histsoc'}_30arcmin_annual_….nc",
            found=", ".join(f.name for files in by_name.values() for f in files) or "none",
            remedy=f"did you mean {close!r}?" if close else None,
        )
    if wanted is None and _HISTORY not in by_name:
        raise MissingFileError(
            "There is no history of population here",
            where=path,
            expected="population_histsoc_….nc",
            found=", ".join(f.name for files in by_name.values() for f in files),
            remedy=f"say `scenario: {min(by_name)}` to read the scenario alone",
        )
    history = [open_counts(f, hold_means=hold) for f in by_name.get(_HISTORY, [])]
    future = [open_counts(f, hold_means=hold) for f in by_name[wanted]] if wanted else []
    return Population(history, future, options)


def _by_year(files: Iterable[CountFile]) -> dict[int, CountFile]:
    """Year → file, refusing a year that two files hold."""
    out: dict[int, CountFile] = {}
    for file in files:
        for year in file.index:
            if year in out:
                raise SourceError(
                    "Two files hold the same year",
                    where=file.path,
                    expected=f"{year} in one file",
                    found=f"{out[year].path.name}, too",
                    remedy="keep the files of one edition of ISIMIP in a folder",
                )
            out[year] = file
    return out


class Population(FileSource):
    """People per km² of the whole cell, all people, in cities and in the country."""

    def __init__(
        self, history: list[CountFile], future: list[CountFile], options: PopulationOptions
    ) -> None:
        self._options = options
        self._history, self._future = _by_year(history), _by_year(future)
        files = [*history, *future]
        check_one_grid(
            ((f.path, f.layout.grid) for f in files), "keep the files of one resolution in a folder"
        )
        self._join = self._joined(options.join)
        self._counts = joined(self._history, self._future, self._join)
        ticks = tuple(self._counts)
        holders = "neither history up to the join nor scenario" if future else "no file here"
        gaps = gaps_in(self._counts, lambda year: f"{holders} holds {year}")
        grid = files[0].layout.grid
        shared = [name for name in COUNTS if all(name in f.maps for f in files)]
        super().__init__(
            {n: SourceField(variable(n), grid, Clock.YEAR, ticks, gaps=gaps) for n in shared},
            Product("ISIMIP population", "", _LICENCE, _CITATION),
            {n: f"not every file here counts {' or '.join(COUNTS[n])}" for n in COUNTS},
        )

    def _joined(self, wanted: int | None) -> int:
        """Last year taken from the history."""
        if not self._history:
            return min(self._future) - 1
        join = max(self._history) if wanted is None else wanted
        later = [y for y in self._future if y > join]
        if join not in self._history or (self._future and not later):
            raise ConfigError(
                "History and scenario do not meet in this year",
                where="option join",
                expected=f"a year within {min(self._history)}…{max(self._history)} and before "
                f"{max(self._future, default=9999)}",
                found=join,
            )
        return join

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """People per km² of a window, ``(y, x)`` float32."""
        assert tick is not None
        people = self._counts[tick].read(entry.variable.name, tick, window).astype(np.float64)
        if self._options.uncounted == "zero":
            people = np.nan_to_num(people)
        area = entry.grid.row_areas()[window.slices[0]] / 1e6
        return (people / area[:, None]).astype(np.float32)

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """Report the year of joining and its jump, period means and cells without a count.

        Returns:
            ``join``: scenario, last year of the history, and the people in the window around it,
            in the history and in the scenario, if both are in ``ticks``; ``period_means``: the
            periods, if they are held; ``uncounted_cells``: how many in the first time, and what
            they were given.
        """
        name = entry.variable.name
        first = self._counts[ticks[0]].read(name, ticks[0], window)
        out: dict[str, Any] = {
            "uncounted_cells": {
                "cells": int(np.isnan(first).sum()),
                "read_as": self._options.uncounted,
            }
        }
        used = {self._counts[t].period for t in ticks}
        periods = sorted(p for p in used if p is not None)
        if periods:
            out["period_means"] = [list(p) for p in periods]
        if self._history and self._future and min(ticks) <= self._join < max(ticks):
            out["join"] = {"year": self._join, "people": self._around_join(name, window)}
        return out

    def _around_join(self, variable: str, window: Window) -> dict[str, dict[str, int]]:
        """People of a window in the last year of the history and the next, by both."""
        out: dict[str, dict[str, int]] = {}
        sides = {"history": self._history, self._options.scenario or "scenario": self._future}
        for name, files in sides.items():
            out[name] = {}
            for year in (self._join, self._join + 1):
                if year in files:
                    people = files[year].read(variable, year, window)
                    out[name][str(year)] = round(float(np.nansum(people, dtype=np.float64)))
        return out

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        assert tick is not None
        return [self._counts[tick].path]

    def _product_of(self, path: Path) -> Product:
        named = parse_name(path)
        edition = next(f.edition for f in self._counts.values() if f.path == path)
        version = " ".join([edition, *([named.scenario] if named else [])])
        return replace(self._product, version=version)


READER = Reader(
    PopulationOptions,
    tuple(COUNTS),
    lambda path, options, _: open_population(path, options),
    title="ISIMIP population, history and scenarios, people per cell as densities",
    files=(
        "population_histsoc_0p5deg_annual_1861-2005.nc4",
        "population_{scenario}soc_0p5deg_annual_2006-2100.nc4",
        "population_histsoc_30arcmin_annual_{first}_{last}.nc",
        "population_{scenario}_30arcmin_annual_2015_2100.nc",
    ),
    years="1861–2005 (2b), 1850–2014 (3b), 1850–2021 (3a), scenarios to 2100",
    licence=_LICENCE,
    citation=_CITATION,
    certainty=Certainty.HEADERS,
)
