"""A model that is no network goes through the same commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program_calls import Call

from ai4land.cube import Cube

SMALL = "pixels: 3000, radii: [1, 2], reach: 4"
MODELS = {
    "markov": "{name: markov}",
    "boosting": f"{{name: boosting, {SMALL}, rounds: 3, depth: 2}}",
    "stack": f"{{name: stack, members: [{{name: markov}}, {{name: logistic, {SMALL}}}]}}",
}


@pytest.mark.parametrize("name", MODELS)
def test_check_train_inspect_and_reconstruct(
    name: str, call: Call, experiment: Path, tiny_cube: Cube, tmp_path: Path
) -> None:
    if name == "boosting":
        pytest.importorskip("xgboost", reason="the extra `trees` is not installed")
    path, run, out = tmp_path / "toy.yaml", tmp_path / "run", tmp_path / "out.zarr"
    lines = experiment.read_text().splitlines()
    path.write_text(
        "\n".join(f"model: {MODELS[name]}" if x.startswith("model:") else x for x in lines)
    )
    code, said, err = call("check", path)
    assert code == 0, err
    assert f"{name}, " in said
    assert " parameters" in said
    code, _, err = call("train", path, "--out", run)
    assert code == 0, err
    _, said, _ = call("inspect", run)
    assert name in said
    held = json.loads(call("inspect", run, "--json")[1])
    assert held["architecture"]["name"] == name
    command = ("--from", 2006, "--to", 2004, "--tile", 32, "--overlap", 8, "--out", out)
    code, _, err = call("reconstruct", run / "checkpoint", tiny_cube.path, *command)
    assert code == 0, err
    assert Cube(out).attributes["checkpoint"]["files"] == held["files"]


def test_check_names_the_nearest_option(call: Call, experiment: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    said = experiment.read_text().replace(
        "{name: unet, widths: [4, 6], embedding: 3}", "{name: logistic, radius: [1]}"
    )
    path.write_text(said)
    code, _, err = call("check", path)
    assert code == 2
    assert "did you mean 'radii'" in err
