"""Shuffling: the same changes in every coarse cell, at random places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ai4land.allocation.cells import CoarseCells

__all__ = ["shuffle"]

ByteArray = npt.NDArray[np.uint8]


def shuffle(
    initial: ByteArray,
    simulated: ByteArray,
    cells: CoarseCells,
    mask: npt.NDArray[np.bool_],
    ties: npt.NDArray[np.float64],
) -> ByteArray:
    """Deal a simulated map anew among pixels of one initial class in one coarse cell.

    Every cell keeps its table of initial against simulated classes, so what is left of a figure
    of merit is owed to the amounts alone: to knowing which cells and classes change, and to
    betting only where the odds are good. What a map scores above its shuffled twin is its skill
    in placing.

    Args:
        initial: Classes at the start, ``(y, x)``.
        simulated: Classes at the end, likewise.
        cells: Coarse cell of each pixel.
        mask: Pixels that take part; the others keep what they have.
        ties: A random number for each pixel, ``(y, x)``, that deals the places.

    Returns:
        Classes ``(y, x)``.
    """
    cells.check(initial)
    cells.check(simulated)
    cells.check(ties)
    used = mask & (cells.index >= 0)
    group = cells.index[used].astype(np.int64) * 256 + initial[used]
    values = simulated[used]
    places = np.argsort(group, kind="stable")
    drawn = np.lexsort((ties[used], group))
    dealt = np.empty_like(values)
    dealt[places] = values[drawn]
    result = simulated.copy()
    result[used] = dealt
    return result
