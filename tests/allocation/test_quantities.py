"""Whole pixels from fractions: sums close, nobody is off by more than one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ai4land.allocation import group_sums, net_change, target_counts
from ai4land.errors import GridError

QUICK = settings(derandomize=True, deadline=None, max_examples=100)
WEIGHTS = npst.arrays(np.float64, (4, 6), elements=st.floats(0, 1).map(lambda x: round(x, 3)))
PIXELS = npst.arrays(np.int64, 6, elements=st.integers(0, 900))


def shares(weights: np.ndarray) -> np.ndarray:
    """Fractions that sum to one in every cell."""
    weights = weights + 1e-3
    return np.asarray(weights / weights.sum(axis=0))


@given(before=WEIGHTS, after=WEIGHTS, pixels=PIXELS)
@QUICK
def test_net_change_sums_to_zero_and_is_within_a_pixel(
    before: np.ndarray, after: np.ndarray, pixels: np.ndarray
) -> None:
    change = net_change(shares(before), shares(after), pixels)
    assert change.dtype == np.int32
    assert not change.sum(axis=0).any()
    exact = (shares(after) - shares(before)) * pixels
    assert (np.abs(change - exact) < 1 + 1e-5).all()
    np.testing.assert_array_equal(change, net_change(shares(before), shares(after), pixels))


@given(counts=npst.arrays(np.int64, (2, 4, 6), elements=st.integers(0, 225)))
@QUICK
def test_fractions_of_counts_give_the_counts_back(counts: np.ndarray) -> None:
    counts[1] = np.roll(counts[0], 1, axis=0)  # as many pixels before as after
    pixels = counts[0].sum(axis=0)
    before, after = (counts / np.maximum(pixels, 1)).astype(np.float32)
    np.testing.assert_array_equal(net_change(before, after, pixels), counts[1] - counts[0])
    np.testing.assert_array_equal(target_counts(before, pixels), counts[0])


def test_a_total_that_changes_is_exchanged_as_far_as_it_goes() -> None:
    before = np.array([[0.5], [0.5], [0.0]])
    after = np.array([[0.3], [0.5], [0.1]])  # 20 lost, only 10 gained
    change = net_change(before, after, np.array([100]))
    assert change.ravel().tolist() == [-10, 0, 10]
    assert net_change(before, before * 0.9, np.array([100])).ravel().tolist() == [0, 0, 0]


def test_unchanged_classes_never_receive_a_rounded_pixel() -> None:
    before = np.array([[0.2], [0.2], [0.2], [0.2], [0.2]])
    after = before + np.array([[0.006], [-0.002], [-0.004], [0], [0]])
    assert net_change(before, after, np.array([100])).ravel().tolist() == [1, 0, -1, 0, 0]


@given(weights=WEIGHTS, pixels=PIXELS)
@QUICK
def test_target_counts_sum_to_the_pixels(weights: np.ndarray, pixels: np.ndarray) -> None:
    counts = target_counts(weights, pixels)
    whole = weights.sum(axis=0)
    np.testing.assert_array_equal(counts.sum(axis=0), np.where(whole > 0, pixels, 0))
    assert (counts >= 0).all()
    exact = weights / np.where(whole > 0, whole, 1) * pixels
    assert (np.abs(counts - exact) < 1 + 1e-5).all()


def test_the_largest_remainder_wins_and_of_equals_the_first() -> None:
    assert target_counts(np.array([[0.26], [0.35], [0.39]]), np.array([10])).ravel().tolist() == [
        3,  # 2.6
        3,  # 3.5
        4,  # 3.9
    ]
    assert target_counts(np.full((3, 1), 1 / 3), np.array([4])).ravel().tolist() == [2, 1, 1]


def test_group_sums_leave_other_classes_out() -> None:
    values = np.arange(12).reshape(4, 3)
    assert group_sums(values, [(3, 0), (1,)]).tolist() == [[9, 11, 13], [3, 4, 5]]
    assert group_sums(values.astype(np.float32), [(0,)]).dtype == np.float32


@pytest.mark.parametrize("groups", [[], [()], [(0,), (0, 1)], [(4,)], [(-1,)], [(1, 1)]])
def test_bad_groups_are_refused(groups: list[tuple[int, ...]]) -> None:
    with pytest.raises(GridError, match="each class at most once"):
        group_sums(np.zeros((4, 2)), groups)


@pytest.mark.parametrize(
    ("fractions", "pixels", "text"),
    [
        (np.array([[np.nan], [0.5]]), np.array([3]), "not a number"),
        (np.array([[1.5], [0.5]]), np.array([3]), "outside 0…1"),
        (np.array([[-0.5], [0.5]]), np.array([3]), "outside 0…1"),
        (np.array([[0.5], [0.5]]), np.array([3, 4]), "same cells"),
        (np.array([0.5, 0.5]), np.array([3, 4]), "same cells"),
    ],
)
def test_bad_fractions_are_refused(fractions: np.ndarray, pixels: np.ndarray, text: str) -> None:
    with pytest.raises(GridError, match=text):
        target_counts(fractions, pixels)
    with pytest.raises(GridError, match=text):
        net_change(fractions, fractions, pixels)
