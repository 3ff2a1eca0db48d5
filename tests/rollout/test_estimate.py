"""What a run will cost is counted as the run then counts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai4land.cube import Cube
from ai4land.rollout import actual_cost, estimate_run, lines_of, reconstruct_run
from scenario_runs import LABELLED, run_options


def test_files_and_maps_are_those_of_the_run(tmp_path: Path) -> None:
    options = run_options(tmp_path)
    before = estimate_run(options)
    run = reconstruct_run(options, tmp_path / "run")
    after = actual_cost(run.folder)
    assert before.files == after["files"]
    assert before.maps == {"history": 13, "high": 3, "low": 3}
    assert sum(before.maps.values()) == after["maps"]
    codes = Cube(options.cube).read("land_use", LABELLED[0])
    land = (codes != 0) & (codes != 255)
    assert before.land == pytest.approx(land.mean())
    assert before.pixels == land.size
    assert 0.3 < before.bytes / after["bytes"] < 3.0
    assert before.windows == 0, "a rule predicts no tiles"
    assert all(seconds > 0 for seconds in before.seconds.values())


def test_an_estimate_for_people(tmp_path: Path) -> None:
    lines = "\n".join(lines_of(estimate_run(run_options(tmp_path, scenarios={})), 2))
    assert "maps       16 of 1,920 pixels (history 16)" in lines
    assert "of one worker" in lines
    assert "MiB a worker" in lines


def test_more_workers_than_files_do_not_help(tmp_path: Path) -> None:
    found = estimate_run(run_options(tmp_path, shard=(40, 48)))
    assert found.most == 2, "two scenarios, a file a map"
    assert found.hours(1) == pytest.approx(2 * found.hours(2))
    assert found.hours(64) == found.hours(2)
