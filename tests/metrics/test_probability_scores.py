"""Probabilities judged: operating characteristic, reliability, Brier score, rank histogram."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from class_maps import NAMES, K, Maps, patchy, random_probability, three_class_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ai4land.errors import GridError, SampleError
from ai4land.metrics import (
    RankHistogram,
    operating,
    probability_edges,
    rank_histogram,
    reliability,
)
from ai4land.vocabulary import NO_DATA

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
MAPS = patchy(11)


def two_class(share: list[float]) -> NDArray[np.float64]:
    """Probabilities of two classes at the pixels of a row."""
    gained = np.array([share])
    return np.stack([1 - gained, gained])


def test_operating_characteristic_by_hand() -> None:
    # Five candidates for the gain of b, sorted by probability: came, not, came, not, not.
    initial = np.array([[0, 0, 0, 0, 0, 1]], np.uint8)
    reference = np.array([[1, 0, 1, 0, 0, 1]], np.uint8)
    said = two_class([0.9, 0.7, 0.5, 0.3, 0.1, 0.99])
    found = operating(initial, reference, said, 2)
    curve = found.curve(1)
    assert (curve.extent, curve.presence) == (5, 2)
    points = sorted(set(zip(curve.flagged.tolist(), curve.hits.tolist(), strict=True)))
    assert points == [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 2)]
    # Pairs of one that came and one that did not, ranked rightly: 3 + 2 of 6.
    assert curve.auc == pytest.approx(5 / 6)
    area = 0.5 + 1 + 1.5 + 2 + 2
    assert curve.auc == pytest.approx((area - 2**2 / 2) / (2 * 3))
    at_three = int(np.flatnonzero(curve.flagged == 3)[0])
    assert curve.largest[at_three] == 2
    assert curve.least[at_three] == 0
    assert curve.uniform[at_three] == pytest.approx(3 * 2 / 5)
    scores = found.scores(("a", "b"))
    assert scores["gains"]["b"] == {"extent": 5, "presence": 2, "auc": pytest.approx(5 / 6)}
    assert scores["gains"]["a"]["auc"] is None  # nothing gained a
    assert scores["weighting"] == "pixel"


def by_pairs(said: NDArray[np.float64], came: NDArray[np.bool_]) -> float:
    """The chance that what came was more probable than what did not; ties count half."""
    one, two = said[came][:, np.newaxis], said[~came]
    return float(np.mean((one > two) + 0.5 * (one == two)))


@QUICK
@given(three_class_maps(most=8), st.integers(0, 9))
def test_area_under_the_curve_is_the_chance_to_rank_rightly(maps: Maps, seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = tuple((np.arange(8) / 8).tolist())
    said = rng.integers(0, 8, (K, *maps[0].shape)) / 8  # on the edges: no rounding within one
    found = operating(maps[0], maps[1], said, K, edges=edges)
    scored = (maps[0] != NO_DATA) & (maps[1] != NO_DATA)
    for k in range(K):
        able = scored & (maps[0] != k)
        came = maps[1][able] == k
        curve = found.curve(k)
        assert (curve.hits <= curve.largest + 1e-9).all()
        assert (curve.hits >= curve.least - 1e-9).all()
        if came.any() and not came.all():
            assert curve.auc == pytest.approx(by_pairs(said[k][able], came))
        else:
            assert math.isnan(curve.auc)


def test_a_perfect_ranking_and_none_at_all() -> None:
    perfect = np.stack([(MAPS[1] == k) * 0.9 for k in range(K)])
    flat = np.full((K, *MAPS[0].shape), 0.25)
    areas = np.linspace(1, 2, MAPS[0].shape[0])[:, np.newaxis]
    for k in range(K):
        assert operating(*MAPS[:2], perfect, K).curve(k).auc == 1
        assert operating(*MAPS[:2], flat, K, areas).curve(k).auc == pytest.approx(0.5)
        assert operating(*MAPS[:2], -perfect + 0.9, K).curve(k).auc == pytest.approx(0, abs=1e-12)


def test_edges_are_fine_towards_the_ends() -> None:
    edges = np.array(probability_edges(64, 10.0))
    assert edges[0] == 0
    assert len(edges) == 64
    assert (np.diff(edges) > 0).all()
    assert edges[1] == pytest.approx(1 / (1 + np.exp(10)))
    assert np.diff(edges)[20] < np.diff(edges)[31]


def test_reliability_by_hand() -> None:
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    said = two_class([0.2, 0.2, 0.2, 0.9])
    found = reliability(truth, said, 2, initial=np.array([[0, 0, 0, 1]], np.uint8), intervals=10)
    errors = [0.2, 0.2, 0.8, 0.1]
    assert found.brier == pytest.approx(2 * sum(e * e for e in errors) / 4)
    assert found.persistence_brier == pytest.approx(2 * 1 / 4)
    assert found.brier_skill == pytest.approx(1 - found.brier / 0.5)
    # three times 0.8 said of class a, true twice; once 0.9 of class b, true
    assert found.calibration_error == pytest.approx((abs(3 * 0.8 - 2) + abs(0.9 - 1)) / 4)
    mean_said, came, weight = found.curve(1)
    assert weight.tolist() == [0, 0, 3, 0, 0, 0, 0, 0, 0, 1]
    assert mean_said[2] == pytest.approx(0.2)
    assert came[2] == pytest.approx(1 / 3)
    assert np.isnan(came[0])
    assert found.class_calibration_error[1] == pytest.approx((3 * (1 / 3 - 0.2) + 0.1) / 4)
    assert json.dumps(found.scores(("a", "b")), allow_nan=False)


@QUICK
@given(three_class_maps(), st.integers(0, 9))
def test_the_parts_of_the_brier_score(maps: Maps, seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = np.moveaxis(np.eye(K)[rng.integers(0, K, maps[0].shape)], -1, 0)
    said = (said * 0.5 + 0.5 / K).astype(np.float32)  # one probability per interval
    found = reliability(maps[1], said, K)
    if found.total == 0:
        assert math.isnan(found.brier)
        return
    parts = found.decomposition()
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    np.testing.assert_allclose(total, found.squares / found.total, atol=1e-6)
    assert found.brier == pytest.approx(float(total.sum()), abs=1e-6)
    assert math.isnan(found.persistence_brier)


def test_certain_and_right_or_as_persistence() -> None:
    def sure(layer: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.stack([layer == k for k in range(K)]).astype(np.float64) + (layer == NO_DATA) / K

    perfect = reliability(MAPS[1], sure(MAPS[1]), K, initial=MAPS[0])
    assert perfect.brier == 0
    assert perfect.calibration_error == 0
    assert perfect.brier_skill == 1
    still = reliability(MAPS[1], sure(MAPS[0]), K, initial=MAPS[0], weights=2.0)
    assert still.brier == pytest.approx(still.persistence_brier)
    assert still.brier_skill == pytest.approx(0)
    assert still.weighting == "area"


def test_what_is_no_probability_is_refused() -> None:
    said = random_probability(np.random.default_rng(0), MAPS[0].shape)
    with pytest.raises(SampleError, match=r"sum to 1[\s\S]*0\.5"):
        reliability(MAPS[1], said / 2, K)
    for bad in (np.nan, -0.1, 1.1):
        broken = said.copy()
        broken[0, -1, -1] = bad
        with pytest.raises(SampleError, match="missing or out of range"):
            operating(MAPS[0], MAPS[1], broken, K)
    hidden = said.copy()
    hidden[:, MAPS[0] == NO_DATA] = np.nan  # nobody looks there
    assert operating(MAPS[0], MAPS[1], hidden, K).counts.sum() > 0
    with pytest.raises(GridError, match="one layer per class"):
        operating(MAPS[0], MAPS[1], said[:2], K)
    with pytest.raises(SampleError, match="ascend from 0"):
        operating(MAPS[0], MAPS[1], said, K, edges=(0.1, 0.5))


def test_ranks_by_hand() -> None:
    truth = np.array([[1.0, 5.0, 2.0, np.nan]])
    members = np.array([[[0.0, 6, 2, 1]], [[2.0, 7, 2, 1]], [[3.0, 8, 3, 1]]])
    found = rank_histogram(truth, members)
    # above one; below all; equal to two and below one: rank 0, 1 or 2
    np.testing.assert_allclose(found.counts, [[1 + 1 / 3, 1 + 1 / 3, 1 / 3, 0]])
    assert found.outside[0] == pytest.approx((4 / 3) / 3)
    assert (found + found).counts.sum() == pytest.approx(6)
    scores = found.scores(["a"])
    assert scores["outside_if_perfect"] == 0.5
    shares = np.array([4 / 9, 4 / 9, 1 / 9, 0])
    assert scores["classes"]["a"]["unevenness"] == pytest.approx(0.5 * np.abs(shares - 0.25).sum())


def test_a_perfect_ensemble_is_flat_and_a_narrow_one_is_not() -> None:
    rng = np.random.default_rng(5)
    truth, members = rng.normal(size=(1, 20_000)), rng.normal(size=(9, 1, 20_000))
    assert rank_histogram(truth, members).unevenness[0] < 0.02
    assert rank_histogram(truth, 0.5 * members).outside[0] > 0.4
    assert np.isnan(RankHistogram(np.zeros((1, 4))).outside[0])


def test_members_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SampleError, match="do not fit"):
        rank_histogram(np.zeros((K, 4)), np.zeros((2, K, 5)))
    with pytest.raises(SampleError, match="member is missing"):
        rank_histogram(np.zeros((1, 2)), np.array([[[0.0, np.nan]]]))
    with pytest.raises(SampleError, match="one name per class"):
        rank_histogram(np.zeros((1, 2)), np.zeros((2, 1, 2))).scores(NAMES)
