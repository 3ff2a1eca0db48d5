"""A whole training: the same weights after a kill, a complete card, and no look at the test."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file

from ai4land.checkpoint import load_card, load_checkpoint
from ai4land.cube import Cube
from ai4land.errors import CheckpointError, ConfigError, SampleError
from ai4land.grid import Window
from ai4land.models.networks import NetworkPredictor
from ai4land.rollout import Tiling, decision_data, open_model, rollout
from ai4land.samples import CubeDrivers, Labels, Sampler, space_masks
from ai4land.training import Experiment, assembled, train
from ai4land.vocabulary import LAND_USE, Direction
from experiments import small_experiment
from tiny_cubes import COARSE, FINE, LANDUSE8, YEARS


class _Killed(Exception):
    pass


def dying_at(step: int) -> Callable[[int, int, dict[str, float]], None]:
    def progress(done: int, total: int, figures: dict[str, float]) -> None:
        if done == step:
            raise _Killed

    return progress


@pytest.fixture(scope="module")
def trained(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A straight run."""
    out = tmp_path_factory.mktemp("straight") / "run"
    assert train(small_experiment(tiny_cube), out) == out / "checkpoint"
    return out


def test_a_killed_training_ends_with_the_same_weights(
    tiny_cube: Cube, trained: Path, tmp_path: Path
) -> None:
    out, experiment = tmp_path / "run", small_experiment(tiny_cube)
    with pytest.raises(_Killed):
        train(experiment, out, progress=dying_at(3))
    assert json.loads((out / "last" / "state.json").read_text())["step"] == 2
    assert not (out / "checkpoint").exists()
    with pytest.raises(_Killed):
        train(experiment, out, progress=dying_at(5))
    steps: list[int] = []
    train(experiment, out, progress=lambda done, total, _: steps.append(done))
    assert steps == [5, 6], "it goes on where the last checkpoint stands"
    for name in ("card.json", "model.safetensors"):
        one, two = (folder / "checkpoint" / name for folder in (trained, out))
        assert one.read_bytes() == two.read_bytes(), name
    ours, theirs = (
        load_file(str(folder / "last" / "state.safetensors")) for folder in (trained, out)
    )
    assert ours.keys() == theirs.keys()
    assert all(bool((ours[name] == theirs[name]).all()) for name in ours)


def test_a_run_killed_while_saving_goes_on_from_the_older_state(
    tiny_cube: Cube, trained: Path, tmp_path: Path
) -> None:
    out, experiment = tmp_path / "run", small_experiment(tiny_cube)
    with pytest.raises(_Killed):
        train(experiment, out, progress=dying_at(4))
    (out / "last").rename(out / "last.old")  # as between the two renames
    (out / "last.new").mkdir()
    (out / "last.new" / "state.json").write_text("torn")
    steps: list[int] = []
    train(experiment, out, progress=lambda done, total, _: steps.append(done))
    assert steps == [5, 6]
    weights = (folder / "checkpoint" / "model.safetensors" for folder in (trained, out))
    one, two = (path.read_bytes() for path in weights)
    assert one == two


def test_a_finished_training_is_finished(tiny_cube: Cube, trained: Path) -> None:
    before = (trained / "checkpoint" / "card.json").read_bytes()
    steps: list[int] = []
    # a title is no other experiment
    experiment = small_experiment(tiny_cube, title="renamed")
    train(experiment, trained, progress=lambda done, *_: steps.append(done))
    assert not steps
    after = (trained / "checkpoint" / "card.json").read_text()
    assert after.replace('"title": "renamed"', '"title": "small"').encode() == before


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"seed": 1}},
        {"model": {"name": "unet", "widths": [4, 8], "embedding": 3}},
        {"split": {"train": [2001, 2006]}},
    ],
    ids=str,
)
def test_another_experiment_in_the_same_folder_is_refused(
    tiny_cube: Cube, trained: Path, change: dict[str, Any]
) -> None:
    before = (trained / "experiment.json").read_bytes()
    with pytest.raises(ConfigError, match=r"(?s)run of another experiment.*choose another folder"):
        train(small_experiment(tiny_cube, **change), trained)
    assert (trained / "experiment.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("state.json", b"{torn"),
        ("state.json", b"[]"),
        ("state.json", b"{}"),
        ("state.safetensors", b"torn"),
        ("state.safetensors", None),
        ("state.json", None),
    ],
)
def test_a_damaged_state_is_one_clear_error(
    tiny_cube: Cube, tmp_path: Path, name: str, content: bytes | None
) -> None:
    out, experiment = tmp_path / "run", small_experiment(tiny_cube)
    with pytest.raises(_Killed):
        train(experiment, out, progress=dying_at(2))
    if content is None:
        (out / "last" / name).unlink()
    else:
        (out / "last" / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"(?s)cannot be resumed.*last.*remove the folder"):
        train(experiment, out)


