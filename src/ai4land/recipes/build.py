"""Build: from a recipe to a finished cube, restartable, never holding more than a few blocks."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ai4land.cube import Cube, CubeWriter
from ai4land.recipes.notes import notes_of, provenance_of_plan
from ai4land.recipes.plan import make_plan
from ai4land.recipes.recipe import Box, Recipe, narrowed
from ai4land.recipes.workers import block_writer
from ai4land.workers import check_scheduler, each, open_workers

__all__ = ["Progress", "Step", "build_cube"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """How far a build is after a block.

    Attributes:
        variable: The variable of the block.
        source: Its source in the recipe.
        done: Blocks of the variable that are written.
        total: Blocks of the variable.
        all_done: Blocks of the cube that are written.
        all_total: Blocks of the cube.
    """

    variable: str
    source: str
    done: int
    total: int
    all_done: int
    all_total: int


Progress = Callable[[Step], None]


def build_cube(
    recipe: Recipe,
    path: str | Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    years: tuple[int, int] | None = None,
    region: Box | None = None,
) -> Cube:
    """Build the cube of a recipe; a build that was killed continues where it stopped.

    The bytes do not depend on the scheduler, the workers or the number of interruptions. Each
    worker holds one block, whose size does not grow with the cube's.

    Args:
        recipe: What to build.
        path: Folder of the store.
        overwrite: Replace a store that is already there.
        progress: Called after each block.
        scheduler: Who works, see ``open_workers``; other machines must see the files and the store.
        workers: How many threads or processes; default: the machine's cores.
        years: First and last year, a part of the recipe's.
        region: West, south, east, north in degrees, a part of the recipe's.

    Raises:
        ConfigError: If the recipe asks for what the products do not cover, or a slice is not a
            part of it.
        MissingFileError: If a file or a time in the middle of a series is missing.
        SourceError: If a file is not what its product promises.
        CubeError: If something else lies at ``path``, or the disk is full.
    """
    check_scheduler(scheduler, workers)
    plan = make_plan(narrowed(recipe, years, region))
    provenance, notes = provenance_of_plan(plan), notes_of(plan)
    attributes = {**plan.summary(), "provenance": provenance, "notes": notes}
    writer = CubeWriter(path, plan.spec(attributes), overwrite=overwrite)
    totals = Counter(block.variable for block in writer.blocks())
    pending = writer.pending()
    done = totals - Counter(block.variable for block in pending)
    if done:
        _LOG.info("%s: resuming, %d of %d blocks are written", path, done.total(), totals.total())
    with open_workers(scheduler, workers) as opened:
        work = block_writer(opened, plan, writer.path)
        left = iter(pending)
        for block, _ in each(opened, work, lambda: next(left, None)):
            name = block.variable
            writer.remember(block, plan.layers[name].status())
            done[name] += 1
            if progress is not None:
                counts = done[name], totals[name], done.total(), totals.total()
                progress(Step(name, plan.layers[name].name, *counts))
    writer.finish()
    return Cube(path)
