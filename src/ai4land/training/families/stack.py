"""The trainer of stacks: each member by its own trainer, then weights by likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.models import Predictor, Stack, StackOptions, class_options, family_of
from ai4land.samples import SampleSource
from ai4land.training.experiment import Experiment
from ai4land.training.families.judging import judged, truth_probabilities
from ai4land.training.setting import Setting
from ai4land.training.trainer import Report, Trained, Trainer

__all__ = ["StackTrainer", "mixture_weights"]

DoubleArray = npt.NDArray[np.float64]

_TURNS = 2000  # of expectation and maximisation at most
_ENOUGH = 1e-9  # gain of mean log likelihood below which to stop
_LEAST = 1e-12


class StackTrainer:
    """Trains the members one after the other on the same split and weighs them on validation.

    Members with seeds are trained from the stack's seed. Weights are found for each direction
    by what the members say of the classes; numbers are averaged with the same.

    Args:
        experiment: The stack's.
        trainers: Family of models → what makes its trainer.
    """

    def __init__(
        self, experiment: Experiment, trainers: Mapping[str, Callable[[Experiment], Trainer]]
    ) -> None:
        self.options = class_options(StackOptions, experiment.model)
        self.trainers = [
            trainers[family_of(model).__name__](experiment.model_copy(update={"model": model}))
            for model in self.options.members
        ]

    @property
    def writes(self) -> bool:
        """Whether this is the process that writes, by any of the members."""
        return all(trainer.writes for trainer in self.trainers)

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        """Fit all members; see ``Trainer``. Those that can go on from where they were killed do."""
        count, members = len(self.trainers), list[Trained]()
        for number, trainer in enumerate(self.trainers):

            def told(step: int, figures: dict[str, float], number: int = number) -> None:
                steps = setting.experiment.training.steps
                report(min(max((number * steps + step) // count, 1), max(steps - 1, 1)), figures)

            model = self.options.members[number]
            own = _of(setting, model)
            members.append(trainer.fit(own, folder / f"stack{number}", seed, told))
        predictors = [member.predictor for member in members]
        weights = None
        if self.options.weights == "fitted" and any(t.categorical for t in setting.spec.targets):
            weights = _fitted(predictors, setting.judge)
        made = Stack(predictors, weights)
        statistics = {
            f"member {number}, {group}": channels
            for number, member in enumerate(members)
            for group, channels in member.statistics.items()
        }
        verdict, figures = judged(made, setting)
        report(setting.experiment.training.steps, figures)
        return Trained(made, verdict, statistics)


def mixture_weights(given: DoubleArray) -> DoubleArray:
    """Weights ``(M,)`` of a mixture of the greatest likelihood.

    Expectation and maximisation from equal weights (Dempster, Laird and Rubin 1977): the
    likelihood is concave in the weights and never falls. Should the turns end before the best
    single member is reached, that member is taken.

    Args:
        given: ``(N, M)`` probability that each member gave to what came about.
    """
    count = given.shape[1]
    weights = np.full(count, 1.0 / count)
    if not len(given):
        return weights
    given = np.maximum(given, _LEAST)
    last = -np.inf
    for _ in range(_TURNS):
        mixed = given @ weights
        likelihood = float(np.log(mixed).mean())
        if likelihood - last < _ENOUGH:
            break
        last = likelihood
        weights = weights * (given / mixed[:, None]).mean(axis=0)
        weights /= weights.sum()
    alone = np.log(given).mean(axis=0)
    best = int(alone.argmax())
    return weights if np.log(given @ weights).mean() >= alone[best] else np.eye(count)[best]


def _fitted(predictors: Sequence[Predictor], judge: SampleSource) -> DoubleArray:
    """Weights ``(2, M)`` forward and backward; a direction that is not judged has those of all."""
    given, backward = truth_probabilities(predictors, judge)
    ways = [given[backward == way] for way in (False, True)]
    return np.stack([mixture_weights(part if len(part) else given) for part in ways])


def _of(setting: Setting, model: Mapping[str, Any]) -> Setting:
    """The setting as the trainer of one member sees it."""
    experiment = setting.experiment.model_copy(update={"model": dict(model)})
    return replace(setting, experiment=experiment)
