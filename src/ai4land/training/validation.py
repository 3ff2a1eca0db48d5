"""Validation: what a model is worth on the validation split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ai4land.errors import SampleError
from ai4land.grid import Window
from ai4land.metrics import ThreeMaps, three_maps
from ai4land.models import Predictor
from ai4land.samples import (
    ClassCoding,
    Labels,
    Sample,
    Sampler,
    SampleSource,
    TargetSample,
    stack,
    step_inputs,
)
from ai4land.vocabulary import Direction

__all__ = ["Validation", "map_scores", "predicted_windows", "validate"]

_LEAST = 1e-6  # probability below which a surprise counts no more

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Validation:
    """Scores on the validation split.

    Attributes:
        score: What is maximised: for classes minus the mean log loss, which a model cannot raise
            but by saying what it believes; for a number the skill against persistence in mean
            square.
        values: Scores by name, persistence beside.
    """

    score: float
    values: dict[str, float]


def validate(predictor: Predictor, judge: SampleSource, limit: int) -> Validation:
    """Score one step from every observed prior of the split over its whole area.

    Args:
        predictor: The model.
        judge: Of the validation splits, of one region or several.
        limit: Windows scored at most, spread evenly over regions and windows.

    Returns:
        Of several targets the mean score, and values by ``<target>_<score>``.

    Raises:
        SampleError: If no pixel can be validated.
    """
    parts = judge.parts
    judges = {name: _judge(labels) for name, labels in parts[0].labels.items()}
    share = max(limit // len(parts), 1)
    for part in parts:
        for found, sample in predicted_windows(predictor, part, share):
            for name, scored in judges.items():
                target = sample.targets[name]
                if target.moves[0]:
                    scored.see(found[name], target)
    verdicts = {name: scored.verdict() for name, scored in judges.items()}
    if len(verdicts) == 1:
        return next(iter(verdicts.values()))
    score = float(np.mean([verdict.score for verdict in verdicts.values()]))
    values = {f"{n}_{k}": v for n, verdict in verdicts.items() for k, v in verdict.values.items()}
    return Validation(score, values)


def predicted_windows(
    predictor: Predictor, sampler: Sampler, limit: int, direction: Direction | None = None
) -> Iterator[tuple[dict[str, npt.NDArray[np.float32]], Sample]]:
    """Windows that tile a split at its first steps, and what a model says of each.

    Args:
        predictor: The model.
        sampler: Of the split.
        limit: Windows at most, spread evenly.
        direction: Steps of this direction alone; default all.

    Yields:
        Target → values ``(K, y, x)``, of classes on land, and the sample as validation shows it;
        windows without a valid pixel are left out.
    """
    codings = sampler.assembler.codings
    for sample in _windows(sampler, limit, direction):
        inputs = step_inputs(stack([sample]), 0, codings, predictor.spec.history)
        found = {name: values[0] for name, values in predictor.predict(inputs).items()}
        for name, coding in codings.items():
            if isinstance(coding, ClassCoding):
                found[name] = coding.on_land(found[name])
        yield found, sample


class _Judge(Protocol):
    """Gathers what is needed to score one target."""

    def see(self, predicted: Array, target: TargetSample) -> None:
        """Count one window."""

    def verdict(self) -> Validation:
        """Scores of all windows."""


def _judge(labels: Labels) -> _Judge:
    if isinstance(labels.coding, ClassCoding):
        return _ClassJudge(labels.coding)
    return _NumberJudge()


class _ClassJudge:
    """Log loss of the probabilities, and scores of the most likely classes."""

    def __init__(self, coding: ClassCoding) -> None:
        self.coding = coding
        self.table = ThreeMaps.zero(coding.layers)
        self.surprise = self.expected = 0.0

    def see(self, predicted: Array, target: TargetSample) -> None:
        """Count one window of probabilities ``(K, y, x)``."""
        prior, truth, mask = target.before, target.targets[0], target.valid[0]
        classes = self.coding.layers
        decided = predicted.argmax(axis=0).astype(np.uint8)
        self.table += three_maps(prior, truth, decided, classes, mask=mask)
        places = np.arange(np.count_nonzero(mask))
        said = predicted[:, mask].astype(np.float64)
        self.surprise -= float(np.log(np.maximum(said[truth[mask], places], _LEAST)).sum())
        known = prior[mask] < classes
        stays = said[np.minimum(prior[mask], classes - 1), places] * known
        self.expected += float((1.0 - stays).sum())

    def verdict(self) -> Validation:
        """Scores of all windows."""
        table, total = self.table, self.table.total
        if not total:
            raise SampleError(
                "No pixel can be validated",
                expected="land in the validation times and blocks",
                remedy="widen the validation split",
            )
        values = {
            "log_loss": self.surprise / total,
            **map_scores(table),
            "observed_change": table.observed_change / total,
            "expected_change": self.expected / total,
        }
        return Validation(-values["log_loss"], values)


def map_scores(table: ThreeMaps) -> dict[str, float]:
    """Figure of merit, 0 where nothing changes or is said to, and accuracy beside persistence's."""
    merit = table.figure_of_merit
    return {
        "figure_of_merit": merit if np.isfinite(merit) else 0.0,
        "accuracy": table.reference_confusion.accuracy,
        "persistence_accuracy": table.persistence.reference_confusion.accuracy,
    }


class _NumberJudge:
    """Skill of a number against persistence in mean square."""

    def __init__(self) -> None:
        self.error = self.naive = self.count = 0.0

    def see(self, predicted: Array, target: TargetSample) -> None:
        """Count one window of values ``(1, y, x)``."""
        mask, truth = target.valid[0], target.targets[0]
        self.error += float(((predicted[0] - truth)[mask] ** 2).sum())
        self.naive += float(((target.before - truth)[mask] ** 2).sum())
        self.count += float(mask.sum())

    def verdict(self) -> Validation:
        """Skill, and both mean squares."""
        count = max(self.count, 1.0)
        skill = 1.0 - self.error / self.naive if self.naive > 0 else 0.0
        values = {
            "mean_square": self.error / count,
            "persistence_mean_square": self.naive / count,
        }
        return Validation(skill, values)


def _windows(sampler: Sampler, limit: int, direction: Direction | None) -> Iterator[Sample]:
    """Windows that tile the split at its first steps, those without a valid pixel left out."""
    grid, side = sampler.grid, sampler.options.window
    runs = [t for t in sampler.steps if direction is None or (t[1] - t[0]) * direction.sign > 0]
    cells = [
        (times, Window(row, col, side, side))
        for times in runs
        for row in range(0, grid.height, side)
        for col in range(0, grid.width, side)
        if sampler.mask[row : row + side, col : col + side].any()
    ]
    for index in np.unique(np.linspace(0, len(cells) - 1, min(limit, len(cells))).astype(int)):
        times, window = cells[index]
        sample = sampler.judged(times[:2], window)
        if any(target.valid.any() for target in sample.targets.values()):
            yield sample
