"""Grids whose nodes stand on the poles: half rows there, exact areas, overlaps and windows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import GridError
from ai4land.grid import SPHERE, Earth, Grid, Overlap, Window, overlap, slope_aspect
from ai4land.regrid import bilinear, conservative, nearest, upsample

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
ERA5 = Grid.from_centres(90 - 0.25 * np.arange(721.0), 0.25 * np.arange(1440.0))
ERA5_LAND = Grid.from_centres(
    (90 - 0.1 * np.arange(1801.0)).astype(np.float32).astype(np.float64),
    (0.1 * np.arange(3600.0)).astype(np.float32).astype(np.float64),
)
GLOBE = Grid.regular(-180, 90, "1/4", "1/4", (720, 1440))


def nodes(rows: int, columns: int = 12, earth: Earth | None = None) -> Grid:
    """A global grid of ``rows`` nodes from pole to pole."""
    dy = Fraction(180, rows - 1)
    extra = () if earth is None else (earth,)
    return Grid(Fraction(0), 90 + dy / 2, Fraction(360, columns), dy, rows, columns, *extra)


def shared(link: Overlap) -> tuple[np.ndarray, np.ndarray]:
    """Shared area of each fine and of each coarse row, of one column's width."""
    return (
        np.bincount(link.rows.fine, link.rows.length, link.fine.height),
        np.bincount(link.rows.coarse, link.rows.length, link.coarse.height),
    )


def test_the_nodes_of_era5_and_era5_land_snap_to_exact_half_rows() -> None:
    assert (ERA5.dy, ERA5.north, ERA5.south) == (
        Fraction(1, 4),
        Fraction(721, 8),
        -Fraction(721, 8),
    )
    assert (ERA5.west, ERA5.is_global, ERA5.cut) == (-Fraction(1, 8), True, (True, True))
    assert (ERA5_LAND.dx, ERA5_LAND.dy) == (Fraction(1, 10), Fraction(1, 10))
    assert (ERA5_LAND.west, ERA5_LAND.north) == (-Fraction(1, 20), Fraction(1801, 20))


def test_edges_stop_at_the_poles_and_coordinates_are_the_nodes() -> None:
    edges = ERA5.latitude_edges()
    assert edges[:3].tolist() == [90.0, 89.875, 89.625]
    assert edges[-3:].tolist() == [-89.625, -89.875, -90.0]
    assert ERA5.latitudes()[[0, 1, 360, -1]].tolist() == [90.0, 89.75, 0.0, -90.0]
    assert np.diff(edges)[[0, -1]].tolist() == [-0.125, -0.125]
    assert set(np.diff(edges)[1:-1].tolist()) == {-0.25}


@pytest.mark.parametrize("grid", [ERA5, ERA5_LAND, nodes(5, earth=SPHERE)])
def test_cells_with_half_rows_sum_to_the_surface_of_the_earth(grid: Grid) -> None:
    surface = 4 * np.pi * grid.earth.authalic_radius**2
    assert grid.row_areas().sum() * grid.width == pytest.approx(surface, rel=1e-12)
    # the pole's cap of half a row is a quarter of the area that a whole row of its width would be
    rows = grid.row_areas()
    assert rows[0] == pytest.approx(rows[-1], rel=1e-12)
    assert rows[0] < rows[1] / 3.9


@given(rows=st.integers(3, 60), data=st.data())
@QUICK
def test_area_is_conserved_between_nodes_and_any_regular_grid(
    rows: int, data: st.DataObject
) -> None:
    polar = nodes(rows)
    other = data.draw(st.integers(1, 90))
    regular = Grid(Fraction(-180), Fraction(90), Fraction(360, 12), Fraction(180, other), other, 12)
    for link in (overlap(polar, regular), overlap(regular, polar)):
        by_fine, by_coarse = shared(link)
        width = np.radians(30.0)
        np.testing.assert_allclose(by_fine * width, link.fine.row_areas(), rtol=1e-9)
        np.testing.assert_allclose(by_coarse * width, link.coarse.row_areas(), rtol=1e-9)
        # each coarse row's weights over the fine rows sum to one
        weights = link.rows.length / by_coarse[link.rows.coarse]
        np.testing.assert_allclose(
            np.bincount(link.rows.coarse, weights, link.coarse.height), 1.0, rtol=1e-12
        )


