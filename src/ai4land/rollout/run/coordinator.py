"""The coordinator of a run: hands out pieces year by year, and keeps the journal."""

from __future__ import annotations

import functools
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ai4land.cube import Cube, declare, finish, full_disk_named
from ai4land.errors import CubeError
from ai4land.rollout.run.branches import Branch, Job, Start
from ai4land.rollout.run.journal import Journal, locked, year_digest
from ai4land.rollout.run.manifest import check_manifest, read_manifest
from ai4land.workers import Workers, each

__all__ = ["Progress", "carry_out", "every_job", "held_folder"]

Progress = Callable[[int, int, int], None]
Year = tuple[str, int]

_CONSTANTS = "constants"


def every_job(branches: Sequence[Branch]) -> Iterator[Job]:
    """All pieces of a run."""
    for branch in branches:
        for tick in branch.steps:
            yield from branch.maps(tick)
            yield from branch.areas(tick)
        for pair in branch.pairs:
            yield from branch.transitions(pair)


@dataclass
class _Schedule:
    """Which pieces can be worked on: those of a year as soon as the year before is closed.

    Attributes:
        branches: Name → branch.
        journal: Of the run.
        written: Keys of the pieces that are on the disk.
        ready: What can be worked on now.
        left: Year → keys of the pieces of its maps that are not there yet.
        closed: Years whose maps are there.
    """

    branches: Mapping[str, Branch]
    journal: Journal
    written: set[str]
    ready: deque[Job] = field(default_factory=deque)
    left: dict[Year, set[str]] = field(default_factory=dict)
    closed: set[Year] = field(default_factory=set)

    def begin(self) -> None:
        """Open the years that need no other."""
        self._open([(b.name, t) for b in self.branches.values() for t in sorted(b.observed)])

    def take(self) -> Job | None:
        """The next piece, if any can be begun now."""
        return self.ready.popleft() if self.ready else None

    def done(self, job: Job, line: dict[str, Any]) -> None:
        """Keep that a piece is written."""
        self.journal.add(line)
        self.written.add(job.key)
        year = job.branch, job.tick
        if job.kind == "maps":
            self.left[year].discard(job.key)
            if not self.left[year]:
                self._open(self._close(year))

    def _open(self, years: list[Year]) -> None:
        """Let the maps of years be worked on; those that are there are closed at once."""
        while years:
            year = years.pop()
            self.left[year] = set(self._queue(self.branches[year[0]].maps(year[1])))
            if not self.left[year]:
                years += self._close(year)

    def _close(self, year: Year) -> list[Year]:
        """Close a year: its books can be kept, and the years that follow can be worked on."""
        branch, tick = self.branches[year[0]], year[1]
        self.closed.add(year)
        name = f"{branch.name}/{tick}"
        if name not in self.journal.closed:
            step = branch.steps[tick]
            line = {"year": name, "digest": self.digest(year)}
            if step.leg >= 0:
                prior = self._prior(branch, step.prior)
                line |= {"prior": f"{prior[0]}/{prior[1]}", "after": self.digest(prior)}
            self.journal.add(line)
        self._queue(branch.areas(tick))
        for other, pair in self._pairs.get(year, ()):
            if self.closed.issuperset(self._prior(other, t) for t in pair):
                self._queue(other.transitions(pair))
        return [*self._followers.get(year, [])]

    @functools.cached_property
    def _pairs(self) -> dict[Year, list[tuple[Branch, tuple[int, int]]]]:
        """Year → the pairs of times, each with its branch, of which it is one."""
        found: dict[Year, list[tuple[Branch, tuple[int, int]]]] = {}
        for branch in self.branches.values():
            for pair in branch.pairs:
                for tick in pair:
                    found.setdefault(self._prior(branch, tick), []).append((branch, pair))
        return found

    @functools.cached_property
    def _followers(self) -> dict[Year, list[Year]]:
        """Year → the years whose prior it is."""
        found: dict[Year, list[Year]] = {}
        for branch in self.branches.values():
            for tick, step in branch.steps.items():
                if step.leg >= 0:
                    prior = self._prior(branch, step.prior)
                    found.setdefault(prior, []).append((branch.name, tick))
        return found

    def digest(self, year: Year) -> str:
        """One number for the maps of a year."""
        jobs = self.branches[year[0]].maps(year[1])
        return year_digest(self.journal.written[job.key] for job in jobs)

    def _prior(self, branch: Branch, tick: int) -> Year:
        """Where the map of a time lies that a branch goes on from."""
        start = branch.legs[0].start
        there = tick in branch.steps or not isinstance(start, Start)
        return (branch.name if there else start.branch, tick)  # type: ignore[union-attr]

    def _queue(self, jobs: Iterable[Job]) -> list[str]:
        """Queue what is not there yet."""
        new = [job for job in jobs if job.key not in self.written]
        self.ready.extend(new)
        return [job.key for job in new]


