"""Nearest, bilinear and upsampling: positions, borders, the date line, masks."""

from __future__ import annotations

import numpy as np
import pytest

from ai4land.errors import GridError
from ai4land.grid import Grid
from ai4land.regrid import bilinear, nearest, upsample

COARSE = Grid.regular(0, 50, 1, 1, (3, 4))
FINE = Grid.regular(0, 50, "0.25", "0.25", (12, 16))
GLOBE = Grid.regular(-180, 90, 30, 30, (6, 12))


def test_upsampling_repeats_coarse_cells() -> None:
    values = np.arange(24).reshape(2, 3, 4)
    found = upsample(values, COARSE, FINE)
    np.testing.assert_array_equal(found, values.repeat(4, axis=1).repeat(4, axis=2))
    assert found.dtype == values.dtype


def test_upsampling_a_window_across_the_date_line() -> None:
    window = Grid.regular(165, 30, 5, 15, (2, 6))
    values = np.arange(72).reshape(6, 12)
    assert upsample(values, GLOBE, window).tolist() == [[35, 35, 35, 24, 24, 24]] * 2


def test_upsampling_beyond_the_coarse_grid_is_refused() -> None:
    with pytest.raises(GridError, match="outside the coarse grid"):
        upsample(np.zeros((3, 4)), COARSE, Grid.regular(0, 51, "0.25", "0.25", (12, 16)))
    with pytest.raises(GridError, match="do not fit"):
        upsample(np.zeros((4, 3)), COARSE, FINE)


def test_nearest_fills_outside_and_keeps_the_type() -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    target = Grid.regular(-1, 51, 1, 1, (3, 3))
    found = nearest(values, COARSE, target, fill=255)
    assert found.dtype == np.uint8
    assert found.tolist() == [[255, 255, 255], [255, 0, 1], [255, 4, 5]]
    layers = nearest(np.stack([values, values + 1]), COARSE, target, fill=255)
    np.testing.assert_array_equal(layers[0], found)
    with pytest.raises(GridError, match="fill value"):
        nearest(values, COARSE, target, fill=-1)
    with pytest.raises(GridError, match="fill value"):
        nearest(values, COARSE, target, fill=float("nan"))
    assert np.isnan(nearest(values.astype(float), COARSE, target, fill=np.nan)[0]).all()


def test_nearest_at_a_ratio_that_does_not_nest() -> None:
    pixels = Grid.regular(0, 50, "0.01", "0.01", (5, 5))
    cells = Grid.regular(0, 50, "1/120", "1/120", (6, 6))
    found = nearest(np.tile(np.arange(5), (5, 1)), pixels, cells, fill=-1)
    assert found[0].tolist() == [0, 1, 2, 2, 3, 4]


def test_bilinear_is_exact_for_a_plane_between_centres() -> None:
    values = 3 * COARSE.longitudes()[None] - 2 * COARSE.latitudes()[:, None]
    found = bilinear(values, COARSE, FINE)
    expected = 3 * FINE.longitudes()[None] - 2 * FINE.latitudes()[:, None]
    np.testing.assert_allclose(found[2:-2, 2:-2], expected[2:-2, 2:-2], rtol=1e-12)
    # in the outer half cells the border value is kept
    np.testing.assert_allclose(found[:2, 2:-2], found[:1, 2:-2].repeat(2, axis=0))
    assert found[0, 0] == values[0, 0]
    assert found[-1, -1] == values[-1, -1]


def test_bilinear_at_the_source_centres_gives_the_source() -> None:
    values = np.random.default_rng(0).normal(size=(2, *COARSE.shape))
    np.testing.assert_allclose(bilinear(values, COARSE, COARSE), values, rtol=1e-12)


def test_bilinear_closes_around_the_globe() -> None:
    values = np.random.default_rng(1).normal(size=GLOBE.shape)
    target = Grid.regular(170, 90, 10, 30, (6, 2))  # centres 175° E and 175° W
    found = bilinear(values, GLOBE, target)
    west, east = values[:, -1], values[:, 0]  # centres 165° E and 165° W
    np.testing.assert_allclose(found[:, 0], west * 2 / 3 + east / 3)
    np.testing.assert_allclose(found[:, 1], west / 3 + east * 2 / 3)
    whole = Grid.regular(0, 90, 30, 30, (6, 12))
    np.testing.assert_allclose(bilinear(values, GLOBE, whole), np.roll(values, 6, axis=1))


def test_a_mask_passes_its_weight_to_the_valid_neighbours() -> None:
    values = np.array([[1.0, np.nan, 5.0, 7.0]] * 3)
    mask = np.isfinite(values)
    found = bilinear(values, COARSE, FINE, mask)
    assert found[0, 2:6].tolist() == [1.0, 1.0, 1.0, 1.0]
    np.testing.assert_allclose(found[0, 10:14], [5.25, 5.75, 6.25, 6.75])
    assert np.isfinite(found).all()
    mask[:, :3] = False
    alone = bilinear(values, COARSE, FINE, mask)
    np.testing.assert_array_equal(np.isnan(alone[0]), FINE.longitudes() < 2.5)
    assert np.nanmax(alone) == np.nanmin(alone) == 7.0


def test_bad_input_is_refused() -> None:
    values = np.zeros(COARSE.shape)
    with pytest.raises(GridError, match="leave the source grid"):
        bilinear(values, COARSE, Grid.regular(-1, 50, 1, 1, (3, 4)))
    with pytest.raises(GridError, match="pass a mask"):
        bilinear(np.where(np.eye(3, 4) > 0, np.nan, values), COARSE, FINE)
    with pytest.raises(GridError, match="do not fit"):
        bilinear(values.T, COARSE, FINE)
    with pytest.raises(GridError, match="do not fit"):
        bilinear(values, COARSE, FINE, np.ones((4, 3), bool))