def test_era5_on_a_regular_grid_keeps_the_integral_and_a_constant() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(280.0, 20.0, ERA5.shape)
    coarse = Grid.regular(-180, 90, 10, 10, (18, 36))
    found = conservative(values, overlap(ERA5, coarse))
    before = float((values * ERA5.cell_areas()).sum())
    after = float((found * coarse.cell_areas()).sum())
    assert after == pytest.approx(before, rel=1e-12)
    ones = conservative(np.ones(ERA5.shape), overlap(ERA5, coarse))
    np.testing.assert_allclose(ones, 1.0, rtol=1e-12)
    # and back: regular cells into half rows
    back = conservative(found, overlap(coarse, nodes(10, 36)))
    assert float((back * nodes(10, 36).cell_areas()).sum()) == pytest.approx(before, rel=1e-12)


def test_a_crop_away_from_the_poles_is_a_regular_grid() -> None:
    inner = ERA5.crop(Window(1, 0, 719, 1440))
    assert inner == Grid.regular("-0.125", "89.875", "0.25", "0.25", (719, 1440))
    assert inner.cut == (False, False)
    np.testing.assert_array_equal(inner.row_areas(), ERA5.row_areas()[1:-1])
    north = ERA5.crop(Window(0, 100, 2, 7))
    assert north.cut == (True, False)
    np.testing.assert_array_equal(north.row_areas(), ERA5.row_areas()[:2])
    assert ERA5.crop(Window(720, 0, 1, 1)).cut == (False, True)
    with pytest.raises(GridError, match="beyond a pole"):
        ERA5.crop(Window(-1, 0, 3, 3))


@given(row=st.integers(0, 720), height=st.integers(1, 721))
@QUICK
def test_a_crop_knows_its_rows_edges_and_areas(row: int, height: int) -> None:
    height = min(height, 721 - row)
    part = ERA5.crop(Window(row, 5, height, 3))
    np.testing.assert_array_equal(part.row_areas(), ERA5.row_areas()[row : row + height])
    np.testing.assert_array_equal(part.latitude_edges(), ERA5.latitude_edges()[row:][: height + 1])
    np.testing.assert_array_equal(part.latitudes(), ERA5.latitudes()[row : row + height])
    assert Grid.from_dict(part.to_dict()) == part


@pytest.mark.parametrize(
    ("box", "rows"),
    [
        ((0, 80, 1, 90), (0, 41)),
        ((0, "89.9", 1, 90), (0, 1)),  # inside the half row
        ((0, "89.875", 1, 90), (0, 1)),  # its lower edge
        ((0, "89.8", 1, 90), (0, 2)),
        ((0, -90, 1, "-89.9"), (720, 1)),
        ((0, -90, 1, 90), (0, 721)),
        ((0, -95, 1, 95), (0, 721)),
        ((0, "-0.125", 1, "0.125"), (360, 1)),
    ],
)
def test_windows_of_boxes_at_the_poles(box: tuple[Fraction, ...], rows: tuple[int, int]) -> None:
    window = ERA5.window_of(*box)
    assert (window.row, window.height) == rows


def test_a_box_beyond_the_pole_meets_no_row() -> None:
    with pytest.raises(GridError, match="does not meet"):
        ERA5.window_of(0, 90, 1, 91)


def test_every_cell_of_a_regular_globe_finds_its_node_and_back() -> None:
    rows, cols = ERA5.nearest(GLOBE)
    # centres at 89.875 lie on edges of ERA5 cells and count to the cell south of them
    assert rows.tolist() == list(range(1, 721))
    assert (cols >= 0).all()
    fine = Grid.regular(-180, 90, "1/120", "1/120", (21600, 120))
    counts = np.bincount(ERA5.nearest(fine)[0], minlength=721)
    assert counts[[0, 1, 359, -2, -1]].tolist() == [15, 30, 30, 30, 15]
    # the nodes on the poles lie in the outermost rows of a regular grid
    found, _ = GLOBE.nearest(ERA5)
    assert found[[0, -1]].tolist() == [0, 719]
    assert (found >= 0).all()
    assert np.diff(found).min() >= 0
    # but a region that ends elsewhere does not claim the pole
    assert Grid.regular(0, 40, 1, 1, (129, 5)).nearest(nodes(3, 4))[0].tolist() == [-1, 40, -1]


