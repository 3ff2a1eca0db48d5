"""Sums of a comparison: budgets, classes, what is cut at random, and intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai4land.experiments import (
    BASELINES,
    CaseScores,
    ClassSums,
    Pool,
    Probable,
    Row,
    RowSums,
    Run,
    budget,
    cut_at_random,
)
from ai4land.metrics import by, classification_scores, confusion, reliability, three_maps

RUN = Run("here", "here", BASELINES, None, 0)


def maps(seed: int, size: int = 400) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    initial = rng.integers(0, 4, size).astype(np.uint8)
    moved = [np.where(rng.random(size) < p, rng.integers(0, 4, size), initial) for p in (0.2, 0.3)]
    return [initial, *(m.astype(np.uint8) for m in moved)]


@given(seed=st.integers(0, 2**32 - 1))
def test_a_budget_is_that_of_three_maps(seed: int) -> None:
    initial, truth, own = maps(seed)
    mask = np.random.default_rng(seed).random(initial.size) < 0.7
    found, table = budget(initial, truth, own, mask), three_maps(initial, truth, own, 4, mask=mask)
    parts = (table.hits, table.wrong_hits, table.misses, table.false_alarms)
    np.testing.assert_array_equal(found.counts, (*parts, table.correct_rejections))
    assert found.figure_of_merit == pytest.approx(table.figure_of_merit, nan_ok=True)
    assert (found.observed, found.simulated) == (table.observed_change, table.simulated_change)
    classes = ClassSums.of(truth[mask], own[mask], 4)
    scores = classification_scores(confusion(truth, own, 4, mask=mask), list("abcd"))
    assert np.nanmean(classes.iou) == pytest.approx(scores["mean_iou"])
    assert np.nanmean(classes.f1) == pytest.approx(scores["macro_f1"])


def test_classes_without_truth_stand_apart() -> None:
    truth, own = np.array([0, 0, 1, 1, 1], np.uint8), np.array([0, 2, 1, 1, 255], np.uint8)
    found = ClassSums.of(truth, own, 4)
    np.testing.assert_array_equal(found.iou, [0.5, 2 / 3, np.nan, np.nan])
    np.testing.assert_array_equal(found.rare(0.5), [True, False, False, False])


@given(seed=st.integers(0, 2**32 - 1), keep=st.integers(0, 200))
def test_a_cut_keeps_exactly_as_many_changed_pixels(seed: int, keep: int) -> None:
    start, _, end = (m.reshape(20, 20) for m in maps(seed))
    rng = np.random.default_rng(seed)
    mask, order = rng.random(start.shape) < 0.8, rng.random(start.shape)
    found = cut_at_random(start, end, mask, keep, order)
    whole = int(((start != end) & mask).sum())
    assert int(((start != found) & mask).sum()) == min(keep, whole)
    assert np.isin(found, end, invert=False).all()
    np.testing.assert_array_equal(found[~mask], end[~mask])
    np.testing.assert_array_equal(found[found != start], end[found != start])
    less = cut_at_random(start, end, mask, keep // 2, order)
    assert (found[less != start] == less[less != start]).all(), "a smaller cut lies in a larger one"


def row_of(initial: np.ndarray, truth: np.ndarray, own: np.ndarray, blocks: np.ndarray) -> Row:
    classes = ClassSums.of(truth, own, 4)
    lead = budget(initial, truth, own)
    sums = RowSums((lead,), classes, classes, np.array([3.25]), np.array([[1.0, 4.0]]))
    return Row(sums, by(blocks, budget, initial, truth, own))


def pool_of(rows: dict[str, Row], **more: object) -> Pool:
    scores = CaseScores((2001,), ("a", "b", "urban", "d"), rows, **more)  # type: ignore[arg-type]
    return Pool("here", BASELINES, (RUN,), (scores,), (scores,))


def test_the_interval_of_a_difference_that_is_the_same_everywhere() -> None:
    """In every block the one is right where the other is wrong: no draw of blocks differs."""
    initial = np.zeros(40, np.uint8)
    truth = np.tile(np.array([1, 1, 0, 0], np.uint8), 10)
    blocks = np.repeat(np.arange(10), 4)
    right = row_of(initial, truth, truth, blocks)
    half = row_of(initial, truth, np.tile(np.array([1, 0, 0, 0], np.uint8), 10), blocks)
    pool = pool_of({"right": right, "half": half})
    found = pool.difference("right", "half", lambda b: b.figure_of_merit)
    assert found is not None
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.excludes_zero
    only = pool_of({"one": row_of(initial, truth, truth, np.zeros(40, int))})
    assert only.difference("one", "one", lambda b: b.accuracy) is None, "a single block"


def test_the_interval_of_a_mean_over_blocks() -> None:
    """Accuracy of blocks 0 or 1 by a fair coin: the interval is that of a binomial share."""
    rng = np.random.default_rng(1)
    blocks = np.repeat(np.arange(100), 4)
    initial = np.zeros(400, np.uint8)
    own = np.repeat(rng.permutation(np.tile([0, 1], 50)), 4).astype(np.uint8)
    never = row_of(initial, initial, np.ones(400, np.uint8), blocks)
    pool = pool_of({"coin": row_of(initial, initial, own, blocks), "none": never})
    found = pool.difference("coin", "none", lambda b: b.accuracy)
    assert found is not None
    assert found.value == 0.5
    assert found.high - found.low == pytest.approx(4 * 1.96 * 0.05 / 2, abs=0.03)


def test_scores_survive_the_ledger() -> None:
    initial, truth, own = maps(3)
    row = row_of(initial, truth, own, np.repeat(np.arange(8), 50))
    said = np.full((4, 400), 0.25)
    stay = reliability((truth != initial).astype(np.uint8), np.full((2, 400), 0.5), 2)
    probable = Probable.of(stay, reliability(truth, said, 4))
    pool = pool_of({"row": row}, probable={"first": probable}, curve=((0.5, row.sums.leads[0]),))
    (scores,) = pool.scores
    again = CaseScores.from_dict(scores.to_dict())
    assert again.to_dict() == scores.to_dict()
    total = again.rows["row"] + row
    np.testing.assert_array_equal(total.blocks.total().counts, 2 * row.sums.leads[0].counts)
    assert probable.change_ratio == pytest.approx(200 / np.count_nonzero(truth != initial))
    assert probable.class_error == pytest.approx(abs(0.25 - np.mean(truth == 0)))
    assert pool.unclosed("row") == 0.25
