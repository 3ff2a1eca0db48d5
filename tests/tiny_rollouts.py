"""What a baseline makes of a tiny cube, saved as if a model had made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ai4land.cube import Cube, State
from ai4land.grid import Window
from ai4land.rollout import (
    AllocationStepper,
    Moved,
    Persistence,
    cube_assembler,
    demand_of,
    observed_state,
    prediction_attributes,
    save_rollout,
)
from ai4land.samples import Assembler, CubeDrivers, Labels, input_spec
from ai4land.vocabulary import LAND_USE, Task

LAND = LAND_USE.targets[0]


def assembler_of(
    cube: Cube,
    forcing: Sequence[str] = ("land_use_fractions",),
    static: Sequence[str] = (),
    history: int = 0,
    task: Task = LAND_USE,
) -> Assembler:
    """What makes the inputs of a model of such drivers from a tiny cube."""
    drivers = CubeDrivers(cube, Labels(cube, task.targets[0]).grid)
    spec = input_spec(cube, drivers, task, forcing, static, history=history)
    return cube_assembler(cube, task, spec)


class Told(Persistence):
    """A stepper that was told every map beforehand.

    Args:
        states: The initial state, then what it is to say.
    """

    name = "mine"

    def __init__(self, states: Iterable[State]) -> None:
        self.states = {state.tick: state for state in states}
        self.initial, *_ = self.states.values()
        self.target = LAND.name
        super().__init__(LAND_USE, self.initial[self.target].grid)

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        """The piece of the map of a time."""
        field = self.states[tick][self.target]
        said = None if field.belief is None else field.belief.read(piece)
        return {self.target: Moved(field.read(piece), said)}

    def save(self, cube: Cube, path: Path, *, probabilities: bool = False) -> Cube:
        """All maps as a reconstruction that claims to be driven by a cube."""
        ticks = list(self.states)
        return save_rollout(
            self,
            self.initial,
            ticks[1:],
            path,
            like=cube,
            attributes=prediction_attributes("mine", cube, ticks, {}),
            probabilities=probabilities,
        )


def saved_rollout(
    cube: Cube,
    path: Path,
    ticks: Sequence[int],
    rule: str = "kernel",
    seed: int = 0,
    stepper: str = "mine",
) -> Cube:
    """A rollout of the kernel or of random places, its row called ``mine``."""
    start = observed_state(cube, LAND_USE, ticks[0])
    demand = demand_of(cube, LAND)
    return save_rollout(
        AllocationStepper(rule, demand, seed=seed),
        start,
        ticks[1:],
        path,
        like=cube,
        attributes=prediction_attributes(stepper, cube, ticks, {"seed": seed}),
        source="mine",
    )
