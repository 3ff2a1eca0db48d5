"""Coordinate systems: equal by what they do, not by how they are spelt; true areas in any."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import GridError
from ai4land.formats import LONGITUDES, PixelAreas, RasterGrid, is_wgs84, moved, same_system, shift
from ai4land.grid import WGS84, Grid

HERE = Path("map.tif")
WHOLE = slice(0, 40), slice(0, 60)


def degrees(crs: str, size: float = 0.01, west: float = 10.0, north: float = 50.0) -> RasterGrid:
    return RasterGrid((size, 0.0, west, 0.0, -size, north), crs, True, (40, 60))


def metres(crs: str, size: float, west: float, north: float) -> RasterGrid:
    return RasterGrid((size, 0.0, west, 0.0, -size, north), crs, False, (40, 60))


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:4326",
        LONGITUDES,
        "+proj=longlat +ellps=WGS84 +no_defs",
        "EPSG:4258",  # ETRS89
        "EPSG:4674",  # SIRGAS 2000
        "EPSG:4269",  # NAD83
        "EPSG:4979",  # with heights
    ],
)
def test_systems_that_count_as_wgs84(crs: str) -> None:
    assert is_wgs84(degrees(crs))


@pytest.mark.parametrize(
    "crs",
    [
        "+proj=longlat +ellps=bessel +pm=ferro +no_defs",
        "+proj=longlat +ellps=WGS84 +pm=paris +no_defs",
        "+proj=longlat +ellps=bessel +no_defs",
        "EPSG:4314",  # DHDN
        "EPSG:4267",  # NAD27
        "EPSG:4807",  # Paris, in grads
        "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +R=6371229 "
        "+to_meter=0.0174532925199433 +no_defs +type=crs",
    ],
)
def test_systems_that_do_not(crs: str) -> None:
    assert not is_wgs84(degrees(crs))


def test_what_counts_depends_on_the_pixel() -> None:
    """DHDN lies about 100 m off, as much as a hundredth of a pixel of 0.1°."""
    assert 0.05 < shift(degrees("EPSG:4314"), LONGITUDES) < 0.2
    assert is_wgs84(RasterGrid((0.5, 0.0, 9.0, 0.0, -0.5, 52.0), "EPSG:4314", True, (4, 6)))


def test_a_sphere_passes_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert is_wgs84(degrees("+proj=longlat +R=6371229 +no_defs"))
    assert "sphere" in caplog.text


LAEA = "+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 +ellps=GRS80 +units=m +no_defs"


@pytest.mark.parametrize(
    ("grid", "other", "same"),
    [
        (metres("EPSG:3035", 1000, 4e6, 3e6), LAEA, True),
        (metres("EPSG:3035", 1000, 4e6, 3e6), LAEA.replace("lat_0=52", "lat_0=51.9"), False),
        (metres("ESRI:54009", 1000, 0, 3e6), "+proj=moll +datum=WGS84 +units=m", True),
        (
            metres("ESRI:54009", 4e5, -18e6, 9e6),
            "+proj=moll +datum=WGS84",
            True,
        ),  # corners in space
        (metres("ESRI:54009", 1000, 0, 3e6), "+proj=moll +lon_0=1 +datum=WGS84", False),
        (metres("EPSG:32632", 30, 5e5, 6e6), "EPSG:25832", True),
        (metres("EPSG:32632", 30, 5e5, 6e6), "EPSG:32633", False),
        (metres("EPSG:3035", 1000, 4e6, 3e6), "EPSG:4326", False),
        (metres("EPSG:3035", 1000, 4e6, 3e6), "", False),
        (metres("", 1000, 4e6, 3e6), "", True),
        (metres("EPSG:3035", 1000, 4e6, 3e6), "EPSG:999999", False),
    ],
)
def test_projections_are_one_if_nothing_moves(grid: RasterGrid, other: str, same: bool) -> None:
    assert same_system(grid, other) is same


@given(st.sampled_from([-360, 0, 360]), st.floats(-180, 170), st.floats(-60, 80))
@settings(max_examples=20, deadline=None)
def test_turns_of_the_globe_change_nothing(turn: int, west: float, north: float) -> None:
    assert is_wgs84(degrees("EPSG:4258", west=west + turn, north=north))


def test_places_beyond_a_projection_are_infinite_and_the_others_stay() -> None:
    x, y = np.array([0.0, 1.8e7, 1e6, 3e7]), np.array([0.0, 8.9e6, 1e6, 0.0])
    lon, lat = moved(x, y, "ESRI:54009", LONGITUDES)
    np.testing.assert_array_equal(np.isfinite(lon), [True, False, True, False])
    assert (lon[0], lat[0]) == (0.0, 0.0)
    with pytest.raises(GridError, match="cannot be moved"):
        moved(x, y, "EPSG:999999", LONGITUDES)


def test_areas_by_longitude_and_latitude_are_those_of_the_ellipsoid() -> None:
    """The same from corners as in closed form, wherever the rows run."""
    grid = Grid.regular(10, 50, 0.01, 0.01, (40, 60))
    exact = np.broadcast_to(grid.row_areas()[:, None], (40, 60))
    np.testing.assert_array_equal(RasterGrid.of(grid).areas(HERE), grid.row_areas()[:, None])
    np.testing.assert_allclose(PixelAreas(RasterGrid.of(grid))[WHOLE], exact, rtol=1e-5)
    upward = RasterGrid((0.01, 0.0, 10.0, 0.0, 0.01, 49.6), "EPSG:4326", True, (40, 60))
    np.testing.assert_allclose(upward.areas(HERE)[WHOLE], exact[::-1], rtol=1e-5)


def test_areas_on_projected_grids() -> None:
    equal = metres("EPSG:3035", 1000, 4e6, 3e6).areas(HERE)[WHOLE]
    np.testing.assert_allclose(equal, 1e6, rtol=1e-6)
    # along the central meridian a UTM map is .9996 of true length (Snyder 1987, ch. 8)
    utm = metres("EPSG:32632", 30, 5e5 - 15, 6e6).areas(HERE)[slice(0, 40), slice(0, 1)]
    np.testing.assert_allclose(utm, 900 / 0.9996**2, rtol=1e-6)
    # Mercator: scale 1 / cos(latitude) on a sphere; at the equator of the ellipsoid one pixel
    web = metres("EPSG:3857", 1000, 0, 1000).areas(HERE)[slice(0, 1), slice(0, 1)]
    e2 = WGS84.flattening * (2 - WGS84.flattening)
    np.testing.assert_allclose(web, 1e6 * (1 - e2), rtol=1e-6)


def test_a_whole_earth_has_the_area_of_the_earth() -> None:
    grid = RasterGrid((1e5, 0.0, -18.1e6, 0.0, -1e5, 9.1e6), "ESRI:54009", False, (182, 362))
    areas = grid.areas(HERE)[slice(0, 182), slice(0, 362)]
    assert (areas == 0).any()  # the corners
    whole = 4 * math.pi * WGS84.authalic_radius**2
    assert areas.sum() == pytest.approx(whole, rel=0.02)  # pixels across the edge are left out


def test_areas_need_a_system() -> None:
    with pytest.raises(GridError, match=r"(?s)say their coordinate system.*rio edit-info"):
        metres("", 1000, 0, 0).areas(HERE)
