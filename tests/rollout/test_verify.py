"""A run is looked at: what is missing, changed or impossible is found, and repaired."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.rollout import (
    AllocationStepper,
    demand_of,
    observed_state,
    reconstruct_run,
    repair_run,
    save_rollout,
    verify_run,
)
from ai4land.vocabulary import LAND_USE
from scenario_runs import run_options, stored_bytes
from tiny_rollouts import LAND

MAPS = "fine_annual/land_use/c"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    return reconstruct_run(run_options(folder), folder / "run").folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy elsewhere that may be damaged; it knows how it was made."""
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    return path


def failures(path: Path) -> list[str]:
    return [check.name for check in verify_run(path) if not check.passed]


def test_a_whole_run_passes_and_all_was_looked_at(finished: Path) -> None:
    checks = verify_run(finished)
    assert [check.line() for check in checks if not check.passed] == []
    looked = {check.name.split(" ")[0]: check.looked for check in checks}
    assert looked["sea"] == 4 * (13 + 3 + 3), "four files a year of three branches"
    assert len(checks) == 7, "there are neither probabilities nor levers"


def flipped(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_a_flipped_byte_is_found_and_repaired(run: Path, finished: Path) -> None:
    flipped(run / "low.zarr" / MAPS / "1" / "0" / "1")
    assert any("SHA-256" in name for name in failures(run))
    assert repair_run(run, verify_run(run)) == 1
    assert failures(run) == []
    assert stored_bytes(run) == stored_bytes(finished)


@pytest.mark.parametrize(
    "file",
    [
        f"history.zarr/{MAPS}/0/0/0",
        f"history.zarr/{MAPS}/12/1/1",
        "high.zarr/areas/given_area/c/0/0/0/0",
        "low.zarr/transitions/land_use_gross_transitions/c/2/0/0/0",
    ],
)
def test_a_missing_file_is_found_and_repaired(run: Path, finished: Path, file: str) -> None:
    (run / file).unlink()
    assert any("every file that is declared is there" in name for name in failures(run))
    assert repair_run(run, verify_run(run)) == 1
    assert failures(run) == []
    assert stored_bytes(run) == stored_bytes(finished)


def changed(store: Path, group: str, change: Callable[[Any], None]) -> None:
    """Change values of a store, and let the journal believe that they were always so."""
    change(zarr.open_group(str(store), mode="r+")[group])


def digests_renewed(run: Path) -> None:
    import hashlib

    journal = run / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in lines:
        store = run / f"{line.get('piece', '').split('/')[0]}.zarr"
        for file in line.get("files", {}):
            raw = (store / file).read_bytes()
            line["files"][file] = [len(raw), hashlib.sha256(raw).hexdigest()]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("group", "index", "value", "said"),
    [
        ("fine_annual/land_use", (1, 30, 30), 77, "every class code is one of its legend"),
        ("fine_annual/land_use", (1, 30, 1), 2, "sea and missing pixels"),
        ("areas/given_area", (1, 0, 2, 3), 1.5e4, "the books say what the maps hold"),
        ("books/unplaced_change", (1, 2, 3), 40.0, "the books say what the maps hold"),
        ("transitions/land_use_gross_transitions", (1, 3, 2, 3), 0.7, "transitions sum to 1"),
    ],
)
def test_impossible_values_are_found_in_files_that_are_whole(
    run: Path, finished: Path, group: str, index: tuple[int, ...], value: float, said: str
) -> None:
    def change(array: Any) -> None:  # noqa: ANN401
        array[index] = value

    changed(run / "high.zarr", group, change)
    digests_renewed(run)
    found = failures(run)
    assert any(said in name for name in found)
    assert not any("SHA-256" in name for name in found)
    repair_run(run, verify_run(run))
    assert failures(run) == []
    assert stored_bytes(run) == stored_bytes(finished)


def test_a_scenario_on_another_history_is_found(run: Path) -> None:
    """Whole files with the right digests, but the history is not the one it was stepped from."""

    def change(array: Any) -> None:  # noqa: ANN401
        values = np.asarray(array[12])
        values[values == 4] = 5
        array[12] = values

    changed(run / "history.zarr", "fine_annual/land_use", change)
    digests_renewed(run)
    lines = [check.line() for check in verify_run(run)]
    shared = next(line for line in lines if "very files of the year before" in line)
    assert "low/2009: other files in history/2008" in shared


def test_a_run_that_was_stopped_fails(run: Path) -> None:
    journal = run / "journal.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    assert failures(run) == ["the run has ended and its stores say that they are whole"]


def test_a_saved_rollout_is_verified_but_cannot_make_itself_again(
    tmp_path: Path, tiny_cube: Cube
) -> None:
    stepper = AllocationStepper("kernel", demand_of(tiny_cube, LAND))
    start = observed_state(tiny_cube, LAND_USE, 2005)
    path = tmp_path / "p.zarr"
    save_rollout(stepper, start, (2006, 2007), path, like=tiny_cube, attributes={})
    assert failures(path) == []
    flipped(path / MAPS / "1" / "0" / "0")
    with pytest.raises(ConfigError, match="does not say how it was made"):
        repair_run(path, verify_run(path))


def test_where_no_run_is_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no run here"):
        verify_run(tmp_path)
