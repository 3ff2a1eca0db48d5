"""Population files as ISIMIP writes them: counts per cell by year, of phase 2b and of phase 3."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid

if TYPE_CHECKING:
    import netCDF4

__all__ = ["isimip2b_name", "isimip3_name", "write_isimip2b", "write_isimip3", "write_period_mean"]

Floats = npt.NDArray[np.floating]
_MISSING = np.float32(1e20)
_COUNTS = ("rural", "total", "urban")
_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "Conventions": "CF-1.6",
        "title": "ISIMIP3a population data",
        "summary": "Synthetic population in the form of ISIMIP3a",
    }
)
_DAYS, _CALENDAR = "days since 1850-1-1 12:00:00", "proleptic_gregorian"


def isimip2b_name(scenario: str, first: int, last: int, *, joint: str = "-") -> str:
    """Name of a file of ISIMIP2b: ``histsoc``, ``ssp2soc`` …; users write an underscore, too."""
    return f"population_{scenario}_0p5deg_annual_{first}{joint}{last}.nc4"


def isimip3_name(scenario: str, first: int, last: int) -> str:
    """Name of a file of ISIMIP3a or ISIMIP3b: ``histsoc``, ``ssp2`` …."""
    return f"population_{scenario}_30arcmin_annual_{first}_{last}.nc"


def _create(path: Path, grid: Grid, attributes: Mapping[str, Any]) -> netCDF4.Dataset:
    """A file with the axes of ISIMIP: longitude before latitude, north first."""
    import netCDF4

    path.parent.mkdir(parents=True, exist_ok=True)
    file = netCDF4.Dataset(path, "w", format="NETCDF4_CLASSIC")
    file.setncatts(dict(attributes))
    file.createDimension("time", None)
    for name, long_name, centres in (
        ("lon", "longitude", grid.longitudes()),
        ("lat", "latitude", grid.latitudes()),
    ):
        file.createDimension(name, len(centres))
        axis = file.createVariable(name, "f8", (name,))
        axis.setncatts(
            {
                "standard_name": long_name,
                "long_name": long_name,
                "units": "degrees_east" if name == "lon" else "degrees_north",
                "axis": "X" if name == "lon" else "Y",
            }
        )
        axis[:] = centres
    return file


def _counts(
    file: netCDF4.Dataset, name: str, attributes: Mapping[str, Any], *, declared: bool = True
) -> None:
    shape = (len(file.dimensions["lat"]), len(file.dimensions["lon"]))
    counts = file.createVariable(
        name,
        "f4",
        ("time", "lat", "lon"),
        chunksizes=(1, *shape),
        zlib=True,
        complevel=1,
        fill_value=_MISSING if declared else False,
    )
    counts.setncatts({**attributes, **({"missing_value": _MISSING} if declared else {})})


def _filled(people: Floats) -> npt.NDArray[np.float32]:
    return np.where(np.isnan(people), _MISSING, people).astype(np.float32)


def write_isimip2b(
    path: Path,
    grid: Grid,
    people: Iterable[tuple[int, Floats]],
    *,
    base: int = 1860,
    south_first: bool = False,
    declared: bool = True,
) -> Path:
    """Write ``number_of_people(time, lat, lon)`` with a time that no calendar library decodes.

    Args:
        path: The file.
        grid: Grid of the counts, row 0 in the north.
        people: Years and people per cell, NaN where nobody counted, ``(y, x)``.
        base: Year from which time is counted; files count from 1661, 1860, 1861 or 2006.
        south_first: Write row 0 in the south.
        declared: Say in attributes that 1e20 means missing.
    """
    with _create(path, grid, {"title": "Population data", "Conventions": "CF-1.6"}) as file:
        time = file.createVariable("time", "f8", ("time",))
        time.setncatts(
            {
                "standard_name": "time",
                "units": f"years since {base}-1-1 12:00:00",
                "calendar": "proleptic_gregorian",
                "axis": "T",
            }
        )
        words = {"long_name": "Number of people", "units": "1"}
        _counts(file, "number_of_people", words, declared=declared)
        if south_first:
            file["lat"][:] = grid.latitudes()[::-1]
        for k, (year, layer) in enumerate(people):
            time[k] = year - base
            filled = _filled(layer)
            file["number_of_people"][k] = filled[::-1] if south_first else filled
    return path


def write_isimip3(
    path: Path,
    grid: Grid,
    people: Iterable[tuple[int, Mapping[str, Floats]]],
    *,
    counts: Sequence[str] = _COUNTS,
) -> Path:
    """Write ``total-population``, ``urban-population`` and ``rural-population``, with hyphens.

    Args:
        path: The file.
        grid: Grid of the counts, row 0 in the north.
        people: Years and, by ``total``, ``urban`` and ``rural``, people per cell, NaN where nobody
            counted, ``(y, x)``.
        counts: Which of the three are written.
    """
    with _create(path, grid, _TITLES) as file:
        time = _decodable_time(file)
        for name in counts:
            _counts(
                file, f"{name}-population", {"standard_name": f"{name} population", "units": "1"}
            )
        for k, (year, layers) in enumerate(people):
            time[k] = _day(year)
            for name in counts:
                file[f"{name}-population"][k] = _filled(layers[name])
    return path


def _decodable_time(file: netCDF4.Dataset) -> netCDF4.Variable[Any]:
    time = file.createVariable("time", "f8", ("time",))
    time.setncatts(
        {
            "standard_name": "time",
            "units": _DAYS,
            "calendar": _CALENDAR,
            "axis": "T",
        }
    )
    return time


def _day(year: int) -> float:
    """Days from the start of the axis to noon of the first of January."""
    return float((dt.date(year, 1, 1) - dt.date(1850, 1, 1)).days)


def write_period_mean(
    path: Path, grid: Grid, period: tuple[int, int], people: Mapping[str, Floats]
) -> Path:
    """Write one mean of many years, as CDO's ``timmean`` leaves it of an annual file.

    The bounds hold the first and the last of the times that were averaged, not the ends of the
    period.

    Args:
        path: The file.
        grid: Grid of the counts, row 0 in the north.
        period: First and last year.
        people: By ``total``, ``urban`` and ``rural``, people per cell, ``(y, x)``.
    """
    with _create(path, grid, _TITLES) as file:
        time = _decodable_time(file)
        time.bounds = "time_bnds"
        file.createDimension("bnds", 2)
        bounds = file.createVariable("time_bnds", "f8", ("time", "bnds"))
        ends = [_day(year) for year in period]
        time[0], bounds[0] = sum(ends) / 2, ends
        for name, layer in people.items():
            _counts(
                file,
                f"{name}-population",
                {
                    "standard_name": f"{name} population",
                    "units": "1",
                    "cell_methods": "time: mean",
                },
            )
            file[f"{name}-population"][0] = _filled(layer)
    return path
