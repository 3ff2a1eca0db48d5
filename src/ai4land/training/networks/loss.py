"""The loss: all pixels, and beside them the pixels that changed; a target each, added up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.models.networks import Network, tensors
from ai4land.samples import Assembler, Sample, TargetSample, step_inputs
from ai4land.training.experiment import TrainingOptions
from ai4land.training.networks.recursion import Recursion
from ai4land.vocabulary import Target

__all__ = ["sample_loss", "step_loss"]


def step_loss(
    values: Tensor,
    target: Target,
    sample: TargetSample,
    step: int,
    *,
    scale: Tensor | None = None,
    weight: float = 0.0,
    counts: Tensor | None = None,
) -> Tensor:
    """Mean loss of one target in one step over the valid pixels of a batch.

    Cross-entropy for classes; for a number the squared error in units of the training split's
    spread. Changed pixels count ``1 + weight`` times; the sum is divided by the number of valid
    pixels. Where nothing is valid, because the target does not move, it is 0.

    Args:
        values: ``(B, K, y, x)`` logits of classes; activated values of a number in physical units.
        target: What is predicted.
        sample: Its maps.
        step: Which step, from 0.
        scale: Spread of a number, ``(1,)``.
        weight: What a changed pixel counts more than another.
        counts: ``(B,)`` what each sample counts, see ``Sample.weight``; default 1.
    """
    device = values.device
    used = sample.valid[:, step] & sample.moves[:, step, None, None]
    valid = _tensor(used).to(device)
    truth = sample.targets[:, step]
    before = sample.before if step == 0 else sample.targets[:, step - 1]
    changed = _tensor(truth != before).to(device) & valid
    if target.categorical:
        wanted = np.where(used, truth, 0).astype(np.int64)
        error = F.cross_entropy(values, _tensor(wanted).to(device), reduction="none")
    else:
        assert scale is not None
        error = ((values[:, 0] - _tensor(np.nan_to_num(truth)).to(device)) / scale) ** 2
    if counts is not None:
        error = error * counts[:, None, None]
    count = valid.sum().clamp(min=1)
    loss = (error * valid).sum() / count
    if weight > 0:
        loss = loss + weight * (error * changed).sum() / count
    return loss


def sample_loss(
    forward: nn.Module,
    network: Network,
    batch: Sample,
    assembler: Assembler,
    options: TrainingOptions,
    rng: np.random.Generator | None = None,
    progress: float = 0.0,
) -> Tensor:
    """Mean loss over the steps of a batch, each later step on the network's own prediction.

    Args:
        forward: The network, possibly wrapped for devices and precision.
        network: The same network, for its activation and scales.
        batch: Stacked samples.
        assembler: Knows how maps are read, and which forcing the own map feeds back on.
        options: Weight of changed pixels, and what is fed back, see ``Recursion``.
        rng: Source of randomness of what is fed back; default always the same.
        progress: Share of the training that is done, 0…1.
    """
    device = next(network.parameters()).device
    rng = rng or np.random.default_rng(0)
    recursion = Recursion(batch, network, assembler, options, rng, progress)
    counts = _tensor(batch.weight).to(device)
    losses = []
    for step in range(batch.steps):
        history = network.spec.history
        inputs = step_inputs(batch, step, assembler.codings, history, recursion.own)
        inputs = inputs._replace(forcing_prior=recursion.own_forcing(inputs.forcing_prior))
        raw = forward(recursion.alive(tensors(inputs, device)))
        for target in network.spec.targets:
            number = not target.categorical
            values = network.activate({target.name: raw[target.name]}) if number else raw
            scale = network.scale(target.name).spread if number else None
            losses.append(
                step_loss(
                    values[target.name],
                    target,
                    batch.targets[target.name],
                    step,
                    scale=scale,
                    weight=options.changed_weight,
                    counts=counts,
                )
            )
        if step + 1 < batch.steps:
            recursion.keep(step, raw)
    return torch.stack(losses).sum() / batch.steps


def _tensor(values: npt.NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
