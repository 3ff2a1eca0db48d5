"""Times: what a time axis says, in every calendar and unit of CF and in those that products add.

Bounds come first: a value stands for the time between them, and the axis itself is only a label.
Without bounds a stamp is read by a rule of its product: it lies within the time that it stands for
(its first moment included), or ends it.

CF conventions 1.12, section 4.4.
Counted by hand are ``years since`` and ``months since``, which CF discourages and products use
(LUH2: ``years since 850-01-01``), the ``day as %Y%m%d.%f`` of CDO, bare years (HILDA+), and dates
written as text. A year 0 of the mixed calendar, which does not exist, is taken as the year before
1, in both calendars that it can be of: where they give different answers, the file is refused.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats.calendars import (
    CALENDARS,
    DAY,
    LENIENT,
    SWITCH,
    Date,
    later,
    mixed_dates,
    seconds,
)
from ai4land.formats.calendars import dates as dates_in
from ai4land.formats.packing import Packing, whole

__all__ = ["Instants", "Stamp", "Times", "days_of", "instants_of", "read_times", "years_of"]

Instants = npt.NDArray[np.int64]
"""Seconds since 1970-01-01 00:00 UTC."""

Array = npt.NDArray[Any]
_LENGTHS: dict[str, float] = {"microsecond": 1e-6, "millisecond": 1e-3, "second": 1, "minute": 60}
_LENGTHS |= {"hour": 3_600, "day": DAY, "week": 7 * DAY, "common_year": 365 * DAY}
_SHORT = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "d": "day"}
_SHORT |= {"ms": "millisecond", "msec": "millisecond", "yr": "year"}
_FARTHEST = 10_000 * 366 * DAY
_SINCE = re.compile(r"\s*(?P<unit>[A-Za-z_]+)\s+since\s+(?P<date>\S.*)\Z", re.IGNORECASE)
_AS = re.compile(r"\s*(?P<unit>year|month|day)s?\s+as\s+%Y(%m(%d)?)?(\.%f)?\s*\Z", re.IGNORECASE)
_TEXT = re.compile(
    r"\s*(?P<sign>-?)(?P<year>\d{1,4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})"
    r"(?:[T _]\s*(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2}(?:\.\d*)?))?)?)?"
    r")?)?\s*(?:Z|UTC|GMT|(?P<zone>[+-]?\d{1,2}):?(?P<zone_minute>\d{2})?)?\s*\Z",
    re.IGNORECASE,
)
_PACKED = re.compile(r"\s*(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})?\s*\Z")
_REMEDY = "write units and calendar as CF does, such as `days since 2000-01-01` and `standard`"
_ONE_YEAR = 400 * DAY


class Stamp(StrEnum):
    """What a time without bounds says of the time that its value stands for."""

    WITHIN = "within"  #: it lies in it; its first moment counts as in it
    END = "end"  #: it is the moment at which it ends


@dataclass(frozen=True, eq=False)
class Times:
    """A time axis.

    Attributes:
        calendar: The calendar, as cftime calls it.
        stamps: Seconds since 1970 in that calendar, ``(time,)``.
        bounds: Start and end of what each value stands for, ``(time, 2)``; ``None`` without.
        where: The axis, for error texts.
        zero: Whether it counts from a year 0 of the mixed calendar: then it is proleptic here.
    """

    calendar: str
    stamps: Instants
    bounds: Instants | None
    where: str
    zero: bool = False

    def moments(self, stamp: Stamp = Stamp.WITHIN) -> Instants:
        """A moment inside of what each value stands for: the middle of bounds, else the stamp."""
        if self.bounds is not None:
            return self.bounds[:, 0] + (self.bounds[:, 1] - self.bounds[:, 0]) // 2
        return self.stamps - 1 if stamp is Stamp.END else self.stamps

    def starts(self) -> Instants:
        """The first moment of what each value stands for: by the bounds, else the stamp."""
        return self.stamps if self.bounds is None else self.bounds[:, 0]

    def dates(self, moments: Instants) -> list[Date]:
        """Year, month and day of moments of this axis.

        Raises:
            SourceError: If the file counts from a year that its calendar does not have, and the
                two calendars that it can mean disagree.
        """
        dates = dates_in(moments, self.calendar)
        if self.zero and [d[:2] for d in mixed_dates(moments)] != [d[:2] for d in dates]:
            raise SourceError(
                "The mixed calendar has no year 0, and the dates of this axis depend on what it is",
                where=self.where,
                expected="the same months in the Julian and in the proleptic Gregorian calendar",
                found=f"{_written(mixed_dates(moments)[0])} or {_written(dates[0])} as first date",
                remedy="give the time the calendar that it was counted in, such as "
                "`proleptic_gregorian`, or bounds",
            )
        return dates

    def years(self, stamp: Stamp = Stamp.WITHIN) -> list[int]:
        """Year of each value.

        Raises:
            SourceError: If a value stands for several years.
        """
        if self.bounds is not None:
            longest = int((self.bounds[:, 1] - self.bounds[:, 0]).max(initial=0))
            if longest > _ONE_YEAR:
                raise SourceError(
                    "A value stands for several years",
                    where=f"{self.where}, bounds",
                    expected="one value for each year",
                    found=f"{longest / DAY:g} days between the bounds",
                    remedy="use annual data; if they are, delete the attribute `bounds`",
                )
        return [year for year, _, _ in self.dates(self.moments(stamp))]


def years_of(
    time: netCDF4.Variable[Any], path: Path, stamp: Stamp = Stamp.WITHIN
) -> dict[int, int]:
    """Year → position on a time axis of annual values.

    Args:
        time: The coordinate.
        path: Its file, for the error text.
        stamp: What a time without bounds says.

    Raises:
        SourceError: If it is not understood, or not one value a year.
    """
    years = read_times(time, path).years(stamp)
    twice = sorted(year for year, times in Counter(years).items() if times > 1)
    if twice:
        raise SourceError(
            "A year occurs twice on the time axis",
            where=f"{path}, {time.name}",
            expected="one value for each year",
            found=f"{len(years)} times in {len(set(years))} years; {twice[0]} more than once",
            remedy="choose one time of each year, or average them, for example with `cdo yearmean`",
        )
    return {year: i for i, year in enumerate(years)}


def days_of(time: netCDF4.Variable[Any], path: Path) -> list[dt.date]:
    """First day of what each value stands for, in the calendar that people use, ascending.

    Raises:
        SourceError: If it is not understood, or does not ascend.
    """
    starts = _real(read_times(time, path)).starts()
    days = [dt.date(*date) for date in dates_in(starts, "proleptic_gregorian")]
    if any(a >= b for a, b in itertools.pairwise(days)):
        raise SourceError(
            "Times do not ascend",
            where=f"{path}, {time.name}",
            expected="one day after the other",
            found=", ".join(day.isoformat() for day in days[:5]),
            remedy="sort the file by time",
        )
    return days


def instants_of(time: netCDF4.Variable[Any], path: Path) -> Instants:
    """Times in the calendar that people use; of values of a day or longer the first moment.

    Raises:
        SourceError: If the axis is not understood, or of another calendar.
    """
    times = _real(read_times(time, path))
    if times.bounds is None:
        return times.stamps
    long = times.bounds[:, 1] - times.bounds[:, 0] >= DAY
    return np.where(long, times.bounds[:, 0], times.stamps)


def _real(times: Times) -> Times:
    """Times whose dates are those of the world."""
    starts = times.starts()
    if times.calendar in LENIENT and not times.zero and int(np.min(starts, initial=0)) >= SWITCH:
        return times
    first = _written(dates_in(starts[:1], times.calendar)[0]) if starts.size else "nothing"
    raise SourceError(
        "The time axis is not in the calendar that people use",
        where=times.where,
        expected="calendar standard or proleptic_gregorian, after 1582",
        found=f"calendar {times.calendar}, from {first}",
        remedy="use the files as their provider dates them, without a change of calendar",
    )


def read_times(time: netCDF4.Variable[Any], path: Path) -> Times:
    """Read a time axis and its bounds.

    Args:
        time: The coordinate, in an open file.
        path: Its file, for the error text.

    Raises:
        SourceError: If it is not understood.
    """
    where = f"{path}, {time.name}"
    units, calendar = _text_of(time, "units"), _text_of(time, "calendar")
    known = CALENDARS.get(calendar.lower())
    if known is None:
        raise SourceError(
            "The calendar is not understood",
            where=where,
            expected=", ".join(sorted(filter(None, CALENDARS))),
            found=repr(calendar),
            remedy=_REMEDY,
        )
    axis = _Axis.of(units, known, where)
    stamps = axis.decoded(_stored(time, where))
    bounds = _bounds(time, axis, stamps)
    return Times(axis.calendar, stamps, bounds, where, axis.zero)


def _text_of(array: netCDF4.Variable[Any], name: str) -> str:
    found = array.getncattr(name) if name in array.ncattrs() else ""
    return found.strip() if isinstance(found, str) else str(found)


def _stored(array: netCDF4.Variable[Any], where: str) -> Array:
    """Numbers of an axis in its units, or texts."""
    raw = np.atleast_1d(whole(array, where))
    if raw.dtype.kind == "S" and raw.ndim > 1:
        raw = np.atleast_1d(np.asarray(netCDF4.chartostring(raw)))
    if raw.dtype.kind in "SUO":
        words = [w.decode("latin-1") if isinstance(w, bytes) else str(w) for w in raw.ravel()]
        return np.array([w.strip("\0 ") for w in words], dtype=object)
    packing = Packing.of(array)
    if packing.missing(raw).any() or not np.isfinite(raw).all():
        raise SourceError(
            "A time is missing",
            where=where,
            expected="a number for each time",
            found=f"{raw[packing.missing(raw) | ~np.isfinite(raw)].ravel()[0]:g}",
            remedy="write the axis again: what has no time cannot be placed",
        )
    if packing.packed or raw.dtype.kind == "f":
        return packing.values(raw)
    return packing.stored(raw)


def _bounds(time: netCDF4.Variable[Any], axis: _Axis, stamps: Instants) -> Instants | None:
    """Bounds that say something: of length, in order, one pair for each time."""
    group, name = time.group(), _text_of(time, "bounds")
    if not name or name not in group.variables:
        return None
    array = group.variables[name]
    if array.shape != (*time.shape, 2) or time.ndim != 1 or not stamps.size:
        return None
    own = _text_of(array, "units")
    if own and own != _text_of(time, "units"):
        calendar = CALENDARS.get(_text_of(array, "calendar").lower(), axis.calendar)
        named = "calendar" in array.ncattrs()
        axis = _Axis.of(own, calendar if named else axis.calendar, f"{axis.where}, bounds")
    try:
        raw = _stored(array, f"{axis.where}, bounds")
        pairs = axis.decoded(raw.ravel()).reshape(-1, 2)
    except SourceError:
        return None  # bounds that were never written say nothing
    pairs = np.sort(pairs, axis=1)
    return pairs if (pairs[:, 1] > pairs[:, 0]).all() else None


@dataclass(frozen=True)
class _Axis:
    """How numbers become seconds since 1970 in a calendar.

    Attributes:
        calendar: As cftime calls it.
        unit: Unit of the numbers, singular; empty if they are dates themselves.
        start: Date that they count from; ``None`` if they are dates.
        second: Second of that day.
        where: For error texts.
        units: As the file writes them.
        zero: Whether it counts from a year 0 of the mixed calendar.
    """

    calendar: str
    unit: str
    start: Date | None
    second: int
    where: str
    units: str
    zero: bool = False

    @classmethod
    def of(cls, units: str, calendar: str, where: str) -> _Axis:
        """Understand units.

        Raises:
            SourceError: If they are none.
        """
        match = _SINCE.match(units)
        if match is None:
            found = _AS.match(units)
            if found is None and "since" in units.lower():
                raise _unknown(where, units)
            return cls(calendar, found["unit"].lower() if found else "", None, 0, where, units)
        unit = match["unit"].lower()
        unit = _SHORT.get(unit, unit if unit in _LENGTHS else unit.removesuffix("s"))
        unit = _SHORT.get(unit, unit)
        if unit not in {*_LENGTHS, "year", "month"}:
            raise _unknown(where, units)
        date, second = _parsed(match["date"], where, units)
        if date[0] < 0 and calendar in {"standard", "julian"}:
            raise _unknown(where, units)  # 1 BC is the year 0 or −1: nobody can tell
        zero = date[0] == 0 and calendar == "standard"
        if zero:
            calendar = "proleptic_gregorian"
        return cls(calendar, unit, date, second, where, units, zero)

    def decoded(self, values: Array) -> Instants:
        """Seconds since 1970 in the calendar.

        Raises:
            SourceError: If a value is no time.
        """
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                return self._decoded(values)
        except (ValueError, OverflowError) as error:
            raise _unknown(self.where, self.units, error, values) from error

    def _decoded(self, values: Array) -> Instants:
        if self.start is None:
            dates = [self._date(v) for v in values]
            return np.array([seconds(d, self.calendar) + s for d, s in dates], dtype=np.int64)
        if values.dtype == object:
            raise ValueError("texts that count from a date")
        numbers = values.astype(np.float64)
        whole = bool((np.rint(numbers) == numbers).all())
        if self.unit in {"year", "month"} or (self.unit == "common_year" and whole):
            months = 1 if self.unit == "month" else 12
            days = [self._stepped(float(n), months) for n in numbers.ravel()]
            return np.array(days, dtype=np.int64) + self.second
        length = _LENGTHS[self.unit]
        if not (np.abs(numbers * length) < _FARTHEST).all():
            raise OverflowError("beyond the years of any product")
        if values.dtype.kind in "iu" and length >= 1:
            passed = values.astype(np.int64) * int(length)
        else:
            passed = np.rint(numbers * length).astype(np.int64)
        return passed + seconds(self.start, self.calendar) + self.second

    def _stepped(self, number: float, months: int) -> int:
        """Seconds of the date that lies so many steps of some months after the start."""
        assert self.start is not None
        if not abs(number) * months < 12 * 10_000:
            raise OverflowError("beyond the years of any product")
        whole = int(np.floor(number + 1e-6))
        first, second = (
            seconds(later(self.start, (whole + k) * months, self.calendar), self.calendar)
            for k in (0, 1)
        )
        return first + round(max(number - whole, 0.0) * (second - first))

    def _date(self, value: Any) -> tuple[Date, int]:  # noqa: ANN401
        """Date and second of a value that is one itself."""
        if isinstance(value, str):
            packed = _PACKED.match(value)
            if packed is not None:
                return (int(packed["year"]), int(packed["month"]), int(packed["day"] or 1)), 0
            return _parsed(value, self.where, self.units)
        number = float(value)
        whole, part = int(np.floor(number + 1e-9)), number % 1.0
        part = 0.0 if part > 1 - 1e-9 else part
        unit = self.unit or self._bare(number)
        if unit == "year":
            if not 0 <= whole < 10_000:
                raise ValueError(f"{number:g} is no year")
            first = seconds((whole, 1, 1), self.calendar)
            length = seconds((whole + 1, 1, 1), self.calendar) - first
            return (whole, 1, 1), round(part * length)
        year, month, day = whole // 10_000, whole // 100 % 100, whole % 100
        if unit == "month":
            year, month, day = whole // 100, whole % 100, 1
        if not 0 <= year < 10_000:
            raise ValueError(f"{number:g} is no date")
        return (year, month, day), round(part * DAY * (1 if unit == "day" else 28))

    def _bare(self, number: float) -> str:
        """What a number without units is: a year of HILDA+, or digits of a date."""
        units = self.units.lower().replace("-", "")
        named = {"year": "year", "years": "year", "yyyymm": "month", "yyyymmdd": "day"}
        if units in named:
            return named[units]
        if units in {"", "1"} and number == np.floor(number):
            for unit, low, high in (
                ("year", 500, 9999),
                ("month", 50_001, 999_912),
                ("day", 5_000_101, 99_991_231),
            ):
                if low <= number <= high:
                    return unit
        raise ValueError(f"{number:g} is neither a year nor a date")


def _unknown(
    where: object, units: str, error: Exception | None = None, values: Array | None = None
) -> SourceError:
    first = "" if values is None else f", first values {', '.join(map(str, values.ravel()[:3]))}"
    return SourceError(
        "The time axis is not understood",
        where=where,
        expected="`days since` a date, or hours, months, years and the like; or bare years",
        found=f"units {units!r}{first}{f': {error}' if error else ''}",
        remedy=_REMEDY,
    )


def _parsed(text: str, where: object, units: str) -> tuple[Date, int]:
    """Date and second of a written date, moved to UTC.

    Raises:
        SourceError: If it is none.
    """
    match = _TEXT.match(text)
    if match is None:
        raise _unknown(where, units or text)
    date = (int(match["sign"] + match["year"]), int(match["month"] or 1), int(match["day"] or 1))
    hour, minute = int(match["hour"] or 0), int(match["minute"] or 0)
    second = round(float(match["second"] or 0))
    zone = match["zone"] or "0"
    ahead = abs(int(zone)) * 3600 + int(match["zone_minute"] or 0) * 60
    if hour > 24 or minute > 59 or second > 60 or ahead > 15 * 3600:
        raise _unknown(where, units or text)
    ahead = -ahead if zone.startswith("-") else ahead
    return date, hour * 3600 + minute * 60 + second - ahead


def _written(date: Date) -> str:
    return "{:04d}-{:02d}-{:02d}".format(*date)
