"""The stepper: anything that moves the land from one time to another; and the rollout."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from ai4land.cube import State, Status
from ai4land.errors import SampleError
from ai4land.vocabulary import Direction, Task

__all__ = ["Persistence", "Stepper", "rollout"]


@runtime_checkable
class Stepper(Protocol):
    """Moves a state to another time.

    A stepper holds its drivers (forcing, static fields, weights); a state holds the land. It
    keeps no memory between calls, so the same state and time give the same answer. Sea and
    missing pixels come back as they went in.

    Attributes:
        name: How tables and attributes call it.
        task: What it predicts; its target must be in every state it is given.
    """

    @property
    def name(self) -> str:
        """How tables and attributes call it."""
        ...

    @property
    def task(self) -> Task:
        """What it predicts."""
        ...

    def step(self, state: State, tick: int) -> State:
        """The land at ``tick``, forward or backward of ``state.tick``."""
        ...


class Persistence:
    """Nothing changes: the baseline that every other stepper must beat."""

    name = "persistence"

    def __init__(self, task: Task) -> None:
        self._task = task

    @property
    def task(self) -> Task:
        """What it predicts."""
        return self._task

    def step(self, state: State, tick: int) -> State:
        """The same land at another time."""
        return replace(state, tick=tick, status=Status.PREDICTED)


def rollout(stepper: Stepper, initial: State, ticks: Sequence[int]) -> Iterator[State]:
    """Step from state to state, each the prior of the next.

    Args:
        stepper: What moves the land.
        initial: Where it starts; yielded first, unchanged.
        ticks: The times to visit after the initial one, all on one side of it and in order.

    Yields:
        The initial state, then one state per tick.

    Raises:
        SampleError: If the times do not run one way, or the task may not recurse that way.
    """
    path = [initial.tick, *ticks]
    steps = {b > a for a, b in itertools.pairwise(path)}
    if len(steps) > 1 or len(set(path)) != len(path):
        raise SampleError("The times of a rollout must run one way", found=path)
    direction = Direction.FORWARD if steps == {True} else Direction.BACKWARD
    if len(ticks) > 1 and direction not in stepper.task.recursive:
        raise SampleError(
            "This task may not be stepped on its own predictions in this direction",
            where=f"task {stepper.task.name!r}",
            expected=", ".join(stepper.task.recursive) or "no recursion at all",
            found=direction.value,
        )
    return _states(stepper, initial, ticks)


def _states(stepper: Stepper, initial: State, ticks: Sequence[int]) -> Iterator[State]:
    state = initial
    yield state
    for tick in ticks:
        state = stepper.step(state, tick)
        yield state
