"""Are probabilities what they say? Reliability, Brier score and calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import GridError, SampleError
from ai4land.metrics.scores.confusion import check_names
from ai4land.metrics.tables.counting import as_weights, check_shapes
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import quotient, ratio, reported
from ai4land.vocabulary import NO_DATA

__all__ = ["Reliability", "check_probability", "reliability"]

FloatArray = NDArray[np.float64]

_SLACK = 1e-3
"""What the probabilities of a pixel may miss of 1: half precision, summed over the classes."""


@dataclass(frozen=True, eq=False)
class Reliability(Sums):
    """How often what was said with a probability came true.

    Attributes:
        classes: Shape (K, B, 3): class, interval of probability, and the sums of weight, of
            weight × probability, and of the weight where the class is true.
        top: Shape (B, 3): likewise for the most probable class of every pixel.
        squares: Shape (K,): sums of weight × (probability − truth)².
        persisted: Shape (1,): weight of the pixels that did not change; 0 without initial map.
        with_initial: Whether there was an initial map, so that persistence can stand beside.
        weighting: What a pixel counts: ``pixel`` or ``area``.
    """

    classes: FloatArray
    top: FloatArray
    squares: FloatArray
    persisted: FloatArray
    with_initial: bool
    weighting: str

    @property
    def total(self) -> float:
        """Scored weight."""
        return float(self.top[:, 0].sum())

    @property
    def brier(self) -> float:
        """Mean square of the error over pixels, summed over classes: 0 best, 2 worst.

        Brier (1950).
        """
        return ratio(float(self.squares.sum()), self.total)

    @property
    def persistence_brier(self) -> float:
        """The same for the initial map as a certainty; NaN without one."""
        if not self.with_initial:
            return float("nan")
        return 2.0 * ratio(self.total - float(self.persisted[0]), self.total)

    @property
    def brier_skill(self) -> float:
        """Share of persistence's Brier score that is gone: 1 perfect, 0 no better."""
        reference = self.persistence_brier
        return ratio(reference - self.brier, reference)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error of the most probable class (Guo et al. 2017): |said − came|.

        Averaged over intervals of probability by weight.
        """
        return ratio(float(np.abs(self.top[:, 1] - self.top[:, 2]).sum()), self.total)

    @property
    def class_calibration_error(self) -> FloatArray:
        """Shape (K,): the same for every class, over all pixels."""
        gap = np.abs(self.classes[:, :, 1] - self.classes[:, :, 2]).sum(axis=1)
        return quotient(gap, self.classes[:, :, 0].sum(axis=1))

    def decomposition(self) -> dict[str, FloatArray]:
        """Murphy's (1973) parts of the Brier score of every class, by intervals.

        Returns:
            ``reliability`` (small is good), ``resolution`` (large is good) and ``uncertainty``,
            each of shape (K,); the first less the second plus the third is the Brier score, up to
            what probabilities differ within an interval.
        """
        weight, said, came = np.moveaxis(self.classes, -1, 0)
        whole = weight.sum(axis=1)
        rate = quotient(came.sum(axis=1), whole)
        mean_said, mean_came = quotient(said, weight), quotient(came, weight)
        gap = np.nansum(weight * (mean_said - mean_came) ** 2, axis=1)
        spread = np.nansum(weight * (mean_came - rate[:, np.newaxis]) ** 2, axis=1)
        return {
            "reliability": quotient(gap, whole),
            "resolution": quotient(spread, whole),
            "uncertainty": rate * (1.0 - rate),
        }

    def curve(self, index: int | None = None) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The reliability curve of a class, or of the most probable class.

        Returns:
            Mean probability said, share that came true (NaN in empty intervals), and weight of
            each interval, ``(B,)``.
        """
        table = self.top if index is None else self.classes[index]
        weight = table[:, 0].copy()
        return quotient(table[:, 1], weight), quotient(table[:, 2], weight), weight

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """All scores, ready for JSON; 0/0 is ``None``.

        Raises:
            SampleError: If there is not one name per class.
        """
        check_names(names, len(self.classes))
        parts = self.decomposition()
        error = self.class_calibration_error
        return {
            "weighting": self.weighting,
            "brier": reported(self.brier),
            "persistence_brier": reported(self.persistence_brier),
            "brier_skill": reported(self.brier_skill),
            "calibration_error": reported(self.calibration_error),
            "classes": {
                name: {
                    "brier": reported(ratio(float(self.squares[k]), self.total)),
                    "calibration_error": reported(error[k]),
                    **{key: reported(values[k]) for key, values in parts.items()},
                }
                for k, name in enumerate(names)
            },
        }


