"""The mesh: every pixel in one cell, every cell in one piece, at any ratio and around the globe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.grid import Grid, Mesh, Window

GLOBE = Grid.regular(-180, 90, 2, 2, (90, 180))
OFFSET = Grid.from_centres(np.arange(90, -91, -7.5), np.arange(0, 360, 7.5))  # nodes on the poles
ODD = Grid.regular("10.3", "50.1", "0.0099886", "0.0099886", (61, 83))
CELLS = Grid.regular("10.25", "50.25", "0.25", "0.25", (4, 5))
DATE_LINE = Grid.regular(172, 10, "0.5", "0.5", (20, 37))
COARSE_GLOBE = Grid.regular(-180, 90, 3, 3, (60, 120))
SMALLER = Grid.regular("10.5", "50", "0.25", "0.25", (2, 2))
MESHES = {
    "globe": Mesh(GLOBE, COARSE_GLOBE),
    "cells around the seam": Mesh(GLOBE, OFFSET),
    "any ratio": Mesh(ODD, CELLS),
    "date line": Mesh(DATE_LINE, COARSE_GLOBE),
    "labels beyond the cells": Mesh(ODD, SMALLER),
    "cells are pixels": Mesh(DATE_LINE, DATE_LINE),
}

# 5° short of the globe, and a column of cells that holds both its ends
TORN = {
    "torn, cells around the globe": Mesh(
        Grid.regular(-180, 90, 5, 5, (36, 71)), Grid.regular(-190, 90, 20, 20, (9, 18))
    ),
    "torn, cells of a region": Mesh(
        Grid.regular(-180, 90, 5, 5, (36, 71)), Grid.regular(130, 40, 20, 20, (4, 4))
    ),
}


def numbers(mesh: Mesh, window: Window) -> np.ndarray:
    """Row-major numbers on the coarse grid of the cells under a window, −1 outside."""
    cells, rows, cols = mesh.cells(window)
    col = cols + cells.col
    if mesh.coarse.is_global:
        col = np.mod(col, mesh.coarse.width)
    number = (rows + cells.row)[:, None] * mesh.coarse.width + col
    return np.where((rows < 0)[:, None] | (cols < 0), -1, number)


def expected(mesh: Mesh) -> np.ndarray:
    rows, cols = mesh.coarse.nearest(mesh.fine)
    number = rows[:, None] * mesh.coarse.width + cols
    return np.where((rows < 0)[:, None] | (cols < 0), -1, number)


@pytest.mark.parametrize("name", [*MESHES, *TORN])
@pytest.mark.parametrize("most", [1, 200, 3000, 10**9])
def test_pieces_cover_every_pixel_once_and_cut_no_cell(name: str, most: int) -> None:
    mesh = (MESHES | TORN)[name]
    seen = np.zeros(mesh.fine.shape, int)
    owner: dict[int, int] = {}
    truth = expected(mesh)
    for i, window in enumerate(mesh.pieces(most)):
        assert mesh.whole(window) == window
        found = numbers(mesh, window)
        for part in mesh.fine.pieces(window):
            seen[part.source] += 1
            np.testing.assert_array_equal(found[part.target], truth[part.source])
        for cell in np.unique(found[found >= 0]).tolist():
            assert owner.setdefault(cell, i) == i, "a cell lies in two pieces"
    assert (seen == 1).all()


@given(data=st.data())
@settings(derandomize=True, deadline=None, max_examples=60)
def test_whole_cells_around_a_window(data: st.DataObject) -> None:
    mesh = MESHES[data.draw(st.sampled_from(sorted(MESHES)))]
    height, width = mesh.fine.shape
    row = data.draw(st.integers(0, height - 1))
    col = data.draw(st.integers(-width if mesh.fine.is_global else 0, width - 1))
    window = Window(row, col, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
    whole = mesh.whole(window)
    assert mesh.whole(whole) == whole
    assert whole.row <= window.row
    assert whole.col <= window.col or whole.width == width
    inside = np.zeros(mesh.fine.shape, bool)
    for part in mesh.fine.pieces(whole):
        inside[part.source] = True
    truth = expected(mesh)
    touched = set()
    for part in mesh.fine.pieces(window):
        assert inside[part.source].all()
        touched |= set(np.unique(truth[part.source]).tolist())
    cells = touched - {-1}
    assert not np.isin(truth[~inside], list(cells)).any(), "all pixels of each cell"
    down, across = mesh.offsets(whole)
    assert down[0] == across[0] == 0


@pytest.mark.parametrize("name", TORN)
def test_a_cell_at_both_ends_of_the_grid_is_one(name: str) -> None:
    """All its pixels come together, each at a place of its own; other cells are cut as ever."""
    mesh = TORN[name]
    width = mesh.fine.width
    row = int(np.flatnonzero(expected(mesh)[:, 0] >= 0)[0])
    for col in (0, width - 1):
        whole = mesh.whole(Window(row, col, 1, 1))
        assert (whole.col, whole.width) == (0, width)
        assert mesh.within(Window(row, col, 1, 1), 1) == [whole]
    number = numbers(mesh, whole)[0]
    ours = mesh.offsets(whole)[1][number == number[0]]
    assert sorted(ours) == list(range(len(ours)))
    assert all(piece.width == width for piece in mesh.pieces(200))
    assert len(mesh.pieces(5 * width)) > len(mesh.pieces(20 * width)) > 1
    inside = mesh.whole(Window(row, width - 6, 1, 1))
    assert inside.width == 4
    assert mesh.within(inside, 1) == [inside]


def test_pieces_end_at_multiples_where_cells_do() -> None:
    mesh = Mesh(Grid.regular(0, 40, 1, 1, (40, 60)), Grid.regular(0, 40, 4, 4, (10, 15)))
    pieces = mesh.pieces(200, multiple=6)
    assert {w.row % 12 for w in pieces} == {w.col % 12 for w in pieces} == {0}
    assert len(pieces) > 4


def test_a_cell_keeps_its_number_in_every_cut() -> None:
    fine = Grid.regular(-180, 90, "0.25", "0.25", (720, 1440))
    assert fine.anchor == (0, 0)
    assert fine.circle == 1440
    assert fine.crop(Window(100, 1430, 30, 40)).anchor == (100, 1430)
    assert fine.crop(Window(100, 1445, 30, 40)).anchor == (100, 5)
    assert Grid.regular(180, 90, "0.25", "0.25", (720, 1440)).anchor == (0, 0)
    assert Grid.regular(0, 90, "0.0099886", "0.0099886", (9, 9)).circle is None
