"""The inner loops over pixels, in the part of Python that numba compiles.

They are written as plain functions and compiled on first use by ``compiled``, so that importing
AI4Land never waits for a compiler.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = [
    "assign_cells",
    "balance_cells",
    "compiled",
    "exchange_pixels",
    "price_cells",
    "sort_by_cell",
]

ClassArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
P = ParamSpec("P")
R = TypeVar("R")

_UNKNOWN = 255
# The fraction left of a random number times a large one is a new random number: one number per
# pixel serves every class (factors from _SPREAD up) and every group (from _TURN down).
_SPREAD, _TURN = 100_003, 99_991
_FAR = 2**60  # beyond any sum of scores


@functools.cache
def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of this module, once per process and, on disk, once per installation."""
    import numba

    try:
        fast: Callable[P, R] = numba.njit(cache=True)(function)
    except RuntimeError:  # nowhere to keep the compiled code: a read-only installation
        fast = numba.njit(cache=False)(function)
    return fast


def sort_by_cell(
    cell: npt.NDArray[np.int32], chosen: npt.NDArray[np.bool_], count: int
) -> tuple[IntArray, IntArray]:
    """List the chosen pixels cell by cell, in map order within a cell.

    Args:
        cell: Cell of each pixel, flat; negative outside.
        chosen: Whether a pixel takes part, flat.
        count: Number of cells.

    Returns:
        Where each cell's pixels start, ``(count + 1,)``, and the pixels' flat positions.
    """
    start = np.zeros(count + 1, np.int64)
    for p in range(cell.size):
        if chosen[p] and cell[p] >= 0:
            start[cell[p] + 1] += 1
    for c in range(count):
        start[c + 1] += start[c]
    place = start[:-1].copy()
    order = np.empty(start[count], np.int64)
    for p in range(cell.size):
        if chosen[p] and cell[p] >= 0:
            order[place[cell[p]]] = p
            place[cell[p]] += 1
    return start, order


def exchange_pixels(
    prior: ClassArray,
    start: IntArray,
    order: IntArray,
    change: IntArray,
    group: IntArray,
    tie: FloatArray,
    wraps: bool,
    local: bool,
    result: ClassArray,
) -> None:
    """Give pixels of losing groups to gaining groups, the best suited pair first.

    Args:
        prior: Map before, ``(y, x)``.
        start: Where each cell's pixels start in ``order``.
        order: Flat positions of the pixels whose class is in a group, cell by cell.
        change: Pixels still to gain or lose, ``(cells, G)``, rows sum to 0; used up.
        group: Group of each class, −1 none, ``(K,)``.
        tie: A random number 0…1 per pixel, ``(y, x)``.
        wraps: Whether the map closes around the globe.
        local: Whether suitability is the 3 × 3 share; otherwise all pairs are equal.
        result: Map after, ``(y, x)`` contiguous, a copy of ``prior`` on entry.
    """
    height, width = prior.shape
    before, chance, after = prior.ravel(), tie.ravel(), result.ravel()
    n_classes, n_groups = group.size, change.shape[1]
    near, here = np.zeros(n_classes, np.int64), np.zeros(n_classes, np.int64)
    for cell in range(start.size - 1):
        wanted, open_ = change[cell], 0
        for g in range(n_groups):
            open_ += max(wanted[g], 0)
        if open_ == 0:
            continue
        pixels = order[start[cell] : start[cell + 1]]
        here[:] = 0
        for p in pixels:
            here[before[p]] += 1
        size = pixels.size * n_groups
        score, pixel, into = np.empty(size), np.empty(size, np.int64), np.empty(size, np.int64)
        pairs = 0
        for p in pixels:
            if wanted[group[before[p]]] >= 0:
                continue
            near[:] = 0
            known = 0
            for step in range(9 if local else 0):
                row, col = p // width + step // 3 - 1, p % width + step % 3 - 1
                if wraps:
                    col %= width
                if 0 <= row < height and 0 <= col < width and prior[row, col] != _UNKNOWN:
                    known += 1
                    if prior[row, col] < n_classes:
                        near[prior[row, col]] += 1
            for g in range(n_groups):
                if wanted[g] <= 0:
                    continue
                share, best = 0, -1.0
                for c in range(n_classes):
                    if group[c] == g:
                        share += near[c]
                        liking = near[c] * 1e9 + here[c] + (chance[p] * (_SPREAD + c)) % 1.0
                        if liking > best:  # of the group, what is near, else common, else chance
                            best = liking
                            into[pairs] = c
                # the tie-break stays below 1/72, the smallest difference of two shares
                score[pairs] = share / max(known, 1) + 1e-3 * ((chance[p] * (_TURN - g)) % 1.0)
                pixel[pairs] = p
                pairs += 1
        for j in np.argsort(-score[:pairs], kind="mergesort"):
            p = pixel[j]
            gain, lose = group[into[j]], group[before[p]]
            if after[p] == before[p] and wanted[gain] > 0 and wanted[lose] < 0:
                after[p] = into[j]
                wanted[gain] -= 1
                wanted[lose] += 1


