"""A command line to call, and what the commands need: a trained toy and its reconstruction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from program_calls import Call, invoke

from ai4land.cube import Cube

EXPERIMENT = """\
title: toy
cube: {cube}
forcing: [land_use_fractions]
static: [slope]
split: {{train: [2000, 2005], validation: [2005, 2008]}}
samples: {{window: 16, recursion: 1, directions: [forward, backward]}}
model: {{name: unet, widths: [4, 6], embedding: 3}}
training: {{steps: 2, batch: 1, validate_every: 2, checkpoint_every: 1, accelerator: cpu}}
"""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small only lose by sharing their work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def _own_width() -> Iterator[None]:
    """Tables as wide as in a pipe, whatever terminal or test runner stands around."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        yield


@pytest.fixture(scope="session")
def call() -> Call:
    return invoke


@pytest.fixture(scope="session")
def experiment(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("experiment") / "toy.yaml"
    path.write_text(EXPERIMENT.format(cube=tiny_cube.path), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def run(experiment: Path) -> Path:
    """The folder of a finished training."""
    folder = experiment.parent / "run"
    code, out, err = invoke("train", experiment, "--out", folder)
    assert code == 0, err
    assert "Checkpoint written" in out
    for line in ("training 2/2", "decision ", "Trained for 2 steps, ended by: steps."):
        assert line in err, "a log says how far it is"
    return folder


@pytest.fixture(scope="session")
def hindcast(run: Path, tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reconstruction by the toy network, 2006 back to 2003."""
    path = tmp_path_factory.mktemp("hindcast") / "hindcast.zarr"
    command = ("--from", 2006, "--to", 2003, "--tile", 16, "--overlap", 4)
    code, _, err = invoke(
        "reconstruct", run / "checkpoint", tiny_cube.path, *command, "--out", path
    )
    assert code == 0, err
    return path
