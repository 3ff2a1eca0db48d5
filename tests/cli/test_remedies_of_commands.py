"""Remedies that name a command or an option of one: what they say is called, and works."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from program_calls import Call

from ai4land.cube import Cube
from ai4land.errors import CubeError, MissingFileError
from provider_files.tiny import write_map
from tiny_cubes import YEARS


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of one map of elevation."""
    write_map(tmp_path / "relief.tif", np.full((20, 30), 9, np.int16))
    data = {
        "title": "Test",
        "years": {"first": 2000, "last": 2000},
        "variables": {"elevation": {"source": "etopo", "path": "relief.tif"}},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def remedy(err: str) -> str:
    found = re.search(r"remedy: +(.*)", err)
    assert found is not None, err
    return found[1]


def test_a_cube_that_is_not_there_is_built(call: Call, recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no cube here") as caught:
        Cube(tmp_path / "c.zarr")
    named = re.search(r"`ai4land (.*)`", str(caught.value))
    assert named is not None
    words = [str(recipe) if word == "RECIPE" else word for word in shlex.split(named[1])]
    code, _, err = call(*words, "--out", tmp_path / "c.zarr")
    assert code == 0, err
    assert Cube(tmp_path / "c.zarr").variables == ("elevation",)


def test_a_cube_that_is_there_is_replaced(call: Call, recipe: Path, tmp_path: Path) -> None:
    build = ("build", recipe, "--out", tmp_path / "c.zarr")
    assert call(*build)[0] == 0
    code, _, err = call(*build)
    assert code == 2
    option = re.search(r"`(--\w+)`", remedy(err))
    assert option is not None
    assert call(*build, option[1])[0] == 0


def test_an_unfinished_cube_goes_on_or_is_replaced(
    call: Call, recipe: Path, tmp_path: Path
) -> None:
    build = ("build", recipe, "--out", tmp_path / "c.zarr")
    assert call(*build)[0] == 0
    meta = tmp_path / "c.zarr" / "zarr.json"
    data = json.loads(meta.read_text())
    data["attributes"]["ai4land"]["complete"] = False
    meta.write_text(json.dumps(data))
    with pytest.raises(CubeError, match="run the command that was writing it again"):
        Cube(tmp_path / "c.zarr")
    assert call(*build)[0] == 0
    assert Cube(tmp_path / "c.zarr")
    meta.write_text(json.dumps(data))
    recipe.write_text(recipe.read_text().replace("title: Test", "title: Another"))
    code, _, err = call(*build)
    assert code == 2
    assert "An unfinished cube of another recipe" in err
    option = re.search(r"`(--\w+)`", remedy(err))
    assert option is not None
    assert call(*build, option[1])[0] == 0
    assert Cube(tmp_path / "c.zarr").attributes["title"] == "Another"


def test_a_cube_is_inspected_and_an_experiment_checked(
    call: Call, tiny_cube: Cube, experiment: Path
) -> None:
    for broken in (("check", tiny_cube.path), ("inspect", experiment)):
        code, _, err = call(*broken)
        assert code == 2
        words = shlex.split(remedy(err))
        assert words[0] == "ai4land"
        code, out, err = call(*words[1:])
        assert code == 0, err
        assert out


def test_a_command_of_another_name(call: Call, tiny_cube: Cube) -> None:
    code, _, err = call("inspekt", tiny_cube.path)
    assert code == 2
    assert remedy(err) == "did you mean `ai4land inspect`?"
    code, _, err = call("nothing-like-it")
    assert remedy(err) == "see `ai4land --help`"
    assert call("--help")[0] == 0


def test_times_in_whole_steps(call: Call, tiny_cube: Cube, tmp_path: Path) -> None:
    first = YEARS[0]
    roll = ("reconstruct", "persistence", tiny_cube.path, "--from", first, "--out")
    code, _, err = call(*roll, tmp_path / "a.zarr", "--to", first + 5, "--stride", 2)
    assert code == 2
    assert remedy(err) == "choose another --to or --stride"
    for n, other in enumerate((("--to", first + 4, "--stride", 2), ("--to", first + 5))):
        code, _, err = call(*roll, tmp_path / f"{n}.zarr", *other)
        assert code == 0, err
