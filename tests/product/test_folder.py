"""Files appear whole, are written once, and a call that was stopped goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from product_runs import METADATA, files_of

from ai4land.cube import Cube
from ai4land.errors import ConfigError, CubeError
from ai4land.product import Folder, Metadata, Options, Planned, write_product
from ai4land.product.folder import write_whole

FORMATS = ("netcdf", "cog", "fractions", "stac")


def deliver(run: Cube, out: Path, formats: Sequence[str] = FORMATS, **more: object) -> list[str]:
    """Names of the files that were written by this call."""
    said: list[str] = []
    arguments = {"metadata": METADATA} | more
    write_product(
        {"past": run},
        out,
        formats=formats,
        progress=lambda kind, done, total, name: said.append(name) if name else None,
        **arguments,  # type: ignore[arg-type]
    )
    return said


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "files.jsonl"
    }


def test_what_is_right_is_not_written_again(run: Cube, tmp_path: Path) -> None:
    first = deliver(run, tmp_path)
    assert len(first) == len(set(first)) == 3 + 3 + 1 + 5 + 2
    before = contents(tmp_path)
    assert deliver(run, tmp_path) == []
    damaged, lost = files_of(tmp_path, ".tif")[:2]
    held = damaged.read_bytes()
    damaged.write_bytes(held[:-1] + bytes([held[-1] ^ 1]))  # of the same size
    lost.unlink()
    written = deliver(run, tmp_path)
    assert written == [f"past/cog/{damaged.name}", f"past/cog/{lost.name}"]
    assert contents(tmp_path) == before


def test_what_people_say_of_it_decides_the_bytes(run: Cube, tmp_path: Path) -> None:
    deliver(run, tmp_path, ["netcdf"])
    changed = deliver(run, tmp_path, ["netcdf"], metadata=Metadata(name="tiny", notice="DRAFT"))
    assert len([name for name in changed if name.endswith(".nc")]) == 3


def test_more_years_and_formats_are_added(run: Cube, tmp_path: Path) -> None:
    deliver(run, tmp_path, ["cog"], years=(2010, 2010))
    added = deliver(run, tmp_path, ["cog", "stac"])
    assert sum(name.endswith(".tif") for name in added) == 2
    assert sum("/stac/" in name for name in added) == 3


def test_processes_write_the_same_bytes(run: Cube, tmp_path: Path) -> None:
    deliver(run, tmp_path / "one", ["netcdf", "cog"])
    deliver(run, tmp_path / "two", ["netcdf", "cog"], workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def failing(path: Path) -> None:
    path.write_bytes(b"half")
    path.with_name(f"{path.name}.scratch").write_bytes(b"half")
    raise OSError(28, "No space left on device")


def test_a_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.nc").write_bytes(b"old")
    with pytest.raises(CubeError, match=r"(?s)cannot be written.*No space left.*run the same"):
        write_whole(tmp_path, Planned("a/x.nc", 1, failing))
    assert contents(tmp_path) == {"a/x.nc": b"old"}


def test_a_killed_call_goes_on(run: Cube, tmp_path: Path) -> None:
    """It left half a file under another name, and half a line of the ledger."""
    deliver(run, tmp_path, ["cog"])
    before = contents(tmp_path)
    ledger = tmp_path / "files.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:2]) + lines[2][:40])
    path = files_of(tmp_path, ".tif")[2]
    path.rename(path.with_name(f".{path.name}.partial"))
    written = deliver(run, tmp_path, ["cog"])
    assert written[0] == f"past/cog/{path.name}"
    assert contents(tmp_path) == before


def test_one_process_at_a_time(tmp_path: Path) -> None:
    code = "import sys; from ai4land.product import Folder; Folder(sys.argv[1])"
    call = [sys.executable, "-c", code, str(tmp_path)]
    with Folder(tmp_path):
        second = subprocess.run(call, capture_output=True, text=True, check=False)
    assert second.returncode != 0
    assert "Another process writes this product" in second.stderr
    assert subprocess.run(call, check=False).returncode == 0, "free again"


def test_a_run_that_was_made_anew_is_delivered_anew(run: Cube, tmp_path: Path) -> None:
    deliver(run, tmp_path / "out", ["cog"])
    said = (run.path / "zarr.json").stat()
    os.utime(run.path / "zarr.json", ns=(said.st_atime_ns, said.st_mtime_ns + 2_000_000_000))
    try:
        assert len(deliver(Cube(run.path), tmp_path / "out", ["cog"])) > 3
    finally:
        os.utime(run.path / "zarr.json", ns=(said.st_atime_ns, said.st_mtime_ns))


def test_what_cannot_be_delivered_is_refused(run: Cube, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)Unknown format.*did you mean 'netcdf'"):
        deliver(run, tmp_path, ["netcfd"])
    with pytest.raises(ConfigError, match=r"(?s)none of these years.*2010…2012.*1900…1901"):
        deliver(run, tmp_path, years=(1900, 1901))
    with pytest.raises(ConfigError, match="cannot hold area fractions"):
        deliver(run, tmp_path, options=Options(cells="0.7"))
    with pytest.raises(ConfigError, match="needs a run"):
        write_product({}, tmp_path)
    with pytest.raises(ConfigError, match="name that files can bear"):
        write_product({"a/b": run}, tmp_path)
    assert not contents(tmp_path)
