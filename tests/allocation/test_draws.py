"""Random numbers of a place: uniform, unlike those of any other place, and blind to the cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.allocation.draws import draws
from ai4land.grid import Grid, Mesh, Window

GLOBE = Mesh(Grid.regular(-180, 90, 2, 2, (90, 180)), Grid.regular(-180, 90, 6, 6, (30, 60)))
TURNED = Mesh(Grid.regular(0, 90, 2, 2, (90, 180)), Grid.regular(0, 90, 6, 6, (30, 60)))
REGION = Mesh(
    Grid.regular(10, 50, "0.05", "0.05", (328, 336)), Grid.regular(10, 50, "0.4", "0.4", (41, 42))
)
QUICK = settings(derandomize=True, deadline=None, max_examples=40)
FloatArray = npt.NDArray[np.float64]


def drawn(seed: int = 0, tick: int = 2000, mesh: Mesh = REGION) -> FloatArray:
    return draws(mesh, mesh.fine.window, seed, tick)


def correlation(one: FloatArray, two: FloatArray) -> float:
    assert one.size > 100_000
    return abs(float(np.corrcoef(one.ravel(), two.ravel())[0, 1]))


@pytest.mark.parametrize("seed", [0, 1, 7, -3, 2**40])
def test_uniform_between_0_and_1(seed: int) -> None:
    found = drawn(seed)
    assert found.shape == REGION.fine.shape
    assert found.min() >= 0
    assert found.max() < 1
    expected = found.size / 20
    counts = np.histogram(found, 20, (0, 1))[0]
    assert ((counts - expected) ** 2 / expected).sum() < 60, "chi², 19 degrees of freedom"
    assert np.unique(found).size == found.size


@given(
    row=st.integers(0, 89),
    col=st.integers(-180, 179),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
)
@QUICK
def test_a_pixel_has_its_number_in_every_window(
    row: int, col: int, height: int, width: int
) -> None:
    window = Window(row, col, min(height, 90 - row), width)
    whole = drawn(3, mesh=GLOBE)
    rows, cols = np.arange(row, row + window.height), np.arange(col, col + width) % 180
    np.testing.assert_array_equal(draws(GLOBE, window, 3, 2000), whole[np.ix_(rows, cols)])


@pytest.mark.parametrize("window", [Window(16, 24, 40, 64), Window(320, 328, 8, 8)])
def test_a_pixel_has_its_number_in_every_cut_of_the_grid(window: Window) -> None:
    """Cut along cells; the coarse grid may be cut as well, or not."""
    cells = Window(window.row // 8, window.col // 8, window.height // 8, window.width // 8)
    cut, expected = REGION.fine.crop(window), drawn(5)[window.slices]
    for coarse in (REGION.coarse, REGION.coarse.crop(cells)):
        np.testing.assert_array_equal(drawn(5, mesh=Mesh(cut, coarse)), expected)


def test_a_pixel_has_its_number_around_the_date_line() -> None:
    whole = drawn(2, mesh=GLOBE)
    np.testing.assert_array_equal(drawn(2, mesh=TURNED), np.roll(whole, -90, axis=1))
    pacific = Grid.regular(162, 36, 2, 2, (30, 18))  # to 198° E
    expected = whole[27:57][:, np.arange(171, 189) % 180]
    np.testing.assert_array_equal(drawn(2, mesh=Mesh(pacific, GLOBE.coarse)), expected)
    own = Grid.regular(162, 36, 6, 6, (10, 6))
    np.testing.assert_array_equal(drawn(2, mesh=Mesh(pacific, own)), expected)


@pytest.mark.parametrize(
    ("seed", "tick"),
    [(1, 2000), (0, 2001), (1, 2001), (-1, 2000), (0, -2000), (2000, 0), (1984, 16), (2**32, 2000)],
)
def test_another_seed_or_time_gives_other_numbers(seed: int, tick: int) -> None:
    one, two = drawn(), drawn(seed, tick)
    assert not np.isin(two, one).any()
    assert correlation(one, two) < 0.02


def test_no_seed_is_another_one_a_little_later() -> None:
    """Members of an ensemble do not live through each other's years."""
    small = Mesh(*(grid.crop(Window(0, 0, 1, 1)) for grid in (REGION.fine, REGION.coarse)))
    first = {
        (seed, tick): float(drawn(seed, tick, small)[0, 0])
        for seed in range(64)
        for tick in range(1960, 2024)
    }
    assert len(set(first.values())) == len(first)


@pytest.mark.parametrize(("rows", "cols"), [(0, 1), (1, 0), (1, 1), (0, 8), (8, 0), (8, 8)])
def test_neighbours_are_strangers(rows: int, cols: int) -> None:
    """Neighbouring pixels, and the same place in neighbouring cells."""
    found = drawn()
    height, width = found.shape
    near, far = found[: height - rows, : width - cols], found[rows:, cols:]
    assert correlation(near, far) < 0.02


def test_pixels_beyond_the_cells_have_numbers_too() -> None:
    fine = REGION.fine
    some = Mesh(fine, REGION.coarse.crop(Window(5, 5, 10, 10)))
    found, inside = drawn(mesh=some), (slice(40, 120), slice(40, 120))
    np.testing.assert_array_equal(found[inside], drawn()[inside])
    assert found.min() >= 0
    assert found.max() < 1
    np.testing.assert_array_equal(draws(some, Window(0, 0, 60, 60), 0, 2000), found[:60, :60])
