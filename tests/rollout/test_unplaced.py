"""What the forcing asked for and a map cannot give stands in the result, and is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.grid import Grid
from ai4land.rollout import (
    UNPLACED,
    AllocationStepper,
    demand_of,
    observed_state,
    save_rollout,
    unplaced_of,
    unplaced_warnings,
)
from ai4land.vocabulary import LAND_USE, LUH2_STATES, Clock, variable
from tiny_cubes import LANDUSE8, write_cube
from tiny_rollouts import LAND

CELL = Grid.regular(0, 10, 0.1, 0.1, (10, 20))
COARSE = CELL.coarsen(10, 10)
TICKS = (2000, 2001, 2002)


def asked(path: Path, crops: dict[int, tuple[float, float]]) -> Cube:
    """Two cells, half forest and half cropland; the forcing moves cropland into forest."""
    land = np.where(np.arange(200).reshape(10, 20) % 2, 4, 2).astype(np.uint8)
    states = {}
    for tick, shares in crops.items():
        layers = np.zeros((12, 1, 2), np.float32)
        layers[LUH2_STATES.index("c3ann"), 0] = shares
        layers[LUH2_STATES.index("secdf"), 0] = 1.0 - np.array(shares)
        states[tick] = layers
    groups = [
        GroupSpec("fine", CELL, Clock.YEAR, TICKS, (VariableSpec(variable("land_use"), LANDUSE8),)),
        GroupSpec("coarse", COARSE, Clock.YEAR, TICKS, (VariableSpec(variable("luh2_states")),)),
    ]
    values = {"land_use": dict.fromkeys(TICKS, land), "luh2_states": states}
    return write_cube(path, groups, values)


def rolled(cube: Cube, path: Path) -> tuple[Cube, AllocationStepper]:
    stepper = AllocationStepper("kernel", demand_of(cube, LAND))
    start = observed_state(cube, LAND_USE, 2000)
    made = save_rollout(stepper, start, TICKS[1:], path, like=cube, attributes={})
    return made, stepper


def test_all_that_is_there_can_be_placed(tmp_path: Path) -> None:
    cube = asked(tmp_path / "c.zarr", {2000: (0.8, 0.8), 2001: (0.6, 0.7), 2002: (0.4, 0.5)})
    made, stepper = rolled(cube, tmp_path / "p.zarr")
    assert made.group(UNPLACED).ticks == (2001, 2002)
    assert made.grid(UNPLACED) == COARSE
    np.testing.assert_array_equal(made.read(UNPLACED, 2002), 0.0)
    reference = stepper.demand.reference(observed_state(cube, LAND_USE, 2000))
    assert unplaced_warnings(made, stepper.demand, reference) == []


def test_what_is_not_there_is_written_out_and_loud(tmp_path: Path) -> None:
    """A cell of 50 pixels of cropland is asked to lose 70; the other one 30."""
    cube = asked(tmp_path / "c.zarr", {2000: (0.8, 0.8), 2001: (0.7, 0.7), 2002: (0.1, 0.5)})
    made, stepper = rolled(cube, tmp_path / "p.zarr")
    lacking = made.read(UNPLACED, 2002)
    # 20 too few of either class, less one pixel of rounding each, halved
    assert lacking[0, 0] == pytest.approx(19.0, abs=0.01)
    assert lacking[0, 1] == 0.0
    start = observed_state(cube, LAND_USE, 2000)
    reference = stepper.demand.reference(start)
    first, last = unplaced_of(made, stepper.demand, reference)
    assert first.share == 0.0
    assert last.share == pytest.approx(19 / (70 + 30), abs=1e-3)
    (said,) = unplaced_warnings(made, stepper.demand, reference)
    assert "19.0 % of the change that luh2_states asks for until 2002" in said
    assert "9.50° N, 0.50° E" in said
