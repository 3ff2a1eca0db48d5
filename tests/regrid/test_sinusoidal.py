"""The sinusoidal grid: tiles as documented, round trips, areas conserved, real windows."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import GridError
from ai4land.grid import SPHERE, Grid
from ai4land.regrid import SinusoidalGrid, sinusoidal_mean, sinusoidal_nearest

KM = Fraction(1, 120)

# west, east, south, north of tiles in sn_bound_10deg.txt (MODLAND), whose east is one pixel too far
DOCUMENTED = {
    (8, 4): (-155.5724, -117.4758, 40.0, 50.0),
    (9, 4): (-140.0151, -104.4217, 40.0, 50.0),
    (10, 4): (-124.4579, -91.3676, 40.0, 50.0),
    (8, 5): (-130.5407, -103.9134, 30.0, 40.0),
    (9, 5): (-117.4867, -92.3664, 30.0, 40.0),
}


@pytest.mark.parametrize(("tile", "box"), DOCUMENTED.items())
def test_tiles_lie_where_the_tile_table_says(
    tile: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    west, south, east, north = SinusoidalGrid.tile(*tile).bounds
    assert (west, south, north) == pytest.approx((box[0], box[2], box[3]), abs=6e-5)
    assert east == pytest.approx(box[1], abs=0.0125)


@pytest.mark.parametrize(
    ("tile", "left", "top"),
    [
        ((0, 0), -20015109.354, 10007554.677),  # LADS filespec
        ((8, 5), -11119505.196667, 4447802.078667),
        ((17, 4), -1111950.519667, 5559752.598333),
    ],
)
def test_corners_in_metres_are_those_of_the_file_specification(
    tile: tuple[int, int], left: float, top: float
) -> None:
    grid = SinusoidalGrid.tile(*tile)
    assert grid.metres == pytest.approx((left, top, 463.31271653), abs=2e-3)
    size = 463.312716527917
    assert SinusoidalGrid.from_metres(left, top, size, (2400, 2400)) == grid


def test_there_are_460_tiles_on_the_globe() -> None:
    def exists(h: int, v: int) -> bool:
        try:
            return bool(SinusoidalGrid.tile(h, v).bounds)
        except GridError:
            return False

    assert sum(exists(h, v) for h in range(36) for v in range(18)) == 460


@given(
    h=st.integers(0, 35),
    v=st.integers(0, 17),
    cells=st.sampled_from([1200, 2400, 4800]),
    row=st.integers(0, 1199),
    col=st.integers(0, 1199),
)
@settings(max_examples=60, deadline=None)
def test_pixels_lead_to_places_and_back(h: int, v: int, cells: int, row: int, col: int) -> None:
    grid = SinusoidalGrid.tile(h, v, cells)
    latitude, longitude = grid.places(np.asarray(row + 0.5), np.asarray(col + 0.5))
    back = grid.position(latitude, longitude)
    assert back == pytest.approx((row + 0.5, col + 0.5), abs=1e-7)
    left, top, size = grid.metres
    assert SinusoidalGrid.from_metres(left, top, size, grid.shape) == grid


def test_rows_are_latitudes_and_metres_follow_the_projection() -> None:
    grid = SinusoidalGrid.tile(20, 3)
    latitude, longitude = grid.coordinates()
    assert latitude.shape == (2400, 1)
    assert longitude.shape == (2400, 2400)
    np.testing.assert_allclose(np.diff(latitude[:, 0]), -10 / 2400, rtol=1e-9)
    left, top, size = grid.metres
    x = 6371007.181 * np.radians(longitude) * np.cos(np.radians(latitude))
    np.testing.assert_allclose(x[5], left + (np.arange(2400) + 0.5) * size, rtol=1e-12)
    y = 6371007.181 * np.radians(latitude[:, 0])
    np.testing.assert_allclose(y, top - (np.arange(2400) + 0.5) * size, rtol=1e-12)


def test_pixels_off_the_grid_are_refused() -> None:
    with pytest.raises(GridError, match="not those of the MODIS sinusoidal grid"):
        SinusoidalGrid.from_metres(0.0, 0.0, 500.0, (10, 10))
    with pytest.raises(GridError, match="without resampling"):
        SinusoidalGrid.from_metres(231.6, 0.0, 463.31271656938, (10, 10))
    with pytest.raises(GridError, match="not evenly spaced"):
        SinusoidalGrid.from_centres(np.array([0.0, 463.3, 1200.0]), np.array([463.3, 0.0]))
    with pytest.raises(GridError, match="no such tile"):
        SinusoidalGrid.tile(36, 0)
    with pytest.raises(GridError, match="Not a part"):
        SinusoidalGrid(0, 36 * 2400, 1, 1)
    with pytest.raises(GridError, match="outside the globe"):
        _ = SinusoidalGrid.tile(0, 0).bounds


def window(latitude: float, longitude: float, size: int) -> SinusoidalGrid:
    """A square window around a place."""
    world = SinusoidalGrid(0, 0, 18 * 2400, 36 * 2400)
    row, col = world.position(np.asarray(latitude), np.asarray(longitude))
    return SinusoidalGrid(int(row) - size // 2, int(col) - size // 2, size, size)


@given(
    latitude=st.floats(-75, 75),
    longitude=st.floats(-150, 150),
    side=st.sampled_from([KM, Fraction(1, 100), Fraction(1, 240), Fraction(1, 20)]),
    strips=st.integers(1, 4),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_the_integral_over_valid_pixels_is_conserved(
    latitude: float, longitude: float, side: Fraction, strips: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    source = window(latitude, longitude, 24)
    target = dataclasses.replace(source.regular(side), earth=SPHERE)
    values, mask = rng.normal(size=source.shape), rng.random(source.shape) < 0.7
    mean, share = sinusoidal_mean(np.where(mask, values, np.nan), source, target, mask, strips)
    pixel = source.metres[2] ** 2
    area = share * target.cell_areas()
    assert area.sum() == pytest.approx(mask.sum() * pixel, rel=1e-6)
    scale = np.abs(values[mask]).sum() * pixel
    assert np.nansum(mean * area) == pytest.approx((values[mask] * pixel).sum(), abs=1e-6 * scale)
    assert np.array_equal(np.isnan(mean), share == 0)


# latitude, longitude, largest error of 4 strips against 64 in standard deviations of white noise
MEASURED = [(0.0, 10.0, 1e-6), (45.0, 10.0, 5e-4), (45.0, -100.0, 0.015), (60.0, 160.0, 0.07)]


@pytest.mark.parametrize(("latitude", "longitude", "bound"), MEASURED)
def test_the_error_of_the_strips_is_as_stated(
    latitude: float, longitude: float, bound: float
) -> None:
    source = window(latitude, longitude, 60)
    values = np.random.default_rng(1).normal(size=source.shape)
    target = source.regular(KM)
    best, share = sinusoidal_mean(values, source, target, strips=64)
    inner = share > 0.999
    found, _ = sinusoidal_mean(values, source, target, strips=4)
    coarse, _ = sinusoidal_mean(values, source, target, strips=2)
    spread = best[inner].std()
    error = float(np.sqrt(np.mean((found - best)[inner] ** 2))) / spread
    assert error < bound
    twice = float(np.sqrt(np.mean((coarse - best)[inner] ** 2))) / spread
    assert error <= max(0.5 * twice, 1e-9)


def test_a_plane_is_averaged_to_its_value_at_the_centre() -> None:
    source = window(50.0, 20.0, 120)
    latitude, longitude = source.coordinates()
    target = source.regular(KM)
    mean, share = sinusoidal_mean(3 * latitude + 2 * longitude, source, target)
    expected = 3 * target.latitudes()[:, None] + 2 * target.longitudes()[None, :]
    inner = share > 0.999
    assert inner.sum() > 2000
    np.testing.assert_allclose(mean[inner], expected[inner], atol=0.002)  # 0.2 pixel of 0.0042°·3


def test_nearest_takes_the_pixel_around_the_centre() -> None:
    source = SinusoidalGrid.tile(18, 4, 1200)
    codes = np.random.default_rng(0).integers(0, 200, source.shape).astype(np.uint8)
    target = Grid.regular(10.0, 46.0, 0.01, 0.01, (40, 50))
    found = sinusoidal_nearest(codes, source, target, 255)
    assert found.dtype == np.uint8
    for row, col in ((0, 0), (16, 33), (39, 49)):
        lat, lon = target.latitudes()[row], target.longitudes()[col]
        x = 6371007.181 * np.radians(lon) * np.cos(np.radians(lat))
        left, top, size = source.metres
        pixel = (
            int((top - 6371007.181 * np.radians(lat)) // size),
            int((x - left) // size),
        )
        assert found[row, col] == codes[pixel]
    outside = sinusoidal_nearest(codes, source, Grid.regular(-9.0, 46.0, 1, 1, (2, 2)), 255)
    assert (outside == 255).all()


def test_a_cover_is_enough_and_no_more() -> None:
    source = SinusoidalGrid.tile(18, 4)
    values = np.random.default_rng(3).random(source.shape)
    target = Grid.regular(5.0, 47.3, KM, KM, (9, 11))
    part = source.cover(target)
    assert part is not None
    assert part.height * part.width < 40 * 60
    rows = slice(part.row - source.row, part.row - source.row + part.height)
    cols = slice(part.col - source.col, part.col - source.col + part.width)
    whole, share = sinusoidal_mean(values, source, target)
    found, _ = sinusoidal_mean(values[rows, cols], part, target)
    assert (share > 0.999999).all()
    np.testing.assert_allclose(found, whole, rtol=1e-9)
    assert source.cover(Grid.regular(100.0, 47.0, KM, KM, (2, 2))) is None
    across = SinusoidalGrid(9 * 2400 - 10, 18 * 2400, 20, 20)
    whole_equator = across.cover(Grid.regular(0.0, 0.05, 0.1, 0.1, (1, 1)))
    assert whole_equator is not None
    assert whole_equator.shape == (20, 20)


def test_the_date_line_and_bad_values_are_refused() -> None:
    source = SinusoidalGrid.tile(35, 8, 1200)
    values = np.ones(source.shape)
    across = Grid.regular(179.5, 5.0, 0.1, 0.1, (3, 10))
    for resample in (
        lambda: sinusoidal_mean(values, source, across),
        lambda: sinusoidal_nearest(values, source, across, np.nan),
    ):
        with pytest.raises(GridError, match="both sides of the date line"):
            resample()
    inside = Grid.regular(179.0, 5.0, 0.1, 0.1, (3, 3))
    with pytest.raises(GridError, match="pass a mask"):
        sinusoidal_mean(np.full(source.shape, np.nan), source, inside)
    with pytest.raises(GridError, match="do not fit"):
        sinusoidal_mean(values[1:], source, inside)
    with pytest.raises(GridError, match="at least one strip"):
        sinusoidal_mean(values, source, inside, strips=0)


@pytest.mark.realdata
class TestRealWindows:
    def test_arcachon_lies_on_the_grid_and_its_water_in_the_atlantic(self, realdata: Path) -> None:
        with netCDF4.Dataset(realdata / "modis_lai_arcachon" / "arcachon_lc.nc") as file:
            file.set_auto_maskandscale(False)
            x, y = np.asarray(file["x"][:]), np.asarray(file["y"][:])
            classes = np.asarray(file["LC_Type1"][0])
        source = SinusoidalGrid.from_centres(x, y)
        assert source == SinusoidalGrid(4 * 2400 + 1242, 17 * 2400 + 2159, 81, 81)
        target = source.regular(KM)
        found = sinusoidal_nearest(classes, source, target, 255)
        west, _, east, _ = source.bounds
        assert (round(west, 2), round(east, 2)) == (-1.42, -0.93)

        def at(lat: float, lon: float) -> int:
            box = target.window_of(lon - 1e-6, lat - 1e-6, lon + 1e-6, lat + 1e-6)
            return int(found[box.slices][0, 0])

        assert at(44.65, -1.30) == 17  # the Atlantic off the Dune du Pilat
        assert at(44.72, -1.12) == 17  # the basin's channel
        assert at(44.55, -1.05) != 17  # the forest of the Landes
        share, known = sinusoidal_mean((classes == 17).astype(float), source, target)
        assert known.max() == pytest.approx(1.0, abs=1e-9)
        area = known * dataclasses.replace(target, earth=SPHERE).cell_areas()
        exact = float((classes == 17).sum()) * source.metres[2] ** 2
        assert np.nansum(share * area) == pytest.approx(exact, rel=1e-7)

    def test_luxembourg_lies_on_the_grid(self, realdata: Path) -> None:
        with rasterio.open(realdata / "real_bytes" / "Lai_500m_2017_149_LU.tif") as file:
            transform, shape = file.transform, file.shape
        source = SinusoidalGrid.from_metres(transform.c, transform.f, transform.a, shape)
        assert source == SinusoidalGrid(9557, 44088, 175, 122)
        west, south, east, north = source.bounds
        assert west < 5.74
        assert east > 6.53
        assert south < 49.46
        assert north > 50.17
