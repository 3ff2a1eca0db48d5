"""``ai4land score`` and ``report`` of land use and leaf area reconstructed together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from program_calls import Call

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.evaluation import evaluate_numbers
from ai4land.rollout import Persistence, observed_state, prediction_attributes, save_rollout
from ai4land.vocabulary import Clock, variable
from tiny_cubes import COARSE, LAND_AND_LEAF, LEAF_AREA, write_cube, write_land_and_leaf_cube

(LEAF,) = LEAF_AREA.targets
EXPERIMENT = """\
title: toy of two targets
cube: {cube}
task: land_use_and_leaf_area
forcing: [land_use_fractions]
series: {{air_temperature: {{lags: [0, 1], mean: 2}}}}
split: {{train: [24012, 24035], validation: [24035, 24037]}}
samples: {{window: 16, recursion: 1, moving_share: 0.5}}
model: {{name: unet, widths: [4, 6], embedding: 3}}
training: {{steps: 1, batch: 1, accelerator: cpu}}
"""
START = 2002 * 12 + 10
PATH = tuple(range(START, START + 4))
TITLE = "leaf_area_index (m2 m-2), 2002-11 → 2003-02"


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    folder = tmp_path_factory.mktemp("land_and_leaf")
    return write_land_and_leaf_cube(folder / "cube.zarr", range(2001, 2005))


@pytest.fixture(scope="module")
def prediction(cube: Cube) -> Cube:
    stepper = Persistence(LAND_AND_LEAF, cube.grid("land_use"))
    return save_rollout(
        stepper,
        observed_state(cube, LAND_AND_LEAF, START),
        PATH[1:],
        cube.path.parent / "p.zarr",
        like=cube,
        attributes=prediction_attributes("model", cube, PATH, {}, clock=LAND_AND_LEAF.clock),
        source="model",
    )


def write_weather(path: Path) -> Cube:
    """A cube that holds no labels of anything."""
    warm = VariableSpec(variable("air_temperature"), None, "made up")
    group = GroupSpec("coarse_monthly", COARSE, Clock.MONTH, PATH, (warm,))
    values = {tick: np.full(COARSE.shape, 280.0, np.float32) for tick in PATH}
    return write_cube(path, (group,), {"air_temperature": values})


def test_both_tables_are_printed(call: Call, prediction: Cube, cube: Cube) -> None:
    code, out, _ = call("score", prediction.path, "--truth", cube.path)
    assert code == 0
    classes, _, numbers = out.partition(TITLE)
    assert "forward from 2002" in classes
    assert "random" in classes
    assert "RMSE" in numbers
    rows = [line.split()[0] for line in numbers.splitlines() if line.strip()]
    assert {"model", "persistence", "same"} <= set(rows)
    assert "kernel" not in numbers


def test_numbers_stand_in_the_data(call: Call, prediction: Cube, cube: Cube) -> None:
    code, out, _ = call("score", prediction.path, "--truth", cube.path, "--json", "-")
    assert code == 0
    found = json.loads(out)
    assert set(found["scores"]) >= {"model", "persistence", "kernel", "random"}
    assert found["numbers"] == {LEAF.name: evaluate_numbers(prediction, cube, LEAF)}
    rows = found["numbers"][LEAF.name]["rows"]
    assert rows["model"] == rows["persistence"]


def test_the_tables_are_written_and_count_by_area(
    call: Call, prediction: Cube, cube: Cube, tmp_path: Path
) -> None:
    data, page = tmp_path / "s.json", tmp_path / "s.md"
    files = ("--json", data, "--markdown", page, "--weights", "area")
    code, _, _ = call("score", prediction.path, "--truth", cube.path, *files)
    assert code == 0
    assert TITLE in page.read_text(encoding="utf-8")
    found = json.loads(data.read_text(encoding="utf-8"))
    assert found["weighting"] == found["numbers"][LEAF.name]["weighting"] == "area"


def test_a_cube_without_labels_is_refused(call: Call, prediction: Cube, tmp_path: Path) -> None:
    bare = write_weather(tmp_path / "bare.zarr")
    code, _, err = call("score", prediction.path, "--truth", bare.path)
    assert code == 2
    assert "no labels of what was reconstructed" in err
    assert "land_use, leaf_area_index" in err


def test_a_report_shows_the_table(call: Call, prediction: Cube, cube: Cube, tmp_path: Path) -> None:
    code, _, err = call("report", prediction.path, "--truth", cube.path, "--out", tmp_path / "out")
    assert code == 0, err
    for name in ("report.html", "report.md"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert TITLE in text
        assert "same season before" in text


def test_the_whole_way_on_the_command_line(call: Call, cube: Cube, tmp_path: Path) -> None:
    """Years are asked for, months are stepped; the row is called after nobody's architecture."""
    (tmp_path / "two.yaml").write_text(EXPERIMENT.format(cube=cube.path), encoding="utf-8")
    code, _, err = call("check", tmp_path / "two.yaml")
    assert code == 0, err
    code, _, err = call("train", tmp_path / "two.yaml", "--out", tmp_path / "run")
    assert code == 0, err
    years = ("--from", 2002, "--to", 2003, "--tile", 32, "--overlap", 4)
    model, made = tmp_path / "run" / "checkpoint", tmp_path / "p.zarr"
    code, _, err = call("reconstruct", model, cube.path, *years, "--out", made)
    assert code == 0, err
    found = Cube(made)
    assert found.attributes["title"] == "Tiny: 2002-01 → 2003-12 by model, faithful"
    assert found.group(LEAF.name).ticks == tuple(range(2002 * 12, 2004 * 12))
    assert found.group("land_use").ticks == (2002, 2003)
    assert found.attributes["options"]["decision"]["name"] == "faithful"
    code, out, _ = call("score", made, "--truth", cube.path, "--json", "-")
    assert code == 0
    scores = json.loads(out)
    rows = scores["numbers"][LEAF.name]["rows"]
    assert list(rows) == ["model, faithful", "persistence", "same season before"]
    assert "model, faithful" in scores["scores"]
