"""Legends: the ones that come along, files of one's own, and every kind of bad content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ai4land.errors import VocabularyError
from ai4land.vocabulary import NO_DATA, Legend, legend, legend_names, read_legend

GOOD: dict[str, Any] = {
    "name": "mine",
    "classes": [[1, "wood", "#00FF00"], [7, "town", "#ff0000"], [9, "sea", "#0000ff"]],
    "sea": [9],
    "missing": [0],
}


@pytest.mark.parametrize("name", legend_names())
def test_every_legend_that_comes_along_is_whole(name: str) -> None:
    found = legend(name)
    assert found.name == name
    assert found.title
    assert found.reference
    assert NO_DATA not in found.codes
    own_palette = name == "esa_cci_lc"  # the product itself paints several classes alike
    assert own_palette or len(set(found.colours)) == len(found)
    assert Legend.from_dict(found.to_dict()) == found
    assert found is legend(name)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("hildaplus_v1", {0, 11, 22, 33, 44, 55, 66, 77, 99}),
        ("hildaplus_v1_f", {0, 11, 22, 33, *range(40, 46), 55, 66, 77, 99}),
        ("hildaplus_v2", {0, 11, 22, 23, 24, 33, *range(40, 46), 55, 66, 77, 99}),
        ("koeppen_geiger", set(range(1, 31))),
        ("mapbiomas_v2_3", {3, 4, 5, 9, 11, 12, 13, 15, 18, *range(21, 28)}),
        ("landuse8", set(range(8))),
    ],
)
def test_codes_are_those_of_the_products(name: str, codes: set[int]) -> None:
    assert set(legend(name).codes) == codes


def test_the_eight_classes_are_in_the_order_of_the_reference() -> None:
    names = "ocean urban cropland pasture forest grass_shrub other water"
    assert legend("landuse8").names == tuple(names.split())
    assert legend("landuse8").land_codes == tuple(range(1, 8))


def test_class_44_means_another_forest_in_each_version() -> None:
    meaning = {
        name: dict(zip(legend(name).codes, legend(name).names, strict=True))[44]
        for name in ("hildaplus_v1", "hildaplus_v1_f", "hildaplus_v2")
    }
    assert meaning["hildaplus_v1"] == "forest"
    assert meaning["hildaplus_v1_f"] == meaning["hildaplus_v2"] == "forest_deciduous_broad"


def test_zones_have_the_letters_of_koeppen() -> None:
    zones = dict(zip(legend("koeppen_geiger").codes, legend("koeppen_geiger").names, strict=True))
    assert (zones[1], zones[15], zones[26], zones[30]) == ("Af", "Cfb", "Dfb", "EF")


def test_a_legend_of_ones_own() -> None:
    mine = Legend.from_dict(GOOD)
    assert len(mine) == 3
    assert mine.title == "mine"
    assert mine.index("town") == 1
    assert mine.colours[0] == "#00ff00"
    assert mine.land_codes == (1, 7)


def classes(*rows: list[Any]) -> dict[str, Any]:
    return GOOD | {"classes": list(rows)}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (classes(), "at least one class"),
        (classes([1, "wood", "#00ff00"], [1, "town", "#ff0000"]), "unique"),
        (classes([1, "wood", "#00ff00"], [2, "wood", "#ff0000"]), "unique"),
        (classes([65536, "wood", "#00ff00"]), "out of range"),
        (classes([-32769, "wood", "#00ff00"]), "out of range"),
        (classes(*([n, f"c{n}", "#00ff00"] for n in range(10, 270))), "out of range"),
        (classes([523, "wood", "#00ff00"]) | {"missing": [523]}, "both missing and a class"),
        (classes([1, "wood", "green"]), "Unreadable colour"),
        (classes([1, "wood", "#00ff0"]), "Unreadable colour"),
        (classes([1, "wood", "#00ff00\n"]), "Unreadable colour"),
        (classes([1, "wood"]), "rows"),
        (classes([11.5, "wood", "#00ff00"]), "rows"),
        (classes(["one", "wood", "#00ff00"]), "rows"),
        (classes([1, False, "#00ff00"]), "not text; quote it"),
        (classes([1, "wood", 0]), "not text; quote it"),
        (GOOD | {"classes": 3}, "rows"),
        (GOOD | {"sea": 9}, "lists"),
        (GOOD | {"missing": [1]}, "both missing and a class"),
        (GOOD | {"missing": [9]}, "both missing and a class"),
        (GOOD | {"colors": []}, "colors"),
        ({"name": "mine"}, "Not a legend"),
        ({"classes": GOOD["classes"]}, "Not a legend"),
    ],
)
def test_bad_content_is_refused(data: dict[str, Any], text: str) -> None:
    with pytest.raises(VocabularyError, match=text):
        Legend.from_dict(data)


@pytest.mark.parametrize("codes", [(112, 211, 523), (1, 2, 255), (-126, 0, 36)])
def test_codes_that_are_no_bytes_are_stored_recoded(codes: tuple[int, ...]) -> None:
    rows = [[code, f"class {code}", "#00ff00"] for code in codes]
    found = Legend.from_dict({"name": "wide", "classes": rows, "sea": [codes[0]], "missing": [9]})
    assert found.codes == (1, 2, 3)
    assert found.sea == (1,)
    assert found.stored == dict(zip(codes, (1, 2, 3), strict=True))
    assert found.names == tuple(f"class {code}" for code in codes)
    assert Legend.from_dict(found.to_dict()) == found
    assert Legend.from_dict(GOOD).stored == {1: 1, 7: 7, 9: 9}


def test_a_file_is_read_like_a_built_in(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "name: own\nclasses:\n  - [1, wood, '#00ff00']\n  - [2, town, '#ff0000']\n", "utf-8"
    )
    assert read_legend(path).names == ("wood", "town")
    assert read_legend("landuse8") is legend("landuse8")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("- 1\n- 2\n", "a mapping"),
        ("name: [", "Cannot read"),
        ("name: own\nclasses:\n  - [1, wood, #00ff00]\n", "Cannot read"),
        ("name: own\nclasses:\n  - [1, no, '#00ff00']\n", "quote it"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(content, "utf-8")
    with pytest.raises(VocabularyError, match=text) as caught:
        read_legend(path)
    assert "own.yaml" in str(caught.value)


def test_a_file_that_is_absent_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"none\.yml"):
        read_legend(tmp_path / "none.yml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(VocabularyError, match="Cannot read"):
        read_legend(tmp_path / "bytes.yaml")


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(VocabularyError, match="did you mean 'landuse8'"):
        legend("landuse")
    with pytest.raises(VocabularyError, match="did you mean 'urban'"):
        legend("landuse8").index("urbn")
    with pytest.raises(VocabularyError) as caught:
        legend("zzzz")
    assert "did you mean" not in str(caught.value)
    assert "hildaplus_v1" in str(caught.value)
