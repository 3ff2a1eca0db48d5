"""Three maps compared: what changed, what was said to change, and how much of it was right."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.metrics.scores.confusion import Confusion, check_names
from ai4land.metrics.tables.counting import CountTable, check_counts, empty_counts, tabulate
from ai4land.metrics.tables.undefined import quotient, ratio, reported, reported_weight

__all__ = ["ThreeMaps", "change_scores", "three_maps"]

_Where = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[np.bool_]]
"""Which (initial, reference, simulated) index triples belong to a sum."""


@dataclass(frozen=True, eq=False)
class ThreeMaps(CountTable):
    """How often an initial, a reference and a simulated class meet at a pixel.

    The budget of hits, wrong hits, misses, false alarms and correct rejections and the figures of
    merit are those of Pontius et al. (2008, doi:10.1007/s00168-007-0138-2) and Pontius,
    Peethambaram and Castella (2011, doi:10.1080/00045608.2010.517742). Scores that are 0/0 are
    NaN.

    Attributes:
        counts: Shape (K, K, K + 1), ``counts[initial, reference, simulated]`` in legend order;
            pixels (int64) or m² (float64). The last column holds simulations that are none of the
            classes; they count as wrong change.
    """

    def __post_init__(self) -> None:
        """Refuse anything but a (K, K, K + 1) table."""
        check_counts(self.counts, n_truths=2)

    @classmethod
    def zero(cls, n_classes: int) -> ThreeMaps:
        """The table of no pixel, neutral in sums."""
        return cls(empty_counts((n_classes, n_classes, n_classes + 1), weighted=False))

    @property
    def hits(self) -> float:
        """Changed, and simulated to become what it became."""
        return self._sum(lambda i, j, k: (i != j) & (j == k))

    @property
    def wrong_hits(self) -> float:
        """Changed and simulated to change, to another class."""
        return self._sum(lambda i, j, k: (i != j) & (i != k) & (j != k))

    @property
    def misses(self) -> float:
        """Changed, simulated to persist."""
        return self._sum(lambda i, j, k: (i != j) & (i == k))

    @property
    def false_alarms(self) -> float:
        """Persisted, simulated to change."""
        return self._sum(lambda i, j, k: (i == j) & (i != k))

    @property
    def correct_rejections(self) -> float:
        """Persisted, simulated to persist."""
        return self._sum(lambda i, j, k: (i == j) & (i == k))

    @property
    def observed_change(self) -> float:
        """Hits, wrong hits and misses."""
        return self._sum(lambda i, j, k: (i != j) & (k >= 0))

    @property
    def simulated_change(self) -> float:
        """Hits, wrong hits and false alarms."""
        return self._sum(lambda i, j, k: (i != k) & (j >= 0))

    @property
    def figure_of_merit(self) -> float:
        """Hits per observed or simulated change; NaN if there is neither."""
        union = self.hits + self.wrong_hits + self.misses + self.false_alarms
        return ratio(self.hits, union)

    @property
    def producers_accuracy(self) -> float:
        """Hits per observed change."""
        return ratio(self.hits, self.observed_change)

    @property
    def users_accuracy(self) -> float:
        """Hits per simulated change."""
        return ratio(self.hits, self.simulated_change)

    @property
    def loss_figure_of_merit(self) -> NDArray[np.float64]:
        """Shape (K,): of a class, what left it and was simulated rightly, per what left in either.

        The figure of merit "from category i" of Pontius et al. (2011): the union of observed and
        simulated loss is the initial area of the class less what rightly stayed.
        """
        hits, _ = self._transitions()
        stayed = np.einsum("iii->i", self.counts[:, :, :-1])
        return quotient(hits.sum(axis=1), (self.counts.sum(axis=(1, 2)) - stayed).astype(float))

    @property
    def gain_figure_of_merit(self) -> NDArray[np.float64]:
        """Shape (K,): where a class was gained in both maps, per gained in either."""
        hits, union = self._transitions()
        return quotient(hits.sum(axis=0), union.sum(axis=0))

    @property
    def transition_figure_of_merit(self) -> NDArray[np.float64]:
        """Shape (K, K), ``[from, to]``: transition in both maps, per in either; diagonal NaN."""
        return quotient(*self._transitions())

    @property
    def change_iou(self) -> float:
        """Changed in both maps, to whatever class, per changed in either."""
        both = self.hits + self.wrong_hits
        return ratio(both, both + self.misses + self.false_alarms)

    @property
    def change_segmentation(self) -> float:
        """Mean of ``change_iou`` and of the mean class IoU on pixels that changed.

        The semantic change segmentation score (SCS) of Toker et al. (2022, arXiv:2203.12560), with
        the mean over the classes that the truth holds there.
        """
        table = self.changed.counts
        right = np.diagonal(table).astype(np.float64)
        present = table.sum(axis=1)
        iou = quotient(right, present + table[:, :-1].sum(axis=0) - right)[present > 0]
        return 0.5 * (self.change_iou + float(iou.mean())) if iou.size else math.nan

    @property
    def kappa_simulation(self) -> float:
        """Agreement beyond chance given the initial map; 0 for persistence.

        Van Vliet, Bregt and Hagen-Zanker (2011, doi:10.1016/j.ecolmodel.2011.01.017).
        """
        agreed, chance, _ = self._agreement()
        return ratio(agreed - chance, 1.0 - chance, scale=1.0)

    @property
    def kappa_transition(self) -> float:
        """The part of kappa simulation due to the amounts of each transition."""
        _, chance, best = self._agreement()
        return ratio(best - chance, 1.0 - chance, scale=1.0)

    @property
    def kappa_transloc(self) -> float:
        """The part of kappa simulation due to where the transitions were placed."""
        agreed, chance, best = self._agreement()
        return ratio(agreed - chance, best - chance, scale=1.0)

    @property
    def reference_confusion(self) -> Confusion:
        """Reference against simulation on all pixels."""
        return Confusion(self.counts.sum(axis=0))

    @property
    def changed(self) -> Confusion:
        """Reference against simulation where the reference differs from the initial map."""
        persistent = np.eye(self.n_classes, dtype=np.bool_)[:, :, np.newaxis]
        return Confusion(np.where(persistent, 0, self.counts).sum(axis=0))

    @property
    def persistence(self) -> ThreeMaps:
        """The same pixels with the initial map as the simulation: what doing nothing scores."""
        counts = np.zeros_like(self.counts)
        for i in range(self.n_classes):
            counts[i, :, i] = self.counts[i].sum(axis=1)
        return ThreeMaps(counts)

    def _sum(self, where: _Where) -> float:
        k = self.n_classes
        return float(self.counts[where(*np.ogrid[:k, :k, : k + 1])].sum())

    def _transitions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shape (K, K) twice: transitions i → j in both maps, and in either; zero for i = j."""
        observed = self.counts.sum(axis=2).astype(np.float64)
        simulated = self.counts.sum(axis=1)[:, :-1].astype(np.float64)
        both = np.einsum("ijj->ij", self.counts[:, :, :-1]).astype(np.float64)
        union = observed + simulated - both
        np.fill_diagonal(both, 0.0)
        np.fill_diagonal(union, 0.0)
        return both, union

    def _agreement(self) -> tuple[float, float, float]:
        """Shares of agreement: found, expected by chance, and at best with these amounts."""
        if self.total == 0:
            return math.nan, math.nan, math.nan
        initial = self.counts.sum(axis=(1, 2))
        held = initial > 0
        area = initial[held].astype(np.float64)[:, np.newaxis]
        # What no class of the truth can match, the last column, adds nothing to any of the three.
        observed = self.counts.sum(axis=2)[held] / area
        simulated = self.counts.sum(axis=1)[held, :-1] / area
        chance = float((area * observed * simulated).sum()) / self.total
        best = float((area * np.minimum(observed, simulated)).sum()) / self.total
        return self.reference_confusion.accuracy, chance, best


