"""Grids: exact edges, snapping of noisy coordinates, areas, refusals."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import GridError
from ai4land.grid import SPHERE, WGS84, Grid

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
GLOBE = 510.0656e12  # m², WGS 84
STEPS = st.sampled_from(["1/360", "1/120", "1/112", "1/100", "1/20", "1/12", "1/10", "1/4", "1/2"])


def global_grid(dx: str | float = "1/4") -> Grid:
    step = Fraction(dx)
    return Grid.regular(-180, 90, dx, dx, (int(180 / step), int(360 / step)))


@pytest.mark.parametrize("dx", ["2", "1/4", "1/10"])
def test_cells_of_the_globe_sum_to_its_surface(dx: str) -> None:
    grid = global_grid(dx)
    assert grid.row_areas().sum() * grid.width == pytest.approx(GLOBE, rel=1e-6)
    assert 4 * np.pi * WGS84.authalic_radius**2 == pytest.approx(GLOBE, rel=1e-6)
    assert (grid.row_areas() > 0).all()


def test_the_sphere_has_the_surface_of_a_sphere() -> None:
    grid = Grid.regular(-180, 90, 1, 1, (180, 360), SPHERE)
    expected = 4 * np.pi * 6371007.181**2
    assert grid.row_areas().sum() * grid.width == pytest.approx(expected, rel=1e-12)
    assert SPHERE.authalic_radius == pytest.approx(6371007.181)


def test_a_cell_at_the_equator_is_as_large_as_known() -> None:
    # 1° of longitude on the equator is 111.320 km, 1° of latitude there 110.574 km
    cell = Grid.regular(0, "0.5", 1, 1, (1, 1)).cell_areas()[0, 0]
    assert cell == pytest.approx(111_320 * 110_574, rel=2e-4)


def test_areas_are_symmetric_and_shrink_poleward() -> None:
    rows = global_grid("1/2").row_areas()
    np.testing.assert_allclose(rows, rows[::-1], rtol=1e-12)
    assert (np.diff(rows[:180]) > 0).all()


@given(step=STEPS, rows=st.integers(1, 900), cols=st.integers(1, 900), data=st.data())
@QUICK
def test_edges_are_the_correctly_rounded_fractions(
    step: str, rows: int, cols: int, data: st.DataObject
) -> None:
    dx = Fraction(step)
    rows = min(rows, int(180 / dx))
    grid = Grid.regular(-180, 90, step, step, (rows, min(cols, int(360 / dx))))
    k = data.draw(st.integers(0, grid.width))
    assert grid.longitude_edges()[k] == float(-180 + k * dx)
    j = data.draw(st.integers(0, grid.height))
    assert grid.latitude_edges()[j] == float(90 - j * dx)
    assert len(grid.latitudes()) == grid.height
    assert np.all(np.diff(grid.longitude_edges()) > 0)


def test_edges_of_fractions_too_large_for_integers_are_still_exact() -> None:
    dx = Fraction(10**15 + 37, 10**17)
    grid = Grid(Fraction(1, 3**20), Fraction(5), dx, dx, 3, 4)
    expected = [float(Fraction(1, 3**20) + k * dx) for k in range(5)]
    assert grid.longitude_edges().tolist() == expected


@pytest.mark.parametrize(
    ("step", "rows", "cols", "west", "north"),
    [
        ("1/100", 18000, 36000, -180, 90),
        ("1/120", 21600, 43200, -180, 90),
        ("1/4", 720, 1440, -180, 90),
        ("1/10", 300, 500, -10, 60),
        ("1/120", 400, 300, -10, 54),
    ],
)
@pytest.mark.parametrize("noise", ["float64", "float32", "five decimals"])
def test_noisy_centres_snap_to_the_exact_grid(
    step: str, rows: int, cols: int, west: int, north: int, noise: str
) -> None:
    exact = Grid.regular(west, north, step, step, (rows, cols))
    latitude, longitude = exact.latitudes(), exact.longitudes()
    if noise == "float32":
        latitude = latitude.astype(np.float32).astype(np.float64)
        longitude = longitude.astype(np.float32).astype(np.float64)
    elif noise == "five decimals":
        latitude, longitude = np.round(latitude, 5), np.round(longitude, 5)
    assert Grid.from_centres(latitude, longitude) == exact


def test_decimals_mean_the_fractions_they_stand_for() -> None:
    grid = Grid.regular(-180.0, 90.0, 0.008333333333333333, 0.008333333333, (21600, 43200))
    assert grid.dx == grid.dy == Fraction(1, 120)
    assert grid.is_global
    assert Grid.regular(23.47, 35.70, 0.01, 0.01, (90, 288)).west == Fraction(2347, 100)


def test_a_spacing_that_nests_in_nothing_is_kept() -> None:
    dx, dy = 0.009988624327190708, 0.009988346586746064
    grid = Grid.regular(-13.699398264742078, 54.00199582124258, dx, dy, (410, 1549))
    assert abs(float(grid.dx) - dx) * grid.width < 1e-6 * dx
    assert float(grid.east) == pytest.approx(-13.699398264742078 + 1549 * dx, abs=1e-7)
    assert not grid.is_global


DESCENDING, ASCENDING = np.arange(10.0, 0.0, -1.0), np.arange(10.0)


@pytest.mark.parametrize(
    ("latitude", "longitude", "axis"),
    [
        (ASCENDING, ASCENDING, "latitude"),
        (DESCENDING, DESCENDING, "longitude"),
        (np.array([3.0, 2.0, 0.0]), ASCENDING, "latitude"),
        (DESCENDING, np.array([0.0, 1.0, 2.01, 3.0]), "longitude"),
        (np.array([1.0]), ASCENDING, "latitude"),
        (np.array([2.0, np.nan, 0.0]), ASCENDING, "latitude"),
        (np.array([2.0, 2.0, 2.0]), ASCENDING, "latitude"),
        (DESCENDING, np.zeros((3, 3)), "longitude"),
    ],
)
def test_axes_that_are_not_even_are_refused(
    latitude: np.ndarray, longitude: np.ndarray, axis: str
) -> None:
    with pytest.raises(GridError, match=axis):
        Grid.from_centres(latitude, longitude)


def test_the_error_of_an_ascending_latitude_shows_what_was_found() -> None:
    with pytest.raises(GridError, match="latitude descending") as caught:
        Grid.from_centres(np.arange(-89.5, 90), np.arange(360.0))
    assert "-89.5 … 89.5 in 180 cells" in str(caught.value)


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: Grid.regular(0, 90, 0, 1, (2, 2)), "positive cell sizes"),
        (lambda: Grid.regular(0, 90, 1, 1, (0, 2)), "at least one cell"),
        (lambda: Grid.regular(float("nan"), 90, 1, 1, (2, 2)), "not a number"),
        (lambda: Grid.regular(0, 100, 1, 1, (2, 2)), "swapped"),
        (lambda: Grid.regular(0, -80, 1, 1, (20, 2)), "beyond a pole"),
        (lambda: Grid.regular(0, 10, 1, 1, (2, 361)), "wider than the globe"),
    ],
)
def test_impossible_grids_are_refused(build: Callable[[], Grid], text: str) -> None:
    with pytest.raises(GridError, match=text):
        build()


@given(step=STEPS, west=st.integers(-360, 360), rows=st.integers(1, 40), cols=st.integers(1, 40))
@QUICK
def test_plain_data_round_trip_is_exact(step: str, west: int, rows: int, cols: int) -> None:
    grid = Grid.regular(west, 50, step, step, (rows, cols), SPHERE)
    assert Grid.from_dict(grid.to_dict()) == grid


@pytest.mark.parametrize(
    "change", [{"earth": "mars"}, {"west": "x"}, {"dx": "1/0"}, {"height": None}]
)
def test_data_that_is_no_grid_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(GridError, match=r"Not a grid"):
        Grid.from_dict(global_grid().to_dict() | change)
    with pytest.raises(GridError, match=r"to_dict"):
        Grid.from_dict({})


def test_transform_maps_corners() -> None:
    a, b, c, d, e, f = Grid.regular(-10, 60, "1/4", "1/2", (4, 8)).transform
    assert (a, b, c, d, e, f) == (0.25, 0.0, -10.0, 0.0, -0.5, 60.0)


def test_coarsen_covers_the_grid_and_cuts_the_last_cells_short() -> None:
    fine = Grid.regular("23.47", "35.7", "0.01", "0.01", (90, 288))
    coarse = fine.coarsen(25, 25)
    assert coarse.shape == (4, 12)
    assert coarse.dx == Fraction(1, 4)
    assert (coarse.west, coarse.north) == (fine.west, fine.north)
    assert coarse.east >= fine.east


def test_nearest_knows_the_pixel_of_each_thirty_second_cell() -> None:
    # six 30″ cells lie on five 0.01° pixels; the middle pixel holds two centres
    cells, pixels = global_grid("1/120"), global_grid("1/100")
    rows, cols = pixels.nearest(cells)
    assert rows[:6].tolist() == cols[:6].tolist() == [0, 1, 2, 2, 3, 4]
    np.testing.assert_array_equal(np.bincount(cols), np.tile([1, 1, 2, 1, 1], 7200))


@pytest.mark.parametrize("parts", [3, 7, 10, 49, 120, 293])
def test_centres_on_cell_edges_are_never_lost_on_the_globe(parts: int) -> None:
    dx = Fraction(1, parts)
    whole = Grid(Fraction(-180), Fraction(90), dx, Fraction(1), 1, 360 * parts)
    shifted = Grid(Fraction(-180) - dx / 2, Fraction(90), dx, Fraction(1), 1, 360 * parts)
    for one, other in ((whole, shifted), (shifted, whole)):
        np.testing.assert_array_equal(np.sort(one.nearest(other)[1]), np.arange(360 * parts))


def test_nearest_is_minus_one_outside_and_knows_other_longitude_conventions() -> None:
    inner = Grid.regular(350, 55, 1, 1, (5, 20))  # 350…370 °E
    rows, cols = inner.nearest(Grid.regular(-12, 57, 1, 1, (9, 24)))
    assert rows.tolist() == [-1, -1, 0, 1, 2, 3, 4, -1, -1]
    assert cols.tolist() == [-1, -1, *range(20), -1, -1]


def test_node_centred_globe_straddles_the_meridian() -> None:
    era5 = Grid.regular("-0.05", 90, "0.1", "0.1", (1800, 3600))
    assert era5.is_global
    _, cols = era5.nearest(Grid.regular(-180, 90, "1/120", "1/120", (21600, 43200)))
    # footprints are 12 cells wide with edges at odd multiples of 6 cells
    assert np.bincount(cols).tolist() == [12] * 3600
    assert cols[43200 // 2 - 6] == cols[43200 // 2 + 5] == 0


def test_describe_is_one_line_with_the_numbers() -> None:
    text = global_grid().describe()
    assert "720 × 1440" in text
    assert "0.25°" in text
    assert "\n" not in text
