"""The card: what a user must know of a trained model, typed, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pydantic import ValidationError

from ai4land.checkpoint.migration import migrated
from ai4land.errors import CheckpointError, GridError, VocabularyError
from ai4land.grid import Grid
from ai4land.models import InputSpec
from ai4land.vocabulary import Direction, Legend, SplitOptions, Target, Task

__all__ = ["FORMAT", "Card", "Domain"]

FORMAT = 3


@dataclass(frozen=True, slots=True)
class Domain:
    """Where and when a model was trained.

    Attributes:
        west: Degrees east.
        south: Degrees north.
        east: Degrees east.
        north: Degrees north.
        trained: First and last time of training, on the task's clock.
        validated: First and last time of validation.
    """

    west: float
    south: float
    east: float
    north: float
    trained: tuple[int, int]
    validated: tuple[int, int]

    @classmethod
    def of(cls, grid: Grid, trained: tuple[int, int], validated: tuple[int, int]) -> Domain:
        """The domain of a model that learned from maps on a grid."""
        west, south, east, north = (
            float(side) for side in (grid.west, grid.south, grid.east, grid.north)
        )
        return cls(west, south, east, north, trained, validated)

    def to_dict(self) -> dict[str, Any]:
        """The domain as plain data."""
        times = {"trained": list(self.trained), "validated": list(self.validated)}
        return {**{side: getattr(self, side) for side in _SIDES}, **times}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Domain:
        """The inverse of ``to_dict``."""
        trained, validated = data["trained"], data["validated"]
        return cls(
            **{side: float(data[side]) for side in _SIDES},
            trained=(int(trained[0]), int(trained[1])),
            validated=(int(validated[0]), int(validated[1])),
        )

    def holds(self, grid: Grid) -> bool:
        """Whether a grid lies within, but for a cell."""
        slack = float(grid.dx)
        return (
            float(grid.west) >= self.west - slack
            and float(grid.east) <= self.east + slack
            and float(grid.south) >= self.south - slack
            and float(grid.north) <= self.north + slack
        )


@dataclass(frozen=True, slots=True)
class Card:
    """What a user must know of a trained model.

    Attributes:
        task: Name of the task.
        recursive: Directions in which it may step on its own predictions.
        architecture: Name and options of the model.
        inputs: The named inputs, and the targets.
        legends: Legend of each map of classes.
        grids: Variable → grid of training.
        strides: Step lengths in ticks seen in training.
        directions: Directions seen in training.
        split: Times and blocks of training, validation and test.
        domain: Region and years in which the model was trained and validated; of several
            regions the first, see ``on``.
        decision: The default decision, and the constants of each that the validation split gave.
        calibration: Target → how its probabilities are scaled, as the validation split gave it.
        feedback: What a step hands to the next: ``classes`` or ``probabilities``.
        training: The resolved experiment, and the digest of all that decides the weights.
        data: Provenance of the cube: file names, SHA-256, versions.
        licences: Licences of the inputs.
        scores: Scores on the validation split, with persistence beside.
        code_version: Version of AI4Land.
        variables: Target and drivers: units, kind, source, and the legend of classes.
        normaliser: Group → means and spreads by channel, in those units; a copy for people of
            what stands in the weights.
        base: SHA-256 of the weights this is a delta on; ``None`` if it is whole.
        files: Name → SHA-256 of each file of weights; filled when saved.
    """

    task: str
    recursive: tuple[Direction, ...]
    architecture: Mapping[str, Any]
    inputs: InputSpec
    legends: Mapping[str, Legend]
    grids: Mapping[str, Grid]
    strides: tuple[int, ...]
    directions: tuple[Direction, ...]
    split: SplitOptions
    domain: Domain
    decision: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    feedback: str = "classes"
    training: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    licences: tuple[str, ...] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)
    code_version: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    normaliser: Mapping[str, Any] = field(default_factory=dict)
    base: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the model predicts, with the classes it knows."""
        return self.inputs.targets

    def task_of(self) -> Task:
        """The task as the model knows it."""
        plain = tuple(target.with_classes(()) for target in self.targets)
        return Task(self.task, plain, frozenset(self.recursive))

    def on(self, target: str, grid: Grid) -> Card:
        """The card as it holds for the region of training whose maps lie on a grid.

        Args:
            target: Name of the maps.
            grid: Their grid.

        Returns:
            Itself if there was one region, or none on this grid.
        """
        for region in self.training.get("regions", ()):
            grids = {name: Grid.from_dict(data) for name, data in region["grids"].items()}
            if grids.get(target) == grid:
                split = SplitOptions.model_validate(region["split"])
                domain = Domain.from_dict(region["domain"])
                return replace(self, grids=grids, split=split, domain=domain)
        return self

    def to_dict(self) -> dict[str, Any]:
        """The card as plain data."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {
            **plain,
            "format": FORMAT,
            "recursive": [d.value for d in self.recursive],
            "inputs": self.inputs.to_dict(),
            "legends": {name: legend.to_dict() for name, legend in self.legends.items()},
            "grids": {name: grid.to_dict() for name, grid in self.grids.items()},
            "strides": list(self.strides),
            "directions": [d.value for d in self.directions],
            "split": self.split.model_dump(mode="json"),
            "domain": self.domain.to_dict(),
            "licences": list(self.licences),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: object = None) -> Card:
        """The inverse of ``to_dict``.

        Args:
            data: Plain data.
            where: Named in errors.

        Raises:
            CheckpointError: If the card is damaged or of another format.
        """
        data = migrated(data)
        if data.get("format") != FORMAT:
            raise CheckpointError(
                "The checkpoint has another format",
                where=where,
                expected=FORMAT,
                found=data.get("format"),
                remedy="move it once with `python scripts/move_checkpoint.py OLD NEW`"
                if data.get("format") == 1
                else "use the version of AI4Land that wrote it",
            )
        unknown = set(data) - {"format", *(f.name for f in fields(cls))}
        if unknown:
            raise CheckpointError(
                "The card is damaged", where=where, found=f"unknown {', '.join(sorted(unknown))}"
            )
        try:
            return cls(
                **{name: data[name] for name in _PLAIN},
                recursive=tuple(map(Direction, data["recursive"])),
                inputs=InputSpec.from_dict(data["inputs"]),
                legends={n: Legend.from_dict(v) for n, v in data["legends"].items()},
                grids={n: Grid.from_dict(v) for n, v in data["grids"].items()},
                strides=tuple(data["strides"]),
                directions=tuple(map(Direction, data["directions"])),
                split=SplitOptions.model_validate(data["split"]),
                domain=Domain.from_dict(data["domain"]),
                licences=tuple(data["licences"]),
            )
        except (
            KeyError,
            TypeError,
            ValueError,
            IndexError,
            ValidationError,
            VocabularyError,
            GridError,
        ) as error:
            raise CheckpointError("The card is damaged", where=where, found=error) from error


_SIDES = ("west", "south", "east", "north")
_PLAIN = (
    *("task", "architecture", "decision", "calibration", "feedback", "training", "data", "scores"),
    *("code_version", "variables", "normaliser", "base", "files"),
)
