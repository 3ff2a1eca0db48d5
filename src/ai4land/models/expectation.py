"""What the coarse forcing alone says of a pixel, in NumPy; networks have the same in torch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ai4land.models.inputs import InputSpec

__all__ = ["expected_classes", "log_odds", "translated"]

FloatArray = npt.NDArray[np.float32]

_FLOOR = 0.01  # probability mass spread over all classes before a map becomes log-odds


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
    before: FloatArray, after: FloatArray, seen: FloatArray, visible: FloatArray
) -> FloatArray:
    """Class probabilities ``(B, K, Y, X)`` under the coarse net change alone.

    A pixel of a class whose share shrinks loses it with probability loss / share and takes a
    growing class in proportion to its gain: a Markov chain with the fewest transitions that the
    two coarse states allow. Where the prior is hidden the expectation is the share at the target
    time. The same formula as ``models.networks.expectation``.

    Args:
        before: ``(B, K, Y, X)`` shares of the classes at the prior time, 0 where unknown.
        after: The same at the target time.
        seen: ``(B, K, Y, X)`` the visible prior, 0 where hidden.
        visible: ``(B, 1, Y, X)``.
    """
    gain, loss = np.maximum(after - before, 0.0), np.maximum(before - after, 0.0)
    gained, lost = gain.sum(axis=1, keepdims=True), loss.sum(axis=1, keepdims=True)
    # where the total of the shares falls, what nobody gains is not lost either
    loss = loss * np.minimum(gained / np.maximum(lost, 1e-12), 1.0)
    gain = gain / np.maximum(gained, 1e-12)
    moved = seen * np.minimum(loss / np.maximum(before, 1e-3), 1.0)
    share = after / np.maximum(after.sum(axis=1, keepdims=True), 1e-6)
    expected = seen - moved + moved.sum(axis=1, keepdims=True) * gain + (1.0 - visible) * share
    return np.asarray(expected, np.float32)


def log_odds(probability: FloatArray) -> FloatArray:
    """Log-odds of classes ``(B, K, Y, X)`` above a floor: 0 for an absent class."""
    base = _FLOOR / probability.shape[1]
    found = np.log(probability * (1.0 - _FLOOR) + base) - math.log(base)
    return np.asarray(found, np.float32)
