"""A large map is scored in windows, and nothing changes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.errors import GridError
from ai4land.evaluation import Weighting, evaluate
from ai4land.evaluation.plan import ScoringPlan
from ai4land.evaluation.windows import SavedRollout, sum_window
from ai4land.grid import Grid, Mesh, Window
from ai4land.metrics import ScoredClasses
from tiny_cubes import COARSE, FINE, land_maps, write_labels
from tiny_rollouts import LAND, saved_rollout

TICKS = (2004, 2005, 2006, 2007, 2008)


@pytest.fixture(scope="module")
def prediction(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Cube:
    return saved_rollout(tiny_cube, tmp_path_factory.mktemp("p") / "p.zarr", TICKS)


def plan_of(cube: Cube, most: int) -> ScoringPlan:
    args: Any = (
        cube,
        LAND,
        TICKS[0],
        "land_use_fractions",
        ScoredClasses.LAND,
        Weighting.PIXEL,
    )
    return ScoringPlan(*args, None, (), most)


def halves() -> dict[str, Any]:
    """The map in two, cut where no window and no cell ends."""
    west, east, south, north = 9.0, 13.0, 47.0, 51.0
    features = []
    for name, left, right in (("west", west, 11.13), ("east", 11.13, east)):
        ring = [[left, south], [right, south], [right, north], [left, north], [left, south]]
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"name": name}, "geometry": shape})
    return {"type": "FeatureCollection", "features": features}


def sureness(evaluation: Any) -> Any:  # noqa: ANN401
    return evaluation.details.uncertainty.merit["mine"]


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("protocol", ScoredClasses)
def test_windows_change_nothing(
    tiny_cube: Cube, prediction: Cube, weighting: Weighting, protocol: ScoredClasses, tmp_path: Path
) -> None:
    (tmp_path / "halves.geojson").write_text(json.dumps(halves()))
    asked: dict[str, Any] = {"weighting": weighting, "protocol": protocol}
    asked["regions"] = [tmp_path / "halves.geojson"]
    one = evaluate(prediction, tiny_cube, **asked).to_dict()
    two = evaluate(prediction, tiny_cube, **asked, most=256).to_dict()
    rows = one["details"]["regions"][-1]["rows"]["mine"]
    assert [row["region"] for row in rows] == ["west", "east"]
    every = one["all_cells"] or one["scores"]
    total = sum(row["all"]["total"] for row in rows)
    assert total == pytest.approx(every["mine"]["last"]["total"], rel=1e-14)
    for row in one["details"]["resolutions"]:  # squares larger than a window are not told
        long, short = (d["details"]["resolutions"][row] for d in (one, two))
        assert [r["factor"] for r in short["rows"]] == [1, 2, 4, 8, 16]
        long["rows"] = long["rows"][:5]
    assert {"kernel", "random", "mine, shuffled"} <= set(one["details"]["resolutions"])
    alike(one, two, "")


def alike(one: object, two: object, at: str) -> None:
    """Equal, sums of areas up to their rounding."""
    if isinstance(one, dict) and isinstance(two, dict):
        assert one.keys() == two.keys(), at
        for key in one:
            alike(one[key], two[key], f"{at}.{key}")
    elif isinstance(one, list) and isinstance(two, list):
        assert len(one) == len(two), at
        for n, (a, b) in enumerate(zip(one, two, strict=True)):
            alike(a, b, f"{at}[{n}]")
    elif isinstance(one, float):
        assert two == pytest.approx(one, rel=1e-11, abs=1e-12), at
    else:
        assert one == two, at


def test_intervals_rest_on_the_same_blocks(tiny_cube: Cube, prediction: Cube) -> None:
    one, two = (evaluate(prediction, tiny_cube, most=most) for most in (1 << 24, 256))
    for span, interval in sureness(one).items():
        assert sureness(two)[span].low == pytest.approx(interval.low, rel=1e-12)
        assert sureness(two)[span].high == pytest.approx(interval.high, rel=1e-12)


def test_windows_hold_whole_cells_and_squares(tiny_cube: Cube) -> None:
    assert plan_of(tiny_cube, 1 << 24).windows == [FINE.window]
    cut = plan_of(tiny_cube, 300)
    assert cut.windows[0] == Window(0, 0, 16, 16), "two cells of eight pixels"
    assert cut.factors == (1, 2, 4, 8, 16)
    covered_once(cut, 8)


def test_without_a_forcing_windows_hold_whole_squares(tiny_cube: Cube) -> None:
    cut = dataclasses.replace(plan_of(tiny_cube, 300), forcing="")
    assert cut.windows[0] == Window(0, 0, 16, 16)
    covered_once(cut, 16)


def covered_once(plan: ScoringPlan, side: int) -> None:
    """Every pixel lies in one window; windows begin at multiples of a side."""
    seen = np.zeros(plan.grid.shape, int)
    for window in plan.windows:
        assert window.row % side == window.col % side == 0
        assert window.height * window.width <= plan.most
        seen[window.slices] += 1
    assert (seen == 1).all()


SMALL = Grid.regular(10.0, 50.0, 0.06, 0.06, FINE.shape)  # 6⅔ pixels in a cell of 0.4°
GLOBE = Grid.regular(-180, 90, 7.5, 4.5, FINE.shape)


@pytest.mark.parametrize(
    ("fine", "coarse", "first"),
    [
        (SMALL, Grid.regular(10, 50, 0.4, 0.4, (6, 8)), (13, 13)),
        (SMALL, Grid.regular(10, 50, 0.4, 0.4, (5, 6)), (13, 13)),
        (GLOBE, Grid.regular(-187.5, 90, 15, 18, (10, 24)), (4, 48)),
    ],
    ids=["odd ratio", "pixels in no cell", "cells on the date line"],
)
def test_cells_of_any_ratio_are_cut_without_a_change(
    fine: Grid, coarse: Grid, first: tuple[int, int], tmp_path: Path
) -> None:
    cube = write_labels(tmp_path / "c.zarr", land_maps(), fine, coarse)
    plan = plan_of(cube, 256)
    assert plan.windows[0].shape == first
    covered_once(plan, 1)
    for window in plan.windows:
        assert Mesh(fine, coarse).whole(window).shape == window.shape
    made = saved_rollout(cube, tmp_path / "p.zarr", TICKS)
    one, two = (evaluate(made, cube, most=most).to_dict() for most in (1 << 24, 256))
    for row in one["details"]["resolutions"]:
        long, short = (d["details"]["resolutions"][row] for d in (one, two))
        assert [r["factor"] for r in short["rows"]] == list(plan.factors)
        long["rows"] = long["rows"][: len(plan.factors)]
    alike(one, two, "")


def test_a_window_without_labels_is_left_out(tiny_cube: Cube, prediction: Cube) -> None:
    told: list[str] = []
    evaluate(prediction, tiny_cube, most=64, progress=told.append)
    numbers = {int(line.split("window ")[1].split()[0]) for line in told if "window" in line}
    assert len(plan_of(tiny_cube, 64).windows) == COARSE.height * COARSE.width
    assert numbers <= set(range(1, 31))
    land = land_maps()[TICKS[0]]
    has = [(land[w.slices] != 0).any() for w in plan_of(tiny_cube, 64).windows]
    assert sum(has) == len(numbers)


def test_a_cut_cube_reads_what_the_whole_one_holds(tiny_cube: Cube) -> None:
    bounds = FINE.crop(Window(8, 16, 16, 24))
    part = tiny_cube.within(bounds)
    assert part.grid("land_use") == bounds
    assert part.grid("land_use_fractions").shape == (2, 3)
    whole = tiny_cube.read("land_use", 2005)
    np.testing.assert_array_equal(part.read("land_use", 2005), whole[8:24, 16:40])
    coarse = tiny_cube.read("land_use_fractions", 2005)
    np.testing.assert_array_equal(part.read("land_use_fractions", 2005), coarse[:, 1:3, 2:5])
    again = part.within(bounds.crop(Window(8, 8, 8, 8)))
    np.testing.assert_array_equal(again.series("land_use")[5], whole[16:24, 24:32])
    beyond = part.read("land_use", 2005, Window(-1, 0, 2, 3))
    assert (beyond[0] == 255).all(), "nothing is known outside the cut"
    assert tiny_cube.grid("land_use") == FINE, "the whole cube stays whole"
    assert SavedRollout(part, "mine", (), (), 0).cube.path == tiny_cube.path


def test_a_file_whose_regions_hold_no_land_is_refused(
    tiny_cube: Cube, prediction: Cube, tmp_path: Path
) -> None:
    found = halves()
    west, north = float(FINE.west), float(FINE.north)
    ring = [[west, north], [west + 0.1, north], [west + 0.1, north - 0.1], [west, north]]
    found["features"] = found["features"][:1]
    found["features"][0]["geometry"]["coordinates"] = [ring]  # in the sea
    (tmp_path / "sea.geojson").write_text(json.dumps(found))
    with pytest.raises(GridError, match=r"(?s)No region of the file meets.*sea\.geojson"):
        evaluate(prediction, tiny_cube, regions=[tmp_path / "sea.geojson"])


def arrays(value: object) -> Iterator[np.ndarray]:
    """All arrays that something holds."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict | tuple | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from arrays(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from arrays(getattr(value, field.name))


def test_what_is_kept_of_a_window_does_not_hold_its_pixels(
    tiny_cube: Cube, prediction: Cube
) -> None:
    saved = SavedRollout(prediction, "mine", TICKS[1:], TICKS, 0)
    part = sum_window(plan_of(tiny_cube, 1 << 24), saved, FINE.window, headline=True)
    kept = list(arrays(part))
    assert len(kept) > 100
    assert not [a.shape for a in kept if FINE.height in a.shape or FINE.width in a.shape]


def test_windows_in_processes_are_windows(tiny_cube: Cube, prediction: Cube) -> None:
    one, two = (
        evaluate(prediction, tiny_cube, most=512, workers=workers).to_dict() for workers in (1, 2)
    )
    alike(one, two, "")
