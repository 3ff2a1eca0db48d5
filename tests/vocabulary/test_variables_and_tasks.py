"""Variables and tasks: one table, units and bounds, look-ups that help."""

from __future__ import annotations

import pytest

from ai4land.errors import AI4LandError, VocabularyError
from ai4land.vocabulary import (
    LAND_USE,
    LUH2_STATES,
    VARIABLES,
    Clock,
    Direction,
    Kind,
    Task,
    nearest_name,
    task,
    variable,
)


@pytest.mark.parametrize("name", list(VARIABLES))
def test_every_variable_is_complete(name: str) -> None:
    entry = variable(name)
    assert entry.name == name
    assert entry.units
    assert entry.long_name
    low, high = entry.bounds
    assert low is None or high is None or low < high
    if entry.kind is Kind.FRACTION:
        assert entry.bounds == (0.0, 1.0)
    if entry.kind is not Kind.CONTINUOUS:
        assert entry.units == "1"
    assert len(set(entry.components)) == len(entry.components)


def test_luh2_states_are_twelve_in_file_order() -> None:
    assert len(LUH2_STATES) == 12
    assert LUH2_STATES[:4] == ("primf", "primn", "secdf", "secdn")
    assert variable("luh2_states").components == LUH2_STATES


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        VARIABLES["new"] = variable("slope")  # type: ignore[index]


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(VocabularyError, match="did you mean 'elevation'"):
        variable("elevaton")
    with pytest.raises(KeyError):
        variable("leaf_area")
    with pytest.raises(VocabularyError, match="see `ai4land"):
        variable("qqqqqq")
    assert nearest_name("luh2_state", VARIABLES) == "luh2_states"
    assert nearest_name("qqqqqq", VARIABLES) is None


def test_land_use_runs_both_ways_on_years() -> None:
    assert task("land_use") is LAND_USE
    assert LAND_USE.clock is Clock.YEAR
    assert LAND_USE.recursive == {Direction.FORWARD, Direction.BACKWARD}
    assert LAND_USE.categorical
    assert LAND_USE.variable is variable("land_use")
    assert (Direction.FORWARD.sign, Direction.BACKWARD.sign) == (1, -1)


def test_a_task_for_a_number_on_another_clock() -> None:
    lai = Task("lai", "leaf_area_index", Clock.EIGHT_DAYS, frozenset(), "softplus")
    assert not lai.categorical
    assert lai.variable.units == "m2 m-2"


@pytest.mark.parametrize(
    ("target", "activation"), [("land_use", "softplus"), ("leaf_area_index", "softmax")]
)
def test_an_activation_that_cannot_produce_the_target_is_refused(
    target: str, activation: str
) -> None:
    with pytest.raises(VocabularyError, match="does not fit the target"):
        Task("x", target, Clock.YEAR, frozenset(), activation)


def test_unknown_tasks_and_targets_are_refused() -> None:
    with pytest.raises(VocabularyError, match="did you mean 'land_use'"):
        task("landuse")
    with pytest.raises(VocabularyError) as caught:
        task("qqqq")
    assert "None" not in str(caught.value)
    with pytest.raises(VocabularyError, match="Unknown variable"):
        Task("x", "landuse_map", Clock.YEAR, frozenset(), "softmax")


def test_errors_print_what_where_expected_found_and_remedy() -> None:
    error = AI4LandError("It broke.", where="a.nc", expected=1, found=0, remedy="mend it")
    assert str(error).splitlines() == [
        "It broke",
        "  where: a.nc",
        "  expected: 1",
        "  found: 0",
        "  remedy: mend it",
    ]
    assert str(VocabularyError("Plain")) == "Plain"  # not the repr that KeyError prints
