"""Hours and days of ERA5 and ERA5-Land, brought onto months, dekads and eight-day periods."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources.reanalysis.products import Era5Options, open_era5, open_era5_land
from ai4land.sources.reanalysis.reanalysis import Reanalysis
from ai4land.sources.source import Source
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import Clock
from provider_files.era5 import write_era5_classic, write_era5_netcdf

FloatArray = npt.NDArray[np.float64]
AXES = (50.0 - 0.5 * np.arange(4.0), 10.0 + 0.5 * np.arange(6.0))
ALL = Window(0, 0, 4, 6)
HOUR = dt.timedelta(hours=1)
START = dt.datetime(2020, 1, 1)


def hours(count: int, start: dt.datetime = START, step: int = 1) -> list[dt.datetime]:
    return [start + k * step * HOUR for k in range(count)]


def states(times: list[dt.datetime]) -> FloatArray:
    """Temperature with a daily and a yearly course, K."""
    days = np.array([(t - START).total_seconds() / 86_400 for t in times])
    course = 280 + 8 * np.sin(2 * np.pi * days) + 0.1 * days
    return course[:, None, None] + 0.01 * np.arange(24.0).reshape(4, 6)


def amounts(times: list[dt.datetime]) -> FloatArray:
    """Rain of the hour before each time, m."""
    rng = np.random.default_rng(3)
    return rng.gamma(0.3, 1e-3, (len(times), 4, 6))


def since_midnight(times: list[dt.datetime], hourly: FloatArray) -> FloatArray:
    """What ERA5-Land stores: rain since 00 UTC, at 00 UTC of the whole day before."""
    out = np.zeros_like(hourly)
    for k, time in enumerate(times):
        out[k] = hourly[k] + (out[k - 1] if k and time.hour != 1 else 0.0)
    return out


def opened(
    path: Path, clock: str = "month", frequency: str | None = None, land: bool = False
) -> Reanalysis:
    options = Era5Options.model_validate({"clock": clock, "frequency": frequency})
    return open_era5_land(path, options) if land else open_era5(path, options)


def mean_between(
    times: list[dt.datetime], values: FloatArray, start: dt.date, stop: dt.date
) -> FloatArray:
    inside = [start <= t.date() < stop for t in times]
    return np.asarray(values[inside].mean(axis=0))


class TestHourlyMonths(SourceContract):
    """Two months of hours in two files: means of states, totals of rain."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        times = hours(24 * 60 + 1)  # January, February and the first hour of March
        warm, wet = states(times), amounts(times)
        for name, part in (("a", slice(0, 700)), ("b", slice(700, None))):
            write_era5_netcdf(
                tmp_path / f"{name}.nc", {"t2m": warm[part], "tp": wet[part]}, times[part], AXES
            )
        return opened(tmp_path)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        times = hours(24 * 60 + 1)
        warm, wet = states(times), amounts(times)
        january = mean_between(times, warm, dt.date(2020, 1, 1), dt.date(2020, 2, 1))
        total = wet[31 * 24 + 1 : 60 * 24 + 1].sum(axis=0) * 1000
        return [
            Landmark("air_temperature", 2020 * 12, 50.0, 10.0, float(january[0, 0])),
            Landmark("air_temperature", 2020 * 12, 48.5, 12.5, float(january[3, 5])),
            Landmark("precipitation", 2020 * 12 + 1, 49.5, 11.0, float(total[1, 2])),
            Landmark("precipitation", 2020 * 12 + 1, 48.5, 10.5, float(total[3, 1])),
        ]

    def test_an_hour_of_rain_belongs_before_its_stamp(self, source: Source) -> None:
        times = hours(24 * 60 + 1)
        wet = amounts(times)
        found = source.read("precipitation", 2020 * 12, ALL)
        expected = wet[1 : 31 * 24 + 1].sum(axis=0) * 1000
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert not np.allclose(found, wet[: 31 * 24].sum(axis=0) * 1000, rtol=1e-5)


def test_without_the_next_midnight_the_last_month_of_rain_is_incomplete(tmp_path: Path) -> None:
    times = hours(24 * 60)
    values = {"t2m": states(times), "tp": amounts(times)}
    source = opened(write_era5_netcdf(tmp_path / "h.nc", values, times, AXES))
    assert source.fields["air_temperature"].ticks == (2020 * 12, 2020 * 12 + 1)
    assert source.fields["precipitation"].ticks == (2020 * 12,)


