"""The card of a freshly trained model."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ai4land.checkpoint import Card
from ai4land.cube import VariableSpec
from ai4land.models import Ensemble, UNet
from ai4land.rollout import Decision, decision_data
from ai4land.training.setting import Setting

__all__ = ["describe"]


def describe(
    setting: Setting,
    network: UNet | Ensemble,
    decision: Decision,
    scores: Mapping[str, float],
) -> Card:
    """Everything a user of the weights must know, as plain data.

    Args:
        setting: What the network was trained on; of an ensemble, its first member.
        network: In evaluation mode.
        decision: How its probabilities become maps.
        scores: Scores on the validation split.
    """
    experiment, cube, reader = setting.experiment, setting.cube, setting.reader
    legend = reader.legend
    names = (reader.task.target, *experiment.forcing, *experiment.static)
    provenance: list[dict[str, Any]] = list(cube.attributes.get("provenance", []))
    licences = sorted({str(p.get("licence", "unknown")) for p in provenance})
    grid = reader.grid
    rounds = (experiment.split, *experiment.split.rounds)
    trained = [min(r.train[0] for r in rounds), max(r.train[1] for r in rounds)]
    validated = [min(r.validation[0] for r in rounds), max(r.validation[1] for r in rounds)]
    return Card(
        task=experiment.task,
        architecture=network.to_dict(),
        inputs=network.spec.to_dict(),
        legend=None if legend is None else legend.to_dict(),
        clock=reader.task.clock.value,
        grids={name: cube.grid(name).to_dict() for name in names},
        strides=experiment.samples.strides,
        directions=tuple(d.value for d in experiment.samples.directions),
        training={
            "experiment": experiment.model_dump(mode="json", exclude={"cube"}),
            "years": trained,
            "steps": experiment.training.steps,
            "seed": experiment.training.seed,
            "digest": setting.digest,
        },
        data={"title": cube.attributes.get("title", ""), "provenance": provenance},
        licences=tuple(licences),
        domain={
            "west": float(grid.west),
            "south": float(grid.south),
            "east": float(grid.east),
            "north": float(grid.north),
            "trained": trained,
            "validated": validated,
        },
        scores={"validation": dict(scores)},
        code_version=version("ai4land"),
        decision={**decision_data(decision), "feedback": experiment.training.feedback},
        variables={name: _variable(cube.variable(name)) for name in names},
        normaliser=_statistics(network.members[0] if isinstance(network, Ensemble) else network),
    )


def _variable(spec: VariableSpec) -> dict[str, Any]:
    return {
        "long_name": spec.variable.long_name,
        "units": spec.variable.units,
        "kind": spec.variable.kind.value,
        "source": spec.source,
        "legend": None if spec.legend is None else spec.legend.to_dict(),
    }


def _statistics(network: UNet) -> dict[str, Any]:
    """Means and spreads by channel name."""
    spec = network.spec
    groups = {
        "forcing": (spec.forcing, network.forcing_scale),
        "change": (spec.forcing, network.change_scale),
        "static": (spec.static, network.static_scale),
        "target": (() if spec.classes else (spec.target,), network.target_scale),
    }
    return {
        group: {
            name: {"mean": float(mean), "spread": float(spread)}
            for name, mean, spread in zip(names, scale.mean, scale.spread, strict=True)
        }
        for group, (names, scale) in groups.items()
    }
