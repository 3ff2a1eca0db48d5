"""Validation: what the network is worth on the validation split, and how bold it should be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ai4land.errors import SampleError
from ai4land.grid import Window
from ai4land.metrics import (
    Confusion,
    RolloutScores,
    ThreeMaps,
    classification_scores,
    three_maps,
)
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

__all__ = ["STAY", "Validation", "decision_score", "validate"]

STAY = (-0.6, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.5)
"""Candidates for what is added to the probability of the prior's class before the decision."""

_PRICE = 10.0  # figure of merit that a unit of accuracy lost against a baseline costs
_WORTH = 3.0  # figure of merit that a unit of accuracy gained over all baselines is worth

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Validation:
    """Scores on the validation split.

    Attributes:
        stay: The chosen candidate of ``STAY``; 0 for a continuous target.
        score: What is maximised: the figure of merit, less ten times any accuracy lost against
            persistence; for a continuous target the skill against persistence in mean square.
        values: Scores by name, persistence beside.
    """

    stay: float
    score: float
    values: dict[str, float]


def validate(predictor: Predictor, judge: SampleSource, limit: int) -> Validation:
    """Score one step from every observed prior of the split, undamaged, over its whole area.

    Args:
        predictor: The model.
        judge: Of the validation splits, of one region or several.
        limit: Windows scored at most, spread evenly over regions and windows.

    Returns:
        Of several targets the mean score, and values by ``<target>_<score>``.
    """
    parts = judge.parts
    judges = {name: _judge(labels) for name, labels in parts[0].labels.items()}
    codings = parts[0].assembler.codings
    share = max(limit // len(parts), 1)
    for sample in itertools.chain.from_iterable(_windows(part, share) for part in parts):
        batch = stack([sample])
        found = predictor.predict(step_inputs(batch, 0, codings, predictor.spec.history))
        for name, scored in judges.items():
            target = sample.targets[name]
            if target.moves[0]:
                scored.see(found[name][0], target)
    verdicts = {name: scored.verdict() for name, scored in judges.items()}
    if len(verdicts) == 1:
        return next(iter(verdicts.values()))
    score = float(np.mean([verdict.score for verdict in verdicts.values()]))
    values = {f"{n}_{k}": v for n, verdict in verdicts.items() for k, v in verdict.values.items()}
    return Validation(0.0, score, values)


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
    """Figure of merit and accuracy of classes, for every candidate of ``STAY``."""

    def __init__(self, coding: ClassCoding) -> None:
        self.coding = coding
        self.tables = [ThreeMaps.zero(coding.layers) for _ in STAY]

    def see(self, predicted: Array, target: TargetSample) -> None:
        """Count one window of probabilities ``(K, y, x)``."""
        probability = predicted.copy()
        probability[self.coding.sea] = 0.0
        prior, truth, mask = target.before, target.targets[0], target.valid[0]
        classes = self.coding.layers
        here = np.minimum(prior, classes - 1)[None].astype(np.int64)
        own = np.take_along_axis(probability, here, axis=0)
        for i, stay in enumerate(STAY):
            bold = probability.copy()
            np.put_along_axis(bold, here, own + np.float32(stay), axis=0)
            decided = bold.argmax(axis=0).astype(np.uint8)
            self.tables[i] += three_maps(prior, truth, decided, classes, mask=mask)

    def verdict(self) -> Validation:
        """Scores of the best candidate."""
        return _choose(self.tables)


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
        return Validation(0.0, skill, values)


def decision_score(
    rollouts: Sequence[RolloutScores], baselines: Sequence[RolloutScores] = ()
) -> tuple[float, dict[str, float]]:
    """What a decision rule is judged by: figure of merit at the end, accuracy in every year.

    The figure of merit of the last lead, and the accuracy gained over the better of persistence
    and a baseline at the lead where that is least (no year shall pay for another), of which one
    standard error is taken off: a small split must not let a rule pass by luck (as in Breiman et
    al. 1984, Classification and Regression Trees, section 3.4.3). All are averaged over rollouts.
    The error of hits less false alarms is the root of their sum, per pixel; rollouts over
    different land err independently. Accuracy lost costs ten times as figure of merit, gained it
    is worth three times.

    Args:
        rollouts: Of the rule, over different land or years.
        baselines: Of the kernel, over the same; without any, persistence is what counts.
    """
    merits, gains, errors, accuracies, kept, unions = [], [], [], [], [], []
    for i, scores in enumerate(rollouts):
        three = [lead.three for lead in scores.leads]
        reached = np.array([_accuracy(t) for t in three])
        still = np.array([1.0 - t.observed_change / t.total for t in three])
        best = still
        if baselines:
            best = np.maximum(still, [_accuracy(lead.three) for lead in baselines[i].leads])
        worst = int(np.argmin(reached - best))
        gains.append((reached - best)[worst])
        errors.append(np.sqrt(three[worst].hits + three[worst].false_alarms) / three[worst].total)
        merits.append(_merit(three[-1]))
        accuracies.append(reached.mean())
        kept.append(still.mean())
        unions += [
            (_iou(x.confusion), _iou(x.three.persistence.reference_confusion)) for x in scores.leads
        ]
    union, persistence_union = (float(v) for v in np.mean(unions, axis=0))
    values = {
        "figure_of_merit": float(np.mean(merits)),
        "accuracy": float(np.mean(accuracies)),
        "persistence_accuracy": float(np.mean(kept)),
        "least_accuracy_gain": float(np.mean(gains)),
        "mean_iou": union,
        "persistence_mean_iou": persistence_union,
    }
    if baselines:
        last = [scores.leads[-1].three for scores in baselines]
        values["kernel_figure_of_merit"] = float(np.mean([_merit(t) for t in last]))
    sure = values["least_accuracy_gain"] - float(np.mean(errors)) / np.sqrt(len(rollouts))
    worth = (_WORTH if sure > 0 else _PRICE) * sure
    return values["figure_of_merit"] + worth, values


def _accuracy(three: ThreeMaps) -> float:
    return (three.hits + three.correct_rejections) / three.total


def _merit(three: ThreeMaps) -> float:
    merit = three.figure_of_merit
    return merit if np.isfinite(merit) else 0.0


def _iou(table: Confusion) -> float:
    names = [str(i) for i in range(table.n_classes)]
    found = classification_scores(table, names)["mean_iou"]
    return float(found) if found is not None else 0.0


def _choose(tables: list[ThreeMaps]) -> Validation:
    best: Validation | None = None
    for stay, table in zip(STAY, tables, strict=True):
        total = table.total
        if not total:
            raise SampleError(
                "No pixel can be validated",
                expected="land in the validation times and blocks",
                remedy="widen the validation split",
            )
        accuracy = _accuracy(table)
        persistence = 1.0 - table.observed_change / total
        merit = _merit(table)
        score = merit - _PRICE * max(persistence - accuracy, 0.0)
        if best is None or score > best.score:
            best = Validation(
                stay,
                score,
                {
                    "figure_of_merit": merit,
                    "accuracy": accuracy,
                    "persistence_accuracy": persistence,
                    "observed_change": table.observed_change / total,
                    "simulated_change": table.simulated_change / total,
                },
            )
    if best is None:
        raise AssertionError("there are always candidates")
    return best


def _windows(sampler: Sampler, limit: int) -> Iterator[Sample]:
    """Windows that tile the split at its first steps, those without a valid pixel left out."""
    grid, side = sampler.grid, sampler.options.window
    rows = range(0, grid.height, side)
    cells = [
        (times, Window(row, col, side, side))
        for times in sampler.steps
        for row in rows
        for col in range(0, grid.width, side)
        if sampler.mask[row : row + side, col : col + side].any()
    ]
    for index in np.unique(np.linspace(0, len(cells) - 1, min(limit, len(cells))).astype(int)):
        times, window = cells[index]
        sample = sampler.read(times[:2], window)
        if any(target.valid.any() for target in sample.targets.values()):
            yield sample
