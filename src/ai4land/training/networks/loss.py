"""The loss of a batch: the terms asked for, of each target and step, added up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models import Inputs, InputSpec, Seen, join_inputs
from ai4land.models.networks import Network, change_weights, tensors
from ai4land.samples import Assembler, Sample, TargetSample, step_inputs
from ai4land.training.experiment import TrainingOptions
from ai4land.training.loss_options import LossOptions
from ai4land.training.networks.batches import Shares
from ai4land.training.networks.losses import REGION_TERMS, ClassMaps, forcing_gap, pixelwise
from ai4land.training.networks.recursion import Recursion

__all__ = ["class_loss", "number_loss", "sample_loss"]

FloatArray = npt.NDArray[np.float32]


def class_loss(
    raw: Tensor,
    probability: Tensor,
    seen: Seen[Tensor],
    sample: TargetSample,
    step: int,
    options: TrainingOptions,
) -> Tensor:
    """Loss of a map of classes in one step over the valid pixels of a batch.

    Pixelwise terms are weighed with what a pixel counts, see ``change_weights``, and divided by
    the number of valid pixels. Where nothing is valid, because the target does not move, it is 0.

    Args:
        raw: ``(B, K, y, x)`` logits.
        probability: ``(B, K, y, x)`` as they are predicted.
        seen: What the network sees of the target.
        sample: Its maps.
        step: Which step, from 0.
        options: The terms, and the weight of changed pixels.
    """
    used, truth, before = _maps(sample, step)
    wanted = _tensor(np.where(used, truth, 0).astype(np.int64)).to(raw.device)
    valid = _tensor(used).to(raw.device)
    terms = options.loss
    loss = raw.new_zeros(())
    if terms.cross_entropy or terms.focal:
        error = pixelwise(raw, wanted, terms) * valid
        if options.changed_weight:
            counts = change_weights(seen.prior, seen.visible, options.changed_weight)
            error = error * counts.gather(1, wanted[:, None])[:, 0]
        loss = error.sum() / valid.sum().clamp(min=1)
    asked = {name: weight for name in REGION_TERMS if (weight := getattr(terms, name))}
    if asked:
        earlier = _tensor(np.where(used, before, 0).astype(np.int64)).to(raw.device)
        mask = valid[:, None].to(raw.dtype)
        after, prior = (F.one_hot(m, raw.shape[1]).movedim(-1, 1) * mask for m in (wanted, earlier))
        maps = ClassMaps(probability, after, prior, mask)
        for name, weight in asked.items():
            loss = loss + weight * REGION_TERMS[name](maps, terms)
    return loss


def number_loss(
    values: Tensor, sample: TargetSample, step: int, scale: Tensor, options: TrainingOptions
) -> Tensor:
    """Mean loss of a number in one step, in units of the training split's spread.

    Changed pixels count ``1 + changed_weight`` times; the sum is divided by the number of valid
    pixels. Where nothing is valid, because the target does not move, it is 0.

    Args:
        values: ``(B, 1, y, x)`` in physical units.
        sample: Its maps.
        step: Which step, from 0.
        scale: Spread of the number, ``(1,)``.
        options: What an error counts, and the weight of changed pixels.
    """
    used, truth, before = _maps(sample, step)
    off = (values[:, 0] - _tensor(np.nan_to_num(truth)).to(values.device)) / scale
    weights = _tensor(used * (1.0 + options.changed_weight * (truth != before)))
    error = _error(off, options.loss) * weights.to(off)
    return error.sum() / max(int(used.sum()), 1)


def sample_loss(
    forward: nn.Module,
    network: Network,
    batch: Sample,
    assembler: Assembler,
    options: TrainingOptions,
    shares: Shares | None = None,
    rng: np.random.Generator | None = None,
    progress: float = 0.0,
) -> Tensor:
    """Mean loss over the steps of a batch, each later pass on the network's own prediction.

    A pass predicts as many steps as the network looks ahead; what it says is fed back as
    ``Recursion`` has it.

    Args:
        forward: The network, possibly wrapped for devices and precision.
        network: The same network, for its activation and scales.
        batch: Stacked samples.
        assembler: Knows how maps are read, and which forcing the own map feeds back on.
        options: The loss, weight of changed pixels, and what is fed back.
        shares: Share of the batch in the valid pixels of the whole optimiser step, by target and
            step, which its loss is multiplied by; default 1.
        rng: Source of randomness of what is fed back; default always the same.
        progress: Share of the training that is done, 0…1.

    Raises:
        ConfigError: If consistency is asked for with forcing that is not made of the classes, or
            the samples hold fewer steps than the network looks ahead.
    """
    ahead = network.options.ahead
    if ahead > batch.steps:
        raise ConfigError(
            "The samples hold fewer steps than the network looks ahead",
            where="samples.recursion",
            expected=f"at least {ahead}, as `ahead` of the model",
            found=batch.steps,
        )
    if ahead > 1 and network.spec.flows:
        raise ConfigError(
            "A network that looks ahead is told the gross transitions of its first step alone",
            where="model.ahead",
            expected="1, or no gross transitions among the forcing",
            found=ahead,
        )
    device = next(network.parameters()).device
    recursion = Recursion(
        batch, network, assembler, options, rng or np.random.default_rng(0), progress
    )
    losses = []
    for first in range(0, batch.steps, ahead):
        steps = range(first, min(first + ahead, batch.steps))
        arrays = step_inputs(batch, first, assembler.codings, network.spec.history, recursion.own)
        arrays = arrays._replace(forcing_prior=recursion.own_forcing(arrays.forcing_prior))
        each = [_told_of(arrays, batch, first, step, network.spec) for step in steps]
        inputs, many = recursion.alive(tensors(join_inputs(each), device)), len(steps)
        raw = forward(inputs, many) if many > 1 else forward(inputs)
        raw = {name: values.float() for name, values in raw.items()}
        found = network.activate(raw, inputs)
        for place, step in enumerate(steps):

            def own_part(values: Tensor, place: int = place, many: int = many) -> Tensor:
                return values.chunk(many)[place]

            said, values = ({n: own_part(v) for n, v in kind.items()} for kind in (raw, found))
            told = inputs.map(own_part)
            terms = _step_losses(network, said, values, told, batch, step, options)
            losses += [v if shares is None else v * float(shares[n][step]) for n, v in terms]
            if steps.stop < batch.steps:
                recursion.keep(step, values)
    return torch.stack(losses).sum() / batch.steps


def _told_of(
    arrays: Inputs[npt.NDArray[Any]], batch: Sample, first: int, step: int, spec: InputSpec
) -> Inputs[npt.NDArray[Any]]:
    """The inputs of a pass as they are for a later one of its steps."""
    if step == first:
        return arrays
    told = batch.given(step)
    lengths = np.array([name.startswith("years") for name in spec.calendar])
    passed = batch.calendar[:, first : step + 1].sum(axis=1)
    return arrays._replace(
        forcing_target=told.forcing_target,
        series=told.series,
        calendar=np.where(lengths, passed, told.calendar).astype(np.float32),
    )


def _step_losses(
    network: Network,
    raw: dict[str, Tensor],
    found: dict[str, Tensor],
    inputs: Inputs[Tensor],
    batch: Sample,
    step: int,
    options: TrainingOptions,
) -> list[tuple[str, Tensor]]:
    """The loss of each target in one step, and of its consistency with the forcing."""
    losses = []
    for target in network.spec.targets:
        name, sample = target.name, batch.targets[target.name]
        if target.categorical:
            seen = inputs.targets[name]
            term = class_loss(raw[name], found[name], seen, sample, step, options)
        else:
            spread = network.scale(name).spread
            term = number_loss(found[name], sample, step, spread, options)
        losses.append((name, term))
    if options.loss.forcing:
        gap = _forcing_gap(network, found, inputs, batch, step)
        losses.append((network.spec.bound, options.loss.forcing * gap))
    return losses


def _maps(sample: TargetSample, step: int) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
    """Where a step counts, and the truth after and before it, each ``(B, y, x)``."""
    used = sample.valid[:, step] & sample.moves[:, step, None, None]
    before = sample.before if step == 0 else sample.targets[:, step - 1]
    return used, sample.targets[:, step], before


def _error(off: Tensor, options: LossOptions) -> Tensor:
    """What differences in units of the spread count."""
    if options.numbers == "absolute":
        return off.abs()
    if options.numbers == "huber":  # twice, so that small ones count as squares
        return 2.0 * F.huber_loss(off, torch.zeros_like(off), reduction="none")
    return off**2


def _forcing_gap(
    network: Network,
    found: dict[str, Tensor],
    inputs: Inputs[Tensor],
    batch: Sample,
    step: int,
) -> Tensor:
    """Difference of the bound target's shares in coarse cells from what the forcing asks."""
    spec = network.spec
    if not spec.closed_loop:
        raise ConfigError(
            "Consistency with the forcing needs forcing made of the classes",
            where="training.loss.forcing",
            expected="forcing whose coarse cells a map of the target fills",
            found=", ".join(spec.forcing_variables) or "no forcing",
            remedy="leave `forcing` out of the loss, or add forcing made of the labels",
        )
    used, _, _ = _maps(batch.targets[spec.bound], step)
    asked = torch.einsum("kc,bcyx->bkyx", network.encoder.translation, inputs.forcing_target)
    device = asked.device
    return forcing_gap(
        found[spec.bound],
        torch.nan_to_num(asked),
        _tensor(used[:, None].astype(np.float32)).to(device),
        _tensor(batch.cell).to(device),
        _tensor(batch.cell_share).to(device),
    )


def _tensor(values: npt.NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
