"""The card of a freshly trained model."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from ai4land.checkpoint import Card
from ai4land.cube import Cube
from ai4land.models import UNet
from ai4land.samples import WindowReader
from ai4land.training.experiment import Experiment
from ai4land.training.validation import Validation

__all__ = ["describe"]


def describe(
    experiment: Experiment, cube: Cube, reader: WindowReader, network: UNet, verdict: Validation
) -> Card:
    """Everything a user of the weights must know, as plain data."""
    legend = reader.legend
    drivers = (*experiment.forcing, *experiment.static)
    provenance: list[dict[str, Any]] = list(cube.attributes.get("provenance", []))
    licences = sorted({str(p.get("licence", "unknown")) for p in provenance})
    grid = reader.grid
    split = experiment.split
    return Card(
        task=experiment.task,
        architecture=network.to_dict(),
        inputs=network.spec.to_dict(),
        legend=None if legend is None else legend.to_dict(),
        clock=reader.task.clock.value,
        grids={name: cube.grid(name).to_dict() for name in (reader.task.target, *drivers)},
        strides=experiment.samples.strides,
        directions=tuple(d.value for d in experiment.samples.directions),
        training={
            "experiment": experiment.model_dump(mode="json", exclude={"cube"}),
            "years": list(split.train),
            "steps": experiment.training.steps,
            "seed": experiment.training.seed,
        },
        data={"title": cube.attributes.get("title", ""), "provenance": provenance},
        licences=tuple(licences),
        domain={
            "west": float(grid.west),
            "south": float(grid.south),
            "east": float(grid.east),
            "north": float(grid.north),
            "trained": list(split.train),
            "validated": list(split.validation),
        },
        scores={"validation": verdict.values},
        code_version=version("ai4land"),
        decision={"stay": verdict.stay, "feedback": experiment.training.feedback},
    )
