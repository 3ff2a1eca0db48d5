"""Balancing: cell sums as asked, pixels keep their mass, what is right already stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.allocation import CoarseCells, balance
from ai4land.errors import GridError

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
SHAPE, CELLS = (8, 12), 6
INDEX = (np.arange(8)[:, None] // 4 * 3 + np.arange(12) // 4).astype(np.int32)
GROUPS = ((0,), (1, 2), (3,))  # class 4 is in no group


def probability(seed: int, sharp: float = 1.0) -> npt.NDArray[np.float32]:
    raw = np.random.default_rng(seed).gamma(1.0 / sharp, size=(5, *SHAPE)) + 1e-6
    return np.asarray(raw / raw.sum(axis=0), dtype=np.float32)


def cells() -> CoarseCells:
    return CoarseCells(INDEX, CELLS)


def sums(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Share of each group in what each cell gives to groups, ``(G, cells)``."""
    mass = np.stack(
        [np.bincount(INDEX.ravel(), values[list(g)].sum(axis=0).ravel()) for g in GROUPS]
    )
    return np.asarray(mass / mass.sum(axis=0))


@given(seed=st.integers(0, 10_000), sharp=st.sampled_from([1.0, 3.0]))
@QUICK
def test_cells_sum_to_what_is_asked(seed: int, sharp: float) -> None:
    before = probability(seed, sharp)
    wanted = np.random.default_rng(seed + 1).dirichlet([5.0, 5.0, 5.0], CELLS).T
    after = balance(before, cells(), wanted, GROUPS, np.ones(SHAPE, bool))
    np.testing.assert_allclose(sums(after), wanted, atol=0.02)
    np.testing.assert_allclose(after.sum(axis=0), 1.0, atol=1e-5)
    np.testing.assert_allclose(after[4], before[4], rtol=1e-6, err_msg="free classes stay")
    both = before[[1, 2]]
    common = both.min(axis=0) > 1e-3  # so that the lent mass is nothing
    kept = (after[[1, 2]] / after[[1, 2]].sum(axis=0))[:, common]
    np.testing.assert_allclose(kept, (both / both.sum(axis=0))[:, common], atol=1e-3)


def test_what_adds_up_already_comes_back() -> None:
    before = probability(3)
    after = balance(before, cells(), sums(before), GROUPS, np.ones(SHAPE, bool))
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_by_hand() -> None:
    """Two pixels of one cell, sure and unsure: the unsure one gives way."""
    before = np.array([[[0.9, 0.5]], [[0.1, 0.5]]], dtype=np.float32)
    one = CoarseCells(np.zeros((1, 2), np.int32), 1)
    after = balance(before, one, np.array([[0.5], [0.5]]), ((0,), (1,)), np.ones((1, 2), bool))
    # odds 9 and 1 become 9f and f; f/(1+f) + 9f/(1+9f) = 1 gives f = 1/3
    np.testing.assert_allclose(after[0], [[0.75, 0.25]], atol=0.005)


def test_nothing_asked_and_nothing_masked_change_nothing() -> None:
    before = probability(5)
    mask = np.zeros(SHAPE, bool)
    mask[:4] = True
    wanted = np.zeros((3, CELLS))
    wanted[:, 0] = [0.8, 0.1, 0.1]
    after = balance(before, cells(), wanted, GROUPS, mask)
    np.testing.assert_array_equal(after[:, 4:], before[:, 4:])
    np.testing.assert_allclose(after[:, :, 4:], before[:, :, 4:], atol=1e-6)
    assert np.abs(after[:, :4, :4] - before[:, :4, :4]).max() > 0.01


@pytest.mark.parametrize(
    ("shares", "what"),
    [
        (np.zeros((2, CELLS)), "shape"),
        (np.full((3, CELLS), -0.1), "-0.1"),
        (np.full((3, CELLS), np.nan), "nan"),
    ],
)
def test_impossible_shares_are_refused(shares: npt.NDArray[np.float64], what: str) -> None:
    with pytest.raises(GridError, match=rf"(?s)shares do not fit.*{what}"):
        balance(probability(0), cells(), shares, GROUPS, np.ones(SHAPE, bool))
