from __future__ import annotations

import numpy as np
import pytest

from ai4land.errors import GridError
from ai4land.grid import Grid, overlap
from ai4land.regrid import class_area_bias, conservative, majority, mean_bias, nearest
from ai4land.vocabulary import NO_DATA

FINE = Grid.regular(10, 60, 0.1, 0.1, (30, 40))
COARSE = Grid.regular(10, 60, 0.5, 0.5, (6, 8))


def test_majority_takes_the_land_of_the_rare() -> None:
    """Class 1 fills 6 of the 25 cells of each block: majority makes it vanish."""
    codes = np.zeros(FINE.shape, np.uint8)
    row, col = np.mgrid[0:30, 0:40]
    codes[(row % 5 < 2) & (col % 5 < 3)] = 1
    found = class_area_bias(codes, FINE, majority(codes, 2, overlap(FINE, COARSE)), COARSE, 2)
    total = float(FINE.cell_areas().sum())
    assert found.before.sum() == pytest.approx(total)
    assert found.after == pytest.approx([total, 0.0])
    assert found.relative[1] == -1.0
    assert found.before[1] / total == pytest.approx(6 / 25, rel=1e-2)  # cells shrink polewards


def test_a_copy_has_no_bias_and_unknown_cells_have_no_area() -> None:
    codes = np.random.default_rng(0).integers(0, 3, FINE.shape, dtype=np.uint8)
    codes[:10] = NO_DATA
    found = class_area_bias(codes, FINE, codes, FINE, 4)
    assert found.relative[:3] == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(found.relative[3])
    assert found.after.sum() == pytest.approx(float(FINE.cell_areas()[10:].sum()))


def test_conservative_means_have_no_bias_and_nearest_ones_have() -> None:
    row, col = np.mgrid[0:30, 0:40]
    values = np.stack([row * 1.0, (col % 5 == 2) * 10.0])
    kept = mean_bias(values, FINE, conservative(values, overlap(FINE, COARSE)), COARSE)
    assert kept.relative == pytest.approx(0.0, abs=1e-12)
    found = mean_bias(values, FINE, nearest(values, FINE, COARSE, np.nan), COARSE)
    assert found.before[1] == pytest.approx(2.0)
    assert found.after[1] == pytest.approx(10.0)  # the middle column of five is always taken


def test_towards_a_finer_grid_and_with_holes() -> None:
    values = np.arange(48.0).reshape(COARSE.shape)
    values[2, 3] = np.nan
    found = mean_bias(values, COARSE, nearest(values, COARSE, FINE, np.nan), FINE)
    assert found.relative == pytest.approx(0.0, abs=1e-12)
    nothing = mean_bias(np.full(COARSE.shape, np.nan), COARSE, np.full(FINE.shape, np.nan), FINE)
    assert np.isnan(nothing.relative).all()


def test_a_map_on_another_grid_is_refused() -> None:
    codes = np.zeros(FINE.shape, np.uint8)
    with pytest.raises(GridError, match="does not fit its grid"):
        class_area_bias(codes, FINE, codes, COARSE, 2)
    with pytest.raises(GridError, match="do not fit their grid"):
        mean_bias(codes.astype(float), FINE, codes.astype(float), COARSE)
