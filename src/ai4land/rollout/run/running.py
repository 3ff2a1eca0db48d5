"""Carrying out a run: the folder is taken, the run opened, and worked on by whom it is asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from ai4land.cube import Cube
from ai4land.rollout.run.books import books_lines
from ai4land.rollout.run.branches import Branch
from ai4land.rollout.run.coordinator import carry_out, held_folder
from ai4land.rollout.run.jobs import Bench
from ai4land.rollout.run.opened import RunPlan, Told, opened_run, work_far
from ai4land.rollout.run.options import RunOptions
from ai4land.rollout.run.saving import run_folder
from ai4land.rollout.unplaced import unplaced_warnings
from ai4land.workers import open_workers

__all__ = ["FinishedRun", "plan_of", "reconstruct_run"]


@dataclass(frozen=True)
class FinishedRun:
    """A run whose stores are whole.

    Attributes:
        folder: Where its manifest and journal lie.
        branches: What they are made of.
    """

    folder: Path
    branches: tuple[Branch, ...]

    def books(self) -> tuple[list[str], list[str]]:
        """What was asked and given by each branch, line by line, and what is missing of it."""
        said, missing, bench = list[str](), list[str](), Bench(self.branches)
        for branch in self.branches:
            if branch.books is None:
                continue
            demand, cube = branch.books.demand, Cube(branch.path)
            for number, leg in enumerate(branch.legs):
                reference = bench.state(branch.name, number, 0).reference
                ticks = [branch.own(t, demand.target) for t in leg.ticks if t in branch.booked]
                if ticks and reference is not None:
                    end = ticks[-1]
                    said += books_lines(branch.name, cube, branch.books, end, reference)
                    missing += unplaced_warnings(cube, demand, reference, sorted(ticks))
        return said, missing

    @property
    def cubes(self) -> dict[str, Cube]:
        """Name of each branch → its store."""
        return {branch.name: Cube(branch.path) for branch in self.branches}


def plan_of(options: RunOptions, out: str | Path) -> RunPlan:
    """Where the parts of a run lie: several branches in a folder, the journal of one beside it."""
    out = Path(out).absolute()
    folder = out if options.first is None else run_folder(out)
    return RunPlan(options.absolute(), folder, out)


def reconstruct_run(
    options: RunOptions,
    out: str | Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    told: Told | None = None,
    warn: Callable[[str], None] | None = None,
) -> FinishedRun:
    """Carry out a run; one that was stopped goes on where it stood, to the same bytes.

    The bytes depend neither on who works nor on how often they were stopped.

    Args:
        options: What is asked for.
        out: Where the store goes; a folder for several branches.
        scheduler: Who works, see ``open_workers``; the machines must see all paths.
        workers: How many threads or processes.
        overwrite: Replace what is already there.
        progress: Called with the time, the pieces done and the pieces in all.
        told: Called with what is done of a search for odds.
        warn: Called with what a user must be told before the first step.

    Raises:
        ConfigError: If it cannot be carried out, another run lies there, or another process works
            on it.
        CubeError: If something else lies there, or the disk is full.
    """
    options.check()
    plan = plan_of(options, out)
    stores = plan.stores()
    manifest = {
        "decides": plan.asked(),
        "branches": {name: relpath(path, plan.folder) for name, path in stores.items()},
        "plan": plan.options.model_dump(mode="json"),
        "workers": {"scheduler": scheduler or "serial", "count": workers},
    }
    with held_folder(plan.folder, [*stores.values()], manifest, overwrite=overwrite) as journal:
        opened = opened_run(plan, told)
        for message in opened.warnings:
            if warn is not None:
                warn(message)
        with open_workers(scheduler, workers) as crew:
            work = functools.partial(work_far, plan) if crew.far else Bench(opened.branches).work
            clock = opened.branches[0].task.clock

            def step(tick: int, done: int, total: int) -> None:
                if progress is not None:
                    progress(clock.label(tick), done, total)

            carry_out(opened.branches, journal, crew, work, step)
    return FinishedRun(plan.folder, opened.branches)
