"""Scores of numbers: by hand, by tiles, by area, and what is undefined."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import SampleError
from ai4land.metrics import NumberSums

SCORES = ("bias", "mean_absolute_error", "root_mean_square_error", "explained_variance")
QUICK = settings(derandomize=True, deadline=None, max_examples=30)
FloatArray = npt.NDArray[np.float64]


def maps(seed: int) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_], FloatArray]:
    """Prediction, truth, mask and areas; nothing is known where the mask is not."""
    rng = np.random.default_rng(seed)
    truth = rng.gamma(2.0, 1.5, (11, 14))
    predicted = truth + rng.normal(0.2, 0.5, truth.shape)
    mask = rng.random(truth.shape) < 0.8
    truth[~mask] = predicted[~mask] = np.nan
    return predicted, truth, mask, 1e6 * rng.uniform(0.5, 2.0, truth.shape)


def test_by_hand() -> None:
    truth = np.array([[1.0, 2.0, 3.0, 6.0]])
    predicted = np.array([[1.0, 3.0, 1.0, 6.0]])
    found = NumberSums.of(predicted, truth, np.ones((1, 4), bool))
    assert found.weighting == "pixel"
    assert found.sums.tolist() == [4, -1, 3, 5, 12, 50]
    assert found.to_dict() == {
        "bias": -0.25,
        "mean_absolute_error": 0.75,
        "root_mean_square_error": math.sqrt(1.25),
        "explained_variance": pytest.approx(1 - 5 / 14),
    }


def test_masked_pixels_do_not_count() -> None:
    truth = np.array([[1.0, np.nan, 3.0]], np.float32)
    predicted = np.array([[2.0, 9.0, np.nan]], np.float32)
    found = NumberSums.of(predicted, truth, np.array([[True, False, False]]))
    assert (found.sums[0], found.bias) == (1, 1.0)


def test_a_pixel_counts_its_area() -> None:
    truth, predicted = np.zeros((1, 2)), np.array([[1.0, -2.0]])
    found = NumberSums.of(predicted, truth, np.ones((1, 2), bool), np.array([[3e6, 1e6]]))
    assert found.weighting == "area"
    assert found.bias == 0.25
    assert found.mean_absolute_error == 1.25
    assert found.root_mean_square_error == math.sqrt(7 / 4)


@given(seed=st.integers(0, 10**6), row=st.integers(0, 11), col=st.integers(0, 14))
@QUICK
def test_tiles_are_the_whole(seed: int, row: int, col: int) -> None:
    predicted, truth, mask, area = maps(seed)
    parts = [
        (rows, cols)
        for rows in (slice(0, row), slice(row, None))
        for cols in (slice(0, col), slice(col, None))
    ]
    for weights in (None, area):
        whole = NumberSums.of(predicted, truth, mask, weights)
        tiles = sum(
            NumberSums.of(predicted[p], truth[p], mask[p], None if weights is None else weights[p])
            for p in parts
        )
        assert isinstance(tiles, NumberSums)
        np.testing.assert_allclose(tiles.sums, whole.sums, rtol=1e-12)
        assert tiles.weighting == whole.weighting


@given(seed=st.integers(0, 10**6))
@QUICK
def test_what_holds_of_any_maps(seed: int) -> None:
    predicted, truth, mask, area = maps(seed)
    one = NumberSums.of(predicted, truth, mask, area)
    assert abs(one.bias) <= one.mean_absolute_error <= one.root_mean_square_error
    assert one.explained <= 1
    even = NumberSums.of(predicted, truth, mask, np.full_like(area, 7.0))
    plain = NumberSums.of(predicted, truth, mask)
    for name in SCORES:
        assert even.to_dict()[name] == pytest.approx(plain.to_dict()[name])
    turned = NumberSums.of(truth, predicted, mask, area)
    assert turned.bias == pytest.approx(-one.bias)
    assert turned.root_mean_square_error == pytest.approx(one.root_mean_square_error)


@given(seed=st.integers(0, 10**6))
@QUICK
def test_the_truth_itself_and_its_mean(seed: int) -> None:
    _, truth, mask, area = maps(seed)
    for weights in (None, area):
        found = NumberSums.of(truth, truth, mask, weights)
        assert list(found.to_dict().values()) == [0, 0, 0, 1]
        mean = np.average(truth[mask], weights=None if weights is None else weights[mask])
        flat = NumberSums.of(np.full_like(truth, mean), truth, mask, weights)
        assert flat.explained == pytest.approx(0, abs=1e-9)


def test_of_nothing_nothing_is_known() -> None:
    predicted, truth, _, area = maps(0)
    found = NumberSums.of(predicted, truth, np.zeros(truth.shape, bool), area)
    assert found.to_dict() == dict.fromkeys(SCORES)


@pytest.mark.parametrize("value", [0.0, 0.1, 2.7, 1 / 3])
def test_a_truth_without_spread_has_none_to_explain(value: float) -> None:
    _, truth, _, area = maps(0)
    flat = np.full(truth.shape, value, np.float32)
    for weights in (None, area):
        found = NumberSums.of(flat + 1, flat, np.ones(flat.shape, bool), weights).to_dict()
        assert found.pop("explained_variance") is None
        assert all(score == pytest.approx(1) for score in found.values())


def test_pixels_and_areas_are_not_added() -> None:
    predicted, truth, mask, area = maps(0)
    with pytest.raises(SampleError, match="different weighting cannot be added"):
        _ = NumberSums.of(predicted, truth, mask) + NumberSums.of(predicted, truth, mask, area)
