"""The manifest of a run: all that decides its bytes, and what it takes to open it again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ai4land.cube import Cube, full_disk_named
from ai4land.errors import ConfigError

__all__ = ["check_manifest", "digest_of", "fingerprint", "machine", "read_manifest", "write_json"]

_NAME = "run.json"
_PACKAGES = ("ai4land", "numba", "numpy", "scipy", "torch", "xgboost-cpu", "zarr", "numcodecs")
_READ = 1 << 22  # bytes read at once


def digest_of(path: Path, *, durable: bool = False) -> tuple[int, str]:
    """Length and SHA-256 of a file, as ``sha256sum`` prints it.

    Args:
        path: The file.
        durable: Whether it must then be on the disk, not only on its way.
    """
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while part := file.read(_READ):
            digest.update(part)
            size += len(part)
        if durable:
            os.fsync(file.fileno())
    return size, digest.hexdigest()


def fingerprint(cube: Cube, names: Iterable[str]) -> dict[str, str]:
    """Variable → digest of all that a cube holds of it: its files, grid, times and meaning."""
    found = {}
    for name in sorted(set(names)):
        group, digest = cube.group(name), hashlib.sha256()
        about = [group.spec(name).to_dict(), group.grid.to_dict(), list(group.ticks)]
        digest.update(json.dumps(about, sort_keys=True).encode())
        folder = cube.path / group.name / name
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(folder)} {digest_of(file)[1]}\n".encode())
        found[name] = digest.hexdigest()
    return found


def machine() -> dict[str, Any]:
    """What of a machine may change the last bits of a number."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "threads": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a run; ``None`` if there is none."""
    try:
        found: dict[str, Any] = json.loads((folder / _NAME).read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError("The manifest of the run is damaged", where=folder / _NAME) from error
    return found


def check_manifest(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Keep the manifest of a run, or find that it is the one that is there.

    Args:
        folder: Of the run.
        manifest: Plain data; what stands under ``decides`` must be the same to go on.

    Returns:
        Whether a run of this manifest is there to go on with.

    Raises:
        ConfigError: If another run is there.
    """
    plain: dict[str, Any] = json.loads(json.dumps(manifest))
    there = read_manifest(folder)
    if there is None:
        write_json(folder / _NAME, plain)
        return False
    different = list(_differences(plain["decides"], there.get("decides", {})))
    if different:
        raise ConfigError(
            "Another run lies here",
            where=folder,
            found="; ".join(different[:3]) + ("; …" if len(different) > 3 else ""),
            remedy="give its options to resume it, replace it with `--overwrite`, or choose "
            "another place",
        )
    return True


def _differences(mine: object, there: object, at: str = "") -> Iterable[str]:
    """Where two pieces of plain data differ, in words."""
    if isinstance(mine, dict) and isinstance(there, dict):
        for key in sorted({*mine, *there}):
            if mine.get(key) != there.get(key):
                yield from _differences(mine.get(key), there.get(key), f"{at}.{key}".lstrip("."))
    elif isinstance(mine, list) and isinstance(there, list) and len(mine) == len(there):
        for place, (one, two) in enumerate(zip(mine, there, strict=True)):
            if one != two:
                yield from _differences(one, two, f"{at}[{place}]")
    else:
        yield f"{at}: {str(mine)[:60]} now, {str(there)[:60]} there"


def write_json(path: Path, data: object) -> None:
    """Write plain data so that the file is there whole or not at all."""
    part = path.with_name(f"{path.name}.partial")
    with full_disk_named(path):
        with part.open("w", encoding="utf-8") as file:
            json.dump(data, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
