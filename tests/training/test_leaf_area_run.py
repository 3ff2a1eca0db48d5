"""A continuous monthly variable goes the whole way: sample, training, rollout, cube."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from ai4land.checkpoint import load_checkpoint
from ai4land.cube import Cube, Status
from ai4land.errors import SampleError
from ai4land.models.networks import build_network
from ai4land.rollout import (
    PredictorStepper,
    Tiling,
    cube_assembler,
    observed_state,
    rollout,
    save_rollout,
)
from ai4land.samples import Labels, SampleOptions, Sampler, stack
from ai4land.training import Experiment, TrainingOptions, train
from ai4land.training.networks.loss import sample_loss
from ai4land.training.networks.statistics import fit_normalisers
from ai4land.vocabulary import TASKS, Clock
from experiments import SMALL
from tiny_cubes import LEAF_AREA, write_leaf_cube
from tiny_rollouts import assembler_of

MONTHS = tuple(range(2000 * 12, 2001 * 12 + 8))
(LEAF,) = LEAF_AREA.targets
SPANS = (MONTHS[0], MONTHS[11]), (MONTHS[11], MONTHS[15])


@pytest.fixture(scope="module", params=[Clock.YEAR, Clock.MONTH], ids=["annual", "monthly"])
def leaf_cube(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Cube:
    """Leaf area under a coarse driver, annual or monthly."""
    path: Path = tmp_path_factory.mktemp("leaf") / "cube.zarr"
    return write_leaf_cube(path, MONTHS, request.param)


def test_samples_of_months(leaf_cube: Cube) -> None:
    assembler = assembler_of(leaf_cube, ("population_density",), task=LEAF_AREA)
    mask = np.ones((24, 32), dtype=bool)
    options = SampleOptions(window=16, strides=(3,), recursion=2)
    sampler = Sampler(assembler, {LEAF.name: Labels(leaf_cube, LEAF)}, options, SPANS[0], mask)
    sample = sampler.draw(np.random.default_rng(0))
    leaves = sample.targets[LEAF.name]
    assert leaves.before.dtype == np.float32
    assert assembler.spec.calendar == ("years", "season_cos", "season_sin")
    assert sample.calendar[:, 0].tolist() == [0.25, 0.25]
    np.testing.assert_allclose((sample.calendar[:, 1:] ** 2).sum(axis=1), 1.0, rtol=1e-6)
    assert leaves.moves.all()
    np.testing.assert_array_equal(np.isfinite(leaves.before), leaves.domain)
    np.testing.assert_array_equal(leaves.visible, leaves.domain)
    assert {t for run in sampler.steps for t in run} <= set(range(SPANS[0][0], SPANS[0][1] + 1))
    (target,) = assembler.spec.targets
    assert (target.classes, target.layers) == ((), 1)
    batch = stack([sample, sampler.draw(np.random.default_rng(1))])
    torch.manual_seed(0)
    network = build_network({"name": "unet", "widths": (4, 6), "embedding": 3}, assembler.spec)
    fit_normalisers(network, sampler, np.random.default_rng(2))
    assert 0.5 < float(network.scale(LEAF.name).mean) < 4.0
    assert 0.5 < float(network.scale(LEAF.name).spread) < 2.0
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        loss = sample_loss(network, network, batch, assembler, TrainingOptions())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_from_experiment_to_a_cube_of_dates(
    leaf_cube: Cube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TASKS, LEAF_AREA.name, LEAF_AREA)
    experiment = Experiment.model_validate(
        {
            **SMALL,
            "cube": str(leaf_cube.path),
            "task": "leaf_area_index",
            "forcing": ["population_density"],
            "static": [],
            "split": {"train": SPANS[0], "validation": SPANS[1]},
            "samples": {"window": 16, "recursion": 2, "history": 1},
        }
    )
    predictor, card = load_checkpoint(train(experiment, tmp_path / "run"))
    assert card.task_of() == LEAF_AREA
    assert (card.legends, card.domain.trained) == ({}, SPANS[0])
    assert card.variables["leaf_area_index"]["units"] == "m2 m-2"
    assert set(card.normaliser["leaf_area_index"]) == {"leaf_area_index"}
    assert {"mean_square", "persistence_mean_square"} <= set(card.scores["validation"])

    assembler = cube_assembler(leaf_cube, LEAF_AREA, predictor.spec)
    stepper = PredictorStepper(predictor, assembler, tiling=Tiling(16, 4))
    initial = observed_state(leaf_cube, LEAF_AREA, MONTHS[10])
    ticks = MONTHS[11:16]
    with pytest.raises(SampleError, match="may not be stepped on its own predictions"):
        rollout(stepper, initial, (MONTHS[9], MONTHS[8]))
    found = save_rollout(
        stepper,
        initial,
        ticks,
        tmp_path / "p.zarr",
        like=leaf_cube,
        attributes={"title": "leaves"},
    )
    values = found.series("leaf_area_index")
    sea = np.isnan(leaf_cube.read("leaf_area_index", MONTHS[10]))
    np.testing.assert_array_equal(np.isnan(values), np.broadcast_to(sea, values.shape))
    assert (values[:, ~sea] >= 0).all()
    assert (values[1] != values[0])[~sea].all()
    assert found.status("leaf_area_index")[ticks[-1]] is Status.PREDICTED
    with xr.open_zarr(tmp_path / "p.zarr", group="fine_monthly", consolidated=False) as data:
        assert np.issubdtype(data["time"].dtype, np.datetime64)
        assert [str(t)[:7] for t in data["time"].values[:3]] == ["2000-11", "2000-12", "2001-01"]
        winter = data["leaf_area_index"].sel(time="2001-01")
        assert winter.shape == (1, 24, 32)
        assert data["leaf_area_index"].attrs["units"] == "m2 m-2"
    # whatever reads labels reads it, so a prediction can drive and be scored as the truth can
    assert np.isfinite(Labels(found, LEAF).codes(ticks[0])).any()
