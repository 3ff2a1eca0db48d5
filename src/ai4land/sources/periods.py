"""Periods: the days that a composite stands for, and how they fill the ticks of a clock."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ai4land.errors import ConfigError, SourceError
from ai4land.sources.file_source import nothing_here
from ai4land.vocabulary import Clock

__all__ = [
    "Period",
    "composite",
    "composite_date",
    "covered_ticks",
    "dated_files",
    "half_month",
    "period_of",
]

_PLACES = {"year": r"(?P<year>\d{4})", "doy": r"(?P<doy>\d{3})"}
_PLACES |= {name: rf"(?P<{name}>\d{{2}})" for name in ("month", "day")}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Some days: from ``start`` until the day before ``stop``."""

    start: dt.date
    stop: dt.date

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.stop - self.start).days

    def shared(self, other: Period) -> int:
        """Days that two periods have in common."""
        return max((min(self.stop, other.stop) - max(self.start, other.start)).days, 0)


def period_of(clock: Clock, tick: int) -> Period:
    """The days of a tick; the last eight-day period of a year has five or six."""
    return Period(clock.date(tick), clock.date(tick + 1))


def composite(start: dt.date, days: int) -> Period:
    """The days of a composite that is made every ``days`` days, anew from each 1 January on."""
    return Period(start, min(start + dt.timedelta(days=days), dt.date(start.year + 1, 1, 1)))


def composite_date(written: str, file: Path) -> dt.date:
    """The day in a file name: ``YYYYMMDD``, or year and day of the year ``YYYYDDD``.

    Raises:
        SourceError: If there is no such day.
    """
    try:
        if len(written) == 8:
            return dt.datetime.strptime(written, "%Y%m%d").date()
        first = dt.date(int(written[:4]), 1, 1)
        day = first + dt.timedelta(days=int(written[4:]) - 1)
        if day.year != first.year:
            raise ValueError(f"{first.year} has no day {written[4:]}")
        return day
    except ValueError as error:
        raise SourceError("A file name holds no date", where=file, found=error) from error


def half_month(year: int, month: int, half: int) -> Period:
    """The first (1…15) or second (16…last) half of a month."""
    first = dt.date(year, month, 1)
    middle = dt.date(year, month, 16)
    if half == 1:
        return Period(first, middle)
    return Period(middle, first + dt.timedelta(days=calendar.monthrange(year, month)[1]))


def covered_ticks(
    clock: Clock, periods: Iterable[Period], partial: bool = False
) -> tuple[tuple[int, ...], dict[int, str]]:
    """Ticks that composites fill, and what is missing between them.

    Args:
        clock: The clock.
        periods: Days of the composites.
        partial: Count ticks of which only a part of the days is covered.

    Returns:
        Ticks, ascending, and gaps inside the series with their reason.
    """
    days: dict[int, set[dt.date]] = {}
    for period in periods:
        for offset in range(period.days):
            day = period.start + dt.timedelta(days=offset)
            days.setdefault(clock.tick(day), set()).add(day)
    have = {t: len(found) for t, found in days.items()}
    ticks = sorted(t for t, n in have.items() if partial or n == period_of(clock, t).days)
    gaps = {}
    for tick in range(ticks[0], ticks[-1]) if ticks else ():
        if tick not in set(ticks):
            whole = period_of(clock, tick).days
            gaps[tick] = f"composites cover {have.get(tick, 0)} of its {whole} days"
    return tuple(ticks), gaps


def dated_files(folder: Path, pattern: str) -> dict[dt.date, Path]:
    """Files of a folder whose names hold a date.

    Args:
        folder: The folder.
        pattern: File name with ``{year}`` and ``{doy}``, or ``{year}``, ``{month}`` and ``{day}``.

    Raises:
        ConfigError: If the pattern has no place for a date.
        MissingFileError: If no file matches.
        SourceError: If a name holds a date that does not exist.
    """
    found = re.split(r"\{(\w+)\}", pattern)
    fields = found[1::2]
    if sorted(fields) not in (["doy", "year"], ["day", "month", "year"]):
        raise ConfigError(
            "The pattern needs a place for the date",
            where="option pattern",
            expected="{year} and {doy}, or {year}, {month} and {day}, each once",
            found=pattern,
        )
    parts = [_PLACES[p] if i % 2 else re.escape(p) for i, p in enumerate(found)]
    name = re.compile("".join(parts) + r"\Z")
    files: dict[dt.date, Path] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = name.match(file.name)
        if match is not None:
            files[composite_date("".join(_ordered(match.groupdict())), file)] = file
    if not files:
        raise nothing_here("files of this name", folder, pattern)
    return files


def _ordered(parts: dict[str, str]) -> list[str]:
    return [parts[key] for key in ("year", "month", "day", "doy") if key in parts]
