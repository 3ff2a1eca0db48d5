from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ai4land.cube import Cube, GroupSpec, State, Status, VariableSpec
from ai4land.errors import CubeError, GridError, SampleError
from ai4land.evaluation import Weighting, evaluate, path_of, stored_states
from ai4land.metrics import ScoredClasses
from ai4land.report import score_tables, to_markdown
from ai4land.rollout import observed_state
from ai4land.samples import CubeDrivers, class_forcing
from ai4land.vocabulary import LAND_USE, Clock, variable
from tiny_cubes import COARSE, FINE, LANDUSE8, YEARS, fractions, land_maps, write_cube
from tiny_rollouts import LAND, Told


def saved(
    cube: Cube, path: Path, ticks: list[int], maps: dict[int, np.ndarray] | None = None
) -> Cube:
    """A reconstruction: persistence, or given maps."""
    start = observed_state(cube, LAND_USE, ticks[0])
    field, states = start["land_use"], [start]
    for tick in ticks[1:]:
        said = field if maps is None else field.replaced(maps[tick])
        states.append(State(start.clock, tick, {"land_use": said}))
    return Told(states).save(cube, path)


@pytest.fixture(scope="module")
def coastal(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    """Labels, forcing from them, and the land share of coarse cells: the west is mostly sea."""
    maps = land_maps()
    share = np.ones(COARSE.shape, np.float32)
    share[:, 0] = 0.3
    annual = (
        VariableSpec(variable("land_use_fractions"), LANDUSE8, "labels"),
        VariableSpec(variable("land_share"), None, "labels"),
    )
    labels = (VariableSpec(variable("land_use"), LANDUSE8, "made up"),)
    groups = [
        GroupSpec("fine_annual", FINE, Clock.YEAR, YEARS, labels),
        GroupSpec("coarse_annual", COARSE, Clock.YEAR, YEARS, annual),
    ]
    values = {
        "land_use": maps,
        "land_use_fractions": fractions(maps, FINE, COARSE),
        "land_share": dict.fromkeys(YEARS, share),
    }
    return write_cube(tmp_path_factory.mktemp("coastal") / "cube.zarr", groups, values)


@pytest.mark.parametrize("ticks", [[2003, 2004, 2005], [2005, 2004, 2003]])
def test_path_and_states_of_a_saved_rollout(
    tiny_cube: Cube, tmp_path: Path, ticks: list[int]
) -> None:
    cube = saved(tiny_cube, tmp_path / "p.zarr", ticks)
    assert path_of(cube, LAND) == (ticks[0], tuple(ticks[1:]))
    states = list(stored_states(cube, LAND, tuple(ticks)))
    assert [s.tick for s in states] == ticks
    assert [s.status for s in states] == [Status.OBSERVED, Status.PREDICTED, Status.PREDICTED]


def test_a_cube_of_labels_is_no_reconstruction(tiny_cube: Cube) -> None:
    with pytest.raises(CubeError, match="This is not a reconstruction"):
        path_of(tiny_cube, LAND)


def test_the_truth_itself_scores_one(tiny_cube: Cube, tmp_path: Path) -> None:
    maps = {t: tiny_cube.read("land_use", t) for t in YEARS}
    cube = saved(tiny_cube, tmp_path / "p.zarr", [2000, 2001, 2002], maps)
    found = evaluate(cube, tiny_cube)
    rows = found.to_dict()["scores"]
    assert rows["mine"]["mean"]["accuracy"] == 1.0
    assert rows["mine"]["mean"]["figure_of_merit"] == 1.0
    assert rows["persistence"]["mean"]["figure_of_merit"] == 0.0
    assert 0.0 < rows["kernel"]["last"]["figure_of_merit"] <= 1.0
    assert found.ceiling is not None
    assert 0.0 < found.ceiling <= 1.0


def test_persistence_saved_scores_as_persistence_run(tiny_cube: Cube, tmp_path: Path) -> None:
    cube = saved(tiny_cube, tmp_path / "p.zarr", [2008, 2007, 2006])
    rows = evaluate(cube, tiny_cube).to_dict()["scores"]
    assert rows["mine"] == rows["persistence"]


def test_area_weighting_is_stated_and_differs(tiny_cube: Cube, tmp_path: Path) -> None:
    cube = saved(tiny_cube, tmp_path / "p.zarr", [2000, 2005])
    by_pixel = evaluate(cube, tiny_cube)
    by_area = evaluate(cube, tiny_cube, weighting=Weighting.AREA)
    assert "every pixel counts 1" in score_tables(by_pixel)[0].note
    assert "true area" in score_tables(by_area)[0].note
    one, two = (e.to_dict()["scores"]["mine"]["last"]["accuracy"] for e in (by_pixel, by_area))
    assert one != two
    assert one == pytest.approx(two, abs=0.01)


def test_the_reference_protocol_counts_the_sea(tiny_cube: Cube, tmp_path: Path) -> None:
    cube = saved(tiny_cube, tmp_path / "p.zarr", [2000, 2005])
    land = evaluate(cube, tiny_cube).to_dict()["scores"]["mine"]["last"]
    every = evaluate(cube, tiny_cube, protocol=ScoredClasses.REFERENCE).to_dict()["scores"]["mine"][
        "last"
    ]
    assert every["total"] > land["total"]


def test_cells_at_the_coast_leave_the_headline(coastal: Cube, tmp_path: Path) -> None:
    cube = saved(coastal, tmp_path / "p.zarr", [2000, 2001, 2002])
    found = evaluate(cube, coastal)
    assert "at least half known land" in found.scored
    data = found.to_dict()
    headline, every = data["scores"]["mine"]["last"], data["all_cells"]["mine"]["last"]
    truth = coastal.read("land_use", 2002)
    land = (truth != 0) & (truth != 255)
    assert every["total"] == land.sum()
    assert headline["total"] == land[:, 8:].sum(), "the first column of coarse cells is out"
    titles = [table.title for table in score_tables(found)]
    assert any("those at the coast too" in title for title in titles)


def test_without_land_shares_the_labels_say_which_cells_are_whole(
    tiny_cube: Cube, tmp_path: Path
) -> None:
    assert "land_share" not in tiny_cube.variables
    data = evaluate(saved(tiny_cube, tmp_path / "p.zarr", [2000, 2005]), tiny_cube).to_dict()
    truth = tiny_cube.read("land_use", 2005)
    land = (truth != 0) & (truth != 255)
    assert data["scores"]["mine"]["last"]["total"] == land[:, 8:].sum(), "3 of 8 columns are land"
    assert data["all_cells"]["mine"]["last"]["total"] == land.sum()


def test_years_without_labels_end_the_scoring(tiny_cube: Cube, tmp_path: Path) -> None:
    cube = saved(tiny_cube, tmp_path / "p.zarr", [2010, 2011, 2012, 2013])
    found = evaluate(cube, tiny_cube)
    assert found.ticks == (2011,)
    assert "2 years without labels from 2012 on" in found.notes[0]
    beyond = saved(tiny_cube, tmp_path / "q.zarr", [2011, 2012])
    with pytest.raises(SampleError, match="No year of the reconstruction has labels"):
        evaluate(beyond, tiny_cube)


def test_another_grid_is_refused(tiny_cube: Cube, coastal: Cube, tmp_path: Path) -> None:
    grid = FINE.coarsen(2, 2)
    labels = VariableSpec(variable("land_use"), LANDUSE8, "made up")
    group = GroupSpec("fine_annual", grid, Clock.YEAR, (2000, 2001), (labels,))
    maps = land_maps((2000, 2001), grid.shape)
    other = write_cube(tmp_path / "other.zarr", [group], {"land_use": maps})
    with pytest.raises(GridError, match="different grids"):
        evaluate(saved(other, tmp_path / "p.zarr", [2000, 2001]), tiny_cube)


def test_without_forcing_there_are_no_baselines_but_persistence(tmp_path: Path) -> None:
    labels = VariableSpec(variable("land_use"), LANDUSE8, "made up")
    group = GroupSpec("fine_annual", FINE, Clock.YEAR, (2000, 2001), (labels,))
    cube = write_cube(tmp_path / "c.zarr", [group], {"land_use": land_maps((2000, 2001))})
    found = evaluate(saved(cube, tmp_path / "p.zarr", [2000, 2001]), cube)
    assert list(found.scores) == ["mine", "persistence"]
    assert "no kernel and random" in found.notes[0]


def test_forcing_made_of_the_labels_comes_first_unless_another_was_used(tiny_cube: Cube) -> None:
    drivers = CubeDrivers(tiny_cube, FINE)
    found = class_forcing(drivers, LAND, LANDUSE8)
    assert found == ("land_use_fractions", "luh2_states")
    assert class_forcing(drivers, LAND, LANDUSE8, ("luh2_states",))[0] == "luh2_states"


def test_tables_have_as_many_cells_as_heads(tiny_cube: Cube, tmp_path: Path) -> None:
    cube = saved(tiny_cube, tmp_path / "p.zarr", [2000, 2001, 2002])
    for table in score_tables(evaluate(cube, tiny_cube)):
        assert {len(row) for row in table.rows} == {len(table.columns)}
        text = to_markdown(table)
        counts = {line.count("|") for line in text.splitlines() if line.startswith("|")}
        assert counts == {len(table.columns) + 1}
