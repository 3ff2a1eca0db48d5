from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ai4land.allocation import CoarseCells
from ai4land.checkpoint import Card, Domain, save_checkpoint
from ai4land.cube import Cube
from ai4land.errors import GridError
from ai4land.evaluation import PixelStep, explain
from ai4land.evaluation.explanation import _reasons
from ai4land.models.networks import NetworkPredictor, build_network
from ai4land.report import explanation_tables
from ai4land.rollout import demand_of, open_model, step
from ai4land.vocabulary import Direction, SplitOptions
from network_inputs import OPTIONS
from tiny_cubes import CROPLAND, FINE, FOREST, LANDUSE8
from tiny_rollouts import LAND, assembler_of


@pytest.fixture(scope="module")
def checkpoint(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that was never trained; forest was seen to become cropland, nothing else."""
    spec = assembler_of(tiny_cube).spec
    torch.manual_seed(0)
    network = build_network(OPTIONS, spec)
    network.transitions()["land_use"].counts[0, FOREST, CROPLAND] = 9
    model = NetworkPredictor([network])
    card = Card(
        task="land_use",
        recursive=tuple(Direction),
        architecture=model.to_dict(),
        inputs=spec,
        legends={"land_use": LANDUSE8},
        grids={"land_use": FINE},
        strides=(1,),
        directions=(Direction.FORWARD,),
        split=SplitOptions(train=(2000, 2005), validation=(2005, 2008)),
        domain=Domain.of(FINE, (2000, 2005), (2005, 2008)),
        decision={
            "default": "likely",
            "constants": {"likely": {"forward": 2.3, "balanced": True}},
        },
    )
    folder = tmp_path_factory.mktemp("model") / "checkpoint"
    save_checkpoint(folder, model, card)
    return folder


def point(row: int, col: int) -> tuple[float, float]:
    return float(FINE.latitudes()[row]), float(FINE.longitudes()[col])


def test_a_pixel_is_told_what_its_cell_was_asked_for(checkpoint: Path, tiny_cube: Cube) -> None:
    row, col = 24, 20
    assert tiny_cube.read("land_use", 2003)[row, col] == FOREST
    found = explain(checkpoint, tiny_cube, point(row, col), (2002, 2003, 2004))
    data = found.data
    assert (data["row"], data["column"], data["from"], data["to"]) == (row, col, 2003, 2004)
    assert data["before"] == "forest"
    stepper, start, _ = open_model(checkpoint, tiny_cube, (2002, 2003, 2004))
    demand = demand_of(tiny_cube, LAND)
    middle = step(stepper, start, 2003)
    assert middle.reference is not None
    held = demand.coding.positions(middle["land_use"].values)
    cell = CoarseCells.of(FINE, demand.mesh.coarse).index[row, col]
    asked = demand.change(middle.reference, 2004, FINE.window, held)[:, cell]
    assert [group["asked"] for group in data["cell"].values()] == asked.tolist()
    last = step(stepper, middle, 2004)["land_use"]
    assert last.probabilities is not None
    balanced = [chances["balanced"] for chances in data["classes"].values()]
    assert balanced == pytest.approx(last.probabilities[:, row, col].tolist(), abs=1e-5)
    never = [name for name, c in data["classes"].items() if not c["seen_in_training"]]
    assert "pasture" in never
    assert "cropland" not in never
    assert len(explanation_tables(found)) == 2
    assert found.reasons


def test_sea_is_never_predicted(checkpoint: Path, tiny_cube: Cube) -> None:
    found = explain(checkpoint, tiny_cube, point(10, 1), (2002, 2003))
    assert not found.data["land"]
    assert "sea" in found.reasons[0]
    assert explanation_tables(found) == ()


def test_a_point_outside_is_refused(checkpoint: Path, tiny_cube: Cube) -> None:
    with pytest.raises(GridError, match="outside the cube"):
        explain(checkpoint, tiny_cube, (-33.0, 11.0), (2002, 2003))


STEP = PixelStep(
    names=("sea", "wood", "field", "town"),
    groups=((1,), (2,), (3,)),
    before=1,
    after=1,
    asked=np.array([-3, 2, 1], np.int32),
    held=np.array([40, 20, 4], np.int32),
    raw=np.array([0, 0.7, 0.3, 0], np.float32),
    balanced=np.array([0, 0.45, 0.55, 0], np.float32),
    odds=1.5,
    seen=np.array([False, True, True, False]),
    rank=np.array([1, 30, 5, 9]),
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "field, 0.55: 1.22 times as much. The decision takes a change from 1.50 times on"),
        ({"odds": 0.9}, "the cell's areas were needed elsewhere"),
        ({}, "asks this cell to lose 3 of its 40 pixels of wood"),
        ({}, "wood was never followed by town"),
        ({}, "gain 2 pixels of field; this one is number 5"),
        ({"asked": np.zeros(3, np.int32)}, "no whole pixel of change"),
        ({"asked": np.array([1, -1, 0], np.int32)}, "no loss of wood (+1 pixels of 40)"),
        ({"groups": ((2,), (3,)), "asked": np.zeros(2, np.int32)}, "says nothing about wood"),
        ({"after": 2}, "It did change: wood → field, probability 0.55"),
    ],
)
def test_each_thing_that_blocks_is_named(changes: dict[str, object], said: str) -> None:
    step = replace(STEP, **changes)  # type: ignore[arg-type]
    reasons = _reasons(step)
    assert any(said in reason for reason in reasons), reasons
