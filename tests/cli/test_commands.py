from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from program_calls import Call

from ai4land.cube import Cube, Status
from ai4land.metrics import score_rasters
from ai4land.vocabulary import Legend, LegendClass


def write_raster(path: Path, codes: np.ndarray, *, west: float = 10.0, **profile: object) -> Path:
    kind = {"driver": "GTiff", "count": 1, "dtype": codes.dtype, "crs": "EPSG:4326"}
    transform = rasterio.transform.from_origin(west, 50.0, 0.1, 0.1)
    height, width = codes.shape
    options = {**kind, "height": height, "width": width, "transform": transform, **profile}
    with rasterio.open(path, "w", **options) as dataset:
        dataset.write(codes, 1)
    return path


@pytest.fixture
def rasters(tmp_path: Path) -> dict[str, Path]:
    """Initial, reference and simulated map with codes 1, 3 and 8."""
    rng = np.random.default_rng(3)
    codes = np.array([1, 3, 8], np.uint8)
    initial = codes[rng.integers(0, 3, (20, 30))]
    reference = np.where(rng.random(initial.shape) < 0.2, np.uint8(3), initial)
    simulated = np.where(rng.random(initial.shape) < 0.3, np.uint8(3), initial)
    maps = {"initial": initial, "reference": reference, "simulated": simulated}
    return {name: write_raster(tmp_path / f"{name}.tif", m) for name, m in maps.items()}


def options(rasters: dict[str, Path]) -> list[object]:
    return [part for name, path in rasters.items() for part in (f"--{name}", path)]


def test_scores_of_three_rasters_are_those_of_the_library(
    call: Call, rasters: dict[str, Path]
) -> None:
    code, out, err = call("score", *options(rasters), "--json", "-")
    assert (code, err) == (0, "")
    found = json.loads(out)
    maps = []
    for path in rasters.values():
        with rasterio.open(path) as dataset:
            maps.append(dataset.read(1))
    classes = tuple(LegendClass(c, f"class {c}", "#000000") for c in (1, 3, 8))
    expected = score_rasters(maps[0], maps[1], maps[2], Legend("codes found", "", classes))
    assert found.pop("files") == {name: f"{name}.tif" for name in rasters}
    assert found.pop("regions") == []
    assert found == json.loads(json.dumps(expected))


def test_scores_of_three_rasters_as_tables_and_files(
    call: Call, rasters: dict[str, Path], tmp_path: Path
) -> None:
    files = ["--json", tmp_path / "s.json", "--markdown", tmp_path / "s.md"]
    code, out, _ = call("score", *options(rasters), "--weights", "area", *files)
    assert code == 0
    assert "persistence" in out
    assert "pixels count by area" in out
    assert json.loads((tmp_path / "s.json").read_text())["weighting"] == "area"
    assert "| simulated | " in (tmp_path / "s.md").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"west": 10.05}, "another transform"),
        ({"crs": "EPSG:3035"}, "another coordinate system"),
        ({"shape": (20, 29)}, "another shape"),
        ({"value": 7}, "Class codes that the legend does not know"),
        (
            {"dtype": np.float32, "value": 1.5},
            "A class map holds fractions: these are numbers, not classes",
        ),
        ({"dtype": np.int16, "value": -4}, "Class codes that the legend does not know"),
    ],
)
def test_rasters_that_do_not_belong_together(
    call: Call, rasters: dict[str, Path], tmp_path: Path, change: dict[str, object], said: str
) -> None:
    with rasterio.open(rasters["simulated"]) as dataset:
        codes = dataset.read(1)
    codes = codes.astype(change.pop("dtype", np.uint8))  # type: ignore[call-overload]
    if "shape" in change:
        codes = codes[:, : change.pop("shape")[1]]
    codes[0, 0] = change.pop("value", codes[0, 0])
    bad = write_raster(tmp_path / "bad.tif", codes, **change)  # type: ignore[arg-type]
    legend = tmp_path / "legend.yaml"
    rows = [[c, f"c{c}", "#000000"] for c in (1, 3, 8)]
    legend.write_text(json.dumps({"name": "three", "classes": rows}))
    code, _, err = call("score", *options({**rasters, "simulated": bad}), "--legend", legend)
    assert code == 2
    assert said in err


