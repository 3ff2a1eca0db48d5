"""The trainer of logistic regressions: L-BFGS for each class of the prior and direction."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from ai4land.errors import SampleError
from ai4land.models import Logistic, LogisticOptions, PixelView, standardised
from ai4land.training.families.judging import judged
from ai4land.training.families.markov import counted_chain
from ai4land.training.families.pixels import PixelBatch, joined, pixel_batches
from ai4land.training.setting import Setting
from ai4land.training.trainer import FamilyTrainer, Report, Trained

__all__ = ["LogisticTrainer"]

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]


class LogisticTrainer(FamilyTrainer[LogisticOptions]):
    """Fits a regression on pixels of the training split; validation sets its penalties."""

    kind = LogisticOptions

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        """Fit all groups of pixels from the start; see ``Trainer``."""
        options, steps = self.options, setting.experiment.training.steps
        view = options.view(counted_chain(setting))
        rng = np.random.default_rng([seed, 4])
        parts = list(pixel_batches(setting.sampler, view, options.pixels, rng, damaged=True))
        if not parts:
            raise SampleError("The training split holds no pixel to learn from")
        learned = joined(parts)
        parts = list(pixel_batches(setting.judge, view, options.pixels, rng, damaged=False))
        checked = joined(parts) if parts else None
        mean, spread = _statistics(learned)
        size = view.target.layers
        weights = np.zeros((2, size + 1, size, len(mean) + 1), np.float32)
        groups = list(_groups(view, learned, checked))
        losses = [np.zeros(2)]
        for number, (way, prior, classes, own, other) in enumerate(groups):
            problem = _Problem(own, classes, mean, spread)
            check = None if other is None else _Problem(other, classes, mean, spread)
            found, loss = _chosen(problem, check, options)
            weights[way, prior, classes] = found
            losses.append(np.array([loss, 0.0 if check is None else check.total]))
            done = np.sum(losses, axis=0)
            report(
                max((number + 1) * steps // (len(groups) + 1), 1),
                {"loss": float(done[0] / max(done[1], 1.0))},
            )
        made = Logistic(view, mean, spread, weights, options)
        verdict, figures = judged(made, setting)
        report(steps, figures)
        statistics = {"features": _named(view, mean, spread)}
        return Trained(made, verdict, statistics)


class _Problem:
    """Weighted log loss of the pixels of one group, and its slope.

    Args:
        batch: The pixels.
        classes: Positions of the classes that may follow.
        mean: ``(F,)``.
        spread: ``(F,)``.
    """

    def __init__(
        self,
        batch: PixelBatch,
        classes: npt.NDArray[np.intp],
        mean: FloatArray,
        spread: FloatArray,
    ) -> None:
        self.features = standardised(batch.rows.features, mean, spread)
        self.start = batch.rows.start[:, classes]
        self.truth = np.searchsorted(classes, batch.truth)
        self.weight = batch.weight
        self.total = float(batch.weight.sum(dtype=np.float64))
        self.shape = (len(classes), self.features.shape[1])

    def loss(self, weights: FloatArray) -> float:
        """Weighted sum of log losses."""
        return self._loss(weights)[0]

    def cost(self, flat: DoubleArray, penalty: float) -> tuple[float, DoubleArray]:
        """Penalised mean loss and its slope, for weights as one vector."""
        weights = flat.reshape(self.shape).astype(np.float32)
        loss, odds = self._loss(weights)
        odds[np.arange(len(odds)), self.truth] -= 1.0
        slope = (odds * self.weight[:, None]).T @ self.features
        bent = penalty * flat.reshape(self.shape)
        bent[:, -1] = 0.0  # the constant is free
        value = loss + 0.5 * float((bent * flat.reshape(self.shape)).sum())
        return value / self.total, ((slope + bent) / self.total).ravel()

    def _loss(self, weights: FloatArray) -> tuple[float, FloatArray]:
        """Sum of log losses, and probabilities ``(N, A)``."""
        logits = self.start + self.features @ weights.T
        logits -= logits.max(axis=1, keepdims=True)
        here = np.take_along_axis(logits, self.truth[:, None], axis=1)[:, 0]
        odds = np.exp(logits)
        total = odds.sum(axis=1, keepdims=True)
        odds /= total
        losses = (np.log(total[:, 0]) - here) * self.weight
        return float(losses.sum(dtype=np.float64)), odds


def _chosen(
    problem: _Problem, check: _Problem | None, options: LogisticOptions
) -> tuple[FloatArray, float]:
    """Weights ``(A, F + 1)`` under the penalty that is best in the check, and their loss there.

    From the strongest penalty on, each fit begins where the last one ended. No weights at all, the
    chain alone, are a candidate too.
    """
    weights = np.zeros(problem.shape, np.float32)
    best, least = weights, np.inf if check is None else check.loss(weights)
    for penalty in sorted(options.penalties, reverse=True):
        found = minimize(
            problem.cost,
            weights.ravel().astype(np.float64),
            args=(penalty,),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": options.iterations, "ftol": 1e-7, "gtol": 1e-6},
        )
        weights = found.x.reshape(problem.shape).astype(np.float32)
        if check is None:
            return weights, 0.0  # nothing to choose by: the strongest
        loss = check.loss(weights)
        if loss < least:
            best, least = weights, loss
    return best, float(least)


def _groups(
    view: PixelView, learned: PixelBatch, judged: PixelBatch | None
) -> Iterator[tuple[int, int, npt.NDArray[np.intp], PixelBatch, PixelBatch | None]]:
    """Direction, class of the prior, classes that may follow, and pixels to learn and to judge."""
    size = view.target.layers
    for way, prior in itertools.product(range(2), range(size + 1)):
        own = _of(learned, way, prior)
        classes = np.flatnonzero(view.possible[way, prior] if prior < size else np.ones(size))
        if own is not None and len(classes) > 1:
            yield way, prior, classes, own, None if judged is None else _of(judged, way, prior)


def _of(batch: PixelBatch, way: int, prior: int) -> PixelBatch | None:
    """Pixels of one direction and class of the prior; ``None`` if there is none."""
    which = np.flatnonzero((batch.rows.prior == prior) & (batch.rows.backward == bool(way)))
    return batch.taken(which) if which.size else None


def _statistics(batch: PixelBatch) -> tuple[FloatArray, FloatArray]:
    """Weighted mean and spread of each feature; those that never vary keep a spread of 1."""
    values = batch.rows.features
    known = np.isfinite(values)
    weight = np.where(known, batch.weight[:, None], np.float32(0.0))
    filled = np.where(known, values, np.float32(0.0))
    total = np.maximum(weight.sum(axis=0, dtype=np.float64), 1e-12)
    mean = (weight * filled).sum(axis=0, dtype=np.float64) / total
    square = (weight * (filled - mean.astype(np.float32)) ** 2).sum(axis=0, dtype=np.float64)
    spread = np.sqrt(square / total)
    return mean.astype(np.float32), np.where(spread > 1e-6, spread, 1.0).astype(np.float32)


def _named(view: PixelView, mean: FloatArray, spread: FloatArray) -> dict[str, Any]:
    return {
        name: {"mean": float(m), "spread": float(s)}
        for name, m, s in zip(view.names, mean, spread, strict=True)
    }
