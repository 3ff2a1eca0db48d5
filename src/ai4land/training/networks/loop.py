"""The training loop of networks, to be read from top to bottom."""

from __future__ import annotations

import copy
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from ai4land.errors import ConfigError
from ai4land.models.networks import Network, NetworkPredictor, build_network
from ai4land.samples import stack
from ai4land.training.experiment import Experiment, TrainingOptions
from ai4land.training.networks.loss import sample_loss
from ai4land.training.networks.resume import load_progress, save_progress
from ai4land.training.networks.statistics import count_transitions, fit_normalisers, statistics_of
from ai4land.training.setting import Setting
from ai4land.training.trainer import Report, Trained
from ai4land.training.validation import Validation, validate

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["NetworkTrainer", "network_trainer"]

_WARM_UP = 30  # steps of linear warm-up
_VALIDATION_WINDOWS = 400
_CLIP = 1.0  # norm to which gradients are clipped


class NetworkTrainer:
    """Fits networks with AdamW on a device, or on several.

    Args:
        options: Devices, precision, and how networks are fitted.
    """

    def __init__(self, options: TrainingOptions) -> None:
        self.options = options
        self._rank = 0

    @property
    def writes(self) -> bool:
        """Whether this is the first of all processes."""
        return self._rank == 0

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        """Fit one network, from the start or from its last checkpoint; see ``Trainer``.

        Returns:
            The best moving average and its scores on the validation split.
        """
        fabric = _fabric(self.options, folder / "logs")
        self._rank = fabric.global_rank
        network, verdict = _fit(setting, fabric, folder, seed, report)
        return Trained(
            NetworkPredictor([network], str(fabric.device)), verdict, statistics_of(network)
        )


def network_trainer(experiment: Experiment) -> NetworkTrainer:
    """The trainer of an experiment's networks."""
    return NetworkTrainer(experiment.training)


def _fit(
    setting: Setting, fabric: Fabric, folder: Path, seed: int, report: Report
) -> tuple[Network, Validation]:
    """The loop itself."""
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
        progress = step / options.steps
        batch = stack([setting.sampler.draw(rng, progress) for _ in range(options.batch)])
        rate = _rate(step, options.steps, options.learning_rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        wrapped.train()
        loss = sample_loss(wrapped, network, batch, setting.assembler, options, rng, progress)
        fabric.backward(loss)
        fabric.clip_gradients(wrapped, optimizer, max_norm=_CLIP)
        optimizer.step()
        optimizer.zero_grad()
        _follow(average, network, min(options.ema, (step + 1) / (step + 10)))

        done = step + 1
        figures = {"loss": float(loss.detach()), "learning_rate": rate}
        if done % options.validate_every == 0 or done == options.steps:
            judged = NetworkPredictor([average], str(fabric.device))
            found = validate(judged, setting.judge, _VALIDATION_WINDOWS)
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


def _new_network(setting: Setting, seed: int) -> Network:
    """An untrained network with fitted normalisers, that knows which class follows which."""
    torch.manual_seed(seed)
    network = build_network(setting.experiment.model, setting.spec)
    if setting.experiment.samples.window % network.multiple:
        raise ConfigError(
            "The window does not fit the network",
            where="samples.window",
            expected=f"a multiple of {network.multiple} pixels",
            found=setting.experiment.samples.window,
        )
    fit_normalisers(network, setting.sampler, np.random.default_rng([seed, 1]))
    count_transitions(network, setting.sampler)
    return network


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
