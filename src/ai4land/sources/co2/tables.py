"""CO2 in tables: NOAA and ISIMIP text, comma-separated collections, the SSP workbook."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ai4land.errors import SourceError
from ai4land.vocabulary import Clock

__all__ = ["Curve", "key_of", "text_curves", "workbook_curves"]

_VALUES = ("mean", "average", "co2")  # the column that counts, in files of one series
_YEARS = ("timebound_lower", "year", "time")
_SHEET = re.compile(r"T\d+\s*-\s*")
_HEADER_ROWS = 20  # within which a sheet names gas, unit, region and year
_PPM = {"ppm", "ppmv"}


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
