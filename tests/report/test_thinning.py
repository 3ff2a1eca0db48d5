from __future__ import annotations

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.grid import Grid
from ai4land.report.pictures.thinning import read_thinned, thinning


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_a_thinned_map_is_the_map_thinned(
    tiny_cube: Cube, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ai4land.report.pictures.thinning._BAND", 48 * 10
    )  # bands of ten rows at most
    whole = tiny_cube.read("land_use", 2005)
    found = read_thinned(tiny_cube, "land_use", 2005, step)
    np.testing.assert_array_equal(found, whole[::step, ::step])


@pytest.mark.parametrize(
    ("shape", "step"),
    [((90, 288), 1), ((4096, 4096), 1), ((4096, 4097), 2), ((18_000, 36_000), 7)],
)
def test_only_very_large_maps_are_thinned(shape: tuple[int, int], step: int) -> None:
    grid = Grid.regular(-180, 90, 0.005, 0.005, shape)
    assert thinning(grid) == step
    assert (shape[0] // step) * (shape[1] // step) <= 1 << 24
