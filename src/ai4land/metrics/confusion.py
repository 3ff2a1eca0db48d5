"""Two maps compared: the confusion table and the scores that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.counting import (
    Counts,
    add_counts,
    check_counts,
    empty_counts,
    tabulate,
    weighting_of,
)
from ai4land.metrics.undefined import quotient, ratio, reported, reported_weight

__all__ = ["Confusion", "check_names", "classification_scores", "confusion"]


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each class of the truth was predicted as each class.

    Confusions of tiles, regions or years add.

    Attributes:
        counts: Shape (K, K + 1), ``counts[truth, predicted]`` in legend order; pixels (int64) or
            m² (float64). The last column holds predictions that are none of the classes (missing,
            or sea that is no class): errors that must not vanish.
    """

    counts: Counts

    def __post_init__(self) -> None:
        """Refuse anything but a (K, K + 1) table."""
        check_counts(self.counts, n_truths=1)

    @classmethod
    def zero(cls, n_classes: int) -> Confusion:
        """The confusion of no pixel, neutral in sums."""
        return cls(empty_counts((n_classes, n_classes + 1), weighted=False))

    def __add__(self, other: Confusion) -> Confusion:
        """The confusion of both sets of pixels together."""
        return Confusion(add_counts(self.counts, other.counts))

    @property
    def n_classes(self) -> int:
        """Number of classes K."""
        return int(self.counts.shape[0])

    @property
    def weighting(self) -> str:
        """``pixel`` or ``area``."""
        return weighting_of(self.counts)

    @property
    def total(self) -> float:
        """Scored pixels, or m²."""
        return float(self.counts.sum())

    @property
    def accuracy(self) -> float:
        """Share of the scored weight that was predicted right; NaN if nothing was scored."""
        return ratio(float(np.trace(self.counts)), self.total)

    def shares(self) -> NDArray[np.float64]:
        """Shape (K + 1, K + 1), shares of the whole; the truth is never in the last row.

        Raises:
            SampleError: If nothing was scored.
        """
        if self.total == 0:
            raise SampleError("Nothing was scored, so there are no shares")
        table = np.zeros((self.n_classes + 1, self.n_classes + 1))
        table[:-1] = self.counts / self.total
        return table


def confusion(
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    n_classes: int,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> Confusion:
    """Compare two class maps.

    Args:
        truth: Class indices 0…K−1 (not codes) of any shape, uint8; 255 is missing and left out.
        predicted: Class indices of the same shape; 255 counts as an error.
        n_classes: Number of classes K.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.

    Returns:
        Their confusion.

    Raises:
        GridError: If shapes differ, or a weight is negative or not finite.
        VocabularyError: If a scored index is no class.
    """
    return Confusion(tabulate([truth], predicted, n_classes, weights, mask))


def classification_scores(
    c: Confusion, names: Sequence[str], rare: float = 0.001
) -> dict[str, Any]:
    """Scores of a classification, ready for JSON.

    Rules for absent classes. A class that the truth does not hold is left out of macro F1 and of
    the mean IoUs; where it was predicted nevertheless, those pixels are errors of the classes
    they really are, and its own precision is 0. A class that the truth holds and that was never
    predicted has recall, F1 and IoU 0 and stays in the means; its precision is 0/0. Whatever is
    0/0 is ``None``.

    Quantity and allocation disagreement follow Pontius and Millones (2011,
    doi:10.1080/01431161.2011.552923), exchange and shift Pontius and Santacruz (2014,
    doi:10.1080/2150704X.2014.969814); all four are shares of the scored weight.

    Args:
        c: The confusion.
        names: Class names in legend order.
        rare: Share of the truth below which ``mean_iou_frequent`` leaves a class out.

    Returns:
        ``accuracy``, ``macro_f1``, ``weighted_f1`` (F1 weighted by support), ``mean_iou``,
        ``mean_iou_frequent``, ``kappa``, ``quantity``, ``allocation``, ``exchange``, ``shift``,
        ``outside`` (share predicted as none of the classes), ``total``, ``weighting`` and
        ``classes``: name → ``precision``, ``recall``, ``f1``, ``iou``, ``support``.

    Raises:
        SampleError: If there is not one name per class.
    """
    check_names(names, c.n_classes)
    right = np.diagonal(c.counts).astype(np.float64)
    support = c.counts.sum(axis=1).astype(np.float64)
    predicted = c.counts[:, :-1].sum(axis=0).astype(np.float64)
    iou = quotient(right, support + predicted - right)
    f1 = quotient(2 * right, support + predicted)
    per_class = {
        "precision": quotient(right, predicted),
        "recall": quotient(right, support),
        "f1": f1,
        "iou": iou,
    }
    present = support > 0
    frequent = present & (support >= rare * c.total)
    return {
        "accuracy": reported(c.accuracy),
        "macro_f1": reported(_mean(f1[present])),
        "weighted_f1": reported(ratio(float((support * f1)[present].sum()), c.total)),
        "mean_iou": reported(_mean(iou[present])),
        "mean_iou_frequent": reported(_mean(iou[frequent])),
        **{key: reported(value) for key, value in _agreement(c).items()},
        "total": reported_weight(c.total, c.weighting),
        "weighting": c.weighting,
        "classes": {
            name: {key: reported(values[k]) for key, values in per_class.items()}
            | {"support": reported_weight(support[k], c.weighting)}
            for k, name in enumerate(names)
        },
    }


def check_names(names: Sequence[str], n_classes: int) -> None:
    """Refuse a list of names that is not one per class.

    Raises:
        SampleError: If the numbers differ.
    """
    if len(names) != n_classes:
        raise SampleError(
            "Scores need one name per class", expected=n_classes, found=", ".join(names)
        )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan


def _agreement(c: Confusion) -> dict[str, float]:
    """Kappa and the parts of the disagreement, as shares of the scored weight."""
    keys = ("kappa", "quantity", "allocation", "exchange", "shift", "outside")
    if c.total == 0:
        return dict.fromkeys(keys, math.nan)
    p = c.shares()
    truth, predicted, right = p.sum(axis=1), p.sum(axis=0), np.diagonal(p)
    agreed, by_chance = float(right.sum()), float((truth * predicted).sum())
    quantity = 0.5 * float(np.abs(truth - predicted).sum())
    allocation = float(np.minimum(truth - right, predicted - right).sum())
    exchange = float(np.minimum(p, p.T).sum() - right.sum())
    values = (
        ratio(agreed - by_chance, 1.0 - by_chance, scale=1.0),
        quantity,
        allocation,
        exchange,
        max(0.0, allocation - exchange),  # rounding may leave a shift of −1e-17
        float(predicted[-1]),
    )
    return dict(zip(keys, values, strict=True))
