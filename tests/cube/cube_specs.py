"""Small declarations shared by the tests of the cube."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Block, CubeSpec, GroupSpec, VariableSpec
from ai4land.grid import Grid
from ai4land.vocabulary import NO_DATA, Clock, Kind, legend, variable

FINE = Grid.regular(20, 40, 0.1, 0.1, (20, 30))
LANDUSE8 = legend("landuse8")


def annual(ticks: tuple[int, ...] = (2000, 2001)) -> GroupSpec:
    """Labels and their fractions, as if on one grid."""
    variables = tuple(
        VariableSpec(variable(name), LANDUSE8, "test")
        for name in ("land_use", "land_use_fractions")
    )
    return GroupSpec("fine_annual", FINE, Clock.YEAR, ticks, variables)


def static() -> GroupSpec:
    """Elevation."""
    return GroupSpec("fine_static", FINE, Clock.STATIC, (), (VariableSpec(variable("elevation")),))


def monthly(ticks: tuple[int, ...]) -> GroupSpec:
    """Leaf area on another grid and clock."""
    grid = Grid.regular(20, 40, 0.5, 0.5, (4, 6))
    spec = VariableSpec(variable("leaf_area_index"))
    return GroupSpec("coarse_monthly", grid, Clock.MONTH, ticks, (spec,))


def cube_spec(*groups: GroupSpec, attributes: Mapping[str, Any] | None = None) -> CubeSpec:
    """A cube of groups."""
    return CubeSpec(groups, attributes or {"title": "Test"})


def values_of(spec: CubeSpec, block: Block) -> npt.NDArray[Any]:
    """Values of a block that depend on nothing but where and when it lies."""
    group = next(g for g in spec.groups if g.name == block.group)
    variable_spec = group.spec(block.variable)
    whole = np.arange(FINE.height * 1000 * FINE.width).reshape(-1, FINE.width)
    rows = whole[: group.grid.height, : group.grid.width][block.window.slices[0]]
    layers = []
    for tick in block.ticks or (0,):
        if variable_spec.variable.kind is Kind.CATEGORICAL:
            layer = ((rows + tick) % 9).astype(np.uint8)
            layers.append(np.where(layer == 8, np.uint8(NO_DATA), layer))
        elif variable_spec.components:
            share = np.full((variable_spec.layers, *rows.shape), 1 / variable_spec.layers)
            layers.append(share.astype(np.float32))
        else:
            layers.append(((rows + tick) % 13).astype(np.float32))
    return np.stack(layers) if block.ticks else layers[0]
