"""A new family of models without a network: how often each class followed each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.models import Inputs, InputSpec, Untrained
from ai4land.training import Experiment, Report, Setting, Trained
from ai4land.training.validation import validate

FILE = "frequencies.json"


class Frequencies:
    """A Markov chain: from the class of the prior to the classes after a step.

    Args:
        spec: The inputs.
        chances: ``(2, K, K)`` from class to class, steps forward and steps backward.
    """

    multiple = 1

    def __init__(self, spec: InputSpec, chances: npt.NDArray[np.float32]) -> None:
        self.spec = spec
        self.chances = chances

    def to_dict(self) -> dict[str, Any]:
        return {"name": "frequencies"}

    def predict(self, inputs: Inputs[npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float32]]:
        (target,) = self.spec.targets
        prior = inputs.targets[target.name].prior
        ways = (inputs.calendar[:, 0] < 0).astype(int)
        return {target.name: np.einsum("bjyx,bjk->bkyx", prior, self.chances[ways])}

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(self.chances.tolist()), encoding="utf-8")

    def members(self) -> tuple[Frequencies, ...]:
        return (self,)

    def followers(self, target: str) -> npt.NDArray[np.bool_] | None:
        return self.chances > 0


class Counter:
    """Counts which class follows which in the samples of a split."""

    writes = True

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        (target,) = setting.spec.targets
        counts = np.zeros((2, target.layers, target.layers))
        for number in range(setting.experiment.training.steps):
            sample = setting.sampler.draw(np.random.default_rng([seed, number]))
            maps, way = sample.targets[target.name], int(sample.calendar[0, 0] < 0)
            used = maps.valid[0]
            np.add.at(counts[way], (maps.before[used], maps.targets[0][used]), 1)
            report(number + 1, {"loss": 0.0})
        counts += 1e-3 * np.eye(target.layers)
        chances = (counts / counts.sum(axis=2, keepdims=True)).astype(np.float32)
        made = Frequencies(setting.spec, chances)
        return Trained(made, validate(made, setting.judge, 50))


def trainer(experiment: Experiment) -> Counter:
    return Counter()


def build(architecture: Mapping[str, Any], spec: InputSpec) -> Untrained:
    return Untrained(1, 2 * spec.targets[0].layers ** 2)


def combine(predictors: Sequence[Frequencies]) -> Frequencies:
    return Frequencies(predictors[0].spec, np.mean([p.chances for p in predictors], axis=0))


def load_predictor(
    architecture: Mapping[str, Any], spec: InputSpec, folder: Path, device: str = "cpu"
) -> Frequencies:
    found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return Frequencies(spec, np.array(found, np.float32))
