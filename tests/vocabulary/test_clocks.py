"""Clocks: ticks count without gaps, dates come back, labels read like dates."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import VocabularyError
from ai4land.vocabulary import Clock

QUICK = settings(derandomize=True, deadline=None, max_examples=100)
MOVING = [Clock.YEAR, Clock.MONTH, Clock.TEN_DAYS, Clock.EIGHT_DAYS]
DATES = st.dates(dt.date(850, 1, 1), dt.date(2300, 12, 31))


@given(date=DATES, clock=st.sampled_from(MOVING))
@QUICK
def test_a_tick_begins_at_its_date_and_holds_it(date: dt.date, clock: Clock) -> None:
    tick = clock.tick(date)
    assert clock.date(tick) <= date < clock.date(tick + 1)
    assert clock.tick(clock.date(tick)) == tick


@pytest.mark.parametrize("clock", MOVING)
def test_a_leap_year_has_all_its_ticks_once(clock: Clock) -> None:
    days = [dt.date(2004, 1, 1) + dt.timedelta(days=k) for k in range(366)]
    ticks = [clock.tick(day) for day in days]
    assert sorted(set(ticks)) == list(range(ticks[0], ticks[0] + clock.ticks_per_year))
    assert clock.tick(dt.date(2005, 1, 1)) == ticks[-1] + 1


def test_ticks_and_labels_as_written() -> None:
    assert Clock.YEAR.tick(dt.date(1987, 6, 1)) == 1987
    assert Clock.MONTH.tick(dt.date(2000, 2, 29)) == 24001
    assert Clock.EIGHT_DAYS.tick(dt.date(2004, 1, 9)) == 2004 * 46 + 1
    assert Clock.TEN_DAYS.tick(dt.date(2004, 2, 29)) == 2004 * 36 + 5
    assert Clock.TEN_DAYS.label(36 * 2004 + 5) == "2004-02-21"
    assert Clock.YEAR.label(850) == "850"
    assert Clock.MONTH.label(12 * 1987 + 3) == "1987-04"
    assert Clock.EIGHT_DAYS.label(46 * 1987 + 12) == "1987-04-07"
    assert Clock("8day") is Clock.EIGHT_DAYS


def test_lengths_in_years() -> None:
    assert Clock.YEAR.years(3) == 3.0
    assert Clock.MONTH.years(-12) == -1.0
    assert Clock.EIGHT_DAYS.years(23) == 0.5


@given(date=DATES, clock=st.sampled_from(MOVING), other=st.sampled_from(MOVING))
@QUICK
def test_a_tick_of_another_clock_holds_where_this_one_begins(
    date: dt.date, clock: Clock, other: Clock
) -> None:
    tick = clock.tick(date)
    found = clock.convert(tick, other)
    assert other.date(found) <= clock.date(tick) < other.date(found + 1)
    assert clock.convert(tick, clock) == tick
    assert clock.convert(tick, Clock.STATIC) == 0


def test_conversions_as_written() -> None:
    assert Clock.YEAR.convert(2001, Clock.MONTH) == 2001 * 12
    assert Clock.MONTH.convert(2001 * 12 + 11, Clock.YEAR) == 2001
    assert Clock.MONTH.convert(2001 * 12 + 1, Clock.EIGHT_DAYS) == 2001 * 46 + 3
    assert Clock.STATIC.convert(5, Clock.STATIC) == 5


def test_the_season_is_the_middle_of_a_tick() -> None:
    assert Clock.MONTH.season(2001 * 12) == pytest.approx(0.5 / 12)
    assert Clock.MONTH.season(2001 * 12 + 11) == pytest.approx(11.5 / 12)
    assert Clock.EIGHT_DAYS.season(2001 * 46 + 22) == pytest.approx(22.5 / 46)
    assert Clock.YEAR.season(1999) == 0.5


def test_a_static_variable_has_no_time() -> None:
    for call in (
        lambda: Clock.STATIC.ticks_per_year,
        lambda: Clock.STATIC.tick(dt.date(2000, 1, 1)),
        lambda: Clock.STATIC.date(0),
        lambda: Clock.STATIC.label(0),
        lambda: Clock.STATIC.years(1),
    ):
        with pytest.raises(VocabularyError, match="no time axis"):
            call()


def test_times_are_said_in_stretches() -> None:
    months = Clock.MONTH.ticks([2000, 2002])
    assert len(months) == 24
    assert Clock.MONTH.span(months) == "2000-01…2002-12"
    assert Clock.MONTH.stretches(months) == ["2000-01…2000-12", "2002-01…2002-12"]
    assert Clock.YEAR.stretches((1999, 2000, 2005)) == ["1999…2000", "2005"]
    assert Clock.EIGHT_DAYS.ticks([2001])[-1] == Clock.EIGHT_DAYS.tick(dt.date(2001, 12, 31))
    assert Clock.TEN_DAYS.noun == "ten-day periods"
    with pytest.raises(VocabularyError, match="no time axis"):
        _ = Clock.STATIC.noun
