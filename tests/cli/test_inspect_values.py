"""``ai4land inspect --values``: faults that no check finds are seen by a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from program_calls import Call

from ai4land.cube import GroupSpec, VariableSpec
from ai4land.grid import Grid
from ai4land.vocabulary import NO_DATA, Clock, legend, variable
from tiny_cubes import write_cube

GRID = Grid.regular(20, 40, 0.1, 0.1, (20, 30))
YEARS = (2000, 2001, 2002, 2003)


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """Labels that are missing in a year, and leaf area that is ten times as large in another."""
    codes = {y: np.full(GRID.shape, 4, np.uint8) for y in YEARS}
    for values in codes.values():
        values[:, :15] = 2
    codes[2002][:] = NO_DATA
    codes[2003][:, :20] = 2
    leaf = {y: np.full(GRID.shape, 0.5, np.float32) for y in YEARS}
    leaf[2002] = leaf[2002] * 10
    specs = (
        VariableSpec(variable("land_use"), legend("landuse8"), "test"),
        VariableSpec(variable("leaf_area_index"), None, "test"),
    )
    group = GroupSpec("fine_annual", GRID, Clock.YEAR, YEARS, specs)
    write_cube(tmp_path / "c.zarr", (group,), {"land_use": codes, "leaf_area_index": leaf})
    return tmp_path / "c.zarr"


def row(text: str, name: str) -> list[str]:
    """Words of the line of a table that a name begins."""
    return next(line.split() for line in text.splitlines() if line.strip().startswith(name))


def test_a_year_without_values_and_a_year_in_other_units_show(call: Call, faulty: Path) -> None:
    code, out, err = call("inspect", "--values", faulty)
    assert code == 0, err
    values = out[out.index("Values") :]
    leaf = row(values, "leaf_area_index")
    assert leaf[3:6] == ["0.5", "5", "1.62"]
    assert "(2003)" in leaf or "(2002)" in leaf, "the year of the step"
    classes = out[out.index("Classes of land_use") :]
    assert row(classes, "missing")[1:6] == ["25.00", "%", "(2002:", "100.00", "%)"]
    assert row(classes, "urban")[1] == "0.00"
    assert row(classes, "cropland")[1:7] == ["55.56", "%", "50.00", "%", "66.67", "%"]
    assert "land_use 1/1" in err, "a log says how far it is"


def test_the_same_as_data(call: Call, faulty: Path) -> None:
    _, out, _ = call("inspect", "--values", "--json", faulty)
    found: Mapping[str, Mapping[str, object]] = {v["name"]: v for v in json.loads(out)["values"]}
    land, leaf = found["land_use"], found["leaf_area_index"]
    assert land["layers"] == list(legend("landuse8").names)
    assert land["by_time"]["missing"] == [[0.0], [0.0], [1.0], [0.0]]  # type: ignore[index]
    assert land["by_time"]["share"][2] == [None] * 8  # type: ignore[index]
    assert leaf["times"] == ["2000", "2001", "2002", "2003"]
    assert leaf["by_time"]["max"] == [[0.5], [0.5], [5.0], [0.5]]  # type: ignore[index]
    assert leaf["weighting"] == "area"


def test_values_are_read_when_asked_for(call: Call, faulty: Path) -> None:
    code, out, err = call("inspect", faulty)
    assert code == 0, err
    assert "Classes of" not in out


def test_only_cubes_have_values(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    variables = "{soil_zone: {source: soil_texture, path: nowhere.nc}}"
    path.write_text(f"title: none\nyears: {{first: 1, last: 2}}\nvariables: {variables}\n")
    code, _, err = call("inspect", "--values", path)
    assert code == 2
    assert "Only a cube has values" in err
    assert f"ai4land inspect {path}" in err
    assert call("inspect", path)[0] == 0, "the remedy"


def test_an_unfinished_cube_is_refused(call: Call, faulty: Path) -> None:
    meta = json.loads((faulty / "zarr.json").read_text())
    meta["attributes"]["ai4land"]["complete"] = False
    (faulty / "zarr.json").write_text(json.dumps(meta))
    code, _, err = call("inspect", "--values", faulty)
    assert code == 2
    assert "not finished" in err
