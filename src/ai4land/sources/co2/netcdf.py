"""CO2 in NetCDF: input4MIPs of CMIP6 (from year 0, in sectors) and of CMIP7."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.sources.co2.tables import Curve
from ai4land.sources.netcdf import check_units, masked, opened
from ai4land.vocabulary import Clock

__all__ = ["netcdf_curve"]

_NAMES = ("mole_fraction_of_carbon_dioxide_in_air", "co2")
_PPM = {"1.e-6", "1e-6", "1.0e-6", "ppm", "ppmv"}
_UNITS = re.compile(r"days since (\d{1,4})-(\d{1,2})-(\d{1,2})", re.IGNORECASE)
_SCENARIO = re.compile(r"-(ssp\d{3}(?:-[A-Za-z]+)?)-\d|_CR-([a-z]+)-\d")
_DAYS = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
_GREGORIAN = 1583
_MEAN_YEAR = 365.2425
_LEEWAY = 0.25  # months; stamps are on the first or in the middle of their month


def netcdf_curve(path: Path) -> Curve:
    """Read the global mean of an input4MIPs file.

    The history of CMIP6 counts days from a year 0 in a mixed calendar, which no date library
    decodes; its months are counted, and must follow each other without a hole.

    Raises:
        SourceError: If the file holds no global mean of CO2 in ppm.
    """
    with opened(path) as dataset:
        name = next((n for n in _NAMES if n in dataset.variables), None)
        if name is None or "time" not in dataset[name].dimensions:
            raise SourceError(
                "No CO2 in the file",
                where=path,
                expected=f"{' or '.join(_NAMES)} with a time dimension",
                found=", ".join(dataset.variables),
            )
        array = dataset[name]
        check_units(array, _PPM, path)
        if "units" not in array.ncattrs():
            raise SourceError("The CO2 has no units", where=f"{path}, {name}", expected="1.e-6")
        values = masked(np.asarray(array[:]), array)
        for axis, dim in enumerate(array.dimensions):
            if dim != "time":  # one more dimension at most: any but `sector` is refused
                values = np.take(values, _global_index(dataset, dim, path), axis=axis)
        clock, ticks = _ticks(dataset["time"], path)
    found = {
        t: float(v)
        for t, v in zip(ticks, values, strict=True)
        if np.isfinite(v) and t >= clock.ticks_per_year  # no calendar has the file's year 0
    }
    return Curve(_experiment(path), clock, found, path)


def _experiment(path: Path) -> str:
    """The scenario in a file name, or ``historical``."""
    match = _SCENARIO.search(path.name)
    return "historical" if match is None else str(match[1] or match[2])


def _global_index(dataset: netCDF4.Dataset, dim: str, path: Path) -> int:
    """Where the global mean lies along the sectors of a file."""
    ids = str(getattr(dataset.variables.get(dim), "ids", "0: Global"))
    sectors = np.asarray(dataset[dim][:]) if dim in dataset.variables else np.empty(0)
    found = np.flatnonzero(sectors == 0)
    if dim != "sector" or found.size != 1 or not re.search(r"\b0\s*:\s*global", ids, re.IGNORECASE):
        raise SourceError(
            "The file holds no global mean",
            where=path,
            expected="sector 0: Global, or no dimension beside time",
            found=f"dimension {dim}, {ids if dim == 'sector' else 'zonal values'}",
            remedy="download the file of global means (GMNHSH of CMIP6, gm of CMIP7)",
        )
    return int(found[0])


def _ticks(time: netCDF4.Variable[Any], path: Path) -> tuple[Clock, list[int]]:
    """Years, or months that follow each other."""
    days = np.asarray(time[:], dtype=np.float64)
    units, calendar = str(getattr(time, "units", "")), str(getattr(time, "calendar", "standard"))
    match = _UNITS.match(units)
    step = np.diff(days)
    monthly = step.size > 0 and bool(((step > 20) & (step < 33)).all())  # ten days less in 1582
    if match is None or not (monthly or (step.size and ((step > 355) & (step < 376)).all())):
        raise SourceError(
            "The time axis is not understood",
            where=f"{path}, time",
            expected="days since a date, in months or years without a hole",
            found=f"units {units!r}, {days.size} times, "
            f"{step.min() if step.size else 0:g}…{step.max() if step.size else 0:g} days apart",
        )
    year, month, day = (int(part) for part in match.groups())
    if calendar in {"365_day", "noleap"}:
        months = _noleap(days + year * 365 + int(_DAYS[month - 1]) + day - 1)
    elif calendar == "proleptic_gregorian" or (
        calendar in {"standard", "gregorian"} and year >= _GREGORIAN
    ):
        start = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}")
        date = start + np.floor(days + 1e-6).astype(np.int64)
        months = date.astype("datetime64[M]").astype(np.int64) + 1970 * 12
    elif calendar in {"standard", "gregorian", "julian"} and monthly and (month, day) == (1, 1):
        months = year * 12 + _counted(days)
    else:
        raise SourceError(
            "The calendar is not understood", where=f"{path}, time", found=f"{calendar}, {units}"
        )
    ticks = months if monthly else months // 12
    if (np.diff(ticks) != 1).any():
        raise SourceError(
            f"The {'months' if monthly else 'years'} do not follow each other",
            where=f"{path}, time",
            found=f"units {units!r}, calendar {calendar!r}",
        )
    return (Clock.MONTH if monthly else Clock.YEAR), [int(t) for t in ticks]


def _counted(days: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Months since a year in which no library knows dates: counted from the first one.

    A calendar that changed on the way drifts by less than a month; more means that some lack.
    """
    month = days / _MEAN_YEAR * 12
    counted = int(np.floor(month[0] + _LEEWAY)) + np.arange(days.size, dtype=np.int64)
    if np.abs(month - counted - 0.5).max() > 1.0:
        return np.floor(month).astype(np.int64)
    return counted


def _noleap(days: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Months since year 0 of days since then, in years of 365 days."""
    year, rest = np.divmod(np.floor(days + 1e-6).astype(np.int64), 365)
    return np.asarray(year * 12 + np.searchsorted(_DAYS, rest, side="right") - 1)
