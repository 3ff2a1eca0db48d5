"""Files of CO2 as NOAA, input4MIPs and the authors of the SSP concentrations give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    pass

__all__ = [
    "cmip6_co2_name",
    "write_cmip6_co2",
    "write_cmip7_co2",
    "write_co2_workbook",
    "write_isimip_co2",
    "write_noaa_annual",
    "write_noaa_monthly",
]

FloatArray = npt.NDArray[np.float64]

_MISSING = np.float32(1e20)
_SHEETS = {
    "history": "T2 - History Year 1750 to 2014",
    "SSP1-1.9": "T3 - SSP1-1.9 ",
    "SSP1-2.6": "T4 -  SSP1-2.6 ",
    "SSP2-4.5": "T5 - SSP2-4.5 ",
    "SSP3-7.0": "T6 - SSP3-7.0 ",
    "SSP3-7.0-lowNTCF": "T7 - SSP3-7.0-lowNTCF ",
    "SSP4-3.4": "T8 - SSP4-3.4 ",
    "SSP4-6.0": "T9 - SSP4-6.0 ",
    "SSP5-3.4-over": "T10 - SSP5-3.4-over ",
    "SSP5-8.5": "T11 - SSP5-8.5 ",
}
_MODELS = {
    "ssp119": "IMAGE",
    "ssp126": "IMAGE",
    "ssp245": "MESSAGE-GLOBIOM",
    "ssp370": "AIM",
    "ssp585": "REMIND-MAGPIE",
}


def write_noaa_annual(path: Path, values: Mapping[int, float], comments: int = 43) -> Path:
    """Write ``co2_annmean_mlo.csv``; the number of comment lines changes from year to year."""
    lines = ["# " + "-" * 60] * comments + ["year,mean,unc"]
    lines += [f"{year},{value:.2f},0.12" for year, value in values.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_noaa_monthly(
    path: Path, values: Mapping[tuple[int, int], float | None], comments: int = 40
) -> Path:
    """Write ``co2_mm_mlo.csv`` or, by the suffix, the same in columns of blanks, ``.txt``.

    Args:
        path: The file.
        values: (year, month) → ppm; ``None`` is written as −99.99.
        comments: Comment lines before the table.
    """
    names = "year,month,decimal date,average,deseasonalized,ndays,sdev,unc"
    blanks = path.suffix == ".txt"
    lines = ["# CO2 expressed as a mole fraction in dry air, micromol/mol, ppm"] * comments
    lines += [f"# {names.replace(',', '  ')}"] if blanks else [names]
    for (year, month), value in values.items():
        cells = [
            str(year),
            str(month),
            f"{year + (month - 0.5) / 12:.4f}",
            f"{-99.99 if value is None else value:.2f}",
            f"{0.0 if value is None else value + 1:.2f}",
            "-1",
            "-9.99",
            "-0.99",
        ]
        lines.append(("   " if blanks else ",").join(cells))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_isimip_co2(path: Path, values: Mapping[int, float]) -> Path:
    """Write ``co2_{scenario}_annual_{first}_{last}.txt``: year and value, no header."""
    path.write_text("".join(f"{y} {v:.3f}\n" for y, v in values.items()), encoding="utf-8")
    return path


def cmip6_co2_name(scenario: str | None) -> str:
    """Name of a CMIP6 file of global and hemispheric means."""
    stem = "mole-fraction-of-carbon-dioxide-in-air_input4MIPs_GHGConcentrations"
    if scenario is None:
        return f"{stem}_CMIP_UoM-CMIP-1-2-0_gr1-GMNHSH_0000-2014.nc"
    model = _MODELS.get(scenario[:6], "IMAGE")
    return f"{stem}_ScenarioMIP_UoM-{model}-{scenario}-1-2-1_gr1-GMNHSH_2015-2500.nc"


def write_cmip6_co2(folder: Path, months: FloatArray, scenario: str | None = None) -> Path:
    """Write a CMIP6 file of monthly means.

    Args:
        folder: Its folder.
        months: Global means in ppm; of the history from January of year 0 on, of a scenario from
            January 2015 on.
        scenario: Scenario, or none for the history, whose days count from a year 0 in a mixed
            calendar, stored as 32-bit floats.
    """
    import netCDF4

    path = folder / cmip6_co2_name(scenario)
    count = np.arange(months.size)
    year, month = count // 12, count % 12
    with netCDF4.Dataset(
        path, "w", format="NETCDF4_CLASSIC" if scenario is None else "NETCDF4"
    ) as f:
        f.createDimension("time", None)
        f.createDimension("sector", 3)
        if scenario is None:
            days = _julian_then_gregorian(year, month)
            units, calendar, kind = "days since 0-1-1", "gregorian", "f4"
        else:
            days = (2015 - 1850 + year) * 365.0 + _middle(month, np.zeros_like(month))
            units, calendar, kind = "days since 1850-01-01 00:00:00", "365_day", "f8"
        time = f.createVariable("time", kind, ("time",))
        time.setncatts({"units": units, "calendar": calendar, "axis": "T"})
        time[:] = days
        sector = f.createVariable("sector", "i4" if scenario is None else "i8", ("sector",))
        sector.setncatts(
            {
                "long_name": "sector",
                "ids": "0: Global; 1: Northern Hemisphere; 2: Southern Hemisphere",
            }
        )
        sector[:] = [0, 1, 2]
        name = "mole_fraction_of_carbon_dioxide_in_air"
        kind = "f4" if scenario is None else "f8"
        array = f.createVariable(name, kind, ("time", "sector"), fill_value=_MISSING)
        array.setncatts({"units": "1.e-6", "missing_value": np.dtype(kind).type(_MISSING)})
        array[:] = months[:, None] + np.array([0.0, 2.0, -2.0])
    return path


def _middle(month: npt.NDArray[Any], leap: npt.NDArray[Any]) -> FloatArray:
    """Day of the year, from 0, in the middle of a month."""
    length = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    start = np.concatenate([[0], np.cumsum(length)[:-1]])
    late = leap * (month > 1)
    return np.asarray(start[month] + late + (length[month] + leap * (month == 1)) / 2)


def _julian_then_gregorian(year: npt.NDArray[Any], month: npt.NDArray[Any]) -> FloatArray:
    """Days since 1 January of year 0, in the Julian calendar until October 1582."""
    old = year < 1583
    leap = np.where(old, year % 4 == 0, (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)))
    before = year * 365 + (year + 3) // 4
    late = year - 1
    gone = (late // 100 - 15) - (late // 400 - 3)
    before = np.where(old, before - 10 * ((year == 1582) & (month > 9)), before - 10 - gone)
    return np.asarray(before + _middle(month, leap.astype(np.int64)), dtype=np.float64)


def write_cmip7_co2(
    folder: Path,
    values: FloatArray,
    first: int,
    experiment: str = "CMIP",
    *,
    monthly: bool = False,
    latitude: Sequence[float] = (),
) -> Path:
    """Write a CMIP7 file: ``co2`` in ppm, days since 1850 in the proleptic calendar.

    Args:
        folder: Its folder.
        values: One value per year or month.
        first: First year.
        experiment: ``CMIP`` or a scenario such as ``vl``.
        monthly: Whether the values are of months.
        latitude: Centres of zones, of a zonal file (grid ``gr1z``); none: global means (``gm``).
    """
    import netCDF4

    count = np.arange(values.size)
    year = first + (count // 12 if monthly else count)
    last = int(year[-1])
    span = f"{first:04d}01-{last:04d}12" if monthly else f"{first:04d}-{last:04d}"
    activity = (
        "CMIP_CR-CMIP-1-0-0" if experiment == "CMIP" else f"ScenarioMIP_CR-{experiment}-1-0-0"
    )
    grid, release = "gr1z" if latitude else "gm", f"CR-{experiment}-1-0-0"
    path = folder / f"co2_input4MIPs_GHGConcentrations_{activity}_{release}_{grid}_{span}.nc"
    months = (year - 1970) * 12 + (count % 12 if monthly else 6)
    dates = months.astype("datetime64[M]").astype("datetime64[D]")
    days = (dates - np.datetime64("1850-01-01")).astype(np.int64) + (14 if monthly else 0)
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.createDimension("time", None)
        time = file.createVariable("time", "f8", ("time",))
        time.setncatts(
            {"units": "days since 1850-01-01 00:00:00", "calendar": "proleptic_gregorian"}
        )
        time[:] = days
        dims = ["time"]
        if latitude:
            file.createDimension("lat", len(latitude))
            file.createVariable("lat", "f8", ("lat",))[:] = latitude
            dims.append("lat")
        array = file.createVariable("co2", "f8", tuple(dims), fill_value=1e20)
        array.setncatts({"units": "ppm", "standard_name": "mole_fraction_of_carbon_dioxide_in_air"})
        array[:] = values if not latitude else values[:, None] + np.zeros(len(latitude))
    return path


def write_co2_workbook(path: Path, tables: Mapping[str, Mapping[int, float]]) -> Path:
    """Write the supplement's workbook: eight rows of text, four of header, all gases beside.

    Args:
        path: The ``.xlsx`` file.
        tables: ``history`` or scenario such as ``SSP1-2.6`` → year → ppm; needs openpyxl.
    """
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "T1 - Overview"
    book.active.append(["Table of contents"])
    for name, values in tables.items():
        sheet = book.create_sheet(_SHEETS[name])
        for _ in range(8):
            sheet.append(["Supplementary data"])
        gases = (("CO2", "ppm"), ("CH4", "ppb"), ("N2O", "ppb"))
        regions = ("World", "Northern Hemisphere", "Southern Hemisphere")
        sheet.append(["Gas", *(g if k == 0 else None for g, _ in gases for k in range(3))])
        sheet.append(["Unit", *(unit for _, unit in gases for _ in regions)])
        sheet.append(["Region", *(region for _ in gases for region in regions)])
        sheet.append(["Year", *range(1, 10)])
        for year, value in values.items():
            sheet.append([year, value, value + 1, value - 1, *([700.0] * 3), *([270.0] * 3)])
    book.save(path)
    return path
