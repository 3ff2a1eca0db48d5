"""A reconstruction of the tiny cube, its evaluation and its report, made once for many tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ai4land.cube import Cube
from ai4land.report import Evaluation, evaluate, prediction_attributes, write_report
from ai4land.rollout import (
    AllocationStepper,
    baseline_reader,
    demand_since,
    observed_state,
    rollout,
    save_rollout,
)
from ai4land.vocabulary import LAND_USE


def kernel_rollout(cube: Cube, path: Path, ticks: Sequence[int]) -> Cube:
    """What the kernel makes of a cube, saved under another name."""
    start = observed_state(cube, LAND_USE, ticks[0])
    demand = demand_since(start, baseline_reader(cube, LAND_USE))
    states = rollout(AllocationStepper("kernel", demand), start, ticks[1:])
    return save_rollout(
        states,
        path,
        like=cube,
        job=LAND_USE,
        ticks=ticks,
        attributes=prediction_attributes("mine <b>", cube, ticks, {}, None),
        source="mine",
    )


@pytest.fixture(scope="session")
def made(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a reconstruction, ``p.zarr``, and its report, ``out``."""
    folder = tmp_path_factory.mktemp("page")
    kernel_rollout(tiny_cube, folder / "p.zarr", list(range(2003, 2010)))
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
