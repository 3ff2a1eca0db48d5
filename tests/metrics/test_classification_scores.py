"""Two-map scores: hand-computed cases, absent classes, quantity and allocation."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from ai4land.errors import SampleError
from ai4land.metrics import Confusion, classification_scores, confusion
from ai4land.vocabulary import NO_DATA

NAMES = ("a", "b", "c")


def table(rows: list[list[int]]) -> Confusion:
    """A confusion from a square table, nothing outside the classes."""
    return Confusion(np.pad(np.array(rows, np.int64), ((0, 0), (0, 1))))


def test_scores_by_hand() -> None:
    scores = classification_scores(table([[6, 2, 0], [1, 8, 1], [0, 2, 5]]), NAMES)
    f1 = [12 / 15, 16 / 22, 10 / 13]
    iou = [6 / 9, 8 / 14, 5 / 8]
    assert scores["accuracy"] == pytest.approx(19 / 25)
    assert scores["macro_f1"] == pytest.approx(sum(f1) / 3)
    assert scores["weighted_f1"] == pytest.approx((8 * f1[0] + 10 * f1[1] + 7 * f1[2]) / 25)
    assert scores["mean_iou"] == pytest.approx(sum(iou) / 3)
    chance = (8 * 7 + 10 * 12 + 7 * 6) / 625
    assert scores["kappa"] == pytest.approx((19 / 25 - chance) / (1 - chance))
    assert scores["classes"]["b"] == {
        "precision": pytest.approx(8 / 12),
        "recall": pytest.approx(0.8),
        "f1": pytest.approx(f1[1]),
        "iou": pytest.approx(iou[1]),
        "support": 10,
        "quantity": pytest.approx(2 / 25),
        "exchange": pytest.approx(2 * (1 + 1) / 25),
        "shift": pytest.approx(0, abs=1e-15),
    }
    best = (7 + 10 + 6) / 25
    assert scores["kappa_location"] == pytest.approx((19 / 25 - chance) / (best - chance))
    assert scores["kappa_histogram"] == pytest.approx((best - chance) / (1 - chance))
    assert scores["total"] == 25
    assert isinstance(scores["total"], int)


def test_quantity_allocation_exchange_and_shift_by_hand() -> None:
    # truth sums 8, 10, 7; predicted sums 9, 8, 8; right 5, 6, 5
    scores = classification_scores(table([[5, 2, 1], [2, 6, 2], [2, 0, 5]]), NAMES)
    assert scores["quantity"] == pytest.approx(0.5 * (1 + 2 + 1) / 25)
    assert scores["allocation"] == pytest.approx((3 + 2 + 2) / 25)
    assert scores["exchange"] == pytest.approx(2 * (2 + 1 + 0) / 25)
    assert scores["shift"] == pytest.approx(1 / 25)


def test_a_class_absent_from_the_truth_is_an_error_of_the_others_only() -> None:
    scores = classification_scores(table([[6, 0, 2], [0, 2, 0], [0, 0, 0]]), NAMES)
    assert scores["accuracy"] == pytest.approx(0.8)
    assert scores["macro_f1"] == pytest.approx((12 / 14 + 1) / 2)
    assert scores["mean_iou"] == pytest.approx((6 / 8 + 1) / 2)
    assert scores["classes"]["c"] == {
        "precision": 0.0,
        "recall": None,
        "f1": 0.0,
        "iou": 0.0,
        "support": 0,
        "quantity": pytest.approx(0.2),
        "exchange": 0.0,
        "shift": 0.0,
    }


def test_a_class_never_predicted_stays_in_the_means() -> None:
    scores = classification_scores(table([[6, 0, 0], [2, 0, 0], [0, 0, 0]]), NAMES)
    assert scores["classes"]["b"]["precision"] is None
    assert scores["classes"]["b"]["f1"] == 0.0
    assert scores["mean_iou"] == pytest.approx((6 / 8 + 0) / 2)
    assert scores["classes"]["c"]["iou"] is None


def test_rare_classes_leave_only_the_mean_over_frequent_ones() -> None:
    # 1 and 2 of 2000 pixels: below and exactly at a share of 0.1 %
    c = table([[1997, 0, 0], [0, 2, 0], [1, 0, 0]])
    scores = classification_scores(c, NAMES)
    iou_a = 1997 / 1998
    assert scores["mean_iou"] == pytest.approx((iou_a + 1 + 0) / 3)
    assert scores["mean_iou_frequent"] == pytest.approx((iou_a + 1) / 2)
    assert classification_scores(c, NAMES, rare=0.5)["mean_iou_frequent"] == pytest.approx(iou_a)
    assert [c.rare_iou(share) for share in (0.001, 0.5)] == [0.0, 0.5]
    assert np.isnan(c.rare_iou(0.0001))


def test_a_prediction_outside_the_classes_is_an_error() -> None:
    truth = np.array([0, 0, 1, 1], np.uint8)
    predicted = np.array([0, NO_DATA, 1, NO_DATA], np.uint8)
    scores = classification_scores(confusion(truth, predicted, 2), NAMES[:2])
    assert scores["accuracy"] == 0.5
    assert scores["outside"] == 0.5
    assert scores["classes"]["a"]["recall"] == 0.5
    assert scores["mean_iou"] == 0.5
    assert scores["quantity"] == 0.5
    assert scores["allocation"] == 0.0


def test_nothing_scored_is_null_everywhere_and_valid_json() -> None:
    scores = classification_scores(Confusion.zero(3), NAMES)
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert [scores[k] for k in ("accuracy", "macro_f1", "weighted_f1", "kappa", "shift")] == [
        None
    ] * 5
    assert scores["total"] == 0
    assert math.isnan(Confusion.zero(3).accuracy)


def test_one_class_alone_has_no_kappa() -> None:
    scores = classification_scores(table([[7]]), ("a",))
    assert scores["kappa"] is None
    assert scores["accuracy"] == 1.0


def test_areas_weigh() -> None:
    truth, predicted = np.array([[0], [0]], np.uint8), np.array([[0], [1]], np.uint8)
    scores = classification_scores(confusion(truth, predicted, 2, [[3.0], [1.0]]), NAMES[:2])
    assert scores["accuracy"] == 0.75
    assert scores["weighting"] == "area"
    assert scores["classes"]["a"]["support"] == 4.0


def test_names_must_fit() -> None:
    with pytest.raises(SampleError, match="one name per class"):
        classification_scores(Confusion.zero(2), NAMES)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(npst.arrays(np.int64, (4, 5), elements=st.integers(0, 1000)).filter(lambda t: t.any()))
def test_parts_of_the_disagreement_add_up(counts: NDArray[np.int64]) -> None:
    scores = classification_scores(Confusion(counts), "abcd")
    wrong = 1 - scores["accuracy"]
    assert scores["quantity"] + scores["allocation"] == pytest.approx(wrong, abs=1e-12)
    assert scores["exchange"] + scores["shift"] == pytest.approx(scores["allocation"], abs=1e-12)
    assert min(scores["quantity"], scores["exchange"], scores["shift"]) >= 0
    assert scores["outside"] <= wrong + 1e-12
    rows = scores["classes"].values()
    for part in ("quantity", "exchange", "shift"):
        # each disagreement has two sides; those with none of the classes have one of them here
        twice = sum(row[part] for row in rows)
        assert twice <= 2 * scores[part] + 1e-12
        assert twice >= 2 * scores[part] - scores["outside"] - 1e-12
    if scores["kappa"] is not None and scores["kappa_location"] is not None:
        parts = scores["kappa_location"] * scores["kappa_histogram"]
        assert parts == pytest.approx(scores["kappa"], abs=1e-9)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(npst.arrays(np.int64, (4, 5), elements=st.integers(0, 1000)), st.permutations(range(4)))
def test_renaming_classes_renames_their_scores(counts: NDArray[np.int64], order: list[int]) -> None:
    before = classification_scores(Confusion(counts), "abcd")
    shuffled = classification_scores(
        Confusion(counts[np.ix_(order, [*order, 4])]), ["abcd"[i] for i in order]
    )
    mine, theirs = shuffled.pop("classes"), before.pop("classes")
    for name, values in theirs.items():
        assert mine[name] == pytest.approx(values, abs=1e-12), name
    assert shuffled == {
        k: v if v is None or isinstance(v, str) else pytest.approx(v, abs=1e-12)
        for k, v in before.items()
    }