def price_cells(
    score: IntArray,
    start: IntArray,
    order: IntArray,
    counts: IntArray,
    assigned: npt.NDArray[np.int16],
) -> None:
    """Bring cells near their counts by a price on each group, which keeps an assignment optimal.

    Coordinate descent on the dual of the transport problem (Bertsekas 1998, Network Optimization,
    chapter 7): in turn each group's price is set so that as many pixels prefer it as it wants.
    Whatever the prices, what every pixel prefers is the best assignment for its own counts, so
    ``assign_cells`` can finish from there; only ties and a few pixels are left to it.

    Args:
        score: As for ``assign_cells``.
        start: Likewise.
        order: Likewise.
        counts: Likewise.
        assigned: On entry the group of highest score, on return the one preferred under prices.
    """
    n_groups = score.shape[0]
    price, have = np.empty(n_groups, np.int64), np.empty(n_groups, np.int64)
    for cell in range(start.size - 1):
        pixels = order[start[cell] : start[cell + 1]]
        have[:] = 0
        for p in pixels:
            have[assigned[p]] += 1
        off = np.abs(have - counts[cell]).sum() // 2
        if off <= 4 * n_groups:  # few moves are cheaper than prices
            continue
        value = np.empty((pixels.size, n_groups), np.int64)
        margin = np.empty(pixels.size, np.int64)
        for k in range(pixels.size):
            for g in range(n_groups):
                value[k, g] = score[g, pixels[k]]
        price[:] = 0
        for _ in range(12):
            for g in range(n_groups):
                for k in range(pixels.size):
                    other = -_FAR
                    for h in range(n_groups):
                        if h != g:
                            other = max(other, value[k, h] - price[h])
                    margin[k] = value[k, g] - other
                ranked, want = np.sort(margin), counts[cell, g]
                if want == 0:
                    price[g] = ranked[-1] + 1
                elif want == pixels.size:
                    price[g] = ranked[0] - 1
                else:
                    price[g] = (ranked[-want] + ranked[-want - 1]) // 2
            have[:] = 0
            for k in range(pixels.size):
                chosen = 0
                for g in range(1, n_groups):
                    if value[k, g] - price[g] > value[k, chosen] - price[chosen]:
                        chosen = g
                assigned[pixels[k]] = chosen
                have[chosen] += 1
            before, off = off, np.abs(have - counts[cell]).sum() // 2
            if off <= n_groups or off >= before:
                break


