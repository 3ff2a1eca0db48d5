"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from ai4land.checkpoint import load_card, save_checkpoint
from ai4land.errors import ConfigError
from ai4land.models import Ensemble, UNet, build_network
from ai4land.rollout import Decision, MostLikely
from ai4land.samples import stack
from ai4land.training.boldness import choose_decision
from ai4land.training.card import describe
from ai4land.training.experiment import Experiment, TrainingOptions
from ai4land.training.loss import sample_loss
from ai4land.training.resume import load_progress, save_progress
from ai4land.training.setting import Setting, prepare
from ai4land.training.statistics import fit_normalisers
from ai4land.training.validation import Validation, validate

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["fit", "train"]

Progress = Callable[[int, int, dict[str, float]], None]
Report = Callable[[int, dict[str, float]], None]

_WARM_UP = 30  # steps of linear warm-up
_VALIDATION_WINDOWS = 400
_CLIP = 1.0  # norm to which gradients are clipped


def train(experiment: Experiment, out: str | Path, *, progress: Progress | None = None) -> Path:
    """Train the networks of an experiment and write their checkpoint.

    A run that was killed goes on from its last checkpoint to the same weights: samples depend on
    the seed and the step alone. The validation split chooses among the moving averages seen at
    each validation, and how bold the decision should be; the test years and blocks are not read.
    The members of an ensemble take turns with the rounds of the split, and are judged together
    with those of the same round. A finished run is left as it is.

    Args:
        experiment: What is trained on what.
        out: Folder of the run: ``checkpoint/``, ``last/`` for resuming, ``logs/``,
            ``experiment.json``. Members of an ensemble after the first have ``member1/`` and so on.
        progress: Called after each step with step, total and the latest figures.

    Returns:
        The folder of the checkpoint.

    Raises:
        ConfigError: If ``out`` holds a run of another experiment, or the window does not fit the
            network.
    """
    out = Path(out)
    options = experiment.training
    turns = experiment.split.turns(options.members)
    settings = [prepare(experiment, turn) for turn in range(turns)]
    if _finished(out / "checkpoint", settings[0]):
        return out / "checkpoint"
    members: list[UNet] = []
    verdicts: list[Validation] = []
    for member in range(options.members):
        folder = out / f"member{member}" if member else out
        shift = member * options.steps

        def report(step: int, figures: dict[str, float], shift: int = shift) -> None:
            if progress is not None:
                progress(shift + step, options.members * options.steps, figures)

        fabric = _fabric(options, folder / "logs")
        setting = settings[member % turns]
        found, verdict = fit(setting, fabric, folder, options.seed + member, report)
        members.append(found)
        verdicts.append(verdict)
    if fabric.is_global_zero:
        _write_experiment(experiment, out)
        decision: Decision = MostLikely()
        scores = max(verdicts, key=lambda v: v.score).values
        if settings[0].spec.classes:
            judged = [(_together(members[k::turns]), settings[k]) for k in range(turns)]
            decision, rolled = choose_decision(judged, str(fabric.device))
            scores = scores | {f"rollout_{name}": value for name, value in rolled.items()}
        network = _together(members)
        save_checkpoint(
            out / "checkpoint", network, describe(settings[0], network, decision, scores)
        )
    return out / "checkpoint"


def _finished(checkpoint: Path, setting: Setting) -> bool:
    """Whether a checkpoint stands there that this very experiment has led to."""
    if not (checkpoint / "card.json").exists():
        return False
    return load_card(checkpoint).training.get("digest") == setting.digest


def _together(members: list[UNet]) -> UNet | Ensemble:
    return members[0] if len(members) == 1 else Ensemble(members)


