"""The total operating characteristic: does the model rank what will change above what will not?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.scores.confusion import check_names
from ai4land.metrics.scores.probabilities import check_probability
from ai4land.metrics.tables.counting import CountTable, as_weights, check_shapes
from ai4land.metrics.tables.undefined import ratio, reported, reported_weight
from ai4land.vocabulary import NO_DATA

__all__ = ["Operating", "OperatingCurve", "operating", "probability_edges"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OperatingCurve:
    """One curve: what is found (hits) against what is flagged, from the surest pixel on.

    Attributes:
        thresholds: Least probability flagged at each point, descending, ``(n,)``; infinite at the
            first point, where nothing is flagged.
        flagged: Hits and false alarms, ``(n,)``, pixels or m²; from 0 to the whole extent.
        hits: Of those, what did change, ``(n,)``.
    """

    thresholds: FloatArray
    flagged: FloatArray
    hits: FloatArray

    @property
    def extent(self) -> float:
        """Weight of all candidates."""
        return float(self.flagged[-1])

    @property
    def presence(self) -> float:
        """Weight of what changed."""
        return float(self.hits[-1])

    @property
    def largest(self) -> FloatArray:
        """The hits of a perfect ranking: the upper bound of the curve."""
        return np.minimum(self.flagged, self.presence)

    @property
    def least(self) -> FloatArray:
        """The hits of a ranking upside down: the lower bound of the curve."""
        return np.maximum(0.0, self.flagged - (self.extent - self.presence))

    @property
    def uniform(self) -> FloatArray:
        """The hits of a ranking that knows nothing."""
        return self.flagged * ratio(self.presence, self.extent)

    @property
    def auc(self) -> float:
        """Area under the curve within its bounds: 1 perfect, ½ knows nothing; NaN if undefined.

        Equal to the area under the ROC curve, pixels of one probability counted half.
        """
        area = float(np.trapezoid(self.hits, self.flagged))
        absence = self.extent - self.presence
        return ratio(area - 0.5 * self.presence**2, self.presence * absence)


@dataclass(frozen=True, eq=False)
class Operating(CountTable):
    """How probable a gain was said to be where it came and where it did not.

    Pontius and Si (2014, doi:10.1080/13658816.2013.862623), one curve per class that is gained;
    the extent is what can gain it: pixels that are another class at the start.

    Attributes:
        counts: Shape (K, B, 2): gained class, interval of probability (ascending), and whether
            the gain did not or did come; pixels (int64) or m² (float64).
        edges: Lower edges of the intervals, ascending from 0, ``B`` of them.
    """

    edges: tuple[float, ...]

    def curve(self, gained: int) -> OperatingCurve:
        """The curve of the gain of one class, by its index."""
        table = self.counts[gained, ::-1].astype(np.float64)
        hits = np.concatenate([[0.0], np.cumsum(table[:, 1])])
        flagged = np.concatenate([[0.0], np.cumsum(table.sum(axis=1))])
        thresholds = np.concatenate([[np.inf], np.asarray(self.edges)[::-1]])
        return OperatingCurve(thresholds, flagged, hits)

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """Extent, presence and area under the curve of every gain, ready for JSON.

        Raises:
            SampleError: If there is not one name per class.
        """
        check_names(names, len(self.counts))
        curves = [self.curve(k) for k in range(len(names))]
        return {
            "weighting": self.weighting,
            "gains": {
                name: {
                    "extent": reported_weight(curve.extent, self.weighting),
                    "presence": reported_weight(curve.presence, self.weighting),
                    "auc": reported(curve.auc),
                }
                for name, curve in zip(names, curves, strict=True)
            },
        }


def probability_edges(intervals: int = 512, reach: float = 16.0) -> tuple[float, ...]:
    """Edges of intervals of probability that are finer towards 0 and 1.

    Evenly spaced in log odds, because the probability of a change is mostly small.

    Args:
        intervals: Number of intervals, at least 3; the first holds what is all but impossible.
        reach: Log odds of the outermost edges, either side.
    """
    odds = np.linspace(-reach, reach, intervals - 1)
    return (0.0, *(1.0 / (1.0 + np.exp(-odds))).tolist())


def operating(
    initial: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    probability: NDArray[np.floating[Any]],
    n_classes: int,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
    edges: Sequence[float] | None = None,
) -> Operating:
    """Compare the probability of every gain with where it came.

    Args:
        initial: Class indices 0…K−1, uint8; 255 is missing, left out.
        reference: The truth at the later step, likewise.
        probability: Probability of each class at that step, ``(K, …)``, 0…1.
        n_classes: Number of classes K.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.
        edges: Lower edges of the intervals of probability, ascending from 0; default
            ``probability_edges()``. The area under the curve is exact up to the order of pixels
            within an interval.

    Raises:
        GridError: If shapes differ.
        SampleError: If a probability is not one, or the edges do not ascend from 0.
    """
    check_shapes(initial.shape, reference=reference)
    chosen = tuple(probability_edges() if edges is None else map(float, edges))
    if not chosen or chosen[0] != 0 or (np.diff(chosen) <= 0).any():
        raise SampleError("Intervals of probability ascend from 0", found=chosen[:8])
    scored = (initial != NO_DATA) & (reference != NO_DATA)
    if mask is not None:
        check_shapes(initial.shape, mask=mask)
        scored &= mask
    said = check_probability(probability, n_classes, scored)
    areas = None if weights is None else as_weights(weights, initial.shape)[scored]
    before, after = initial[scored], reference[scored]
    counts = []
    for k in range(n_classes):
        able = before != k
        key = np.searchsorted(chosen, said[k][able], side="right") - 1
        key = 2 * key + (after[able] == k)
        weight = None if areas is None else areas[able]
        counts.append(np.bincount(key, weight, 2 * len(chosen)).reshape(-1, 2))
    return Operating(np.stack(counts), chosen)
