"""Transitions: which class was seen to follow which, so that the impossible is not predicted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4land.models.inputs import Seen

__all__ = ["Transitions"]


class Transitions(nn.Module):
    """Structural zeros: what never happened where the network learned, it does not predict.

    Land-change data hold pairs of classes between which nothing ever moves: water stays water,
    towns are not given up, while backward in time nothing new becomes town that was not. A
    network leaves a little probability on them, and many pixels make many errors out of a little.

    Args:
        classes: Number of classes K.

    Attributes:
        counts: ``(2, K, K)`` pixels of the training split by class before and after, steps
            forward and steps backward. Without any in a direction everything is possible.
    """

    counts: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(2, classes, classes, dtype=torch.int64))

    def possible(self, steps: int = 1) -> Tensor:
        """What may follow what, ``(2, K, K)`` bool as ``counts``; a class may always stay.

        Args:
            steps: After so many steps, each of which is possible.
        """
        stays = torch.eye(self.counts.shape[-1], dtype=torch.bool, device=self.counts.device)
        unknown = self.counts.sum(dim=(1, 2), keepdim=True) == 0
        once = (self.counts > 0) | stays | unknown
        found = once
        for _ in range(steps - 1):
            found = torch.einsum("dij,djk->dik", found.float(), once.float()) > 0
        return found

    def allow(
        self, probability: Tensor, given: Seen[Tensor], backward: Tensor, steps: int = 1
    ) -> Tensor:
        """Class probabilities ``(B, K, Y, X)`` without what never followed the visible prior.

        Args:
            probability: ``(B, K, Y, X)``.
            given: What is seen of the target.
            backward: Whether the step goes backward, ``(B,)``.
            steps: Steps from the prior to what is predicted.
        """
        possible = self.possible(steps).to(probability.dtype)[backward.long()]
        seen = torch.nan_to_num(given.prior) * given.visible
        allowed = torch.einsum("bjyx,bjk->bkyx", seen, possible) + 1.0 - given.visible
        kept = probability * allowed
        total = kept.sum(dim=1, keepdim=True)
        return torch.where(total > 1e-6, kept / total.clamp(min=1e-6), seen)