def test_values_move_between_nodes_and_regular_cells_at_the_poles() -> None:
    values = np.arange(721.0)[:, None] + np.zeros((721, 1440))
    up = upsample(values, ERA5, Grid.regular(0, 90, "0.025", "0.025", (6, 5)))
    np.testing.assert_array_equal(up[:, 0], [0, 0, 0, 0, 0, 1])  # half row: 89.875…90° N
    between = bilinear(values, ERA5, Grid.regular(0, 90, "0.1", "0.1", (3, 4)))
    np.testing.assert_allclose(between[:, 0], [0.2, 0.6, 1.0], atol=1e-12)
    onto = bilinear(np.arange(720.0)[:, None] + np.zeros((720, 1440)), GLOBE, ERA5)
    np.testing.assert_allclose(onto[[0, 1, 360, -1], 0], [0.0, 0.5, 359.5, 719.0], atol=1e-9)
    assert not (nearest(values, ERA5, GLOBE, np.nan) != values[ERA5.nearest(GLOBE)[0]]).any()


def test_thirty_second_cells_nest_in_era5_land_with_half_rows() -> None:
    fine = Grid.regular(-180, 90, "1/120", 1, (180, 43200))
    cols = overlap(fine, ERA5_LAND).cols
    assert np.bincount(cols.coarse).tolist() == [12] * 3600
    strip = Grid.regular(0, 90, 1, "1/120", (21600, 2))
    rows = overlap(strip, ERA5_LAND).rows
    counts = np.bincount(rows.coarse)
    assert counts[[0, 1, -1]].tolist() == [6, 12, 6]
    assert set(counts[1:-1].tolist()) == {12}


def test_the_spacing_is_kept_in_plain_data_and_shown_to_people() -> None:
    assert ERA5.to_dict() == {
        "west": "-1/8",
        "north": "721/8",
        "dx": "1/4",
        "dy": "1/4",
        "height": 721,
        "width": 1440,
        "earth": "WGS 84",
        "crs": "EPSG:4326",
    }
    assert Grid.from_dict(ERA5.to_dict()) == ERA5
    assert "-90…90° N, rows cut at the poles" in ERA5.describe()
    assert "cut" not in GLOBE.describe()


@pytest.mark.parametrize(("north", "rows"), [("90.2", 721), ("90.125", 722), ("91", 4)])
def test_rows_whose_centre_is_beyond_a_pole_are_refused(north: str, rows: int) -> None:
    with pytest.raises(GridError, match=r"(?s)beyond a pole.*row centres within"):
        Grid.regular(0, north, "0.25", "0.25", (rows, 4))


def test_slopes_on_a_half_row_use_the_length_of_its_cells() -> None:
    grid = nodes(181, 360)
    height = np.where(np.arange(360) % 2 == 0, 0.0, 100.0)[None] + np.zeros((181, 360))
    height[:, ::4] = 50.0
    slope, north, east = slope_aspect(height, grid)
    assert np.isfinite(slope).all()
    assert float(slope.max()) < 90.0
    assert float(np.hypot(north, east).max()) <= 1.0 + 1e-6
    # a cell of the half row is as wide as its middle parallel, 89.75° N
    wide = np.radians(1.0) * grid.earth.authalic_radius * np.cos(np.radians(89.75))
    across = abs(height[0, 2] - height[0, 0]) / (2 * wide)
    assert across > 0
    np.testing.assert_allclose(
        np.tan(np.radians(slope[0, 1])), (across * 3 + _second(height, grid)) / 4, rtol=1e-5
    )


def _second(height: np.ndarray, grid: Grid) -> float:
    wide = np.radians(1.0) * grid.earth.authalic_radius * np.cos(np.radians(89.0))
    return float(abs(height[1, 2] - height[1, 0]) / (2 * wide))
