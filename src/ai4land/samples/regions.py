"""Several regions in one training: samples from each by weight, all alike downstream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ai4land.samples.sample import Sample
from ai4land.samples.sampler import Sampler

__all__ = ["MixedSampler", "SampleSource", "mixed"]


class SampleSource(Protocol):
    """What training draws samples from: one region or several."""

    @property
    def parts(self) -> tuple[Sampler, ...]:
        """The sampler of each region."""

    def draw(self, rng: np.random.Generator, progress: float = 0.0) -> Sample:
        """Draw one sample; see ``Sampler.draw``."""


class MixedSampler:
    """Chooses a region by weight, then draws from it; samples of all regions stack.

    Where a region's times allow fewer steps than another's, its samples are filled up with steps
    that have no loss.

    Args:
        parts: The sampler of each region.
        weights: Chance of each, relative to the others.
    """

    def __init__(self, parts: Sequence[Sampler], weights: Sequence[float]) -> None:
        self.parts = tuple(parts)
        self._steps = max(len(part.steps[0]) - 1 for part in parts)
        chance = np.cumsum(np.asarray(weights, dtype=np.float64))
        self._chance = chance[:-1] / chance[-1]

    def draw(self, rng: np.random.Generator, progress: float = 0.0) -> Sample:
        """Draw one sample."""
        part = self.parts[int(np.searchsorted(self._chance, rng.random(), side="right"))]
        return part.draw(rng, progress).filled_up(self._steps)


def mixed(parts: Sequence[Sampler], weights: Sequence[float]) -> SampleSource:
    """The sampler of one region as it is, or of several together."""
    return parts[0] if len(parts) == 1 else MixedSampler(parts, weights)
