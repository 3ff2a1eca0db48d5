"""Check of an experiment: whether it fits its cube, found out without training."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ai4land.cube import Cube, Status, status_by_year, years_behind
from ai4land.errors import AI4LandError
from ai4land.grid import Grid
from ai4land.models import Untrained, family_of
from ai4land.report.checks.recipe import Check
from ai4land.report.tables.table import Table
from ai4land.samples import Labels, Sampler, space_masks
from ai4land.training import (
    Experiment,
    assembled,
    first_labels,
    load_experiment,
    opened,
    prepare,
)
from ai4land.vocabulary import Clock, nearest_name, task

__all__ = ["check_experiment_file"]

Result = TypeVar("Result")


def check_experiment_file(path: Path) -> Check:
    """Check an experiment: keys, the cube, and whether it has what is asked of it.

    Raises:
        MissingFileError: If there is no experiment or no cube.
        ConfigError: If a key or a value is impossible.
        CubeError: If the cube is not finished.
    """
    experiment = load_experiment(path)
    problems: list[str] = []
    warnings: list[str] = []
    tables: list[Table] = []
    for region in experiment.regions:
        prefix = f"{region.name}: " if experiment.cubes else ""
        found = _region(experiment.alone(region), prefix)
        problems += [f"{prefix}{text}" for text in found.problems]
        warnings += [f"{prefix}{text}" for text in found.warnings]
        tables += found.tables
    if experiment.cubes and not problems:
        try:
            prepare(experiment)
        except AI4LandError as error:  # what only shows when all are put together
            problems.append(str(error))
    return Check("experiment", tuple(problems), tuple(warnings), tuple(tables))


def _region(experiment: Experiment, prefix: str) -> Check:
    """Check an experiment on one cube."""
    cube = opened(experiment)
    problems = _names(experiment, cube)
    warnings: list[str] = []
    facts: list[tuple[str, str]] = []
    if not problems:
        problems += _years(experiment, cube)
        warnings += _statuses(experiment, cube)
        problems += _parts(experiment, cube, facts, warnings)
    table = Table(f"{prefix}{experiment.title}", ("", ""), tuple(facts), numeric=False)
    return Check("experiment", tuple(problems), tuple(warnings), (table,) if facts else ())


def _names(experiment: Experiment, cube: Cube) -> list[str]:
    """Variables that the cube does not have, or has on another kind of clock."""
    asked = [("task", target.name) for target in task(experiment.task).targets]
    asked += [("forcing", name) for name in experiment.forcing]
    asked += [("static", name) for name in experiment.static]
    asked += [("series", name) for name in experiment.series]
    found = []
    for key, name in asked:
        if name not in cube.variables:
            close = nearest_name(name, cube.variables)
            hint = f"; did you mean {close!r}?" if close else ""
            have = ", ".join(cube.variables)
            found.append(f"{key}: the cube has no {name!r} (it has {have}){hint}")
        elif cube.group(name).clock is Clock.STATIC and key != "static":
            found.append(f"{key}: {name!r} has no time")
    return found


def _years(experiment: Experiment, cube: Cube) -> list[str]:
    """Split years without labels, and forcing that does not reach them."""
    found = []
    learned = task(experiment.task)
    labels = first_labels(learned, {t.name: Labels(cube, t) for t in learned.targets}).ticks
    for key in ("train", "validation"):
        first, last = getattr(experiment.split, key)
        if first < labels[0] or last > labels[-1]:
            found.append(
                f"split.{key}: {first}…{last} reaches beyond the labels, {labels[0]}…{labels[-1]}"
            )
        for name in experiment.forcing:
            group = cube.group(name)
            asked = [t for t in labels if first <= t <= last]
            own = {t: learned.clock.convert(t, group.clock) for t in asked}
            missing = [t for t in asked if own[t] not in group.ticks]
            if missing:
                found.append(f"split.{key}: {name!r} lacks {missing[0]}…{missing[-1]}")
    return found


def _statuses(experiment: Experiment, cube: Cube) -> list[str]:
    """Years of the splits that are not observations."""
    found = []
    learned = task(experiment.task)
    kinds = (Status.BACK_CAST, Status.HELD, Status.DROPPED, Status.PREDICTED)
    for name in (*(t.name for t in learned.targets), *experiment.forcing):
        status = status_by_year(cube, name)
        for key in ("train", "validation"):
            first, last = getattr(experiment.split, key)
            asked = years_behind(learned.clock, range(first, last + 1))
            for kind in kinds:
                years = [y for y, s in status.items() if s is kind and y in asked]
                if years:
                    what = kind.name.lower().replace("_", "-")
                    found.append(
                        f"split.{key}: {name} is {what} in {len(years)} years, "
                        f"{years[0]}…{years[-1]}."
                    )
    return found


def _parts(
    experiment: Experiment, cube: Cube, facts: list[tuple[str, str]], warnings: list[str]
) -> list[str]:
    """Build what a training would build, and collect what refuses."""
    problems: list[str] = []

    def attempt(build: Callable[[], Result]) -> Result | None:
        try:
            return build()
        except AI4LandError as error:
            problems.append(str(error))
            return None

    found = attempt(lambda: assembled(experiment, cube))
    if found is None:
        return problems
    assembler, labels = found
    grid, first = assembler.drivers.grid, first_labels(assembler.task, labels)
    network = attempt(lambda: family_of(experiment.model).build(experiment.model, assembler.spec))
    if network is not None:
        problems += _window(experiment, grid, network)
        facts.append(
            ("model", f"{experiment.model.get('name')}, {network.parameters:,} parameters")
        )
    coarse = cube.grid(experiment.forcing[0]) if experiment.forcing else grid
    split = experiment.split
    land = first.land(split.train[0]) if split.train[0] in first.ticks else None
    masks = attempt(lambda: space_masks(grid, coarse, split.space, land))
    if masks is not None:
        for key, mask in (("train", masks.train), ("validation", masks.validation)):
            span = getattr(experiment.split, key)
            draw = functools.partial(Sampler, assembler, labels, experiment.samples, span, mask)
            sampler = attempt(draw)
            if sampler is not None:
                share = f", {mask.mean():.0%} of the pixels" if experiment.split.space else ""
                facts.append((key, f"{span[0]}…{span[1]}, {len(sampler.steps)} steps{share}"))
                asked = experiment.samples.recursion
                got = len(sampler.steps[0]) - 1
                if got < asked:
                    warnings.append(f"split.{key} has room for {got} of {asked} recursive steps.")
    options = experiment.training
    facts.append(("training", f"{options.steps} steps of {options.batch} windows"))
    facts.append(("forcing", ", ".join(experiment.forcing) or "none"))
    facts.append(("static", ", ".join(experiment.static) or "none"))
    return problems


def _window(experiment: Experiment, grid: Grid, model: Untrained) -> list[str]:
    side, multiple = experiment.samples.window, model.multiple
    if side % multiple:
        return [f"samples.window: {side} is not a multiple of {multiple}, as the network needs"]
    if side > max(grid.shape):
        height, width = grid.shape
        return [f"samples.window: {side} is larger than the labels, {height} × {width} pixels"]
    return []