def test_nodata_of_a_file_is_missing(call: Call, rasters: dict[str, Path], tmp_path: Path) -> None:
    with rasterio.open(rasters["reference"]) as dataset:
        codes = dataset.read(1).astype(np.int16)
    codes[:5] = -9999
    rasters["reference"] = write_raster(tmp_path / "holes.tif", codes, nodata=-9999)
    _, out, _ = call("score", *options(rasters), "--json", "-")
    assert json.loads(out)["pixel"]["simulated"]["total"] == 15 * 30


def test_score_wants_one_of_its_two_forms(call: Call, rasters: dict[str, Path]) -> None:
    code, _, err = call("score", "--initial", rasters["initial"])
    assert code == 2
    assert "--initial, --reference and --simulated" in err


def test_a_recipe_is_checked_built_and_inspected(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for year in (2001, 2002, 2003):
        write_raster(folder / f"m_{year}.tif", rng.integers(1, 3, (20, 30)).astype(np.uint8))
    legend = {"name": "two", "classes": [[1, "a", "#ff0000"], [2, "b", "#0000ff"]]}
    (tmp_path / "two.yaml").write_text(json.dumps(legend))
    recipe = {
        "title": "Two maps",
        "years": {"first": 2001, "last": 2003},
        "variables": {
            "land_use": {
                "source": "geotiff_series",
                "path": "maps",
                "options": {"pattern": "m_{year}.tif", "legend": "two.yaml"},
            },
            "land_use_fractions": {"source": "labels", "options": {"cells": [10, 10]}},
        },
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(recipe))
    code, out, err = call("check", path)
    assert code == 0, err
    assert "This recipe can run" in out
    assert "land_use_fractions" in out

    cube = tmp_path / "out.zarr"
    code, out, err = call("build", path, "--out", cube)
    assert code == 0, err
    assert "Cube written" in out
    assert Cube(cube).group("land_use").ticks == (2001, 2002, 2003)
    code, _, err = call("build", path, "--out", cube)
    assert code == 2
    assert "already a finished cube" in err
    assert call("build", path, "--out", cube, "--overwrite")[0] == 0

    _, out, _ = call("inspect", cube)
    assert "cube: Two maps" in out
    assert "2001…2003 (3)" in out
    _, out, _ = call("inspect", cube, "--json")
    found = {v["name"]: v for v in json.loads(out)["variables"]}
    assert found["land_use"]["status"] == {"observed": [2001, 2002, 2003]}
    assert found["land_use_fractions"]["components"] == ["a", "b"]

    os.remove(folder / "m_2002.tif")
    code, out, err = call("check", path)
    assert code == 2
    assert "This recipe cannot run" in err
    assert "A year is missing in the middle of the series" in err


def test_check_finds_a_typo_in_a_recipe(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("title: x\nyears: {first: 1, last: 2}\nvariabels: {}\nregion: null\n")
    code, _, err = call("check", path)
    assert code == 2
    assert "variables" in err


def test_check_of_something_else(call: Call, tmp_path: Path, tiny_cube: Cube) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n")
    assert "Neither a recipe nor an experiment" in call("check", path)[2]
    assert "ai4land inspect" in call("check", tiny_cube.path)[2]


def test_check_of_an_experiment(call: Call, experiment: Path) -> None:
    code, out, err = call("check", experiment)
    assert code == 0, err
    assert "This experiment can run" in out
    assert "2000…2005, 10 steps" in out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[slope]", "[slop]", "did you mean 'slope'"),
        ("[land_use_fractions]", "[elevation]", "'elevation' has no time"),
        ("[2000, 2005]", "[1990, 2005]", "reaches beyond the labels, 2000…2011"),
        ("window: 16", "window: 17", "17 is not a multiple of 2"),
        ("window: 16", "window: 160", "larger than the labels"),
        ("recursion: 1", "strides: [7]", "No step fits the split"),
        ("steps: 2", "stepps: 2", "stepps"),
        ("widths: [4, 6]", "depth: 3", "Impossible options of the network"),
        ("cube: ", "cube: nowhere", "There is no cube here"),
    ],
)
def test_check_finds_what_would_stop_a_training(
    call: Call, experiment: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(experiment.read_text().replace(old, new))
    code, _, err = call("check", path)
    assert code == 2
    assert said in err


def test_a_finished_training_is_not_repeated(call: Call, experiment: Path, run: Path) -> None:
    before = (run / "checkpoint" / "model.safetensors").read_bytes()
    code, _, err = call("train", experiment, "--out", run)
    assert code == 0, err
    assert (run / "checkpoint" / "model.safetensors").read_bytes() == before


def test_a_checkpoint_and_a_run_are_described_alike(call: Call, run: Path) -> None:
    _, out, _ = call("inspect", run)
    assert out == call("inspect", run / "checkpoint")[1]
    assert "2000…2005" in out
    assert json.loads(call("inspect", run, "--json")[1])["kind"] == "checkpoint"


def test_a_reconstruction_is_a_cube_that_says_where_it_comes_from(
    hindcast: Path, run: Path, tiny_cube: Cube
) -> None:
    cube = Cube(hindcast)
    assert cube.grid("land_use") == tiny_cube.grid("land_use")
    assert cube.status("land_use") == {
        2003: Status.PREDICTED,
        2004: Status.PREDICTED,
        2005: Status.PREDICTED,
        2006: Status.OBSERVED,
    }
    assert np.array_equal(cube.read("land_use", 2006), tiny_cube.read("land_use", 2006))
    card = json.loads((run / "checkpoint" / "card.json").read_text())
    said = cube.attributes
    assert said["checkpoint"]["files"] == card["files"]
    assert said["path"] == [2006, 2005, 2004, 2003]
    assert said["options"]["tile"] == 16
    assert said["provenance"] == tiny_cube.attributes["provenance"]


def test_a_member_alone_and_its_probabilities(
    call: Call, hindcast: Path, run: Path, tiny_cube: Cube, tmp_path: Path
) -> None:
    network, out = run / "checkpoint", tmp_path / "p.zarr"
    command = ["--from", 2006, "--to", 2003, "--tile", 16, "--overlap", 4, "--probabilities"]
    code, _, err = call(
        "reconstruct", network, tiny_cube.path, *command, "--member", 1, "--out", out
    )
    assert code == 0, err
    cube, whole = Cube(out), Cube(hindcast)
    assert cube.attributes["options"]["member"] == 1
    assert cube.variables[:2] == ("land_use", "land_use_probability")
    assert "unplaced_change" in cube.variables
    np.testing.assert_array_equal(  # the toy is one network, so its first member is all of it
        cube.series("land_use"), whole.series("land_use")
    )
    code, text, err = call("score", out, "--truth", tiny_cube.path)
    assert code == 0, err
    assert "Probabilities" in text
    code, _, err = call(
        "reconstruct", network, tiny_cube.path, *command, "--member", 2, "--out", tmp_path / "q"
    )
    assert code == 2
    assert "The checkpoint has no such member" in err
    assert not (tmp_path / "q").exists()


def test_a_reconstruction_warns_where_it_leaves_known_ground(
    call: Call, run: Path, tiny_cube: Cube, tmp_path: Path
) -> None:
    command = ["--from", 2005, "--to", 2011, "--stride", 3, "--tile", 16, "--overlap", 4]
    code, _, err = call(
        "reconstruct", run / "checkpoint", tiny_cube.path, *command, "--out", tmp_path / "p.zarr"
    )
    assert code == 0
    assert "years outside the training" in err
    assert "Steps of [3] ticks were never trained" in err


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("kernel", ["--from", 2003, "--to", 2003], "cannot be reached in whole steps"),
        ("kernel", ["--from", 2003, "--to", 2008, "--stride", 2], "multiple of 2 years"),
        (
            "kernel",
            ["--from", 2003, "--to", 2004, "--decision", "faithful"],
            "Only a model's probabilities",
        ),
        ("kernel", ["--from", 2003, "--to", 2004, "--probabilities"], "Only a model gives"),
        ("random", ["--from", 2003, "--to", 2004, "--member", 1], "Only an ensemble"),
        ("kernel", ["--from", 1903, "--to", 1904], "The cube has no such time"),
        ("nowhere", ["--from", 2003, "--to", 2004], "There is no checkpoint here"),
    ],
)
def test_reconstructions_that_cannot_be(
    call: Call, tiny_cube: Cube, tmp_path: Path, model: str, options: list[object], said: str
) -> None:
    target = tmp_path / "p.zarr"
    code, _, err = call("reconstruct", model, tiny_cube.path, *options, "--out", target)
    assert code == 2
    assert said in err
    assert not target.exists()


