"""Runs and their verification from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from program_calls import Call

from ai4land.cube import Cube
from scenario_runs import run_options, stored_bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    run_options(folder)  # makes the cubes
    return folder


def command(folder: Path, model: object, out: Path, *more: object) -> list[object]:
    scenarios = [f"--scenario={name}={folder / name}.zarr" for name in ("high", "low")]
    tiles = ["--tile", 16, "--overlap", 4] if isinstance(model, Path) else []
    said = ["--back-to", 1998, "--to", 2010, *scenarios, *tiles, "--out", out, *more]
    return ["reconstruct", model, folder / "high.zarr", *said]


def test_a_run_of_scenarios_and_its_books(call: Call, folder: Path, tmp_path: Path) -> None:
    code, out, err = call(*command(folder, "kernel", tmp_path / "run"))
    assert code == 0, err
    assert "low, 2010, cropland: " in out
    assert "km² asked" in out
    assert "Run written" in out
    code, out, err = call("verify", tmp_path / "run")
    assert code == 0, err
    assert out.count("pass  ") == 7
    assert "FAIL" not in out
    file = tmp_path / "run" / "low.zarr" / "fine_annual" / "land_use" / "c" / "0" / "0" / "0"
    file.unlink()
    code, out, _ = call("verify", tmp_path / "run")
    assert code == 1
    assert "low/fine_annual/land_use/c/0/0/0: missing" in out
    code, out, _ = call("verify", tmp_path / "run", "--repair")
    assert code == 0
    assert "Repaired: 1 pieces" in out


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_a_network_in_other_processes_writes_the_same_bytes(
    call: Call, run: Path, folder: Path, tmp_path: Path, scheduler: str
) -> None:
    """Workers open checkpoint and cubes for themselves, and take the odds that were found once."""
    model = run / "checkpoint"
    keep = ("--probabilities", "--decision", "likely")
    here = command(folder, model, tmp_path / "here", *keep)
    code, _, err = call(*here)
    assert code == 0, err
    far = command(folder, model, tmp_path / "far", *keep, "--scheduler", scheduler, "--workers", 2)
    code, _, err = call(*far)
    assert code == 0, err
    assert stored_bytes(tmp_path / "here") == stored_bytes(tmp_path / "far")
    code, out, _ = call("verify", tmp_path / "far")
    assert code == 0, out
    assert "pass  probabilities of land are in 0…1 and sum to 1" in out


def test_members_of_a_scenario_share_their_history(
    call: Call, run: Path, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    more = ("--decision", "sampled", "--members", 2)
    code, _, err = call(*command(folder, run / "checkpoint", out, *more))
    assert code == 0, err
    stores = {path.name for path in out.glob("*.zarr")}
    assert stores == {"history.zarr"} | {
        f"{name}_member{n}.zarr" for name in ("high", "low") for n in (1, 2)
    }
    one, two = (Cube(out / f"high_member{n}.zarr").series("land_use") for n in (1, 2))
    assert (one != two).any()


def test_a_cube_and_a_year_are_needed(call: Call, tmp_path: Path) -> None:
    code, _, err = call("reconstruct", "kernel", "--out", tmp_path / "x")
    assert code == 2
    assert "A cube and a year to reach are needed" in err


def test_scenarios_need_names(call: Call, folder: Path, tmp_path: Path) -> None:
    code, _, err = call(
        *("reconstruct", "kernel", folder / "high.zarr", "--to", 2010),
        *("--scenario", "low.zarr", "--out", tmp_path / "x"),
    )
    assert code == 2
    assert "A scenario needs a name and a cube" in err


def test_an_estimate_with_the_actual_cost_beside(
    call: Call, run: Path, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "run.yaml"
    text = f"model: {run / 'checkpoint'}\ncube: {folder / 'high.zarr'}\nfirst: 2005\nlast: 2007\n"
    file.write_text(f"{text}tile: 16\noverlap: 4\n")
    code, _, err = call("reconstruct", file, "--out", tmp_path / "p.zarr")
    assert code == 0, err
    code, out, err = call("estimate", file, "--run", tmp_path / "p.zarr.run")
    assert code == 0, err
    assert "windows    25 a step" in out
    assert "a pixel of land" in out
    assert "actual     3 maps" in out