def fit(
    setting: Setting, fabric: Fabric, folder: Path, seed: int, report: Report
) -> tuple[UNet, Validation]:
    """Fit one network, from the start or from its last checkpoint.

    Args:
        setting: What it is trained and judged on.
        fabric: Devices, precision and loggers.
        folder: Keeps ``last/``.
        seed: Of weights and samples.
        report: Called after each step with the step and its figures.

    Returns:
        The best moving average, in evaluation mode, and its scores on the validation split.
    """
    options = setting.experiment.training
    network = _new_network(setting, seed)
    average = copy.deepcopy(network).eval().to(fabric.device)
    best = copy.deepcopy(average)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        betas=(0.9, 0.98),
    )
    kept = {"network": network, "average": average, "best": best}
    facts = load_progress(folder / "last", kept, optimizer, setting.digest) or {}
    verdict = Validation(**facts["verdict"]) if "verdict" in facts else None
    wrapped, optimizer = fabric.setup(network, optimizer)

    for step in range(facts.get("step", 0), options.steps):
        rng = np.random.default_rng([seed, 2, step, fabric.global_rank])
        batch = stack([setting.sampler.draw(rng) for _ in range(options.batch)])
        rate = _rate(step, options.steps, options.learning_rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        wrapped.train()
        loss = sample_loss(wrapped, network, batch, setting.reader, options)
        fabric.backward(loss)
        fabric.clip_gradients(wrapped, optimizer, max_norm=_CLIP)
        optimizer.step()
        optimizer.zero_grad()
        _follow(average, network, min(options.ema, (step + 1) / (step + 10)))

        done = step + 1
        figures = {"loss": float(loss.detach()), "learning_rate": rate}
        if done % options.validate_every == 0 or done == options.steps:
            with torch.inference_mode():
                found = validate(average, setting.judge, fabric.device, _VALIDATION_WINDOWS)
            figures |= {f"validation_{k}": v for k, v in found.values.items()}
            if verdict is None or found.score > verdict.score:
                verdict = found
                best.load_state_dict(average.state_dict())
        fabric.log_dict(figures, step=done)
        if (
            done % options.checkpoint_every == 0 or done == options.steps
        ) and fabric.is_global_zero:
            facts = {"step": done, "digest": setting.digest}
            facts |= {"verdict": asdict(verdict)} if verdict is not None else {}
            save_progress(folder / "last", kept, cast("torch.optim.Optimizer", optimizer), facts)
        report(done, figures)

    for logger in fabric.loggers:
        logger.finalize("success")
    if verdict is None:
        raise AssertionError("the last step always validates")
    return best.eval(), verdict


def _new_network(setting: Setting, seed: int) -> UNet:
    """An untrained network with fitted normalisers."""
    torch.manual_seed(seed)
    network = build_network(setting.experiment.model, setting.spec)
    if setting.experiment.samples.window % network.options.multiple:
        raise ConfigError(
            "The window does not fit the network",
            where="samples.window",
            expected=f"a multiple of {network.options.multiple} pixels",
            found=setting.experiment.samples.window,
        )
    fit_normalisers(network, setting.sampler, np.random.default_rng([seed, 1]))
    return network


def _write_experiment(experiment: Experiment, out: Path) -> None:
    """Keep what was asked for beside what comes of it."""
    out.mkdir(parents=True, exist_ok=True)
    resolved = experiment.model_dump(mode="json")
    (out / "experiment.json").write_text(json.dumps(resolved, indent=1) + "\n", encoding="utf-8")


def _fabric(options: TrainingOptions, logs: Path) -> Fabric:
    """Devices and loggers, launched."""
    from lightning_fabric import Fabric  # heavy: only training needs it

    fabric = Fabric(
        accelerator=options.accelerator,
        devices=options.devices,
        precision=options.precision,
        loggers=_loggers(logs),
    )
    fabric.launch()
    return fabric


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


def _loggers(folder: Path) -> list[Any]:
    """A CSV table and TensorBoard files; a resumed run writes a version beside the older one."""
    from lightning_fabric.loggers.csv_logs import CSVLogger
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    table = CSVLogger(folder, name="csv", flush_logs_every_n_steps=1)  # a kill loses no row
    return [table, TensorBoardLogger(folder, name="tensorboard")]
