"""The folder of a product: files appear whole or not at all, and are written once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ai4land.errors import AI4LandError, ConfigError, CubeError

__all__ = ["Folder", "Planned", "Written", "write_whole"]

_LEDGER = "files.jsonl"
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Planned:
    """A file that a product shall hold.

    Attributes:
        name: Its path inside the product, with forward slashes.
        made_from: Plain data that changes with anything that decides its bytes.
        write: Writes it to a path.
    """

    name: str
    made_from: object
    write: Callable[[Path], None]


@dataclass(frozen=True)
class Written:
    """A file that is finished.

    Attributes:
        name: Its path inside the product.
        bytes: Its size.
        sha256: Its checksum.
        made_from: Checksum of what it was made from.
    """

    name: str
    bytes: int
    sha256: str
    made_from: str


class Folder:
    """A product's folder, held by one process at a time.

    Each file is written under another name, brought to disk and renamed; then a line of the ledger
    ``files.jsonl`` keeps its size, its checksum and what it was made from. A file that has them
    still is right, and is not written again.

    Args:
        path: The folder; made if it is not there.

    Raises:
        ConfigError: If another process writes there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._ledger = (self.path / _LEDGER).open("a+b")
        self._lock()
        self.written = self._read()
        for torn in self.path.rglob(f".*{_PARTIAL}*"):
            torn.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Hold the folder until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others write."""
        self._ledger.close()

    def _lock(self) -> None:
        import fcntl  # not on every system, and only writers need it

        try:
            fcntl.flock(self._ledger, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._ledger.close()
            raise ConfigError(
                "Another process writes this product",
                where=self.path,
                remedy="wait until it is done, or choose another folder",
            ) from error

    def _read(self) -> dict[str, Written]:
        """The last line of each file that is there; what a killed process left half is cut off."""
        self._ledger.seek(0)
        text = self._ledger.read()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            self._ledger.truncate(len(whole))
        lines = (Written(**json.loads(line)) for line in whole.splitlines())
        held = {line.name: line for line in lines}
        return {name: line for name, line in held.items() if (self.path / name).is_file()}

    def finished(self, planned: Planned) -> Written | None:
        """The file, if it is there and right."""
        said, path = self.written.get(planned.name), self.path / planned.name
        if said is None or said.made_from != _digest_of(planned.made_from):
            return None
        if not path.is_file() or path.stat().st_size != said.bytes:
            return None
        return said if _digest(path) == said.sha256 else None

    def remember(self, made: Written) -> None:
        """Keep that a file is finished, by this process or by another one."""
        self._ledger.write(json.dumps(asdict(made)).encode() + b"\n")
        self._ledger.flush()
        os.fsync(self._ledger.fileno())
        self.written[made.name] = made


def write_whole(folder: Path, planned: Planned) -> Written:
    """Write a file of a product, whole or not at all.

    Raises:
        CubeError: If the disk is full or the file cannot be written.
    """
    path = folder / planned.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with _whole(path) as temporary:
        planned.write(temporary)
        digest, size = _digest(temporary), temporary.stat().st_size
    return Written(planned.name, size, digest, _digest_of(planned.made_from))


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary path, hidden beside the real one, which it becomes at the end of the block."""
    temporary = path.with_name(f".{path.name}{_PARTIAL}")
    try:
        yield temporary
        _synced(temporary)
        temporary.replace(path)
        _synced(path.parent)
    except AI4LandError:
        raise
    except (OSError, RuntimeError) as error:  # libraries of formats raise either
        raise CubeError(
            "A file of the product cannot be written",
            where=path,
            found=str(error.__cause__ or error).strip() or type(error).__name__,
            remedy="free some space if the disk is full, and run the same command again: what is "
            "finished stays",
        ) from error
    finally:
        for left in path.parent.glob(f".{path.name}{_PARTIAL}*"):
            left.unlink(missing_ok=True)


def _synced(path: Path) -> None:
    """Bring a file or the entries of a folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest_of(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: Any) -> object:  # noqa: ANN401
    return dict(value) if isinstance(value, Mapping) else str(value)
