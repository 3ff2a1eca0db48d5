"""The setting of an experiment: the cube opened, the splits drawn, nothing trained yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from ai4land.cube import Cube
from ai4land.models import InputSpec
from ai4land.samples import (
    Sampler,
    SpaceMasks,
    WindowReader,
    input_spec,
    space_masks,
)
from ai4land.training.experiment import Experiment
from ai4land.vocabulary import SplitOptions, task

__all__ = ["Setting", "prepare"]


@dataclass(frozen=True, eq=False)
class Setting:
    """What every network of an experiment is trained and judged on.

    Attributes:
        experiment: What was asked for.
        split: The split of this turn.
        cube: The cube.
        spec: The inputs of a network.
        reader: Serves the fields.
        masks: Blocks of training, validation and test.
        sampler: Draws training samples.
        judge: Serves the validation split.
        known: First and last tick from which validation may read history.
        digest: Hash of everything that decides the weights.
    """

    experiment: Experiment
    split: SplitOptions
    cube: Cube
    spec: InputSpec
    reader: WindowReader
    masks: SpaceMasks
    sampler: Sampler
    judge: Sampler
    known: tuple[int, int]
    digest: str


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
    job = task(experiment.task)
    spec = input_spec(cube, job, experiment.forcing, experiment.static, options.history)
    reader = WindowReader(cube, job, spec)
    coarse = cube.grid(experiment.forcing[0]) if experiment.forcing else reader.grid
    ticks = reader.group.ticks
    land = reader.land(min(t for t in ticks if t >= min(split.train[0], ticks[-1])))
    masks = space_masks(reader.grid, coarse, split.space, land)
    known = _known(split, ticks)
    return Setting(
        experiment=experiment,
        split=split,
        cube=cube,
        spec=spec,
        reader=reader,
        masks=masks,
        sampler=Sampler(reader, options, split.train, masks.train),
        judge=Sampler(reader, options, split.validation, masks.validation, known),
        known=known,
        digest=_digest(experiment, cube),
    )


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
