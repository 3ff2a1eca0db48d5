"""Missing numbers: every row is scored on the same pixels, and a gap is no good prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import Cube, State
from ai4land.errors import GridError, SampleError
from ai4land.evaluation import evaluate_numbers
from ai4land.grid import Window
from ai4land.rollout import Moved, Persistence, observed_state, save_rollout
from tiny_cubes import LEAF_AREA, write_cube, write_leaf_cube

(LEAF,) = LEAF_AREA.targets
MONTHS = tuple(range(2000 * 12, 2002 * 12))
START = 2001 * 12 + 2  # March
PATH = (START + 1, START + 2)
SEA = np.s_[:, :4]  # of the tiny cube
Map = npt.NDArray[np.float32]


class Told(Persistence):
    """Says of every time what it was told to."""

    name = "told"

    def __init__(self, cube: Cube, say: Callable[[int], Map]) -> None:
        super().__init__(LEAF_AREA, cube.grid(LEAF.name))
        self.say = say

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        return {LEAF.name: Moved(self.say(tick)[piece.slices])}


def leaves(path: Path, gap: int | None = None) -> Cube:
    """A cube, of which a corner may be missing at one time."""

    def gone(tick: int, values: Map) -> Map:
        if tick == gap:
            values[:3, 4:7] = np.nan
        return values

    plain = write_leaf_cube(path / "plain.zarr", MONTHS)
    if gap is None:
        return plain
    start = observed_state(plain, LEAF_AREA, MONTHS[0])
    stepper = Told(plain, lambda tick: gone(tick, plain.read(LEAF.name, tick).copy()))
    where = path / "gap.zarr"
    return save_rollout(stepper, start, MONTHS[1:], where, like=plain, attributes={})


def saved(path: Path, cube: Cube, say: Callable[[int], Map], source: str | None = None) -> Cube:
    start = observed_state(cube, LEAF_AREA, START)
    stepper = Told(cube, say)
    return save_rollout(stepper, start, PATH, path, like=cube, attributes={}, source=source)


@pytest.mark.parametrize("source", [None, "persistence"])
def test_a_gap_where_labels_are_known_is_refused(tmp_path: Path, source: str | None) -> None:
    """Else a map that keeps silent where it is wrong would have no error at all."""
    cube = leaves(tmp_path)

    def say(tick: int) -> Map:
        values = cube.read(LEAF.name, tick).copy()
        if tick == PATH[1]:
            values[5, 4:] = np.nan
        return values

    silent = saved(tmp_path / "p.zarr", cube, say, source)
    height, width = cube.grid(LEAF.name).shape
    count = f"{width - 4} of {height * (width - 4)} pixels missing ({1 / height:.2%})"
    with pytest.raises(SampleError, match=r"(?s)missing where.*leaf_area_index, 2001-05") as caught:
        evaluate_numbers(silent, cube, LEAF)
    assert caught.value.found == count


def test_a_gap_where_nothing_is_known_is_none(tmp_path: Path) -> None:
    cube = leaves(tmp_path)
    told = saved(tmp_path / "p.zarr", cube, lambda tick: cube.read(LEAF.name, tick))
    assert np.isnan(told.read(LEAF.name, PATH[0])[SEA]).all()
    assert evaluate_numbers(told, cube, LEAF)["rows"]["told"]["all"]["bias"] == 0


@pytest.mark.parametrize("gap", [START, PATH[0], PATH[0] - 12], ids=["start", "truth", "season"])
def test_all_rows_have_the_same_pixels(tmp_path: Path, gap: int) -> None:
    """Those that the truth, the start and the season before all know."""
    cube = leaves(tmp_path, gap)
    plain = Cube(tmp_path / "plain.zarr")
    told = saved(tmp_path / "p.zarr", plain, lambda tick: plain.read(LEAF.name, tick) * 1.5)
    rows = evaluate_numbers(told, cube, LEAF)["rows"]
    known = np.isfinite(cube.read(LEAF.name, gap))
    maps = {
        "told": plain.read(LEAF.name, PATH[0]) * 1.5,
        "persistence": plain.read(LEAF.name, START),
        "same season before": plain.read(LEAF.name, PATH[0] - 12),
    }
    assert list(rows) == list(maps)
    for row, values in maps.items():
        error = (values - plain.read(LEAF.name, PATH[0])).astype(float)[known]
        assert rows[row]["times"][0]["mean_absolute_error"] == pytest.approx(np.abs(error).mean())


def test_a_truth_on_another_grid_is_refused(tmp_path: Path) -> None:
    """Windows are indices: one column to the east every pixel would be judged by its neighbour."""
    cube = leaves(tmp_path)
    found = saved(tmp_path / "p.zarr", cube, lambda tick: cube.read(LEAF.name, tick))
    grid = cube.grid(LEAF.name)
    east = replace(grid, west=grid.west + grid.dx)
    group = replace(cube.group(LEAF.name), grid=east)
    maps = {tick: cube.read(LEAF.name, tick) for tick in MONTHS}
    moved = write_cube(tmp_path / "moved.zarr", [group], {LEAF.name: maps})
    with pytest.raises(GridError, match=r"(?s)different grids.*expected.*found.*remedy"):
        evaluate_numbers(found, moved, LEAF)
