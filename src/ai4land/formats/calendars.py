"""Calendars: seconds since 1970 of a date, and back, in every calendar of CF.

Dates after 1582 are computed by the standard library and numpy, all others by cftime.
"""

from __future__ import annotations

import datetime as dt

import cftime
import numpy as np
import numpy.typing as npt

__all__ = [
    "CALENDARS",
    "DAY",
    "LENIENT",
    "SWITCH",
    "Date",
    "dates",
    "later",
    "mixed_dates",
    "seconds",
]

Date = tuple[int, int, int]
"""Year, month and day."""

Moments = npt.NDArray[np.int64]

DAY = 86_400
CALENDARS = {"standard": "standard", "gregorian": "standard", "": "standard"}
CALENDARS |= {"proleptic_gregorian": "proleptic_gregorian", "utc": "proleptic_gregorian"}
CALENDARS |= {"noleap": "noleap", "365_day": "noleap", "all_leap": "all_leap"}
CALENDARS |= {"366_day": "all_leap", "360_day": "360_day", "julian": "julian"}
LENIENT = {"standard", "proleptic_gregorian"}
"""The calendars that people use; they are one after ``SWITCH``."""

SWITCH = int(dt.datetime(1582, 10, 15, tzinfo=dt.UTC).timestamp())
_EPOCH = "seconds since 1970-01-01"


def seconds(date: Date, calendar: str) -> int:
    """Seconds from 1970-01-01 to a date, in its calendar.

    Raises:
        ValueError: If the calendar does not have that date.
    """
    if calendar == "proleptic_gregorian" and 0 < date[0] < 10_000:
        return (dt.date(*date) - dt.date(1970, 1, 1)).days * DAY
    if calendar == "julian" and date[0] <= 0:  # cftime leaves the year 0 out; four years on
        return seconds((date[0] + 4, *date[1:]), calendar) - 1461 * DAY
    there = cftime.datetime(*date, calendar=calendar)
    return int(cftime.date2num(there, _EPOCH, calendar=calendar))


def later(date: Date, months: int, calendar: str) -> Date:
    """The same day some months later, or the last one of a month that is shorter."""
    year, month = divmod(date[0] * 12 + date[1] - 1 + months, 12)
    if date[2] <= 28:
        return year, month + 1, date[2]
    length = cftime.datetime(year, month + 1, 1, calendar=calendar).daysinmonth
    return year, month + 1, min(date[2], length)


def dates(moments: Moments, calendar: str) -> list[Date]:
    """Year, month and day of seconds since 1970 in a calendar."""
    if calendar in LENIENT and (
        calendar == "proleptic_gregorian" or not moments.size or moments.min() >= SWITCH
    ):
        days = moments.astype("datetime64[s]").astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        year, month = np.divmod(months.astype(np.int64), 12)
        day = (days - months.astype("datetime64[D]")).astype(np.int64)
        return list(
            zip((year + 1970).tolist(), (month + 1).tolist(), (day + 1).tolist(), strict=True)
        )
    found = np.ravel(np.asarray(cftime.num2date(moments, _EPOCH, calendar=calendar)))
    early = calendar in {"standard", "julian"}  # cftime counts −1, 1 there
    return [(d.year + (early and d.year < 0), d.month, d.day) for d in found]


def mixed_dates(moments: Moments) -> list[Date]:
    """Dates in the mixed calendar of an axis from a year 0 that was taken as proleptic.

    A year 0 of the Julian calendar begins two days before that of the Gregorian one.
    """
    return dates(moments - 2 * DAY, "standard")
