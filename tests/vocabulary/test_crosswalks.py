"""Crosswalks: rows keep area, names agree with the legends, bad tables are refused."""

from __future__ import annotations

import dataclasses

import pytest

from ai4land.errors import VocabularyError
from ai4land.vocabulary import (
    LUH2_STATES,
    Crosswalk,
    crosswalk,
    crosswalk_names,
    legend,
    legend_names,
)

PAIRS = [tuple(name.split("_to_")) for name in crosswalk_names()]
GOOD = Crosswalk(
    name="a_to_b",
    source="a",
    target="b",
    source_classes=("wood", "field"),
    target_classes=("green", "brown"),
    matrix=((1.0, 0.0), (0.25, 0.75)),
    shared=(("green",), ("brown",)),
    denominator="cell",
    reference="none",
)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_rows_sum_to_one_and_names_are_those_of_the_legends(source: str, target: str) -> None:
    table = crosswalk(source, target)
    for row in table.matrix:
        assert sum(row) == pytest.approx(1.0, abs=1e-12)
        assert min(row) >= 0.0
    assert table.target_classes == legend(target).names
    names = legend(source).names if source in legend_names() else LUH2_STATES
    assert sorted(table.source_classes) == sorted(names)
    assert {c for group in table.shared for c in group} <= set(legend(target).names)
    sea = {
        n
        for n, c in zip(legend(target).names, legend(target).codes, strict=True)
        if c in legend(target).sea
    }
    assert not sea & {c for group in table.shared for c in group}
    assert table.reference


def test_hilda_versions_translate_pixel_by_pixel() -> None:
    table = crosswalk("hildaplus_v2", "landuse8").lookup()
    assert table["agroforestry"] == "cropland"
    assert table["forest_deciduous_needle"] == "forest"
    assert table["ice"] == "ocean"
    assert crosswalk("hildaplus_v1", "landuse8").lookup()["sparse"] == "other"


def test_luh2_states_split_and_so_cannot_translate_pixels() -> None:
    table = crosswalk("luh2_states", "landuse8")
    assert ("grass_shrub", "other") in table.shared
    assert all("water" not in group for group in table.shared)
    with pytest.raises(VocabularyError, match="split between several") as caught:
        table.lookup()
    assert "area fractions" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"matrix": ((1.0, 0.0), (0.25, 0.7))}, "sum to 1"),
        ({"matrix": ((1.5, -0.5), (0.25, 0.75))}, "sum to 1"),
        ({"matrix": ((1.0,), (0.25, 0.75))}, "does not fit its classes"),
        ({"matrix": ((1.0, 0.0),)}, "does not fit its classes"),
        ({"shared": (("blue",),)}, "Unknown shared class"),
        ({"shared": (("green",), ("green", "brown"))}, "each class once"),
        ({"shared": ((),)}, "non-empty"),
        ({"denominator": "sea"}, "cell or land"),
    ],
)
def test_tables_that_lose_area_or_names_are_refused(change: dict[str, object], text: str) -> None:
    with pytest.raises(VocabularyError, match=text):
        dataclasses.replace(GOOD, **change)  # type: ignore[arg-type]


def test_unknown_pairs_list_what_there_is_and_suggest_the_nearest() -> None:
    with pytest.raises(VocabularyError, match="luh2_states_to_landuse8") as caught:
        crosswalk("luh2_state", "landuse8")
    assert "did you mean 'luh2_states_to_landuse8'" in str(caught.value)