def test_scores_of_a_reconstruction_stand_beside_the_baselines(
    call: Call, hindcast: Path, tiny_cube: Cube
) -> None:
    code, out, err = call("score", hindcast, "--truth", tiny_cube.path, "--json", "-")
    assert code == 0, err
    found = json.loads(out)
    rows = ["model, faithful", "model, faithful, shuffled", "persistence", "kernel", "random"]
    assert list(found["scores"]) == rows
    assert found["direction"] == "backward"
    assert found["times"] == [2005, 2004, 2003]
    rows = found["all_cells"]
    truth, start = tiny_cube.read("land_use", 2003), tiny_cube.read("land_use", 2006)
    land = (truth != 0) & (truth != 255)
    every = found["all_cells"]["persistence"]["last"]["accuracy"]
    assert every == pytest.approx((truth == start)[land].mean())
    assert rows["persistence"]["mean"]["figure_of_merit"] == 0.0
    _, out, _ = call("score", hindcast, "--truth", tiny_cube.path, "--full")
    assert "Scores, backward from 2006" in out
    assert "every pixel counts 1" in out
    assert "IoU by class in 2003" in out


def test_scoring_needs_a_reconstruction(call: Call, tiny_cube: Cube) -> None:
    code, _, err = call("score", tiny_cube.path, "--truth", tiny_cube.path)
    assert code == 2
    assert "This is not a reconstruction" in err


