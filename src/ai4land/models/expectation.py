"""What the coarse forcing alone says of a pixel, and maps as log-odds."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ai4land.models.inputs import InputSpec

__all__ = ["expected_classes", "log_odds", "translated"]

FloatArray = npt.NDArray[np.float32]
Layers: TypeAlias = Any  # an array of NumPy or a tensor

FLOOR = 0.01  # probability mass spread over all classes before a map becomes log-odds


def translated(spec: InputSpec, forcing: FloatArray) -> FloatArray:
    """Forcing channels ``(B, C, Y, X)`` as shares of the bound target's classes.

    Returns:
        ``(B, K, Y, X)``, 0 where a channel is missing.
    """
    matrix = np.array(spec.translation, np.float32)
    used = np.flatnonzero(matrix.any(axis=0))
    known = np.nan_to_num(forcing[:, used])
    if matrix[:, used].shape == (len(matrix),) * 2 and (matrix[:, used] == np.eye(len(used))).all():
        return np.ascontiguousarray(known)  # the classes themselves
    return np.asarray(np.einsum("kc,bcyx->bkyx", matrix[:, used], known))


def expected_classes(
    before: Layers, after: Layers, seen: Layers, visible: Layers, told: Layers = 0.0
) -> Layers:
    """Class probabilities ``(B, K, Y, X)`` under the coarse net change alone.

    A pixel of a class whose share shrinks loses it with probability loss / share and takes a
    growing class in proportion to its gain: a Markov chain with the fewest transitions that the
    two coarse states allow. Where the prior is hidden the expectation is the share at the target
    time. Written in what arrays of NumPy and of torch both know.

    Args:
        before: ``(B, K, Y, X)`` shares of the classes at the prior time, 0 where unknown.
        after: The same at the target time.
        seen: ``(B, K, Y, X)`` the visible prior, 0 where hidden.
        visible: ``(B, 1, Y, X)``.
        told: Probability that is given already, and not part of ``seen``.
    """
    gain, loss = (after - before).clip(min=0.0), (before - after).clip(min=0.0)
    gained, lost = gain.sum(axis=1, keepdims=True), loss.sum(axis=1, keepdims=True)
    # where the total of the shares falls, what nobody gains is not lost either
    loss = loss * (gained / lost.clip(min=1e-12)).clip(max=1.0)
    gain = gain / gained.clip(min=1e-12)
    moved = seen * (loss / before.clip(min=1e-3)).clip(max=1.0)
    share = after / after.sum(axis=1, keepdims=True).clip(min=1e-6)
    hidden = (1.0 - visible) * share
    return told + seen - moved + moved.sum(axis=1, keepdims=True) * gain + hidden


def log_odds(probability: FloatArray) -> FloatArray:
    """Log-odds of classes ``(B, K, Y, X)`` above a floor: 0 for an absent class."""
    base = FLOOR / probability.shape[1]
    found = np.log(probability * (1.0 - FLOOR) + base) - math.log(base)
    return np.asarray(found, np.float32)