def test_era5_land_accumulates_since_midnight(tmp_path: Path) -> None:
    times = hours(24 * 31 + 1)
    hourly = amounts(times)
    values = {"tp": since_midnight(times, hourly), "ssrd": since_midnight(times, hourly) * 1e9}
    source = opened(write_era5_netcdf(tmp_path / "h.nc", values, times, AXES), land=True)
    expected = hourly[1:].sum(axis=0)
    np.testing.assert_allclose(
        source.read("precipitation", 2020 * 12, ALL), expected * 1000, rtol=1e-5
    )
    np.testing.assert_allclose(
        source.read("surface_shortwave", 2020 * 12, ALL), expected * 1e9 / (31 * 86_400), rtol=1e-5
    )


def test_the_midnights_of_era5_land_alone_give_totals_but_no_means(tmp_path: Path) -> None:
    times = hours(32, step=24)
    tp = amounts(times)
    path = write_era5_netcdf(tmp_path / "tp.nc", {"tp": tp}, times, AXES)
    with pytest.raises(SourceError, match=r"(?s)cannot be told.*24 h apart.*`hour`"):
        opened(path, land=True)
    source = opened(path, frequency="hour", land=True)
    np.testing.assert_allclose(
        source.read("precipitation", 2020 * 12, ALL), tp[1:].sum(axis=0) * 1000, rtol=1e-5
    )
    path = write_era5_netcdf(tmp_path / "t.nc", {"t2m": states(times)}, times, AXES)
    with pytest.raises(SourceError, match=r"(?s)Too few hours a day.*every 24 h"):
        opened(path, frequency="hour", land=True)


def test_days_are_means_or_totals_of_their_own_date(tmp_path: Path) -> None:
    times = hours(60, step=24)
    warm, wet = states(times) + np.arange(60.0)[:, None, None] / 10, amounts(times)
    path = write_era5_classic(tmp_path / "d.nc", {"t2m": warm, "tp": wet}, times, AXES)
    with pytest.raises(SourceError, match=r"(?s)cannot be told.*`day`"):
        opened(path)
    source = opened(path, frequency="day")
    assert source.fields["precipitation"].ticks == (2020 * 12, 2020 * 12 + 1)
    np.testing.assert_allclose(
        source.read("air_temperature", 2020 * 12 + 1, ALL), warm[31:60].mean(axis=0), atol=1e-3
    )
    np.testing.assert_allclose(
        source.read("precipitation", 2020 * 12, ALL), wet[:31].sum(axis=0) * 1000, rtol=0.01
    )


@pytest.mark.parametrize("year", [2019, 2020])
def test_eight_day_periods_restart_with_the_year_and_end_short(tmp_path: Path, year: int) -> None:
    start = dt.datetime(year, 12, 10)
    times = hours(50, start, step=24)
    wet = np.ones((50, 4, 6)) * 1e-3
    source = opened(
        write_era5_netcdf(tmp_path / "d.nc", {"tp": wet}, times, AXES), "8day", frequency="day"
    )
    field = source.fields["precipitation"]
    assert field.clock is Clock.EIGHT_DAYS
    amounts_of = {
        Clock.EIGHT_DAYS.label(t): float(source.read("precipitation", t, ALL)[0, 0])
        for t in field.ticks
    }
    leap = year == 2020
    last = f"{year}-12-{26 if leap else 27}"
    expected = {
        f"{year}-12-{10 if leap else 11}": 8.0,
        f"{year}-12-{18 if leap else 19}": 8.0,
        last: 6.0 if leap else 5.0,
        f"{year + 1}-01-01": 8.0,
        f"{year + 1}-01-09": 8.0,
        f"{year + 1}-01-17": 8.0,
    }
    assert {k: round(v, 4) for k, v in amounts_of.items() if k in expected} == expected


