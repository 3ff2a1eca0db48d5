"""A piece before its classes are chosen, and what every decision is."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ai4land.allocation import (
    CoarseCells,
    assign,
    balance,
    balance_flows,
    fit_flows,
    flow_targets,
    group_sums,
    refined,
    target_counts,
)
from ai4land.grid import Mesh, Window
from ai4land.vocabulary import NO_DATA

__all__ = ["Asked", "Decided", "Decision", "Undecided", "largest"]

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What the coarse forcing asks of the cells of a piece.

    Attributes:
        cells: The cell of each pixel.
        groups: Class positions of each group that forcing and labels both express.
        shares: Share of each group in what the groups together cover, ``(groups, cells)``.
        flows: Share that goes from each group to each other one, ``(groups, groups, cells)``, 0 in
            cells of which that is not known; ``None`` without gross transitions.
    """

    cells: CoarseCells
    groups: Sequence[Sequence[int]]
    shares: npt.NDArray[np.floating]
    flows: npt.NDArray[np.floating] | None = None


@dataclass(frozen=True, eq=False)
class Undecided:
    """A piece before its classes are chosen.

    Attributes:
        probabilities: ``(K, y, x)`` float32, sums of 1.
        prior: Class positions before the step, ``(y, x)``, 255 missing.
        domain: Where the map exists, ``(y, x)``.
        ticks: Length of the step, below 0 backward.
        tick: The time that is reached.
        mesh: The coarse cells that the piece is made of.
        piece: Where it lies, for what belongs to a place (see ``allocation.draws``).
        asked: What the forcing asks for; ``None`` where it asks for nothing.
    """

    probabilities: FloatArray
    prior: ByteArray
    domain: npt.NDArray[np.bool_]
    ticks: int
    tick: int
    mesh: Mesh
    piece: Window
    asked: Asked | None

    @property
    def stays(self) -> npt.NDArray[np.bool_]:
        """Which class the prior has, ``(K, y, x)``."""
        classes = np.arange(len(self.probabilities), dtype=np.uint8)
        return np.asarray(self.prior == classes[:, None, None])

    @functools.cached_property
    def balanced(self) -> Undecided:
        """The same with probabilities fitted to what is asked for, see ``allocation.balance``.

        Where gross transitions are given, the pixels of each group of a cell are fitted to what
        becomes of that group.
        """
        asked = self.asked
        if asked is None:
            return self
        cells, shares = asked.cells, asked.shares
        if asked.flows is not None:
            held = self._held()
            moved = flow_targets(balance_flows(asked.flows, held, self._wanted(held)))
            cells, total = refined(cells, self.prior, asked.groups), moved.sum(axis=0)
            shares = np.divide(moved, total, out=np.zeros(moved.shape), where=total > 0)
        said = balance(self.probabilities, cells, shares, asked.groups, self.domain)
        return replace(self, probabilities=said)

    def closed(self, worth: FloatArray) -> ByteArray:
        """The map of greatest worth ``(K, y, x)`` that has the areas asked for, to one pixel."""
        asked = self.asked
        if asked is None:
            return largest(worth)
        held = self._held(worth)
        if asked.flows is None:
            cells, counts = asked.cells, target_counts(asked.shares, held.sum(axis=0))
        else:
            cells = refined(asked.cells, self.prior, asked.groups)
            counts = flow_targets(fit_flows(asked.flows, held, self._wanted(held)))  # type: ignore[assignment]
        return assign(worth, cells, counts, asked.groups, self.domain).map

    def _wanted(self, held: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Pixels of each group that are asked for; what is held where nothing is asked."""
        assert self.asked is not None
        counts = target_counts(self.asked.shares, held.sum(axis=0))
        return np.where(counts.sum(axis=0) > 0, counts, held)

    def _held(self, worth: FloatArray | None = None) -> npt.NDArray[np.int64]:
        """Pixels of each group in each cell; a hidden one counts as what it is worth most as."""
        assert self.asked is not None
        layers = len(self.probabilities)
        best = largest(self.probabilities if worth is None else worth)
        known = np.where(self.prior < layers, self.prior, best)
        counted = np.where(self.domain, known, NO_DATA).astype(np.uint8)
        return group_sums(self.asked.cells.counts(counted, layers), self.asked.groups)


class Decided(NamedTuple):
    """Class positions ``(y, x)`` in the domain, and the probabilities ``(K, y, x)`` behind them."""

    positions: ByteArray
    probabilities: FloatArray


class Decision(Protocol):
    """Chooses the classes of a piece; its constants come from before the rollout."""

    name: ClassVar[str]
    """How tables, cards and the command line call it."""

    @property
    def needs_demand(self) -> bool:
        """Whether it cannot decide without what the forcing asks for."""

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""


def largest(worth: FloatArray) -> ByteArray:
    """The class of greatest worth at each pixel."""
    return np.asarray(worth.argmax(axis=0), np.uint8)
