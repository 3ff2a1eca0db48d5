"""Random and kernel allocation: books close, sea stays, seeds reproduce, neighbours attract."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.allocation import (
    Allocation,
    CoarseCells,
    allocate_kernel,
    allocate_random,
    group_sums,
)
from ai4land.errors import GridError
from ai4land.grid import Grid
from ai4land.vocabulary import NO_DATA

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
Allocator = Callable[
    [np.ndarray, CoarseCells, np.ndarray, Sequence[Sequence[int]], np.ndarray],
    Allocation,
]
BOTH = pytest.mark.parametrize("allocate", [allocate_random, allocate_kernel])
FINE = Grid.regular(0, 30, 1, 1, (13, 17))
CELLS = CoarseCells.of(FINE, Grid.regular(0, 30, "4.3", 5, (3, 3)))  # the last columns outside
GROUPS = [(1,), (2, 4), (3,)]  # 0 is sea, 5 is free


def two_maps(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two maps with the same sea, free and unknown pixels, otherwise unrelated."""
    rng = np.random.default_rng(seed)
    before, after = rng.integers(1, 5, (2, *FINE.shape)).astype(np.uint8)
    fixed = rng.choice([0, 5, NO_DATA, 1], FINE.shape, p=[0.2, 0.1, 0.1, 0.6]).astype(np.uint8)
    for classes in (before, after):
        np.copyto(classes, fixed, where=fixed != 1)
    return before, after


def books(classes: np.ndarray) -> np.ndarray:
    return np.asarray(group_sums(CELLS.counts(classes, 6), GROUPS))


