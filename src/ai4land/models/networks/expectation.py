"""What the coarse net change alone says of a pixel, and priors as log-odds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["expected_classes", "log_odds"]

_FLOOR = 0.01  # probability mass spread over all classes before a map becomes log-odds


def expected_classes(before: Tensor, after: Tensor, seen: Tensor, visible: Tensor) -> Tensor:
    """Class probabilities ``(B, K, Y, X)`` under the coarse net change alone.

    A pixel of a class whose share shrinks loses it with probability loss / share and takes a
    growing class in proportion to its gain: a Markov chain with the fewest transitions that the
    two coarse states allow. Where the prior is hidden the expectation is the share at the target
    time.

    Args:
        before: ``(B, K, Y, X)`` shares of the classes at the prior time, 0 where unknown.
        after: The same at the target time.
        seen: ``(B, K, Y, X)`` the visible prior, 0 where hidden.
        visible: ``(B, 1, Y, X)``.
    """
    gain, loss = (after - before).clamp(min=0.0), (before - after).clamp(min=0.0)
    gained, lost = gain.sum(dim=1, keepdim=True), loss.sum(dim=1, keepdim=True)
    # where the total of the shares falls, what nobody gains is not lost either
    loss = loss * (gained / lost.clamp(min=1e-12)).clamp(max=1.0)
    gain = gain / gained.clamp(min=1e-12)
    rate = (loss / before.clamp(min=1e-3)).clamp(max=1.0)
    moved = seen * rate
    share = after / after.sum(dim=1, keepdim=True).clamp(min=1e-6)
    hidden = 1.0 - visible
    return seen - moved + moved.sum(dim=1, keepdim=True) * gain + hidden * share


def log_odds(probability: Tensor) -> Tensor:
    """Log-odds of classes ``(B, K, Y, X)`` above a floor: 0 for an absent class."""
    base = _FLOOR / probability.shape[1]
    return torch.log(probability * (1.0 - _FLOOR) + base) - math.log(base)
