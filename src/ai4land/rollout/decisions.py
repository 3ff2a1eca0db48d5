"""Decisions: how the class probabilities of a piece become a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells, balance, close_books, group_sums, target_counts
from ai4land.errors import CheckpointError
from ai4land.grid import Mesh, Window

__all__ = [
    "DECISIONS",
    "Asked",
    "ClosedBooks",
    "Decided",
    "Decision",
    "MostLikely",
    "Undecided",
    "decision_data",
    "decision_of",
]

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

    def balanced(self) -> FloatArray:
        """The probabilities fitted to what is asked for, see ``allocation.balance``."""
        asked = self.asked
        if asked is None:
            return self.probabilities
        return balance(self.probabilities, asked.cells, asked.shares, asked.groups, self.domain)


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
class MostLikely:
    """The most likely class, the prior's favoured or disfavoured by a constant.

    Attributes:
        forward: Added to the probability of the prior's class in steps forward; below 0 the maps
            change more boldly than the probabilities alone would have it.
        backward: The same for steps backward.
        balanced: Whether the probabilities of each coarse cell are first fitted to what the
            forcing asks for, see ``balance``.
    """

    name: ClassVar[str] = "most_likely"

    forward: float = 0.0
    backward: float = 0.0
    balanced: bool = False

    @property
    def needs_demand(self) -> bool:
        """Whether it cannot decide without what the forcing asks for."""
        return self.balanced

    def stay(self, ticks: int) -> float:
        """What is added to the probability of the prior's class in a step of so many ticks."""
        return self.forward if ticks > 0 else self.backward

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""
        found = piece.balanced() if self.balanced else piece.probabilities
        classes = np.arange(len(found), dtype=np.uint8)[:, None, None]
        kept = np.float32(self.stay(piece.ticks)) * (piece.prior == classes)
        return Decided((found + kept).argmax(axis=0).astype(np.uint8), found)


@dataclass(frozen=True, slots=True)
class ClosedBooks:
    """The most probable map that honours the coarse demand of every cell to one pixel.

    Only groups of classes that forcing and labels both express are bound, see ``close_books``.

    Attributes:
        balanced: Whether the probabilities are first fitted to what the forcing asks for.
    """

    name: ClassVar[str] = "closed_books"

    balanced: bool = False

    @property
    def needs_demand(self) -> bool:
        """Whether it cannot decide without what the forcing asks for."""
        return True

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""
        found = piece.balanced() if self.balanced else piece.probabilities
        asked = piece.asked
        assert asked is not None, "the stepper refuses it without a demand"
        held = group_sums(asked.cells.counts(piece.prior, len(found)), asked.groups)
        counts = target_counts(asked.shares, held.sum(axis=0))
        logs = np.log(np.maximum(found, np.float32(1e-9)))
        closed = close_books(logs, asked.cells, counts, asked.groups, piece.domain)
        return Decided(closed.map, found)


DECISIONS: dict[str, Callable[..., Decision]] = {
    MostLikely.name: MostLikely,
    ClosedBooks.name: ClosedBooks,
}
"""Decisions by the name that cards and commands use."""


def decision_of(data: Mapping[str, Any]) -> Decision:
    """A decision from plain data: its ``name`` and its constants; what is not said is default.

    Raises:
        CheckpointError: If the name or a constant is unknown.
    """
    constants = dict(data)
    name = constants.pop("name", MostLikely.name)
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