def test_the_card_tells_all_a_user_must_know(tiny_cube: Cube, trained: Path) -> None:
    card = load_card(trained / "checkpoint")
    names = {"land_use", "land_use_fractions", "luh2_states", "elevation", "climate_zone"}
    assert set(card.variables) == set(card.grids) == names
    assert card.variables["elevation"]["units"] == "m"
    assert card.variables["luh2_states"]["units"] == "1"
    assert card.variables["climate_zone"]["legend"]["name"] == "koeppen_geiger"
    assert card.legends == {"land_use": LANDUSE8}
    assert card.grids["land_use"] == FINE
    assert card.grids["luh2_states"] == COARSE
    assert card.task_of() == LAND_USE
    assert [target.classes for target in card.targets] == [LANDUSE8.names]
    assert (card.strides, card.directions) == ((1,), (Direction.FORWARD, Direction.BACKWARD))
    assert (card.split.train, card.split.validation) == ((2000, 2006), (2006, 2007))
    assert card.training["experiment"]["training"]["steps"] == 6
    assert "cube" not in card.training["experiment"], "no path of the machine goes out"
    assert str(tiny_cube.path) not in (trained / "checkpoint" / "card.json").read_text()
    assert [p["sha256"] for p in card.data["provenance"]] == ["0" * 64, "1" * 64]
    assert card.licences == ("CC-BY-4.0", "CC-BY-SA-4.0")
    box = card.domain
    assert (box.trained, box.validated) == ((2000, 2006), (2006, 2007))
    assert (box.west, box.south, box.east, box.north) == pytest.approx((10.0, 48.0, 12.4, 50.0))
    assert box.holds(FINE)
    assert re.match(r"\d+\.", card.code_version)
    assert set(card.files) == {"model.safetensors"}
    assert re.fullmatch(r"[0-9a-f]{64}", card.files["model.safetensors"])
    assert card.base is None
    assert {"accuracy", "persistence_accuracy", "figure_of_merit"} <= set(card.scores["validation"])
    assert card.feedback == "classes"
    assert card.decision["default"] == "faithful"
    for name in ("faithful", "likely"):
        constants = card.decision["constants"][name]
        assert constants["balanced"] is True
        assert all(0.0 < constants[d] <= 20.0 for d in ("forward", "backward"))
        assert f"rollout_{name}_forward_accuracy" in card.scores["validation"]
    assert set(card.calibration["land_use"]) == {"forward", "backward"}
    predictor, _ = load_checkpoint(trained / "checkpoint")
    assert isinstance(predictor, NetworkPredictor)
    (network,) = predictor.networks
    statistics = card.normaliser["static"]["elevation"]
    assert statistics["mean"] == pytest.approx(float(network.encoder.static_scale.mean[0]))
    assert 100 < statistics["mean"] < 700
    assert set(card.normaliser["forcing"]) == set(network.spec.forcing)


def test_a_trained_model_rolls_out_from_its_checkpoint(tiny_cube: Cube, trained: Path) -> None:
    stepper, initial, card = open_model(
        trained / "checkpoint", tiny_cube, (2009, 2010, 2011), tiling=Tiling(32, 8)
    )
    assert decision_data(stepper.decision) == {
        "name": "faithful",
        **card.decision["constants"]["faithful"],
    }
    assert stepper.feedback == card.feedback
    ticks = [s.tick for s in rollout(stepper, initial, (2010, 2011))]
    assert ticks == [2009, 2010, 2011]


def test_an_ensemble_is_its_members(tiny_cube: Cube, trained: Path, tmp_path: Path) -> None:
    """Its first member is the network of the same seed alone, and a kill changes nothing."""
    out = tmp_path / "run"
    experiment = small_experiment(tiny_cube, training={"members": 2})
    with pytest.raises(_Killed):
        train(experiment, out, progress=dying_at(9))
    seen: list[tuple[int, int]] = []
    train(experiment, out, progress=lambda done, total, _: seen.append((done, total)))
    assert list(dict.fromkeys(seen)) == [(9, 12), (10, 12), (11, 12), (12, 12)]
    ensemble, card = load_checkpoint(out / "checkpoint")
    single, _ = load_checkpoint(trained / "checkpoint")
    other, _ = load_checkpoint(
        train(small_experiment(tiny_cube, training={"seed": 1}), tmp_path / "other")
    )
    assert isinstance(ensemble, NetworkPredictor)
    for member, alone in zip(ensemble.members(), (single, other), strict=True):
        assert isinstance(alone, NetworkPredictor)
        ours, theirs = (p.networks[0].state_dict() for p in (member, alone))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert card.architecture["members"] == 2
    weights = [load_card(f / "checkpoint").files for f in (trained, tmp_path / "other")]
    assert weights[0] != weights[1], "another seed, other weights"


def test_logs_are_a_table(trained: Path) -> None:
    (table,) = sorted((trained / "logs").rglob("metrics.csv"))[:1]
    rows = list(csv.DictReader(table.open()))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(float(row["loss"]) > 0 for row in rows)
    assert list((trained / "logs").rglob("events.out.tfevents*"))
    resolved = json.loads((trained / "experiment.json").read_text())
    assert resolved["samples"]["stride_decay"] == 1.0, "defaults are written out"


