"""The training loop of networks, to be read from top to bottom."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import torch
from torch import nn

from ai4land.errors import ConfigError, Interrupted
from ai4land.models.networks import Network, NetworkPredictor, build_network
from ai4land.samples import Sample
from ai4land.training.experiment import Experiment, TrainingOptions
from ai4land.training.networks.batches import batches, shares_of
from ai4land.training.networks.devices import agree_on_statistics, launch, summed, synchronised
from ai4land.training.networks.loggers import Logger, make_loggers
from ai4land.training.networks.loss import sample_loss
from ai4land.training.networks.preemption import StopSignals
from ai4land.training.networks.record import Record
from ai4land.training.networks.resume import load_progress, save_progress
from ai4land.training.networks.statistics import count_transitions, fit_normalisers, statistics_of
from ai4land.training.setting import Setting
from ai4land.training.trainer import Report, Trained
from ai4land.training.validation import Validation, validate

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.wrappers import _FabricModule

__all__ = ["NetworkTrainer", "network_trainer"]

_VALIDATION_WINDOWS = 400
_CLIP = 1.0  # norm to which gradients are clipped
_LAST_RATE = 0.01  # share of the peak at the end of a decay

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


class NetworkTrainer:
    """Fits networks with AdamW on a device, or on several.

    Args:
        options: Devices, precision, and how networks are fitted.
    """

    def __init__(self, options: TrainingOptions) -> None:
        self.options = options
        self._fabric: Fabric | None = None

    @property
    def writes(self) -> bool:
        """Whether this is the first of all processes."""
        return self._fabric is None or bool(self._fabric.is_global_zero)

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        """Fit one network, from the start or from its last checkpoint; see ``Trainer``.

        Returns:
            The best moving average and its scores on the validation split.

        Raises:
            Interrupted: If SIGTERM or SIGUSR1 came; the same call goes on.
        """
        self._fabric = fabric = self._fabric or launch(self.options)
        loggers = make_loggers(self.options.loggers, folder / "logs") if self.writes else []
        status = "failed"
        try:
            with StopSignals() as signals:
                fitting = _Fitting(setting, fabric, folder, seed)
                fitting.run(report, loggers, signals)
            status = "success"
        finally:
            for logger in loggers:
                logger.finalize(status)
        network, record = fitting.best.eval(), fitting.record
        assert record.verdict is not None, "the last step always validates"
        return Trained(
            NetworkPredictor([network], str(fabric.device)),
            record.verdict,
            statistics_of(network),
            record.condensed(self.options),
        )


def network_trainer(experiment: Experiment) -> NetworkTrainer:
    """The trainer of an experiment's networks.

    Raises:
        ConfigError: If the architecture says what only the loss can know.
    """
    if "bias" in experiment.model:
        raise ConfigError(
            "What predictions are freed of follows from the loss",
            where="model.bias",
            found=experiment.model["bias"],
            expected="no such option in an experiment",
            remedy="leave it out, and say the loss under `training`",
        )
    return NetworkTrainer(experiment.training)


class _Fitting:
    """One network in the making: what a checkpoint keeps of it, and the loop.

    Attributes:
        network: What learns.
        average: The moving average of its weights.
        best: The average at the best validation.
        record: How far it is.
    """

    def __init__(self, setting: Setting, fabric: Fabric, folder: Path, seed: int) -> None:
        self.setting, self.fabric, self.folder, self.seed = setting, fabric, folder, seed
        self.options = options = setting.experiment.training
        self.network = _new_network(setting, seed)
        if fabric.device.type == "cuda" or options.precision != "32-true":
            # elsewhere it gains nothing: on CPUs in 32 bits both took .10 s a step
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).eval().to(fabric.device)
        self.best = copy.deepcopy(self.average)
        synchronised(self.network, fabric)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            betas=(0.9, 0.98),
        )
        facts = load_progress(folder / "last", self._kept, self.optimizer, setting.digest)
        self.record = Record.of(facts or {})

    @property
    def _kept(self) -> Mapping[str, nn.Module]:
        return {"network": self.network, "average": self.average, "best": self.best}

    def run(self, report: Report, loggers: list[Logger], signals: StopSignals) -> None:
        """The loop itself."""
        fabric, options, record = self.fabric, self.options, self.record
        wrapped, stepped = fabric.setup(self.network, self.optimizer)
        optimizer = cast("torch.optim.Optimizer", stepped)
        place, todo = (fabric.global_rank, fabric.world_size), range(record.step, options.steps)
        feed = batches(self.setting.sampler, options, self.seed, todo, place)
        watch = _Watch(options.batch * options.accumulate, record.minutes)

        with closing(feed):
            while record.ended(options) is None:
                step = record.step
                parts = watch.waited(feed)
                torch.manual_seed(_noise_seed(self.seed, step, fabric.global_rank))
                for group in optimizer.param_groups:
                    group["lr"] = rate = _rate(step, options)
                wrapped.train()
                loss = self._learn(wrapped, parts, step)
                fabric.clip_gradients(wrapped, optimizer, max_norm=_CLIP)
                optimizer.step()
                optimizer.zero_grad()
                agree_on_statistics(self.network, fabric)
                _follow(self.average, self.network, min(options.ema, (step + 1) / (step + 10)))

                # all processes stop after the same step, whichever of them heard the signal
                said = np.array([loss, float(bool(signals.heard)), watch.minutes()])
                loss, stop, minutes = (float(value) for value in summed(fabric, said))
                record.saw(loss, minutes / fabric.world_size)
                figures = {"loss": loss, "learning_rate": rate, **watch.figures()}
                if record.step % options.validate_every == 0 or record.ended(options):
                    figures |= watch.apart(self._validate)
                for logger in loggers:
                    logger.log_metrics(figures, record.step)
                over = record.ended(options)
                if record.step % options.checkpoint_every == 0 or over or stop:
                    watch.apart(lambda: self._save(optimizer))
                report(record.step, figures)
                if stop and not over:
                    raise Interrupted(
                        f"The training was stopped after step {record.step}",
                        found=signals.heard or "a signal to another process",
                        remedy="the same call goes on from there",
                    )
        _log.info("%s", watch.summary(record, options))

    def _learn(self, wrapped: _FabricModule, parts: list[Sample], step: int) -> float:
        """Gather the gradients of a step; the loss of this process's share of it."""
        fabric, total = self.fabric, 0.0
        shares = shares_of(parts, lambda counts: summed(fabric, counts))
        for turn, (part, share) in enumerate(zip(parts, shares, strict=True), start=1):
            with fabric.no_backward_sync(wrapped, enabled=turn < len(parts)):
                rng = np.random.default_rng([self.seed, 4, step, turn, fabric.global_rank])
                loss = sample_loss(
                    wrapped,
                    self.network,
                    part,
                    self.setting.assembler,
                    self.options,
                    share,
                    rng,
                    step / self.options.steps,
                )
                # the processes' gradients are averaged, but shares add up to 1 over them
                fabric.backward(loss * fabric.world_size)
            total += float(loss.detach())
        return total

    def _validate(self) -> dict[str, float]:
        """Judge the moving average, keep it if it is the best, and say what was found."""
        fabric, found = self.fabric, None
        if fabric.is_global_zero:
            judged = NetworkPredictor([self.average], str(fabric.device))
            found = validate(judged, self.setting.judge, _VALIDATION_WINDOWS)
        found = cast("Validation", fabric.broadcast(found))
        if self.record.judged(found):
            self.best.load_state_dict(self.average.state_dict())
        if fabric.is_global_zero:
            self.record.write_curve(self.folder / "logs" / "curve.csv")
        return {f"validation_{name}": value for name, value in found.values.items()}

    def _save(self, optimizer: torch.optim.Optimizer) -> None:
        """Write a checkpoint to go on from."""
        if self.fabric.is_global_zero:
            facts: dict[str, Any] = {"digest": self.setting.digest, **self.record.to_dict()}
            save_progress(self.folder / "last", self._kept, optimizer, facts)
        self.fabric.barrier()


