"""The loops over pixels that numba compiles when a map is large.

They are plain functions, compiled on first use by ``compiled``: importing the scores never waits
for a compiler. Land-use maps change little along a row, so a loop adds a whole run of equal pixels
at once; that is what makes it several times faster than any count pixel by pixel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["compiled", "count_runs", "sum_runs"]

Map = NDArray[np.uint8]
Lookup = NDArray[np.int64]
Sums = NDArray[np.int64] | NDArray[np.float64]
P = ParamSpec("P")
R = TypeVar("R")


@functools.cache
def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of this module, once per process and, on disk, once per installation."""
    import numba

    try:
        fast: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # nowhere to keep the compiled code: a read-only installation
        fast = numba.njit(cache=False, nogil=True)(function)
    return fast


def count_runs(
    first: Map, second: Map, third: Map, lookup: Lookup, weights: Sums, sums: Sums
) -> None:
    """Add up how often values of three maps meet, each pixel with the weight of its row.

    Args:
        first: Values 0…255, ``(rows, columns)``.
        second: Likewise.
        third: Likewise.
        lookup: What a value of each map adds to the index into ``sums``, ``(3, 256)``.
        weights: Weight of a pixel of each row, ``(rows,)``; of the type of ``sums``.
        sums: One-dimensional array that is added to.
    """
    for r in range(first.shape[0]):
        x, y, z, start = first[r, 0], second[r, 0], third[r, 0], 0
        for p in range(first.shape[1]):
            if (first[r, p] ^ x) | (second[r, p] ^ y) | (third[r, p] ^ z):
                sums[lookup[0, x] + lookup[1, y] + lookup[2, z]] += (p - start) * weights[r]
                x, y, z, start = first[r, p], second[r, p], third[r, p], p
        index = lookup[0, x] + lookup[1, y] + lookup[2, z]
        sums[index] += (first.shape[1] - start) * weights[r]


def sum_runs(
    first: Map,
    second: Map,
    third: Map,
    lookup: Lookup,
    weights: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None:
    """Likewise, each pixel with a weight of its own.

    Args:
        first: Values 0…255, ``(rows, columns)``.
        second: Likewise.
        third: Likewise.
        lookup: What a value of each map adds to the index into ``sums``, ``(3, 256)``.
        weights: Weight of each pixel, ``(rows, columns)``.
        sums: One-dimensional array that is added to.
    """
    for r in range(first.shape[0]):
        x, y, z, run = first[r, 0], second[r, 0], third[r, 0], 0.0
        for p in range(first.shape[1]):
            if (first[r, p] ^ x) | (second[r, p] ^ y) | (third[r, p] ^ z):
                sums[lookup[0, x] + lookup[1, y] + lookup[2, z]] += run
                x, y, z, run = first[r, p], second[r, p], third[r, p], 0.0
            run += weights[r, p]
        sums[lookup[0, x] + lookup[1, y] + lookup[2, z]] += run
