"""The house grows by one file and one line: one of each kind of part, with no change in ``src``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import growth.family
from ai4land.checkpoint import load_checkpoint, save_checkpoint
from ai4land.cube import Cube, GroupSpec, State, VariableSpec
from ai4land.errors import CheckpointError, ConfigError
from ai4land.grid import Window
from ai4land.models import FAMILIES, Predictor
from ai4land.models.networks import BACKBONES, NetworkPredictor
from ai4land.rollout import (
    DECISIONS,
    PredictorStepper,
    Stepper,
    Tiling,
    decision_data,
    observed_state,
    open_model,
    rollout,
    save_rollout,
    step,
)
from ai4land.samples import (
    Assembler,
    CachedDrivers,
    CubeDrivers,
    GriddedDrivers,
    Labels,
    SampleOptions,
    Sampler,
    input_spec,
)
from ai4land.testing.contracts.stepper import StepperContract
from ai4land.training import TRAINERS, Experiment, train
from ai4land.vocabulary import LAND_USE, TASKS, Clock, variable
from growth.backbone import Shallow, ShallowOptions
from growth.decision import Cautious
from growth.driver import WithRoads
from growth.stepper import Succession
from growth.target import PEOPLE
from network_inputs import lively_predictor
from tiny_cubes import COARSE, FINE, FOREST, GRASS, YEARS, write_cube
from tiny_rollouts import LAND, assembler_of

TILING = Tiling(16, 4)
SMALL: Mapping[str, Any] = {
    "title": "grown",
    "forcing": ["land_use_fractions"],
    "split": {"train": [2000, 2006], "validation": [2006, 2008]},
    "samples": {"window": 16, "recursion": 1, "directions": ["forward", "backward"]},
    "training": {"steps": 4, "batch": 2, "validate_every": 2, "accelerator": "cpu"},
}


def trained(cube: Cube, out: Path, **changes: Any) -> Path:  # noqa: ANN401
    return train(Experiment.model_validate({**SMALL, "cube": str(cube.path), **changes}), out)


def moved(checkpoint: Path, cube: Cube) -> State:
    """The land a year on."""
    stepper, initial, _ = open_model(checkpoint, cube, (2008, 2009), tiling=TILING)
    return step(stepper, initial, 2009)


def test_a_backbone(tiny_cube: Cube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"name": "shallow", "width": 5, "embedding": 4}
    with pytest.raises(ConfigError, match=r"(?s)Unknown architecture.*unet.*shallow"):
        trained(tiny_cube, tmp_path / "too_early", model=model)
    monkeypatch.setitem(BACKBONES, "shallow", (Shallow, ShallowOptions))
    checkpoint = trained(tiny_cube, tmp_path / "run", model=model)
    predictor, card = load_checkpoint(checkpoint)
    assert isinstance(predictor, NetworkPredictor)
    assert isinstance(predictor.networks[0].backbone, Shallow)
    assert (card.architecture["name"], card.architecture["width"]) == ("shallow", 5)
    field = moved(checkpoint, tiny_cube)["land_use"]
    assert field.probabilities is not None
    with pytest.raises(ConfigError, match=r"(?s)Impossible options.*width.*widths"):
        trained(tiny_cube, tmp_path / "no", model={"name": "shallow", "widths": [2]})


def test_a_family_of_models(
    tiny_cube: Cube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FAMILIES, "frequencies", "growth.family")
    monkeypatch.setitem(TRAINERS, "growth.family", growth.family.trainer)
    checkpoint = trained(
        tiny_cube,
        tmp_path / "run",
        model={"name": "frequencies"},
        training={"steps": 20, "members": 2},
    )
    predictor, card = load_checkpoint(checkpoint)
    assert isinstance(predictor, growth.family.Frequencies)
    assert isinstance(predictor, Predictor)
    assert set(card.files) == {growth.family.FILE}
    assert "rollout_faithful_backward_figure_of_merit" in card.scores["validation"]
    field = moved(checkpoint, tiny_cube)["land_use"]
    codes = tiny_cube.read("land_use", 2008)
    assert field.probabilities is not None
    np.testing.assert_array_equal(field.values[codes == 0], 0)
    land = (codes != 0) & (codes != 255)
    np.testing.assert_allclose(field.probabilities[:, land].sum(axis=0), 1.0, atol=1e-5)


def roaded(cube: Cube, pace: float = 0.5) -> tuple[Assembler, GriddedDrivers]:
    drivers = WithRoads(CubeDrivers(cube, FINE), COARSE, pace)
    spec = input_spec(cube, drivers, LAND_USE, ("land_use_fractions", "roads"))
    assert spec.forcing[-2:] == ("roads/paved", "roads/unpaved")
    codings = {LAND.name: Labels(cube, LAND).coding}
    return Assembler(spec, LAND_USE, drivers, codings), drivers


def test_a_driver(tiny_cube: Cube) -> None:
    """It is put under the pixels, drawn in samples, kept by a cache, and moves the prediction."""
    assembler, drivers = roaded(tiny_cube)
    window = Window(6, 3, 30, 20)
    given = assembler.given(2007, 2008, window)
    paved = given.forcing_target[-2]
    np.testing.assert_array_equal(paved[2::8, 0], [0.5, 1.5, 2.5, 3.5])
    np.testing.assert_array_equal(given.forcing_target[-1], 2 * paved)
    kept = CachedDrivers(drivers)
    names = ("roads/paved", "land_use_fractions/forest")
    for _ in range(2):
        one, two = (d.window(names, (2007, 2008), window) for d in (drivers, kept))
        np.testing.assert_array_equal(one, two)
    options, everywhere = SampleOptions(window=16), np.ones(FINE.shape, dtype=bool)
    labels = {LAND.name: Labels(tiny_cube, LAND)}
    sampler = Sampler(assembler, labels, options, (2005, 2008), everywhere)
    assert sampler.draw(np.random.default_rng(0)).forcing[:, -2].any()
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    found = []
    for pace in (0.5, 3.0):
        other, _ = roaded(tiny_cube, pace)
        stepper = PredictorStepper(lively_predictor(other.spec), other, tiling=TILING)
        found.append(step(stepper, initial, 2006)["land_use"].probabilities)
    assert found[0] is not None
    assert (found[0] != found[1]).any()


def test_a_target_and_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, PEOPLE.name, PEOPLE)
    (target,) = PEOPLE.targets
    row, col = np.mgrid[0 : FINE.height, 0 : FINE.width]
    people = {
        year: np.where(col < 5, np.nan, 5.0 + 0.2 * row + (year - 2000)).astype(np.float32)
        for year in YEARS
    }
    fine = (VariableSpec(variable(target.name), None, "made up"),)
    group = GroupSpec("fine_annual", FINE, Clock.YEAR, YEARS, fine)
    cube = write_cube(tmp_path / "c.zarr", [group], {target.name: people})
    checkpoint = trained(
        cube, tmp_path / "run", task=PEOPLE.name, forcing=[], model={"name": "unet", "widths": [4]}
    )
    stepper, initial, card = open_model(checkpoint, cube, (2008, 2007, 2006), tiling=TILING)
    assert card.task_of() == PEOPLE
    assert "mean_square" in card.scores["validation"]
    saved = save_rollout(
        stepper, initial, (2007, 2006), tmp_path / "p.zarr", like=cube, attributes={}
    )
    found = saved.read(target.name, 2006)
    np.testing.assert_array_equal(np.isnan(found), col < 5)
    assert np.nanmin(found) >= 0


def test_a_decision(tiny_cube: Cube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chosen by its name in a card, with its constant."""
    checkpoint = trained(tiny_cube, tmp_path / "run", model={"name": "unet", "widths": [4]})
    _, card = load_checkpoint(checkpoint)
    lively = lively_predictor(assembler_of(tiny_cube).spec)
    changes: list[int] = []
    for least in (0.0, 0.6, 2.0):
        said = replace(
            card,
            architecture=lively.to_dict(),
            decision={"default": "cautious", "constants": {"cautious": {"least": least}}},
        )
        path = tmp_path / f"cautious{least}"
        save_checkpoint(path, lively, said)
        if not changes:
            with pytest.raises(CheckpointError, match=r"(?s)Unknown decision.*cautious"):
                open_model(path, tiny_cube, (2008, 2009))
        monkeypatch.setitem(DECISIONS, Cautious.name, Cautious)
        stepper, initial, _ = open_model(path, tiny_cube, (2008, 2009), tiling=TILING)
        assert stepper.name == "model, cautious"
        assert decision_data(stepper.decision) == {"name": "cautious", "least": least}
        after = step(stepper, initial, 2009)["land_use"].values
        changes.append(int((after != initial["land_use"].values).sum()))
    assert changes[0] > changes[1] > changes[2] == 0


