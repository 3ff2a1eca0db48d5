from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai4land.cube import Status
from ai4land.errors import ConfigError, MissingFileError
from ai4land.grid import Grid
from ai4land.recipes.schedule import Rule, held_from, make_schedule, times
from ai4land.sources import SourceField
from ai4land.vocabulary import Clock, variable

GRID = Grid.regular(20, 40, 0.1, 0.1, (4, 5))
SUB_ANNUAL = [Clock.MONTH, Clock.TEN_DAYS, Clock.EIGHT_DAYS]


def offer(clock: Clock, ticks: tuple[int, ...], **more: object) -> SourceField:
    return SourceField(variable("leaf_area_index"), GRID, clock, ticks, **more)  # type: ignore[arg-type]


def years(clock: Clock, first: int, last: int) -> tuple[int, ...]:
    return clock.ticks(range(first, last + 1))


@pytest.mark.parametrize("clock", [Clock.YEAR, *SUB_ANNUAL])
def test_every_tick_of_each_year_is_scheduled(clock: Clock) -> None:
    found = make_schedule((2001, 2003), offer(clock, years(clock, 2000, 2004)), "error", "here", 2)
    per_year = clock.ticks_per_year
    assert len(found) == 2 * per_year
    assert {t // per_year for t in found} == {2001, 2003}
    assert all(origin == t and s is Status.OBSERVED for t, (origin, s) in found.items())


@pytest.mark.parametrize("clock", SUB_ANNUAL)
def test_hold_takes_the_same_part_of_the_nearest_year_on_either_side(clock: Clock) -> None:
    have = offer(clock, years(clock, 2000, 2002))
    found = make_schedule(range(1998, 2005), have, "hold", "here")
    per_year = clock.ticks_per_year
    for part in (0, 2, per_year - 1):
        assert found[1998 * per_year + part] == (2000 * per_year + part, Status.HELD)
        assert found[2004 * per_year + part] == (2002 * per_year + part, Status.HELD)
        assert found[2001 * per_year + part] == (2001 * per_year + part, Status.OBSERVED)
    said = held_from(clock, found)
    assert list(said) == ["2000", "2002"]
    assert said["2000"] == [clock.span((1998 * per_year, 2000 * per_year - 1))]


def test_a_product_that_ends_within_a_year_holds_other_months_of_the_year_before() -> None:
    have = offer(Clock.MONTH, tuple(range(2019 * 12, 2020 * 12 + 6)))  # 2019-01…2020-06
    found = make_schedule((2020, 2021), have, "hold", "here")
    assert found[2020 * 12 + 5][1] is Status.OBSERVED
    assert found[2020 * 12 + 6] == (2019 * 12 + 6, Status.HELD)
    assert found[2021 * 12 + 5] == (2020 * 12 + 5, Status.HELD)
    assert found[2021 * 12 + 6] == (2019 * 12 + 6, Status.HELD)
    assert held_from(Clock.MONTH, found) == {
        "2019": ["2020-07…2020-12", "2021-07…2021-12"],
        "2020": ["2021-01…2021-06"],
    }


def test_drop_leaves_ticks_empty_and_error_counts_them() -> None:
    have = offer(Clock.MONTH, years(Clock.MONTH, 2000, 2000))
    found = make_schedule((2000, 2001), have, "drop", "here")
    assert found[2001 * 12] == (None, Status.DROPPED)
    text = (
        r"(?s)does not cover all months.*2000-01…2000-12.*12 months outside, 2001-01…2001-12.*hold"
    )
    with pytest.raises(ConfigError, match=text):
        make_schedule((2000, 2001), have, "error", "here")


def test_a_part_of_the_year_that_is_never_there_cannot_be_held() -> None:
    have = offer(Clock.MONTH, tuple(y * 12 + 6 for y in range(2000, 2003)))  # Julys
    with pytest.raises(ConfigError, match=r"(?s)never has this part of the year.*2000-01.*drop"):
        make_schedule((2000, 2001), have, "hold", "here")


@pytest.mark.parametrize("rule", ["error", "hold", "drop"])
def test_a_month_missing_inside_the_series_is_an_error_whatever_the_rule(rule: Rule) -> None:
    ticks = years(Clock.MONTH, 2000, 2001)
    gap = 2000 * 12 + 7
    have = offer(
        Clock.MONTH, tuple(t for t in ticks if t != gap), gaps={gap: "lai_200008.tif is missing"}
    )
    with pytest.raises(MissingFileError, match=r"(?s)A time is missing.*2000-08.*lai_200008"):
        make_schedule((2000, 2001), have, rule, "here")
    assert make_schedule((2001,), have, rule, "here")


def test_labels_of_another_time_are_refused_and_back_cast_ones_flagged() -> None:
    have = offer(Clock.YEAR, (1950, 1970), back_cast=frozenset({1950}))
    found = make_schedule((1940, 1950, 1970), have, "skip", "here")
    assert found == {1950: (1950, Status.BACK_CAST), 1970: (1970, Status.OBSERVED)}
    with pytest.raises(ConfigError, match=r"(?s)none of the years.*1950…1970.*2000…2010"):
        make_schedule((2000, 2010), have, "skip", "here", 10)


@given(
    st.sets(st.integers(1990 * 12, 1995 * 12), min_size=30),
    st.integers(1985, 1990),
    st.integers(0, 12),
)
def test_a_held_time_is_of_the_same_month_and_as_near_as_any_before(
    ticks: set[int], first: int, length: int
) -> None:
    have = offer(Clock.MONTH, tuple(sorted(ticks)))
    try:
        found = make_schedule(range(first, first + length + 1), have, "hold", "here")
    except ConfigError:
        assert len({t % 12 for t in ticks}) < 12
        return
    for tick, (origin, status) in found.items():
        assert origin is not None
        assert (status is Status.OBSERVED) == (tick in ticks)
        same = sorted(t for t in ticks if t % 12 == tick % 12)
        before = [t for t in same if t <= tick]
        assert origin == (before[-1] if before else same[0])


def test_years_are_kept_as_numbers_and_finer_times_as_stretches() -> None:
    assert times(Clock.YEAR, (2001, 2002, 2005)) == [2001, 2002, 2005]
    ticks = (2001 * 12, 2001 * 12 + 1, 2002 * 12)
    assert times(Clock.MONTH, ticks) == ["2001-01…2001-02", "2002-01"]
    weeks = Clock.EIGHT_DAYS.ticks([2001])
    assert times(Clock.EIGHT_DAYS, weeks) == ["2001-01-01…2001-12-27"]
