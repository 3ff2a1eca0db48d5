"""What the coarse change alone says of a pixel, and priors as log-odds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["expected_classes", "log_odds"]

_FLOOR = 0.01  # probability mass spread over all classes before a map becomes log-odds


def expected_classes(
    before: Tensor, after: Tensor, seen: Tensor, visible: Tensor, flows: Tensor | None = None
) -> Tensor:
    """Class probabilities ``(B, K, Y, X)`` under the coarse change alone.

    A pixel of a class whose share shrinks loses it with probability loss / share and takes a
    growing class in proportion to its gain: a Markov chain with the fewest transitions that the
    two coarse states allow. Where the prior is hidden the expectation is the share at the target
    time. Where gross transitions are known, a class of the prior becomes others at their rates
    instead, whether or not the areas of the cell change.

    Args:
        before: ``(B, K, Y, X)`` shares of the classes at the prior time, 0 where unknown.
        after: The same at the target time.
        seen: ``(B, K, Y, X)`` the visible prior, 0 where hidden.
        visible: ``(B, 1, Y, X)``.
        flows: ``(B, K, K, Y, X)`` chance that a class (first) becomes another (second), rows that
            sum to 1 or are 0 where unknown; none at all by default.
    """
    told = torch.zeros_like(seen)
    if flows is not None:
        told = torch.einsum("bjyx,bjkyx->bkyx", seen, flows)
        seen = seen * (1.0 - flows.sum(dim=2))  # what the rates leave open goes by the net change
    gain, loss = (after - before).clamp(min=0.0), (before - after).clamp(min=0.0)
    gained, lost = gain.sum(dim=1, keepdim=True), loss.sum(dim=1, keepdim=True)
    # where the total of the shares falls, what nobody gains is not lost either
    loss = loss * (gained / lost.clamp(min=1e-12)).clamp(max=1.0)
    gain = gain / gained.clamp(min=1e-12)
    rate = (loss / before.clamp(min=1e-3)).clamp(max=1.0)
    moved = seen * rate
    share = after / after.sum(dim=1, keepdim=True).clamp(min=1e-6)
    hidden = 1.0 - visible
    return told + seen - moved + moved.sum(dim=1, keepdim=True) * gain + hidden * share


def log_odds(probability: Tensor) -> Tensor:
    """Log-odds of classes ``(B, K, Y, X)`` above a floor: 0 for an absent class."""
    base = _FLOOR / probability.shape[1]
    return torch.log(probability * (1.0 - _FLOOR) + base) - math.log(base)
