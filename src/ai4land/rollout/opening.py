"""Opening a checkpoint: everything a rollout needs, from a folder, a cube and a path of times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ai4land.checkpoint import Card, load_checkpoint
from ai4land.cube import Cube, State
from ai4land.errors import ConfigError
from ai4land.models import Ensemble, InputSpec, UNet
from ai4land.rollout.decisions import ClosedBooks, MostLikely, decision_of
from ai4land.rollout.network_stepper import NetworkStepper
from ai4land.rollout.start import observed_state
from ai4land.rollout.tiling import Tiling
from ai4land.samples import Demand, WindowReader, class_forcing, input_spec
from ai4land.vocabulary import Task
from ai4land.vocabulary import task as task_of

__all__ = ["baseline_reader", "demand_of", "open_network"]


def open_network(
    checkpoint: str | Path,
    cube: Cube,
    path: Sequence[int],
    *,
    tiling: Tiling | None = None,
    feedback: str | None = None,
    closed_books: bool = False,
    member: int | None = None,
    device: str = "cpu",
) -> tuple[NetworkStepper, State, Card]:
    """The stepper of a checkpoint, the state it starts from, and its card.

    Args:
        checkpoint: Folder of the checkpoint.
        cube: Holds the initial map, the forcing and the static fields.
        path: Times of the rollout, the initial one first; at least two.
        tiling: How the domain is cut.
        feedback: What the next step takes as its prior; default as trained.
        closed_books: Whether the coarse net change is honoured exactly.
        member: The only network of an ensemble to be used, from 1; default all.
        device: Where the network computes.

    Raises:
        CheckpointError: If the checkpoint is damaged, or the cube lacks what it needs.
        ConfigError: If the network needs coarse fractions that the cube does not hold, or there
            is no such member.
    """
    network, card = load_checkpoint(checkpoint, device)
    if member is not None:
        network = _member(network, member)
    reader = WindowReader(cube, task_of(card.task), InputSpec.from_dict(card.inputs))
    jump = path[1] - path[0]
    past = [path[0] - jump * (k + 1) for k in range(reader.spec.history)]
    start = observed_state(cube, reader.task, path[0], past)
    chosen = dict(card.decision)
    trained_feedback = chosen.pop("feedback", "classes")
    decision = decision_of(chosen)
    if closed_books:
        decision = ClosedBooks(isinstance(decision, MostLikely) and decision.balanced)
    needed = decision.needs_demand or reader.spec.closed_loop
    stepper = NetworkStepper(
        network,
        reader,
        tiling=tiling,
        decision=decision,
        feedback=feedback or trained_feedback,
        demand=demand_of(reader) if needed else None,
        device=device,
    )
    return stepper, start, card


def _member(network: UNet | Ensemble, number: int) -> UNet:
    members = network.members if isinstance(network, Ensemble) else [network]
    if not 1 <= number <= len(members):
        raise ConfigError(
            "The checkpoint has no such member", expected=f"1…{len(members)}", found=number
        )
    return members[number - 1]


def demand_of(reader: WindowReader) -> Demand:
    """What the coarse fractions of a cube ask of its map.

    The forcing that the network uses comes first, then any other that translates into the classes.

    Raises:
        ConfigError: If there is none.
    """
    cube = reader.cube
    used = tuple(name.partition("/")[0] for name in reader.spec.forcing)
    forcing = class_forcing(cube, reader.task, used)
    if not forcing:
        raise ConfigError(
            "The cube holds no coarse fractions that translate into its classes",
            where=cube.path,
            expected="land_use_fractions, or a product with a crosswalk to the labels' legend",
            found=", ".join(cube.variables),
            remedy="add one to the recipe and build the cube again",
        )
    return Demand(reader, forcing[0])


def baseline_reader(cube: Cube, task: Task) -> WindowReader:
    """A reader for steppers that no network stands behind: labels, and the forcing if any."""
    return WindowReader(cube, task, input_spec(cube, task, class_forcing(cube, task)[:1], ()))