class TestSuccession(StepperContract):
    """A new stepper keeps the contract that every stepper keeps."""

    @pytest.fixture
    def stepper(self) -> Stepper:
        return Succession(FINE, GRASS, FOREST)

    @pytest.fixture
    def initial(self, tiny_cube: Cube) -> State:
        return observed_state(tiny_cube, LAND_USE, 2005)

    @pytest.fixture
    def journeys(self) -> list[tuple[int, ...]]:
        return [(2006, 2007, 2009), (2004, 2003)]


def test_a_stepper(tiny_cube: Cube, tmp_path: Path) -> None:
    """It rolls out and is saved like any other, in whatever pieces."""
    stepper = Succession(FINE, GRASS, FOREST)
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    whole = list(rollout(stepper, initial, (2006, 2008)))
    assert (whole[1]["land_use"].values != initial["land_use"].values).any()
    pieces = stepper.mesh.pieces(50)
    assert len(pieces) > 10
    found = step(stepper, initial, 2006, pieces[::-1])["land_use"].values
    np.testing.assert_array_equal(found, whole[1]["land_use"].values)
    saved = save_rollout(
        stepper, initial, (2006, 2008), tmp_path / "p.zarr", like=tiny_cube, attributes={}
    )
    np.testing.assert_array_equal(saved.read("land_use", 2008), whole[2]["land_use"].values)
