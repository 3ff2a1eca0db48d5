"""The state in which a rollout starts, read from a cube."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ai4land.cube import Cube, Field, State, StoreView
from ai4land.errors import SampleError
from ai4land.vocabulary import NO_DATA, Target, Task

__all__ = ["observed_state", "stored_field"]

_PIECE = 1 << 16  # pixels looked at at once


def observed_state(cube: Cube, task: Task, tick: int, past: Sequence[int] = ()) -> State:
    """The cube's own maps of a task's targets at one time, read when they are asked for.

    Args:
        cube: The cube.
        task: What is stepped.
        tick: The time, on the task's clock.
        past: Earlier times of the path, nearest first (later ones for a hindcast); of each the
            targets that the cube holds.

    Raises:
        CubeError: If the cube has no such time.
        SampleError: If a map of that time is empty.
    """
    state = _state(cube, task, tick, task.targets)
    for name, field in state.fields.items():
        if not _holds_something(field):
            raise SampleError(
                "There is nothing to start from: the map is empty",
                where=f"{name}, {task.clock.label(tick)}, {cube.path}",
            )
    before = [_state(cube, task, t, held) for t in past if (held := _held(cube, task, t))]
    return replace(state, past=tuple(before))


def _state(cube: Cube, task: Task, tick: int, targets: Sequence[Target]) -> State:
    """Targets of a task at one time, each on its own clock."""
    own = {t.name: task.clock.convert(tick, t.clock) for t in targets}
    for name, when in own.items():
        cube.group(name).time_index(when)  # refuses a time that is not there
    first = targets[0].name
    fields = {name: stored_field(cube, name, when) for name, when in own.items()}
    return State(task.clock, tick, fields, cube.status(first)[own[first]])


def _held(cube: Cube, task: Task, tick: int) -> list[Target]:
    """The targets that the cube holds at a time."""
    clock = task.clock
    return [t for t in task.targets if clock.convert(tick, t.clock) in cube.group(t.name).ticks]


def stored_field(cube: Cube, name: str, tick: int, probability: str | None = None) -> Field:
    """One variable of a cube at one time, read when it is asked for.

    Args:
        cube: The cube.
        name: The variable.
        tick: The time, on the variable's own clock.
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
