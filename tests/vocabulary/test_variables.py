"""Variables: one table, units and bounds, look-ups that help."""

from __future__ import annotations

import pytest

from ai4land.errors import AI4LandError, VocabularyError
from ai4land.vocabulary import (
    LUH2_STATES,
    VARIABLES,
    Kind,
    nearest_name,
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


def test_transitions_lead_between_the_classes_of_a_fraction_variable() -> None:
    pairs = [v for v in VARIABLES.values() if v.pairs_of]
    names = {"land_use_gross_transitions", "land_cover_gross_transitions", "luh2_transitions"}
    assert {v.name for v in pairs} == names
    for entry in pairs:
        states = variable(entry.pairs_of)
        assert states.kind is entry.kind is Kind.FRACTION
        for layer in entry.components:
            assert set(layer.split("_to_")) <= set(states.components)
    made = variable("land_use_gross_transitions").layers(("a", "b"))
    assert made == ("a_to_a", "a_to_b", "b_to_a", "b_to_b")
    assert variable("land_use_fractions").layers(("a", "b")) == ("a", "b")
    assert variable("luh2_states").layers() == LUH2_STATES
    assert variable("elevation").layers(("a",)) == ()
