"""Overlaps: golden nesting of the products, conservation at any ratio, the date line."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ai4land.errors import GridError
from ai4land.grid import SPHERE, Grid, Overlap, overlap

QUICK = settings(derandomize=True, deadline=None, max_examples=60)


def shared_areas(link: Overlap) -> tuple[np.ndarray, np.ndarray]:
    """Shared area summed per fine and per coarse cell."""
    rows_fine = np.bincount(link.rows.fine, link.rows.length, link.fine.height)
    cols_fine = np.bincount(link.cols.fine, link.cols.length, link.fine.width)
    rows_coarse = np.bincount(link.rows.coarse, link.rows.length, link.coarse.height)
    cols_coarse = np.bincount(link.cols.coarse, link.cols.length, link.coarse.width)
    return np.outer(rows_fine, cols_fine), np.outer(rows_coarse, cols_coarse)


def test_thirty_second_cells_on_hilda_pixels() -> None:
    # in units of 1/600° a cell is 5 wide and a pixel 6
    cells = Grid.regular(-180, 90, "1/120", "1/120", (12, 12))
    pixels = Grid.regular(-180, 90, "0.01", "0.01", (10, 10))
    cols = overlap(cells, pixels).cols
    units = np.round(np.degrees(cols.length) * 600, 6)
    golden = [(0, 0, 5), (1, 0, 1), (1, 1, 4), (2, 1, 2), (2, 2, 3)]
    golden += [(3, 2, 3), (3, 3, 2), (4, 3, 4), (4, 4, 1), (5, 4, 5)]
    found = list(zip(cols.fine.tolist(), cols.coarse.tolist(), units.tolist(), strict=True))
    assert found[:10] == golden
    assert found[10:] == [(f + 6, c + 5, u) for f, c, u in golden]


@pytest.mark.parametrize(
    ("fine", "coarse", "per_axis"),
    [
        ("1/120", "1/20", 6),
        ("1/120", "1/12", 10),
        ("1/120", "1/10", 12),
        ("1/120", "1/4", 30),
        ("1/120", "1/2", 60),
        ("1/100", "1/4", 25),
        ("1/240", "1/120", 2),
        ("1/360", "1/120", 3),
    ],
)
def test_products_that_nest_share_whole_cells_only(fine: str, coarse: str, per_axis: int) -> None:
    step, big = Fraction(fine), Fraction(coarse)
    size = int(2 / big)
    link = overlap(
        Grid.regular(-180, 90, fine, fine, (int(2 / step), int(2 / step))),
        Grid.regular(-180, 90, coarse, coarse, (size, size)),
    )
    for axis in (link.rows, link.cols):
        assert np.bincount(axis.coarse).tolist() == [per_axis] * size
        assert np.bincount(axis.fine).max() == 1
    assert per_axis == big / step


def test_node_centred_coarse_cells_are_shifted_by_half() -> None:
    fine = Grid.regular(-180, 90, "1/120", "1/2", (360, 43200))
    era5_land = Grid.regular("-0.05", 90, "0.1", "0.5", (360, 3600))
    cols = overlap(fine, era5_land).cols
    assert np.bincount(cols.coarse).tolist() == [12] * 3600
    np.testing.assert_array_equal(cols.fine, np.arange(43200))
    first = np.sort(cols.fine[cols.coarse == 0])
    assert first.tolist() == list(range(21594, 21606))


@given(
    fine_step=st.fractions(Fraction(1, 40), Fraction(3), max_denominator=97),
    coarse_step=st.fractions(Fraction(1, 10), Fraction(7), max_denominator=97),
    west=st.fractions(-190, 190, max_denominator=60),
    north=st.fractions(-50, 85, max_denominator=60),
    turn=st.sampled_from([-360, 0, 360]),
)
@QUICK
def test_area_is_conserved_at_any_ratio(
    fine_step: Fraction, coarse_step: Fraction, west: Fraction, north: Fraction, turn: int
) -> None:
    fine = Grid(west, north, fine_step, fine_step, 5, 9)
    # a coarse grid that covers the fine one, written in any turn of the globe
    top = min(north + coarse_step / 3, Fraction(90))
    rows = min(math.ceil(5 * fine_step / coarse_step) + 2, int((top + 90) / coarse_step))
    cols = math.ceil(9 * fine_step / coarse_step) + 2
    assume(cols * coarse_step <= 360)
    start = west - coarse_step / 7 + turn
    assume(abs(start) < 500)
    coarse = Grid(start, top, coarse_step, coarse_step, rows, cols)
    link = overlap(fine, coarse)
    by_fine, by_coarse = shared_areas(link)
    np.testing.assert_allclose(by_fine, fine.cell_areas(), rtol=1e-9)
    assert by_coarse.sum() == pytest.approx(fine.cell_areas().sum(), rel=1e-12)
    assert (by_coarse <= coarse.cell_areas() * (1 + 1e-9)).all()


@pytest.mark.parametrize("west", [0, -180, Fraction(-1, 20), Fraction(1, 7), 90])
@pytest.mark.parametrize("step", ["0.9", "0.25", "1.25"])
def test_the_whole_globe_is_conserved_whatever_its_first_meridian(
    west: Fraction, step: str
) -> None:
    fine = Grid.regular(
        west, 90, step, step, (int(180 / Fraction(step)), int(360 / Fraction(step)))
    )
    coarse = Grid.regular(-180, 90, 2, 2, (90, 180))
    by_fine, by_coarse = shared_areas(overlap(fine, coarse))
    np.testing.assert_allclose(by_fine, fine.cell_areas(), rtol=1e-9)
    np.testing.assert_allclose(by_coarse, coarse.cell_areas(), rtol=1e-9)


def test_a_window_across_the_date_line_overlaps_both_ends() -> None:
    globe = Grid.regular(-180, 90, "0.25", "0.25", (720, 1440))
    fine = Grid.regular(179, 1, "0.01", "0.01", (100, 200))
    link = overlap(fine, globe)
    assert np.unique(link.cols.coarse).tolist() == [0, 1, 2, 3, 1436, 1437, 1438, 1439]
    assert np.all(np.diff(link.cols.fine) >= 0)
    by_fine, _ = shared_areas(link)
    np.testing.assert_allclose(by_fine, fine.cell_areas(), rtol=1e-9)


def test_the_real_crop_that_nests_in_nothing() -> None:
    fine = Grid.regular(
        -13.699398264742078,
        54.00199582124258,
        0.009988624327190708,
        0.009988346586746064,
        (410, 1549),
    )
    for coarse in (fine.coarsen(25, 25), Grid.regular(-14, "54.25", "0.25", "0.25", (18, 64))):
        by_fine, by_coarse = shared_areas(overlap(fine, coarse))
        np.testing.assert_allclose(by_fine, fine.cell_areas(), rtol=1e-9)
        assert by_coarse.sum() == pytest.approx(fine.cell_areas().sum(), rel=1e-12)


def test_grids_that_do_not_meet_or_differ_in_earth_are_refused() -> None:
    here = Grid.regular(0, 50, 1, 1, (3, 3))
    with pytest.raises(GridError, match="do not meet"):
        overlap(here, Grid.regular(100, 50, 1, 1, (3, 3)))
    with pytest.raises(GridError, match="do not meet"):
        overlap(here, Grid.regular(0, 0, 1, 1, (3, 3)))
    with pytest.raises(GridError, match="earth models"):
        overlap(here, Grid.regular(0, 50, 1, 1, (3, 3), SPHERE))
