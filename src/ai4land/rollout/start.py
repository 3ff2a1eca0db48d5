"""The state in which a rollout starts, read from a cube."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ai4land.cube import Cube, Field, State
from ai4land.errors import SampleError
from ai4land.vocabulary import Task

__all__ = ["observed_state"]


def observed_state(cube: Cube, task: Task, tick: int, past: Sequence[int] = ()) -> State:
    """The cube's own map of a task's target at one time.

    Args:
        cube: The cube.
        task: What is stepped.
        tick: The time.
        past: Earlier times of the path, nearest first (later ones for a hindcast); those that the
            cube does not hold end the list.

    Raises:
        CubeError: If the cube has no such time.
        SampleError: If the map of that time is empty.
    """
    spec = cube.variable(task.target)
    field = Field(
        spec.variable, cube.grid(task.target), cube.read(task.target, tick), legend=spec.legend
    )
    if not field.known.any():
        raise SampleError(
            "There is nothing to start from: the map is empty",
            where=f"{task.target}, {task.clock.label(tick)}, {cube.path}",
        )
    known = cube.group(task.target).ticks
    before = itertools.takewhile(lambda t: t in known, past)
    states = tuple(observed_state(cube, task, t) for t in before)
    status = cube.status(task.target)[tick]
    return State(task.clock, tick, {task.target: field}, status, states)
