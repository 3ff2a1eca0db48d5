"""Verifying a run: what is declared is there, is what was written, and says nothing impossible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.errors import AI4LandError, ConfigError, CubeError
from ai4land.grid import Mesh, Window
from ai4land.rollout.levers import LeverOptions, Levers
from ai4land.rollout.run.books import AREAS, ASKED, GIVEN, ORIGIN, pixel_areas
from ai4land.rollout.run.journal import Journal, locked, year_digest
from ai4land.rollout.run.manifest import digest_of, read_manifest
from ai4land.rollout.run.options import RunOptions
from ai4land.rollout.run.running import reconstruct_run
from ai4land.rollout.run.saving import run_folder
from ai4land.rollout.start import stored_field
from ai4land.rollout.unplaced import UNPLACED, held_in_cells, lacking
from ai4land.samples import ClassCoding
from ai4land.vocabulary import NO_DATA, Kind

__all__ = ["Check", "repair_run", "verify_run"]

_SUM = 1e-3  # of eight probabilities, each to 11 bits
_AREA = 1e-4  # of areas in float32, relative
_NAMED = 5  # failures that are named

Progress = Callable[[str, int, int], None]


@dataclass
class Check:
    """One thing that must hold.

    Attributes:
        name: The thing, as a sentence.
        looked: Of how many it was asked.
        failed: Where it does not hold.
        of_files: Whether it is asked of files, whatever is in them.
        pieces: Keys of the pieces that have to be written again for it.
    """

    name: str
    of_files: bool = False
    looked: int = 0
    failed: list[str] = field(default_factory=list)
    pieces: set[str] = field(default_factory=set)

    @property
    def passed(self) -> bool:
        """Whether it holds everywhere."""
        return not self.failed

    def fail(self, where: str, piece: str | None = None) -> None:
        """Note where it does not hold."""
        self.failed.append(where)
        if piece is not None:
            self.pieces.add(piece)

    def line(self) -> str:
        """One line for people."""
        if self.passed:
            return f"pass  {self.name} ({self.looked:,} looked at)"
        more = f", and {len(self.failed) - _NAMED} more" if len(self.failed) > _NAMED else ""
        named = "; ".join(self.failed[:_NAMED])
        return f"FAIL  {self.name}: {len(self.failed)} of {self.looked:,} — {named}{more}"


@dataclass(frozen=True)
class _Part:
    """One unit of writing of one variable: its files were written by one piece."""

    branch: str
    group: GroupSpec
    spec: VariableSpec
    tick: int
    window: Window

    @property
    def files(self) -> list[str]:
        return self.group.files(self.spec, self.tick, self.window)

    @property
    def where(self) -> str:
        w = self.window
        label = self.group.clock.label(self.tick)
        place = f"rows {w.row}–{w.row + w.height}, columns {w.col}–{w.col + w.width}"
        return f"{self.branch}, {self.spec.name}, {label}, {place}"


class _Verified:
    """A run that is looked at.

    Args:
        folder: Of the manifest and the journal.
        progress: Called with what is looked at, and how much of it is done.
    """

    def __init__(self, folder: Path, progress: Progress | None) -> None:
        manifest = read_manifest(folder)
        if manifest is None:
            raise ConfigError(
                "There is no run here",
                where=folder,
                expected="the folder of a run, or a cube beside whose folder `CUBE.run` lies",
            )
        self.manifest, self.progress = manifest, progress
        self.journal = Journal(folder)
        self.paths = {name: folder / path for name, path in manifest["branches"].items()}
        self.cubes = {
            name: Cube(path, allow_incomplete=True)
            for name, path in self.paths.items()
            if _opens(path)
        }
        self.piece_of = {
            (line["piece"].split("/")[0], file): line["piece"]
            for line in self.journal.written.values()
            for file in line["files"]
        }

    def parts(self) -> Iterator[_Part]:
        """All units of writing that are declared."""
        for branch, cube in self.cubes.items():
            for group in cube.spec.groups:
                for spec in group.variables:
                    for tick in group.ticks:
                        for window in group.block_windows(spec):
                            yield _Part(branch, group, spec, tick, window)

    def piece(self, part: _Part) -> str | None:
        """The key of the piece by which a part was written."""
        return self.piece_of.get((part.branch, part.files[0]))

    def read(self, check: Check, part: _Part) -> npt.NDArray[Any] | None:
        """The values of a part; a check fails of what cannot be decoded."""
        try:
            return np.asarray(self.cubes[part.branch].read(part.spec.name, part.tick, part.window))
        except CubeError:
            check.fail(f"{part.where}: cannot be decoded", self.piece(part))
            return None

    def told(self, name: str, done: int, total: int) -> None:
        """Say how far it is."""
        if self.progress is not None:
            self.progress(name, done, total)

    def ended(self) -> Check:
        """The run was carried to its end."""
        check = Check("the run has ended and its stores say that they are whole")
        for name, path in self.paths.items():
            check.looked += 1
            try:
                Cube(path)
            except AI4LandError as error:
                check.fail(f"{name}: {error.what}")
        if self.journal.ended is None:
            check.fail("the journal has no end")
        return check

    def files(self) -> tuple[Check, Check]:
        """Every file is there, in its length and with its digest."""
        there = Check("every file that is declared is there and in the journal, sea as well", True)
        same = Check("every file has the length and SHA-256 of the journal", True)
        parts = [(part, file) for part in self.parts() for file in part.files]
        for number, (part, file) in enumerate(parts, start=1):
            there.looked += 1
            path, piece = self.paths[part.branch] / file, self.piece_of.get((part.branch, file))
            if piece is None or not path.exists():
                missing = "not in the journal" if piece is None else "missing"
                there.fail(f"{part.branch}/{file}: {missing}", piece)
                continue
            same.looked += 1
            size, digest = self.journal.written[piece]["files"][file]
            if path.stat().st_size != size or digest_of(path) != (size, digest):
                same.fail(f"{part.branch}/{file}", piece)
            self.told("files", number, len(parts))
        return there, same

    def values(self) -> tuple[Check, Check, Check]:
        """Codes are legal, probabilities sum to 1, and the sea lies where it lay."""
        legal = Check("every class code is one of its legend")
        sums = Check("probabilities of land are in 0…1 and sum to 1")
        sea = Check("sea and missing pixels are those of the map at the beginning")
        parts = list(self.parts())
        for number, part in enumerate(parts, start=1):
            kind, name = part.spec.variable.kind, part.spec.name
            if kind is Kind.CATEGORICAL:
                self._codes(part, legal, sea if name != ORIGIN else None)
            elif name.endswith("_probability"):
                values = self.read(sums, part)
                sums.looked += 1
                if values is not None:
                    total = values.sum(axis=0)
                    used = np.isfinite(total) & (total != 0.0)
                    off = np.abs(total[used] - 1.0) > _SUM
                    if off.any() or (values[:, used] < 0).any() or (values[:, used] > 1).any():
                        sums.fail(f"{part.where}: {int(off.sum())} pixels", self.piece(part))
            self.told("values", number, len(parts))
        return legal, sums, sea

    def _codes(self, part: _Part, legal: Check, sea: Check | None) -> None:
        """Whether the codes of a map are known, and land is where it was."""
        legend, values = part.spec.legend, self.read(legal, part)
        assert legend is not None
        legal.looked += 1
        if values is None:
            return
        known = np.isin(np.arange(256), [*legend.codes, *legend.sea, NO_DATA])
        if not known[values].all():
            codes = sorted({int(v) for v in np.unique(values[~known[values]])})
            legal.fail(f"{part.where}: {codes}", self.piece(part))
            return
        if sea is None:
            return
        sea.looked += 1
        home, tick = self._beginning(part)
        try:
            first = self.cubes[home].read(part.spec.name, tick, part.window)
        except CubeError:
            return
        coding = ClassCoding(legend)
        land, was = coding.domain(values), coding.domain(first)
        if not np.array_equal(land, was) or not np.array_equal(values[~was], first[~was]):
            sea.fail(part.where, self.piece(part))

    def _beginning(self, part: _Part) -> tuple[str, int]:
        """Branch and time of the map with which the branch of a part began."""
        cube = self.cubes[part.branch]
        start = cube.attributes.get("goes_on_from")
        if start:
            return str(start["branch"]), int(start["year"])
        status = cube.status(part.spec.name)
        observed = [t for t, s in status.items() if s.name != "PREDICTED"]
        return part.branch, min(observed or list(status))

    def books(self) -> Check:
        """What the books say of asked and given is what the maps hold."""
        check = Check("the books say what the maps hold, and transitions sum to 1")
        for branch, cube in self.cubes.items():
            if ASKED not in cube.variables:
                continue
            group = next(g for g in cube.spec.groups if g.name == AREAS)
            for tick in group.ticks:
                for window in group.block_windows(group.spec(ASKED)):
                    part = _Part(branch, group, group.spec(GIVEN), tick, window)
                    check.looked += 1
                    try:
                        wrong = _residual(cube, tick, window)
                    except CubeError:
                        wrong = "cannot be decoded"
                    if wrong:
                        check.fail(f"{part.where}: {wrong}", self.piece(part))
            self._transitions(check, branch, cube)
        return check

    def _transitions(self, check: Check, branch: str, cube: Cube) -> None:
        for group in cube.spec.groups:
            for spec in (s for s in group.variables if s.variable.pairs_of):
                for tick in group.ticks:
                    for window in group.block_windows(spec):
                        part = _Part(branch, group, spec, tick, window)
                        check.looked += 1
                        values = self.read(check, part)
                        if values is None:
                            continue
                        total = values.sum(axis=0, dtype=np.float64)
                        if (np.abs(total[np.isfinite(total)] - 1.0) > _SUM).any():
                            check.fail(part.where, self.piece(part))

    def shared(self) -> Check:
        """Each year stands on the very maps of the year before, also across branches."""
        check = Check("each year was stepped from the very files of the year before it")
        years: dict[str, list[Mapping[str, Any]]] = {}
        for key, line in self.journal.written.items():
            branch, kind, tick, *_ = key.split("/")
            if kind == "maps":
                years.setdefault(f"{branch}/{tick}", []).append(line)
        found = {name: year_digest(lines) for name, lines in years.items()}
        for name, line in self.journal.closed.items():
            if "digest" in line:
                check.looked += 1
                pieces = [str(one["piece"]) for one in years.get(name, ())]
                if found.get(name) != line["digest"]:
                    check.fail(f"{name}: other files than when it was closed", *pieces[:1])
                if "after" in line and found.get(line["prior"]) != line["after"]:
                    check.fail(f"{name}: other files in {line['prior']} than those it stands on")
        return check

    def levers(self) -> Check:
        """What was held fast was held fast, from each year to the next."""
        check = Check("no step has done what the levers forbid")
        for name, line in self.journal.closed.items():
            if "prior" not in line:
                continue
            (branch, tick), (home, before) = (n.split("/") for n in (name, line["prior"]))
            if branch not in self.cubes or home not in self.cubes:
                continue
            for part, levers in self._held(branch, int(tick)):
                check.looked += 1
                try:
                    one = self.cubes[home].read(part.spec.name, int(before), part.window)
                except CubeError:
                    continue
                two = self.read(check, part)
                if two is None or part.spec.legend is None:
                    continue
                coding = ClassCoding(part.spec.legend)
                prior, after = coding.positions(one), coding.positions(two)
                wrong = (levers.kept(prior, part.window) & (prior != after)) | levers.broken(
                    prior, after
                )
                if wrong.any():
                    check.fail(f"{part.where}: {int(wrong.sum())} pixels", self.piece(part))
        return check

    def _held(self, branch: str, tick: int) -> Iterator[tuple[_Part, Levers]]:
        """The parts of the maps of a year, with the levers of each."""
        said = (self.manifest.get("plan") or {}).get("levers", {})
        options = LeverOptions.model_validate(said)
        for group in self.cubes[branch].spec.groups:
            for spec in group.variables:
                classes = spec.variable.kind is Kind.CATEGORICAL and spec.name != ORIGIN
                if not classes or spec.legend is None or tick not in group.ticks:
                    continue
                levers = options.opened(group.grid, spec.legend)
                for window in group.block_windows(spec) if levers is not None else ():
                    assert levers is not None
                    yield _Part(branch, group, spec, tick, window), levers


def _residual(cube: Cube, tick: int, window: Window) -> str:
    """What of the books of a time is not what the map holds; nothing if all is."""
    legend = cube.variable(ASKED).legend
    assert legend is not None
    target = next(
        n
        for n in cube.variables
        if (own := cube.variable(n).legend) is not None
        and cube.variable(n).variable.kind is Kind.CATEGORICAL
        and legend.name == f"{own.name}_groups"
    )
    classes = cube.variable(target).legend
    assert classes is not None
    groups = [[classes.index(name) for name in names.split("+")] for names in legend.names]
    mesh = Mesh(cube.grid(target), cube.grid(ASKED))
    held = held_in_cells(
        mesh, ClassCoding(classes), groups, stored_field(cube, target, tick), window
    )
    pixel = pixel_areas(mesh, window)
    given = cube.read(GIVEN, tick, window)
    if not np.allclose(given, held * pixel, rtol=_AREA, atol=_AREA):
        return "given areas are not those of the map"
    if UNPLACED in cube.variables and tick in cube.group(UNPLACED).ticks:
        asked = cube.read(ASKED, tick, window).astype(np.float64)
        inverse = np.divide(1.0, pixel, out=np.zeros_like(pixel), where=pixel > 0)
        short = lacking(asked * inverse, held)
        if not np.allclose(
            short, cube.read(UNPLACED, tick, window), rtol=1e-3, atol=0.5, equal_nan=True
        ):
            return "what is not placed is not what was asked less what was given"
    return ""


def verify_run(path: str | Path, progress: Progress | None = None) -> list[Check]:
    """Look at every file of a run.

    Args:
        path: Folder of the run, or the store of a run of one branch.
        progress: Called with what is looked at, and how much of it is done.

    Raises:
        ConfigError: If there is no run.
    """
    run = _Verified(folder_of(path), progress)
    found = [run.ended(), *run.files(), *run.values(), run.books(), run.shared(), run.levers()]
    return [check for check in found if check.looked]


def _opens(path: Path) -> bool:
    try:
        Cube(path, allow_incomplete=True)
    except AI4LandError:
        return False
    return True


def folder_of(path: str | Path) -> Path:
    """Where the manifest and the journal of a run lie."""
    beside = run_folder(Path(path))
    return beside if beside.exists() else Path(path)


def repair_run(
    path: str | Path,
    checks: list[Check],
    *,
    scheduler: str | None = None,
    workers: int | None = None,
) -> int:
    """Write again what failed, from the maps before it, and what was never written.

    Args:
        path: As of ``verify_run``.
        checks: What it found.
        scheduler: Who works, see ``open_workers``.
        workers: How many.

    Returns:
        How many pieces were found wrong.

    Raises:
        ConfigError: If the run does not say how it is opened.
    """
    folder = folder_of(path)
    manifest: Mapping[str, Any] = read_manifest(folder) or {}
    plan = manifest.get("plan")
    if plan is None:
        raise ConfigError(
            "The run does not say how it was made",
            where=folder,
            remedy="call what made it again: it goes on with what is missing",
        )
    # what a file with the right digest says is wrong because of others, or was always so
    files = set[str]().union(*(check.pieces for check in checks if check.of_files))
    pieces = files or set[str]().union(*(check.pieces for check in checks))
    with locked(folder):
        journal = Journal(folder)
        for piece in sorted(pieces):
            journal.add({"void": piece})
        if journal.ended is not None and not all(check.passed for check in checks):
            journal.add({"void": ""})  # what was never written is written now
    if not all(check.passed for check in checks):
        options = RunOptions.model_validate(plan)
        out = folder if options.first is None else folder / manifest["branches"]["map"]
        reconstruct_run(options, out, scheduler=scheduler, workers=workers)
    return len(pieces)
