"""Pieces around a window: every cell that it touches once, and where its pixels lie in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_mesh import CELLS, GLOBE, MESHES, ODD, expected

from ai4land.grid import Mesh, Window

REGIONAL = Mesh(ODD, CELLS)
SEAM = MESHES["cells around the seam"]
MOST = (1, 40, 500, 10**9)


def drawn(data: st.DataObject, mesh: Mesh) -> Window:
    """A window of rows that exist, around the globe as well."""
    height, width = mesh.fine.shape
    row = data.draw(st.integers(0, height - 1))
    down = data.draw(st.integers(1, min(height - row, 40)))
    if mesh.fine.is_global:
        col, across = data.draw(st.integers(-width, width - 1)), data.draw(st.integers(1, width))
    else:
        col = data.draw(st.integers(0, width - 1))
        across = data.draw(st.integers(1, width - col))
    return Window(row, col, down, across)


@given(data=st.data())
@settings(derandomize=True, deadline=None, max_examples=120)
def test_all_cells_that_a_window_touches_once(data: st.DataObject) -> None:
    mesh = MESHES[data.draw(st.sampled_from(sorted(MESHES)))]
    window, most = drawn(data, mesh), data.draw(st.sampled_from(MOST))
    seen = np.zeros(mesh.fine.shape, int)
    for piece in mesh.within(window, most):
        assert mesh.whole(piece) == piece, "no cell is cut"
        for part in mesh.fine.pieces(piece):
            seen[part.source] += 1
    assert seen.max() == 1
    truth, touched = expected(mesh), np.zeros(mesh.fine.shape, bool)
    for part in mesh.fine.pieces(window):
        touched[part.source] = True
    assert seen[touched].all()
    cells = set(np.unique(truth[touched]).tolist()) - {-1}
    covered = set(np.unique(truth[seen > 0]).tolist()) - {-1}
    assert seen[np.isin(truth, list(cells))].all(), "all pixels of each cell"
    if not (truth < 0).any():
        assert covered == cells, "and of no other cell"


@given(data=st.data())
@settings(derandomize=True, deadline=None, max_examples=120)
def test_the_pixels_of_a_window_lie_in_its_pieces(data: st.DataObject) -> None:
    """A map put together from pieces is the map: each pixel is found in one of them."""
    mesh = MESHES[data.draw(st.sampled_from(sorted(MESHES)))]
    window, most = drawn(data, mesh), data.draw(st.sampled_from(MOST))
    height, width = mesh.fine.shape
    number = np.arange(height * width).reshape(height, width)

    def read(of: Window) -> np.ndarray:
        out = np.full(of.shape, -1)
        for part in mesh.fine.pieces(of):
            out[part.target] = number[part.source]
        return out

    found, times = np.full(window.shape, -1), np.zeros(window.shape, int)
    for piece in mesh.within(window, most):
        rows, cols = mesh.places(piece, window)
        assert (len(rows), len(cols)) == window.shape
        assert rows.max() < piece.height
        assert cols.max() < piece.width
        down, across = np.ix_(rows >= 0, cols >= 0)
        row, col = np.ix_(rows[rows >= 0], cols[cols >= 0])
        found[down, across] = read(piece)[row, col]
        times[down, across] += 1
    np.testing.assert_array_equal(found, read(window))
    assert (times == 1).all()


@pytest.mark.parametrize("name", MESHES)
def test_pieces_are_as_small_as_asked_or_one_cell(name: str) -> None:
    mesh = MESHES[name]
    height, width = mesh.fine.shape
    window = Window(height // 3, width // 3, height // 3, width // 3)
    one = mesh.within(window, 10**9)
    assert one == [mesh.whole(window)]
    many = mesh.within(window, 1)
    if (expected(mesh) >= 0).all():
        rows, cols = mesh.cells(window)[0].shape
        assert len(many) == rows * cols
    assert sum(p.height * p.width for p in many) == one[0].height * one[0].width
    for piece in mesh.within(window, 400):
        assert piece in many or (piece.height <= 20 or piece.width <= 20)


def test_outside_a_piece_there_is_no_place() -> None:
    rows, cols = REGIONAL.places(Window(10, 20, 3, 4), Window(8, 22, 6, 5))
    assert rows.tolist() == [-1, -1, 0, 1, 2, -1]
    assert cols.tolist() == [2, 3, -1, -1, -1]
    for part in REGIONAL.places(Window(0, 0, 3, 3), Window(40, 40, 2, 2)):
        assert (part == -1).all()


@pytest.mark.parametrize("turn", [-1, 0, 1])
def test_columns_count_in_any_turn(turn: int) -> None:
    width = GLOBE.width
    rows, cols = SEAM.places(Window(0, width - 2, 2, 4), Window(0, turn * width - 3, 2, 7))
    assert rows.tolist() == [0, 1]
    assert cols.tolist() == [-1, 0, 1, 2, 3, -1, -1]


def test_a_window_as_wide_as_the_globe_begins_anywhere() -> None:
    for col in (-GLOBE.width, -1, 0, 1, 17):
        pieces = SEAM.within(Window(30, col, 1, GLOBE.width), 10**9)
        assert [piece.width for piece in pieces] == [GLOBE.width]
