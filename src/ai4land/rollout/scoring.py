"""Scoring a rollout while it runs: truth, prediction and both their pasts, step by step."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ai4land.cube import State
from ai4land.errors import SampleError
from ai4land.metrics import Protocol, RolloutScores, score_step, valid_mask
from ai4land.samples import WindowReader

__all__ = ["score_rollout"]


def score_rollout(
    states: Iterable[State],
    reader: WindowReader,
    *,
    protocol: Protocol = Protocol.LAND,
    mask: npt.NDArray[np.bool_] | None = None,
    weights: npt.NDArray[np.float64] | None = None,
) -> RolloutScores:
    """Consume a rollout and score every step against the labels of a cube.

    Args:
        states: The rollout, initial state first.
        reader: Serves the labels.
        protocol: Land alone, or all classes as the reference system counts.
        mask: ``(y, x)`` pixels to score; default all.
        weights: ``(y, x)`` areas in m²; default every pixel counts 1.
    """
    scores = RolloutScores()
    target = reader.task.target
    legend = reader.legend
    if legend is None:
        raise SampleError("Only maps of classes are scored here", where=target)
    whole = reader.grid.window
    initial: npt.NDArray[np.uint8] | None = None
    prior = initial
    before = initial
    for lead, state in enumerate(states):
        own = reader.positions(state[target].values)
        truth = reader.target(state.tick, whole)
        if initial is None or prior is None or before is None:
            initial = own
        else:
            used = np.logical_and.reduce(
                [valid_mask(m, legend, protocol) for m in (initial, before, truth)]
            )
            used = used if mask is None else used & mask
            scores += score_step(
                lead,
                state.tick,
                initial=initial,
                prior_truth=before,
                truth=truth,
                own_prior=prior,
                prediction=own,
                n_classes=len(legend),
                weights=weights,
                mask=used,
            )
        prior, before = own, truth
    return scores
