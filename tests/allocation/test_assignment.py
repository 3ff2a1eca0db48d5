"""Assignment: exact counts, the proven optimum, nothing moved in vain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from ai4land.allocation import CoarseCells, assign
from ai4land.errors import GridError
from ai4land.vocabulary import NO_DATA

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
SINGLES = [(0,), (1,), (2,), (3,)]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=0)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=0)), np.float32)


def one_cell(shape: tuple[int, int]) -> CoarseCells:
    return CoarseCells(np.zeros(shape, np.int32), 1)


def value(log_probability: np.ndarray, classes: np.ndarray) -> float:
    chosen = np.take_along_axis(log_probability, classes[None].astype(np.intp), axis=0)
    return float(chosen.sum(dtype=np.float64))


def best_value(log_probability: np.ndarray, counts: np.ndarray) -> float:
    """The optimum by the Hungarian method: one row per pixel, one column per wanted place."""
    flat = log_probability.reshape(len(log_probability), -1).astype(np.float64)
    places = np.repeat(np.arange(len(counts)), counts)
    gain = flat[places].T
    rows, cols = linear_sum_assignment(gain, maximize=True)
    return float(gain[rows, cols].sum())


@given(
    seed=st.integers(0, 10**6),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    spread=st.sampled_from([0.0, 0.1, 3.0, 30.0]),
    coarse_values=st.booleans(),
)
@QUICK
def test_the_map_is_the_optimum_with_exactly_these_counts(
    seed: int, height: int, width: int, spread: float, coarse_values: bool
) -> None:
    rng = np.random.default_rng(seed)
    logits = spread * rng.normal(size=(4, height, width))
    if coarse_values:
        logits = np.round(logits)  # many ties
    scores = log_softmax(logits)
    counts = np.bincount(rng.integers(0, 4, height * width), minlength=4)
    found = assign(
        scores, one_cell((height, width)), counts[:, None], SINGLES, np.ones((height, width), bool)
    )
    np.testing.assert_array_equal(np.bincount(found.map.ravel(), minlength=4), counts)
    assert not found.unplaced.any()
    assert value(scores, found.map) == pytest.approx(best_value(scores, counts), abs=1e-5)


def test_brute_force_agrees_on_every_map_of_a_tiny_cell() -> None:
    rng = np.random.default_rng(0)
    scores = log_softmax(rng.normal(size=(3, 2, 3)))
    maps = [np.array(m, np.uint8).reshape(2, 3) for m in itertools.product(range(3), repeat=6)]
    for counts in ([6, 0, 0], [1, 2, 3], [2, 2, 2], [0, 5, 1]):
        allowed = [m for m in maps if np.bincount(m.ravel(), minlength=3).tolist() == counts]
        best = max(allowed, key=lambda m: value(scores, m))
        found = assign(
            scores, one_cell((2, 3)), np.array(counts)[:, None], SINGLES[:3], np.ones((2, 3), bool)
        )
        np.testing.assert_array_equal(found.map, best)


def test_a_chain_of_moves_is_found_where_a_direct_one_is_dear() -> None:
    # class 0 must give one pixel to class 2; straight costs 10, by way of class 1 it costs 2
    scores = np.array([[0.0, -20, -20], [-1, 0, -20], [-10, -1, 0]], np.float32)[:, None]
    found = assign(
        scores, one_cell((1, 3)), np.array([[0], [1], [2]]), SINGLES[:3], np.ones((1, 3), bool)
    )
    assert found.map.tolist() == [[1, 2, 2]]


def many_cells(seed: int) -> tuple[np.ndarray, CoarseCells, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = log_softmax(2 * rng.normal(size=(6, 12, 14)))
    index = (np.arange(12)[:, None] // 5 * 3 + np.arange(14) // 5).astype(np.int32)
    index[:, 13] = -1
    mask = rng.random((12, 14)) < 0.85
    return scores, CoarseCells(index, 9), mask, rng.random((3, 9))


GROUPS = [(1,), (2, 4), (3,)]  # 0 and 5 are free


def test_cells_close_one_by_one_and_free_pixels_stay() -> None:
    scores, cells, mask, wish = many_cells(4)
    argmax = scores.argmax(axis=0).astype(np.uint8)
    movable = mask & np.isin(argmax, [1, 2, 3, 4]) & (cells.index >= 0)
    pixels = np.bincount(cells.index[movable], minlength=9)
    counts = np.floor(wish / wish.sum(axis=0) * pixels).astype(int)
    counts[0] += pixels - counts.sum(axis=0)
    found = assign(scores, cells, counts, GROUPS, mask)
    assert (found.map[~mask] == NO_DATA).all()
    stays = mask & ~movable
    np.testing.assert_array_equal(found.map[stays], argmax[stays])
    group = np.array([-1, 0, 1, 2, 1, -1])[found.map[movable]]
    reached = np.zeros((3, 9), int)
    np.add.at(reached, (group, cells.index[movable]), 1)
    np.testing.assert_array_equal(reached, counts)
    assert not found.unplaced.any()
    # inside a group the more probable class is taken
    both = movable & np.isin(found.map, [2, 4])
    np.testing.assert_array_equal((found.map == 4)[both], (scores[4] > scores[2])[both])


def test_closed_books_stay_as_they_are() -> None:
    scores, cells, mask, _ = many_cells(8)
    argmax = np.where(mask, scores.argmax(axis=0), NO_DATA).astype(np.uint8)
    have = cells.counts(argmax, 6)
    counts = np.stack([have[1], have[2] + have[4], have[3]])
    np.testing.assert_array_equal(assign(scores, cells, counts, GROUPS, mask).map, argmax)
    # and closing twice is closing once
    moved = np.roll(counts, 1, axis=0)
    once = assign(scores, cells, moved, GROUPS, mask).map
    certain = np.full(scores.shape, -5, np.float32)
    np.put_along_axis(certain, np.where(mask, once, 0)[None].astype(np.intp), 0, axis=0)
    np.testing.assert_array_equal(assign(certain, cells, moved, GROUPS, mask).map, once)


def test_a_constant_per_pixel_changes_nothing() -> None:
    scores, cells, mask, _ = many_cells(9)
    counts = np.full((3, 9), 5)
    shift = np.random.default_rng(0).integers(-64, 64, (12, 14)).astype(np.float32)
    exact = np.round(scores * np.float32(1024)) / np.float32(
        1024
    )  # so that adding the shift loses no digits
    one = assign(exact, cells, counts, GROUPS, mask)
    other = assign(exact + shift, cells, counts, GROUPS, mask)
    np.testing.assert_array_equal(one.map, other.map)


def test_impossible_counts_are_scaled_and_the_rest_is_reported() -> None:
    scores = log_softmax(np.random.default_rng(1).normal(size=(2, 1, 6)))
    found = assign(
        scores, one_cell((1, 6)), np.array([[8], [4]]), SINGLES[:2], np.ones((1, 6), bool)
    )
    assert np.bincount(found.map.ravel()).tolist() == [4, 2]
    assert found.unplaced.ravel().tolist() == [4, 2]
    found = assign(
        scores, one_cell((1, 6)), np.array([[2], [1]]), SINGLES[:2], np.ones((1, 6), bool)
    )
    assert np.bincount(found.map.ravel()).tolist() == [4, 2]
    assert found.unplaced.ravel().tolist() == [-2, -1]


def test_a_cell_that_asks_for_nothing_keeps_its_map() -> None:
    scores = log_softmax(np.random.default_rng(2).normal(size=(2, 1, 6)))
    found = assign(
        scores, one_cell((1, 6)), np.zeros((2, 1), int), SINGLES[:2], np.ones((1, 6), bool)
    )
    np.testing.assert_array_equal(found.map, scores.argmax(axis=0))
    assert (-found.unplaced.ravel()).tolist() == np.bincount(found.map.ravel()).tolist()


def test_impossible_classes_are_taken_last() -> None:
    scores = np.array([[0.0, 0, 0], [-np.inf, -2, -np.inf]], np.float32)[:, None]
    for wanted, expected in ((1, [0, 1, 0]), (3, [1, 1, 1])):
        counts = np.array([[3 - wanted], [wanted]])
        found = assign(scores, one_cell((1, 3)), counts, SINGLES[:2], np.ones((1, 3), bool))
        assert found.map.ravel().tolist() == expected


def test_bad_input_is_refused() -> None:
    scores = np.zeros((2, 2, 2), np.float32)
    cells, mask = one_cell((2, 2)), np.ones((2, 2), bool)
    counts = np.array([[2], [2]])
    pair = SINGLES[:2]
    with pytest.raises(GridError, match="not negative"):
        assign(scores, cells, np.array([[5], [-1]]), pair, mask)
    with pytest.raises(GridError, match="shape"):
        assign(scores, cells, counts.T, pair, mask)
    with pytest.raises(GridError, match="each class at most once"):
        assign(scores, cells, counts, [(0,), (2,)], mask)
    with pytest.raises(GridError, match="does not fit the coarse cells"):
        assign(scores, cells, counts, pair, mask[1:])
    for bad in (np.nan, np.inf):
        broken = scores.copy()
        broken[1, 0, 0] = bad
        with pytest.raises(GridError, match="1 pixels without"):
            assign(broken, cells, counts, pair, mask)
        mask_off = mask.copy()
        mask_off[0, 0] = False
        assert assign(broken, cells, counts, pair, mask_off).map[0, 0] == NO_DATA
    with pytest.raises(GridError, match="above −∞"):
        assign(np.full((2, 2, 2), -np.inf, np.float32), cells, counts, pair, mask)


@pytest.mark.parametrize("rounded", [False, True], ids=["distinct", "ties"])
def test_many_moves_find_the_same_optimum_by_prices(rounded: bool) -> None:
    rng = np.random.default_rng(11)
    scores = log_softmax(2 * rng.normal(size=(4, 20, 25)) + np.array([3.0, 0, 0, 0])[:, None, None])
    scores = np.round(scores) if rounded else scores
    counts = np.array([120, 0, 250, 130])
    found = assign(scores, one_cell((20, 25)), counts[:, None], SINGLES, np.ones((20, 25), bool))
    np.testing.assert_array_equal(np.bincount(found.map.ravel(), minlength=4), counts)
    assert value(scores, found.map) == pytest.approx(best_value(scores, counts), abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_nearly_equal_pixels_come_to_an_end(seed: int) -> None:
    """A chain of classes alike over a cell, told apart by a millionth of a tiny number."""
    rng = np.random.default_rng(seed)
    prior = rng.integers(0, 5, (20, 25))
    rows = rng.random((5, 5)) * 1e-5 + np.eye(5)
    scores = np.moveaxis(rows[prior], -1, 0) + 1e-6 * rng.random((20, 25)) * (
        prior != np.arange(5)[:, None, None]
    )
    scores = scores.astype(np.float32)
    counts = np.bincount(rng.integers(0, 5, 500), minlength=5)
    groups = [(k,) for k in range(5)]
    found = assign(scores, one_cell((20, 25)), counts[:, None], groups, np.ones((20, 25), bool))
    np.testing.assert_array_equal(np.bincount(found.map.ravel(), minlength=5), counts)
    assert value(scores, found.map) == pytest.approx(best_value(scores, counts), abs=1e-6)
