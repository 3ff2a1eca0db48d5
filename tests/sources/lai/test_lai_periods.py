"""Composites onto clocks: days shared, weights, counts, gaps, and dates that are not guessed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.formats import Packing
from ai4land.grid import Grid, Window
from ai4land.sources.lai.composites import Composite, LeafArea, unpacked
from ai4land.sources.periods import (
    Period,
    composite,
    covered_ticks,
    dated_files,
    half_month,
    period_of,
)
from ai4land.sources.source import Product
from ai4land.vocabulary import Clock
from provider_files.lai import modis_dates

GRID = Grid.regular(0, 10, 1, 1, (1, 2))
ALL = Window(0, 0, 1, 2)
DATE = dt.date
SUBANNUAL = [Clock.MONTH, Clock.TEN_DAYS, Clock.EIGHT_DAYS]


def leaf_area(
    tmp_path: Path,
    values: dict[Period, tuple[float, float]],
    clock: Clock,
    partial: bool = False,
    absent: dict[dt.date, str] | None = None,
) -> LeafArea:
    """Two cells, one composite per period."""

    def one(period: Period, pair: tuple[float, float]) -> Composite:
        path = tmp_path / f"{period.start}.tif"
        path.write_bytes(b"x")
        return Composite(period, (path,), lambda _: np.array([pair], dtype=np.float32))

    composites = [one(p, v) for p, v in values.items()]
    product = Product("LAI", "", "", "")
    return LeafArea(GRID, composites, clock, product, partial=partial, absent=absent)


@settings(deadline=None)
@given(clock=st.sampled_from(SUBANNUAL), day=st.dates(DATE(1982, 1, 1), DATE(2030, 12, 31)))
def test_every_day_lies_in_one_tick_of_the_right_length(clock: Clock, day: dt.date) -> None:
    period = period_of(clock, clock.tick(day))
    assert period.start <= day < period.stop
    allowed = {
        Clock.MONTH: range(28, 32),
        Clock.TEN_DAYS: range(8, 12),
        Clock.EIGHT_DAYS: (5, 6, 8),
    }
    assert period.days in allowed[clock]


@pytest.mark.parametrize(("year", "last"), [(2003, 5), (2004, 6)])
def test_the_last_composite_of_a_year_is_cut_at_new_year(year: int, last: int) -> None:
    periods = [composite(day, 8) for day in modis_dates(year)]
    assert len(periods) == 46
    assert periods[-1].days == last
    assert sum(p.days for p in periods) == (366 if year == 2004 else 365)
    ticks, gaps = covered_ticks(Clock.EIGHT_DAYS, periods)
    assert len(ticks) == 46
    assert not gaps


@pytest.mark.parametrize(("month", "days"), [(2, (15, 14)), (3, (15, 16)), (4, (15, 15))])
def test_half_months(month: int, days: tuple[int, int]) -> None:
    halves = [half_month(2008, month, half) for half in (1, 2)]
    assert tuple(h.days for h in halves) == days
    assert halves[0].stop == halves[1].start


@given(
    days=st.integers(1, 40),
    step=st.sampled_from([4, 8]),
    clock=st.sampled_from(SUBANNUAL),
    values=st.lists(st.floats(0, 10), min_size=20, max_size=20),
)
@settings(max_examples=25, deadline=None)
def test_a_tick_is_the_day_weighted_mean_of_its_days(
    tmp_path_factory: pytest.TempPathFactory,
    days: int,
    step: int,
    clock: Clock,
    values: list[float],
) -> None:
    first = DATE(2004, 1, 1) + dt.timedelta(days=step * (days % 12))
    periods = [composite(first + dt.timedelta(days=step * k), step) for k in range(20)]
    assert periods[-1].stop.year == 2004
    pairs = {p: (v, np.nan) for p, v in zip(periods, values, strict=True)}
    source = leaf_area(tmp_path_factory.mktemp("l"), pairs, clock, partial=True)
    daily: dict[dt.date, float] = {}
    for period, value in zip(periods, values, strict=True):
        for k in range(period.days):
            daily[period.start + dt.timedelta(days=k)] = value
    for tick in source.fields["leaf_area_index"].ticks:
        mine = [v for day, v in daily.items() if clock.tick(day) == tick]
        found = source.read("leaf_area_index", tick, ALL)
        assert found[0, 0] == pytest.approx(np.mean(mine), rel=1e-5, abs=1e-6)
        assert np.isnan(found[0, 1])
        count = source.read("leaf_area_index_observations", tick, ALL)
        touching = sum(p.shared(period_of(clock, tick)) > 0 for p in periods)
        assert count.tolist() == [[touching, 0]]


def test_missing_composites_leave_mean_and_count_to_the_valid_ones(tmp_path: Path) -> None:
    """January 2003: three full composites, one invalid, the last of which reaches into February."""
    starts = modis_dates(2003)[:5]
    pairs = {
        composite(starts[0], 8): (1.0, 1.0),
        composite(starts[1], 8): (2.0, np.nan),
        composite(starts[2], 8): (3.0, np.nan),
        composite(starts[3], 8): (4.0, 5.0),
        composite(starts[4], 8): (9.0, 9.0),
    }
    source = leaf_area(tmp_path, pairs, Clock.MONTH)
    january = Clock.MONTH.tick(DATE(2003, 1, 1))
    assert source.fields["leaf_area_index"].ticks == (january,)  # February is not whole
    found = source.read("leaf_area_index", january, ALL)
    both = [(8 * 1 + 8 * 2 + 8 * 3 + 7 * 4) / 31, (8 * 1 + 7 * 5) / 15]
    np.testing.assert_allclose(found[0], both, rtol=1e-6)
    assert source.read("leaf_area_index_observations", january, ALL).tolist() == [[4, 2]]
    assert source.inspect("leaf_area_index", (january,), ALL)["composites_per_tick"] == [4, 4]


def test_a_hole_is_a_gap_and_says_what_is_missing(tmp_path: Path) -> None:
    days = [d for d in modis_dates(2003) if d != DATE(2003, 2, 10)]
    pairs = {composite(d, 8): (1.0, 1.0) for d in days}
    absent = {DATE(2003, 2, 10): "lacks h17v04"}
    field = leaf_area(tmp_path, pairs, Clock.MONTH, absent=absent).fields["leaf_area_index"]
    assert len(field.ticks) == 11
    february = Clock.MONTH.tick(DATE(2003, 2, 1))
    reason = "composites cover 20 of its 28 days; 2003-02-10: lacks h17v04"
    assert field.gaps == {february: reason}
    partial = leaf_area(tmp_path, pairs, Clock.MONTH, partial=True).fields["leaf_area_index"]
    assert len(partial.ticks) == 12
    assert not partial.gaps


def test_no_whole_period_is_refused_and_partial_is_the_way_out(tmp_path: Path) -> None:
    pairs = {composite(DATE(2003, 1, 1), 4): (1.0, 1.0)}
    with pytest.raises(SourceError, match=r"(?s)no whole period of the 8day.*partial: true"):
        leaf_area(tmp_path, pairs, Clock.EIGHT_DAYS)
    assert leaf_area(tmp_path, pairs, Clock.EIGHT_DAYS, partial=True).fields


def test_two_composites_of_the_same_days_are_refused(tmp_path: Path) -> None:
    pairs = {composite(DATE(2003, 1, d), 8): (1.0, 1.0) for d in (1, 5)}
    with pytest.raises(SourceError, match=r"(?s)same days.*2003-01-01.*2003-01-05"):
        leaf_area(tmp_path, pairs, Clock.MONTH)


def test_provenance_is_of_the_ticks_asked_for(tmp_path: Path) -> None:
    pairs = {composite(d, 8): (1.0, 1.0) for d in modis_dates(2003)}
    source = leaf_area(tmp_path, pairs, Clock.MONTH)
    names = [p.name for p in source.provenance({Clock.MONTH.tick(DATE(2003, 1, 1))})]
    assert names == [f"2003-01-{d:02d}.tif" for d in (1, 9, 17, 25)]
    assert len(source.provenance()) == 46


class TestUnpacked:
    def test_a_number_beyond_the_range_is_refused(self) -> None:
        raw = np.array([0, 100, 200, 255], dtype=np.uint8)
        with pytest.raises(SourceError, match=r"(?s)neither.*0…100, or 255.*200 \(1 cells\)"):
            unpacked(raw, Packing(raw.dtype, (255,), 0, 100, 0.1), "here")

    def test_a_wrong_scale_is_noticed_by_an_impossible_leaf_area(self) -> None:
        with pytest.raises(SourceError, match=r"(?s)not leaf_area_index.*60 in 1 cells"):
            unpacked(np.array([60], dtype=np.uint8), Packing(np.dtype(np.uint8)), "here")
        with pytest.raises(SourceError, match="not leaf_area_index"):
            unpacked(np.array([-1], dtype=np.int8), Packing(np.dtype(np.int8)), "here")


class TestDates:
    def test_dates_in_file_names(self, tmp_path: Path) -> None:
        for name in ("a_2004_009_x.tif", "a_2004_017_x.tif", "b_2004_033_x.tif", "a_04_009_x.tif"):
            (tmp_path / name).touch()
        found = dated_files(tmp_path, "a_{year}_{doy}_x.tif")
        assert list(found) == [DATE(2004, 1, 9), DATE(2004, 1, 17)]
        (tmp_path / "c20040229.tif").touch()
        assert list(dated_files(tmp_path, "c{year}{month}{day}.tif")) == [DATE(2004, 2, 29)]
        (tmp_path / "d2003366.tif").touch()
        with pytest.raises(SourceError, match=r"(?s)holds no date.*d2003366"):
            dated_files(tmp_path, "d{year}{doy}.tif")
        with pytest.raises(MissingFileError, match=r"(?s)No files.*e\{year\}\{doy\}"):
            dated_files(tmp_path, "e{year}{doy}.tif")
        for pattern in ("map_{year}.tif", "map.tif", "{year}{year}{doy}.tif", "{year}{week}.tif"):
            with pytest.raises(ConfigError, match="place for the date"):
                dated_files(tmp_path, pattern)
