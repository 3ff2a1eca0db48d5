"""The loss: all pixels, and beside them the pixels that changed; a target each, added up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.models.networks import Network, tensors
from ai4land.samples import Assembler, Sample, TargetSample, own_shares_of, step_inputs
from ai4land.training.experiment import TrainingOptions
from ai4land.training.networks.batches import Shares
from ai4land.vocabulary import Target

__all__ = ["sample_loss", "step_loss"]

FloatArray = npt.NDArray[np.float32]


def step_loss(
    values: Tensor,
    target: Target,
    sample: TargetSample,
    step: int,
    *,
    scale: Tensor | None = None,
    weight: float = 0.0,
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
    shares: Shares | None = None,
) -> Tensor:
    """Mean loss over the steps of a batch, each later step on the network's own prediction.

    Own predictions are fed back without gradient (the pushforward of Brandstetter et al. 2022):
    memory stays that of one step.

    Args:
        forward: The network, possibly wrapped for devices and precision.
        network: The same network, for its activation and scales.
        batch: Stacked samples.
        assembler: Knows how maps are read, and which forcing the own map feeds back on.
        options: Weight of changed pixels, and what is fed back.
        shares: Share of the batch in the valid pixels of the whole optimiser step, by target and
            step, which its loss is multiplied by; default 1.
    """
    device = next(network.parameters()).device
    own: dict[str, list[FloatArray]] = {}
    losses = []
    for step in range(batch.steps):
        inputs = step_inputs(batch, step, assembler.codings, network.spec.history, own)
        if maps := own.get(network.spec.bound):
            forcing = _own_forcing(inputs.forcing_prior, batch, maps, assembler)
            inputs = inputs._replace(forcing_prior=forcing)
        raw = forward(tensors(inputs, device))
        for target in network.spec.targets:
            number = not target.categorical
            values = network.activate({target.name: raw[target.name]}) if number else raw
            scale = network.scale(target.name).spread if number else None
            loss = step_loss(
                values[target.name],
                target,
                batch.targets[target.name],
                step,
                scale=scale,
                weight=options.changed_weight,
            )
            losses.append(loss if shares is None else loss * float(shares[target.name][step]))
        if step + 1 < batch.steps:
            for name, values in _fed_back(network, raw, options.feedback).items():
                own.setdefault(name, []).append(values)
    return torch.stack(losses).sum() / batch.steps


def _own_forcing(
    forcing: FloatArray, batch: Sample, own: list[FloatArray], assembler: Assembler
) -> FloatArray:
    """Forcing at the prior time as the network's own map of the bound target makes it."""
    name, done = assembler.spec.bound, len(own) - 1
    maps = batch.targets[name]
    now = truth = assembler.codings[name].encoded(maps.targets[:, done])
    for step, values in enumerate(own):
        moved = maps.moves[:, step]
        now = values if moved.all() else np.where(moved[:, None, None, None], values, now)
    return own_shares_of(forcing, batch, truth, now, maps.valid[:, done], assembler.loop_channels)


def _fed_back(network: Network, raw: dict[str, Tensor], feedback: str) -> dict[str, FloatArray]:
    """The predictions as a later step sees them."""
    with torch.no_grad():
        found = network.activate({name: values.detach().float() for name, values in raw.items()})
    for target in network.spec.targets:
        if target.categorical and feedback == "classes":
            found[target.name] = _certain(found[target.name])
    return {name: values.cpu().numpy() for name, values in found.items()}


def _certain(probability: Tensor) -> Tensor:
    """The most likely class as certain, as a rollout on classes feeds it back."""
    index = probability.argmax(dim=1, keepdim=True)
    return torch.zeros_like(probability).scatter_(1, index, 1.0)


def _tensor(values: npt.NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
