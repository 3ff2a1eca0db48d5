"""A new decision: what is not nearly certain stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ai4land.rollout import Decided, Undecided


@dataclass(frozen=True, slots=True)
class Cautious:
    """The most likely class where it is likely enough, else the prior's.

    Attributes:
        least: Probability from which on a pixel changes.
    """

    name: ClassVar[str] = "cautious"
    needs_demand: ClassVar[bool] = False

    least: float = 0.5

    def decide(self, piece: Undecided) -> Decided:
        """Choose a class for every pixel of the domain."""
        likely = piece.probabilities.argmax(axis=0).astype(np.uint8)
        sure = piece.probabilities.max(axis=0) >= self.least
        return Decided(np.where(sure, likely, piece.prior), piece.probabilities)