class _Watch:
    """Where the time of a training goes.

    Args:
        samples: In a step.
        minutes: Spent by earlier calls.
    """

    def __init__(self, samples: int, minutes: float) -> None:
        self._samples, self._minutes = samples, minutes
        self._begin = time.perf_counter()
        self._apart = self._waiting = 0.0
        self._steps = 0

    def waited(self, feed: Iterator[list[Sample]]) -> list[Sample]:
        """The next batches, and the time until they came."""
        begin = time.perf_counter()
        found = next(feed)
        self._waiting += time.perf_counter() - begin
        self._steps += 1
        return found

    def apart(self, work: Callable[[], Result]) -> Result:
        """Do what is no part of a step, such as validation."""
        begin = time.perf_counter()
        found = work()
        self._apart += time.perf_counter() - begin
        return found

    def minutes(self) -> float:
        """Time spent, with that of earlier calls."""
        return self._minutes + (time.perf_counter() - self._begin) / 60

    def figures(self) -> dict[str, float]:
        """Samples in a second of stepping, and the share of it spent waiting for samples."""
        stepping = time.perf_counter() - self._begin - self._apart
        rate = self._steps * self._samples / stepping
        return {"samples_per_second": rate, "waiting": self._waiting / stepping}

    def summary(self, record: Record, options: TrainingOptions) -> str:
        """The training in one line."""
        line = f"{record.step} steps ({record.ended(options)}) in {record.minutes:.1f} min"
        if not self._steps:
            return line
        found = self.figures()
        waiting = f"{100 * found['waiting']:.0f} % of the time waiting for data"
        return f"{line}; {found['samples_per_second']:.1f} samples/s, {waiting}"


def _new_network(setting: Setting, seed: int) -> Network:
    """An untrained network with fitted normalisers, that knows which class follows which."""
    torch.manual_seed(seed)
    options = setting.experiment.training
    bias = options.loss.bias(options.changed_weight)  # what predictions are to be freed of
    network = build_network({**setting.experiment.model, "bias": bias}, setting.spec)
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


def _rate(step: int, options: TrainingOptions) -> float:
    """Learning rate of a step: a linear warm-up, then the schedule."""
    done = step / options.steps
    left = {
        "cosine": 0.5 * (1.0 + math.cos(math.pi * done)),
        "linear": 1.0 - done,
        "constant": 1.0,
    }[options.schedule]
    warm = min(1.0, (step + 1) / max(options.warm_up, 1))
    return options.learning_rate * warm * (_LAST_RATE + (1.0 - _LAST_RATE) * left)


def _noise_seed(seed: int, step: int, rank: int) -> int:
    """Seed of what a network draws itself in a step, such as dropout: a kill changes nothing."""
    return int(np.random.SeedSequence([seed, 3, step, rank]).generate_state(1)[0])


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
