"""What workers do in a build: they read and write blocks, wherever they are."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ai4land.cube import Block, BlockWriter
from ai4land.recipes.layer import LIBRARIES, Layer
from ai4land.recipes.plan import Plan, make_plan
from ai4land.recipes.recipe import Recipe
from ai4land.sources import Array
from ai4land.vocabulary import Place
from ai4land.workers import Workers

__all__ = ["RemoteBuild", "block_writer", "values_of"]


@dataclass(frozen=True)
class RemoteBuild:
    """A build as a worker elsewhere needs it: the recipe, to plan it again, and the store.

    Attributes:
        recipe: The recipe, with paths that mean the same on every worker.
        path: Folder of the store.
        token: Tells two builds apart, so that a worker that lives on opens the files again.
    """

    recipe: Recipe = field(compare=False)
    path: Path = field(compare=False)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def of(cls, recipe: Recipe, path: Path) -> RemoteBuild:
        """A build for workers in other folders and with other environments."""
        entries = dict(recipe.variables)
        for name, entry in recipe.variables.items():
            if entry.path is not None:
                path_there = recipe.path(entry.path, ("variables", name)).absolute()
                entries[name] = entry.model_copy(update={"path": str(path_there)})
        made = recipe.model_copy(update={"variables": entries})
        made._place = Place(Path(recipe.place.path).absolute(), recipe.place.lines)
        return cls(made, path.absolute())


def block_writer(workers: Workers, plan: Plan, path: Path) -> Callable[[Block], None]:
    """The function that reads and writes a block: at hand, or one that travels to other processes.

    Args:
        workers: Who will call it.
        plan: The opened plan, used by workers of this process.
        path: Folder of the store.
    """
    if workers.far:
        return functools.partial(_write_far, RemoteBuild.of(plan.recipe, path))
    return functools.partial(_write, plan.layers, BlockWriter(path, plan.groups()))


def _write(layers: Mapping[str, Layer], writer: BlockWriter, block: Block) -> None:
    writer.write(block, values_of(layers[block.variable], block))


def _write_far(build: RemoteBuild, block: Block) -> None:
    with LIBRARIES:  # or two threads of one worker would open everything twice
        layers, writer = _opened(build)
    _write(layers, writer, block)


@functools.lru_cache(maxsize=1)
def _opened(build: RemoteBuild) -> tuple[Mapping[str, Layer], BlockWriter]:
    """The plan of a build and its store, opened once in each process."""
    plan = make_plan(build.recipe)
    return plan.layers, BlockWriter(build.path, plan.groups())


def values_of(layer: Layer, block: Block) -> Array:
    """The values of one block, each time of the product read once."""
    if not block.ticks:
        return layer.read(None, block.window)
    first: dict[int | None, int] = {}
    values: Array | None = None
    for i, tick in enumerate(block.ticks):
        origin = layer.schedule[tick][0]
        if values is not None and origin in first:
            values[i] = values[first[origin]]
            continue
        part = layer.read(tick, block.window)
        if values is None:
            values = np.empty((len(block.ticks), *part.shape), dtype=part.dtype)
        values[i] = part
        first[origin] = i
    assert values is not None
    return values
