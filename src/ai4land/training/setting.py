"""The setting of an experiment: its cubes opened, the splits drawn, nothing trained yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.models import InputSpec
from ai4land.rollout import cube_assembler
from ai4land.samples import (
    Assembler,
    CubeDrivers,
    Labels,
    Sampler,
    SampleSource,
    SpaceMasks,
    input_spec,
    mixed,
    space_masks,
)
from ai4land.training.experiment import Experiment
from ai4land.vocabulary import Driver, SplitOptions, Task, read_legend, task

__all__ = ["Region", "Setting", "assembled", "first_labels", "opened", "prepare"]


@dataclass(frozen=True, eq=False)
class Region:
    """One cube that a model is trained and judged on.

    Attributes:
        name: How the experiment calls it.
        experiment: What was asked for, of this cube alone.
        split: The split of this turn.
        cube: The cube, in the classes of the experiment.
        assembler: Makes inputs of maps and drivers.
        labels: Target → its maps.
        masks: Blocks of training, validation and test.
        sampler: Draws training samples.
        judge: Serves the validation split.
        known: First and last tick from which validation may read history.
    """

    name: str
    experiment: Experiment
    split: SplitOptions
    cube: Cube
    assembler: Assembler
    labels: Mapping[str, Labels]
    masks: SpaceMasks
    sampler: Sampler
    judge: Sampler
    known: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Setting:
    """What every model of an experiment is trained and judged on.

    Attributes:
        experiment: What was asked for.
        regions: The cubes that train and choose, alike in inputs and classes.
        sampler: Draws training samples from all of them.
        judge: Serves the validation splits of all of them.
        digest: Hash of everything that decides the weights.
    """

    experiment: Experiment
    regions: tuple[Region, ...]
    sampler: SampleSource
    judge: SampleSource
    digest: str

    @property
    def assembler(self) -> Assembler:
        """Makes inputs; of several regions the first one's, which reads maps as all do."""
        return self.regions[0].assembler

    @property
    def spec(self) -> InputSpec:
        """The inputs of a model."""
        return self.assembler.spec


def prepare(experiment: Experiment, turn: int = 0) -> Setting:
    """Open the cubes of an experiment and draw their splits.

    Args:
        experiment: What was asked for.
        turn: Which of the splits that the members of an ensemble take in turns.

    Raises:
        ConfigError: If the split cannot be drawn, or regions do not give the same inputs.
        SampleError: If a split holds no step or no land.
    """
    asked = experiment.regions
    regions = tuple(_region(experiment.alone(r), r.name, turn) for r in asked)
    _check_alike(regions)
    weights = [region.weight for region in asked]
    return Setting(
        experiment=experiment,
        regions=regions,
        sampler=mixed([region.sampler for region in regions], weights),
        judge=mixed([region.judge for region in regions], weights),
        digest=_digest(experiment, [region.cube for region in regions]),
    )


def _region(experiment: Experiment, name: str, turn: int) -> Region:
    """Open one cube and draw its split."""
    cube = opened(experiment)
    split, options = experiment.split.turn(turn), experiment.samples
    assembler, labels = assembled(experiment, cube)
    grid, ticks = assembler.drivers.grid, first_labels(assembler.task, labels).ticks
    coarse = cube.grid(experiment.forcing[0]) if experiment.forcing else grid
    known = _known(split, ticks)
    land = first_labels(assembler.task, labels).land(split.dealt(ticks))
    masks = space_masks(grid, coarse, split.space, land)
    return Region(
        name=name,
        experiment=experiment,
        split=split,
        cube=cube,
        assembler=assembler,
        labels=labels,
        masks=masks,
        sampler=Sampler(assembler, labels, options, split.train, masks.train),
        judge=Sampler(assembler, labels, options, split.validation, masks.validation, known),
        known=known,
    )


def opened(experiment: Experiment) -> Cube:
    """The cube of an experiment on one cube, in the classes that it asks for."""
    cube = Cube(experiment.cube)
    return cube if experiment.legend is None else cube.in_legend(read_legend(experiment.legend))


def _check_alike(regions: Sequence[Region]) -> None:
    """Refuse regions of which one model cannot learn.

    Raises:
        ConfigError: If their inputs differ.
    """
    first = regions[0].assembler.spec.to_dict()
    for region in regions[1:]:
        other = region.assembler.spec.to_dict()
        differ = [key for key in first if first[key] != other[key]]
        if differ:
            raise ConfigError(
                "The regions do not give a model the same inputs",
                where=f"{region.name}: {', '.join(differ)}",
                expected=f"as in {regions[0].name}: {first[differ[0]]}",
                found=other[differ[0]],
                remedy="say the common classes as `legend`, and name only drivers that all hold",
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


def _digest(experiment: Experiment, cubes: Sequence[Cube]) -> str:
    """Hash of everything that decides the weights."""
    text = json.dumps(
        [experiment.learned(), *(cube.spec.to_dict() for cube in cubes)], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()
