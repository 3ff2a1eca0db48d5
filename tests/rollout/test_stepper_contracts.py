"""Every stepper keeps the contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ai4land.cube import Cube, State
from ai4land.models.networks import NetworkPredictor
from ai4land.rollout import (
    AllocationStepper,
    Decision,
    Faithful,
    Persistence,
    PredictorStepper,
    Stepper,
    Tiling,
    demand_of,
    observed_state,
    step,
)
from ai4land.samples import Demand
from ai4land.testing.contracts.stepper import StepperContract
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_network, lively_predictor
from tiny_cubes import FINE, LEAF_AREA, write_leaf_cube
from tiny_rollouts import LAND, assembler_of

TILING = Tiling(tile=24, overlap=8, batch=3)


def model_stepper(
    cube: Cube,
    feedback: str = "classes",
    history: int = 0,
    decision: Decision | None = None,
    asking: str | None = None,
) -> PredictorStepper:
    assembler = assembler_of(cube, ("land_use_fractions", "luh2_states"), ("slope",), history)
    return PredictorStepper(
        lively_predictor(assembler.spec),
        assembler,
        tiling=TILING,
        decision=decision,
        feedback=feedback,
        demand=None if asking is None else demand(cube, asking),
    )


def demand(cube: Cube, forcing: str) -> Demand:
    return demand_of(cube, LAND, (forcing,))


class LandUseContract(StepperContract):
    @pytest.fixture
    def initial(self, tiny_cube: Cube) -> State:
        return observed_state(tiny_cube, LAND_USE, 2005, past=(2004, 2003))

    @pytest.fixture
    def journeys(self) -> list[tuple[int, ...]]:
        return [(2006, 2008, 2011), (2004, 2003, 2000)]


class TestPersistence(LandUseContract):
    @pytest.fixture
    def stepper(self) -> Stepper:
        return Persistence(LAND_USE, FINE)


class TestKernel(LandUseContract):
    @pytest.fixture
    def stepper(self, tiny_cube: Cube) -> Stepper:
        return AllocationStepper("kernel", demand(tiny_cube, "land_use_fractions"), seed=3)


class TestRandom(LandUseContract):
    @pytest.fixture
    def stepper(self, tiny_cube: Cube) -> Stepper:
        return AllocationStepper("random", demand(tiny_cube, "luh2_states"), seed=3)


class TestModel(LandUseContract):
    @pytest.fixture(params=["classes", "probabilities"])
    def stepper(self, tiny_cube: Cube, request: pytest.FixtureRequest) -> Stepper:
        return model_stepper(tiny_cube, request.param)


class TestModelWithHistory(LandUseContract):
    @pytest.fixture
    def stepper(self, tiny_cube: Cube) -> Stepper:
        return model_stepper(tiny_cube, history=2)


class TestFaithful(LandUseContract):
    @pytest.fixture(params=["land_use_fractions", "luh2_states"])
    def stepper(self, tiny_cube: Cube, request: pytest.FixtureRequest) -> Stepper:
        decision = Faithful(balanced=request.param == "luh2_states")
        return model_stepper(tiny_cube, history=1, decision=decision, asking=request.param)


MONTHS = tuple(range(2000 * 12 + 8, 2000 * 12 + 16))


class LeafAreaContract(StepperContract):
    @pytest.fixture(scope="class")
    def leaf_cube(self, tmp_path_factory: pytest.TempPathFactory) -> Cube:
        path: Path = tmp_path_factory.mktemp("leaf") / "cube.zarr"
        return write_leaf_cube(path, MONTHS)

    @pytest.fixture
    def initial(self, leaf_cube: Cube) -> State:
        return observed_state(leaf_cube, LEAF_AREA, MONTHS[0])

    @pytest.fixture
    def journeys(self) -> list[tuple[int, ...]]:
        return [MONTHS[1:4]]


class TestPersistentLeaves(LeafAreaContract):
    @pytest.fixture
    def stepper(self, leaf_cube: Cube) -> Stepper:
        return Persistence(LEAF_AREA, leaf_cube.grid("leaf_area_index"))


class TestLeafModel(LeafAreaContract):
    @pytest.fixture
    def stepper(self, leaf_cube: Cube) -> Stepper:
        assembler = assembler_of(leaf_cube, ("population_density",), history=1, task=LEAF_AREA)
        network = lively_network(assembler.spec)
        network.scale("leaf_area_index").fit(torch.tensor([2.0]), torch.tensor([0.1]))
        return PredictorStepper(NetworkPredictor([network]), assembler, tiling=TILING)


def test_two_seeds_are_two_draws(tiny_cube: Cube) -> None:
    """The contract's sameness is not that of a stepper without chance."""
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    one, two = (
        step(
            AllocationStepper("random", demand(tiny_cube, "land_use_fractions"), seed=seed),
            initial,
            2009,
        )["land_use"].values
        for seed in (0, 1)
    )
    assert (one != two).any()
    assert np.array_equal(np.bincount(one.ravel()), np.bincount(two.ravel()))
