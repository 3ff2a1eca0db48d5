"""CO2 of the air: observed, or of a history that a scenario continues; one value for the globe.

NOAA GML (gml.noaa.gov/ccgg/trends); Meinshausen et al. 2017, GMD 10, 2057; 2020, GMD 13, 3571,
doi:10.5194/gmd-13-3571-2020; Nicholls et al. (CMIP7 greenhouse gas concentrations).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from ai4land.errors import SourceError
from ai4land.grid import Grid, Window
from ai4land.sources.co2.curves import Curve, key_of, netcdf_curve, text_curves, workbook_curves
from ai4land.sources.file_source import FileSource, check_bounds, gaps_in, joined, nothing_here
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.source import Array, Notes, Product, SourceField, Ticks
from ai4land.vocabulary import Clock, variable

__all__ = ["READER", "Co2", "Co2Options", "open_co2"]

_NAME = "co2"
_GLOBE = Grid(Fraction(-180), Fraction(90), Fraction(360), Fraction(180), 1, 1)
_HISTORIES = ("historical", "history", "observed")
_SUFFIXES = {".csv", ".txt", ".dat", ".xlsx", ".nc"}
_LICENCE = "public domain (NOAA), CC BY 4.0 (input4MIPs, SSP tables)"
_CITATION = "Meinshausen et al. 2020, doi:10.5194/gmd-13-3571-2020; NOAA GML, gml.noaa.gov/ccgg"


class Co2Options(Strict):
    """Options of ``co2``.

    Attributes:
        history: Column, sheet or experiment of the past; only needed where there are several.
        scenario: Column, sheet or experiment that continues it, such as ``ssp126``.
        join: First year taken from the scenario; default: the one after the history's last.
        clock: Years, or months where the files have them.
    """

    history: str | None = None
    scenario: str | None = None
    join: int | None = None
    clock: Literal["year", "month"] = "year"


def open_co2(path: Path, options: Co2Options) -> Co2:
    """Open a table or NetCDF file, or a folder of such.

    Years are the plain mean of their twelve months where a file has months only. A folder may hold
    the files of a history and a scenario.
    """
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.suffix.lower() in _SUFFIXES)
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise nothing_here("file of CO2", path, ", ".join(sorted(_SUFFIXES)))
    clock = Clock(options.clock)
    curves = _merged((c for f in files for c in _curves(f)), clock, path)
    history, scenario = _chosen(curves, options, path)
    return Co2(history, scenario, options.join)


def _curves(path: Path) -> list[Curve]:
    """All series of a file, by its first bytes."""
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith((b"\x89HDF", b"CDF")):
        return [netcdf_curve(path)]
    return workbook_curves(path) if head.startswith(b"PK") else text_curves(path)


def _merged(curves: Iterable[Curve], clock: Clock, path: Path) -> dict[str, Curve]:
    """Series by name on one clock; files of one name continue each other."""
    found: dict[str, Curve] = {}
    exact: set[str] = set()
    for curve in curves:
        key = key_of(curve.name)
        ready = curve if curve.clock is clock else _yearly(curve) if clock is Clock.YEAR else None
        if ready is None or (key in exact and curve.clock is not clock):
            continue  # years cannot become months; a file's own years are better than our means
        if curve.clock is clock and key not in exact:
            found.pop(key, None)
            exact.add(key)
        if key not in found:
            found[key] = ready
            continue
        both = found[key].values.keys() & ready.values.keys()
        if both:
            raise SourceError(
                "Two files hold the same years of one series",
                where=f"{found[key].path} and {ready.path}",
                found=f"{curve.name}, {clock.label(min(both))}…{clock.label(max(both))}",
                remedy="keep one of them",
            )
        found[key] = replace(ready, values=dict(found[key].values) | dict(ready.values))
    if not found:
        raise SourceError(
            "The files hold years, not months" if clock is Clock.MONTH else "No year is complete",
            where=path,
            remedy="say `clock: year`" if clock is Clock.MONTH else None,
        )
    return found


def _yearly(curve: Curve) -> Curve:
    """Means of complete years of months."""
    years: dict[int, list[float]] = {}
    for tick, value in curve.values.items():
        years.setdefault(tick // 12, []).append(value)
    means = {year: float(np.mean(v)) for year, v in years.items() if len(v) == 12}
    return replace(curve, clock=Clock.YEAR, values=means)


def _chosen(
    curves: Mapping[str, Curve], options: Co2Options, path: Path
) -> tuple[Curve, Curve | None]:
    """The history and the scenario that the options name."""
    scenario = None if options.scenario is None else _named(curves, options.scenario, path)
    rest = {k: c for k, c in curves.items() if c is not scenario}
    if options.history is not None:
        return _named(rest, options.history, path), scenario
    if scenario is not None and not rest:
        return scenario, None
    past = [c for k, c in rest.items() if k.endswith(_HISTORIES) or k.startswith(_HISTORIES)]
    if len(rest) == 1:
        past = list(rest.values())
    if len(past) != 1:
        raise SourceError(
            "Which of the series is the history?",
            where=path,
            expected="one of them",
            found=", ".join(c.name for c in past or rest.values()),
            remedy="name it as `history` in the options",
        )
    return past[0], scenario


def _named(curves: Mapping[str, Curve], name: str, path: Path) -> Curve:
    """The series of a name: itself, or the only one that begins or ends with it."""
    wanted = key_of(name)
    if wanted in curves:
        return curves[wanted]
    close = [c for k, c in curves.items() if k.endswith(wanted) or k.startswith(wanted)]
    if len(close) != 1 or not wanted:
        raise SourceError(
            "No such series of CO2" if not close else "Several series of CO2 have this name",
            where=path,
            expected=", ".join(c.name for c in close or curves.values()),
            found=repr(name),
        )
    return close[0]


class Co2(FileSource):
    """One value for the globe at each time: a single cell that holds all others.

    Args:
        history: The past, or the only series.
        scenario: What continues it.
        join: First year taken from the scenario.

    Raises:
        SourceError: If the two do not meet, or a value is no concentration in ppm.
    """

    def __init__(self, history: Curve, scenario: Curve | None, join: int | None) -> None:
        self._history, self._scenario = history, scenario
        clock, per_year = history.clock, history.clock.ticks_per_year
        for curve in (history, scenario):
            if curve is not None and not curve.values:
                raise SourceError(
                    "The file holds no value of CO2",
                    where=curve.path,
                    expected="concentrations in ppm",
                    found="only missing ones",
                    remedy="compare its checksum with the provider's and fetch it again",
                )
        self._curves = dict.fromkeys(sorted(history.values), history)
        self._join = 0
        if scenario is not None:
            self._join = (max(history.values) + 1) if join is None else join * per_year
            self._check_join(history, scenario)
            later = dict.fromkeys(scenario.values, scenario)
            self._curves = joined(self._curves, later, self._join - 1)
        entry = variable(_NAME)
        given = np.array([curve.values[tick] for tick, curve in self._curves.items()])
        where = f"{history.path}, {history.name}"
        check_bounds(given, entry, where, "say the right columns, or convert the table to ppm")
        gaps = gaps_in(self._curves, "the table has no complete value")
        field = SourceField(entry, _GLOBE, clock, tuple(self._curves), gaps=gaps)
        super().__init__({_NAME: field}, Product("atmospheric CO2", "", _LICENCE, _CITATION))

    def _check_join(self, history: Curve, scenario: Curve) -> None:
        label = history.clock.label
        if self._join not in scenario.values or self._join - 1 not in history.values:
            raise SourceError(
                "History and scenario do not meet",
                where=f"{history.path.name} ({history.name}), "
                f"{scenario.path.name} ({scenario.name})",
                expected=f"a history until {label(self._join - 1)} and a scenario "
                f"from {label(self._join)}",
                found=f"{label(min(history.values))}…{label(max(history.values))} and "
                f"{label(min(scenario.values))}…{label(max(scenario.values))}",
                remedy="say `join`, the first year of the scenario, in the options",
            )

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """The value of a time in every cell of a window, float32 ppm."""
        assert tick is not None
        return np.full(window.shape, self._curves[tick].values[tick], dtype=np.float32)

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """Report where the scenario takes over, and how far it is from the history there.

        Returns:
            ``seam``: names, first time of the scenario, the values on both sides, the growth of
            the history before and across the seam, and, where both hold one time, their
            difference, all in ppm; empty if not both are used.
        """
        if self._scenario is None or max(ticks) < self._join or min(ticks) >= self._join:
            return {}
        history, scenario, label = self._history, self._scenario, self._history.clock.label
        shared = sorted(history.values.keys() & scenario.values.keys())
        nearest = min(shared, key=lambda t: abs(t - self._join), default=None)
        last, next_ = history.values[self._join - 1], scenario.values[self._join]
        before = history.values.get(self._join - 2)
        return {
            "seam": {
                "history": history.name,
                "scenario": scenario.name,
                "first": label(self._join),
                "history_last": round(last, 4),
                "scenario_first": round(next_, 4),
                "growth_before": None if before is None else round(last - before, 4),
                "growth_across": round(next_ - last, 4),
                "compared_in": None if nearest is None else label(nearest),
                "jump": None
                if nearest is None
                else round(scenario.values[nearest] - history.values[nearest], 4),
            }
        }

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        assert tick is not None
        return [self._curves[tick].path]


READER = Reader(
    Co2Options,
    (_NAME,),
    lambda path, options, _: open_co2(path, options),
    title="Atmospheric CO2: NOAA, input4MIPs of CMIP6 and CMIP7, SSP tables",
    files=(
        "co2_annmean_mlo.csv",
        "co2_mm_mlo.csv",
        "mole-fraction-of-carbon-dioxide-in-air_input4MIPs_*_gr1-GMNHSH_*.nc",
        "co2_input4MIPs_GHGConcentrations_*_gm_*.nc",
        "SUPPLEMENT_DataTables_Meinshausen_6May2020.xlsx",
        "any table of years and ppm",
    ),
    years="1–2500",
    licence=_LICENCE,
    citation=_CITATION,
    certainty=Certainty.BYTES,
)
