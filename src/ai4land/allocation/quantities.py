"""From fractions of coarse cells to whole pixels, by largest remainder."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError

__all__ = ["apportion", "check_groups", "group_sums", "net_change", "target_counts"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Number = TypeVar("Number", bound=np.number[Any])
Groups = Sequence[Sequence[int]]
_DIGITS = 6  # a millionth of a pixel decides nothing; it is rounding of the fractions


def net_change(
    before: npt.NDArray[np.floating],
    after: npt.NDArray[np.floating],
    pixels: npt.NDArray[np.integer],
) -> npt.NDArray[np.int32]:
    """Whole pixels that each class or group gains (or loses) in each coarse cell.

    Rounded by largest remainder (Hamilton's method), of equal remainders the first; so a class
    is at most one pixel from its exact change and every cell's sum is 0. If the
    fractions' total changes, gains and losses cannot all be exchanged: the larger side is scaled
    down to the smaller. It knows no map, so it may ask for more than a map holds; the allocators
    report that.

    Args:
        before: Fractions of the cell's pixels, shape ``(K, cells)``.
        after: The same later (or, for a hindcast, earlier).
        pixels: Number of pixels the fractions are shares of, shape ``(cells,)``.

    Returns:
        Pixels, int32 ``(K, cells)``.

    Raises:
        GridError: If shapes differ or a fraction is outside 0…1.
    """
    _check_fractions(before, pixels)
    _check_fractions(after, pixels)
    change = (after.astype(np.float64) - before) * pixels
    gain = np.maximum(change, 0.0).sum(axis=0)
    loss = np.maximum(-change, 0.0).sum(axis=0)
    both = np.minimum(gain, loss)
    side = np.where(change > 0.0, gain, loss)
    change *= np.divide(both, side, out=np.zeros_like(change), where=side > 0.0)
    return _round(change, np.zeros(len(pixels), np.int64)).astype(np.int32)


def target_counts(
    fractions: npt.NDArray[np.floating], pixels: npt.NDArray[np.integer]
) -> npt.NDArray[np.int32]:
    """Whole pixels of each class or group in each coarse cell.

    Rounded by largest remainder, of equal remainders the first. Fractions are
    taken relative to their sum, so that the counts of a cell sum to its pixels.

    Args:
        fractions: Fractions, shape ``(K, cells)``.
        pixels: Pixels to share out, shape ``(cells,)``.

    Returns:
        Pixels, int32 ``(K, cells)``; all 0 in a cell whose fractions are all 0.

    Raises:
        GridError: If shapes differ or a fraction is outside 0…1.
    """
    _check_fractions(fractions, pixels)
    return apportion(fractions, pixels).astype(np.int32)


def group_sums(values: npt.NDArray[Number], groups: Groups) -> npt.NDArray[Number]:
    """Add up class layers to groups of classes.

    Args:
        values: One layer per class, shape ``(K, …)``.
        groups: Class indices of each group; classes in no group are left out.

    Returns:
        Shape ``(G, …)``, unit and type of the values.

    Raises:
        GridError: If a group is empty, overlaps another or names a class that does not exist.
    """
    check_groups(groups, len(values))
    result = np.empty((len(groups), *values.shape[1:]), values.dtype)
    for total, group in zip(result, groups, strict=True):
        total[...] = functools.reduce(np.add, (values[member] for member in group))
    return result


def apportion(
    weights: npt.NDArray[np.floating | np.integer], totals: npt.NDArray[np.integer]
) -> IntArray:
    """Share out whole totals ``(cells,)`` in proportion to weights ``(G, cells)`` ≥ 0."""
    exact = weights.astype(np.float64)
    whole = exact.sum(axis=0)
    exact *= np.divide(totals, whole, out=np.zeros_like(whole), where=whole > 0.0)
    return _round(exact, np.where(whole > 0.0, totals, 0))


def check_groups(groups: Groups, n_classes: int) -> None:
    """Refuse groups that are empty, overlap or name a class that does not exist.

    Raises:
        GridError: If they do.
    """
    members = [cls for group in groups for cls in group]
    if (
        not members
        or any(len(group) == 0 for group in groups)
        or len(set(members)) != len(members)
        or not all(0 <= cls < n_classes for cls in members)
    ):
        raise GridError(
            "Groups must hold each class at most once",
            expected=f"non-empty groups of class indices 0…{n_classes - 1}",
            found=[list(group) for group in groups],
        )


def _round(exact: FloatArray, totals: npt.NDArray[np.integer]) -> IntArray:
    """Integers within one of ``exact`` whose columns sum to ``totals``."""
    exact = np.round(exact, _DIGITS)
    floor = np.floor(exact)
    missing = totals - floor.sum(axis=0)
    order = np.argsort(floor - exact, axis=0, kind="stable")
    rank = np.argsort(order, axis=0, kind="stable")
    result: IntArray = floor.astype(np.int64)
    result += rank < missing
    return result


def _check_fractions(fractions: npt.NDArray[np.floating], pixels: npt.NDArray[np.integer]) -> None:
    if fractions.ndim != 2 or pixels.shape != fractions.shape[1:]:
        raise GridError(
            "Fractions and pixels must be of the same cells",
            expected="fractions (K, cells), pixels (cells,)",
            found=f"{fractions.shape}, {pixels.shape}",
        )
    slack = 1e-4  # providers store float32 and sum differently
    if not np.all((fractions >= -slack) & (fractions <= 1.0 + slack)):
        raise GridError(
            "A fraction is outside 0…1 or not a number",
            found=f"{np.min(fractions)} … {np.max(fractions)}",
            remedy="give cells without a known value the fraction 0, or leave them out",
        )
