"""What a run will cost, from a few seconds of it; and what it has cost, from its journal."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numcodecs import zstd

from ai4land.cube import State, declare
from ai4land.errors import ConfigError
from ai4land.grid import Mesh, Window
from ai4land.rollout.predictor_stepper import PredictorStepper
from ai4land.rollout.run.branches import Branch, Job, Leg
from ai4land.rollout.run.jobs import PIECE, Bench
from ai4land.rollout.run.journal import Journal
from ai4land.rollout.run.opened import RunPlan, opened_run
from ai4land.rollout.run.options import RunOptions
from ai4land.samples import coding_of

__all__ = ["GPUS", "RunEstimate", "actual_cost", "estimate_run", "lines_of"]

GPUS = {"V100": 125e12, "A100": 312e12, "H100": 989e12}
"""Dense products of half precision a second, as the maker says."""

SHARE = 0.3  # of that, which convolutions of this size have been seen to reach
_SAMPLE = 768  # pixels of the sides of the window that is stepped
_LEAST = 0.2  # seconds that are measured at least, the window stepped several times


@dataclass(frozen=True)
class RunEstimate:
    """What a run will cost.

    Attributes:
        pixels: Of a map.
        land: Share of them that can change.
        windows: Tiles that a step predicts; 0 without a model.
        operations: Floating-point operations of a step; 0 where nobody knows.
        maps: Name of a branch → its maps.
        files: Of all branches.
        bytes: Of all branches.
        seconds: What is done → seconds of one worker, of the whole run.
        most: Workers that can be busy at once.
        memory: MiB of a worker.
    """

    pixels: int
    land: float
    windows: int
    operations: float
    maps: Mapping[str, int]
    files: int
    bytes: float
    seconds: Mapping[str, float]
    most: int
    memory: float = field(compare=False)

    def hours(self, workers: int) -> float:
        """Hours that so many workers need."""
        return sum(self.seconds.values()) / min(workers, self.most) / 3600


def estimate_run(options: RunOptions) -> RunEstimate:
    """Do a little of a run and count the rest.

    The window with most land is stepped once from an observed map, a file is written, the books of
    one file are kept. Maps of later years are taken to cost the same.

    Args:
        options: What is asked for.

    Raises:
        ConfigError: If it cannot be carried out.
    """
    options.check()
    with tempfile.TemporaryDirectory(prefix="ai4land-estimate-") as folder:
        plan = RunPlan(options.absolute(), Path(folder), Path(folder) / "maps")
        branches = opened_run(plan).branches
        first = branches[0]
        declare(first.path, first.spec, first.status())
        return _estimated(branches, first, Bench([first]))


def _estimated(branches: tuple[Branch, ...], first: Branch, bench: Bench) -> RunEstimate:
    """Measure the first branch, count all."""
    number, leg = next((n, leg) for n, leg in enumerate(first.legs) if leg.ticks)
    start = leg.start
    assert isinstance(start, State)
    land = _land(first, leg, start)
    jobs = list(first.maps(leg.ticks[0]))
    grid = leg.stepper.mesh.fine
    work = {job.window: _work(leg, land, job.window) for job in jobs}
    sample = _sample(land, grid.window)
    a_unit, said = _stepped(bench, first, leg, number, sample, _work(leg, land, sample))
    a_pixel, size = _written(bench, first)
    books, book_bytes = _books(first, start)
    maps = {branch.name: len(branch.steps) for branch in branches}
    stepped = sum(1 for b in branches for s in b.steps.values() if s.leg >= 0)
    every, pixels = sum(maps.values()), grid.height * grid.width
    share = sum(int(d.sum()) for d in land.values()) / pixels
    units = sum(work.values())
    files = sum(
        len(list(group.block_windows(spec))) * len(group.ticks)
        for branch in branches
        for group in branch.spec.groups
        for spec in group.variables
    )
    network = isinstance(leg.stepper, PredictorStepper)
    return RunEstimate(
        pixels=pixels,
        land=share,
        windows=int(units) if network else 0,
        operations=_operations(leg) * units if network else 0.0,
        maps=maps,
        files=files,
        bytes=size * pixels * every + said * share * pixels * stepped + book_bytes * every,
        seconds={
            "stepping": a_unit * units * stepped,
            "reading and writing": a_pixel * pixels * every,
            "books": books * every,
        },
        most=sum(1 for w in work.values() if w) * max(len(branches) - 1, len(first.legs)),
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _land(branch: Branch, leg: Leg, start: State) -> dict[Window, Any]:
    """Piece → where its land lies, of the pieces that hold some."""
    target = branch.task.targets[0]
    coding, found = coding_of(target, start[target.name].legend), {}
    for piece in leg.stepper.mesh.pieces(PIECE):
        domain = coding.domain(start[target.name].read(piece))
        if domain.any():
            found[piece] = domain
    if not found:
        raise ConfigError("The map holds no land", where=branch.like.path)
    return found


def _work(leg: Leg, land: Mapping[Window, Any], window: Window) -> float:
    """Tiles that a file needs of a model, or pixels in pieces with land that a rule looks at."""
    mesh, stepper = leg.stepper.mesh, leg.stepper
    touched = [piece for piece in land if _meet(mesh, piece, window)]
    if not isinstance(stepper, PredictorStepper):
        return float(sum(piece.height * piece.width for piece in touched))
    grid = mesh.fine
    tiles = {tile for piece in touched for tile, _ in stepper.tiling.meeting(grid, piece)}
    return float(len(tiles))


def _meet(mesh: Mesh, piece: Window, window: Window) -> bool:
    rows, cols = mesh.places(piece, window)
    return bool((rows >= 0).any() and (cols >= 0).any())


def _sample(land: Mapping[Window, Any], whole: Window) -> Window:
    """The window around the piece with most land."""
    best = max(land, key=lambda piece: int(land[piece].sum()))
    height, width = min(_SAMPLE, whole.height), min(_SAMPLE, whole.width)
    row = min(max(best.row - (height - best.height) // 2, 0), whole.height - height)
    col = min(max(best.col - (width - best.width) // 2, 0), whole.width - width)
    return Window(row, col, height, width)


def _stepped(
    bench: Bench, branch: Branch, leg: Leg, number: int, window: Window, units: float
) -> tuple[float, float]:
    """Seconds of a unit of work, and bytes of a pixel's probabilities, if they are kept."""
    assert isinstance(leg.start, State)
    # libraries warm up elsewhere: what the window reads is read as in the run
    corner = Window(window.row, window.col, min(8, window.height), min(8, window.width))
    bench.compute(Job(branch.name, "maps", leg.ticks[0], corner))
    runs, seconds, made = 0, 0.0, dict[tuple[str, int], Any]()
    while seconds < _LEAST:
        again = replace(leg.start)  # a stepper knows a state again, and what it said of it
        once = Bench([_beginning(branch, number, again)])
        began = time.perf_counter()
        made = once.compute(Job(branch.name, "maps", leg.ticks[0], window))
        seconds += time.perf_counter() - began
        runs += 1
    said = [values for (name, _), values in made.items() if name.endswith("_probability")]
    size = sum(map(_compressed, said))
    return seconds / runs / max(units, 1.0), size / (window.height * window.width)


