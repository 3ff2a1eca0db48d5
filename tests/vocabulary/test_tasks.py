"""Tasks: several targets on their own clocks, and drivers told at lags."""

from __future__ import annotations

import pytest

from ai4land.errors import VocabularyError
from ai4land.vocabulary import (
    LAND_USE,
    Clock,
    Direction,
    Driver,
    Target,
    Task,
    single_task,
    task,
    variable,
)

LAND = LAND_USE.targets[0]
LEAF = Target("leaf_area_index", "softplus", Clock.MONTH)
BOTH = Task("land", (LAND, LEAF), frozenset({Direction.FORWARD}))
JANUARY = 2001 * 12


def test_land_use_runs_both_ways_on_years() -> None:
    assert task("land_use") is LAND_USE
    assert LAND_USE.clock is Clock.YEAR
    assert LAND_USE.recursive == {Direction.FORWARD, Direction.BACKWARD}
    assert LAND.categorical
    assert LAND.variable is variable("land_use")
    assert LAND.probability == "land_use_probability"
    assert (Direction.FORWARD.sign, Direction.BACKWARD.sign) == (1, -1)


def test_a_target_that_is_a_number_on_another_clock() -> None:
    lai = Target("leaf_area_index", "softplus", Clock.EIGHT_DAYS)
    assert not lai.categorical
    assert lai.layers == 1
    assert lai.variable.units == "m2 m-2"
    alone = single_task(lai)
    assert (alone.name, alone.targets, alone.clock) == (lai.name, (lai,), Clock.EIGHT_DAYS)
    assert alone.recursive == set(Direction)


def test_a_target_under_a_legend() -> None:
    known = LAND.with_classes(("sea", "wood"))
    assert known.layers == 2
    assert known.classes == ("sea", "wood")
    assert LAND.classes == (), "the target itself stays as it was"


@pytest.mark.parametrize(
    ("name", "activation"), [("land_use", "softplus"), ("leaf_area_index", "softmax")]
)
def test_an_activation_that_cannot_produce_the_target_is_refused(
    name: str, activation: str
) -> None:
    with pytest.raises(VocabularyError, match="does not fit the target"):
        Target(name, activation, Clock.YEAR)


def test_unknown_tasks_and_targets_are_refused() -> None:
    with pytest.raises(VocabularyError, match="did you mean 'land_use'"):
        task("landuse")
    with pytest.raises(VocabularyError) as caught:
        task("qqqq")
    assert "None" not in str(caught.value)
    with pytest.raises(VocabularyError, match="Unknown variable"):
        Target("landuse_map", "softmax", Clock.YEAR)
    with pytest.raises(VocabularyError, match=r"(?s)no such target.*land_use, leaf.*'co2'"):
        BOTH.target("co2")
    assert BOTH.target("leaf_area_index") is LEAF


@pytest.mark.parametrize("targets", [(), (LAND, LEAF, LAND)])
def test_a_task_needs_targets_each_once(targets: tuple[Target, ...]) -> None:
    with pytest.raises(VocabularyError, match="each once"):
        Task("land", targets, frozenset())


def test_the_finest_clock_makes_the_steps() -> None:
    assert BOTH.clock is Clock.MONTH
    weekly = Target("leaf_area_index", "softplus", Clock.EIGHT_DAYS)
    assert Task("x", (LAND, weekly), frozenset()).clock is Clock.EIGHT_DAYS


def test_a_target_moves_when_its_own_time_changes() -> None:
    assert BOTH.moving(JANUARY, JANUARY + 1) == (LEAF,)
    assert BOTH.moving(JANUARY - 1, JANUARY) == (LAND, LEAF)
    assert BOTH.moving(JANUARY, JANUARY - 1) == (LAND, LEAF)
    assert BOTH.moving(JANUARY, JANUARY + 12) == (LAND, LEAF)
    assert BOTH.moving(JANUARY, JANUARY) == ()
    assert LAND_USE.moving(2000, 2001) == (LAND,)


def test_drivers_look_back_only() -> None:
    assert Driver("air_temperature", Clock.MONTH).lags == ()
    assert Driver("air_temperature", Clock.MONTH, (0, 1, 12), 12).mean == 12
    for lags, mean in (((-1,), 1), ((1,), 0)):
        with pytest.raises(VocabularyError, match=r"(?s)lags from 0.*'air_temperature'"):
            Driver("air_temperature", Clock.MONTH, lags, mean)
