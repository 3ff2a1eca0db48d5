"""The loss: all pixels, and beside them the pixels that changed."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ai4land.samples import Sample

__all__ = ["step_loss"]


def step_loss(
    raw: Tensor, network_scale: Tensor, sample: Sample, step: int, weight: float
) -> Tensor:
    """Mean loss of one step over the valid pixels of a batch.

    Cross-entropy for classes; for a continuous target the squared error in units of the training
    split's spread. ``mean over all + weight · mean over changed`` pixels.

    Args:
        raw: ``(B, K, y, x)`` raw output for classes; activated values in physical units for a
            continuous target.
        network_scale: Spread of a continuous target, ``(1,)``; ignored for classes.
        sample: The batch.
        step: Which step, from 0.
        weight: Weight of the changed pixels.
    """
    valid = torch.from_numpy(np.ascontiguousarray(sample.valid[:, step])).to(raw.device)
    truth = np.ascontiguousarray(sample.targets[:, step])
    before = sample.before if step == 0 else sample.targets[:, step - 1]
    changed = torch.from_numpy(np.ascontiguousarray(truth != before)).to(raw.device) & valid
    if truth.dtype == np.uint8:
        target = torch.from_numpy(np.where(truth == 255, 0, truth).astype(np.int64))
        error = F.cross_entropy(raw, target.to(raw.device), reduction="none")
    else:
        target = torch.from_numpy(np.nan_to_num(truth)).to(raw.device)
        error = ((raw[:, 0] - target) / network_scale) ** 2
    loss = (error * valid).sum() / valid.sum().clamp(min=1)
    if weight > 0:
        loss = loss + weight * (error * changed).sum() / valid.sum().clamp(min=1)
    return loss
