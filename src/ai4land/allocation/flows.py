"""Flows: gross transitions between groups of classes in a cell, fitted to what it has and wants."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ai4land.allocation._flow_loops import fit_cells, round_cells
from ai4land.allocation._loops import compiled
from ai4land.allocation.cells import CoarseCells
from ai4land.allocation.quantities import check_groups
from ai4land.errors import GridError

__all__ = ["balance_flows", "fit_flows", "flow_rates", "flow_targets", "net_flows", "refined"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.floating | np.integer]

_SPARE = 1e-3  # of the net change lent to rates that cannot lead to what is wanted


def net_flows(before: Numbers, after: Numbers) -> FloatArray:
    """The fewest transitions that lead from one state of a cell to another.

    Each group keeps what it has at both times; what shrinking groups lose is shared among the
    growing ones in proportion to their gains. Where the totals differ, what nobody gains stays.

    Args:
        before: Shares or counts of groups, ``(G, cells)``.
        after: The same later (or, for a step backward, earlier).

    Returns:
        ``(G, G, cells)``, from the first axis to the second; summed over the second it is
        ``before``.
    """
    change = np.asarray(after, np.float64) - before
    gain, loss = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    gained, lost = _added(gain), _added(loss)
    moved = loss * np.minimum(_ratio(gained, lost), 1.0)
    flows = moved[:, None] * _ratio(gain, gained)[None]
    own = np.arange(len(before))
    flows[own, own] = before - moved
    return np.asarray(flows)


def flow_rates(flows: Numbers) -> FloatArray:
    """Where what each group holds goes, ``(G, G, cells)``: rows sum to 1, or are 0 where unknown.

    Args:
        flows: Areas or shares that go from the first axis to the second, ``(G, G, cells)``.
    """
    return _ratio(flows, _added(np.swapaxes(flows, 0, 1))[:, None])


def balance_flows(
    flows: Numbers, held: npt.NDArray[np.integer], wanted: npt.NDArray[np.integer]
) -> FloatArray:
    """The flows closest to given ones that lead from what a cell has to what it wants.

    The biproportional fit of a matrix to both margins (Deming & Stephan 1940, Ann. Math. Stat. 11,
    427). Rows keep what is held exactly, so that only a factor of each column is left to find: the
    minimum of a convex function, by Newton's method, where the classical iteration crawls because
    nearly all of a land-use matrix stays. A group whose row is empty, or which the flows cannot
    lead to where it is wanted, is helped by the fewest transitions (``net_flows``).

    Args:
        flows: Areas, shares or rates from the first axis to the second, ``(G, G, cells)``, not
            negative; a row of zeros is unknown.
        held: Pixels of each group now, ``(G, cells)``.
        wanted: Pixels of each group asked for, ``(G, cells)``; a cell's sum is that of ``held``.

    Returns:
        Pixels, ``(G, G, cells)``; sums over the second axis are ``held``, over the first
        ``wanted``.

    Raises:
        GridError: If shapes do not fit, a cell's sums differ, or a number is negative or NaN.
    """
    _check(flows, held, wanted)
    rates, spare = flow_rates(flows), flow_rates(net_flows(held, wanted))
    rates = np.where(rates.sum(axis=1, keepdims=True) > 0.0, rates, spare)
    fitted = np.zeros((held.shape[1], *flows.shape[:2]))
    compiled(fit_cells)(
        _by_cell(rates), _by_cell(spare), _by_cell(held), _by_cell(wanted), _SPARE, fitted
    )
    return np.ascontiguousarray(np.moveaxis(fitted, 0, -1))


def fit_flows(
    flows: Numbers, held: npt.NDArray[np.integer], wanted: npt.NDArray[np.integer]
) -> IntArray:
    """Whole pixels that go from each group to each other one, both margins exact.

    ``balance_flows`` in whole pixels: a controlled rounding (Cox 1987, J. Am. Stat. Assoc. 82, 520)
    that leaves each number within one of its fit wherever the margins allow it, and zeros zero,
    at the least squared error relative to the fit; exact, by shortest augmenting paths.

    Args:
        flows: As for ``balance_flows``.
        held: Likewise.
        wanted: Likewise.

    Returns:
        Pixels, int64 ``(G, G, cells)``.

    Raises:
        GridError: As ``balance_flows``.
    """
    fitted = _by_cell(balance_flows(flows, held, wanted))
    whole = np.zeros(fitted.shape, np.int64)
    compiled(round_cells)(
        fitted,
        _by_cell(held).astype(np.int64),
        _by_cell(wanted).astype(np.int64),
        whole,
    )
    return np.ascontiguousarray(np.moveaxis(whole, 0, -1))


def refined(
    cells: CoarseCells, prior: npt.NDArray[np.uint8], groups: Sequence[Sequence[int]]
) -> CoarseCells:
    """Cells divided by the group that their pixels have before a step.

    What is asked of such a part is a row of a matrix of flows (``flow_targets``), so that whatever
    honours the areas of cells honours gross transitions too.

    Args:
        cells: Coarse cell of each pixel.
        prior: Class indices before the step, ``(y, x)``.
        groups: Class indices of each of G groups.

    Returns:
        Cells with the number ``cell · G + group``; pixels of no group are in none.

    Raises:
        GridError: If the map does not fit the cells, or groups overlap.
    """
    cells.check(prior)
    check_groups(groups, 256)
    group = np.full(256, -1, np.int32)
    for number, members in enumerate(groups):
        group[list(members)] = number
    part, count = group[prior], len(groups)
    index = np.where((part >= 0) & (cells.index >= 0), cells.index * count + part, -1)
    return CoarseCells(index.astype(np.int32), cells.count * count, cells.wraps)


def flow_targets(flows: Numbers) -> Numbers:
    """Flows ``(G, G, cells)`` as what is asked of ``refined`` cells, ``(G, cells · G)``."""
    return np.ascontiguousarray(np.transpose(flows, (1, 2, 0)).reshape(len(flows), -1))


def _ratio(part: Numbers, whole: Numbers) -> FloatArray:
    """A quotient, 0 where there is nothing to divide by."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    return np.divide(part, whole, out=np.zeros(shape), where=np.asarray(whole) > 0.0)


