"""LUH2 land-use states: v2h history, continued by a v2f scenario after 2015.

Hurtt et al. 2020, GMD 13, 5425, doi:10.5194/gmd-13-5425-2020.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Window
from ai4land.sources.layout import Layout, same_grid
from ai4land.sources.netcdf import check_units, masked, opened, read_layout, years_of
from ai4land.sources.options import Strict
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import (
    Array,
    Product,
    Provenance,
    SourceField,
    checked,
    provenance_of,
)
from ai4land.vocabulary import LUH2_STATES, Clock, variable

__all__ = ["READER", "Luh2", "Luh2Options", "open_luh2"]

_LOG = logging.getLogger(__name__)
_NAME = "luh2_states"
_SEAM = 2015  # last year of the history; the scenario's own 2015 is only reported
_SUM_LIMIT = 1.001  # Σ states = 1 − water and ice, up to rounding
_NEGATIVE_LIMIT = -1e-4
_HISTORY_NAMES = (
    "states*.nc",
    "multiple-states_*landState-base*.nc",
    "multiple-states_*_CMIP_*.nc",
)
_CITATION = "Hurtt et al. 2020, doi:10.5194/gmd-13-5425-2020"


class Luh2Options(Strict):
    """Options of ``luh2``.

    Attributes:
        scenario: Scenario whose file continues the history after 2015, such as ``ssp126``.
    """

    scenario: str | None = None


@dataclass(frozen=True, slots=True)
class _States:
    """One states file whose header was read and found in order."""

    path: Path
    layout: Layout
    index: Mapping[int, int]

    def read(self, year: int, window: Window) -> npt.NDArray[np.float32]:
        """All twelve states of a window as stored, NaN missing, ``(12, y, x)``."""
        with opened(self.path) as dataset:
            layers = []
            for state in LUH2_STATES:
                array = dataset[state]
                block = _reader(array, self.index[year])
                layers.append(masked(self.layout.gather(window, block), array))
            return np.stack(layers)


def _reader(array: netCDF4.Variable[Any], index: int) -> Callable[[slice, slice], Array]:
    return lambda rows, cols: np.asarray(array[index, rows, cols])


def _open_states(path: Path) -> _States:
    """Read and check the header of a states file."""
    with opened(path) as dataset:
        missing = [s for s in LUH2_STATES if s not in dataset.variables]
        if missing:
            raise SourceError(
                "The file lacks land-use states",
                where=path,
                expected=f"the twelve states {', '.join(LUH2_STATES)}",
                found=f"{len(missing)} are missing: {', '.join(missing)}",
                remedy="use the complete states file; a part cannot be a share of the cell",
            )
        first = dataset[LUH2_STATES[0]]
        if first.ndim != 3 or "time" not in dataset.variables:
            raise SourceError(
                "The states have no time axis",
                where=f"{path}, {first.name}",
                expected="(time, lat, lon)",
                found=first.dimensions,
            )
        for state in LUH2_STATES:
            check_units(dataset[state], {"1", "fraction"}, path)
        years = years_of(dataset["time"], path)
        return _States(
            path, read_layout(dataset, first, path), {year: i for i, year in enumerate(years)}
        )


def open_luh2(path: Path, options: Luh2Options) -> Luh2:
    """Open a states file, or a folder with a history and perhaps a scenario.

    Args:
        path: ``.nc`` file, or folder with ``states.nc`` (or its ESGF name) and, for a scenario,
            ``multiple-states_…-{scenario}-….nc``.
        options: The scenario.

    Raises:
        MissingFileError: If a file is not there.
        SourceError: If a file is not what the product promises.
    """
    if path.is_file():
        if options.scenario is not None:
            raise SourceError(
                "One file cannot be history and scenario",
                where=path,
                remedy="give the folder that holds both files as path",
            )
        return Luh2(_open_states(path), None, options.scenario)
    history = _find(path, _HISTORY_NAMES)
    scenario = None
    if options.scenario is not None:
        scenario = _find(
            path,
            (
                f"multiple-states_*-{options.scenario}-*_2015-2100.nc",
                f"multiple-states_*landState-{options.scenario}-*.nc",
            ),
        )
    return Luh2(
        _open_states(history),
        None if scenario is None else _open_states(scenario),
        options.scenario,
    )


def _find(folder: Path, patterns: tuple[str, ...]) -> Path:
    """The one file of a folder that matches a pattern."""
    found = sorted({file for pattern in patterns for file in folder.glob(pattern)})
    if len(found) != 1:
        raise (MissingFileError if not found else SourceError)(
            "No states file of this name here" if not found else "Several states files here",
            where=folder,
            expected=f"one file named {' or '.join(patterns)}",
            found=", ".join(f.name for f in found) or "none",
            remedy="give the path of one file" if found else None,
        )
    return found[0]


class Luh2:
    """Twelve states as shares of the cell, history up to 2015, scenario after it.

    Args:
        history: The states file up to 2015 (or the only file).
        scenario: The states file from 2015 on.
        name: Name of the scenario.

    Attributes:
        clipped: How many slightly negative values were set to 0 in what was read so far.
    """

    def __init__(self, history: _States, scenario: _States | None, name: str | None) -> None:
        self._history, self._scenario, self._name = history, scenario, name
        self.clipped = 0
        self._files = {year: history for year in history.index}
        if scenario is not None:
            if not same_grid(scenario.layout.grid, history.layout.grid):
                raise SourceError(
                    "History and scenario lie on different grids",
                    where=scenario.path,
                    expected=history.layout.grid.describe(),
                    found=scenario.layout.grid.describe(),
                )
            self._files = {y: f for y, f in self._files.items() if y <= _SEAM}
            self._files |= {y: scenario for y in scenario.index if y > _SEAM}
        ticks = tuple(sorted(self._files))
        gaps = {
            y: f"no states file here holds {y}"
            for y in range(ticks[0], ticks[-1])
            if y not in self._files
        }
        self.fields: Mapping[str, SourceField] = {
            _NAME: SourceField(variable(_NAME), history.layout.grid, Clock.YEAR, ticks, gaps=gaps)
        }

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """States of a window, ``(12, y, x)`` float32, NaN at sea; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        assert tick is not None
        return self._states(self._files[tick], tick, window)

    def _states(self, file: _States, year: int, window: Window) -> npt.NDArray[np.float32]:
        """Read, check and clip."""
        values = file.read(year, window)
        where = f"{file.path.name}, {year}"
        missing = np.isnan(values)
        if (missing.any(axis=0) != missing.all(axis=0)).any():
            raise SourceError(
                "A cell lacks some of its states",
                where=where,
                expected="all twelve or none",
                found=f"{int((missing.any(axis=0) != missing.all(axis=0)).sum())} cells",
            )
        known = ~missing[0]
        if not known.any():
            return values
        low, high = float(values[:, known].min()), float(values[:, known].sum(axis=0).max())
        if high > _SUM_LIMIT or low < _NEGATIVE_LIMIT:
            raise SourceError(
                "The states are not shares of the cell",
                where=where,
                expected=f"at least {_NEGATIVE_LIMIT:g} each, sum at most {_SUM_LIMIT}",
                found=f"smallest {low:g}, largest sum {high:g}",
                remedy="the file may hold percent, or its fill value is not masked"
                if high > _SUM_LIMIT
                else "the file is damaged",
            )
        negative = int((values[:, known] < 0).sum())
        if negative:
            self.clipped += negative
            _LOG.debug("%s: %d slightly negative states set to 0", where, negative)
            np.maximum(values, 0, out=values)
        return values

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """Report the jump where the scenario takes over; nothing is blended.

        Returns:
            ``seam``: per state, the area-weighted mean share of the window in 2014 and 2015 of the
            history and in 2015 of the scenario; empty without a scenario in ``ticks``.
        """
        entry = checked(self.fields, variable, ticks[0], window)
        if self._scenario is None or max(ticks) <= _SEAM:
            return {}
        columns = {}
        for label, file, year in (
            ("history_2014", self._history, _SEAM - 1),
            ("history_2015", self._history, _SEAM),
            ("scenario_2015", self._scenario, _SEAM),
        ):
            if year in file.index:
                values = self._states(file, year, window)
                rows = entry.grid.row_areas()[window.slices[0]]
                weights = np.where(np.isfinite(values[0]), rows[:, None], 0.0)
                weights /= max(float(weights.sum()), 1.0)
                means = (np.nan_to_num(values.astype(np.float64)) * weights).sum(axis=(1, 2))
                columns[label] = {
                    state: round(float(mean), 9)
                    for state, mean in zip(LUH2_STATES, means, strict=True)
                }
        return {"seam": {"scenario": self._name, "year": _SEAM, **columns}}

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """The one or two files, hashed."""
        files = {
            f.path: f"v2f {self._name}" if f is self._scenario else "v2h"
            for t, f in self._files.items()
            if ticks is None or t in ticks
        }
        return [
            provenance_of(path, Product("LUH2", version, "CC BY 4.0", _CITATION))
            for path, version in files.items()
        ]


READER = Reader(
    Luh2Options,
    ("luh2_states",),
    lambda path, options, _: open_luh2(path, options),
    title="LUH2 land-use states, v2h and v2f",
    files=("states.nc", "multiple-states_input4MIPs_landState_ScenarioMIP_*_2015-2100.nc"),
    years="850–2015 (v2h), 2015–2100 (v2f)",
    licence="CC BY 4.0",
    citation=_CITATION,
    certainty=Certainty.HEADERS,
)
