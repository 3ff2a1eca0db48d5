"""Coarse forcing of labelled times, as a network is told it."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from ai4land.cube import Field, Reference, State
from ai4land.grid import Window
from ai4land.samples.coupling import CellShares
from ai4land.samples.demand import Demand
from ai4land.samples.reader import DEMAND, WindowReader

__all__ = ["LabelledForcing"]

FloatArray = npt.NDArray[np.float32]


class LabelledForcing:
    """Serves forcing of times whose map is known, so that books can be kept on the labels.

    Args:
        reader: Serves the cube.
    """

    def __init__(self, reader: WindowReader) -> None:
        self.reader = reader
        self._own: dict[int, CellShares] = {}
        self._references: dict[int, Reference] = {}
        self._asked: dict[tuple[int, int], CellShares] = {}

    def at(self, tick: int, window: Window) -> FloatArray:
        """Forcing at a time, with what the labels of that time hold, ``(C, y, x)``."""
        return self.reader.forcing(tick, window, self._shares(tick))

    def wanted(self, times: tuple[int, ...], window: Window) -> FloatArray:
        """What a product of other classes asks for, counted from the labels of the first time.

        Returns:
            ``(n, K, y, x)`` class shares at each later time; ``(n, 0, y, x)`` where the forcing
            is made of the classes itself.
        """
        reader, first = self.reader, times[0]
        own = self._shares(first)
        if own is None or reader.loop_source is None:
            return np.empty((len(times) - 1, 0, *window.shape), dtype=np.float32)
        demand = self._demand
        if first not in self._references:
            self._references[first] = demand.reference(self._state(first))
        layers = []
        for tick in times[1:]:
            if (first, tick) not in self._asked:
                self._asked[first, tick] = demand.class_shares(self._references[first], tick, own)
            layers.append(reader.upsampled(self._asked[first, tick], window))
        return np.stack(layers)

    def told(self, before: int, after: int, window: Window) -> tuple[FloatArray, FloatArray]:
        """Forcing at prior and target time of one step, both ``(C, y, x)``."""
        prior, target = self.at(before, window), self.at(after, window)
        asked = self.wanted((before, after), window)[0]
        return prior, np.concatenate([target[: len(target) - len(asked)], asked])

    @functools.cached_property
    def _demand(self) -> Demand:
        assert self.reader.loop_source is not None
        return Demand(self.reader, self.reader.loop_source)

    def _shares(self, tick: int) -> CellShares | None:
        """Shares of the classes in the coarse cells by the labels; only a demand needs them."""
        coupling = self.reader.coupling
        if self.reader.loop != DEMAND or coupling is None:
            return None
        if tick not in self._own:
            whole = coupling.mesh.whole(self.reader.grid.window)
            codes = self.reader.codes(tick, whole)
            positions, domain = self.reader.positions(codes), self.reader.domain(codes)
            self._own[tick] = coupling.shares(whole, positions, domain)
        return self._own[tick]

    def _state(self, tick: int) -> State:
        """The labels of one time as a state."""
        reader, name = self.reader, self.reader.task.target
        spec = reader.cube.variable(name)
        codes = reader.codes(tick, reader.grid.window)
        field = Field.of(spec.variable, reader.grid, codes, spec.legend)
        return State(reader.task.clock, tick, {name: field}, reader.cube.status(name)[tick])
