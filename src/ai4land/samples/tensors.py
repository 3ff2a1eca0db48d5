"""Samples and states as tensors: the one place where arrays become network inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ai4land.models import Inputs
from ai4land.samples.sampler import Sample
from ai4land.vocabulary import NO_DATA

__all__ = ["feed_back", "probabilities", "to_inputs"]


def probabilities(positions: npt.NDArray[Any], classes: int) -> Tensor:
    """Class positions ``(…, y, x)`` as one-hot ``(…, K, y, x)`` float32; missing gives zeros."""
    index = torch.from_numpy(np.minimum(positions, classes).astype(np.int64))
    return F.one_hot(index, classes + 1)[..., :classes].movedim(-1, -3).float()


def to_inputs(sample: Sample, step: int, classes: int, own: Sequence[Tensor] = ()) -> Inputs:
    """One step of a batch of samples as network inputs.

    Args:
        sample: A batch (see ``stack``).
        step: Which step, from 0.
        classes: Number of classes; 0 for a continuous target.
        own: The network's own predictions ``(B, K, y, x)`` of all steps so far, oldest first. The
            last is the prior, instead of the sample's, and is seen wherever the target exists;
            the others are its history. Sea stays as it was.
    """
    exists = torch.from_numpy(sample.domain)[:, None]
    start = _values(sample.before if own else sample.prior, classes)
    known = sample.before != NO_DATA if classes else np.isfinite(sample.before)
    visible = torch.from_numpy(known if own else sample.visible)[:, None]
    filled = [torch.where(exists, values, start) for values in own]
    past = _values(sample.history, classes, history=True)
    past_visible = torch.from_numpy(sample.history_visible)
    if own:
        # the first prior was seen as the sample showed it, the own maps everywhere
        first = torch.from_numpy(sample.visible)[:, None]
        length = past.shape[1]
        shown = _values(sample.prior, classes)
        past = torch.cat([torch.stack([*filled[-2::-1], shown], dim=1), past], dim=1)[:, :length]
        seen = torch.cat([visible] * (len(own) - 1) + [first, past_visible], dim=1)
        past_visible = seen[:, :length]
    forcing = torch.from_numpy(np.ascontiguousarray(sample.forcing))
    return Inputs(
        prior=filled[-1] if own else start,
        visible=visible.float(),
        domain=exists.float(),
        forcing_prior=forcing[:, step],
        forcing_target=torch.from_numpy(sample.target_forcing(step)),
        static=torch.from_numpy(np.ascontiguousarray(sample.static)),
        zones=torch.from_numpy(np.ascontiguousarray(sample.zones)),
        history=past,
        history_visible=past_visible.float(),
        years=torch.from_numpy(sample.years[:, step].copy()),
    )


def _values(values: npt.NDArray[Any], classes: int, *, history: bool = False) -> Tensor:
    """Positions as probabilities, numbers as they are: ``(B, [H,] K, y, x)``."""
    if classes:
        return probabilities(values, classes)
    return torch.from_numpy(np.ascontiguousarray(values)).unsqueeze(2 if history else 1).float()


def feed_back(forcing: Tensor, sample: Sample, step: int, own: Tensor, channels: slice) -> Tensor:
    """Forcing at the prior time of a later step, as the model's own map makes it.

    The difference between own and true map is summed over the pixels of each coarse cell that the
    window holds and the loss may see, and added to the true forcing: exact for cells that lie
    wholly in the window, and no worse than the truth for the others.

    Args:
        forcing: ``(B, C, y, x)`` true forcing at that time.
        sample: The batch.
        step: The step, from 1, whose prior ``own`` is.
        own: ``(B, K, y, x)`` the model's class probabilities.
        channels: The forcing channels made of the classes.
    """
    truth = probabilities(sample.targets[:, step - 1], own.shape[1])
    seen = torch.from_numpy(sample.valid[:, step - 1])[:, None].float()
    share = torch.from_numpy(np.ascontiguousarray(sample.cell_share))[:, None]
    surplus = ((own - truth) * seen * share).flatten(2)
    cell = torch.from_numpy(np.ascontiguousarray(sample.cell)).flatten(1)[:, None]
    index = cell.expand_as(surplus)
    sums = surplus.new_zeros(*surplus.shape[:2], int(cell.max()) + 1)
    sums = sums.scatter_add(2, index, surplus)
    changed = forcing.clone()
    changed[:, channels] += sums.gather(2, index).reshape(own.shape)
    return changed
