"""The card of a freshly trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ai4land.checkpoint import Card, Domain
from ai4land.cube import VariableSpec
from ai4land.models import Calibration, Predictor
from ai4land.rollout import Decisions
from ai4land.training.setting import Setting
from ai4land.training.trainer import Trained

__all__ = ["Said", "describe"]


@dataclass(frozen=True, slots=True)
class Said:
    """What the validation split says of a model.

    Attributes:
        decisions: How its probabilities become maps.
        calibration: Target → how its probabilities are scaled.
        scores: Scores on the validation split.
    """

    decisions: Decisions
    calibration: Mapping[str, Calibration]
    scores: Mapping[str, float]


def describe(
    setting: Setting, predictor: Predictor, said: Said, members: Sequence[Trained]
) -> Card:
    """Everything a user of the weights must know.

    Args:
        setting: What the model was trained on; of an ensemble, its first member.
        predictor: The model.
        said: What the validation split says of it.
        members: What was trained, one by one: how it went, and the statistics of its inputs.
    """
    experiment, cube, task = setting.experiment, setting.cube, setting.assembler.task
    targets = tuple(target.name for target in task.targets)
    names = (*targets, *experiment.forcing, *experiment.static, *experiment.series)
    provenance: list[dict[str, Any]] = list(cube.attributes.get("provenance", []))
    licences = sorted({str(p.get("licence", "unknown")) for p in provenance})
    rounds = (experiment.split, *experiment.split.rounds)
    return Card(
        task=experiment.task,
        recursive=tuple(sorted(task.recursive)),
        architecture=predictor.to_dict(),
        inputs=predictor.spec,
        legends={n: v.legend for n, v in setting.labels.items() if v.legend is not None},
        grids={name: cube.grid(name) for name in names},
        strides=experiment.samples.strides,
        directions=experiment.samples.directions,
        split=experiment.split,
        domain=Domain.of(
            setting.assembler.drivers.grid,
            (min(r.train[0] for r in rounds), max(r.train[1] for r in rounds)),
            (min(r.validation[0] for r in rounds), max(r.validation[1] for r in rounds)),
        ),
        decision=said.decisions.to_dict(),
        calibration={name: scaled.to_dict() for name, scaled in said.calibration.items()},
        feedback=experiment.training.feedback,
        training={
            "experiment": experiment.model_dump(mode="json", exclude={"cube"}),
            "digest": setting.digest,
            "members": [dict(member.history) for member in members],
        },
        data={"title": cube.attributes.get("title", ""), "provenance": provenance},
        licences=tuple(licences),
        scores={"validation": dict(said.scores)},
        code_version=version("ai4land"),
        variables={name: _variable(cube.variable(name)) for name in names},
        normaliser=members[0].statistics,
    )


def _variable(spec: VariableSpec) -> dict[str, Any]:
    return {
        "long_name": spec.variable.long_name,
        "units": spec.variable.units,
        "kind": spec.variable.kind.value,
        "source": spec.source,
        "legend": None if spec.legend is None else spec.legend.to_dict(),
    }
