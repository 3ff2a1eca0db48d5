"""Coarse cells: each pixel belongs to the cell its centre lies in."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ai4land.allocation import CoarseCells
from ai4land.errors import GridError
from ai4land.grid import Grid
from ai4land.vocabulary import NO_DATA

FINE = Grid.regular(0, 10, 1, 1, (5, 7))


def test_nesting_cells_are_numbered_row_by_row() -> None:
    cells = CoarseCells.of(FINE, FINE.coarsen(3, 4))
    assert cells.index.dtype == np.int32
    assert cells.count == 4
    assert cells.index.tolist() == [[0, 0, 0, 0, 1, 1, 1]] * 3 + [[2, 2, 2, 2, 3, 3, 3]] * 2
    assert not cells.wraps


def test_pixels_outside_the_coarse_grid_are_minus_one() -> None:
    cells = CoarseCells.of(FINE, Grid.regular(1, 9, 2, 2, (1, 2)))
    assert cells.index.tolist() == [
        [-1] * 7,
        [-1, 0, 0, 1, 1, -1, -1],
        [-1, 0, 0, 1, 1, -1, -1],
        [-1] * 7,
        [-1] * 7,
    ]
    with pytest.raises(GridError, match="do not meet"):
        CoarseCells.of(FINE, Grid.regular(100, 9, 2, 2, (1, 2)))


def test_the_globe_wraps_and_other_meridians_are_understood() -> None:
    fine = Grid.regular(-180, 90, 30, 30, (6, 12))
    cells = CoarseCells.of(fine, Grid.regular(0, 90, 90, 90, (2, 4)))
    assert cells.wraps
    assert cells.index[0].tolist() == [2, 2, 2, 3, 3, 3, 0, 0, 0, 1, 1, 1]


def test_counts_leave_out_unknown_other_classes_and_pixels_outside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = CoarseCells.of(FINE, Grid.regular(0, 10, 4, 3, (2, 1)))  # columns 4…6 outside
    classes = np.tile(np.array([0, 1, NO_DATA, 9, 0, 1, 1], np.uint8), (5, 1))
    expected = [[3, 2], [3, 2], [0, 0]]
    assert cells.counts(classes, 3).tolist() == expected
    monkeypatch.setattr("ai4land.allocation.cells._BLOCK", 1)
    assert cells.counts(classes, 3).tolist() == expected
    with pytest.raises(GridError, match="does not fit the coarse cells"):
        cells.counts(classes[1:], 3)


def test_importing_the_room_does_not_load_the_compiler() -> None:
    code = "import sys, ai4land.allocation, ai4land.regrid; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
