"""Every predictor keeps the same contract, whatever it predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.models import Inputs, Predictor
from ai4land.models.networks import NetworkPredictor, tensors
from ai4land.testing.contracts.predictor import PredictorContract
from network_inputs import (
    LAND,
    array_inputs,
    class_spec,
    lively_network,
    lively_predictor,
    number_spec,
    two_target_spec,
)

SEEDS = (1, 5, 8)
MILD = 5.0  # corrections small enough that rounding does not show


class TestLandUse(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        network = lively_network(class_spec(history=1), strength=MILD)
        network.transitions()[LAND].counts[0] = 1
        network.transitions()[LAND].counts[0, 1, 2] = 0
        return NetworkPredictor([network])

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(class_spec(history=1), seeds=SEEDS)


class TestGrossTransitions(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        return lively_predictor(class_spec(flows=True), strength=MILD)

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(class_spec(flows=True), seeds=SEEDS)


class TestEnsembleOfTwo(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        networks = [lively_network(class_spec(), seed=seed, strength=MILD) for seed in (1, 2)]
        return NetworkPredictor(networks)

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(class_spec(), seeds=SEEDS)


class TestLeafArea(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        return lively_predictor(number_spec(history=1), strength=MILD)

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(number_spec(history=1), seeds=SEEDS)


class TestTwoTargets(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        return lively_predictor(two_target_spec(history=2), strength=MILD)

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(two_target_spec(history=2), seeds=SEEDS)


def test_folding_the_norms_changes_nothing_but_rounding() -> None:
    """A predictor folds batch norms into convolutions; the network itself stays as it was."""
    spec = two_target_spec()
    network = lively_network(spec, strength=MILD)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    predictor = NetworkPredictor([network])
    inputs = array_inputs(spec, seeds=SEEDS)
    from_arrays = predictor.predict(inputs)
    assert all((value == before[name]).all() for name, value in network.state_dict().items())
    with_norms = network.values(tensors(inputs))
    for name, values in from_arrays.items():
        expected = with_norms[name].detach().numpy()
        np.testing.assert_allclose(values, expected, atol=1e-4, rtol=1e-4)
