"""Scores of a reconstruction's probabilities: reliability, and the ranking of gains."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.evaluation.adding import merged
from ai4land.metrics import Operating, Reliability, operating, reliability

__all__ = ["ProbabilityScores"]

FloatArray = npt.NDArray[np.floating[Any]]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ProbabilityScores:
    """Scores of probabilities by time; empty if the maps come without any.

    Attributes:
        reliability: Time → what was said against what came.
        gains: Time → how the gain of each class since the initial map is ranked.
    """

    reliability: Mapping[int, Reliability] = field(default_factory=dict)
    gains: Mapping[int, Operating] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is any probability."""
        return bool(self.reliability)

    def __add__(self, other: ProbabilityScores) -> ProbabilityScores:
        """Those on both sets of pixels."""
        return ProbabilityScores(
            merged(self.reliability, other.reliability), merged(self.gains, other.gains)
        )

    def with_time(
        self,
        time: int,
        maps: tuple[ByteArray, ByteArray],
        probability: FloatArray,
        weights: npt.NDArray[np.float64] | None,
        mask: npt.NDArray[np.bool_],
    ) -> ProbabilityScores:
        """These and those of one more time.

        Args:
            time: The time.
            maps: Class positions of the initial map and of the truth, ``(y, x)``, 255 missing.
            probability: ``(class, y, x)``.
            weights: Areas in m²; without them pixels are counted.
            mask: True where a pixel is scored.
        """
        initial, truth = maps
        classes = len(probability)
        one = reliability(truth, probability, classes, initial, weights, mask)
        two = operating(initial, truth, probability, classes, weights, mask)
        return ProbabilityScores({**self.reliability, time: one}, {**self.gains, time: two})

    @property
    def pooled(self) -> Reliability:
        """Reliability of all times together."""
        return functools.reduce(operator.add, self.reliability.values())

    def spans(self) -> dict[str, Reliability]:
        """What a table shows: first time, all times, last time."""
        times = list(self.reliability)
        if len(times) == 1:
            return {str(times[0]): self.reliability[times[0]]}
        first, last = times[0], times[-1]
        return {
            str(first): self.reliability[first],
            "all years": self.pooled,
            str(last): self.reliability[last],
        }

    def to_dict(self, names: Sequence[str]) -> dict[str, Any] | None:
        """All of it as plain data, ready for JSON; ``None`` without probabilities."""
        if not self:
            return None
        return {
            "times": {
                str(time): {
                    "reliability": found.scores(names),
                    "gains": self.gains[time].scores(names),
                }
                for time, found in self.reliability.items()
            },
            "pooled": self.pooled.scores(names),
            "curve": {
                span: [
                    {"said": said, "came": came, "weight": weight}
                    for said, came, weight in zip(*map(_listed, found.curve()), strict=True)
                    if weight > 0
                ]
                for span, found in self.spans().items()
            },
        }


def _listed(values: npt.NDArray[np.float64]) -> list[float]:
    return [float(value) for value in values]
