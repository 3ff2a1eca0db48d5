"""Every stepper keeps the contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ai4land.cube import Cube, State
from ai4land.rollout import (
    AllocationStepper,
    ClosedBooks,
    Decision,
    NetworkStepper,
    Persistence,
    Stepper,
    Tiling,
    observed_state,
    step,
)
from ai4land.samples import Demand, WindowReader, input_spec
from ai4land.testing.contracts.stepper import StepperContract
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_network
from tiny_cubes import FINE, LEAF_AREA, write_leaf_cube

TILING = Tiling(tile=24, overlap=8, batch=3)


def network_stepper(
    cube: Cube,
    feedback: str = "classes",
    history: int = 0,
    decision: Decision | None = None,
    asking: str | None = None,
) -> NetworkStepper:
    spec = input_spec(cube, LAND_USE, ("land_use_fractions", "luh2_states"), ("slope",), history)
    reader = WindowReader(cube, LAND_USE, spec)
    return NetworkStepper(
        lively_network(spec),
        reader,
        tiling=TILING,
        decision=decision,
        feedback=feedback,
        demand=None if asking is None else demand(cube, asking),
    )


def demand(cube: Cube, forcing: str) -> Demand:
    reader = WindowReader(cube, LAND_USE, input_spec(cube, LAND_USE, (forcing,), ()))
    return Demand(reader, forcing)


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


class TestNetwork(LandUseContract):
    @pytest.fixture(params=["classes", "probabilities"])
    def stepper(self, tiny_cube: Cube, request: pytest.FixtureRequest) -> Stepper:
        return network_stepper(tiny_cube, request.param)


class TestNetworkWithHistory(LandUseContract):
    @pytest.fixture
    def stepper(self, tiny_cube: Cube) -> Stepper:
        return network_stepper(tiny_cube, history=2)


class TestClosedBooks(LandUseContract):
    @pytest.fixture(params=["land_use_fractions", "luh2_states"])
    def stepper(self, tiny_cube: Cube, request: pytest.FixtureRequest) -> Stepper:
        decision = ClosedBooks(balanced=request.param == "luh2_states")
        return network_stepper(tiny_cube, history=1, decision=decision, asking=request.param)


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


class TestLeafNetwork(LeafAreaContract):
    @pytest.fixture
    def stepper(self, leaf_cube: Cube) -> Stepper:
        spec = input_spec(leaf_cube, LEAF_AREA, ("population_density",), (), 1)
        reader = WindowReader(leaf_cube, LEAF_AREA, spec)
        network = lively_network(spec)
        network.target_scale.fit(torch.tensor([2.0]), torch.tensor([0.1]))
        return NetworkStepper(network, reader, tiling=TILING)


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