def test_ten_day_periods_are_dekads_of_eight_to_eleven_days(tmp_path: Path) -> None:
    times = hours(24 * 91, step=1)  # until the end of March of a leap year
    warm = states(times)
    source = opened(write_era5_netcdf(tmp_path / "h.nc", {"t2m": warm}, times, AXES), "10day")
    ticks = source.fields["air_temperature"].ticks
    assert len(ticks) == 9
    for tick in ticks:
        start, stop = Clock.TEN_DAYS.date(tick), Clock.TEN_DAYS.date(tick + 1)
        expected = mean_between(times, warm, start, stop)
        np.testing.assert_allclose(source.read("air_temperature", tick, ALL), expected, rtol=1e-6)
    assert (Clock.TEN_DAYS.date(ticks[6]) - Clock.TEN_DAYS.date(ticks[5])).days == 9  # 21–29 Feb.


def test_a_missing_hour_makes_a_gap_not_a_quiet_mean(tmp_path: Path) -> None:
    times = hours(24 * 30)
    kept = [t for t in times if t != dt.datetime(2020, 1, 13, 5)]
    path = write_era5_netcdf(tmp_path / "h.nc", {"t2m": states(kept)}, kept, AXES)
    field = opened(path, "10day").fields["air_temperature"]
    labels = [Clock.TEN_DAYS.label(t) for t in field.ticks]
    assert labels == ["2020-01-01"]
    field = opened(path, "8day").fields["air_temperature"]
    assert [Clock.EIGHT_DAYS.label(t) for t in field.ticks] == ["2020-01-01", "2020-01-17"]
    assert field.gaps == {
        2020 * 46 + 1: "1 of 192 fields are missing, the first is 2020-01-13 05:00"
    }
    source = opened(path, "8day")
    with pytest.raises(SourceError, match=r"(?s)no such time.*1 of 192 fields are missing"):
        source.read("air_temperature", 2020 * 46 + 1, ALL)
    with pytest.raises(SourceError, match=r"(?s)make no variable complete.*of 744 fields are miss"):
        opened(path)


def test_every_six_hours_make_a_mean_every_twelve_do_not(tmp_path: Path) -> None:
    times = hours(4 * 31, step=6)
    path = write_era5_netcdf(tmp_path / "6.nc", {"t2m": states(times)}, times, AXES)
    np.testing.assert_allclose(
        opened(path).read("air_temperature", 2020 * 12, ALL),
        states(times).mean(axis=0),
        rtol=1e-6,
    )
    times = hours(2 * 31, step=12)
    path = write_era5_netcdf(tmp_path / "12.nc", {"t2m": states(times)}, times, AXES)
    with pytest.raises(SourceError, match="Too few hours a day"):
        opened(path)


def test_rain_of_some_hours_is_no_total(tmp_path: Path) -> None:
    times = hours(4 * 32, step=6)
    path = write_era5_netcdf(tmp_path / "6.nc", {"tp": amounts(times)}, times, AXES)
    with pytest.raises(SourceError, match=r"(?s)make no variable complete.*620 of 744"):
        opened(path)


def test_cells_that_lack_some_hours_are_an_error(tmp_path: Path) -> None:
    times = hours(24 * 31)
    warm = states(times)
    warm[:, 0, 0] = np.nan  # the sea is missing at all times
    path = write_era5_netcdf(tmp_path / "h.nc", {"t2m": warm}, times, AXES)
    found = opened(path).read("air_temperature", 2020 * 12, ALL)
    assert np.isnan(found).sum() == 1
    warm[100, 2, 3] = np.nan
    path = write_era5_netcdf(tmp_path / "hole.nc", {"t2m": warm}, times, AXES)
    with pytest.raises(SourceError, match=r"(?s)lack some of the fields.*2020-01.*1 cells"):
        opened(path).read("air_temperature", 2020 * 12, ALL)


def test_hours_are_read_in_blocks_of_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = hours(24 * 31)
    path = write_era5_netcdf(tmp_path / "h.nc", {"t2m": states(times)}, times, AXES)
    whole = opened(path).read("air_temperature", 2020 * 12, ALL)
    monkeypatch.setattr("ai4land.sources.reanalysis.reanalysis._BLOCK_CELLS", 24 * 50)
    source = opened(path)
    sizes = []
    series = source._entries["air_temperature"].components[0].files[0]
    read = type(series).read

    def spy(self: object, first: int, stop: int, window: Window) -> npt.NDArray[np.float32]:
        sizes.append(stop - first)
        return read(series, first, stop, window)

    monkeypatch.setattr(type(series), "read", spy)
    np.testing.assert_allclose(source.read("air_temperature", 2020 * 12, ALL), whole, rtol=1e-6)
    assert sizes == [50] * 14 + [44]
