"""Demand: what the coarse forcing asks of the classes, relative to a map both describe."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells, group_sums, target_counts
from ai4land.cube import Reference, State
from ai4land.errors import SampleError
from ai4land.grid import Mesh, Window
from ai4land.samples.coding import ClassCoding
from ai4land.samples.coupling import CellShares
from ai4land.samples.drivers import Described, Drivers
from ai4land.samples.spec import crosswalk_source
from ai4land.vocabulary import NO_DATA, Clock, Crosswalk, Legend, Target, crosswalk

__all__ = ["Demand", "translated_groups"]

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.floating]

_PIECE = 1 << 16  # pixels counted at once


class Demand:
    """What the coarse forcing asks of a fine map, relative to the map a rollout begins with.

    The forcing's change since the beginning is added to that map's own counts, so that a constant
    disagreement between the two products asks for nothing, and changes of less than a pixel a year
    add up instead of being rounded away each year.

    Args:
        drivers: What is given.
        target: The map that is bound.
        legend: Its classes.
        forcing: Name of a fraction variable of the drivers.

    Raises:
        VocabularyError: If no crosswalk leads from the forcing to the map's legend.
    """

    def __init__(self, drivers: Drivers, target: Target, legend: Legend, forcing: str) -> None:
        about = drivers.describe(forcing)
        self.drivers = drivers
        self.target = target
        self.forcing = forcing
        self.coding = ClassCoding(legend)
        self.groups, self._matrix, self._per_land = translated_groups(about, legend)
        self.mesh = Mesh(drivers.grid, about.grid)
        self._clock = about.clock

    @property
    def legend(self) -> Legend:
        """The classes of the map."""
        return self.coding.legend

    def tick_of(self, tick: int, clock: Clock) -> int:
        """A time of another clock on that of the forcing."""
        return clock.convert(tick, self._clock)

    def reference(self, state: State) -> Reference:
        """What the map of a state holds, to count every later demand from."""
        field, coarse = state[self.target.name], self.mesh.coarse
        counts = np.zeros((len(self.groups), *coarse.shape))
        pixels = np.zeros(coarse.shape)
        for piece in self.mesh.pieces(_PIECE):
            codes = field.read(piece)
            cells = CoarseCells.within(self.mesh, piece)
            window, _, _ = self.mesh.cells(piece)
            domain = self.coding.domain(codes)
            counted = np.where(domain | (not self._per_land), 0, NO_DATA).astype(np.uint8)
            held = self.counts(self.coding.positions(codes), cells).reshape(-1, *window.shape)
            area = cells.counts(counted, 1)[0].reshape(window.shape)
            for part in coarse.pieces(window):  # pixels outside the coarse grid are in none
                counts[(..., *part.source)] = held[(..., *part.target)]
                pixels[part.source] = area[part.target]
        return Reference(self.tick_of(state.tick, state.clock), counts, pixels)

    def counts(self, positions: npt.NDArray[np.uint8], cells: CoarseCells) -> IntArray:
        """Pixels of each group in each coarse cell, ``(groups, cells)``.

        Args:
            positions: Class positions ``(y, x)``, 255 missing.
            cells: Their coarse cells.
        """
        by_class = cells.counts(positions, len(self.legend))
        return group_sums(by_class, self.groups).astype(np.int32)

    def change(
        self, reference: Reference, tick: int, piece: Window, positions: npt.NDArray[np.uint8]
    ) -> IntArray:
        """Whole pixels that a piece must gain or lose to meet the demand, ``(groups, cells)``.

        Gains and losses of a cell sum to 0; what the groups together want more than they have is
        not asked for.

        Args:
            reference: What the rollout began with.
            tick: The time, on the forcing's clock.
            piece: Whole coarse cells.
            positions: Class positions of the piece now, ``(y, x)``.
        """
        now = self.counts(positions, CoarseCells.within(self.mesh, piece))
        wanted = self.wanted(reference, tick, self.mesh.cells(piece)[0], now.sum(axis=0))
        return np.where(wanted.sum(axis=0) > 0, wanted - now, 0).astype(np.int32)

    def wanted(
        self, reference: Reference, tick: int, cells: Window, pixels: npt.NDArray[np.integer]
    ) -> IntArray:
        """Whole pixels of each group that the forcing asks for, ``(groups, cells)``.

        Args:
            reference: What the rollout began with.
            tick: The time, on the forcing's clock.
            cells: Window of the coarse grid.
            pixels: Pixels to share out in each cell, ``(cells,)``.
        """
        return target_counts(self.shares(reference, tick, cells), pixels)

    def shares(self, reference: Reference, tick: int, cells: Window) -> FloatArray:
        """Share of each group in what the groups together cover, as the forcing asks for it.

        A cell that the forcing never knows is asked for no change.

        Returns:
            ``(groups, cells)``, sums of 1, or all 0 where the groups have nothing.

        Raises:
            SampleError: If the forcing of a cell is known at one of the two times alone.
        """
        asked = np.maximum(self.asked(reference, tick, cells), 0.0)
        total = functools.reduce(np.add, asked)
        return np.asarray(np.divide(asked, total, out=np.zeros_like(asked), where=total > 0))

    def asked(self, reference: Reference, tick: int, cells: Window) -> FloatArray:
        """Pixels of each group that the forcing asks for, whether a map can hold them or not.

        Returns:
            ``(groups, cells)``; below 0 where more is to go than there was.

        Raises:
            SampleError: If the forcing of a cell is known at one of the two times alone.
        """
        then, pixels = (self._at(v, cells) for v in (reference.counts, reference.pixels[None]))
        return np.asarray(then + pixels * self._change(reference.tick, tick, cells, pixels[0] > 0))

    def class_shares(self, reference: Reference, tick: int, own: CellShares) -> CellShares:
        """Share of each class that the forcing asks for, in cells that now hold other shares.

        Within a group the classes keep the proportions they have now (equal ones where the group
        is new to the cell); classes of no group stay.

        Args:
            reference: What the rollout began with.
            tick: The time, on the forcing's clock.
            own: Shares of the classes now, see ``Coupling.shares``.

        Returns:
            Shares with the sums of ``own``.
        """
        now = own.values
        wanted = self.shares(reference, tick, own.cells).reshape(-1, *now.shape[1:])
        result = now.astype(np.float64)
        bound = functools.reduce(np.add, group_sums(now, self.groups))
        for share, group in zip(wanted, self.groups, strict=True):
            members = now[list(group)].astype(np.float64)
            whole = functools.reduce(np.add, members)
            even = np.full_like(members, 1.0 / len(group))
            part = np.divide(members, whole, out=even, where=whole > 0)
            result[list(group)] = share * bound * part
        asked = wanted.sum(axis=0) > 0
        return CellShares(own.cells, np.where(asked, result, now).astype(np.float32))

    def _change(
        self, before: int, after: int, cells: Window, matters: npt.NDArray[np.bool_]
    ) -> FloatArray:
        """Change of the forcing as shares of the groups, ``(groups, cells)``."""
        ticks = before, after
        values = [self.drivers.cells(self.forcing, t, cells) for t in ticks]
        then, now = (v.reshape(len(v), -1).astype(np.float64) for v in values)
        lost = (np.isnan(then) != np.isnan(now))[self._matrix.any(axis=0)].any(axis=0) & matters
        if lost.any():
            row, col = divmod(int(lost.argmax()), cells.width)
            raise SampleError(
                "The forcing of a cell is known at one time and missing at another",
                where=f"{self.forcing}, row {cells.row + row}, column {cells.col + col}",
                expected=f"values at {' and '.join(self._clock.label(t) for t in ticks)}",
                found=f"values at one of them in {int(lost.sum())} cells",
                remedy="fill the cell, or leave it missing at all times: no change is asked there",
            )
        return self._grouped(now) - self._grouped(then)

    def _grouped(self, values: FloatArray) -> FloatArray:
        """Components ``(components, cells)`` as shares of the groups, 0 where unknown."""
        flat = np.nan_to_num(values, nan=0.0)
        # layer after layer: a matrix product may add in another order for another window
        shares = np.zeros((len(self.groups), flat.shape[1]))
        for weights, layer in zip(self._matrix.T, flat, strict=True):
            if weights.any():
                shares += weights[:, None] * layer
        return shares

    def _at(self, values: FloatArray, cells: Window) -> FloatArray:
        """Values ``(n, Y, X)`` of all coarse cells in a window of them, ``(n, cells)``."""
        out = np.zeros((len(values), *cells.shape))
        for part in self.mesh.coarse.pieces(cells):
            out[(..., *part.target)] = values[(..., *part.source)]
        return out.reshape(len(values), -1)


def translated_groups(
    about: Described, legend: Legend
) -> tuple[tuple[tuple[int, ...], ...], FloatArray, bool]:
    """How fractions of a product speak of a map's classes.

    Args:
        about: The fractions, with the classes that they are shares of as components.
        legend: Classes of the map.

    Returns:
        Groups of class positions that both express, the matrix ``(groups, components)``, and
        whether the fractions are shares of the known land (else of the whole cell).

    Raises:
        VocabularyError: If no crosswalk leads from the one to the other.
    """
    if about.components == legend.names:
        land = [i for i, code in enumerate(legend.codes) if code not in legend.sea]
        return tuple((i,) for i in land), np.eye(len(legend))[land], True
    walk: Crosswalk = crosswalk(crosswalk_source(about, legend) or about.name, legend.name)
    names = walk.shared
    matrix = np.array(walk.matrix).T  # target × source
    rows = [[walk.target_classes.index(name) for name in group] for group in names]
    shares = np.stack([matrix[row].sum(axis=0) for row in rows])
    order = [walk.source_classes.index(c) for c in about.components]
    positions = tuple(tuple(legend.index(name) for name in group) for group in names)
    return positions, shares[:, order], walk.denominator == "land"
