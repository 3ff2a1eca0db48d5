"""A model that was trained on another grid may have seen the places that are scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai4land.checkpoint import Card, Domain
from ai4land.cube import Cube
from ai4land.evaluation import Evaluation, evaluate
from ai4land.grid import Grid
from ai4land.report.caveats import caveats
from ai4land.rollout import (
    AllocationStepper,
    demand_of,
    observed_state,
    prediction_attributes,
    save_rollout,
)
from ai4land.vocabulary import LAND_USE, BlockSplit, Direction, SplitOptions
from tiny_cubes import COARSE, FINE, LANDUSE8
from tiny_rollouts import LAND, assembler_of

NOTE = "The model was trained on another grid: pixels it has seen may be among those scored."
TICKS = (2008, 2009)


def scored(cube: Cube, path: Path, trained: Grid, *, blocks: bool = True) -> Evaluation:
    """Scores of what a model of a grid is said to have made."""
    card = Card(
        task=LAND_USE.name,
        recursive=tuple(Direction),
        architecture={"name": "none"},
        inputs=assembler_of(cube).spec,
        legends={LAND.name: LANDUSE8},
        grids={LAND.name: trained, "land_use_fractions": COARSE},
        strides=(1,),
        directions=tuple(Direction),
        split=SplitOptions(
            train=(2000, 2006),
            validation=(2006, 2008),
            space=BlockSplit(cells=1) if blocks else None,
        ),
        domain=Domain.of(trained, (2000, 2006), (2006, 2008)),
    )
    said = prediction_attributes("mine", cube, TICKS, {}, card)
    start, mover = (
        observed_state(cube, LAND_USE, TICKS[0]),
        AllocationStepper("kernel", demand_of(cube, LAND)),
    )
    made = save_rollout(mover, start, TICKS[1:], path, like=cube, attributes=said, source="mine")
    return evaluate(made, cube)


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        (Grid.regular(11.0, 49.5, 0.1, 0.1, (30, 30)), True),
        (Grid.regular(-180.0, 90.0, 0.5, 0.5, (360, 720)), True),
        (Grid.regular(371.0, 49.5, 0.1, 0.1, (30, 30)), True),
        (Grid.regular(12.39, 50.0, 0.05, 0.05, (40, 48)), True),
        (Grid.regular(-170.0, 50.0, 1, 1, (2, 181)), True),
        (Grid.regular(12.4, 50.0, 0.05, 0.05, (40, 48)), False),
        (Grid.regular(-170.0, 50.0, 1, 1, (2, 180)), False),
        (Grid.regular(10.0, 52.0, 0.05, 0.05, (40, 48)), False),
        (FINE, False),
    ],
    ids=["part", "globe", "a turn east", "sliver", "to the west", *"efgh"],
)
def test_a_grid_that_overlaps_is_told(
    tiny_cube: Cube, tmp_path: Path, grid: Grid, told: bool
) -> None:
    found = scored(tiny_cube, tmp_path / "p.zarr", grid)
    assert (NOTE in found.notes) == told
    assert found.held_out == (grid == FINE)


def test_the_note_reaches_the_report(tiny_cube: Cube, tmp_path: Path) -> None:
    found = scored(tiny_cube, tmp_path / "p.zarr", Grid.regular(11.0, 49.5, 0.1, 0.1, (30, 30)))
    assert NOTE in found.to_dict()["notes"]
    assert NOTE in caveats(found)


def test_without_blocks_none_is_missed(tiny_cube: Cube, tmp_path: Path) -> None:
    """The report already says that the model has seen these places."""
    grid = Grid.regular(11.0, 49.5, 0.1, 0.1, (30, 30))
    assert NOTE not in scored(tiny_cube, tmp_path / "p.zarr", grid, blocks=False).notes
