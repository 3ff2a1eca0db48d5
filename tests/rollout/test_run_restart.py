"""A run that is killed, finds no space, or meets another one: the same bytes in the end."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
import zarr

from ai4land.cube import Cube
from ai4land.errors import ConfigError, CubeError
from ai4land.rollout import FinishedRun, reconstruct_run
from scenario_runs import run_options, stored_bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("restart")


@pytest.fixture(scope="module")
def run(folder: Path) -> FinishedRun:
    """A run that nobody disturbed."""
    return reconstruct_run(run_options(folder), folder / "run")


class _Killed(BaseException):
    pass


def stopped_after(count: int) -> Callable[[str, int, int], None]:
    def step(_when: str, done: int, _total: int) -> None:
        if done >= count:
            raise _Killed

    return step


def stopped(folder: Path, out: Path, count: int) -> None:
    with pytest.raises(_Killed):
        reconstruct_run(run_options(folder), out, progress=stopped_after(count))


@pytest.mark.parametrize("count", [1, 17, 40, 83, 112])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    folder: Path, run: FinishedRun, tmp_path: Path, count: int
) -> None:
    out = tmp_path / "run"
    stopped(folder, out, count)
    with pytest.raises(CubeError, match="not finished"):
        Cube(out / "history.zarr")
    seen: list[int] = []
    reconstruct_run(run_options(folder), out, progress=lambda _t, done, _n: seen.append(done))
    assert seen[0] > count, "what is in the journal is not done again"
    assert stored_bytes(out) == stored_bytes(run.folder)


@pytest.mark.parametrize(("lines", "scheduler"), [(3, "serial"), (71, "serial"), (40, "processes")])
def test_a_killed_process_leaves_what_can_be_gone_on_with(
    folder: Path, run: FinishedRun, tmp_path: Path, lines: int, scheduler: str
) -> None:
    """SIGKILL, wherever it happens to be; what it had written in part does not count."""
    out, options, mark = tmp_path / "run", run_options(folder), f"AI4LAND_MARK={tmp_path}"
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(options.model_dump(mode="json", exclude_none=True)))
    program = "import sys; from ai4land.cli import main; sys.argv[0] = 'ai4land'; main()"
    command = [sys.executable, "-c", program, "reconstruct", str(file), "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--scheduler", scheduler, "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "AI4LAND_MARK": str(tmp_path)},
    )
    journal = out / "journal.jsonl"
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert journal.read_bytes().count(b"\n") >= lines
    with pytest.raises(CubeError, match="not finished"):
        Cube(out / "history.zarr")
    while time.monotonic() < end and marked(mark):
        time.sleep(0.05)
    assert not marked(mark), "workers end with the process that they work for"
    torn = out / "history.zarr" / "fine_annual" / "land_use" / "c" / "0.abc.partial"
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(b"half")
    reconstruct_run(options, out)
    assert stored_bytes(out) == stored_bytes(run.folder)


def marked(mark: str) -> list[str]:
    """Processes of this machine that carry a mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


def test_a_torn_line_is_cut_off(folder: Path, run: FinishedRun, tmp_path: Path) -> None:
    out = tmp_path / "run"
    stopped(folder, out, 30)
    journal = out / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])
    reconstruct_run(run_options(folder), out)
    assert stored_bytes(out) == stored_bytes(run.folder)
    for line in journal.read_text().splitlines():
        json.loads(line)


def test_a_file_that_is_gone_or_short_is_written_again(
    folder: Path, run: FinishedRun, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    stopped(folder, out, 60)
    files = sorted((out / "history.zarr" / "fine_annual" / "land_use" / "c").rglob("*"))
    gone, short = [path for path in files if path.is_file()][:2]
    gone.unlink()
    short.write_bytes(short.read_bytes()[:-3])
    reconstruct_run(run_options(folder), out)
    assert stored_bytes(out) == stored_bytes(run.folder)


def test_a_full_disk_is_one_sentence(
    folder: Path, run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that looks whole stays behind, and the same command goes on."""
    out, left = tmp_path / "run", [25]
    write = zarr.Array.__setitem__

    def full(array: Any, index: Any, values: Any) -> None:  # noqa: ANN401
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(array, index, values)

    with monkeypatch.context() as patch:
        patch.setattr(zarr.Array, "__setitem__", full)
        with pytest.raises(CubeError, match=r"(?s)^The disk is full.*No space left.*resumes"):
            reconstruct_run(run_options(folder), out)
    for name in ("history", "high", "low"):
        with pytest.raises(CubeError, match="not finished"):
            Cube(out / f"{name}.zarr")
    reconstruct_run(run_options(folder), out)
    assert stored_bytes(out) == stored_bytes(run.folder)


def test_a_disk_that_is_full_for_the_journal(
    folder: Path, run: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, left = tmp_path / "run", [40]
    sync = os.fsync

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CubeError, match="The disk is full"):
            reconstruct_run(run_options(folder), out)
    reconstruct_run(run_options(folder), out)
    assert stored_bytes(out) == stored_bytes(run.folder)


def test_a_second_run_in_one_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "run", list[str]()

    def second(_when: str, done: int, _total: int) -> None:
        if done == 5:
            with pytest.raises(ConfigError, match=r"Another process works on this run") as found:
                reconstruct_run(run_options(folder), out)
            told.append(str(found.value))

    reconstruct_run(run_options(folder), out, progress=second)
    assert f"process {os.getpid()} on {socket.gethostname()}" in told[0]
    assert not (out / "lock").exists()


def test_the_lock_of_a_process_that_is_gone_is_taken_over(
    folder: Path, run: FinishedRun, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    stopped(folder, out, 10)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = {"host": socket.gethostname(), "pid": gone.pid, "started": "1"}
    (out / "lock").write_text(json.dumps(mine))
    reconstruct_run(run_options(folder), out)
    assert stored_bytes(out) == stored_bytes(run.folder)


def test_the_lock_of_another_machine_is_respected(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    stopped(folder, out, 10)
    (out / "lock").write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": "1"}))
    with pytest.raises(ConfigError, match=r"(?s)process 1 on elsewhere.*remove this file"):
        reconstruct_run(run_options(folder), out)


def test_who_is_refused_leaves_the_other_run_alone(folder: Path, tmp_path: Path) -> None:
    """Also before the other has written anything: it may be searching for odds."""
    out = tmp_path / "run"
    out.mkdir()
    (out / "lock").write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": "1"}))
    (out / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="Another process works on this run"):
        reconstruct_run(run_options(folder), out, overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["lock", "run.json"]


def test_another_machine_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last bits of a network's numbers may differ there: it does not go on unasked."""
    out = tmp_path / "run"
    stopped(folder, out, 10)
    monkeypatch.setenv("OMP_NUM_THREADS", "37")
    with pytest.raises(ConfigError, match=r"machine\.threads: 37 now"):
        reconstruct_run(run_options(folder), out)


def test_stores_that_somebody_removed_are_begun_anew(
    folder: Path, run: FinishedRun, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    stopped(folder, out, 50)
    for path in out.glob("*.zarr"):
        shutil.rmtree(path)
    reconstruct_run(run_options(folder), out)
    assert stored_bytes(out) == stored_bytes(run.folder)
