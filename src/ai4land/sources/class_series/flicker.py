"""Flicker: class maps of years that follow each other, smoothed pixel by pixel, and counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ai4land.vocabulary import NO_DATA

__all__ = ["Codes", "count_reversals", "majority_of", "runs_of", "settle"]

Codes = npt.NDArray[np.uint8]


def runs_of(ticks: Sequence[int], breaks: Collection[int]) -> tuple[tuple[int, ...], ...]:
    """Ticks that follow each other without a hole or a break."""
    runs: list[list[int]] = []
    for tick in ticks:
        if not runs or tick != runs[-1][-1] + 1 or tick in breaks:
            runs.append([])
        runs[-1].append(tick)
    return tuple(tuple(run) for run in runs)


def majority_of(maps: Sequence[Codes], middle: int) -> Codes:
    """The class with more votes than any other, the middle map's where there is none.

    Args:
        maps: Codes ``(y, x)`` of the years of a window; missing ones do not vote.
        middle: Which of them is the year itself; where it is missing the result is missing.
    """
    own = maps[middle]
    best = np.zeros(own.shape, dtype=np.uint8)
    top, tied = own.copy(), np.zeros(own.shape, dtype=bool)
    for candidate in maps:
        votes = np.zeros(own.shape, dtype=np.uint8)
        for other in maps:
            votes += candidate == other
        votes[candidate == NO_DATA] = 0
        tied = np.where(votes == best, tied | (candidate != top), tied & (votes < best))
        top = np.where(votes > best, candidate, top)
        best = np.maximum(best, votes)
    result: Codes = np.where(tied | (own == NO_DATA), own, top)
    return result


def settle(held: Codes, maps: Sequence[Codes]) -> Codes:
    """The classes settled on after one more year.

    Args:
        held: Classes settled on so far.
        maps: The year, and the years after it within which a return undoes a change.
    """
    now = maps[0]
    returns = np.zeros(now.shape, dtype=bool)
    for later in maps[1:]:
        returns |= later == held
    return np.where((now == NO_DATA) | ((held != NO_DATA) & returns), held, now)


def count_reversals(maps: Iterable[Codes], longest: int) -> dict[int, int]:
    """How often pixels leave a class for one other and come back, by years away.

    Every return counts: A B A B A are three. A B C A is none. Missing years end what was before.

    Args:
        maps: Codes ``(y, x)`` of years that follow each other.
        longest: Most years away that are counted.

    Returns:
        Years away → number of returns, every number of years from 1 to ``longest``.
    """
    counts = dict.fromkeys(range(1, longest + 1), 0)
    before: Codes | None = None
    now: Codes | None = None
    length: npt.NDArray[np.int32] | None = None
    for new in maps:
        if now is None or before is None or length is None:
            now, before = new, np.full(new.shape, NO_DATA, dtype=np.uint8)
            length = np.ones(new.shape, dtype=np.int32)
            continue
        known = (new != NO_DATA) & (now != NO_DATA)
        moved = known & (new != now)
        back = moved & (new == before)
        for years in counts:
            counts[years] += int((back & (length == years)).sum())
        before = np.where(moved, now, np.where(known, before, NO_DATA)).astype(np.uint8)
        length = np.where(moved | ~known, 1, length + 1)
        now = new
    return counts