def test_the_report_shows_everything(
    call: Call, hindcast: Path, run: Path, tiny_cube: Cube, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    code, said, err = call("report", hindcast, run, "--truth", tiny_cube.path, "--out", out)
    assert code == 0, err
    pictures = {path.name for path in out.glob("*.png")}
    assert pictures >= {
        "coverage.png",
        "hindcast_curves.png",
        "hindcast_difference.png",
        "hindcast_maps.png",
        "run_inputs.png",
    }
    page = (out / "report.md").read_text(encoding="utf-8")
    for name in pictures:
        assert f"]({name})" in page
    assert json.loads((out / "hindcast_scores.json").read_text())["model"] == "model, faithful"
    assert str(out / "report.md") in said


def test_two_inputs_of_one_name_are_refused(call: Call, hindcast: Path, tmp_path: Path) -> None:
    twin = tmp_path / hindcast.name
    shutil.copytree(hindcast, twin)
    code, _, err = call("report", hindcast, twin, "--out", tmp_path / "r")
    assert code == 2
    assert "Two inputs of one name" in err


def test_baselines_are_reconstructions_too(call: Call, tiny_cube: Cube, tmp_path: Path) -> None:
    for name in ("persistence", "kernel", "random"):
        path = tmp_path / f"{name}.zarr"
        command = ["--from", 2005, "--to", 2006, "--out", path]
        code, _, err = call("reconstruct", name, tiny_cube.path, *command)
        assert code == 0, err
        assert Cube(path).variable("land_use").source == name
        _, out, _ = call("score", path, "--truth", tiny_cube.path, "--json", "-")
        assert list(json.loads(out)["scores"]).count(name) == 1
