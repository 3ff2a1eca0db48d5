"""CO2 in NetCDF: input4MIPs of CMIP6 (from year 0, in sectors) and of CMIP7."""

from __future__ import annotations

import re
from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Packing, Times, check_units, opened_netcdf, read_times, whole
from ai4land.sources.co2.tables import Curve
from ai4land.vocabulary import Clock

__all__ = ["netcdf_curve"]

_NAMES = ("mole_fraction_of_carbon_dioxide_in_air", "co2")
_PPM = {"1.e-6", "1e-6", "1.0e-6", "ppm", "ppmv"}
_SCENARIO = re.compile(r"-(ssp\d{3}(?:-[A-Za-z]+)?)-\d|_CR-([a-z]+)-\d")
_DAY = 86_400
_YEAR_ZERO = -719_528  # days from 1970 to a year 0 of the proleptic Gregorian calendar
_MEAN_YEAR = 365.2425
_LEEWAY = 0.25  # months; stamps are on the first or in the middle of their month


def netcdf_curve(path: Path) -> Curve:
    """Read the global mean of an input4MIPs file.

    The history of CMIP6 counts days from a year 0 of the mixed calendar, which does not exist; its
    months are counted, and must follow each other without a hole.

    Raises:
        SourceError: If the file holds no global mean of CO2 in ppm.
    """
    with opened_netcdf(path) as dataset:
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
        values = Packing.of(array).floats(whole(array, path))
        for axis, dim in enumerate(array.dimensions):
            if dim != "time":  # one more dimension at most: any but `sector` is refused
                values = np.take(values, _global_index(dataset, dim, path), axis=axis)
        clock, ticks = _ticks(read_times(dataset["time"], path))
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
    sectors = whole(dataset[dim], path) if dim in dataset.variables else np.empty(0)
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


def _ticks(times: Times) -> tuple[Clock, list[int]]:
    """Years, or months that follow each other."""
    moments = times.moments()
    step = np.diff(times.stamps) / _DAY
    monthly = step.size > 0 and bool(((step > 20) & (step < 33)).all())  # ten days less in 1582
    if not (monthly or (step.size and ((step > 355) & (step < 376)).all())):
        raise SourceError(
            "The times are neither months nor years",
            where=times.where,
            expected="months or years without a hole",
            found=f"{moments.size} times, {step.min() if step.size else 0:g}…"
            f"{step.max() if step.size else 0:g} days apart",
            remedy="fetch the file of monthly or annual means",
        )
    if monthly and times.zero:
        months = _counted(moments / _DAY - _YEAR_ZERO)
    else:
        months = np.array([y * 12 + m - 1 for y, m, _ in times.dates(moments)], dtype=np.int64)
    ticks = months if monthly else months // 12
    if (np.diff(ticks) != 1).any():
        at = int(np.flatnonzero(np.diff(ticks) != 1)[0])
        raise SourceError(
            f"The {'months' if monthly else 'years'} do not follow each other",
            where=times.where,
            found=f"{ticks[at]} and {ticks[at + 1]} as {'months' if monthly else 'years'} from 0",
            remedy="fetch the whole series",
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
