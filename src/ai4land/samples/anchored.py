"""Forcing in a map's own classes, carried on by the changes that another product knows of."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import State
from ai4land.grid import Grid, Mesh, Window
from ai4land.samples.coding import ClassCoding
from ai4land.samples.coupling import CellShares, Coupling
from ai4land.samples.demand import Demand
from ai4land.samples.drivers import Described, GriddedDrivers

__all__ = ["AnchoredDrivers"]

Array = npt.NDArray[Any]

_PIECE = 1 << 16  # pixels summed at once


class AnchoredDrivers(GriddedDrivers):
    """Serves class fractions that begin as a map and go on as another product changes.

    A model that learned from fractions of its own labels takes what it is told of the target time
    for what the land comes to. The fractions of another product differ from its map from the
    beginning, by more than happens in many years, and all of that would be read as change. So a
    cell holds what the map held there at the beginning, and of each group of classes that both
    products express what the other one's change since then makes of it (``Demand.class_shares``):
    the difference between the products asks for nothing. Beyond the product's grid the map's
    shares stay as they are.

    Args:
        inner: Where all else comes from.
        name: The fraction variable that is served, in place of what ``inner`` may have of that
            name: shares of the map's classes, on the cells and at the times of the product.
        demand: What the product asks of the map.
        state: The map at the beginning.
    """

    def __init__(self, inner: GriddedDrivers, name: str, demand: Demand, state: State) -> None:
        super().__init__(inner.grid)
        self.inner, self.name, self.demand = inner, name, demand
        self._reference = demand.reference(state)
        product = inner.describe(demand.forcing)
        grid, self._down, self._across = _covering(product.grid, inner.grid)
        legend = demand.legend
        self._about = replace(product, name=name, grid=grid, components=legend.names, legend=legend)
        self._own = _shares(Mesh(inner.grid, grid), demand, state)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that there are."""
        return tuple(dict.fromkeys((*self.inner.names, self.name)))

    def describe(self, name: str) -> Described:
        """What is known of a variable."""
        return self._about if name == self.name else self.inner.describe(name)

    def cells(self, name: str, tick: int, cells: Window) -> Array:
        """A variable on its own grid, ``(components, Y, X)``; missing beyond it."""
        if name != self.name:
            return self.inner.cells(name, tick, cells)
        found = np.full((len(self._own), *cells.shape), np.nan, np.float32)
        for piece in self._about.grid.pieces(cells):
            held = self._own[(..., *piece.source)]
            rows, cols = piece.source
            window = Window(rows.start - self._down, cols.start - self._across, *held.shape[1:])
            shares = self.demand.class_shares(self._reference, tick, CellShares(window, held))
            found[(..., *piece.target)] = shares.values
        return found


def _covering(coarse: Grid, fine: Grid) -> tuple[Grid, int, int]:
    """A coarse grid grown by whole cells until it covers a fine one, and how far north and west."""
    if coarse.is_global:
        return coarse, 0, 0
    north, south, west, east = (
        max(0, math.ceil(gap))
        for gap in (
            (fine.north - coarse.north) / coarse.dy,
            (coarse.south - fine.south) / coarse.dy,
            (coarse.west - fine.west) / coarse.dx,
            (fine.east - coarse.east) / coarse.dx,
        )
    )
    grown = replace(
        coarse,
        north=coarse.north + north * coarse.dy,
        west=coarse.west - west * coarse.dx,
        height=coarse.height + north + south,
        width=coarse.width + west + east,
    )
    return grown, north, west


def _shares(mesh: Mesh, demand: Demand, state: State) -> npt.NDArray[np.float32]:
    """Shares of the classes of a map in all coarse cells, ``(K, Y, X)``; 0 without land."""
    field, coding = state[demand.target.name], ClassCoding(demand.legend)
    coupling = Coupling(mesh, len(demand.legend))
    found = np.zeros((coupling.classes, *mesh.coarse.shape), np.float32)
    for piece in mesh.pieces(_PIECE):
        codes = field.read(piece)
        own = coupling.shares(piece, coding.positions(codes), coding.domain(codes))
        for part in mesh.coarse.pieces(own.cells):
            found[(..., *part.source)] = own.values[(..., *part.target)]
    return found
