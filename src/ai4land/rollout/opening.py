"""Opening a checkpoint: everything a rollout needs, from a folder, a cube and a path of times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ai4land.checkpoint import Card, load_checkpoint
from ai4land.cube import Cube, State
from ai4land.errors import CheckpointError, ConfigError
from ai4land.models import Calibration, InputSpec, Predictor
from ai4land.rollout.decisions import Decision, Decisions
from ai4land.rollout.predictor_stepper import PredictorStepper
from ai4land.rollout.start import observed_state
from ai4land.rollout.tiling import Tiling
from ai4land.samples import (
    Assembler,
    CubeDrivers,
    Demand,
    Drivers,
    Labels,
    check_drivers,
    class_forcing,
    coding_of,
)
from ai4land.vocabulary import Target, Task, crosswalk_names

__all__ = ["as_trained", "cube_assembler", "demand_of", "open_model"]


def open_model(
    checkpoint: str | Path,
    cube: Cube,
    path: Sequence[int],
    *,
    tiling: Tiling | None = None,
    feedback: str | None = None,
    decision: str | Decision | None = None,
    member: int | None = None,
    drivers: Drivers | None = None,
    device: str = "cpu",
) -> tuple[PredictorStepper, State, Card]:
    """The stepper of a checkpoint, the state it starts from, and its card.

    Args:
        checkpoint: Folder of the checkpoint.
        cube: Holds the initial map, the forcing and the static fields.
        path: Times of the rollout, the initial one first; at least two.
        tiling: How the globe is cut.
        feedback: What the next step takes as its prior; default as trained.
        decision: How probabilities become a map: a name, with the constants of the card, or the
            decision itself; default the card's.
        member: The only member of an ensemble to be used, from 1; default all.
        drivers: What drives the model in place of the cube.
        device: Where the model computes.

    Raises:
        CheckpointError: If the checkpoint is damaged, or the cube lacks what it needs.
        ConfigError: If coarse fractions are needed that the cube does not hold, or there is no
            such member.
    """
    predictor, card = load_checkpoint(checkpoint, device)
    if member is not None:
        predictor = _member(predictor, member)
    cube = as_trained(cube, card)
    assembler = cube_assembler(cube, card.task_of(), card.inputs, drivers)
    if decision is None or isinstance(decision, str):
        decision = Decisions.from_dict(card.decision).of(decision)
    demand = None
    if decision.needs_demand and assembler.demand is None:
        target = next((t for t in card.targets if t.categorical), card.targets[0])
        demand = demand_of(cube, target, drivers=drivers)
    stepper = PredictorStepper(
        predictor,
        assembler,
        tiling=tiling,
        decision=decision,
        feedback=feedback or card.feedback,
        demand=demand,
        calibration={n: Calibration.from_dict(v) for n, v in card.calibration.items()},
    )
    return stepper, observed_state(cube, assembler.task, path[0], stepper.looks_at(path)), card


def as_trained(cube: Cube, card: Card) -> Cube:
    """A cube in the classes of a trained model, where a crosswalk leads from its own to them.

    Args:
        cube: The cube.
        card: Of the model.
    """
    for name, classes in card.legends.items():
        own = cube.variable(name).legend if name in cube.variables else None
        if own is not None and f"{own.name}_to_{classes.name}" in crosswalk_names():
            cube = cube.in_legend(classes)
    return cube


def cube_assembler(
    cube: Cube, task: Task, spec: InputSpec, drivers: Drivers | None = None
) -> Assembler:
    """The assembler of a model's inputs from a cube that holds labels and drivers.

    Args:
        cube: The cube.
        task: What is predicted.
        spec: The model's inputs.
        drivers: What drives the model in place of the cube.

    Raises:
        CheckpointError: If the cube lacks what the model was built for.
    """
    labels = {target.name: Labels(cube, target) for target in task.targets}
    grids = {held.grid for held in labels.values()}
    if len(grids) > 1:
        raise CheckpointError(
            "The targets of a task lie on one fine grid",
            where=cube.path,
            found="; ".join(grid.describe() for grid in grids),
            remedy="bring the finer labels to the grid in the recipe",
        )
    for target in spec.targets:
        held = labels[target.name].legend
        classes = held.names if held is not None and target.categorical else ()
        if target.classes != classes:
            raise CheckpointError(
                "The network predicts other classes than the cube holds",
                where=str(cube.path),
                expected=f"{target.name}: {', '.join(target.classes)}",
                found=f"{target.name}: {', '.join(classes)}",
                remedy="build the cube with the legend of the network",
            )
    (grid,) = grids
    drivers = drivers or CubeDrivers(cube, grid)
    if drivers.grid != grid:
        raise CheckpointError(
            "The drivers lie on another grid than the maps",
            where=cube.path,
            expected=grid.describe(),
            found=drivers.grid.describe(),
            remedy="make the drivers on the grid of the maps: `Labels(cube, target).grid`",
        )
    check_drivers(spec, drivers, cube.path)
    codings = {name: coding_of(held.target, held.legend) for name, held in labels.items()}
    return Assembler(spec, task, drivers, codings)


def _member(predictor: Predictor, number: int) -> Predictor:
    members = predictor.members()
    if not 1 <= number <= len(members):
        raise ConfigError(
            "The checkpoint has no such member", expected=f"1…{len(members)}", found=number
        )
    return members[number - 1]


def demand_of(
    cube: Cube, target: Target, preferred: Sequence[str] = (), drivers: Drivers | None = None
) -> Demand:
    """What coarse fractions ask of a map of classes.

    Args:
        cube: Holds labels and forcing.
        target: The map.
        preferred: Variables that come first, if they translate into the classes.
        drivers: What holds the forcing in place of the cube.

    Raises:
        ConfigError: If the target has no classes, or no forcing translates into them.
    """
    labels = Labels(cube, target)
    drivers = drivers or CubeDrivers(cube, labels.grid)
    forcing = class_forcing(drivers, target, labels.legend, preferred)
    if not forcing or labels.legend is None:
        raise ConfigError(
            "No coarse fractions translate into the classes of the map",
            where=f"{target.name}, {cube.path}",
            expected="land_use_fractions, or a product with a crosswalk to the map's legend",
            found=", ".join(drivers.names),
            remedy="add one to the recipe and build the cube again, or to the drivers",
        )
    return Demand(drivers, target, labels.legend, forcing[0])
