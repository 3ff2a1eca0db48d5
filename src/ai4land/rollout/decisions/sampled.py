"""A decision by chance: members of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict

from ai4land.allocation import gumbel_noise
from ai4land.rollout.decisions.undecided import Decided, Undecided, largest

__all__ = ["Sampled"]

_LEAST = np.float32(1e-9)  # probability whose logarithm is still taken
_NEVER_DRAWN = np.float32(-1e3)  # log probability of what cannot be, still assigned if it must


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
        lasting: Share of the noise's variance that a place keeps at all times, so that a member
            changes the same pixels again rather than others; 0 draws each step anew.
        balanced: As of the other decisions.
        closed: Whether every member honours the areas asked for to one pixel.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    name: ClassVar[str] = "sampled"

    seed: int = 0
    reach: float = 0.0
    lasting: float = 0.0
    balanced: bool = False
    closed: bool = True

    @property
    def needs_demand(self) -> bool:
        """Whether it cannot decide without what the forcing asks for."""
        return self.balanced or self.closed

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""
        piece = piece.balanced if self.balanced else piece
        said = piece.probabilities
        noise = gumbel_noise(
            piece.mesh,
            piece.piece,
            self.seed,
            piece.tick,
            len(said),
            reach=self.reach,
            lasting=self.lasting,
        )
        logs = np.where(said > 0.0, np.log(np.maximum(said, _LEAST)) + noise, _NEVER_DRAWN)
        found = piece.closed(logs) if self.closed else largest(logs)
        return Decided(found, said)
