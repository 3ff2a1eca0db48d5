"""Times in every calendar, unit and stamp rule; dates counted here by hand, day after day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai4land.errors import SourceError
from ai4land.formats import (
    Stamp,
    days_of,
    instants_of,
    opened_netcdf,
    read_times,
    years_of,
)

LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
CALENDARS = {
    **dict.fromkeys(("standard", "gregorian"), "mixed"),
    "proleptic_gregorian": "gregorian",
    **dict.fromkeys(("noleap", "365_day"), "never"),
    **dict.fromkeys(("all_leap", "366_day"), "always"),
    "360_day": "360",
    "julian": "julian",
}
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 7 * 86400}
tidy = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def leap(year: int, rule: str) -> bool:
    """Whether a year has a 29 February, by the rules as the conventions state them."""
    if rule == "mixed":
        rule = "julian" if year <= 1582 else "gregorian"
    if rule == "julian":
        return year % 4 == 0
    if rule == "gregorian":
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return rule == "always"


def days_from(year: int, rule: str) -> Iterator[tuple[int, int, int]]:
    """Every date of a calendar from 1 January of a year on."""
    while True:
        for month, length in enumerate(LENGTHS, 1):
            last = 30 if rule == "360" else length + (month == 2 and leap(year, rule))
            for day in range(1, last + 1):
                if rule == "mixed" and (year, month) == (1582, 10) and 5 <= day <= 14:
                    continue  # the ten days that were left out
                yield year, month, day
        year += 1


def nth_day(year: int, rule: str, number: int) -> tuple[int, int, int]:
    return next(d for i, d in enumerate(days_from(year, rule)) if i == number)


def axis(
    path: Path,
    values: Any,  # noqa: ANN401
    units: str | None,
    calendar: str | None = None,
    bounds: Any = None,  # noqa: ANN401
    kind: str = "f8",
) -> Path:
    """A file with a time axis."""
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", len(values))
        time = file.createVariable("time", str if kind == "text" else kind, ("time",))
        time[:] = np.array(values, dtype=object) if kind == "text" else values
        if units is not None:
            time.units = units
        if calendar is not None:
            time.calendar = calendar
        if bounds is not None:
            file.createDimension("bnds", 2)
            time.bounds = "time_bnds"
            file.createVariable("time_bnds", "f8", ("time", "bnds"))[:] = bounds
    return path


def years(path: Path, stamp: Stamp = Stamp.WITHIN) -> list[int]:
    with opened_netcdf(path) as file:
        return list(years_of(file["time"], path, stamp))


def dates(path: Path) -> list[tuple[int, int, int]]:
    with opened_netcdf(path) as file:
        times = read_times(file["time"], path)
        return times.dates(times.moments())


@given(
    calendar=st.sampled_from(sorted(CALENDARS)),
    first=st.sampled_from([1, 850, 1499, 1580, 1600, 1850, 1899, 1999, 2000]),
    number=st.integers(0, 3000),
    unit=st.sampled_from(sorted(SECONDS)),
    part=st.floats(0, 0.99),
)
@tidy
def test_every_calendar_and_unit(
    tmp_path: Path, calendar: str, first: int, number: int, unit: str, part: float
) -> None:
    value = (number + round(part * 86400) / 86400) * 86400 / SECONDS[unit]
    path = axis(tmp_path / "x.nc", [value], f"{unit} since {first:04d}-01-01", calendar)
    assert dates(path) == [nth_day(first, CALENDARS[calendar], number)]


@given(
    calendar=st.sampled_from(sorted(CALENDARS)),
    rule=st.sampled_from(list(Stamp)),
    first=st.sampled_from([850, 1581, 1899, 1999]),
    place=st.sampled_from(["start", "middle", "end", "last second"]),
    bounded=st.booleans(),
)
@tidy
def test_years_by_bounds_then_by_the_stamp_rule(
    tmp_path: Path, calendar: str, rule: Stamp, first: int, place: str, bounded: bool
) -> None:
    days = days_from(first, CALENDARS[calendar])
    starts = [i for i in range(366 * 4 + 10) if next(days)[1:] == (1, 1)][:4]
    pairs = np.array([starts[:3], starts[1:4]], dtype=float).T
    stamps = {
        "start": pairs[:, 0],
        "middle": pairs.mean(axis=1),
        "end": pairs[:, 1],
        "last second": pairs[:, 1] - 1 / 86400,
    }[place]
    path = axis(
        tmp_path / "x.nc",
        stamps,
        f"days since {first:04d}-01-01",
        calendar,
        pairs if bounded else None,
    )
    moved = 0
    if not bounded:
        moved = (place == "end" and rule is Stamp.WITHIN) - (place == "start" and rule is Stamp.END)
    assert years(path, rule) == [first + moved, first + 1 + moved, first + 2 + moved]


@pytest.mark.parametrize(
    ("units", "calendar", "values", "expected"),
    [
        ("years since 850-01-01 00:00:00", "noleap", [0, 1, 1165], [850, 851, 2015]),
        ("years since 850-01-01", None, [0, 1165], [850, 2015]),
        ("years since 2000-07-01", None, [0, 1, 2], [2000, 2001, 2002]),
        ("years since 2000-01-15", None, [0, 1, 2], [2000, 2001, 2002]),
        ("years since 2000-01-01", None, [0.5, 1.5], [2000, 2001]),
        ("years since 2000-02-29", None, [0, 1], [2000, 2001]),
        ("months since 2000-01-01", None, [0, 12, 24], [2000, 2001, 2002]),
        ("months since 2000-12-31", None, [0, 1], [2000, 2001]),
        ("common_years since 2000-01-01", None, [0, 1, 40], [2000, 2001, 2040]),
        ("common_years since 1850-01-01", "noleap", [0.5, 1.5], [1850, 1851]),
        ("day as %Y%m%d.%f", None, [20000101.0, 20011231.75], [2000, 2001]),
        ("month as %Y%m.%f", None, [200001.0, 200112.99], [2000, 2001]),
        ("year as %Y.%f", None, [2000.0, 2001.5], [2000, 2001]),
        ("", None, [1899, 2019], [1899, 2019]),
        (None, None, [1899, 2019], [1899, 2019]),
        ("1", None, [1899, 2019], [1899, 2019]),
        ("years", None, [2000.5, 2001.5], [2000, 2001]),
        ("", None, [20000101, 20010101], [2000, 2001]),
        ("YYYYMM", None, [200001, 200101], [2000, 2001]),
        ("days since 0000-01-01 00:00:00", "noleap", [365 * 2000.0, 365 * 2001], [2000, 2001]),
        ("days since 0-1-1", "360_day", [360 * 2000.0], [2000]),
        ("days since 0001-01-01", "standard", [730121.0], [2000]),  # Julian until 1582
        ("days since 0001-01-01", "standard", [730120.0], [1999]),
        ("days since 0001-01-01", "proleptic_gregorian", [730119.0], [2000]),
        ("days since 0001-01-01", "standard", [730121 + 365.0], [2000]),  # 31 December
        ("days since 2000-01-16", "noleap", [354.0, 719.0, 1084.0], [2001, 2002, 2003]),
        ("days since 1858-11-17", None, [51544.0, 51910.0], [2000, 2001]),
        ("Days since 2000-1-1T00:00:00Z", None, [0, 366], [2000, 2001]),
        ("days since 2000-01-01 00:00:00 UTC", None, [0, 366], [2000, 2001]),
        ("hours since 2000-01-01 00:00:00 +01:00", None, [0, 1], [1999, 2000]),
        ("hours since 1999-12-31 23:00:00 -1:00", None, [0], [2000]),
        ("days since 2000-01-01 12:00:00", None, [0, 366], [2000, 2001]),
        ("days since 2000-01-01", None, [0, 366 - 1e-7], [2000, 2001]),  # 9 ms before 2001
    ],
)
def test_units_of_the_products(
    tmp_path: Path, units: str | None, calendar: str | None, values: list, expected: list[int]
) -> None:
    assert years(axis(tmp_path / "x.nc", values, units, calendar)) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2000", "2001"], [2000, 2001]),
        (["2000-07", "2001-07"], [2000, 2001]),
        (["2000-01-01T00:00:00Z", "2001-12-31 23:59:59"], [2000, 2001]),
        (["2000-01-01_00:00:00"], [2000]),  # WRF
        (["20000101", "200107"], [2000, 2001]),
    ],
)
def test_dates_as_text(tmp_path: Path, texts: list[str], expected: list[int]) -> None:
    assert years(axis(tmp_path / "x.nc", texts, None, kind="text")) == expected
    with netCDF4.Dataset(tmp_path / "c.nc", "w") as file:  # the same in characters
        file.createDimension("time", len(texts))
        file.createDimension("length", 24)
        time = file.createVariable("time", "S1", ("time", "length"))
        time[:] = netCDF4.stringtochar(np.array(texts, dtype="S24"))
    assert years(tmp_path / "c.nc") == expected


def test_bounds_of_no_length_and_bounds_never_written_say_nothing(tmp_path: Path) -> None:
    for name, bounds in (("a", [[5.0, 5.0]]), ("b", [[np.nan, 1.0]]), ("c", [[9.97e36, 9.97e36]])):
        path = axis(tmp_path / f"{name}.nc", [366.0], "days since 2000-01-01", None, bounds)
        assert years(path) == [2001]


def test_bounds_may_have_units_of_their_own(tmp_path: Path) -> None:
    path = axis(tmp_path / "x.nc", [366.0], "days since 2000-01-01", None, [[0.0, 366 * 24]])
    with netCDF4.Dataset(path, "a") as file:
        file["time_bnds"].units = "hours since 2000-01-01"
    assert years(path) == [2000]


@pytest.mark.parametrize(
    ("units", "calendar", "values", "text"),
    [
        ("days since 2000-01-01", None, [0, 366, 9.969209968386869e36], "A time is missing"),
        ("days since 2000-01-01", None, [np.nan], "A time is missing"),
        ("days since 2000-01-01", None, [-9.2e18], "not understood"),
        ("days since 2000-01-01", "lunar", [0], "calendar is not understood"),
        ("days since 2000-13-01", None, [0], "not understood"),
        ("days since 2001-02-29", None, [0], "not understood"),
        ("days since 2001-02-30", "noleap", [0], "not understood"),
        ("days since yesterday", None, [0], "not understood"),
        ("days after 2000-01-01", None, [0], "not understood"),
        ("parsecs since 2000-01-01", None, [0], "not understood"),
        ("days since -4713-01-01", None, [0], "not understood"),
        ("", None, [0, 1, 2], "neither a year nor a date"),
        ("", None, [2000.5], "neither a year nor a date"),
        ("day as %Y%m%d.%f", None, [20001301.0], "not understood"),
        ("years since 2000-01-01", None, [1e9], "beyond"),
        ("days since 2000-01-01", None, [0, 3], "A year occurs twice"),
        ("days since 0-1-1", "standard", [730486.0], "no year 0"),
    ],
)
def test_failures_are_one_sentence(
    tmp_path: Path, units: str, calendar: str | None, values: list, text: str
) -> None:
    with pytest.raises(SourceError, match=text) as error:
        years(axis(tmp_path / "x.nc", values, units, calendar))
    assert error.value.remedy


def test_remedies_work(tmp_path: Path) -> None:
    path = axis(tmp_path / "x.nc", [0, 366], "days after 2000-01-01", "gregorian calendar")
    for _ in range(2):
        with pytest.raises(SourceError, match=r"days since 2000-01-01.*standard"):
            years(path)
        with netCDF4.Dataset(path, "a") as file:
            file["time"].calendar = "standard"
    with netCDF4.Dataset(path, "a") as file:
        file["time"].units = "days since 2000-01-01"
    assert years(path) == [2000, 2001]
    path = axis(tmp_path / "zero.nc", [730486.0], "days since 0-1-1", "standard")
    with pytest.raises(SourceError, match="`proleptic_gregorian`, or bounds"):
        years(path)
    with netCDF4.Dataset(path, "a") as file:
        file["time"].calendar = "proleptic_gregorian"
    assert years(path) == [2000]
    path = axis(tmp_path / "b.nc", [730486.0], "days since 0-1-1", "standard", [[730500, 730800]])
    assert years(path) == [2000]
    path = axis(tmp_path / "long.nc", [0.0], "days since 2000-01-01", None, [[0.0, 3000.0]])
    with pytest.raises(SourceError, match="delete the attribute `bounds`"):
        years(path)
    with netCDF4.Dataset(path, "a") as file:
        file["time"].delncattr("bounds")
    assert years(path) == [2000]


def test_days_are_the_first_of_what_a_value_stands_for(tmp_path: Path) -> None:
    starts = [0.0, 8.0]
    path = axis(
        tmp_path / "x.nc", [4.0, 12.0], "days since 2004-01-01", None, [[s, s + 8] for s in starts]
    )
    with opened_netcdf(path) as file:
        assert days_of(file["time"], path) == [dt.date(2004, 1, 1), dt.date(2004, 1, 9)]
    for units, calendar, values in (
        ("days since 2004-01-01", None, [1, 0]),
        ("days since 2004-01-01", "noleap", [0, 1]),
        ("days since 1500-01-01", None, [0, 1]),
    ):
        path = axis(tmp_path / "y.nc", values, units, calendar)
        with pytest.raises(SourceError), opened_netcdf(path) as file:
            days_of(file["time"], path)


@given(
    start=st.datetimes(dt.datetime(1583, 1, 1), dt.datetime(2400, 1, 1)),
    hours=st.lists(st.integers(0, 500_000), min_size=1, max_size=5),
    unit=st.sampled_from(["hours", "minutes", "seconds"]),
    kind=st.sampled_from(["i4", "i8", "f8"]),
)
@tidy
def test_instants_as_plain_datetimes(
    tmp_path: Path, start: dt.datetime, hours: list[int], unit: str, kind: str
) -> None:
    start = start.replace(microsecond=0)
    values = np.array(hours) * (3600 // SECONDS[unit])
    path = axis(tmp_path / "x.nc", values, f"{unit} since {start}", kind=kind)
    with opened_netcdf(path) as file:
        found = instants_of(file["time"], path)
    epoch = dt.datetime(1970, 1, 1)
    expected = [(start + dt.timedelta(hours=h) - epoch) // dt.timedelta(seconds=1) for h in hours]
    assert found.tolist() == expected


def test_instants_of_months_are_their_first_moment_by_bounds(tmp_path: Path) -> None:
    """Stamped at the end of the month or of the hour: only the month moves."""
    path = axis(tmp_path / "m.nc", [31.0, 60.0], "days since 2004-01-01", None, [[0, 31], [31, 60]])
    with opened_netcdf(path) as file:
        got = instants_of(file["time"], path).astype("datetime64[s]").astype(str).tolist()
    assert got == ["2004-01-01T00:00:00", "2004-02-01T00:00:00"]
    path = axis(tmp_path / "h.nc", [1.0, 2.0], "hours since 2004-01-01", None, [[0, 1], [1, 2]])
    with opened_netcdf(path) as file:
        got = instants_of(file["time"], path).astype("datetime64[s]").astype(str).tolist()
    assert got == ["2004-01-01T01:00:00", "2004-01-01T02:00:00"]
