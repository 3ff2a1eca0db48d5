"""Decisions: how the class probabilities of a piece become a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ai4land.allocation import (
    CoarseCells,
    assign,
    balance,
    balance_flows,
    draws,
    fit_flows,
    flow_targets,
    group_sums,
    gumbel_noise,
    refined,
    target_counts,
)
from ai4land.errors import CheckpointError
from ai4land.grid import Mesh, Window
from ai4land.vocabulary import NO_DATA, Direction

__all__ = [
    "DECISIONS",
    "Asked",
    "Decided",
    "Decision",
    "Faithful",
    "Likely",
    "Sampled",
    "Undecided",
    "decision_data",
    "decision_of",
]

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]
D = TypeVar("D", bound="Decision")

_NEVER = np.float32(-2.0)  # worth of a class that cannot be: below that of any other
_TIE = np.float32(1e-6)  # by which equal pixels differ, so that no corner of a cell comes first
_LEAST = np.float32(1e-9)  # probability whose logarithm is still taken
_NEVER_DRAWN = np.float32(-1e3)  # log probability of what cannot be, still assigned if it must


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


@dataclass(frozen=True, slots=True, eq=False)
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
            return _largest(worth)
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
        best = _largest(self.probabilities if worth is None else worth)
        known = np.where(self.prior < layers, self.prior, best)
        counted = np.where(self.domain, known, NO_DATA).astype(np.uint8)
        return group_sums(self.asked.cells.counts(counted, layers), self.asked.groups)


class Decided(NamedTuple):
    """Class positions ``(y, x)`` in the domain, and the probabilities ``(K, y, x)`` behind them."""

    positions: ByteArray
    probabilities: FloatArray


class Decision(Protocol):
    """Chooses the classes of a piece; its constants come from before the rollout.

    Attributes:
        name: How tables, cards and the command line call it.
        needs_demand: Whether it cannot decide without what the forcing asks for.
    """

    name: ClassVar[str]

    @property
    def needs_demand(self) -> bool:
        """Whether it cannot decide without what the forcing asks for."""
        ...

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""
        ...


@dataclass(frozen=True, slots=True)
class _ByOdds:
    """A decision with a constant for each direction: the odds from which on a change is taken.

    A class is preferred to the prior's when its probability is more than ``odds`` times as large.
    Odds of 1 give the map of highest expected accuracy. The map of highest expected figure of merit
    has odds equal to that figure (Dinkelbach 1967, doi:10.1287/mnsc.13.7.492: of a ratio, here hits
    over all that changed or was said to, the maximum is where numerator − maximum · denominator is
    largest, and a change adds its probability to the one and the prior's to the other).

    Attributes:
        forward: Odds in steps forward.
        backward: Odds in steps backward.
        balanced: Whether the probabilities of each coarse cell are first fitted to what the forcing
            asks for, see ``allocation.balance``.
    """

    forward: float = 1.0
    backward: float = 1.0
    balanced: bool = False

    def odds(self, ticks: int) -> float:
        """How many times likelier than no change a change must be in a step of so many ticks."""
        return self.forward if ticks > 0 else self.backward

    def with_odds(self: D, direction: Direction, odds: float) -> D:
        """The same decision with other odds in a direction."""
        return replace(self, **{direction.value: odds})  # type: ignore[type-var]

    def _worth(self, piece: Undecided) -> FloatArray:
        """Expected gain of each class, ``(K, y, x)``: its probability, the prior's times the odds.

        Of equal pixels the hash of their place decides which changes first.
        """
        tie = _TIE * draws(piece.mesh, piece.piece, 0, piece.tick).astype(np.float32)
        possible = piece.probabilities > 0.0
        change = np.where(possible, piece.probabilities + tie, _NEVER + tie)
        stay = np.float32(self.odds(piece.ticks)) * piece.probabilities
        return np.where(piece.stays, stay, change)


@dataclass(frozen=True, slots=True)
class Faithful(_ByOdds):
    """The best map that honours what the forcing asks of every coarse cell, to one pixel.

    An optimal assignment (``allocation.assign``) of classes to pixels with the areas asked for.
    Odds below 1 favour change, so that pixels are exchanged beyond the net change: gross change,
    which no net change tells of. Only groups that both forcing and labels express are bound.
    """

    name: ClassVar[str] = "faithful"

    @property
    def needs_demand(self) -> bool:
        """Areas are what it is about."""
        return True

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""
        piece = piece.balanced() if self.balanced else piece
        return Decided(piece.closed(self._worth(piece)), piece.probabilities)


@dataclass(frozen=True, slots=True)
class Likely(_ByOdds):
    """The most likely class at every pixel on its own, whatever the areas come to."""

    name: ClassVar[str] = "likely"

    @property
    def needs_demand(self) -> bool:
        """Whether it cannot decide without what the forcing asks for."""
        return self.balanced

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""
        piece = piece.balanced() if self.balanced else piece
        chosen = _largest(self._worth(piece))
        return Decided(chosen, piece.probabilities)


@dataclass(frozen=True, slots=True)
class Sampled:
    """A map drawn from the probabilities: one member of an ensemble.

    Each class's log probability is perturbed by Gumbel noise, whose largest sum is a draw from the
    probabilities (Maddison, Tarlow & Minka 2014, arXiv:1411.0030). The noise is one field of the
    globe for each seed, time and class, correlated over ``reach`` pixels. Where the forcing asks
    for areas the draw is closed to them by the fewest and least regretted moves.

    Attributes:
        seed: Another seed is another member.
        reach: Standard deviation in pixels of the kernel by which the noise is smoothed; 0 none.
        balanced: As of the other decisions.
        closed: Whether every member honours the areas asked for to one pixel.
    """

    name: ClassVar[str] = "sampled"

    seed: int = 0
    reach: float = 0.0
    balanced: bool = False
    closed: bool = True

    @property
    def needs_demand(self) -> bool:
        """Whether it cannot decide without what the forcing asks for."""
        return self.balanced or self.closed

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""
        piece = piece.balanced() if self.balanced else piece
        said = piece.probabilities
        noise = gumbel_noise(piece.mesh, piece.piece, self.seed, piece.tick, len(said), self.reach)
        logs = np.where(said > 0.0, np.log(np.maximum(said, _LEAST)) + noise, _NEVER_DRAWN)
        found = piece.closed(logs) if self.closed else _largest(logs)
        return Decided(found, said)


def _largest(worth: FloatArray) -> ByteArray:
    """The class of greatest worth at each pixel."""
    return np.asarray(worth.argmax(axis=0), np.uint8)


DECISIONS: dict[str, Callable[..., Decision]] = {
    Faithful.name: Faithful,
    Likely.name: Likely,
    Sampled.name: Sampled,
}
"""Decisions by the name that cards and commands use."""


def decision_of(data: Mapping[str, Any]) -> Decision:
    """A decision from plain data: its ``name`` and its constants; what is not said is default.

    Raises:
        CheckpointError: If the name or a constant is unknown.
    """
    constants = dict(data)
    name = constants.pop("name", Likely.name)
    if name not in DECISIONS:
        raise CheckpointError("Unknown decision", expected=", ".join(DECISIONS), found=name)
    try:
        made = DECISIONS[name](**constants)
        numbers = [v for v in constants.values() if not isinstance(v, int | float)]
    except TypeError as error:
        raise CheckpointError(
            "The decision of a checkpoint is damaged", where=name, found=error
        ) from error
    if numbers:
        raise CheckpointError(
            "The decision of a checkpoint is damaged",
            where=name,
            expected="numbers",
            found=dict(data),
        )
    return made


def decision_data(decision: Decision) -> dict[str, Any]:
    """The inverse of ``decision_of``."""
    return {"name": decision.name, **asdict(decision)}  # type: ignore[call-overload]
