"""Checking: what a recipe will give, from the headers of its files alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ai4land.cube import GroupSpec, Status, VariableSpec
from ai4land.errors import AI4LandError
from ai4land.recipes.layer import Layer
from ai4land.recipes.plan import make_plan
from ai4land.recipes.recipe import Box, Recipe, narrowed

__all__ = ["BYTES_PER_SECOND", "Report", "VariableReport", "check_recipe"]

BYTES_PER_SECOND = 90e6
"""Values read plus values written in a second by one process, before compression: the slowest case
of ``benchmarks/build_speed.py`` (49 MB/s of class maps, read and written) on two shared cores."""


@dataclass(frozen=True, slots=True)
class VariableReport:
    """What a recipe will give for one variable, from headers alone.

    Attributes:
        name: The variable.
        source: Its source in the recipe.
        group: The group of the cube that will hold it, with grid, clock and times.
        available: Times that the product has, first and last; ``None`` if static.
        gaps: Times missing in the middle of the product's series → why.
        status: Time in the cube → where its values will come from; empty if static.
        coverage: Share of the labels' extent, or of the region, that the variable's grid covers.
        method: How it is brought onto its grid; ``None`` if that is the product's own.
        read: Bytes of values that the build reads from the product.
    """

    name: str
    source: str
    group: GroupSpec
    available: tuple[int, int] | None
    gaps: Mapping[int, str]
    status: Mapping[int, Status]
    coverage: float
    method: str | None = None
    read: int = 0

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

    @property
    def block(self) -> int:
        """Bytes of the largest unit of writing: what a worker holds."""
        spec = self.group.spec(self.name)
        cells = max(w.height * w.width for w in self.group.block_windows(spec))
        return cells * spec.layers * self.group.block_ticks() * np.dtype(spec.dtype).itemsize


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

    @property
    def block(self) -> int:
        """Bytes of the largest unit of writing."""
        return max((v.block for v in self.variables), default=0)

    @property
    def seconds(self) -> float:
        """An estimate of the time one process needs to build the cube."""
        return sum(v.size + v.read for v in self.variables) / BYTES_PER_SECOND


def check_recipe(
    recipe: Recipe, years: tuple[int, int] | None = None, region: Box | None = None
) -> Report:
    """Open headers only and say what a build would give, or what would stop it.

    Args:
        recipe: The recipe.
        years: First and last year, a part of the recipe's.
        region: West, south, east, north in degrees, a part of the recipe's.
    """
    try:
        wanted = narrowed(recipe, years, region)
        plan = make_plan(wanted)
    except AI4LandError as error:
        return Report(recipe.title, (), (str(error),))
    box = _extent(plan.labels, wanted)
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
                    dict(layer.offer.gaps),
                    layer.status(),
                    1.0 if box is None else _coverage(layer, box),
                    layer.method,
                    _read_bytes(layer),
                )
            )
    return Report(recipe.title, tuple(entries))


def _read_bytes(layer: Layer) -> int:
    """Bytes of the source's values behind a layer, each time once."""
    spec = VariableSpec(layer.offer.variable, layer.offer.legend)
    window = layer.window
    times = len(layer.source_ticks) if layer.schedule else 1
    cells = window.height * window.width
    return cells * spec.layers * np.dtype(spec.dtype).itemsize * times


def _extent(target: Layer | None, recipe: Recipe) -> Box | None:
    """West, south, east, north of the labels, or of the region; ``None`` without either."""
    if target is not None:
        grid = target.grid
        return float(grid.west), float(grid.south), float(grid.east), float(grid.north)
    box = recipe.region
    if box is None:
        return None
    return box.west, box.south, box.west + ((box.east - box.west) % 360 or 360), box.north


def _coverage(layer: Layer, box: Box) -> float:
    """Share of a box that lies inside a layer's grid and product, in square degrees."""
    west, south, east, north = box
    reach = layer.offer.grid.crop(layer.window)
    wide = max(
        min(float(reach.east) + turn, east) - max(float(reach.west) + turn, west)
        for turn in (-720.0, -360.0, 0.0, 360.0, 720.0)
    )
    high = min(float(reach.north), north) - max(float(reach.south), south)
    return max(wide, 0.0) * max(high, 0.0) / ((east - west) * (north - south))
