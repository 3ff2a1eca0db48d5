"""The card of a freshly trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ai4land.checkpoint import Card, Domain
from ai4land.cube import Cube, evidence
from ai4land.models import Calibration, Predictor
from ai4land.rollout import Decisions
from ai4land.training.experiment import PATHS
from ai4land.training.setting import Region, Setting
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
    experiment, task, first = setting.experiment, setting.assembler.task, setting.regions[0]
    names = (
        *(target.name for target in task.targets),
        *experiment.forcing,
        *experiment.static,
        *experiment.series,
    )
    sources = [dict(region.cube.attributes) for region in setting.regions]
    provenance: list[dict[str, Any]] = [
        p for source in sources for p in source.get("provenance", [])
    ]
    licences = sorted({str(p.get("licence", "unknown")) for p in provenance})
    titles = [str(source.get("title", "")) for source in sources]
    training: dict[str, Any] = {
        "experiment": experiment.model_dump(mode="json", exclude=PATHS),
        "digest": setting.digest,
        "members": [dict(member.history) for member in members],
    }
    if len(setting.regions) > 1:
        training["regions"] = [_trained(region, names) for region in setting.regions]
    return Card(
        task=experiment.task,
        recursive=tuple(sorted(task.recursive)),
        architecture=predictor.to_dict(),
        inputs=predictor.spec,
        legends={n: v.legend for n, v in first.labels.items() if v.legend is not None},
        grids={name: first.cube.grid(name) for name in names},
        strides=experiment.samples.strides,
        directions=experiment.samples.directions,
        split=experiment.split,
        domain=_domain(first),
        decision=said.decisions.to_dict(),
        calibration={name: scaled.to_dict() for name, scaled in said.calibration.items()},
        feedback=experiment.training.handed_on,
        training=training,
        data={"title": "; ".join(titles), "provenance": provenance},
        licences=tuple(licences),
        scores={"validation": dict(said.scores)},
        code_version=version("ai4land"),
        variables={name: _variable(first.cube, name) for name in names},
        normaliser=members[0].statistics,
    )


def _domain(region: Region) -> Domain:
    """Where and when a model was trained in a region, by all members of an ensemble together."""
    rounds = (region.experiment.split, *region.experiment.split.rounds)
    return Domain.of(
        region.assembler.drivers.grid,
        (min(r.train[0] for r in rounds), max(r.train[1] for r in rounds)),
        (min(r.validation[0] for r in rounds), max(r.validation[1] for r in rounds)),
    )


def _trained(region: Region, names: Sequence[str]) -> dict[str, Any]:
    """One of several regions as ``Card.on`` reads it."""
    return {
        "name": region.name,
        "grids": {name: region.cube.grid(name).to_dict() for name in names},
        "split": region.experiment.split.model_dump(mode="json"),
        "domain": _domain(region).to_dict(),
    }


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
