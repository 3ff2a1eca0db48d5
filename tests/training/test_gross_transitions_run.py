"""A model that is told gross transitions: trained, saved, rolled out, and honest about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.evaluation import evaluate
from ai4land.report import check_experiment_file, describe, describe_checkpoint
from ai4land.rollout import open_model, prediction_attributes, save_rollout
from ai4land.samples import CubeDrivers, PerturbedDrivers
from ai4land.training import train
from experiments import small_experiment
from tiny_cubes import COARSE, FINE, YEARS, land_maps, write_labels
from tiny_rollouts import LAND

GROSS = "land_use_gross_transitions"
PATH = (2008, 2009, 2010)


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    folder = tmp_path_factory.mktemp("gross")
    return write_labels(folder / "cube.zarr", land_maps(), FINE, COARSE, transitions=True)


@pytest.fixture(scope="module")
def checkpoint(cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = small_experiment(cube, forcing=["land_use_fractions", GROSS], static=[], trust=0.8)
    return train(made, tmp_path_factory.mktemp("run"))


def test_it_rolls_out_on_the_transitions_of_its_steps(cube: Cube, checkpoint: Path) -> None:
    stepper, start, card = open_model(checkpoint, cube, PATH)
    assert (card.inputs.flows, card.inputs.trust) == (GROSS, 0.8)
    assert stepper.assembler.flows is not None
    assert stepper.assembler.flows.trust == 0.8
    found = stepper.step_piece(stepper.begin(start), 2009, FINE.window)[LAND.name]
    drivers = PerturbedDrivers(CubeDrivers(cube, FINE), [GROSS], 2.0, since=2008)
    other, _, _ = open_model(checkpoint, cube, PATH, drivers=drivers)
    wrong = other.step_piece(other.begin(start), 2009, FINE.window)[LAND.name]
    assert found.probabilities is not None
    assert wrong.probabilities is not None
    assert not np.array_equal(found.probabilities, wrong.probabilities), "they are heard"


def test_everyone_says_that_they_are_an_upper_bound(
    cube: Cube, checkpoint: Path, tmp_path: Path
) -> None:
    """The cube, the card, the saved rollout and its scores."""
    said = "upper bound (made from the labels of the target year)"
    stepper, start, card = open_model(checkpoint, cube, PATH)
    assert card.variables[GROSS]["evidence"] == said
    assert "evidence" not in card.variables["land_use_fractions"]
    rows = [row for table in describe_checkpoint(checkpoint).tables for row in table.rows]
    assert (f"what {GROSS} is", said) in rows
    rows = [row for table in describe(cube.path).tables for row in table.rows]
    assert (GROSS, said) in rows
    attributes = prediction_attributes("model", cube, PATH, {}, card)
    assert attributes["evidence"] == {GROSS: said}
    out = tmp_path / "p.zarr"
    made = save_rollout(stepper, start, PATH[1:], out, like=cube, attributes=attributes)
    assert any(GROSS in note and said in note for note in evaluate(made, cube).notes)
    plain = prediction_attributes("kernel", cube, PATH, {})
    assert not plain["evidence"]


def test_an_experiment_with_them_is_checked(cube: Cube, tmp_path: Path) -> None:
    """That nothing follows the last labels is no missing year."""
    text = f"""
title: gross
cube: {cube.path}
forcing: [land_use_fractions, {GROSS}]
split: {{train: [2000, 2006], validation: [2006, {YEARS[-1]}]}}
samples: {{window: 16}}
model: {{name: unet, widths: [4, 6], embedding: 3}}
"""
    path = tmp_path / "experiment.yaml"
    path.write_text(text, encoding="utf-8")
    checked = check_experiment_file(path)
    assert checked.problems == ()
    assert not [w for w in checked.warnings if GROSS in w]
