"""Shuffling keeps every cell's table of transitions and nothing of the places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.allocation import CoarseCells, shuffle

INDEX = (np.arange(20)[:, None] // 10 * 3 + np.arange(30) // 10).astype(np.int32)


def table(initial: npt.NDArray[np.uint8], later: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pixels by cell, initial and later class."""
    key = (INDEX.astype(np.int64) * 4 + initial) * 4 + later
    return np.bincount(key.ravel(), minlength=6 * 16)


@given(seed=st.integers(0, 1000))
@settings(derandomize=True, deadline=None, max_examples=30)
def test_tables_stay_and_places_go(seed: int) -> None:
    rng = np.random.default_rng(seed)
    initial = rng.integers(0, 4, INDEX.shape).astype(np.uint8)
    later = np.where(rng.random(INDEX.shape) < 0.3, rng.integers(0, 4, INDEX.shape), initial)
    later = later.astype(np.uint8)
    everywhere = np.ones(INDEX.shape, bool)
    dealt = shuffle(initial, later, CoarseCells(INDEX, 6), everywhere, rng.random(INDEX.shape))
    np.testing.assert_array_equal(table(initial, dealt), table(initial, later))
    assert (dealt != later).any()
    again = [
        shuffle(
            initial,
            later,
            CoarseCells(INDEX, 6),
            everywhere,
            np.random.default_rng(3).random(INDEX.shape),
        )
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*again)


def test_masked_pixels_and_pixels_of_no_cell_keep_their_class() -> None:
    rng = np.random.default_rng(0)
    initial = np.zeros(INDEX.shape, np.uint8)
    later = rng.integers(0, 4, INDEX.shape).astype(np.uint8)
    mask = np.zeros(INDEX.shape, bool)
    mask[:, 5:25] = True
    cells = CoarseCells(np.where(np.arange(20)[:, None] < 3, -1, INDEX).astype(np.int32), 6)
    dealt = shuffle(initial, later, cells, mask, rng.random(INDEX.shape))
    kept = ~mask | (np.arange(20)[:, None] < 3)
    np.testing.assert_array_equal(dealt[kept], later[kept])
    assert (dealt[~kept] != later[~kept]).mean() > 0.5
