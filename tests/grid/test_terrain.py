"""Slope and aspect: analytic planes, directions, wrap, borders, flat ground."""

from __future__ import annotations

import numpy as np
import pytest

from ai4land.errors import GridError
from ai4land.grid import WGS84, Grid, slope_aspect

RADIUS = WGS84.authalic_radius


def patch(latitude: float, step: str = "0.01", size: int = 12) -> Grid:
    return Grid.regular(10, round(latitude + size * float(step) / 2, 6), step, step, (size, size))


def plane(grid: Grid, east: float, north: float) -> np.ndarray:
    """Height (m) of a surface that rises by ``east`` and ``north`` (m per m) at every cell.

    Along a row the eastward rise is exact for that row's own circle of latitude.
    """
    latitude = np.radians(grid.latitudes())[:, None]
    longitude = np.radians(grid.longitudes() - 10.0)[None, :]
    return np.asarray(RADIUS * (east * np.cos(latitude) * longitude + north * latitude))


@pytest.mark.parametrize("latitude", [0.0, 35.0, -52.0, 70.0, -84.0])
@pytest.mark.parametrize(("east", "north"), [(0.0, 0.1), (0.2, 0.0), (-0.3, 0.4), (0.05, -0.02)])
def test_a_plane_has_its_slope_and_direction_at_any_latitude(
    latitude: float, east: float, north: float
) -> None:
    grid = patch(latitude)
    slope, aspect_north, aspect_east = slope_aspect(plane(grid, east, north), grid)
    steep = np.hypot(east, north)
    # moving north along a meridian the term east·cos φ·λ also changes a little: up to |λ| sin φ
    slack = abs(east) * np.radians(0.13) * 1.1 + 1e-6
    expected = np.degrees(np.arctan(steep))
    np.testing.assert_allclose(slope, expected, atol=np.degrees(slack))
    np.testing.assert_allclose(aspect_north, -north / steep, atol=2 * slack / steep)
    np.testing.assert_allclose(aspect_east, -east / steep, atol=2 * slack / steep)


def test_directions_are_downslope_clockwise_from_north() -> None:
    grid = patch(45.0)
    for (east, north), (cosine, sine) in {
        (0.0, -0.1): (1.0, 0.0),  # falls to the north
        (-0.1, 0.0): (0.0, 1.0),  # falls to the east
        (0.0, 0.1): (-1.0, 0.0),
        (0.1, 0.0): (0.0, -1.0),
    }.items():
        _, aspect_north, aspect_east = slope_aspect(plane(grid, east, north), grid)
        np.testing.assert_allclose(aspect_north, cosine, atol=5e-3)
        np.testing.assert_allclose(aspect_east, sine, atol=5e-3)


def test_the_same_rise_per_degree_is_steeper_where_degrees_are_shorter() -> None:
    rise = np.tile(np.arange(12) * 100.0, (12, 1))
    low, high = (slope_aspect(rise, patch(lat))[0][6, 6] for lat in (0.0, 60.0))
    assert np.tan(np.radians(high)) == pytest.approx(2 * np.tan(np.radians(low)), rel=2e-3)


def test_flat_ground_has_no_slope_and_no_direction() -> None:
    for layer in slope_aspect(np.full((12, 12), 123.0), patch(30.0)):
        assert layer.dtype == np.float32
        assert not layer.any()


def test_one_peak_gives_the_horn_weights() -> None:
    grid = patch(0.0, size=5)
    height = np.zeros((5, 5))
    height[2, 2] = 100.0
    slope, aspect_north, aspect_east = slope_aspect(height, grid)
    metres = RADIUS * np.radians(0.01)
    west, corner = np.radians(slope[2, 1]), np.radians(slope[1, 1])
    assert np.tan(west) == pytest.approx(2 * 100 / (8 * metres), rel=1e-5)
    assert np.tan(corner) == pytest.approx(np.sqrt(2) * 100 / (8 * metres), rel=1e-5)
    assert slope[2, 2] == 0.0
    assert aspect_east[2, 1] == pytest.approx(-1.0, abs=1e-6)
    assert aspect_north[1, 1] == pytest.approx(np.sqrt(0.5), rel=1e-4)


def test_a_globe_closes_around_the_date_line() -> None:
    grid = Grid.regular(-180, 60, 5, 5, (24, 72))
    wave = 1e5 * np.cos(np.radians(grid.longitudes()))[None, :] * np.ones((24, 1))
    slope, north, east = slope_aspect(wave, grid)
    turned = slope_aspect(np.roll(wave, 31, axis=1), grid)
    for straight, rolled in zip((slope, north, east), turned, strict=True):
        np.testing.assert_array_equal(np.roll(straight, 31, axis=1), rolled)
    # at a border that does not close the difference is one-sided, so the columns would differ
    cut = slope_aspect(wave[:, :71], Grid.regular(-180, 60, 5, 5, (24, 71)))[0]
    assert not np.array_equal(cut[:, 0], slope[:, 0])
    np.testing.assert_array_equal(cut[:, 1:70], slope[:, 1:70])


def test_a_large_map_is_worked_on_in_blocks_without_seams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = patch(50.0, size=20)
    height = np.random.default_rng(1).normal(0, 100, grid.shape)
    whole = slope_aspect(height, grid)
    monkeypatch.setattr("ai4land.grid.terrain._BLOCK", 60)
    for one, other in zip(whole, slope_aspect(height, grid), strict=True):
        np.testing.assert_array_equal(one, other)


def test_integer_heights_do_not_overflow() -> None:
    grid = patch(0.0, size=4)
    height = np.array([[-32000, 32000, -32000, 32000]] * 4, np.int16)
    slope, _, _ = slope_aspect(height, grid)
    np.testing.assert_array_equal(slope, slope_aspect(height.astype(float), grid)[0])


@pytest.mark.parametrize(
    ("height", "text"),
    [
        (np.zeros((3, 4)), "does not fit"),
        (np.where(np.eye(12) > 0, np.nan, 0.0), "12 cells without a number"),
    ],
)
def test_bad_elevation_is_refused(height: np.ndarray, text: str) -> None:
    with pytest.raises(GridError, match=text):
        slope_aspect(height, patch(0.0))


def test_a_single_row_has_no_slope_to_derive() -> None:
    with pytest.raises(GridError, match="at least 2 × 2"):
        slope_aspect(np.zeros((1, 5)), Grid.regular(0, 1, 1, 1, (1, 5)))
