"""A new stepper: succession, in which grass grows into forest, and backward falls out of it."""

from __future__ import annotations

import numpy as np

from ai4land.cube import State
from ai4land.grid import Grid, Mesh, Window
from ai4land.rollout import Moved
from ai4land.vocabulary import LAND_USE, Task


class Succession:
    """Grass beside forest becomes forest; backward, forest beside grass was grass.

    Args:
        grid: The fine grid.
        grass: Its code.
        forest: Its code.
    """

    name = "succession"
    demand = None
    history = 0
    reads_probabilities = False
    task: Task = LAND_USE

    def __init__(self, grid: Grid, grass: int, forest: int) -> None:
        self.mesh = Mesh(grid, grid)
        self.grass, self.forest = grass, forest

    def begin(self, state: State) -> State:
        """The state itself."""
        return state

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        """The same piece, its edge between grass and forest moved by a pixel."""
        around = state["land_use"].read(piece.pad(1))
        old, new = self.grass, self.forest
        if tick < state.tick:
            old, new = new, old
        is_new = around == new
        beside = is_new[:-2, 1:-1] | is_new[2:, 1:-1] | is_new[1:-1, :-2] | is_new[1:-1, 2:]
        here = around[1:-1, 1:-1]
        return {"land_use": Moved(np.where(beside & (here == old), np.uint8(new), here))}
