"""The card of a freshly trained model."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ai4land.checkpoint import Card, Domain
from ai4land.cube import Cube, evidence
from ai4land.models import Predictor
from ai4land.rollout import Decision, decision_data
from ai4land.training.setting import Setting

__all__ = ["describe"]


def describe(
    setting: Setting,
    predictor: Predictor,
    decision: Decision,
    scores: Mapping[str, float],
    statistics: Mapping[str, Any],
) -> Card:
    """Everything a user of the weights must know.

    Args:
        setting: What the model was trained on; of an ensemble, its first member.
        predictor: The model.
        decision: How its probabilities become maps.
        scores: Scores on the validation split.
        statistics: Means and spreads of its inputs, for people.
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
        decision=decision_data(decision),
        feedback=experiment.training.feedback,
        training={
            "experiment": experiment.model_dump(mode="json", exclude={"cube"}),
            "digest": setting.digest,
        },
        data={"title": cube.attributes.get("title", ""), "provenance": provenance},
        licences=tuple(licences),
        scores={"validation": dict(scores)},
        code_version=version("ai4land"),
        variables={name: _variable(cube, name) for name in names},
        normaliser=statistics,
    )


def _variable(cube: Cube, name: str) -> dict[str, Any]:
    spec, known = cube.variable(name), evidence(cube, (name,))
    return {
        "long_name": spec.variable.long_name,
        "units": spec.variable.units,
        "kind": spec.variable.kind.value,
        "source": spec.source,
        "legend": None if spec.legend is None else spec.legend.to_dict(),
        **({"evidence": known[name]} if known else {}),
    }