class _Spy:
    """Notes which years of which variable are asked for, of the cube or of its drivers.

    Times that share a chunk of the store are decoded together; what counts is who is served what.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: dict[str, set[int | None]] = {}
        real, served = Cube.read, CubeDrivers.cells

        def read(
            cube: Cube, name: str, tick: int | None = None, window: Window | None = None
        ) -> npt.NDArray[Any]:
            self.read.setdefault(name, set()).add(tick)
            return real(cube, name, tick, window)

        def cells(drivers: CubeDrivers, name: str, tick: int, window: Window) -> npt.NDArray[Any]:
            self.read.setdefault(name, set()).add(tick)
            return served(drivers, name, tick, window)

        monkeypatch.setattr(Cube, "read", read)
        monkeypatch.setattr(CubeDrivers, "cells", cells)


@pytest.mark.parametrize(
    ("train_span", "validation"),
    [((2000, 2004), (2004, 2006)), ((2007, 2011), (2005, 2007)), ((2000, 2003), (2006, 2008))],
    ids=["projection", "hindcast", "years left out between"],
)
def test_test_years_are_never_read(
    tiny_cube: Cube,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    train_span: tuple[int, int],
    validation: tuple[int, int],
) -> None:
    """Not by the loss, not by validation, not for a first state's history, in no direction."""
    experiment = small_experiment(
        tiny_cube,
        split={"train": train_span, "validation": validation},
        samples={"history": 2, "strides": (1, 2)},
        training={"steps": 2, "validate_every": 1},
    )
    spy = _Spy(monkeypatch)
    train(experiment, tmp_path / "run")
    allowed = {y for a, b in (train_span, validation) for y in range(a, b + 1)}
    for name in ("land_use", "land_use_fractions", "luh2_states"):
        assert spy.read[name] <= allowed, name
        assert set(range(validation[0], validation[1] + 1)) <= spy.read[name]
    assert allowed < set(YEARS)


def test_a_split_in_space(tiny_cube: Cube, tmp_path: Path) -> None:
    """Blocks are held out; years may be shared."""
    space = {"cells": 1, "folds": 9, "validation_share": 0.1, "seed": 1}
    experiment = small_experiment(
        tiny_cube,
        split={"train": [1990, 2011], "validation": [2009, 2011], "space": space},
        training={"steps": 2},
    )
    card = load_card(train(experiment, tmp_path / "run"))
    assert card.split.space is not None
    assert card.split.space.folds == 9


def test_buffers_that_leave_nothing_are_refused_at_once(tiny_cube: Cube, tmp_path: Path) -> None:
    space = {"cells": 1, "folds": 2, "buffer": 3}
    experiment = small_experiment(
        tiny_cube, split={"train": [2000, 2011], "validation": [2000, 2011], "space": space}
    )
    with pytest.raises(ConfigError, match=r"(?s)nothing is left for.*larger blocks"):
        train(experiment, tmp_path / "run")


def test_a_split_without_labels_is_refused(tiny_cube: Cube, tmp_path: Path) -> None:
    experiment = small_experiment(tiny_cube, split={"train": [1900, 1950]})
    with pytest.raises(SampleError, match=r"(?s)No step fits the split.*1900…1950"):
        train(experiment, tmp_path / "run")


def test_a_window_must_fit_the_network(tiny_cube: Cube, tmp_path: Path) -> None:
    experiment = small_experiment(tiny_cube, samples={"window": 17})
    with pytest.raises(ConfigError, match=r"(?s)window does not fit.*multiple of 2.*17"):
        train(experiment, tmp_path / "run")


def test_missing_drivers_and_tasks_are_named(tiny_cube: Cube, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"(?s)no such variable.*population_density"):
        train(small_experiment(tiny_cube, forcing=["population_density"]), tmp_path / "a")
    with pytest.raises(Exception, match=r"(?s)Unknown task.*land_us.*did you mean 'land_use'"):
        train(small_experiment(tiny_cube, task="land_us"), tmp_path / "b")


def test_an_experiment_without_forcing_trains(tiny_cube: Cube, tmp_path: Path) -> None:
    experiment = small_experiment(tiny_cube, forcing=[], training={"steps": 1})
    card = load_card(train(experiment, tmp_path / "run"))
    assert card.inputs.forcing == ()


def test_the_sampler_of_a_training_is_that_of_its_split(tiny_cube: Cube) -> None:
    """Guards the spy above: with the same span, a sampler does read the span's ends."""
    experiment: Experiment = small_experiment(tiny_cube)
    assembler, labels = assembled(experiment, tiny_cube)
    assert isinstance(labels["land_use"], Labels)
    masks = space_masks(FINE, COARSE, None)
    sampler = Sampler(assembler, labels, experiment.samples, experiment.split.train, masks.train)
    assert {t for run in sampler.steps for t in run} == set(range(2000, 2007))
    assert np.all(masks.train)