def assign_cells(
    score: IntArray,
    start: IntArray,
    order: IntArray,
    counts: IntArray,
    assigned: npt.NDArray[np.int16],
) -> None:
    """Move pixels between groups until every cell has its counts, losing the least score.

    Successive shortest augmenting paths on the graph of groups: the edge a → b costs what the
    cheapest pixel now in a loses by moving to b. From an assignment that is optimal for its own
    counts each augmentation keeps it so (Ahuja, Magnanti & Orlin 1993, Network Flows, chapter 9),
    so the last one is the optimum.

    Args:
        score: Of each group in whole units, ``(G, pixels)``.
        start: Where each cell's pixels start in ``order``.
        order: Flat positions of the pixels that may move, cell by cell.
        counts: Pixels wanted, ``(cells, G)``; each row sums to the cell's pixels.
        assigned: Group of each pixel, flat; on entry optimal for its own counts.
    """
    n_groups = score.shape[0]
    cost = np.empty((n_groups, n_groups), np.int64)
    who = np.empty((n_groups, n_groups), np.int64)
    distance, came = np.empty(n_groups, np.int64), np.empty(n_groups, np.int64)
    surplus, stale = np.empty(n_groups, np.int64), np.empty(n_groups, np.bool_)
    for cell in range(start.size - 1):
        pixels = order[start[cell] : start[cell + 1]]
        for g in range(n_groups):
            surplus[g], stale[g] = -counts[cell, g], True
        for p in pixels:
            surplus[assigned[p]] += 1
        moves = 0
        for g in range(n_groups):
            moves += max(surplus[g], 0)
        if moves == 0:
            continue
        now = np.empty(pixels.size, np.int64)
        value = np.empty((pixels.size, n_groups), np.int64)
        for k in range(pixels.size):
            now[k] = assigned[pixels[k]]
            for g in range(n_groups):
                value[k, g] = score[g, pixels[k]]
        for _ in range(moves):
            for g in range(n_groups):
                for h in range(n_groups if stale[g] else 0):
                    cost[g, h] = _FAR
            for k in range(pixels.size):
                g = now[k]
                for h in range(n_groups if stale[g] else 0):
                    loss = value[k, g] - value[k, h]
                    if h != g and loss < cost[g, h]:
                        cost[g, h], who[g, h] = loss, k
            for g in range(n_groups):
                stale[g], came[g] = False, -1
                distance[g] = 0 if surplus[g] > 0 else _FAR
            for _ in range(n_groups):  # Bellman–Ford: moved pixels make negative edges
                for g in range(n_groups):
                    for h in range(n_groups if distance[g] < _FAR else 0):
                        if cost[g, h] < _FAR and distance[g] + cost[g, h] < distance[h]:
                            distance[h], came[h] = distance[g] + cost[g, h], g
            end = -1
            for h in range(n_groups):
                if surplus[h] < 0 and (end < 0 or distance[h] < distance[end]):
                    end = h
            surplus[end] += 1
            stale[end] = True
            while came[end] >= 0:
                now[who[came[end], end]] = end
                end = came[end]
                stale[end] = True
            surplus[end] -= 1
        for k in range(pixels.size):
            assigned[pixels[k]] = now[k]


def balance_cells(
    mass: Float32Array, start: IntArray, order: IntArray, shares: FloatArray, rounds: int
) -> None:
    """Fit group probabilities to the shares of their cells, in place.

    Args:
        mass: Probability of each group, positive, ``(G, pixels)``.
        start: Where each cell's pixels start in ``order``.
        order: Flat positions of the pixels that take part, cell by cell.
        shares: Wanted share of each group, ``(cells, G)``; a row of zeros asks for nothing.
        rounds: Rounds at most; a cell ends when no group is a hundredth of a pixel off.
    """
    n_groups = mass.shape[0]
    sums, factor = np.empty(n_groups), np.empty(n_groups)
    for cell in range(start.size - 1):
        asked = shares[cell].sum()
        pixels = order[start[cell] : start[cell + 1]]
        if asked <= 0.0 or pixels.size == 0:
            continue
        for _ in range(rounds):
            sums[:] = 0.0
            for p in pixels:
                for g in range(n_groups):
                    sums[g] += mass[g, p]
            total, worst = sums.sum(), 0.0
            for g in range(n_groups):
                target = shares[cell, g] / asked * total
                factor[g] = target / sums[g]
                worst = max(worst, abs(target - sums[g]))
            if worst < 0.01:
                break
            for p in pixels:
                before, after = 0.0, 0.0
                for g in range(n_groups):
                    before += mass[g, p]
                    mass[g, p] = max(mass[g, p] * factor[g], 1e-30)
                    after += mass[g, p]
                for g in range(n_groups):
                    mass[g, p] *= before / after
