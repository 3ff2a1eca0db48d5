"""The best map, by a score of every class at every pixel, that has exactly the areas asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ai4land.allocation._loops import assign_cells, compiled, price_cells, sort_by_cell
from ai4land.allocation.cells import CoarseCells
from ai4land.allocation.exchange import Allocation
from ai4land.allocation.quantities import apportion, check_groups
from ai4land.errors import GridError
from ai4land.vocabulary import NO_DATA

__all__ = ["assign"]

IntArray = npt.NDArray[np.int64]
_FLOOR = -1e4  # an impossible class (score −∞) is still placed, but last
# Scores are counted in whole units: sums are exact then, and no rounding makes a cycle of moves
# look like a gain. Differences up to the floor stay far below 2⁶⁰.
_UNIT = 2.0**32


def assign(
    score: npt.NDArray[np.float32],
    cells: CoarseCells,
    counts: npt.NDArray[np.integer],
    groups: Sequence[Sequence[int]],
    mask: npt.NDArray[np.bool_],
) -> Allocation:
    """The map of highest summed score with exactly the counts asked for in every cell.

    Pixels whose best class is in no group are free: they take it and count for nobody. The others
    are assigned to groups; within its group a pixel takes its best class. The result is the exact
    optimum of a transport problem, found by prices and finished by successive shortest augmenting
    paths, so no better map with these counts exists; where the best classes have the counts, they
    are the map.

    Args:
        score: What a pixel is worth as each class, ``(K, y, x)``: log probabilities, or expected
            gains; a constant per pixel changes nothing. −∞ for impossible.
        cells: Coarse cell of each pixel.
        counts: Pixels wanted per group and cell, ``(G, cells)``. Where they do not sum to the
            cell's pixels that may move, they are scaled by largest remainder; a cell of zeros
            asks for nothing and keeps its map.
        groups: Class indices of each group.
        mask: True where the map is wanted, ``(y, x)``; 255 elsewhere.

    Returns:
        The map, and counts asked for minus counts reached as ``unplaced``.

    Raises:
        GridError: If shapes do not fit, a count is negative, groups overlap, or a score
            inside the mask is NaN or +∞, or all of a pixel's are −∞.
    """
    n_classes = len(score)
    check_groups(groups, n_classes)
    cells.check(score)
    cells.check(mask)
    asked = np.asarray(counts, np.int64)
    if asked.shape != (len(groups), cells.count) or (asked < 0).any():
        raise GridError(
            "The counts do not fit groups and cells",
            expected=f"shape {(len(groups), cells.count)}, not negative",
            found=f"shape {asked.shape}, smallest {asked.min(initial=0)}",
        )
    best = score.argmax(axis=0).astype(np.uint8)
    peak = np.take_along_axis(score, best[None].astype(np.intp), axis=0)[0]
    if not np.isfinite(peak[mask]).all():
        raise GridError(
            "A score is not a number",
            expected="in each pixel of the mask at least one class above −∞, none NaN or +∞",
            found=f"{int((~np.isfinite(peak[mask])).sum())} pixels without",
        )
    group = np.full(256, -1, np.int16)
    for number, members in enumerate(groups):
        group[list(members)] = number
    assigned = np.where(mask, group[best], np.int16(-1)).ravel()
    start, order = compiled(sort_by_cell)(cells.index.ravel(), assigned >= 0, cells.count)
    target = _targets(asked, start, order, assigned)
    worth, choice = _by_group(score, np.where(mask, peak, np.float32(0.0)), groups)
    problem = worth.reshape(len(groups), -1), start, order, np.ascontiguousarray(target.T)
    compiled(price_cells)(*problem, assigned)
    compiled(assign_cells)(*problem, assigned)
    result = np.where(mask, best, np.uint8(NO_DATA))
    closed = assigned.reshape(mask.shape)
    for number in range(len(groups)):
        np.copyto(result, choice[number], where=closed == number)
    return Allocation(result, (asked - target).astype(np.int32))


def _targets(
    asked: IntArray, start: IntArray, order: IntArray, assigned: npt.NDArray[np.int16]
) -> IntArray:
    """Counts that each cell's movable pixels can have, ``(G, cells)``."""
    movable = np.diff(start)
    cell = np.repeat(np.arange(movable.size), movable)
    key = assigned[order].astype(np.int64) * movable.size + cell
    have = np.bincount(key, minlength=asked.size).reshape(asked.shape)
    return np.where(asked.sum(axis=0) > 0, apportion(asked, movable), have)


def _by_group(
    score: npt.NDArray[np.float32],
    peak: npt.NDArray[np.float32],
    groups: Sequence[Sequence[int]],
) -> tuple[IntArray, npt.NDArray[np.uint8]]:
    """Score below a pixel's best, in whole units, and best class of each group, ``(G, y, x)``."""
    shape = (len(groups), *score.shape[1:])
    worth, choice = np.empty(shape, np.int64), np.empty(shape, np.uint8)
    for number, members in enumerate(groups):
        ordered = sorted(members)  # equals resolve as in the argmax over all classes
        layers = score[ordered]
        choice[number] = np.asarray(ordered, np.uint8)[layers.argmax(axis=0)]
        below = np.fmax(layers.max(axis=0).astype(np.float64) - peak, _FLOOR)
        worth[number] = np.rint(np.minimum(below, -_FLOOR) * _UNIT)
    return worth, choice
