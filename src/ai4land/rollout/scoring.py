"""Scoring a rollout while it runs: truth, prediction and both their pasts, step by step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.cube import State
from ai4land.metrics import LeadScores, RolloutScores, ScoredClasses, score_step, valid_mask
from ai4land.samples import Labels

__all__ = ["ScoredStep", "score_rollout", "steps_with_truth"]

ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ScoredStep:
    """A step of a rollout beside the truth; maps are class positions ``(y, x)``, 255 missing.

    Attributes:
        lead: Steps since the initial state, from 1.
        state: The state reached.
        initial: The map of the initial state.
        prior_truth: The truth one step before.
        truth: The truth at the time of the state.
        own_prior: The map of the state before.
        own: The map of the state.
    """

    lead: int
    state: State
    initial: ByteArray
    prior_truth: ByteArray
    truth: ByteArray
    own_prior: ByteArray
    own: ByteArray

    def scores(
        self,
        n_classes: int,
        weights: npt.NDArray[np.float64] | None,
        mask: npt.NDArray[np.bool_],
    ) -> LeadScores:
        """Scores of the step on the pixels of a mask."""
        return score_step(
            self.lead,
            self.state.tick,
            initial=self.initial,
            prior_truth=self.prior_truth,
            truth=self.truth,
            own_prior=self.own_prior,
            prediction=self.own,
            n_classes=n_classes,
            weights=weights,
            mask=mask,
        )


def score_rollout(
    states: Iterable[State],
    labels: Labels,
    *,
    protocol: ScoredClasses = ScoredClasses.LAND,
    mask: npt.NDArray[np.bool_] | None = None,
    weights: npt.NDArray[np.float64] | None = None,
) -> RolloutScores:
    """Consume a rollout and score every step against the labels of a cube.

    Args:
        states: The rollout, initial state first.
        labels: The truth.
        protocol: Land alone, or all classes as the reference system counts.
        mask: ``(y, x)`` pixels to score; default all.
        weights: ``(y, x)`` areas in m²; default every pixel counts 1.
    """
    legend, scores = labels.classes, RolloutScores()
    for step in steps_with_truth(states, labels):
        maps = (step.initial, step.prior_truth, step.truth)
        used = np.logical_and.reduce([valid_mask(m, legend, protocol) for m in maps])
        scores += step.scores(len(legend), weights, used if mask is None else used & mask)
    return scores


def steps_with_truth(states: Iterable[State], labels: Labels) -> Iterator[ScoredStep]:
    """Put every step of a rollout beside the labels of a cube.

    Args:
        states: The rollout, initial state first; the cube must hold labels of all their times.
        labels: The truth.
    """
    name, clock = labels.target.name, labels.target.clock
    moved = (
        next(group)
        for _, group in itertools.groupby(states, lambda s: s.clock.convert(s.tick, clock))
    )
    maps = (
        (
            state,
            labels.positions(state[name].values),
            labels.at(state.clock.convert(state.tick, clock)),
        )
        for state in moved
    )
    initial: ByteArray | None = None
    for lead, (earlier, later) in enumerate(itertools.pairwise(maps), start=1):
        (_, prior, before), (state, own, truth) = earlier, later
        initial = prior if initial is None else initial
        yield ScoredStep(lead, state, initial, before, truth, prior, own)
