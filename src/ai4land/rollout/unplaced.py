"""What the forcing asked of coarse cells and a map does not hold, written beside the map."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells, group_sums
from ai4land.cube import Cube, Field, Reference
from ai4land.grid import Mesh, Window
from ai4land.samples import ClassCoding, Demand

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

    Args:
        demand: What the forcing asks for.
        reference: What the run began with.
        field: The map.
        tick: Its time, on the forcing's clock.

    Returns:
        ``(Y, X)``; NaN where a cell holds no pixel of a group.
    """
    every = demand.mesh.coarse.window
    asked = demand.asked(reference, tick, every).reshape(-1, *every.shape)
    return lacking(asked, held_in_cells(demand.mesh, demand.coding, demand.groups, field, every))


def lacking(
    asked: npt.NDArray[np.floating], held: npt.NDArray[np.floating]
) -> npt.NDArray[np.float32]:
    """What coarse cells hold too little, from pixels of each group ``(groups, Y, X)``.

    Half the sum over groups of classes of what the counts of the map differ from what is asked,
    less one pixel each: what the decision left out, what no pixel is there for, and what the
    forcing gives to classes that no group binds.
    """
    short = 0.5 * np.maximum(np.abs(asked - held) - 1.0, 0.0).sum(axis=0)
    return np.where(held.sum(axis=0) > 0, short, np.nan).astype(np.float32)


def held_in_cells(
    mesh: Mesh, coding: ClassCoding, groups: Sequence[Sequence[int]], field: Field, window: Window
) -> npt.NDArray[np.float64]:
    """Pixels of each group in the coarse cells of a window, ``(groups, Y, X)``.

    Args:
        mesh: The coarse cells.
        coding: Of the map.
        groups: Class positions of each group.
        field: The map.
        window: Of the coarse grid, within it.
    """
    out = np.zeros((len(groups), *window.shape))
    for piece, cells in pieces_under(mesh, window):
        positions = coding.positions(field.read(piece))
        counts = CoarseCells.within(mesh, piece).counts(positions, coding.layers)
        held = group_sums(counts, groups)
        put(out, mesh, window, cells, held.reshape(-1, *cells.shape))
    return out


@functools.lru_cache(maxsize=64)
def pieces_under(mesh: Mesh, window: Window) -> list[tuple[Window, Window]]:
    """Pieces of whole coarse cells that together hold all of a window, with their coarse cells."""
    every = ((piece, mesh.cells(piece)[0]) for piece in mesh.pieces(_PIECE))
    return [(p, cells) for p, cells in every if any(_shared(mesh, window, cells))]


def put(
    out: npt.NDArray[Any], mesh: Mesh, window: Window, cells: Window, values: npt.NDArray[Any]
) -> None:
    """Put values of coarse cells, ``(…, Y, X)``, where they lie in those of a window."""
    for here, there in _shared(mesh, window, cells):
        out[..., *here] = values[..., *there]


def _shared(
    mesh: Mesh, window: Window, cells: Window
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Which rows and columns of a window, and of some cells, are the same coarse cells."""
    corner = (window.row, window.col)
    for part in mesh.coarse.pieces(cells):  # pixels outside the coarse grid are in none
        here, there = [], []
        for source, target, low, length in zip(
            part.source, part.target, corner, window.shape, strict=True
        ):
            start, stop = max(source.start, low), min(source.stop, low + length)
            here.append(slice(start - low, stop - low))
            shift = target.start - source.start
            there.append(slice(start + shift, stop + shift))
        if all(s.start < s.stop for s in here):
            yield (here[0], here[1]), (there[0], there[1])


def unplaced_of(
    run: Cube, demand: Demand, reference: Reference, ticks: Sequence[int] | None = None
) -> list[Unplaced]:
    """What did not come about at times of a finished run that holds ``unplaced_change``.

    Args:
        run: The run.
        demand: What the forcing asks for.
        reference: What the run began with.
        ticks: The times, on the clock of the map; default: all.
    """
    group, coarse = run.group(UNPLACED), demand.mesh.coarse
    found = []
    for tick in group.ticks if ticks is None else ticks:
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


def unplaced_warnings(
    run: Cube, demand: Demand, reference: Reference, ticks: Sequence[int] | None = None
) -> list[str]:
    """What a user must be told of a finished run: change that was asked for and is not there.

    Args:
        run: The run.
        demand: As of ``unplaced_of``, like all that follows.
        reference: Likewise.
        ticks: Likewise.
    """
    if UNPLACED not in run.variables:
        return []
    worst = max(unplaced_of(run, demand, reference, ticks), key=lambda found: found.share)
    if worst.share <= _LOUD or worst.worst is None:
        return []
    north, east = worst.worst
    return [
        f"{100 * worst.share:.1f} % of the change that {demand.forcing} asks for until "
        f"{demand.target.clock.label(worst.tick)} is not in the map ({worst.pixels:.0f} pixels; "
        f"most in the cell at {north:.2f}° N, {east:.2f}° E): see {UNPLACED} in the result."
    ]
