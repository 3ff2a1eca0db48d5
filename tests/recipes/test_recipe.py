from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ai4land.errors import ConfigError, MissingFileError
from ai4land.recipes import Recipe, load_recipe

GOOD = """\
title: Test
years: {first: 2000, last: 2004, step: 2}
region: {west: 20, south: 39, east: 21, north: 40}
variables:
  land_use:
    source: hilda
    path: ${TEST_DATA}/hilda
    options: {version: v1}
    legend: landuse8
  land_use_fractions:
    source: labels
    options: {cells: [4, 5]}
  elevation:
    source: gebco
    path: relief.nc
    resample: conservative
"""


def _load(folder: Path, text: str) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def test_a_good_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = _load(tmp_path, GOOD)
    assert recipe.years.ticks == (2000, 2002, 2004)
    assert recipe.path("relief.nc") == tmp_path / "relief.nc"
    monkeypatch.setenv("TEST_DATA", "/somewhere")
    assert recipe.path("${TEST_DATA}/hilda") == Path("/somewhere/hilda")


def test_the_resolved_recipe_has_all_defaults_and_no_expanded_path(tmp_path: Path) -> None:
    data = _load(tmp_path, GOOD).resolved()
    land_use = data["variables"]["land_use"]
    assert land_use["path"] == "${TEST_DATA}/hilda"
    defaults = {"orientation": "checked", "base_map_2015": None, "pattern": "", "deflicker": None}
    assert land_use["options"] == {"version": "v1", **defaults}
    assert land_use["outside"] == "error"
    assert str(tmp_path) not in str(data)
    again = _load(tmp_path, yaml.safe_dump(data, allow_unicode=True))
    assert again.resolved() == data


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("years:", "yers:", r"Unknown key.*line 2: yers.*'years'"),
        ("step: 2", "stp: 2", r"Unknown key.*line 2: years\.stp.*'step'"),
        ("    legend:", "    legnd:", r"Unknown key.*line 9: variables\.land_use\.legnd.*'legend'"),
        ("version: v1", "verion: v1", r"Unknown key.*line 8.*options\.verion.*'version'"),
        ("version: v1", "version: v3", r"value does not fit.*line 8.*'v1', 'v1-f', 'v2' or.*'v3'"),
        ("  land_use:", "  landuse:", r"Unknown variable.*line 5.*'land_use'"),
        ("source: hilda", "source: hida", r"Unknown source.*line 6.*'hilda'"),
        ("source: gebco", "source: luh2", r"Unknown variable of the source 'luh2'.*line 13"),
        ("last: 2004", "last: 1990", r"value does not fit.*line 2.*first must not be after"),
        ("title: Test\n", "", r"A key is missing.*'title'"),
        ("north: 40", "north: 30", r"north must be above south"),
        ("cells: [4, 5]", "cells: [4, 0]", r"value does not fit.*line 12.*greater than or equal"),
        ("cells: [4, 5]", "", r"line 12.*either cells"),
        ("    path: relief.nc\n", "", r"A path is missing.*line 13.*elevation"),
        ("source: labels", "source: labels\n    path: x", r"labels has no path.*line 10"),
        (
            "source: labels",
            "source: labels\n    outside: hold",
            r"`outside` cannot be chosen here.*line 12",
        ),
        ("legend: landuse8", "outside: hold", r"`outside` cannot be chosen.*end where they end"),
        ("title: Test", "title: Test\ntitle: Again", r"given twice.*line 2: title.*line 1"),
        (
            "path: ${TEST_DATA}/hilda\n    options: {version: v1}",
            "options: {version: v1, path: ${TEST_DATA}/x}",
            r"not YAML.*quote values with",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, text: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=f"(?s){text}"):
        _load(tmp_path, GOOD.replace(old, new))


def test_an_unset_variable_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_DATA", raising=False)
    recipe = _load(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"(?s)not set.*line 7.*TEST_DATA.*export TEST_DATA"):
        recipe.path("${TEST_DATA}/hilda", ("variables", "land_use", "path"))


def test_forcing_from_labels_needs_labels(tmp_path: Path) -> None:
    text = GOOD.replace("land_use:\n    source: hilda", "land_cover:\n    source: geotiff_series")
    text = text.replace("version: v1", "pattern: '{year}.tif', legend: landuse8")
    with pytest.raises(ConfigError, match=r"(?s)needs labels.*land_use"):
        _load(tmp_path, text)


def test_land_cover_stands_in_for_land_use_where_forcing_is_made_of_it(tmp_path: Path) -> None:
    cover = GOOD.replace("land_use", "land_cover").replace("source: hilda", "source: esa_cci")
    cover = cover.replace("version: v1", "")
    recipe = _load(tmp_path, cover)
    assert (recipe.labels, recipe.are_labels("land_cover_smoothed")) == ("land_cover", True)
    with pytest.raises(ConfigError, match=r"(?s)cannot be chosen here.*line.*labels keep"):
        _load(tmp_path, cover.replace("source: esa_cci", "source: esa_cci\n    outside: hold"))
    with pytest.raises(ConfigError, match=r"(?s)needs labels.*named after it"):
        _load(tmp_path, cover.replace("land_cover_fractions", "land_use_fractions"))
    labels = "source: labels\n    options: {cells: [4, 5]}"
    alone = _load(tmp_path, cover.replace(labels, "source: esa_cci\n    path: x"))
    assert alone.labels == "land_use", "on its own it stays what it is"


def test_class_maps_cannot_give_numbers(tmp_path: Path) -> None:
    text = GOOD.replace("source: gebco", "source: geotiff_series").replace(
        "resample: conservative", "options: {pattern: '{year}.tif', legend: landuse8}"
    )
    with pytest.raises(ConfigError, match=r"(?s)class maps cannot give numbers.*elevation"):
        _load(tmp_path, text)


def test_no_file_no_mapping_no_text(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="Cannot read the file"):
        load_recipe(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="not a mapping"):
        _load(tmp_path, "- a\n- b\n")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MissingFileError, match="Cannot read the file"):
        load_recipe(tmp_path / "binary.yaml")


def test_shipped_recipes_are_valid() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "recipes"
    recipes = sorted(folder.glob("*.yaml"))
    assert [p.stem for p in recipes] == [
        "bavaria",
        "brazil",
        "crete",
        "crete_esacci",
        "planet",
        "planet_part",
        "uk_esacci",
        "uk_south",
    ]
    for path in recipes:
        recipe = load_recipe(path)
        assert recipe.resolved()["variables"][recipe.labels]["path"].startswith("${")
