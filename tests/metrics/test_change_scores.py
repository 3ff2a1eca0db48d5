"""Three-map scores: hand-computed cases, persistence, invariants."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from ai4land.metrics import ThreeMaps, change_scores, three_maps
from ai4land.vocabulary import NO_DATA

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
TABLES = npst.arrays(np.int64, (3, 3, 4), elements=st.integers(0, 50))

# One pixel a line: initial, reference, simulated.
_PIXELS = np.array(
    [
        [0, 1, 1],  # hit
        [0, 1, 1],  # hit
        [0, 1, 2],  # wrong hit
        [0, 2, 0],  # miss
        [1, 2, 1],  # miss
        [1, 2, 1],  # miss
        [2, 2, 1],  # false alarm
        [1, 1, NO_DATA],  # false alarm: nothing is no class
        [0, 0, 0],  # correct rejections
        [1, 1, 1],
    ],
    dtype=np.uint8,
)
HAND = (_PIXELS[:, 0], _PIXELS[:, 1], _PIXELS[:, 2])


def test_budget_by_hand() -> None:
    three = three_maps(*HAND, 3)
    budget = (
        three.hits,
        three.wrong_hits,
        three.misses,
        three.false_alarms,
        three.correct_rejections,
    )
    assert budget == (2, 1, 3, 2, 2)
    assert three.observed_change == 6
    assert three.simulated_change == 5
    assert three.figure_of_merit == pytest.approx(2 / 8)
    assert three.producers_accuracy == pytest.approx(2 / 6)
    assert three.users_accuracy == pytest.approx(2 / 5)
    assert three.changed.total == 6
    assert three.reference_confusion.accuracy == pytest.approx(4 / 10)


def test_gains_and_transitions_by_hand() -> None:
    three = three_maps(*HAND, 3)
    transitions = three.transition_figure_of_merit
    assert transitions[0, 1] == pytest.approx(2 / 3)
    assert transitions[0, 2] == 0  # one wrongly simulated, another missed
    assert transitions[1, 2] == 0
    assert transitions[2, 1] == 0
    assert math.isnan(transitions[2, 0])
    assert np.isnan(np.diagonal(transitions)).all()
    gains = three.gain_figure_of_merit
    assert math.isnan(gains[0])
    # gained in truth or simulation: 0→1 three times, 2→1 once; in both twice
    assert gains[1:].tolist() == [pytest.approx(2 / 4), 0.0]


def test_losses_by_hand() -> None:
    losses = three_maps(*HAND, 3).loss_figure_of_merit
    # a left four times in truth and three in the simulation, twice alike; one stayed in both.
    # b and c: never left alike
    assert losses.tolist() == [pytest.approx(2 / 4), 0.0, 0.0]
    assert math.isnan(ThreeMaps.zero(2).loss_figure_of_merit[0])


def test_change_as_segmentation_by_hand() -> None:
    three = three_maps(*HAND, 3)
    assert three.change_iou == pytest.approx((2 + 1) / 8)
    # where the truth changed: b 3 of which 2 said b, and b said twice more of c; c never said
    # but once of b
    iou_b, iou_c = 2 / (3 + 4 - 2), 0 / (3 + 1 - 0)
    assert three.change_segmentation == pytest.approx((3 / 8 + (iou_b + iou_c) / 2) / 2)
    assert three.persistence.change_segmentation == 0
    assert math.isnan(ThreeMaps.zero(2).change_segmentation)


def test_kappa_simulation_by_hand() -> None:
    # Initial a 4, b 4. Of a: truth 2 to b, simulated 1 to b, rightly. Of b: nothing, 1 to a.
    initial = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.uint8)
    truth = np.array([0, 0, 1, 1, 1, 1, 1, 1], np.uint8)
    simulated = np.array([0, 0, 0, 1, 0, 1, 1, 1], np.uint8)
    three = three_maps(initial, truth, simulated, 2)
    chance = (4 * (2 / 4 * 3 / 4 + 2 / 4 * 1 / 4) + 4 * (1 * 3 / 4)) / 8
    best = (4 * (2 / 4 + 1 / 4) + 4 * (3 / 4)) / 8
    assert three.kappa_simulation == pytest.approx((6 / 8 - chance) / (1 - chance))
    assert three.kappa_transition == pytest.approx((best - chance) / (1 - chance))
    assert three.kappa_transloc == pytest.approx((6 / 8 - chance) / (best - chance))


def test_report_is_json_and_says_what_is_undefined() -> None:
    report = change_scores(three_maps(*HAND, 3), ["a", "b", "c"])
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["gains"]["a"] is None
    assert report["hits"] == 2
    assert isinstance(report["hits"], int)
    assert {
        "from": "a",
        "to": "b",
        "observed": 3,
        "simulated": 2,
        "hits": 2,
        "figure_of_merit": 2 / 3,
    } in report["transitions"]
    empty = change_scores(ThreeMaps.zero(2), ["a", "b"])
    assert empty["figure_of_merit"] is None
    assert empty["kappa_simulation"] is None
    assert empty["transitions"] == []


def test_no_change_at_all_is_undefined_not_perfect() -> None:
    same = np.array([[0, 1], [1, 2]], np.uint8)
    areas = np.array([[0.1, 0.2], [0.3, 0.7]])
    for weights in (None, areas):
        three = three_maps(same, same, same, 3, weights)
        assert math.isnan(three.figure_of_merit)
        assert math.isnan(three.kappa_simulation)
        assert math.isnan(three.kappa_transition)
        assert math.isnan(three.kappa_transloc)


def test_rounding_of_areas_is_not_taken_for_change() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        counts = np.zeros((9, 9, 10))
        counts[range(9), range(9), range(9)] = rng.random(9) * 1e11
        three = ThreeMaps(counts)
        assert math.isnan(three.kappa_simulation)
        assert math.isnan(three.kappa_transition)


@QUICK
@given(TABLES)
def test_budget_adds_up_and_scores_stay_in_bounds(counts: NDArray[np.int64]) -> None:
    three = ThreeMaps(counts)
    parts = three.hits + three.wrong_hits + three.misses + three.false_alarms
    assert parts + three.correct_rejections == three.total
    assert three.observed_change == three.hits + three.wrong_hits + three.misses
    assert three.simulated_change == three.hits + three.wrong_hits + three.false_alarms
    assert three.changed.total == three.observed_change
    for score in (three.figure_of_merit, three.producers_accuracy, three.users_accuracy):
        assert math.isnan(score) or 0 <= score <= 1
    # the losses of all classes are the whole change, in numerator and denominator
    left = counts.sum(axis=(1, 2)) - np.einsum("iii->i", counts[:, :, :3])
    pooled = np.nansum(three.loss_figure_of_merit * left)
    assert pooled == pytest.approx(three.hits)
    assert left.sum() == parts
    assert math.isnan(three.change_iou) or three.change_iou >= three.figure_of_merit
    hits = np.nansum(three.transition_figure_of_merit)
    assert (hits > 0) == (three.hits > 0)


@QUICK
@given(TABLES, st.booleans())
def test_persistence_has_no_skill(counts: NDArray[np.int64], weighted: bool) -> None:
    three = (
        ThreeMaps(0.37 * counts.astype(np.float64)) if weighted else ThreeMaps(counts)
    ).persistence
    assume(three.observed_change > 0)
    assert three.figure_of_merit == 0
    assert three.simulated_change == 0
    assert three.kappa_simulation == pytest.approx(0, abs=1e-9)
    assert three.kappa_transition == pytest.approx(0, abs=1e-9)
    assert math.isnan(three.kappa_transloc)
    assert math.isnan(three.users_accuracy)


@QUICK
@given(TABLES)
def test_the_truth_itself_has_full_skill(counts: NDArray[np.int64]) -> None:
    perfect = np.zeros_like(counts)
    for j in range(3):
        perfect[:, j, j] = counts.sum(axis=2)[:, j]
    three = ThreeMaps(perfect)
    assume(three.observed_change > 0)
    assert three.figure_of_merit == 1
    assert np.nanmin(three.gain_figure_of_merit) == 1
    assert three.reference_confusion.accuracy == 1
    # where every pixel of a class does the same, chance is right too and kappa says nothing
    assert math.isnan(three.kappa_simulation) or three.kappa_simulation == pytest.approx(1)


@QUICK
@given(TABLES, st.permutations(range(3)))
def test_renaming_classes_changes_no_overall_score(
    counts: NDArray[np.int64], order: list[int]
) -> None:
    before, after = ThreeMaps(counts), ThreeMaps(counts[np.ix_(order, order, [*order, 3])])
    assert after.figure_of_merit == pytest.approx(before.figure_of_merit, nan_ok=True)
    assert after.kappa_simulation == pytest.approx(before.kappa_simulation, abs=1e-9, nan_ok=True)
    np.testing.assert_allclose(after.gain_figure_of_merit, before.gain_figure_of_merit[order])
