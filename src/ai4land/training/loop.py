"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ai4land.checkpoint import save_checkpoint
from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.models import UNet, build_network
from ai4land.samples import (
    Sample,
    Sampler,
    WindowReader,
    feed_back,
    input_spec,
    space_masks,
    stack,
    to_inputs,
)
from ai4land.training.boldness import choose_stay
from ai4land.training.card import describe
from ai4land.training.experiment import Experiment, TrainingOptions
from ai4land.training.loss import step_loss
from ai4land.training.resume import load_progress, save_progress
from ai4land.training.statistics import fit_normalisers
from ai4land.training.validation import Validation, validate
from ai4land.vocabulary import task

__all__ = ["train"]

Progress = Callable[[int, int, dict[str, float]], None]

_WARM_UP = 30  # steps of linear warm-up
_VALIDATION_WINDOWS = 400
_CLIP = 1.0  # norm to which gradients are clipped


def train(experiment: Experiment, out: str | Path, *, progress: Progress | None = None) -> Path:
    """Train a network and write its checkpoint.

    A run that was killed goes on from its last checkpoint to the same weights: samples depend on
    the seed and the step alone. The validation split chooses among the moving averages seen at
    each validation, and how bold the decision should be; the test years and blocks are not read.

    Args:
        experiment: What is trained on what.
        out: Folder of the run: ``checkpoint/``, ``last/`` for resuming, ``logs/``,
            ``experiment.json``.
        progress: Called after each step with step, total and the latest figures.

    Returns:
        The folder of the checkpoint.

    Raises:
        ConfigError: If ``out`` holds a run of another experiment.
    """
    from lightning_fabric import Fabric  # heavy: only training needs it

    out = Path(out)
    options = experiment.training
    job = task(experiment.task)
    cube = Cube(experiment.cube)
    digest = _digest(experiment, cube)
    split, history = experiment.split, experiment.samples.history
    spec = input_spec(cube, job, experiment.forcing, experiment.static, history)
    reader = WindowReader(cube, job, spec)
    coarse = cube.grid(experiment.forcing[0]) if experiment.forcing else reader.grid
    masks = space_masks(reader.grid, coarse, split.space, reader.land(split.train[0]))
    sampler = Sampler(reader, experiment.samples, split.train, masks.train)
    both = (min(*split.train, *split.validation), max(*split.train, *split.validation))
    judge = Sampler(reader, experiment.samples, split.validation, masks.validation, known=both)

    fabric = Fabric(
        accelerator=options.accelerator,
        devices=options.devices,
        precision=options.precision,
        loggers=_loggers(out / "logs"),
    )
    fabric.launch()
    torch.manual_seed(options.seed)
    network = build_network(experiment.model, spec)
    fit_normalisers(network, sampler, np.random.default_rng([options.seed, 1]))
    average = copy.deepcopy(network).eval().to(fabric.device)
    best = copy.deepcopy(average)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        betas=(0.9, 0.98),
    )
    kept = {"network": network, "average": average, "best": best}
    facts = load_progress(out / "last", kept, optimizer) or {"step": 0, "digest": digest}
    if facts["digest"] != digest:
        raise ConfigError(
            "This folder holds a run of another experiment, or on another cube",
            where=out,
            remedy="choose another folder, or remove this one to train from the start",
        )
    out.mkdir(parents=True, exist_ok=True)
    resolved = experiment.model_dump(mode="json")
    (out / "experiment.json").write_text(json.dumps(resolved, indent=1) + "\n", encoding="utf-8")
    wrapped, optimizer = fabric.setup(network, optimizer)
    verdict: Validation | None = None
    if "verdict" in facts:
        verdict = Validation(**facts["verdict"])

    for step in range(facts["step"], options.steps):
        rng = np.random.default_rng([options.seed, 2, step, fabric.global_rank])
        batch = stack([sampler.draw(rng) for _ in range(options.batch)])
        rate = _rate(step, options.steps, options.learning_rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        wrapped.train()
        loss = sample_loss(wrapped, network, batch, reader, options)
        fabric.backward(loss)
        fabric.clip_gradients(wrapped, optimizer, max_norm=_CLIP)
        optimizer.step()
        optimizer.zero_grad()
        _follow(average, network, min(options.ema, (step + 1) / (step + 10)))

        done = step + 1
        figures = {"loss": float(loss.detach()), "learning_rate": rate}
        if done % options.validate_every == 0 or done == options.steps:
            with torch.inference_mode():
                found = validate(average, judge, fabric.device, _VALIDATION_WINDOWS)
            figures |= {f"validation_{k}": v for k, v in found.values.items()}
            if verdict is None or found.score > verdict.score:
                verdict = found
                best.load_state_dict(average.state_dict())
        fabric.log_dict(figures, step=done)
        if done % options.checkpoint_every == 0 or done == options.steps:
            facts = {"step": done, "digest": digest}
            if verdict is not None:
                facts["verdict"] = {
                    "stay": verdict.stay,
                    "score": verdict.score,
                    "values": verdict.values,
                }
            if fabric.is_global_zero:
                save_progress(out / "last", kept, cast("torch.optim.Optimizer", optimizer), facts)
        if progress is not None:
            progress(done, options.steps, figures)

    if verdict is None:
        raise AssertionError("the last step always validates")
    if fabric.is_global_zero:
        if spec.classes:
            stay, rolled = choose_stay(
                best.eval(),
                reader,
                experiment.samples,
                split.validation,
                masks.validation,
                feedback=options.feedback,
                device=str(fabric.device),
            )
            verdict = Validation(stay, verdict.score, {**verdict.values, **_prefixed(rolled)})
        card = describe(experiment, cube, reader, best, verdict)
        save_checkpoint(out / "checkpoint", best, card)
    return out / "checkpoint"


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
        raw = forward(inputs.to(device))
        values = raw if classes else network.activate(raw)
        scale = network.target_scale.spread
        losses.append(step_loss(values, scale, batch, step, options.changed_weight))
        if step + 1 < steps:
            found = network.activate(raw.detach().float()).cpu()
            hard = classes and options.feedback == "classes"
            own.append(_classes(found) if hard else found)
    return torch.stack(losses).mean()


def _classes(probability: Tensor) -> Tensor:
    """The most likely class as certain, as a rollout on classes feeds it back."""
    index = probability.argmax(dim=1, keepdim=True)
    return torch.zeros_like(probability).scatter_(1, index, 1.0)


def _rate(step: int, steps: int, peak: float) -> float:
    """Learning rate: linear warm-up, then a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / _WARM_UP)
    return peak * warm * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * step / steps)))


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the averaged weights towards the current ones; counters are copied."""
    for slow, fast in zip(
        average.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if slow.dtype.is_floating_point:
            slow.lerp_(fast, 1.0 - decay)
        else:
            slow.copy_(fast)


def _prefixed(scores: dict[str, float]) -> dict[str, float]:
    return {f"rollout_{name}": value for name, value in scores.items()}


def _digest(experiment: Experiment, cube: Cube) -> str:
    """Hash of everything that decides the weights."""
    said = experiment.model_dump(mode="json", exclude={"title": True, "cube": True})
    text = json.dumps([said, cube.spec.to_dict()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _loggers(folder: Path) -> list[Any]:
    """A CSV table and TensorBoard files; a resumed run writes a version beside the older one."""
    from lightning_fabric.loggers.csv_logs import CSVLogger
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    return [CSVLogger(folder, name="csv"), TensorBoardLogger(folder, name="tensorboard")]
