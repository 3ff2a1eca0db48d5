"""Fine to coarse: area is conserved at any ratio, missing stays missing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ai4land.errors import GridError
from ai4land.grid import Grid, overlap
from ai4land.regrid import class_areas, class_fractions, conservative, majority
from ai4land.vocabulary import NO_DATA

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
FINE = Grid.regular(10, 51, "0.1", "0.1", (10, 12))
NESTING = FINE.coarsen(5, 4)
MAPS = npst.arrays(np.uint8, FINE.shape, elements=st.sampled_from([0, 1, 2, 3, NO_DATA]))


def covering(dx: Fraction, dy: Fraction, west: Fraction, north: Fraction) -> Grid:
    """A coarse grid that covers the fine one and begins a little outside it."""
    return Grid(10 - west, 51 + north, dx, dy, int(1 / dy) + 2, int(Fraction(6, 5) / dx) + 2)


STEP = st.fractions(Fraction(3, 20), Fraction(2), max_denominator=90)
SHIFT = st.fractions(0, Fraction(1, 7), max_denominator=50)
COARSE = st.builds(covering, STEP, STEP, SHIFT, SHIFT)


def true_areas(classes: np.ndarray, grid: Grid, n: int) -> np.ndarray:
    return np.array([grid.cell_areas()[classes == k].sum() for k in range(n)])


@given(classes=MAPS, coarse=COARSE)
@QUICK
def test_class_area_is_conserved_and_fractions_sum_to_one(
    classes: np.ndarray, coarse: Grid
) -> None:
    link = overlap(FINE, coarse)
    areas = class_areas(classes, 4, link)
    expected = true_areas(classes, FINE, 4)
    np.testing.assert_allclose(areas.sum(axis=(1, 2)), expected, rtol=1e-9, atol=1e-3)
    found = class_fractions(classes, 4, link)
    known = found.known_share > 0
    np.testing.assert_allclose(found.fractions.sum(axis=0)[known], 1.0, atol=1e-12)
    assert not found.fractions[:, ~known].any()
    back = found.fractions * found.known_share * coarse.cell_areas()
    np.testing.assert_allclose(back, areas, rtol=1e-9, atol=1e-3)
    assert found.known_share.max() <= 1 + 1e-9


@pytest.mark.parametrize("coarse_step", ["0.25", "25 cells"])
def test_the_spacing_of_real_crops_conserves_area(coarse_step: str) -> None:
    fine = Grid.regular(-5.6993, 54.002, 0.009988624327190708, 0.009988346586746064, (90, 110))
    coarse = (
        fine.coarsen(25, 25)
        if coarse_step == "25 cells"
        else Grid.regular(-6, "54.25", "0.25", "0.25", (6, 8))
    )
    classes = np.random.default_rng(3).integers(0, 8, fine.shape).astype(np.uint8)
    areas = class_areas(classes, 8, overlap(fine, coarse))
    np.testing.assert_allclose(areas.sum(axis=(1, 2)), true_areas(classes, fine, 8), rtol=1e-12)


def test_area_is_conserved_across_the_date_line_and_on_the_globe() -> None:
    rng = np.random.default_rng(5)
    globe = Grid.regular(-180, 90, "0.9", "0.9", (200, 400))
    for fine in (Grid.regular(177, 3, "0.13", "0.13", (40, 50)), globe):
        classes = rng.integers(0, 3, fine.shape).astype(np.uint8)
        coarse = Grid.regular(-180, 90, "1.25", "1.25", (144, 288))
        areas = class_areas(classes, 3, overlap(fine, coarse))
        np.testing.assert_allclose(areas.sum(axis=(1, 2)), true_areas(classes, fine, 3), rtol=1e-9)
    share = class_fractions(classes, 3, overlap(globe, coarse)).known_share
    np.testing.assert_allclose(share, 1.0, rtol=1e-9)


def test_one_cell_by_hand() -> None:
    classes = np.zeros(FINE.shape, np.uint8)
    classes[:5, :1] = 1  # a quarter of the first coarse cell, in whole columns
    classes[:5, 1] = NO_DATA
    found = class_fractions(classes, 2, overlap(FINE, NESTING))
    np.testing.assert_allclose(found.fractions[:, 0, 0], [2 / 3, 1 / 3])
    np.testing.assert_allclose(found.known_share[0], [0.75, 1.0, 1.0])
    np.testing.assert_allclose(found.fractions[:, 0, 1], [1, 0])


def test_northern_pixels_weigh_less() -> None:
    fine = Grid.regular(0, 80, 1, 10, (2, 1))  # 70–80° N and 60–70° N
    found = class_fractions(np.array([[0], [1]], np.uint8), 2, overlap(fine, fine.coarsen(2, 1)))
    north, south = fine.row_areas()
    assert north < south
    np.testing.assert_allclose(found.fractions[:, 0, 0], np.array([north, south]) / (north + south))


def test_ignored_classes_leave_the_denominator() -> None:
    classes = np.zeros(FINE.shape, np.uint8)  # sea
    classes[:5, :2] = [1, 2]
    found = class_fractions(classes, 3, overlap(FINE, NESTING), ignore=(0,))
    np.testing.assert_allclose(found.fractions[:, 0, 0], [0, 0.5, 0.5])
    np.testing.assert_allclose(found.known_share[0], [0.5, 0, 0])
    assert not found.fractions[:, 1].any()


def test_large_maps_are_worked_on_in_blocks_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(7)
    classes = rng.integers(0, 4, FINE.shape).astype(np.uint8)
    values = rng.normal(size=(2, *FINE.shape))
    link = overlap(FINE, Grid.regular("9.9", "51.03", "0.17", "0.23", (6, 9)))
    areas, means, common = (
        class_areas(classes, 4, link),
        conservative(values, link),
        majority(classes, 4, link),
    )
    monkeypatch.setattr("ai4land.regrid.aggregate._BLOCK", 1)
    np.testing.assert_allclose(class_areas(classes, 4, link), areas, rtol=1e-12)
    np.testing.assert_allclose(conservative(values, link), means, rtol=1e-12)
    np.testing.assert_array_equal(majority(classes, 4, link), common)


@given(
    values=npst.arrays(np.float64, FINE.shape, elements=st.floats(-1e3, 1e3)),
    mask=npst.arrays(np.bool_, FINE.shape),
    coarse=COARSE,
)
@QUICK
def test_the_integral_over_the_valid_area_is_conserved(
    values: np.ndarray, mask: np.ndarray, coarse: Grid
) -> None:
    link = overlap(FINE, coarse)
    found = conservative(np.where(mask, values, np.nan), link, mask)
    area = class_areas(mask.astype(np.uint8), 2, link)[1]
    assert np.array_equal(np.isnan(found), area == 0)
    total = np.nansum(found * area)
    expected = (values * FINE.cell_areas())[mask].sum()
    assert total == pytest.approx(expected, rel=1e-9, abs=1e-6 * FINE.cell_areas().sum())
    if mask.any():
        assert np.nanmin(found) >= values[mask].min() - 1e-9
        assert np.nanmax(found) <= values[mask].max() + 1e-9


def test_layers_are_averaged_one_by_one() -> None:
    link = overlap(FINE, NESTING)
    values = np.random.default_rng(0).normal(size=(3, *FINE.shape))
    found = conservative(values, link)
    assert found.shape == (3, *NESTING.shape)
    np.testing.assert_array_equal(found[1], conservative(values[1], link))
    np.testing.assert_allclose(conservative(np.full(FINE.shape, 7), link), 7.0, rtol=1e-12)


def test_majority_takes_the_largest_area_and_the_first_of_equals() -> None:
    classes = np.full(FINE.shape, NO_DATA, np.uint8)
    classes[0, :3] = [2, 2, 1]
    classes[0, 4:6] = [3, 1]
    found = majority(classes, 4, overlap(FINE, NESTING))
    assert found.dtype == np.uint8
    assert found.tolist() == [[2, 1, NO_DATA], [NO_DATA] * 3]


def test_majority_weighs_by_area_not_by_pixels() -> None:
    fine = Grid.regular(0, 60, 1, 30, (2, 1))
    assert majority(np.array([[0], [1]], np.uint8), 2, overlap(fine, fine.coarsen(2, 1))) == 1


def test_bad_input_is_refused() -> None:
    link = overlap(FINE, NESTING)
    classes = np.zeros(FINE.shape, np.uint8)
    with pytest.raises(GridError, match="does not fit the fine grid"):
        class_fractions(classes[1:], 2, link)
    with pytest.raises(GridError, match="uint8"):
        class_fractions(classes.astype(np.int64), 2, link)
    with pytest.raises(GridError, match=r"index that is no class(.|\n)*\[4\]"):
        class_fractions(np.where(np.eye(10, 12) > 0, 4, classes).astype(np.uint8), 4, link)
    with pytest.raises(GridError, match="number of classes"):
        majority(classes, 0, link)
    with pytest.raises(GridError, match="pass a mask"):
        conservative(np.full(FINE.shape, np.nan), link)
    with pytest.raises(GridError, match="do not fit"):
        conservative(np.zeros((3, 3)), link)
    with pytest.raises(GridError, match="do not fit"):
        conservative(np.zeros(FINE.shape), link, np.ones((3, 3), bool))