def _beginning(branch: Branch, number: int, start: State) -> Branch:
    """The same branch, one of whose legs begins with another state."""
    legs = [*branch.legs]
    legs[number] = replace(legs[number], start=start)
    return replace(branch, legs=tuple(legs))


def _written(bench: Bench, branch: Branch) -> tuple[float, float]:
    """Seconds and bytes of a pixel of a file that is read, written and looked at."""
    tick = next(iter(branch.observed))
    seconds, size, pixels = 0.0, 0, 0
    for job in list(branch.maps(tick))[:4]:
        line = bench.work(job).finish()
        kept = {f: n for f, (n, _) in line["files"].items() if "_probability/" not in f}
        seconds, size = seconds + line["seconds"], size + sum(kept.values())
        pixels += job.window.height * job.window.width
    return seconds / pixels, size / pixels


def _books(branch: Branch, start: State) -> tuple[float, float]:
    """Seconds and bytes of the books of a map and of what moved since the one before."""
    books = branch.books
    if books is None or start.reference is None:
        return 0.0, 0.0
    target, size = books.demand.target, 0.0
    began = time.perf_counter()
    windows = [job.window for job in branch.areas(next(iter(branch.observed)))]
    for window in windows[:2]:
        tick = branch.own(start.tick, target)
        made = books.areas(start[target.name], tick, window, start.reference, observed=False)
        size += sum(map(_compressed, made.values()))
    scale = len(windows) / min(len(windows), 2)
    if branch.pairs:
        pieces = [job.window for job in branch.transitions(branch.pairs[0])]
        moved = books.moved(start[target.name], start[target.name], pieces[0])
        size += _compressed(moved) * len(pieces) / scale
    seconds = time.perf_counter() - began
    return seconds * scale, size * scale


def _compressed(values: npt.NDArray[Any]) -> int:
    """Bytes of values as a store keeps them, about."""
    return len(zstd.compress(np.ascontiguousarray(values).tobytes(), 3))


def _operations(leg: Leg) -> float:
    """Floating-point operations of a tile; 0 where nobody knows."""
    assert isinstance(leg.stepper, PredictorStepper)
    found = getattr(leg.stepper.predictor, "operations", None)
    return found * leg.stepper.tiling.tile**2 if isinstance(found, float) else 0.0


def actual_cost(folder: Path) -> dict[str, float]:
    """What a run has cost so far, from its journal: maps, files, bytes, seconds of one worker."""
    journal = Journal(folder)
    lines = list(journal.written.values())
    return {
        "maps": float(sum("digest" in line for line in journal.closed.values())),
        "files": float(sum(len(line["files"]) for line in lines)),
        "bytes": float(sum(size for line in lines for size, _ in line["files"].values())),
        "seconds": float(sum(line["seconds"] for line in lines)),
    }


def lines_of(estimate: RunEstimate, workers: int) -> Iterator[str]:
    """An estimate as lines for people."""
    years = ", ".join(f"{name} {count}" for name, count in estimate.maps.items())
    yield f"maps       {sum(estimate.maps.values()):,} of {estimate.pixels:,} pixels ({years})"
    yield f"land       {100 * estimate.land:.1f} % of the pixels"
    if estimate.windows:
        yield f"windows    {estimate.windows:,} a step"
    if estimate.operations:
        cell = estimate.operations / (estimate.land * estimate.pixels)
        yield f"operations {estimate.operations:.3g} a step, {cell:,.0f} a pixel of land"
        steps = ", ".join(
            f"{name} {estimate.operations / (peak * SHARE):.2g} s" for name, peak in GPUS.items()
        )
        yield f"network    a step at {SHARE:.0%} of the peak of half precision: {steps}"
    yield f"files      {estimate.files:,}, {estimate.bytes / 1e9:.3g} GB"
    for what, seconds in estimate.seconds.items():
        yield f"time       {what}: {seconds:,.0f} s of one worker"
    yield (
        f"time       {estimate.hours(workers):.3g} h with {workers} of at most {estimate.most} "
        "workers at once, of this machine's"
    )
    yield f"memory     about {estimate.memory:,.0f} MiB a worker"
