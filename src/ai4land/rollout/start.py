"""The state in which a rollout starts, read from a cube."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ai4land.cube import Cube, Field, State, StoreView
from ai4land.errors import SampleError
from ai4land.vocabulary import NO_DATA, Task

__all__ = ["observed_state", "stored_field"]

_PIECE = 1 << 20  # pixels looked at at once


def observed_state(cube: Cube, task: Task, tick: int, past: Sequence[int] = ()) -> State:
    """The cube's own map of a task's target at one time, read when it is asked for.

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
    known = cube.group(task.target)
    known.time_index(tick)  # refuses a time that is not there
    before = itertools.takewhile(lambda t: t in known.ticks, past)
    fields = {task.target: stored_field(cube, task.target, tick)}
    if not _holds_something(fields[task.target]):
        raise SampleError(
            "There is nothing to start from: the map is empty",
            where=f"{task.target}, {task.clock.label(tick)}, {cube.path}",
        )
    states = tuple(observed_state(cube, task, t) for t in before)
    return State(task.clock, tick, fields, cube.status(task.target)[tick], states)


def stored_field(cube: Cube, name: str, tick: int, probability: str | None = None) -> Field:
    """One variable of a cube at one time, read when it is asked for.

    Args:
        cube: The cube.
        name: The variable.
        tick: The time.
        probability: The variable that holds the probabilities of its classes, if any does.
    """
    spec = cube.variable(name)
    belief = None if probability is None else StoreView(cube, probability, tick)
    view = StoreView(cube, name, tick)
    return Field(spec.variable, cube.grid(name), view, spec.legend, belief)


def _holds_something(field: Field) -> bool:
    """Whether a value of a map is known; looks no further than it must."""
    rows = max(_PIECE // field.grid.width, 1)
    for row in range(0, field.grid.height, rows):
        values = field.read(field.grid.band(row, rows))
        if (values != NO_DATA).any() if field.legend else np.isfinite(values).any():
            return True
    return False
