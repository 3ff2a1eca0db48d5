"""What the forcing asked of coarse cells and a map does not hold, written beside the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells
from ai4land.cube import Cube, Field, Reference, State
from ai4land.rollout.stepper import Stepper
from ai4land.samples import Demand

__all__ = ["UNPLACED", "Unplaced", "unplaced_change", "unplaced_of", "unplaced_warnings"]

UNPLACED = "unplaced_change"
"""The variable that holds it."""

_PIECE = 1 << 16  # pixels counted at once
_LOUD = 0.01  # share of the change asked for above which a run says what is missing


@dataclass(frozen=True, slots=True)
class Unplaced:
    """What of the change asked for in a run did not come about.

    Attributes:
        tick: The time, on the clock of the map.
        share: Of the change asked for since the run began, 0…1.
        pixels: The same in pixels.
        worst: Degrees north and east of the centre of the cell that lacks most; ``None`` if none.
    """

    tick: int
    share: float
    pixels: float
    worst: tuple[float, float] | None


def unplaced_change(
    demand: Demand, reference: Reference, field: Field, tick: int
) -> npt.NDArray[np.float32]:
    """Pixels of change that coarse cells were asked for and do not hold, beyond rounding.

    Half the sum over groups of classes of what the counts of the map differ from what is asked,
    less one pixel each: what the decision left out, what no pixel is there for, and what the
    forcing gives to classes that no group binds.

    Args:
        demand: What the forcing asks for.
        reference: What the run began with.
        field: The map.
        tick: Its time, on the forcing's clock.

    Returns:
        ``(Y, X)``; NaN where a cell holds no pixel of a group.
    """
    mesh = demand.mesh
    found = np.full(mesh.coarse.shape, np.nan, np.float32)
    for piece in mesh.pieces(_PIECE):
        cells, _, _ = mesh.cells(piece)
        positions = demand.coding.positions(field.read(piece))
        held = demand.counts(positions, CoarseCells.within(mesh, piece))
        off = np.abs(demand.asked(reference, tick, cells) - held)
        lacking = 0.5 * np.maximum(off - 1.0, 0.0).sum(axis=0)
        values = np.where(held.sum(axis=0) > 0, lacking, np.nan).reshape(cells.shape)
        for part in mesh.coarse.pieces(cells):  # pixels outside the coarse grid are in none
            found[part.source] = values[part.target]
    return found


def unplaced_of(run: Cube, demand: Demand, reference: Reference) -> list[Unplaced]:
    """What did not come about at each time of a finished run that holds ``unplaced_change``."""
    group, coarse = run.group(UNPLACED), demand.mesh.coarse
    found = []
    for tick in group.ticks:
        lacking = np.nan_to_num(run.read(UNPLACED, tick))
        when = demand.tick_of(tick, group.clock)
        asked = demand.asked(reference, when, coarse.window)
        change = 0.5 * np.abs(asked - reference.counts.reshape(asked.shape)).sum()
        worst = None
        if lacking.any():
            row, col = np.unravel_index(int(lacking.argmax()), lacking.shape)
            worst = float(coarse.latitudes()[row]), float(coarse.longitudes()[col])
        total = float(lacking.sum())
        found.append(Unplaced(tick, total / change if change > 0 else 0.0, total, worst))
    return found


def unplaced_warnings(run: Cube, stepper: Stepper, initial: State) -> list[str]:
    """What a user must be told of a finished run: change that was asked for and is not there.

    Args:
        run: The run.
        stepper: What made it.
        initial: Where it started; as ``begun`` left it, what its map holds is not counted anew.
    """
    demand = stepper.demand
    if UNPLACED not in run.variables or demand is None:
        return []
    reference = initial.reference or demand.reference(initial)
    worst = max(unplaced_of(run, demand, reference), key=lambda found: found.share)
    if worst.share <= _LOUD or worst.worst is None:
        return []
    north, east = worst.worst
    return [
        f"{100 * worst.share:.1f} % of the change that {demand.forcing} asks for until "
        f"{demand.target.clock.label(worst.tick)} is not in the map ({worst.pixels:.0f} pixels; "
        f"most in the cell at {north:.2f}° N, {east:.2f}° E): see {UNPLACED} in the result."
    ]
