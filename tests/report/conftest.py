"""A reconstruction of the tiny cube, its evaluation and its report, made once for many tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai4land.cube import Cube
from ai4land.evaluation import Evaluation, evaluate
from ai4land.report import write_report
from tiny_rollouts import saved_rollout


@pytest.fixture(scope="session")
def made(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a reconstruction, ``p.zarr``, and its report, ``out``."""
    folder = tmp_path_factory.mktemp("page")
    saved_rollout(tiny_cube, folder / "p.zarr", range(2003, 2010), stepper="mine <b>")
    write_report([folder / "p.zarr"], folder / "out", truth=tiny_cube.path)
    return folder


@pytest.fixture(scope="session")
def found(made: Path, tiny_cube: Cube) -> Evaluation:
    """The evaluation of that reconstruction."""
    return evaluate(Cube(made / "p.zarr"), tiny_cube)


@pytest.fixture(scope="session")
def html(made: Path) -> str:
    """The page of that report."""
    return (made / "out" / "report.html").read_text(encoding="utf-8")
