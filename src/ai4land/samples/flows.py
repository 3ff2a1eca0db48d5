"""Flows: gross transitions of a step of any length, as a matrix over groups of classes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ai4land.allocation import flow_rates, net_flows
from ai4land.errors import SampleError
from ai4land.grid import Mesh, Window
from ai4land.samples.demand import translated_groups
from ai4land.samples.drivers import Drivers
from ai4land.vocabulary import Clock, Legend, variable

__all__ = ["Flows"]

FloatArray = npt.NDArray[np.float64]


class Flows:
    """Which share of a coarse cell goes from each group of classes to each other in a step.

    Transitions of single intervals (a year of LUH2; from one labelled time to the next) are
    composed as a Markov chain: what a class exchanges in one interval does not depend on what it
    was before. A step backward takes the transpose. Pairs of a product's classes count by the
    product of their shares in a pair of groups, so that what stays within a group vanishes.

    Args:
        drivers: What is given.
        legend: Classes of the map.
        name: A fraction variable whose layers are pairs of classes (``Variable.pairs_of``). Where
            its layers do not say what stays, the states it belongs to must be given as well.
        trust: How far the transitions are believed, in (0, 1]: the rest is given to the fewest
            transitions of the same net change (``net_flows``).

    Raises:
        VocabularyError: If no crosswalk leads from its classes to the map's.
        SampleError: If the variable does not hold transitions.
    """

    def __init__(self, drivers: Drivers, legend: Legend, name: str, trust: float = 1.0) -> None:
        about = drivers.describe(name)
        self.drivers, self.legend, self.name, self.trust = drivers, legend, name, trust
        self.states = variable(name).pairs_of
        if not self.states or not 0.0 < trust <= 1.0:
            raise SampleError(
                "These are no flows",
                where=name,
                expected="pairs of classes, and a trust above 0 and at most 1",
                found=f"{', '.join(about.components[:3]) or 'one layer'}, trust {trust:g}",
            )
        own = about.legend is not None
        classes = about.legend.names if about.legend else variable(self.states).components
        as_states = replace(about, name=self.states, components=classes)
        self.groups, self._matrix, _ = translated_groups(as_states, legend)
        self.mesh = Mesh(drivers.grid, about.grid)
        self._clock, self._ticks = about.clock, about.ticks
        self._next = dict(zip(about.ticks, about.ticks[1:], strict=False)) if own else None
        place = {n: divmod(k, len(classes)) for k, n in enumerate(variable(name).layers(classes))}
        self._pairs = [place[layer] for layer in about.components]
        self._stays_told = any(i == j for i, j in self._pairs)

    def shares(
        self, before: int, after: int, cells: Window, clock: Clock = Clock.YEAR
    ) -> FloatArray:
        """Shares of what the groups cover together that go from the first axis to the second.

        Args:
            before: Time at which the step begins.
            after: Time at which it ends, earlier in a step backward.
            cells: Window of the coarse grid.
            clock: What the times are counted on.

        Returns:
            ``(G, G, cells)``, sums of 1; all 0 where the transitions of a cell are not known.

        Raises:
            SampleError: If the transitions do not lead from one time to the other.
        """
        first, last = (clock.convert(t, self._clock) for t in sorted((before, after)))
        count, groups = cells.height * cells.width, len(self.groups)
        stay = np.eye(groups)[..., None]
        flows = np.repeat(stay, count, axis=-1)
        for number, tick in enumerate(self._path(first, last)):
            areas = self._areas(tick, cells)
            moved = flow_rates(areas)
            # a group that the cell does not hold keeps what comes to it
            moved = np.where(moved.any(axis=1, keepdims=True), moved, stay)
            flows = areas if number == 0 else _composed(flows, moved) * areas.any(axis=(0, 1))
        if after < before:
            flows = flows.swapaxes(0, 1)
        net = net_flows(_added(flows.swapaxes(0, 1)), _added(flows))
        flows = self.trust * flows + (1.0 - self.trust) * net
        total = _added(_added(flows))
        return np.divide(flows, total, out=np.zeros_like(flows), where=total > 0.0)

    def rates(
        self, before: int, after: int, cells: Window, clock: Clock = Clock.YEAR
    ) -> FloatArray:
        """Where each group goes: the rows of ``shares`` relative to their sums, 0 where unknown."""
        return flow_rates(self.shares(before, after, cells, clock))

    def _path(self, first: int, last: int) -> list[int]:
        """Times of the transitions that lead from one time to another."""
        path, tick, label = [], first, self._clock.label
        while tick < last and tick in self._ticks:
            after = tick + 1 if self._next is None else self._next.get(tick)
            if after is None:
                break
            path.append(tick)
            tick = after
        if tick != last:
            raise SampleError(
                "The transitions do not lead from one time of the step to the other",
                where=self.name,
                expected=f"one after the other, from {label(first)} to {label(last)}",
                found=self._clock.span(self._ticks) if self._ticks else "no time",
                remedy="build the cube for these years, each of them for a product by the year",
            )
        return path

    def _areas(self, tick: int, cells: Window) -> FloatArray:
        """Transitions of one interval between groups, ``(G, G, cells)``; 0 where not known."""
        layers = self._read(self.name, tick, cells)
        known = np.isfinite(layers).all(axis=0)
        out = np.zeros((len(self.groups), len(self.groups), layers.shape[1]))
        left = np.zeros((self._matrix.shape[1], layers.shape[1]))
        for (i, j), layer in zip(self._pairs, layers, strict=True):
            left[i] += layer
            if i == j:
                self._add(out, self._matrix[:, i], layer)
            else:
                out += (self._matrix[:, i, None] * self._matrix[:, j])[..., None] * layer
        if not self._stays_told:
            states = self._read(self.states, tick, cells)
            known &= np.isfinite(states).all(axis=0)
            for i, rest in enumerate(np.maximum(states - left, 0.0)):
                self._add(out, self._matrix[:, i], rest)
        return np.where(known, out, 0.0)

    def _add(self, out: FloatArray, weights: npt.NDArray[np.floating], layer: FloatArray) -> None:
        """Add what stays in a class to the diagonal."""
        own = np.arange(len(self.groups))
        out[own, own] += weights[:, None] * layer

    def _read(self, name: str, tick: int, cells: Window) -> FloatArray:
        values = self.drivers.cells(name, tick, cells)
        return values.reshape(len(values), -1).astype(np.float64)


def _composed(first: FloatArray, second: FloatArray) -> FloatArray:
    """Matrix products cell by cell, added in one order whatever the number of cells."""
    steps: Sequence[FloatArray] = [
        first[:, k, None] * second[None, k] for k in range(first.shape[1])
    ]
    return functools.reduce(np.add, steps)


def _added(values: FloatArray) -> FloatArray:
    """The sum over the first axis, layer after layer."""
    return functools.reduce(np.add, values)
