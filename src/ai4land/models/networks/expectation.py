"""What the coarse change alone says of a pixel where gross transitions are told; log-odds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ai4land.models import expectation

__all__ = ["expected_classes", "log_odds"]


def expected_classes(
    before: Tensor, after: Tensor, seen: Tensor, visible: Tensor, flows: Tensor | None = None
) -> Tensor:
    """Class probabilities ``(B, K, Y, X)`` under the coarse change alone.

    Where gross transitions are known, a class of the prior becomes others at their rates, whether
    or not the areas of the cell change; all else goes by ``models.expectation``.

    Args:
        before: ``(B, K, Y, X)`` shares of the classes at the prior time, 0 where unknown.
        after: The same at the target time.
        seen: ``(B, K, Y, X)`` the visible prior, 0 where hidden.
        visible: ``(B, 1, Y, X)``.
        flows: ``(B, K, K, Y, X)`` chance that a class (first) becomes another (second), rows that
            sum to 1 or are 0 where unknown; none at all by default.
    """
    told: Tensor | float = 0.0
    if flows is not None:
        told = torch.einsum("bjyx,bjkyx->bkyx", seen, flows)
        seen = seen * (1.0 - flows.sum(dim=2))  # what the rates leave open goes by the net change
    found: Tensor = expectation.expected_classes(before, after, seen, visible, told)
    return found


def log_odds(probability: Tensor) -> Tensor:
    """Log-odds of classes ``(B, K, Y, X)`` above a floor, as ``models.expectation`` has them."""
    base = expectation.FLOOR / probability.shape[1]
    return torch.log(probability * (1.0 - expectation.FLOOR) + base) - math.log(base)