@contextmanager
def held_folder(
    folder: Path, stores: Sequence[Path], manifest: Mapping[str, Any], *, overwrite: bool = False
) -> Iterator[Journal]:
    """Keep the folder of a run to this process, for a run of this manifest.

    Args:
        folder: Where the manifest and the journal lie.
        stores: Where its stores go.
        manifest: What decides the bytes (``decides``), and whatever else is kept.
        overwrite: Replace what is already there.

    Yields:
        The journal, as far as an earlier attempt came.

    Raises:
        ConfigError: If another run lies there, or another process works on it.
        CubeError: If something else lies where a store should go, the run is whole, or the disk
            is full.
    """
    with full_disk_named(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder):
            try:
                yield _taken(folder, stores, manifest, overwrite)
            finally:
                if not (folder / "journal.jsonl").exists():  # nothing came of it
                    clear(folder, [])
    finally:
        with suppress(OSError):
            folder.rmdir()  # of an empty folder alone


def _taken(
    folder: Path, stores: Sequence[Path], manifest: Mapping[str, Any], overwrite: bool
) -> Journal:
    """The journal of a folder that is this process's own."""
    if overwrite:
        clear(folder, stores)
    elif not any(path.exists() for path in stores):
        clear(folder, [])  # somebody removed the stores: their journal tells of nothing
    if read_manifest(folder) is None:
        for path in stores:
            _check_free(path)
    check_manifest(folder, manifest)
    journal = Journal(folder)
    if journal.ended is not None and all(_finished(path) for path in stores):
        raise CubeError(
            "There is already a finished cube here",
            where=stores[0] if len(stores) == 1 else folder,
            remedy="choose another path, or replace it with `--overwrite`",
        )
    return journal


def carry_out(
    branches: Sequence[Branch],
    journal: Journal,
    workers: Workers,
    work: Callable[[Job], Any],
    progress: Progress | None = None,
) -> None:
    """Write all that a run still lacks.

    Args:
        branches: Those of the run, a branch after the one that it goes on from.
        journal: Of ``held_folder``.
        workers: Who works.
        work: What they do with a piece; of a ``Bench``.
        progress: Called with the time, the pieces done and the pieces in all.

    Raises:
        CubeError: If the disk is full.
    """
    _declare(branches, journal)
    jobs = {job.key for job in every_job(branches)}
    by_name = {branch.name: branch for branch in branches}
    written = {
        key
        for key, line in journal.written.items()
        if key in jobs and _is_there(by_name[key.split("/")[0]], line)
    }
    schedule = _Schedule(by_name, journal, written)
    schedule.begin()
    for job, line in each(workers, work, schedule.take):
        schedule.done(job, line)
        if progress is not None:
            progress(job.tick, len(schedule.written), len(jobs))
    if len(schedule.written) < len(jobs):
        raise CubeError(
            "The run cannot be ended: pieces are missing",
            where=journal.path,
            found=f"{len(jobs) - len(schedule.written)} of {len(jobs)}",
        )
    for branch in branches:
        finish(branch.path, branch.spec)
    seconds = sum(line["seconds"] for line in journal.written.values())
    journal.add({"end": len(jobs), "seconds": round(seconds, 3)})


def _declare(branches: Sequence[Branch], journal: Journal) -> None:
    """Declare the stores that are not; remove what a killed process had not yet named."""
    for branch in branches:
        if f"declared/{branch.name}" not in journal.closed or not branch.path.exists():
            with full_disk_named(branch.path):
                declare(branch.path, branch.spec, branch.status())
            journal.add({"year": f"declared/{branch.name}"})
        for torn in branch.path.rglob("*.partial"):
            torn.unlink(missing_ok=True)


def _finished(path: Path) -> bool:
    try:
        Cube(path)
    except (CubeError, FileNotFoundError):
        return False
    return True


def _is_there(branch: Branch, line: Mapping[str, Any]) -> bool:
    """Whether the files of a line of the journal lie there in their length."""
    for name, (size, _) in line["files"].items():
        try:
            if (branch.path / name).stat().st_size != size:
                return False
        except FileNotFoundError:
            return False
    return True


def _check_free(path: Path) -> None:
    """Refuse to write where something lies that is not of this run."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if _finished(path):
        raise CubeError(
            "There is already a finished cube here",
            where=path,
            remedy="choose another path, or replace it with `--overwrite`",
        )
    raise CubeError(
        "Something that is not a cube of this run lies where the cube should go",
        where=path,
        remedy="choose another path, or remove it yourself",
    )


def clear(folder: Path, stores: Sequence[Path]) -> None:
    """Remove what an earlier run left, and nothing else.

    Raises:
        CubeError: If something that is no Zarr store lies where a store should go.
    """
    for path in stores:
        if path.exists():
            if not path.is_dir() or (any(path.iterdir()) and not (path / "zarr.json").exists()):
                raise CubeError(
                    "Only a Zarr store may be overwritten",
                    where=path,
                    remedy="choose another path",
                )
            shutil.rmtree(path)
    for name in ("journal.jsonl", "run.json"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / _CONSTANTS, ignore_errors=True)
