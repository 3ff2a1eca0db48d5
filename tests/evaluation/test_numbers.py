"""Predicted numbers are scored as they are: beside persistence and the same season before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import Cube, State, Status
from ai4land.errors import CubeError, SampleError
from ai4land.evaluation import Weighting, evaluate_numbers, path_of, predicted_targets
from ai4land.grid import Window
from ai4land.rollout import Moved, Persistence, observed_state, prediction_attributes, save_rollout
from ai4land.vocabulary import LAND_USE, Clock, single_task
from tiny_cubes import (
    LAND_AND_LEAF,
    LEAF_AREA,
    write_land_and_leaf_cube,
    write_leaf_cube,
)
from tiny_rollouts import saved_rollout

(LEAF,) = LEAF_AREA.targets
MONTHS = tuple(range(2000 * 12, 2002 * 12))
START = 2001 * 12 + 2  # March
PATH = (START + 1, START + 2, START + 4)
Read = Callable[[int], npt.NDArray[np.float32]]


class Told(Persistence):
    """Says of every time what it was told to."""

    name = "told"

    def __init__(self, cube: Cube, say: Read) -> None:
        super().__init__(single_task(LEAF), cube.grid(LEAF.name))
        self.say = say

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        return {LEAF.name: Moved(self.say(tick)[piece.slices])}


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    return write_leaf_cube(tmp_path_factory.mktemp("leaf") / "cube.zarr", MONTHS)


def truth(cube: Cube) -> Read:
    return lambda tick: cube.read(LEAF.name, tick)


def saved(path: Path, cube: Cube, stepper: Persistence, ticks: Sequence[int]) -> Cube:
    said = prediction_attributes(stepper.name, cube, ticks, {}, clock=Clock.MONTH)
    start = observed_state(cube, stepper.task, ticks[0])
    return save_rollout(stepper, start, ticks[1:], path, like=cube, attributes=said)


def test_persistence_scores_as_persistence(cube: Cube, tmp_path: Path) -> None:
    stepper = Persistence(LEAF_AREA, cube.grid(LEAF.name))
    still = saved(tmp_path / "p.zarr", cube, stepper, (START, *PATH))
    found = evaluate_numbers(still, cube, LEAF)
    assert list(found["rows"]) == ["persistence", "same season before"]
    maps = {tick: cube.read(LEAF.name, tick)[:, 4:].astype(float) for tick in (START, *PATH)}
    scores = found["rows"]["persistence"]
    for tick, score in zip(PATH, scores["times"], strict=True):
        error = maps[START] - maps[tick]
        assert score["bias"] == pytest.approx(error.mean())
        assert score["mean_absolute_error"] == pytest.approx(np.abs(error).mean())
        assert score["root_mean_square_error"] == pytest.approx(np.sqrt((error**2).mean()))
    every = np.concatenate([maps[START] - maps[tick] for tick in PATH])
    assert scores["all"]["root_mean_square_error"] == pytest.approx(np.sqrt((every**2).mean()))


def test_a_row_beside_it_is_persistence(cube: Cube, tmp_path: Path) -> None:
    said = saved(tmp_path / "p.zarr", cube, Told(cube, truth(cube)), (START, *PATH))
    stepper = Persistence(LEAF_AREA, cube.grid(LEAF.name))
    still = saved(tmp_path / "still.zarr", cube, stepper, (START, *PATH))
    rows = evaluate_numbers(said, cube, LEAF)["rows"]
    assert list(rows) == ["told", "persistence", "same season before"]
    assert rows["persistence"] == evaluate_numbers(still, cube, LEAF)["rows"]["persistence"]


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("ticks", [(START, *PATH), (START, START - 1, START - 2)])
def test_the_truth_has_no_error(
    cube: Cube, ticks: tuple[int, ...], weighting: Weighting, tmp_path: Path
) -> None:
    said = saved(tmp_path / "p.zarr", cube, Told(cube, truth(cube)), ticks)
    found = evaluate_numbers(said, cube, LEAF, weighting)
    assert found["weighting"] == weighting.value
    told = found["rows"]["told"]
    for score in (*told["times"], told["all"]):
        assert score == {
            "bias": 0,
            "mean_absolute_error": 0,
            "root_mean_square_error": 0,
            "explained_variance": 1,
        }


def test_units_and_times_as_people_write_them(cube: Cube, tmp_path: Path) -> None:
    said = saved(tmp_path / "p.zarr", cube, Told(cube, truth(cube)), (START, *PATH))
    found = evaluate_numbers(said, cube, LEAF)
    assert (found["target"], found["units"]) == ("leaf_area_index", "m2 m-2")
    assert (found["initial"], found["weighting"]) == ("2001-03", "pixel")
    assert found["times"] == ["2001-04", "2001-05", "2001-07"]


@pytest.mark.parametrize(
    ("ticks", "before"),
    [
        ((START, *PATH), [START + 1 - 12, START + 2 - 12, START + 4 - 12]),
        ((2000 * 12 + 8, 2000 * 12 + 20), [2000 * 12 + 8]),
        ((2001 * 12, 2000 * 12 + 10, 2000 * 12 + 9), [2001 * 12 + 10, 2001 * 12 + 9]),
    ],
    ids=["forward", "a whole year", "backward"],
)
def test_the_same_season_before(
    cube: Cube, ticks: tuple[int, ...], before: list[int], tmp_path: Path
) -> None:
    """The last that was known at the start: after it, where time runs backward."""

    def blurred(tick: int) -> npt.NDArray[np.float32]:
        return cube.read(LEAF.name, before[ticks.index(tick) - 1])

    said = saved(tmp_path / "p.zarr", cube, Told(cube, blurred), ticks)
    rows = evaluate_numbers(said, cube, LEAF)["rows"]
    assert rows["same season before"] == rows["told"]


def test_without_a_year_before_there_is_no_such_row(cube: Cube, tmp_path: Path) -> None:
    early = tuple(2000 * 12 + month for month in (2, 3, 4))
    said = saved(tmp_path / "p.zarr", cube, Told(cube, truth(cube)), early)
    assert list(evaluate_numbers(said, cube, LEAF)["rows"]) == ["told", "persistence"]


def test_area_counts_where_it_is_asked_for(cube: Cube, tmp_path: Path) -> None:
    """Errors of the southern half alone, where pixels are larger."""

    def say(tick: int) -> npt.NDArray[np.float32]:
        values = cube.read(LEAF.name, tick).copy()
        values[12:] += 1.0
        return values

    said = saved(tmp_path / "p.zarr", cube, Told(cube, say), (START, *PATH))
    area = cube.grid(LEAF.name).cell_areas()[:, 4:]
    share = area[12:].sum() / area.sum()
    assert share > 0.502
    for weighting, expected in ((Weighting.PIXEL, 0.5), (Weighting.AREA, share)):
        found = evaluate_numbers(said, cube, LEAF, weighting)["rows"]["told"]["all"]
        assert found["bias"] == pytest.approx(expected, rel=1e-5)


def test_only_labelled_times_are_scored(cube: Cube, tmp_path: Path) -> None:
    ticks = (MONTHS[-2], MONTHS[-1], MONTHS[-1] + 1)
    still = saved(tmp_path / "p.zarr", cube, Persistence(LEAF_AREA, cube.grid(LEAF.name)), ticks)
    assert evaluate_numbers(still, cube, LEAF)["times"] == ["2001-12"]
    ticks = (MONTHS[-1], MONTHS[-1] + 1, MONTHS[-1] + 3)
    beyond = saved(tmp_path / "q.zarr", cube, Persistence(LEAF_AREA, cube.grid(LEAF.name)), ticks)
    with pytest.raises(SampleError, match=r"(?s)No time.*2002-01…2002-03.*2000-01…2001-12"):
        evaluate_numbers(beyond, cube, LEAF)


def test_labels_are_no_reconstruction(cube: Cube) -> None:
    with pytest.raises(CubeError, match="not a reconstruction"):
        evaluate_numbers(cube, cube, LEAF)


def test_predicted_targets_are_those_that_were_saved(
    cube: Cube, tiny_cube: Cube, tmp_path: Path
) -> None:
    said = saved(tmp_path / "p.zarr", cube, Told(cube, truth(cube)), (START, *PATH))
    (found,) = predicted_targets(said)
    assert (found.name, found.clock, found.categorical) == (LEAF.name, Clock.MONTH, False)
    assert path_of(said, found) == (START, PATH)
    maps = saved_rollout(tiny_cube, tmp_path / "maps.zarr", range(2003, 2006))
    assert predicted_targets(maps) == LAND_USE.targets


def test_probabilities_are_no_target(tmp_path: Path) -> None:
    whole = write_land_and_leaf_cube(tmp_path / "cube.zarr", (2000, 2001))
    stepper = Persistence(LAND_AND_LEAF, whole.grid("land_use"))
    both = saved(tmp_path / "p.zarr", whole, stepper, (2000 * 12 + 11, 2001 * 12, 2001 * 12 + 1))
    found = {target.name: target for target in predicted_targets(both)}
    assert found["land_use"] == LAND_USE.targets[0]
    assert set(found) == {"land_use", "leaf_area_index"}
    assert Status.PREDICTED in both.status("land_use").values()
