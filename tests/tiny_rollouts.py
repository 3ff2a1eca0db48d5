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
    baseline_reader,
    demand_of,
    observed_state,
    prediction_attributes,
    save_rollout,
)
from ai4land.vocabulary import LAND_USE


class Told(Persistence):
    """A stepper that was told every map beforehand.

    Args:
        states: The initial state, then what it is to say.
    """

    name = "mine"

    def __init__(self, states: Iterable[State]) -> None:
        self.states = {state.tick: state for state in states}
        self.initial, *_ = self.states.values()
        self.target = LAND_USE.target
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
            attributes=prediction_attributes("mine", cube, ticks, {}, None),
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
    demand = demand_of(baseline_reader(cube, LAND_USE))
    return save_rollout(
        AllocationStepper(rule, demand, seed=seed),
        start,
        ticks[1:],
        path,
        like=cube,
        attributes=prediction_attributes(stepper, cube, ticks, {"seed": seed}, None),
        source="mine",
    )
