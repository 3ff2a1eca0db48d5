"""Saving the rollout of one stepper: a run of one branch, worked on by this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os.path import relpath
from pathlib import Path
from typing import Any

from ai4land.cube import Cube, State
from ai4land.rollout.run.branches import SHARD, Branch, Leg
from ai4land.rollout.run.coordinator import Progress, carry_out, held_folder
from ai4land.rollout.run.jobs import Bench
from ai4land.rollout.run.manifest import machine
from ai4land.rollout.stepper import Stepper, begun
from ai4land.workers import open_workers

__all__ = ["run_folder", "save_rollout"]


def run_folder(path: str | Path) -> Path:
    """Where the manifest and the journal of a run of one store lie: beside it."""
    return Path(f"{path}.run")


def _decides(branch: Branch) -> dict[str, Any]:
    """What decides the bytes, of a stepper in memory as far as it can be said."""
    steppers = sorted({leg.stepper.name for leg in branch.legs})
    return {"spec": branch.spec.to_dict(), "steppers": steppers, "machine": machine()}


def save_rollout(
    stepper: Stepper,
    initial: State,
    ticks: Sequence[int],
    path: str | Path,
    *,
    like: Cube,
    attributes: Mapping[str, Any],
    source: str | None = None,
    probabilities: bool = False,
    books: bool = True,
    overwrite: bool = False,
    shard: tuple[int, int] = SHARD,
    progress: Progress | None = None,
) -> Cube:
    """Step a state along a path and write every map as a cube that any reader of labels can read.

    The unit of work is a file of a map at one time: the whole coarse cells that cover it are
    stepped and it is cut out of them, so that maps of any size need the memory of one. The
    next step reads its prior from the store. A run that was killed goes on at the piece it stood
    at, to the same bytes. Each target is written at its own times.

    Args:
        stepper: What moves the land.
        initial: Where it starts, see ``begun``.
        ticks: The times to visit after the initial one, all on one side of it and in order.
        path: Where the cube goes; its journal goes beside it, to ``run_folder``.
        like: The cube whose labels are continued; gives grid, legend and clock.
        attributes: Provenance of the prediction: checkpoint, forcing, options.
        source: Name kept in the arrays' attributes; default the stepper's.
        probabilities: Whether the probabilities of the classes are kept as well, to 11 bits of
            their mantissa unless the stepper reads them; missing at the initial time, where
            the map is observed.
        books: Whether what coarse cells were asked for and given is kept as well.
        overwrite: Replace a store that is already there.
        shard: Rows and columns of a file of a map at most.
        progress: Called with the time, the pieces done and the pieces in all.

    Raises:
        SampleError: If the times do not run one way, or the task may not recurse that way.
        ConfigError: If probabilities are to be kept of a stepper that has none, or another run
            lies there.
        CubeError: If something else lies there, or the disk is full.
    """
    leg = Leg(stepper, begun(stepper, initial), initial.tick, tuple(ticks))
    branch = Branch(
        "map",
        Path(path),
        like,
        {initial.tick: initial},
        (leg,),
        attributes,
        source or stepper.name,
        probabilities,
        books,
        shard,
    )
    folder = run_folder(path)
    manifest = {
        "decides": _decides(branch),
        "branches": {branch.name: relpath(branch.path, folder)},
    }
    with (
        held_folder(folder, [branch.path], manifest, overwrite=overwrite) as journal,
        open_workers() as workers,
    ):
        carry_out([branch], journal, workers, Bench([branch]).work, progress)
    return Cube(path)
