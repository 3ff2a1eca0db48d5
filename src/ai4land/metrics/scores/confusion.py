"""Two maps compared: the confusion table and the scores that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.scores.agreement import agreement, disagreement_by_class
from ai4land.metrics.tables.counting import CountTable, check_counts, empty_counts, tabulate
from ai4land.metrics.tables.undefined import quotient, ratio, reported, reported_weight

__all__ = ["Confusion", "check_names", "classification_scores", "confusion"]


@dataclass(frozen=True, eq=False)
class Confusion(CountTable):
    """How often each class of the truth was predicted as each class.

    Attributes:
        counts: Shape (K, K + 1), ``counts[truth, predicted]`` in legend order; pixels (int64) or
            m² (float64). The last column holds predictions that are none of the classes (missing,
            or sea that is no class): errors that must not vanish.
    """

    def __post_init__(self) -> None:
        """Refuse anything but a (K, K + 1) table."""
        check_counts(self.counts, n_truths=1)

    @classmethod
    def zero(cls, n_classes: int) -> Confusion:
        """The confusion of no pixel, neutral in sums."""
        return cls(empty_counts((n_classes, n_classes + 1), weighted=False))

    @property
    def accuracy(self) -> float:
        """Share of the scored weight that was predicted right; NaN if nothing was scored."""
        return ratio(float(np.trace(self.counts)), self.total)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class, ``(K,)``; NaN of one that is on neither map."""
        counts = self.counts.astype(np.float64)
        right, either = np.diagonal(counts), counts.sum(axis=1) + counts[:, :-1].sum(axis=0)
        return quotient(right, either - right)

    def rare_iou(self, share: float) -> float:
        """Mean IoU of the classes that hold less than a share of the truth; NaN without any."""
        truth = self.counts.sum(axis=1) / max(self.total, 1)
        return _mean(self.iou[(truth > 0) & (truth < share)])


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

    Quantity and allocation disagreement, exchange and shift are shares of the scored weight; of
    a class they count both its sides, so that the classes and the predictions that are none of
    them sum to twice the whole.

    Args:
        c: The confusion.
        names: Class names in legend order.
        rare: Share of the truth below which ``mean_iou_frequent`` leaves a class out.

    Returns:
        ``accuracy``, ``macro_f1``, ``weighted_f1`` (F1 weighted by support), ``mean_iou``,
        ``mean_iou_frequent``, ``kappa``, ``kappa_location``, ``kappa_histogram``, ``quantity``,
        ``allocation``, ``exchange``, ``shift``, ``outside`` (share predicted as none of the
        classes), ``total``, ``weighting`` and ``classes``: name → ``precision``, ``recall``,
        ``f1``, ``iou``, ``support``, and ``quantity``, ``exchange``, ``shift`` of that class.

    Raises:
        SampleError: If there is not one name per class.
    """
    check_names(names, c.n_classes)
    right = np.diagonal(c.counts).astype(np.float64)
    support = c.counts.sum(axis=1).astype(np.float64)
    predicted = c.counts[:, :-1].sum(axis=0).astype(np.float64)
    iou = c.iou
    f1 = quotient(2 * right, support + predicted)
    per_class = {
        "precision": quotient(right, predicted),
        "recall": quotient(right, support),
        "f1": f1,
        "iou": iou,
        **disagreement_by_class(c.counts),
    }
    present = support > 0
    frequent = present & (support >= rare * c.total)
    return {
        "accuracy": reported(c.accuracy),
        "macro_f1": reported(_mean(f1[present])),
        "weighted_f1": reported(ratio(float((support * f1)[present].sum()), c.total)),
        "mean_iou": reported(_mean(iou[present])),
        "mean_iou_frequent": reported(_mean(iou[frequent])),
        **{key: reported(value) for key, value in agreement(c.counts).items()},
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
