"""The setting of an experiment: the cube opened, the splits drawn, nothing trained yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ai4land.cube import Cube
from ai4land.models import InputSpec
from ai4land.rollout import cube_assembler
from ai4land.samples import (
    Assembler,
    CubeDrivers,
    Labels,
    Sampler,
    SpaceMasks,
    input_spec,
    space_masks,
)
from ai4land.training.experiment import Experiment
from ai4land.vocabulary import Driver, SplitOptions, Task, task

__all__ = ["Setting", "assembled", "first_labels", "prepare"]


@dataclass(frozen=True, eq=False)
class Setting:
    """What every model of an experiment is trained and judged on.

    Attributes:
        experiment: What was asked for.
        split: The split of this turn.
        cube: The cube.
        assembler: Makes inputs of maps and drivers.
        labels: Target → its maps.
        masks: Blocks of training, validation and test.
        sampler: Draws training samples.
        judge: Serves the validation split.
        known: First and last tick from which validation may read history.
        digest: Hash of everything that decides the weights.
    """

    experiment: Experiment
    split: SplitOptions
    cube: Cube
    assembler: Assembler
    labels: Mapping[str, Labels]
    masks: SpaceMasks
    sampler: Sampler
    judge: Sampler
    known: tuple[int, int]
    digest: str

    @property
    def spec(self) -> InputSpec:
        """The inputs of a model."""
        return self.assembler.spec


def prepare(experiment: Experiment, turn: int = 0) -> Setting:
    """Open the cube of an experiment and draw its splits.

    Args:
        experiment: What was asked for.
        turn: Which of the splits that the members of an ensemble take in turns.

    Raises:
        ConfigError: If the split cannot be drawn.
        SampleError: If a split holds no step or no land.
    """
    cube = Cube(experiment.cube)
    split, options = experiment.split.turn(turn), experiment.samples
    assembler, labels = assembled(experiment, cube)
    grid, ticks = assembler.drivers.grid, first_labels(assembler.task, labels).ticks
    coarse = cube.grid(experiment.forcing[0]) if experiment.forcing else grid
    known = _known(split, ticks)
    land = first_labels(assembler.task, labels).land(split.dealt(ticks))
    masks = space_masks(grid, coarse, split.space, land)
    return Setting(
        experiment=experiment,
        split=split,
        cube=cube,
        assembler=assembler,
        labels=labels,
        masks=masks,
        sampler=Sampler(assembler, labels, options, split.train, masks.train),
        judge=Sampler(assembler, labels, options, split.validation, masks.validation, known),
        known=known,
        digest=_digest(experiment, cube),
    )


def assembled(experiment: Experiment, cube: Cube) -> tuple[Assembler, dict[str, Labels]]:
    """What an experiment's model is given, and what it is taught."""
    learned = task(experiment.task)
    labels = {target.name: Labels(cube, target) for target in learned.targets}
    drivers = CubeDrivers(cube, next(iter(labels.values())).grid)
    series = {
        name: Driver(name, drivers.describe(name).clock, told.lags, told.mean)
        for name, told in experiment.series.items()
    }
    spec = input_spec(
        cube,
        drivers,
        learned,
        experiment.forcing,
        experiment.static,
        series=series,
        history=experiment.samples.history,
        trust=experiment.trust,
    )
    return cube_assembler(cube, learned, spec), labels


def first_labels(learned: Task, labels: Mapping[str, Labels]) -> Labels:
    """The labels whose clock is that of the task's steps."""
    return next(v for v in labels.values() if v.target.clock is learned.clock)


def _known(split: SplitOptions, ticks: Sequence[int]) -> tuple[int, int]:
    """First and last tick that validation may look back on: of both splits if they adjoin."""
    (_, end), (start, _) = sorted((split.train, split.validation))
    if any(end < tick < start for tick in ticks):
        return split.validation
    return min(*split.train, *split.validation), max(*split.train, *split.validation)


def _digest(experiment: Experiment, cube: Cube) -> str:
    """Hash of everything that decides the weights."""
    said = experiment.model_dump(mode="json", exclude={"title": True, "cube": True})
    text = json.dumps([said, cube.spec.to_dict()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
