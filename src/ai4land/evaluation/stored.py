"""Reading a saved reconstruction as the rollout it came from."""

from __future__ import annotations

from collections.abc import Iterator

from ai4land.cube import Cube, State, Status
from ai4land.errors import CubeError
from ai4land.rollout import stored_field
from ai4land.vocabulary import Task

__all__ = ["path_of", "stored_states"]


def path_of(cube: Cube, task: Task) -> tuple[int, tuple[int, ...]]:
    """Initial time of a saved reconstruction, and the times after it in the order of the rollout.

    Raises:
        CubeError: If there is no observed map at one end to have started from.
    """
    status = cube.status(task.target)
    ticks = tuple(status)
    observed = [t for t in ticks if status[t] is not Status.PREDICTED]
    if len(ticks) > 1 and observed in ([ticks[0]], [ticks[-1]]):
        forward = observed == [ticks[0]]
        return observed[0], ticks[1:] if forward else ticks[-2::-1]
    raise CubeError(
        "This is not a reconstruction",
        where=str(cube.path),
        expected="one observed map at the first or last time, all others predicted",
        found=f"{len(observed)} observed of {len(ticks)} times",
        remedy="give the store that `ai4land reconstruct` wrote, and the labels as --truth",
    )


def stored_states(cube: Cube, task: Task, ticks: tuple[int, ...]) -> Iterator[State]:
    """The maps of a saved reconstruction as the states that it came from, read when asked for."""
    status, given = cube.status(task.target), task.probability in cube.variables
    for tick in ticks:
        known = task.probability if given and status[tick] is Status.PREDICTED else None
        field = stored_field(cube, task.target, tick, known)
        yield State(task.clock, tick, {task.target: field}, status[tick])