def _added(values: Numbers) -> FloatArray:
    """The sum over the first axis, layer after layer, whatever the number of cells."""
    return np.asarray(functools.reduce(np.add, values), np.float64)


def _by_cell(values: Numbers) -> FloatArray:
    return np.ascontiguousarray(np.moveaxis(np.asarray(values, np.float64), -1, 0))


def _check(flows: Numbers, held: npt.NDArray[np.integer], wanted: npt.NDArray[np.integer]) -> None:
    groups = len(flows)
    shapes = flows.shape, held.shape, wanted.shape
    count = flows.shape[-1]
    if shapes != ((groups, groups, count), (groups, count), (groups, count)):
        raise GridError(
            "Flows and counts are not of the same groups and cells",
            expected="flows (G, G, cells), held and wanted (G, cells)",
            found=", ".join(map(str, shapes)),
        )
    if not (np.asarray(flows) >= 0).all() or min(held.min(initial=0), wanted.min(initial=0)) < 0:
        raise GridError(
            "A flow or count is negative or not a number",
            expected="numbers from 0 up; a row of zeros where a flow is unknown",
            found=f"flows from {np.min(flows, initial=0)}, counts from "
            f"{min(held.min(initial=0), wanted.min(initial=0))}",
        )
    differ = held.sum(axis=0) != wanted.sum(axis=0)
    if differ.any():
        cell = int(differ.argmax())
        raise GridError(
            "A cell wants another number of pixels than it has",
            where=f"cell {cell}, and {int(differ.sum()) - 1} others",
            expected=int(held[:, cell].sum()),
            found=int(wanted[:, cell].sum()),
            remedy="share out the pixels that are there, see `target_counts`",
        )