def ties(prior: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(prior.shape)


def whole(prior: np.ndarray, *, wraps: bool = False) -> CoarseCells:
    return CoarseCells(np.zeros(prior.shape, np.int32), 1, wraps)


@BOTH
@given(seed=st.integers(0, 10**6))
@QUICK
def test_books_close_exactly_and_nothing_else_moves(allocate: Allocator, seed: int) -> None:
    before, after = two_maps(seed)
    change = books(after) - books(before)
    copy = before.copy()
    found = allocate(before, CELLS, change, GROUPS, ties(before, seed))
    np.testing.assert_array_equal(books(found.map), books(after))
    assert not found.unplaced.any()
    np.testing.assert_array_equal(before, copy)
    fixed = ~np.isin(before, [1, 2, 3, 4]) | (CELLS.index < 0)
    np.testing.assert_array_equal(found.map[fixed], before[fixed])
    # net change and no swapping: as many pixels move as the gaining groups gain
    moved = (found.map != before).sum()
    assert moved == np.maximum(change, 0).sum()
    losing = change < 0
    changed = (found.map != before) & (CELLS.index >= 0)
    group = np.array([-1, 0, 1, 2, 1, -1])
    assert losing[group[before[changed]], CELLS.index[changed]].all()


@BOTH
def test_a_seed_reproduces_the_map_and_another_does_not(allocate: Allocator) -> None:
    prior = np.ones((12, 12), np.uint8)
    prior[:, 5] = 2
    one, same, other = (
        allocate(prior, whole(prior), np.array([[-9], [9]]), [(1,), (2,)], ties(prior, seed)).map
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@BOTH
def test_no_change_changes_nothing(allocate: Allocator) -> None:
    before, _ = two_maps(3)
    found = allocate(before, CELLS, np.zeros((3, 9), int), GROUPS, ties(before, 0))
    np.testing.assert_array_equal(found.map, before)


@BOTH
def test_what_is_not_there_cannot_be_lost_and_is_reported(allocate: Allocator) -> None:
    prior = np.array([[1, 1, 1, 2, 2, 3, 0, 0]], np.uint8)
    cells = CoarseCells(np.zeros((1, 8), np.int32), 1)
    change = np.array([[-5], [3], [2]])
    found = allocate(prior, cells, change, [(1,), (2,), (3,)], ties(prior, 0))
    assert np.bincount(found.map.ravel(), minlength=4).tolist() == [2, 0, 4, 2]
    assert found.unplaced.ravel().tolist() == [-2, 1, 1]


def test_the_kernel_grows_where_the_class_is() -> None:
    prior = np.ones((9, 9), np.uint8)
    prior[4, 4] = prior[3, 4] = 2
    found = allocate_kernel(
        prior, whole(prior), np.array([[-4], [4]]), [(1,), (2,)], ties(prior, 0)
    )
    new = set(zip(*np.nonzero(found.map != prior), strict=True))
    # only these four pixels touch both
    assert new == {(3, 3), (3, 5), (4, 3), (4, 5)}


def test_shares_are_of_known_pixels_so_coasts_are_no_handicap() -> None:
    prior = np.full((3, 7), NO_DATA, np.uint8)
    prior[1, :2] = [1, 2]  # 1 of 2 known neighbours (itself counted) is class 2
    prior[:, 4:] = 1
    prior[0, 4:] = 2  # the middle pixel: 3 of 9
    found = allocate_kernel(
        prior, whole(prior), np.array([[-1], [1]]), [(1,), (2,)], ties(prior, 0)
    )
    assert found.map[1, 0] == 2
    assert (found.map != prior).sum() == 1


@pytest.mark.parametrize("wraps", [False, True])
def test_neighbours_reach_around_the_globe(wraps: bool) -> None:
    prior = np.ones((3, 9), np.uint8)
    prior[:, 0] = 2
    prior[:, 1] = 3  # keeps the eastern neighbours busy
    found = allocate_kernel(
        prior,
        whole(prior, wraps=wraps),
        np.array([[-3], [3]]),
        [(1,), (2,)],
        ties(prior, 0),
    )
    assert (found.map[:, 8] == 2).all() == wraps


def test_kernel_enters_a_group_by_the_class_nearby() -> None:
    prior = np.ones((5, 9), np.uint8)
    prior[:, 0], prior[:, 8] = 2, 4
    prior[0, 4] = 4  # class 4 is the more frequent one
    found = allocate_kernel(
        prior, whole(prior), np.array([[-10], [10]]), [(1,), (2, 4)], ties(prior, 5)
    )
    assert set(found.map[:, 1]) == {2}
    assert set(found.map[:, 7]) == {4}


def test_random_enters_a_group_by_its_most_frequent_class_or_by_chance() -> None:
    prior = np.ones((20, 20), np.uint8)
    prior[0, :5], prior[1, :4] = 4, 2
    change = np.array([[-100], [100]])
    found = allocate_random(prior, whole(prior), change, [(1,), (2, 4)], ties(prior, 0))
    assert np.bincount(found.map.ravel()).tolist() == [0, 291, 4, 0, 105]
    prior[:2] = 1
    found = allocate_random(prior, whole(prior), change, [(1,), (2, 4)], ties(prior, 0))
    entered = np.bincount(found.map.ravel(), minlength=5)
    assert entered[2] + entered[4] == 100
    assert min(entered[2], entered[4]) > 20


def test_random_is_even_over_pixels_and_gaining_classes() -> None:
    prior = np.ones((4, 5), np.uint8)
    rng = np.random.default_rng(0)
    hits = np.zeros((2, 20))
    for _ in range(2000):
        found = allocate_random(
            prior,
            whole(prior),
            np.array([[-4], [2], [2]]),
            [(1,), (2,), (3,)],
            rng.random(prior.shape),
        ).map.ravel()
        hits += found == np.array([[2], [3]])
    # 200 expected in each, standard deviation about 13
    assert np.abs(hits - 200).max() < 65


@BOTH
@pytest.mark.parametrize(
    ("change", "groups", "text"),
    [
        (np.array([[-1], [2]]), [(1,), (2,)], "every cell's sum 0"),
        (np.array([[-1, 1]]), [(1,), (2,)], "shape"),
        (np.array([[-1], [1]]), [(1,), (1,)], "each class at most once"),
        (np.array([[-1], [1]]), [(1,), (255,)], "each class at most once"),
    ],
)
def test_bad_input_is_refused(
    allocate: Allocator, change: np.ndarray, groups: list[tuple[int, ...]], text: str
) -> None:
    prior = np.ones((3, 3), np.uint8)
    with pytest.raises(GridError, match=text):
        allocate(prior, whole(prior), change, groups, ties(prior, 0))
    with pytest.raises(GridError, match="does not fit the coarse cells"):
        allocate(prior[1:], whole(prior), np.array([[0]]), [(1,)], ties(prior, 0))
