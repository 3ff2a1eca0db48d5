"""Baselines that place coarse net change on a map: at random, or where the class already is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.allocation._loops import compiled, exchange_pixels, sort_by_cell
from ai4land.allocation.cells import CoarseCells
from ai4land.allocation.quantities import apportion, check_groups, group_sums
from ai4land.errors import GridError
from ai4land.vocabulary import NO_DATA

__all__ = ["Allocation", "allocate_kernel", "allocate_random"]

ClassArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """A map made to follow coarse numbers, and what of them could not be placed.

    Attributes:
        map: Class indices, uint8 ``(y, x)``; 255 unknown.
        unplaced: Pixels asked for minus pixels placed, int32 ``(G, cells)``; 0 where the books
            close.
    """

    map: ClassArray
    unplaced: npt.NDArray[np.int32]


def allocate_random(
    prior: ClassArray,
    cells: CoarseCells,
    change: npt.NDArray[np.integer],
    groups: Sequence[Sequence[int]],
    ties: npt.NDArray[np.float64],
) -> Allocation:
    """Place net change on random pixels of the losing groups: the floor of every score.

    In each coarse cell the losing groups give up exactly their net loss and the gaining groups
    take exactly theirs. A pixel that enters a group of several classes takes the one most
    frequent in the cell.

    Args:
        prior: Class indices before, ``(y, x)``; 255 unknown. Classes in no group stay.
        cells: Coarse cell of each pixel.
        change: Pixels each group gains or loses in each cell, ``(G, cells)``, cells sum to 0.
        groups: Class indices of each group.
        ties: A random number 0…1 for each pixel, ``(y, x)``: the choice.

    Returns:
        The map after the change. Where a cell holds fewer pixels of a group than it should lose,
        all of them go, the gains shrink in proportion, and the difference is ``unplaced``.

    Raises:
        GridError: If shapes do not fit, a cell's change does not sum to 0, or groups overlap.
    """
    return _allocate(prior, cells, change, groups, ties, local=False)


def allocate_kernel(
    prior: ClassArray,
    cells: CoarseCells,
    change: npt.NDArray[np.integer],
    groups: Sequence[Sequence[int]],
    ties: npt.NDArray[np.float64],
) -> Allocation:
    """Place net change where the gaining group already is: the 3 × 3 kernel baseline.

    Called as ``allocate_random``, but pairs of a pixel and a gaining group are served in the order
    of the group's share of the known pixels in the 3 × 3 neighbourhood of the prior map (the
    neighbourhood reaches across cell borders and, on a global map, the date line); equal shares
    in random order. A pixel that enters a group of several classes takes the one with the largest
    such share, else the one most frequent in the cell. This is the neighbourhood rule common to
    deterministic downscaling of coarse land-use scenarios, without any further knowledge.
    """
    return _allocate(prior, cells, change, groups, ties, local=True)


def _allocate(
    prior: ClassArray,
    cells: CoarseCells,
    change: npt.NDArray[np.integer],
    groups: Sequence[Sequence[int]],
    ties: npt.NDArray[np.float64],
    *,
    local: bool,
) -> Allocation:
    check_groups(groups, NO_DATA)
    cells.check(prior)
    cells.check(ties)
    asked = np.asarray(change, np.int64)
    if asked.shape != (len(groups), cells.count) or asked.sum(axis=0).any():
        raise GridError(
            "The change does not fit groups and cells",
            expected=f"shape {(len(groups), cells.count)}, every cell's sum 0",
            found=f"shape {asked.shape}, sums up to {np.abs(asked.sum(axis=0)).max(initial=0)}",
        )
    group = np.full(1 + max(max(members) for members in groups), -1, np.int64)
    for number, members in enumerate(groups):
        group[list(members)] = number
    possible = _possible(asked, group_sums(cells.counts(prior, group.size), groups))
    member = np.zeros(256, bool)
    member[: group.size] = group >= 0
    before = np.ascontiguousarray(prior)
    result = before.copy()
    start, order = compiled(sort_by_cell)(cells.index.ravel(), member[before].ravel(), cells.count)
    compiled(exchange_pixels)(
        before,
        start,
        order,
        possible.T.copy(),  # used up
        group,
        ties,
        cells.wraps,
        local,
        result,
    )
    return Allocation(result, (asked - possible).astype(np.int32))


def _possible(asked: IntArray, available: IntArray) -> IntArray:
    """The part of a change that pixels exist for: losses cut, gains shrunk in proportion."""
    loss = np.minimum(np.maximum(-asked, 0), available)
    return apportion(np.maximum(asked, 0), loss.sum(axis=0)) - loss
