"""The loss: all pixels, and beside them the pixels that changed."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.models import UNet
from ai4land.samples import Sample, WindowReader, feed_back, to_inputs
from ai4land.training.experiment import TrainingOptions

__all__ = ["sample_loss", "step_loss"]


def step_loss(
    raw: Tensor, network_scale: Tensor, sample: Sample, step: int, weight: float
) -> Tensor:
    """Mean loss of one step over the valid pixels of a batch.

    Cross-entropy for classes; for a continuous target the squared error in units of the training
    split's spread. Changed pixels count ``1 + weight`` times; the sum is divided by the number of
    valid pixels.

    Args:
        raw: ``(B, K, y, x)`` raw output for classes; activated values in physical units for a
            continuous target.
        network_scale: Spread of a continuous target, ``(1,)``; ignored for classes.
        sample: The batch.
        step: Which step, from 0.
        weight: What a changed pixel counts more than another.
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


def sample_loss(
    forward: nn.Module,
    network: UNet,
    batch: Sample,
    reader: WindowReader,
    options: TrainingOptions,
) -> Tensor:
    """Mean loss over the steps of a batch, each later step on the network's own prediction.

    Own predictions are fed back without gradient (the pushforward of Brandstetter et al. 2022):
    memory stays that of one step.

    Args:
        forward: The network, possibly wrapped for devices and precision.
        network: The same network, for its activation and scales.
        batch: Stacked samples.
        reader: Knows which forcing the own map feeds back on.
        options: Weight of changed pixels, and what is fed back.
    """
    classes = len(network.spec.classes)
    device = next(network.parameters()).device
    steps = batch.targets.shape[1]
    losses = []
    own: list[Tensor] = []
    for step in range(steps):
        inputs = to_inputs(batch, step, classes, own)
        if own and classes and reader.loop is not None:
            forcing = feed_back(inputs.forcing_prior, batch, step, own[-1], reader.loop_channels)
            inputs = inputs._replace(forcing_prior=forcing)
        if classes:
            _note(network, batch, step)
        raw = forward(inputs.to(device))
        values = raw if classes else network.activate(raw)
        scale = network.target_scale.spread
        losses.append(step_loss(values, scale, batch, step, options.changed_weight))
        if step + 1 < steps:
            found = network.activate(raw.detach().float()).cpu()
            hard = classes and options.feedback == "classes"
            own.append(_classes(found) if hard else found)
    return torch.stack(losses).mean()


def _note(network: UNet, batch: Sample, step: int) -> None:
    """Let the network remember which transitions a step of a batch holds."""
    before = batch.before if step == 0 else batch.targets[:, step - 1]
    parts = (before, batch.targets[:, step], batch.valid[:, step], batch.years[:, step] < 0)
    network.transitions.note(*(torch.from_numpy(np.ascontiguousarray(p)) for p in parts))


def _classes(probability: Tensor) -> Tensor:
    """The most likely class as certain, as a rollout on classes feeds it back."""
    index = probability.argmax(dim=1, keepdim=True)
    return torch.zeros_like(probability).scatter_(1, index, 1.0)