def reliability(
    reference: NDArray[np.uint8],
    probability: NDArray[np.floating[Any]],
    n_classes: int,
    initial: NDArray[np.uint8] | None = None,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
    intervals: int = 20,
) -> Reliability:
    """Compare the probabilities of classes with the truth.

    Args:
        reference: Class indices 0…K−1, uint8; 255 is missing, left out.
        probability: Probability of each class, ``(K, …)``, 0…1, at every pixel with sum 1.
        n_classes: Number of classes K.
        initial: The map persistence would repeat, likewise; where it is missing is left out.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.
        intervals: Number of even intervals of probability.

    Raises:
        GridError: If shapes differ.
        SampleError: If a probability is not one, or those of a pixel do not sum to 1.
    """
    scored = reference != NO_DATA
    if initial is not None:
        check_shapes(reference.shape, initial=initial)
        scored &= initial != NO_DATA
    if mask is not None:
        check_shapes(reference.shape, mask=mask)
        scored &= mask
    said = check_probability(probability, n_classes, scored)
    sums = said.sum(axis=0)
    if said.size and np.abs(sums - 1.0).max() > _SLACK:
        raise SampleError("The probabilities of a pixel must sum to 1", found=_worst(sums))
    truth = reference[scored]
    weight = np.ones(reference.shape) if weights is None else as_weights(weights, reference.shape)
    w = weight[scored]
    right = [(truth == k).astype(np.float64) for k in range(n_classes)]
    best = said.argmax(axis=0)
    sure = said.max(axis=0) if said.size else np.zeros(0)
    kept = np.zeros(1) if initial is None else np.array([w[initial[scored] == truth].sum()])
    return Reliability(
        classes=np.stack([_intervals(said[k], right[k], w, intervals) for k in range(n_classes)]),
        top=_intervals(sure, (best == truth).astype(np.float64), w, intervals),
        squares=np.array([(w * (said[k] - right[k]) ** 2).sum() for k in range(n_classes)]),
        persisted=kept,
        with_initial=initial is not None,
        weighting="pixel" if weights is None else "area",
    )


def check_probability(
    probability: NDArray[np.floating[Any]], n_classes: int, scored: NDArray[np.bool_]
) -> FloatArray:
    """The probabilities of the scored pixels, ``(K, n)``.

    Raises:
        GridError: If there is not one layer per class on the maps' pixels.
        SampleError: If one is missing or outside 0…1.
    """
    if probability.shape != (n_classes, *scored.shape):
        raise GridError(
            "Probabilities need one layer per class",
            expected=(n_classes, *scored.shape),
            found=probability.shape,
        )
    said: FloatArray = probability[:, scored].astype(np.float64)
    if said.size and not (said.min() >= 0.0 and said.max() <= 1.0 + _SLACK):
        raise SampleError(
            "A probability is missing or out of range",
            expected="0…1 wherever a pixel is scored",
            found=f"{said.min():g}…{said.max():g}",
        )
    return np.minimum(said, 1.0)


def _intervals(said: FloatArray, came: FloatArray, weight: FloatArray, number: int) -> FloatArray:
    place = np.minimum((said * number).astype(np.int64), number - 1)
    sums = [np.bincount(place, w, number) for w in (weight, weight * said, weight * came)]
    return np.stack(sums, axis=1)


def _worst(sums: FloatArray) -> str:
    return f"{float(sums[np.abs(sums - 1.0).argmax()]):g}"
