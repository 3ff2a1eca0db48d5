"""Windows: boxes in degrees, pieces across the date line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import GridError
from ai4land.grid import Grid, Window

QUICK = settings(derandomize=True, deadline=None, max_examples=100)
GLOBAL = Grid.regular(-180, 90, "1/4", "1/4", (720, 1440))
GLOBAL_0_360 = Grid.regular(0, 90, "1/4", "1/4", (720, 1440))
REGIONAL = Grid.regular(-20, 60, "1/4", "1/4", (80, 120))  # 20° W … 10° E, 40 … 60° N
REGIONAL_0_360 = Grid.regular(340, 60, "1/4", "1/4", (80, 120))  # the same place
SMALL_GLOBE = Grid.regular(-180, 60, 30, 10, (12, 12))
SMALL_REGION = Grid.regular(0, 60, 1, 1, (9, 11))


@pytest.mark.parametrize(
    ("grid", "box", "window"),
    [
        (GLOBAL, (-10, 50, 5, 55), Window(140, 680, 20, 60)),
        (GLOBAL, (350, 50, 355, 55), Window(140, 680, 20, 20)),
        (GLOBAL, (170, 0, -170, 10), Window(320, 1400, 40, 80)),
        (GLOBAL, (-180, -90, 180, 90), Window(0, 0, 720, 1440)),
        (GLOBAL, (0, -90, 360, 90), Window(0, 720, 720, 1440)),
        (GLOBAL_0_360, (-10, 50, 5, 55), Window(140, 1400, 20, 60)),
        (GLOBAL_0_360, (-10, 50, -5, 55), Window(140, 1400, 20, 20)),
        (REGIONAL, (-30, 50, -15, 70), Window(0, 0, 40, 20)),
        (REGIONAL, (350, 50, 355, 55), Window(20, 40, 20, 20)),
        (REGIONAL, (0, -90, 360, 90), Window(0, 0, 80, 120)),
        (REGIONAL_0_360, (-10, 50, 5, 55), Window(20, 40, 20, 60)),
        (REGIONAL_0_360, (-180, -90, 180, 90), Window(0, 0, 80, 120)),
    ],
)
def test_window_of_a_box(grid: Grid, box: tuple[int, int, int, int], window: Window) -> None:
    assert grid.window_of(*box) == window


def test_window_of_covers_whole_cells_but_forgives_rounding() -> None:
    assert REGIONAL.window_of(-0.1, 50.1, 0.1, 50.3) == Window(38, 79, 2, 2)
    nearly = REGIONAL.window_of(-1e-9, 50 - 1e-9, 0.25 + 1e-9, 50.25 + 1e-9)
    assert nearly == Window(39, 80, 1, 1)


@pytest.mark.parametrize("box", [(40, 50, 55, 55), (-10, 0, 5, 20), (-10, 55, 5, 50)])
def test_a_box_off_the_grid_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(GridError, match="does not meet") as caught:
        REGIONAL.window_of(*box)
    assert "-20…10° E" in str(caught.value)


def cells_of(grid: Grid, window: Window) -> dict[tuple[int, int], tuple[int, int]]:
    """Window cell → grid cell, through the pieces."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    number = np.arange(grid.height * grid.width).reshape(grid.shape)
    for piece in grid.pieces(window):
        block = number[piece.source]
        rows, cols = piece.target
        assert block.shape == (rows.stop - rows.start, cols.stop - cols.start)
        for i, j in np.ndindex(block.shape):
            key = (rows.start + i, cols.start + j)
            assert key not in found
            row, col = divmod(int(block[i, j]), grid.width)
            found[key] = (row, col)
    return found


@given(
    row=st.integers(-20, 20),
    col=st.integers(-40, 40),
    height=st.integers(1, 30),
    width=st.integers(1, 40),
    wraps=st.booleans(),
)
@QUICK
def test_pieces_are_exactly_the_cells_that_exist(
    row: int, col: int, height: int, width: int, wraps: bool
) -> None:
    grid = SMALL_GLOBE if wraps else SMALL_REGION
    expected = {}
    for i in range(height):
        for j in range(width):
            y, x = row + i, (col + j) % grid.width if wraps else col + j
            if 0 <= y < grid.height and 0 <= x < grid.width:
                expected[i, j] = (y, x)
    assert cells_of(grid, Window(row, col, height, width)) == expected


def test_crop_across_the_date_line_keeps_degrees_rising() -> None:
    part = GLOBAL.crop(GLOBAL.window_of(170, 0, -170, 10))
    assert (float(part.west), float(part.east)) == (170.0, 190.0)
    rows, cols = GLOBAL.nearest(part)
    assert cols.tolist() == [*range(1400, 1440), *range(40)]
    assert rows.tolist() == list(range(320, 360))


def test_areas_of_a_window_are_those_of_the_grid() -> None:
    window = Window(10, 20, 3, 4)
    np.testing.assert_array_equal(GLOBAL.cell_areas(window), GLOBAL.cell_areas()[window.slices])
    np.testing.assert_allclose(
        GLOBAL.crop(window).cell_areas(), GLOBAL.cell_areas(window), rtol=1e-12
    )
    assert not GLOBAL.cell_areas().flags.writeable


def test_windows_pad_and_shift() -> None:
    assert Window(4, 5, 6, 7).pad(2) == Window(2, 3, 10, 11)
    assert Window(4, 5, 6, 7).shift(-1, 1) == Window(3, 6, 6, 7)
    with pytest.raises(GridError, match="empty window"):
        Window(0, 0, 0, 3)
