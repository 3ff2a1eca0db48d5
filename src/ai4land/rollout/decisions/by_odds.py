"""Decisions that take a change when it is more than so many times as likely as no change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from ai4land.allocation import draws
from ai4land.rollout.decisions.undecided import Decided, Undecided, largest
from ai4land.vocabulary import Direction

__all__ = ["Faithful", "Likely"]

FloatArray = npt.NDArray[np.float32]

_NEVER = np.float32(-2.0)  # worth of a class that cannot be: below that of any other
_TIE = np.float32(1e-6)  # by which equal pixels differ, so that no corner of a cell comes first


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

    __pydantic_config__ = ConfigDict(extra="forbid")

    forward: float = 1.0
    backward: float = 1.0
    balanced: bool = False

    def odds(self, ticks: int) -> float:
        """How many times likelier than no change a change must be in a step of so many ticks."""
        return self.forward if ticks > 0 else self.backward

    def with_odds(self, direction: Direction, odds: float) -> Self:
        """The same decision with other odds in a direction."""
        forward = direction is Direction.FORWARD
        return replace(self, forward=odds) if forward else replace(self, backward=odds)

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
        piece = piece.balanced if self.balanced else piece
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
        piece = piece.balanced if self.balanced else piece
        chosen = largest(self._worth(piece))
        return Decided(chosen, piece.probabilities)
