"""The stepper: anything that moves the land from one time to another, piece by piece."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ai4land.cube import Field, State, Status
from ai4land.errors import SampleError
from ai4land.grid import Grid, Mesh, Window
from ai4land.samples import Demand
from ai4land.vocabulary import Direction, Task

__all__ = ["Moved", "Persistence", "Stepper", "begun", "next_state", "rollout", "step"]

_PIECE = 1 << 22  # pixels stepped at once where the whole map is wanted in memory


class Moved(NamedTuple):
    """One variable of a piece at the new time.

    Attributes:
        values: As ``Field.view`` reads them, ``(y, x)``.
        probabilities: Of the classes, ``(class, y, x)`` float32, where the stepper knows them.
    """

    values: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float32] | None = None

    def room(self, shape: tuple[int, int]) -> Moved:
        """Empty arrays of another shape for what this one holds."""
        said = self.probabilities
        empty = None if said is None else np.empty((len(said), *shape), said.dtype)
        return Moved(np.empty(shape, self.values.dtype), empty)


@runtime_checkable
class Stepper(Protocol):
    """Moves a state to another time.

    A stepper holds its drivers (forcing, static fields, weights); a state holds the land. It
    keeps no memory between calls, so the same state and time give the same answer, however the map
    is cut into pieces and whoever computes them. Sea and missing pixels come back as they went in.

    """

    @property
    def name(self) -> str:
        """How tables and attributes call it."""

    @property
    def task(self) -> Task:
        """What it predicts; its targets must be in every state it is given."""

    @property
    def mesh(self) -> Mesh:
        """The coarse cells that no piece may cut."""

    @property
    def demand(self) -> Demand | None:
        """What coarse forcing asks of its map, honoured or not; ``None`` if nothing."""

    @property
    def history(self) -> int:
        """States before the one it is given that it looks at."""

    @property
    def reads_probabilities(self) -> bool:
        """Whether the next step reads beliefs, not only values.

        What keeps states between steps must then keep the probabilities of their classes exactly.
        """

    def begin(self, state: State) -> State:
        """The state with all that must be known of the whole map before the first step."""

    def step_piece(self, state: State, tick: int, piece: Window) -> Mapping[str, Moved]:
        """The land of a piece at ``tick``, forward or backward of ``state.tick``.

        Args:
            state: The land before, as ``begin`` or an earlier step left it.
            tick: The time to reach.
            piece: Whole cells of ``mesh``; may reach around a global grid. Beyond it only a halo
                of the state is read.

        Returns:
            Target → its values in the piece, of those whose own time changes.
        """


class Persistence:
    """Nothing changes: the baseline that every other stepper must beat."""

    name = "persistence"
    demand = None
    history = 0
    reads_probabilities = False

    def __init__(self, task: Task, grid: Grid) -> None:
        self.task = task
        self.mesh = Mesh(grid, grid)  # it looks at single pixels

    def begin(self, state: State) -> State:
        """The state itself."""
        return state

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        """The same land at another time."""
        moving = self.task.moving(state.tick, tick)
        return {target.name: Moved(state[target.name].read(piece)) for target in moving}


def rollout(stepper: Stepper, initial: State, ticks: Sequence[int]) -> Iterator[State]:
    """Step whole maps in memory from state to state, each the prior of the next.

    Args:
        stepper: What moves the land.
        initial: Where it starts.
        ticks: The times to visit after the initial one, all on one side of it and in order.

    Yields:
        The initial state, then one state per tick.

    Raises:
        SampleError: If the times do not run one way, or the task may not recurse that way.
    """
    check_path(stepper.task, [initial.tick, *ticks])
    return _states(stepper, initial, ticks)


def check_path(task: Task, path: Sequence[int]) -> None:
    """Refuse times, the initial one first, that a rollout cannot visit.

    Raises:
        SampleError: If they do not run one way, or the task may not recurse that way.
    """
    steps = {b > a for a, b in itertools.pairwise(path)}
    if len(steps) > 1 or len(set(path)) != len(path):
        raise SampleError("The times of a rollout must run one way", found=list(path))
    direction = Direction.leading(path[0], path[-1])
    if len(path) > 2 and direction not in task.recursive:
        raise SampleError(
            "This task may not be stepped on its own predictions in this direction",
            where=f"task {task.name!r}",
            expected=", ".join(task.recursive) or "no recursion at all",
            found=direction.value,
        )


def _states(stepper: Stepper, initial: State, ticks: Sequence[int]) -> Iterator[State]:
    state = stepper.begin(initial)
    yield state
    for tick in ticks:
        state = step(stepper, state, tick)
        yield state


def begun(stepper: Stepper, state: State) -> State:
    """A state as ``begin`` leaves it; one that a step or ``begin`` has led to stays as it is."""
    return stepper.begin(state) if state.reference is None else state


def step(
    stepper: Stepper, state: State, tick: int, pieces: Sequence[Window] | None = None
) -> State:
    """Step a whole map in memory.

    Args:
        stepper: What moves the land.
        state: The land before, see ``begun``.
        tick: The time to reach.
        pieces: How the map is cut, which changes nothing; default: few large ones.
    """
    state = begun(stepper, state)
    arrays: dict[str, Moved] = {}
    grid = stepper.mesh.fine
    for piece in pieces or stepper.mesh.pieces(_PIECE):
        for name, part in stepper.step_piece(state, tick, piece).items():
            if name not in arrays:
                arrays[name] = part.room(grid.shape)
            for whole, values in zip(arrays[name], part, strict=True):
                if whole is not None and values is not None:
                    for cut in grid.pieces(piece):
                        whole[(..., *cut.source)] = values[(..., *cut.target)]
    fields = {name: state[name].replaced(*moved) for name, moved in arrays.items()}
    return next_state(stepper, state, tick, {**state.fields, **fields})


def next_state(stepper: Stepper, state: State, tick: int, fields: Mapping[str, Field]) -> State:
    """The state after a step; it keeps as much of the path as the stepper looks back on."""
    past = (replace(state, past=()), *state.past)[: stepper.history]
    return State(state.clock, tick, fields, Status.PREDICTED, past, state.reference)
