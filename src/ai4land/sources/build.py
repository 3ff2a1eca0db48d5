"""Build: from a recipe to a finished cube, restartable, never holding more than one block."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ai4land.cube import Block, Cube, CubeWriter, GroupSpec, Status
from ai4land.errors import AI4LandError
from ai4land.sources.layer import Layer
from ai4land.sources.plan import Plan, make_plan
from ai4land.sources.recipe import Recipe
from ai4land.sources.source import Array

__all__ = ["Report", "VariableReport", "build_cube", "check_recipe"]

_LOG = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class VariableReport:
    """What a recipe will give for one variable, from headers alone.

    Attributes:
        name: The variable.
        source: Its source in the recipe.
        group: The group of the cube that will hold it, with grid and times.
        available: Times that the product has, first and last; ``None`` if static.
        gaps: Times missing in the middle of the product's series.
        status: Time in the cube → where its values will come from; empty if static.
        coverage: Share of the labels' extent that the variable's grid covers.
    """

    name: str
    source: str
    group: GroupSpec
    available: tuple[int, int] | None
    gaps: tuple[int, ...]
    status: Mapping[int, Status]
    coverage: float

    @property
    def held(self) -> tuple[int, ...]:
        """Times outside the product's coverage that hold another time's values."""
        return tuple(t for t, s in self.status.items() if s is Status.HELD)

    @property
    def dropped(self) -> tuple[int, ...]:
        """Times that are left empty."""
        return tuple(t for t, s in self.status.items() if s is Status.DROPPED)

    @property
    def size(self) -> int:
        """Bytes before compression."""
        spec = self.group.spec(self.name)
        return math.prod(self.group.shape(spec)) * np.dtype(spec.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Report:
    """What a recipe will give.

    Attributes:
        title: Title of the recipe.
        variables: One entry per variable of the cube; empty if there is a problem.
        problems: Errors that would stop the build, in full.
    """

    title: str
    variables: tuple[VariableReport, ...]
    problems: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the whole cube before compression."""
        return sum(v.size for v in self.variables)


def check_recipe(recipe: Recipe) -> Report:
    """Open headers only and say what a build would give, or what would stop it."""
    try:
        plan = make_plan(recipe)
    except AI4LandError as error:
        return Report(recipe.title, (), (str(error),))
    target = plan.layers.get("land_use")
    entries = []
    for group in plan.groups():
        for spec in group.variables:
            layer = plan.layers[spec.name]
            ticks = layer.offer.ticks
            entries.append(
                VariableReport(
                    spec.name,
                    layer.name,
                    group,
                    (ticks[0], ticks[-1]) if ticks else None,
                    tuple(layer.offer.gaps),
                    layer.status(),
                    1.0 if target is None else _coverage(layer, target),
                )
            )
    return Report(recipe.title, tuple(entries))


def _coverage(layer: Layer, target: Layer) -> float:
    """Share of the labels' extent that lies inside a layer's grid, in square degrees."""
    one, two = layer.grid, target.grid
    wide = float(min(one.east, two.east) - max(one.west, two.west))
    high = float(min(one.north, two.north) - max(one.south, two.south))
    extent = float((two.east - two.west) * (two.north - two.south))
    return max(wide, 0.0) * max(high, 0.0) / extent


def build_cube(
    recipe: Recipe,
    path: str | Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Cube:
    """Build the cube of a recipe; a build that was killed continues where it stopped.

    Args:
        recipe: What to build.
        path: Folder of the store.
        overwrite: Replace a store that is already there.
        progress: Called after each block with the variable, blocks done and blocks in all.

    Raises:
        ConfigError: If the recipe asks for what the products do not cover.
        MissingFileError: If a file or a year in the middle of a series is missing.
        SourceError: If a file is not what its product promises.
        CubeError: If something else lies at ``path``.
    """
    plan = make_plan(recipe)
    attributes = {**plan.summary(), "provenance": _provenance(plan), "notes": _notes(plan)}
    writer = CubeWriter(path, plan.spec(attributes), overwrite=overwrite)
    pending = writer.pending()
    total = sum(1 for _ in writer.blocks())
    if len(pending) < total:
        _LOG.info("%s: resuming, %d of %d blocks are written", path, total - len(pending), total)
    for done, block in enumerate(pending, start=total - len(pending) + 1):
        layer = plan.layers[block.variable]
        writer.write(block, _values(layer, block), layer.status())
        if progress is not None:
            progress(block.variable, done, total)
    writer.finish()
    return Cube(path)


def _values(layer: Layer, block: Block) -> Array:
    """The values of one block, each source time read once."""
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


def _notes(plan: Plan) -> dict[str, Any]:
    """What the sources find in the data before the build, by variable."""
    notes = {}
    for name, layer in plan.layers.items():
        ticks = layer.source_ticks
        if ticks or not layer.schedule:
            found = dict(layer.source.inspect(name, ticks, layer.window))
            if found:
                notes[name] = found
    return notes


def _provenance(plan: Plan) -> list[dict[str, Any]]:
    """Every input file once, with the variables that come from it."""
    by_source: dict[int, list[Layer]] = {}
    for layer in plan.layers.values():
        by_source.setdefault(id(layer.source), []).append(layer)
    entries = []
    for layers in by_source.values():
        ticks = {t for layer in layers for t in layer.source_ticks}
        names = [layer.offer.variable.name for layer in layers]
        files = layers[0].source.provenance(ticks if ticks else None)
        entries += [{**file.to_dict(), "variables": names} for file in files]
    return entries
