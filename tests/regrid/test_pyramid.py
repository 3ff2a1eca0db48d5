"""Overviews are counted from the map itself, at every level and at odd sizes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import GridError
from ai4land.regrid import majority_pyramid
from ai4land.vocabulary import NO_DATA

ORDER = (5, 1, 3, 0)
Codes = npt.NDArray[np.uint8]


def brute(codes: Codes, side: int, order: tuple[int, ...] = ORDER) -> Codes:
    """The majority of every block, one after the other."""
    height, width = (-(-length // side) for length in codes.shape)
    out = np.full((height, width), NO_DATA, np.uint8)
    for y in range(height):
        for x in range(width):
            block = codes[y * side : (y + 1) * side, x * side : (x + 1) * side]
            votes = [int((block == code).sum()) for code in order]
            if any(votes):
                out[y, x] = order[votes.index(max(votes))]
    return out


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 37), st.integers(1, 37)),
    levels=st.integers(1, 6),
    seed=st.integers(0, 2**31),
    missing=st.floats(0, 1),
)
def test_every_level_is_the_majority_of_the_map(
    shape: tuple[int, int], levels: int, seed: int, missing: float
) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array(ORDER, np.uint8), shape)
    codes[rng.random(shape) < missing] = NO_DATA
    found = majority_pyramid(codes, ORDER, levels)
    assert len(found) == levels
    for level, overview in enumerate(found, start=1):
        np.testing.assert_array_equal(overview, brute(codes, 2**level), str(level))


def test_the_columns_of_a_globe_which_do_not_halve_cleanly() -> None:
    codes = np.random.default_rng(0).choice(np.array(ORDER, np.uint8), (5, 36000))
    for level, overview in enumerate(majority_pyramid(codes, ORDER, 7), start=1):
        side = 2**level
        assert overview.shape == (-(-5 // side), -(-36000 // side))
        tail = codes[:, 36000 - 36000 % side - side :] if 36000 % side else codes[:, -side:]
        expected = brute(tail, side)
        np.testing.assert_array_equal(overview[:, -expected.shape[1] :], expected)


def test_bands_give_what_the_whole_gives() -> None:
    codes = np.random.default_rng(1).choice(np.array(ORDER, np.uint8), (83, 2100))
    whole = majority_pyramid(codes, ORDER, 4)
    bands = [majority_pyramid(codes[row : row + 32], ORDER, 4) for row in range(0, 83, 32)]
    for level, overview in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([b[level] for b in bands]), overview)


def test_a_majority_of_majorities_is_another_map() -> None:
    """Four quarters with 3 of 4 votes for a class that has 4 of 16 pixels, and one that has 8."""
    codes = np.full((4, 4), 1, np.uint8)
    codes[:2, :2] = [[3, 3], [3, 1]]
    codes[:2, 2:] = [[3, 3], [3, 5]]
    codes[2:, :2] = [[5, 5], [1, 1]]
    first, second = majority_pyramid(codes, (1, 3, 5), 2)
    np.testing.assert_array_equal(first, [[3, 3], [1, 1]])
    assert second.item() == 1
    assert brute(first, 2, (3, 1, 5)).item() == 3, "what a mode of modes would say"


def test_ties_go_by_the_order_that_is_given() -> None:
    codes = np.array([[0, 0], [1, 1]], np.uint8)
    assert majority_pyramid(codes, (1, 0), 1)[0].item() == 1
    assert majority_pyramid(codes, (0, 1), 1)[0].item() == 0


def test_a_code_that_is_no_class_is_refused() -> None:
    with pytest.raises(GridError, match=r"(?s)no class.*found: \[9\]"):
        majority_pyramid(np.array([[1, 9]], np.uint8), ORDER, 1)
