"""Scores of a rollout, kept as tables that add over tiles and regions, one per lead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.metrics.changes.three_maps import ThreeMaps, three_maps
from ai4land.metrics.scores.confusion import Confusion, confusion
from ai4land.metrics.tables.binned import Binned
from ai4land.metrics.tables.counting import check_shapes
from ai4land.metrics.tables.sums import Sums
from ai4land.vocabulary import NO_DATA

__all__ = ["LeadScores", "RolloutScores", "rollouts_by_region", "score_step"]


@dataclass(frozen=True, eq=False)
class LeadScores(Sums):
    """The tables of one step of a rollout, from which all its scores follow.

    Those of different steps do not add; ``RolloutScores`` collects them.

    Attributes:
        lead: Steps since the initial state, from 1.
        time: The year (or the date as the clock counts it) that was predicted.
        confusion: Truth against prediction, all scored pixels.
        three: Initial map, truth and prediction.
        changed_truth: Truth against prediction where the truth differs from the truth one step
            before.
        changed_prior: The same, where the truth differs from the state the model itself
            stepped from.
        changed_initial: The same, where the truth differs from the initial map.
    """

    lead: int
    time: int
    confusion: Confusion
    three: ThreeMaps
    changed_truth: Confusion
    changed_prior: Confusion
    changed_initial: Confusion


@dataclass(frozen=True)
class RolloutScores:
    """The scores of a rollout, gathered step by step and tile by tile.

    ``scores += score_step(...)`` puts a new lead beside the others and adds to a lead that is
    there already; two rollouts of different tiles or regions add in the same way.

    Attributes:
        leads: One entry per lead, in order.
    """

    leads: tuple[LeadScores, ...] = ()

    def __add__(self, other: RolloutScores | LeadScores) -> RolloutScores:
        """Both together.

        Raises:
            SampleError: If one lead stands for different times in the two.
        """
        table = {step.lead: step for step in self.leads}
        for step in other.leads if isinstance(other, RolloutScores) else (other,):
            table[step.lead] = table[step.lead] + step if step.lead in table else step
        return RolloutScores(tuple(table[lead] for lead in sorted(table)))


def rollouts_by_region(steps: Iterable[Binned[LeadScores]]) -> dict[int, RolloutScores]:
    """Turn the regions of every step into the rollouts of every region.

    Args:
        steps: What ``by(regions, score_step, …)`` gives at each step.

    Returns:
        Region → its scores, ready for ``summarise``.
    """
    rollouts: dict[int, RolloutScores] = {}
    for step in steps:
        for region, scores in step.items():
            rollouts[region] = rollouts.get(region, RolloutScores()) + scores
    return rollouts


def score_step(
    lead: int,
    time: int,
    *,
    initial: NDArray[np.uint8],
    prior_truth: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    own_prior: NDArray[np.uint8],
    prediction: NDArray[np.uint8],
    n_classes: int,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> LeadScores:
    """Score one step of a rollout.

    All tables count the same pixels: those of the mask at which no truth map is missing. For the
    land protocol pass the conjunction of ``valid_mask`` over initial, prior truth and truth.

    Args:
        lead: Steps since the initial state, from 1.
        time: The year predicted.
        initial: The truth the rollout started from; class indices (not codes) of any shape,
            uint8, 255 missing.
        prior_truth: The truth one step before ``truth`` in the direction of the rollout.
        truth: The truth at ``time``.
        own_prior: The state the model stepped from, its own prediction after the first step.
        prediction: The prediction of ``truth``; 255 counts as an error.
        n_classes: Number of classes K.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.

    Returns:
        The tables of this step.

    Raises:
        GridError: If shapes differ, or a weight is negative or not finite.
        VocabularyError: If a scored index is no class.
    """
    check_shapes(
        truth.shape,
        initial=initial,
        prior_truth=prior_truth,
        own_prior=own_prior,
        prediction=prediction,
    )
    scored = (initial != NO_DATA) & (prior_truth != NO_DATA) & (truth != NO_DATA)
    if mask is not None:
        check_shapes(truth.shape, mask=mask)
        scored &= mask
    three = three_maps(initial, truth, prediction, n_classes, weights, scored)

    def changed_since(other: NDArray[np.uint8]) -> Confusion:
        return confusion(truth, prediction, n_classes, weights, scored & (truth != other))

    return LeadScores(
        lead=lead,
        time=time,
        confusion=three.reference_confusion,
        three=three,
        changed_truth=changed_since(prior_truth),
        changed_prior=changed_since(own_prior),
        changed_initial=three.changed,
    )