def three_maps(
    initial: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    simulated: NDArray[np.uint8],
    n_classes: int,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> ThreeMaps:
    """Compare a simulated map with a reference, given where both started.

    Args:
        initial: Class indices 0…K−1 (not codes) of any shape, uint8; 255 is missing, left out.
        reference: The truth at the later step (the earlier one in a hindcast); likewise.
        simulated: The simulation of the reference; 255 counts as wrong change.
        n_classes: Number of classes K.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.

    Returns:
        Their table.

    Raises:
        GridError: If shapes differ, or a weight is negative or not finite.
        VocabularyError: If a scored index is no class.
    """
    return ThreeMaps(tabulate([initial, reference], simulated, n_classes, weights, mask))


def change_scores(three: ThreeMaps, names: Sequence[str]) -> dict[str, Any]:
    """Scores of a simulated change, ready for JSON.

    Args:
        three: The table of the three maps.
        names: Class names in legend order.

    Returns:
        The five parts of the budget, observed and simulated change (pixels or m²), figure of
        merit, producer's and user's accuracy, IoU of change, semantic change segmentation score,
        the three kappas of simulation, ``gains`` and ``losses``: class → figure of merit, and
        ``transitions``: rows of ``from``, ``to``, ``observed``,
        ``simulated``, ``hits``, ``figure_of_merit`` for those that occur in either map. What is
        0/0 is ``None``.

    Raises:
        SampleError: If there is not one name per class.
    """
    check_names(names, three.n_classes)
    amounts = (
        "hits",
        "wrong_hits",
        "misses",
        "false_alarms",
        "correct_rejections",
        "observed_change",
        "simulated_change",
    )
    scores = (
        "figure_of_merit",
        "producers_accuracy",
        "users_accuracy",
        "change_iou",
        "change_segmentation",
        "kappa_simulation",
        "kappa_transition",
        "kappa_transloc",
    )
    gains, losses = three.gain_figure_of_merit, three.loss_figure_of_merit
    return {
        **{key: reported_weight(getattr(three, key), three.weighting) for key in amounts},
        **{key: reported(getattr(three, key)) for key in scores},
        "gains": {name: reported(gains[k]) for k, name in enumerate(names)},
        "losses": {name: reported(losses[k]) for k, name in enumerate(names)},
        "transitions": _transition_rows(three, names),
    }


def _transition_rows(three: ThreeMaps, names: Sequence[str]) -> list[dict[str, Any]]:
    observed, simulated = three.counts.sum(axis=2), three.counts.sum(axis=1)
    merit = three.transition_figure_of_merit
    return [
        {
            "from": names[i],
            "to": names[j],
            "observed": reported_weight(observed[i, j], three.weighting),
            "simulated": reported_weight(simulated[i, j], three.weighting),
            "hits": reported_weight(three.counts[i, j, j], three.weighting),
            "figure_of_merit": reported(merit[i, j]),
        }
        for i, j in np.argwhere(np.isfinite(merit))
    ]
