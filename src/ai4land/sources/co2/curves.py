"""CO2 in files: NOAA and ISIMIP text, comma-separated collections, the SSP workbook, input4MIPs.

NetCDF of input4MIPs is of CMIP6 (from year 0, in sectors) and of CMIP7.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Packing, Times, check_units, opened_netcdf, read_times, whole
from ai4land.vocabulary import Clock

__all__ = ["Curve", "key_of", "netcdf_curve", "text_curves", "workbook_curves"]

_VALUES = ("mean", "average", "co2")  # the column that counts, in files of one series
_YEARS = ("timebound_lower", "year", "time")
_SHEET = re.compile(r"T\d+\s*-\s*")
_HEADER_ROWS = 20  # within which a sheet names gas, unit, region and year
_PPM = {"ppm", "ppmv"}
_NAMES = ("mole_fraction_of_carbon_dioxide_in_air", "co2")
_MOLE_PPM = {"1.e-6", "1e-6", "1.0e-6", *_PPM}
_SCENARIO = re.compile(r"-(ssp\d{3}(?:-[A-Za-z]+)?)-\d|_CR-([a-z]+)-\d")
_DAY = 86_400
_YEAR_ZERO = -719_528  # days from 1970 to a year 0 of the proleptic Gregorian calendar
_MEAN_YEAR = 365.2425
_LEEWAY = 0.25  # months; stamps are on the first or in the middle of their month


@dataclass(frozen=True)
class Curve:
    """One time series of CO2.

    Attributes:
        name: Column, sheet or experiment.
        clock: Years or months.
        values: Tick → ppm; missing values are left out.
        path: The file.
    """

    name: str
    clock: Clock
    values: Mapping[int, float]
    path: Path


def key_of(name: str) -> str:
    """A name as it is compared: ``SSP5-3.4-over`` and ``ssp534over`` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def text_curves(path: Path) -> list[Curve]:
    """Read a table in text: commas or blanks, any number of ``#`` lines, with or without header.

    Understood are NOAA's annual and monthly means (``average``, not the deseasonalised column),
    two columns of year and value (ISIMIP), and one column per series behind a column of years.
    Empty cells and negative sentinels (NOAA's −99.99) are missing.

    Raises:
        SourceError: If there are no years and values in it.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    lines = [x for x in text.splitlines() if x.strip() and not x.lstrip(' "').startswith("#")]
    rows = [r for r in _cells(lines) if any(cell.strip() for cell in r)]
    if not rows or len(rows[0]) < 2:
        raise _not_a_table(path, rows)
    header = [cell.strip().lower() for cell in rows[0]]
    if _number(header[0]) is not None:
        header, original, body = _columns(rows[0], path), [], rows
    else:
        original, body = [cell.strip() for cell in rows[0]], rows[1:]
    year = next((header.index(n) for n in _YEARS if n in header), None)
    if year is None or not body:
        raise _not_a_table(path, rows)
    month = header.index("month") if "month" in header else None
    chosen = next((header.index(n) for n in _VALUES if n in header), None)
    columns = [chosen] if chosen is not None else [c for c in range(len(header)) if c != year]
    clock = Clock.YEAR if month is None else Clock.MONTH
    ticks = [_tick(row, year, month, path) for row in body]
    if len(set(ticks)) != len(ticks):
        raise SourceError("A time occurs twice in the table", where=path)
    curves = []
    for column in columns:
        found = [_number(row[column]) if column < len(row) else None for row in body]
        values = {t: v for t, v in zip(ticks, found, strict=True) if v is not None and v >= 0}
        name = "observed" if chosen is not None else original[column]
        if values:
            curves.append(Curve(name, clock, values, path))
    return curves


def _cells(lines: Sequence[str]) -> list[list[str]]:
    """Rows of cells, by the separator of the first line."""
    if not lines:
        return []
    separator = next((s for s in (",", ";", "\t") if s in lines[0]), None)
    if separator is None:
        return [line.split() for line in lines]
    return list(csv.reader(lines, delimiter=separator))


def _columns(first: Sequence[str], path: Path) -> list[str]:
    """Names of the columns of a table without header, by their number (NOAA's text files)."""
    if len(first) in {2, 3}:
        return ["year", "mean", "unc"][: len(first)]
    if len(first) in {7, 8}:
        return ["year", "month", "decimal", "average"]
    raise _not_a_table(path, [first])


def _tick(row: Sequence[str], year: int, month: int | None, path: Path) -> int:
    when = _number(row[year])
    part = 1.0 if month is None else _number(row[month])
    if when is None or part is None or not 1 <= part <= 12:
        raise SourceError("A row of the table has no time", where=path, found=",".join(row))
    return math.floor(when) if month is None else math.floor(when) * 12 + int(part) - 1


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _not_a_table(path: Path, rows: Sequence[Sequence[str]]) -> SourceError:
    return SourceError(
        "Not a table of CO2",
        where=path,
        expected="columns year, (month,) and values in ppm",
        found=",".join(rows[0])[:80] if rows else "no rows",
    )


def workbook_curves(path: Path) -> list[Curve]:
    """Read the workbook of Meinshausen et al. 2020: one sheet per scenario, World CO2 in ppm.

    The header is found by its words, since what stands above it differs; sheet names come with
    stray blanks (``T4 -  SSP1-2.6 ``).

    Raises:
        SourceError: If openpyxl is not installed or no sheet has such a column.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise SourceError(
            "Workbooks need openpyxl", where=path, remedy="install `ai4land[tables]`"
        ) from error
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        curves = []
        for sheet in book.worksheets:
            name = _SHEET.sub("", sheet.title).strip()
            rows = [list(row) for row in sheet.iter_rows(values_only=True)]
            values = _sheet_values(rows)
            if values:
                label = "history" if name.lower().startswith("history") else name
                curves.append(Curve(label, Clock.YEAR, values, path))
    finally:
        book.close()
    if not curves:
        raise SourceError(
            "No sheet of the workbook holds CO2 of the world",
            where=path,
            expected="rows Gas, Unit, Region and Year above the numbers",
            found=", ".join(book.sheetnames),
        )
    return curves


def _sheet_values(rows: Sequence[Sequence[object]]) -> dict[int, float]:
    """Year → ppm of one sheet; empty if it is of another kind."""
    head: dict[str, Sequence[object]] = {}
    start = 0
    for i, row in enumerate(rows[:_HEADER_ROWS]):
        word = str(row[0]).strip().lower() if row else ""
        if word in {"gas", "unit", "region", "year"}:
            head[word], start = row, i + 1
    if set(head) != {"gas", "unit", "region", "year"}:
        return {}
    gas = ""
    for column in range(1, len(head["gas"])):
        gas = str(head["gas"][column] or gas).strip().lower()  # a merged cell names it once
        unit, region = (str(head[k][column]).strip().lower() for k in ("unit", "region"))
        if gas == "co2" and region == "world" and unit in _PPM:
            values = {}
            for row in rows[start:]:
                year, value = row[0], row[column]
                if isinstance(year, int | float) and isinstance(value, int | float):
                    values[int(year)] = float(value)
            return values
    return {}


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
        check_units(array, _MOLE_PPM, path)
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
