"""Does the truth look like one more member of an ensemble?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4land.errors import SampleError
from ai4land.metrics.scores.confusion import check_names
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import quotient, reported

__all__ = ["RankHistogram", "rank_histogram"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankHistogram(Sums):
    """Where the truth stands among the members of an ensemble, sorted.

    Attributes:
        counts: Shape (K, M + 1): class, and how many members lie below the truth. Where members
            equal the truth, the case is shared evenly among the ranks it could have.
    """

    counts: FloatArray

    @property
    def outside(self) -> FloatArray:
        """Shape (K,): share of cases in which the truth lies outside all members.

        A perfect ensemble of M members has 2 / (M + 1).
        """
        return quotient(self.counts[:, 0] + self.counts[:, -1], self.counts.sum(axis=1))

    @property
    def unevenness(self) -> FloatArray:
        """Shape (K,): half the sum of |share of a rank − 1 / (M + 1)|: 0 flat, below 1."""
        ranks = self.counts.shape[1]
        cases = self.counts.sum(axis=1, keepdims=True)
        share = quotient(self.counts, np.broadcast_to(cases, self.counts.shape))
        return np.asarray(0.5 * np.abs(share - 1.0 / ranks).sum(axis=1))

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """The histogram and both scores of every class, ready for JSON.

        Raises:
            SampleError: If there is not one name per class.
        """
        check_names(names, len(self.counts))
        outside, unevenness = self.outside, self.unevenness
        return {
            "members": self.counts.shape[1] - 1,
            "outside_if_perfect": 2.0 / self.counts.shape[1],
            "classes": {
                name: {
                    "ranks": self.counts[k].tolist(),
                    "outside": reported(outside[k]),
                    "unevenness": reported(unevenness[k]),
                }
                for k, name in enumerate(names)
            },
        }


def rank_histogram(
    truth: NDArray[np.floating[Any]], members: NDArray[np.floating[Any]]
) -> RankHistogram:
    """Rank true class areas among those of an ensemble.

    Hamill (2001, doi:10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2).

    Args:
        truth: Area of each class in each case (coarse cells, regions, years), ``(K, …)``; NaN
            where a case is not to be counted.
        members: The same of M members, ``(M, K, …)``.

    Raises:
        SampleError: If the shapes do not fit, or a member is missing where the truth is not.
    """
    if members.ndim != truth.ndim + 1 or members.shape[1:] != truth.shape or not len(members):
        raise SampleError(
            "Members and truth do not fit", expected=f"(M, {truth.shape})", found=members.shape
        )
    number = len(members)
    known = ~np.isnan(truth)
    if np.isnan(members[:, known]).any():
        raise SampleError("A member is missing where there is a truth")
    below = (members < truth).sum(axis=0)
    equal = (members == truth).sum(axis=0)
    counts = np.zeros((len(truth), number + 1))
    for rank in range(number + 1):
        possible = known & (below <= rank) & (rank <= below + equal)
        share = np.where(possible, 1.0 / (1.0 + equal), 0.0)
        counts[:, rank] = share.reshape(len(truth), -1).sum(axis=1)
    return RankHistogram(counts)
