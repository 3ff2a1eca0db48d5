"""Balancing: class probabilities that add up to the areas that the coarse cells ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ai4land.allocation._loops import balance_cells, compiled, sort_by_cell
from ai4land.allocation.cells import CoarseCells
from ai4land.allocation.quantities import check_groups, group_sums
from ai4land.errors import GridError

__all__ = ["balance"]

_ROUNDS = 10  # of the fitting; more change no decision
_MASS = 1e-7  # probability that the least likely group keeps, so that a margin can raise it


def balance(
    probability: npt.NDArray[np.float32],
    cells: CoarseCells,
    shares: npt.NDArray[np.floating],
    groups: Sequence[Sequence[int]],
    mask: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    """The probabilities closest to the given ones whose sums over each cell are as asked for.

    Iterative proportional fitting (Deming & Stephan 1940, Ann. Math. Stat. 11, 427) of two
    margins: over a cell's pixels each group sums to its share of them, over a pixel's groups the
    probability stays what it was. Within a group the classes keep their proportions, and what a
    pixel gives to classes of no group is free. Nothing is decided here: a cell that is asked to
    lose half a pixel makes all its pixels a little less sure.

    Args:
        probability: Class probabilities ``(K, y, x)``.
        cells: Coarse cell of each pixel.
        shares: Share of each group in what the cell's pixels give to groups, ``(G, cells)``; they
            sum to 1, or are all 0 where nothing is asked for.
        groups: Class indices of each group.
        mask: True where probabilities are to be changed, ``(y, x)``.

    Returns:
        New probabilities ``(K, y, x)``, unchanged outside the mask.

    Raises:
        GridError: If shapes do not fit, a share is negative, or groups overlap.
    """
    check_groups(groups, len(probability))
    cells.check(probability)
    cells.check(mask)
    wanted = np.asarray(shares, np.float64)
    if wanted.shape != (len(groups), cells.count) or not (wanted >= 0).all():
        raise GridError(
            "The shares do not fit groups and cells",
            expected=f"shape {(len(groups), cells.count)}, not negative, no NaN",
            found=f"shape {wanted.shape}, smallest {wanted.min(initial=0)}",
        )
    start, order = compiled(sort_by_cell)(cells.index.ravel(), mask.ravel(), cells.count)
    flat = probability.reshape(len(probability), -1)
    mass = group_sums(flat, groups) + np.float32(_MASS)
    fitted = mass.copy()
    compiled(balance_cells)(fitted, start, order, np.ascontiguousarray(wanted.T), _ROUNDS)
    result = flat.copy()
    for number, group in enumerate(groups):
        members = list(group)
        factor = fitted[number] / mass[number]
        spread = np.float32(_MASS / len(members))  # the mass that was lent above
        result[members] = np.where(mask.ravel(), (flat[members] + spread) * factor, flat[members])
    return result.reshape(probability.shape)
