"""Several regions in one training: samples from each by weight, all alike downstream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ai4land.samples.sample import Sample
from ai4land.samples.sampler import Sampler

__all__ = ["MixedSampler", "SampleSource", "mixed"]


class SampleSource(Protocol):
    """What training draws samples from: one region or several.

    Attributes:
        parts: The sampler of each region.
    """

    @property
    def parts(self) -> tuple[Sampler, ...]:
        """The sampler of each region."""
        ...

    def draw(self, rng: np.random.Generator, progress: float = 0.0) -> Sample:
        """Draw one sample; see ``Sampler.draw``."""
        ...


class MixedSampler:
    """Chooses a region by weight, then draws from it; samples of all regions stack.

    Args:
        parts: The sampler of each region. Runs of steps are cut to the shortest that one has.
        weights: Chance of each, relative to the others.
    """

    def __init__(self, parts: Sequence[Sampler], weights: Sequence[float]) -> None:
        shortest = min(part.recursion for part in parts)
        self.parts = tuple(part.with_recursion(shortest) for part in parts)
        chance = np.cumsum(np.asarray(weights, dtype=np.float64))
        self._chance = chance[:-1] / chance[-1]

    def draw(self, rng: np.random.Generator, progress: float = 0.0) -> Sample:
        """Draw one sample."""
        part = self.parts[int(np.searchsorted(self._chance, rng.random(), side="right"))]
        return part.draw(rng, progress)


def mixed(parts: Sequence[Sampler], weights: Sequence[float]) -> SampleSource:
    """The sampler of one region as it is, or of several together."""
    return parts[0] if len(parts) == 1 else MixedSampler(parts, weights)
