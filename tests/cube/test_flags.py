from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ai4land.cube import (
    Cube,
    CubeSpec,
    CubeWriter,
    GroupSpec,
    Status,
    VariableSpec,
    flagged,
    status_by_year,
)
from ai4land.grid import Grid
from ai4land.rollout import prediction_attributes
from ai4land.vocabulary import Clock, legend, variable

GRID = Grid.regular(0, 50, 0.5, 0.5, (4, 5))
YEARS = (2000, 2001, 2002)


@pytest.fixture
def cube(tmp_path: Path) -> Cube:
    """Labels of three years; people held in 2002; leaf area of which some months are not there."""
    months = Clock.MONTH.ticks(YEARS)
    groups = (
        GroupSpec(
            "fine_annual",
            GRID,
            Clock.YEAR,
            YEARS,
            (VariableSpec(variable("land_use"), legend("landuse8")),),
        ),
        GroupSpec(
            "coarse_annual",
            GRID,
            Clock.YEAR,
            (*YEARS, 2003),
            (VariableSpec(variable("population_density")),),
        ),
        GroupSpec(
            "deg0p5_monthly",
            GRID,
            Clock.MONTH,
            months,
            (VariableSpec(variable("leaf_area_index")),),
        ),
        GroupSpec("static", GRID, Clock.STATIC, (), (VariableSpec(variable("elevation")),)),
    )
    status = {
        "land_use": dict.fromkeys(YEARS, Status.OBSERVED),
        "population_density": {
            y: Status.HELD if y > 2001 else Status.OBSERVED for y in (*YEARS, 2003)
        },
        "leaf_area_index": {
            t: Status.DROPPED if t == months[3] else Status.HELD if t > months[30] else Status(0)
            for t in months
        },
        "elevation": {},
    }
    writer = CubeWriter(tmp_path / "c.zarr", CubeSpec(groups, {"title": "T"}))
    for block in writer.pending():
        shape = (*((len(block.ticks),) if block.ticks else ()), *block.window.shape)
        dtype = np.uint8 if block.variable == "land_use" else np.float32
        writer.write(block, np.ones(shape, dtype), status[block.variable])
    writer.finish()
    return Cube(tmp_path / "c.zarr")


def test_a_year_is_as_good_as_its_worst_month(cube: Cube) -> None:
    assert status_by_year(cube, "leaf_area_index") == {
        2000: Status.DROPPED,
        2001: Status.OBSERVED,
        2002: Status.HELD,
    }
    assert status_by_year(cube, "elevation") == {}


def test_times_that_are_not_the_products_are_named_by_stretches(cube: Cube) -> None:
    assert flagged(cube, {2000, 2002}) == {
        "population_density": {"held": ["2002"]},
        "leaf_area_index": {"held": ["2002-08…2002-12"], "dropped": ["2000-04"]},
    }
    assert flagged(cube, {2001}) == {}
    assert flagged(cube, {2002}, ["land_use", "population_density"]) == {
        "population_density": {"held": ["2002"]}
    }


def test_a_prediction_says_which_inputs_it_had_outside_their_products(cube: Cube) -> None:
    said = prediction_attributes("persistence", cube, (2000, 2001, 2002), {})
    assert said["inputs_outside_their_products"] == flagged(cube, set(YEARS))
    nothing = prediction_attributes("persistence", cube, (2001,), {})
    assert nothing["inputs_outside_their_products"] == {}


def test_a_path_of_months_asks_for_the_years_behind_it(cube: Cube) -> None:
    months = (2001 * 12 + 11, 2002 * 12)
    said = prediction_attributes("persistence", cube, months, {}, clock=Clock.MONTH)
    assert said["path"] == list(months)
    assert said["inputs_outside_their_products"] == flagged(cube, {2001, 2002})
