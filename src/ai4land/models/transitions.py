"""Transitions: which class was seen to follow which, so that the impossible is not predicted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4land.models.inputs import Inputs

__all__ = ["Transitions"]


class Transitions(nn.Module):
    """Structural zeros: what never happened where the network learned, it does not predict.

    Land-change data hold pairs of classes between which nothing ever moves: water stays water,
    towns are not given up, while backward in time nothing new becomes town that was not. A
    network leaves a little probability on them, and many pixels make many errors out of a little.

    Args:
        classes: Number of classes K.

    Attributes:
        counts: ``(2, K, K)`` pixels of the training samples by class before and after, steps
            forward and steps backward. Without any in a direction everything is possible.
    """

    counts: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(2, classes, classes, dtype=torch.int64))

    @torch.no_grad()
    def note(self, before: Tensor, after: Tensor, valid: Tensor, backward: Tensor) -> None:
        """Count what is seen in a batch.

        Args:
            before: Class positions ``(B, Y, X)``.
            after: Class positions after the step, likewise.
            valid: Pixels that count, likewise.
            backward: Whether the step goes backward, ``(B,)``.
        """
        classes = self.counts.shape[-1]
        direction = backward.long()[:, None, None].expand_as(before)
        key = (direction * classes + before.long()) * classes + after.long()
        found = torch.bincount(key[valid], minlength=self.counts.numel())
        self.counts += found.reshape(self.counts.shape).to(self.counts.device)

    def possible(self) -> Tensor:
        """What may follow what, ``(2, K, K)`` bool as ``counts``; a class may always stay."""
        stays = torch.eye(self.counts.shape[-1], dtype=torch.bool, device=self.counts.device)
        unknown = self.counts.sum(dim=(1, 2), keepdim=True) == 0
        return (self.counts > 0) | stays | unknown

    def allow(self, probability: Tensor, inputs: Inputs) -> Tensor:
        """Class probabilities ``(B, K, Y, X)`` without what never followed the visible prior."""
        possible = self.possible().to(probability.dtype)
        of_sample = possible[(inputs.years < 0).long()]
        seen = torch.nan_to_num(inputs.prior) * inputs.visible
        allowed = torch.einsum("bjyx,bjk->bkyx", seen, of_sample) + 1.0 - inputs.visible
        kept = probability * allowed
        total = kept.sum(dim=1, keepdim=True)
        return torch.where(total > 1e-6, kept / total.clamp(min=1e-6), seen)
