"""The journal of a run: what is written, each line on the disk before it is believed."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ai4land.cube import full_disk_named
from ai4land.errors import ConfigError

__all__ = ["Journal", "locked", "year_digest"]

_LOCK = "lock"
_NAME = "journal.jsonl"

Line = dict[str, Any]


class Journal:
    """One line for each piece of a year that is written, and for each year that is closed.

    Lines are only ever added. A piece that has to be written again has a line that says so
    (``void``) after the one that it makes void.

    Args:
        folder: Folder of the run.

    Attributes:
        written: Key of a piece → its line, of those that count.
        closed: Key of a year → its line.
        ended: The line with which the run ended, if it has.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME
        self.written: dict[str, Line] = {}
        self.closed: dict[str, Line] = {}
        self.ended: Line | None = None
        for line in self._lines():
            self._take(line)

    def add(self, line: Line) -> None:
        """Put a line on the disk, then believe it.

        Raises:
            CubeError: If the disk is full.
        """
        with full_disk_named(self.path), self.path.open("ab") as file:
            file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
        self._take(line)

    def _take(self, line: Line) -> None:
        if "void" in line:
            self.written.pop(line["void"], None)
            self.ended = None
        elif "piece" in line:
            self.written[line["piece"]] = line
        elif "year" in line:
            self.closed[line["year"]] = line
        elif "end" in line:
            self.ended = line

    def _lines(self) -> Iterator[Line]:
        """All whole lines; the torn last one of a killed run is cut off."""
        if not self.path.exists():
            return
        text = self.path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            os.truncate(self.path, len(whole))  # in place: it must survive a full disk
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ConfigError(
                    "A line of the journal is damaged",
                    where=f"{self.path}, line {number}",
                    found=line[:80],
                    remedy="remove the line: its piece is then written again",
                ) from error


def year_digest(lines: Iterable[Mapping[str, Any]]) -> str:
    """One number for the maps of a year, from the lines of its pieces in whatever order."""
    every = [line["files"] for line in sorted(lines, key=lambda line: str(line["piece"]))]
    return hashlib.sha256(json.dumps(every, sort_keys=True).encode()).hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a run's folder to this process.

    Raises:
        ConfigError: If another process works in it.
    """
    path, mine = folder / _LOCK, _myself()
    with full_disk_named(folder):
        _take_lock(path, mine)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _take_lock(path: Path, mine: Mapping[str, Any]) -> None:
    for _ in range(2):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            _remove_stale(path)
            continue
        with os.fdopen(handle, "w") as file:
            json.dump(mine, file)
            file.flush()
            os.fsync(file.fileno())
        return
    raise _at_work(path, {})


def _remove_stale(path: Path) -> None:
    """Remove the lock of a process that is gone, or refuse."""
    held = _read(path)
    if not held or _lives(held):
        raise _at_work(path, held)
    # whoever renames it first removes it: two that find it stale do not both go on
    aside = path.with_name(f"{_LOCK}.{os.getpid()}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) == held:
        aside.unlink()
        return
    os.link(aside, path)  # it was another's by then: give it back
    aside.unlink()
    raise _at_work(path, _read(path))


def _read(path: Path) -> Line:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lives(held: Mapping[str, Any]) -> bool:
    """Whether the process of a lock may still be there; of another machine nobody knows."""
    if held.get("host") != socket.gethostname():
        return True
    return bool(_started(int(held["pid"])) == held.get("started"))


def _myself() -> Line:
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "started": _started(pid)}


def _started(pid: int) -> str | None:
    """When a process of this machine began, as the system counts it; ``None`` if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        return text.rpartition(")")[2].split()[19]  # the 22nd field; names may hold spaces
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "running"


def _at_work(path: Path, held: Mapping[str, Any]) -> ConfigError:
    return ConfigError(
        "Another process works on this run",
        where=path,
        found=f"process {held['pid']} on {held['host']}" if held else "a lock without a name",
        remedy="wait for it; if it is gone for sure, remove this file",
    )
