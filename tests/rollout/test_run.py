"""A run: one history, scenarios from where their forcing differs, whoever does the work."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai4land.cube import Cube, Status
from ai4land.errors import ConfigError, CubeError
from ai4land.rollout import (
    AllocationStepper,
    FinishedRun,
    RunOptions,
    demand_of,
    load_run,
    observed_state,
    reconstruct_run,
    rollout,
)
from ai4land.vocabulary import LAND_USE
from scenario_runs import DIFFER, LABELLED, run_options, scenario_cube, stored_bytes
from tiny_rollouts import LAND

LAST_LABEL = LABELLED[-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def run(folder: Path) -> FinishedRun:
    return reconstruct_run(run_options(folder), folder / "run")


def test_the_history_ends_where_the_forcing_differs(run: FinishedRun) -> None:
    """Found from the values: both cubes have other names, and other values later."""
    cubes = run.cubes
    assert list(cubes) == ["history", "high", "low"]
    assert cubes["history"].group("land_use").ticks == tuple(range(1996, DIFFER))
    for name in ("high", "low"):
        assert cubes[name].group("land_use").ticks == tuple(range(DIFFER, 2012))
        assert cubes[name].attributes["goes_on_from"] == {"branch": "history", "year": DIFFER - 1}
    status = cubes["history"].status("land_use")
    assert {t for t, s in status.items() if s is Status.OBSERVED} == set(LABELLED)


def test_a_branch_is_the_rollout_in_memory(run: FinishedRun, folder: Path) -> None:
    """Forward through the history into a scenario, and backward: as one generator of states."""
    for name, path in {
        "high": range(LAST_LABEL + 1, 2012),
        "low": range(LAST_LABEL + 1, 2012),
        "history": range(LABELLED[0] - 1, 1995, -1),
    }.items():
        cube = Cube(folder / ("low.zarr" if name == "low" else "high.zarr"))
        stepper = AllocationStepper("kernel", demand_of(cube, LAND))
        start = LABELLED[0] if name == "history" else LAST_LABEL
        states = rollout(stepper, observed_state(cube, LAND_USE, start), tuple(path))
        for state in list(states)[1:]:
            home = run.cubes["history" if state.tick < DIFFER else name]
            stored = home.read("land_use", state.tick)
            np.testing.assert_array_equal(stored, state["land_use"].values)


def test_labels_are_taken_over(run: FinishedRun, folder: Path) -> None:
    labels = Cube(folder / "high.zarr")
    for tick in LABELLED:
        stored = run.cubes["history"].read("land_use", tick)
        np.testing.assert_array_equal(stored, labels.read("land_use", tick))


def test_scenarios_differ_only_where_their_forcing_does(run: FinishedRun) -> None:
    high, low = (run.cubes[name].read("land_use", 2011) for name in ("high", "low"))
    assert (high != low).any()


def test_every_year_says_where_it_comes_from(run: FinishedRun) -> None:
    """Observed, or beyond the labelled years; the next test has years between them."""
    history = run.cubes["history"]
    for tick in history.group("origin").ticks:
        codes = np.unique(history.read("origin", tick))
        assert codes[0] == (1 if tick in LABELLED else 3)
        assert set(codes[1:]) <= {255}, "a coarse cell without land has no origin"


def test_years_without_labels_between_labelled_ones_are_reconstructed(tmp_path: Path) -> None:
    cube = scenario_cube(tmp_path / "gap.zarr", labels=(2000, 2001, 2004))
    options = RunOptions(model="kernel", cube=str(cube.path), last=2005)
    found = reconstruct_run(options, tmp_path / "run").cubes["history"]
    assert found.group("land_use").ticks == tuple(range(2000, 2006))
    origins = {t: int(found.read("origin", t).min()) for t in found.group("origin").ticks}
    assert origins == {2000: 1, 2001: 1, 2002: 2, 2003: 2, 2004: 1, 2005: 3}


def test_the_books_close(run: FinishedRun) -> None:
    """What is asked is given to one pixel of each class, but for what is named as not placed."""
    for cube in run.cubes.values():
        for tick in cube.group("unplaced_change").ticks:
            asked, given = (cube.read(f"{of}_area", tick) for of in ("asked", "given"))
            lacking = cube.read("unplaced_change", tick)
            pixel = 20.0  # km² of a pixel here, and a little more
            assert np.nanmax(np.where(lacking > 0, 0.0, np.abs(asked - given))) < pixel


def test_gross_transitions_are_those_of_the_maps(run: FinishedRun) -> None:
    """Also from the last year of the history to the first of a scenario."""
    history, high = run.cubes["history"], run.cubes["high"]
    name = "land_use_gross_transitions"
    assert high.group(name).ticks == tuple(range(DIFFER - 1, 2011))
    moved = high.read(name, DIFFER - 1)
    before, after = history.read("land_use", DIFFER - 1), high.read("land_use", DIFFER)
    for row, col in ((1, 2), (3, 4)):  # cells of 8 × 8 pixels
        place = np.s_[8 * row : 8 * row + 8, 8 * col : 8 * col + 8]
        one, two = before[place].ravel(), after[place].ravel()
        for pair, share in enumerate(moved[:, row, col]):
            here = (one == pair // 8) & (two == pair % 8)
            # pixels further south are a little larger
            assert share == pytest.approx(here.mean(), abs=2e-3)


def test_the_last_lines_say_what_was_asked_and_given(run: FinishedRun) -> None:
    lines, missing = run.books()
    assert any(line.startswith("low, 2011, cropland: ") for line in lines)
    assert all("km² asked" in line and "km² given" in line for line in lines)
    assert missing == []


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_who_works_changes_no_byte(run: FinishedRun, folder: Path, scheduler: str) -> None:
    made = reconstruct_run(run_options(folder), folder / scheduler, scheduler=scheduler, workers=2)
    assert stored_bytes(made.folder) == stored_bytes(run.folder)


def test_how_the_map_is_cut_changes_no_value(run: FinishedRun, folder: Path) -> None:
    made = reconstruct_run(run_options(folder, shard=(40, 48)), folder / "whole")
    for name, cube in made.cubes.items():
        for variable in cube.variables:
            np.testing.assert_array_equal(
                cube.series(variable), run.cubes[name].series(variable), err_msg=variable
            )


def test_members_are_drawn_with_seeds_of_their_own(folder: Path) -> None:
    """Baselines draw nothing, and scenarios of one member only are no ensemble."""
    with pytest.raises(ConfigError, match="All members would be alike"):
        reconstruct_run(run_options(folder, members=3), folder / "members")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"first": 2000}, "no scenarios and no history"),
        ({"back_to": 2003}, "years of the run are those that have no labels"),
        ({"last": 2005}, "years of the run are those that have no labels"),
        ({"probabilities": True}, "Only a model gives probabilities"),
        ({"scenarios": {"history": "x"}}, "cannot have this name"),
    ],
)
def test_runs_that_cannot_be_are_refused(folder: Path, more: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        reconstruct_run(run_options(folder, **more), folder / "refused")
    assert not (folder / "refused").exists(), "nothing came of it"


def test_scenarios_must_share_their_labels(folder: Path, tmp_path: Path) -> None:
    other = scenario_cube(tmp_path / "other.zarr", constant_from=2003)
    options = run_options(folder, scenarios={"other": str(other.path)})
    with pytest.raises(ConfigError, match=r"(?s)must be alike.*land_use_fractions.*2003"):
        reconstruct_run(options, tmp_path / "run")


def test_another_run_is_not_written_over(run: FinishedRun, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)Another run lies here.*options.last: 2010 now"):
        reconstruct_run(run_options(folder, last=2010), run.folder)
    with pytest.raises(CubeError, match="already a finished cube"):
        reconstruct_run(run_options(folder), run.folder)


def test_a_run_file_has_its_own_folder(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("model: kernel\ncube: labels.zarr\nscenarios: {low: ../low.zarr}\nlast: 2100\n")
    options = load_run(path)
    assert options.cube == str(tmp_path / "labels.zarr")
    assert options.scenarios == {"low": str(tmp_path / "../low.zarr")}
    path.write_text("model: kernel\ncube: labels.zarr\nlast: 2100\nscenario: {}\n")
    with pytest.raises(ConfigError, match=r"(?s)line 4.*did you mean 'scenarios'"):
        load_run(path)


@pytest.mark.slow
def test_dask_workers_write_the_same_bytes_and_may_be_lost(run: FinishedRun, folder: Path) -> None:
    distributed: Any = pytest.importorskip("distributed", reason="the extra `scale` is missing")
    killed: list[int] = []

    def kill(_when: str, done: int, _total: int) -> None:
        if done >= 20 and not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster:
            made = reconstruct_run(
                run_options(folder),
                folder / "dask",
                scheduler=cluster.scheduler_address,
                progress=kill,
            )
    assert killed
    assert stored_bytes(made.folder) == stored_bytes(run.folder)
