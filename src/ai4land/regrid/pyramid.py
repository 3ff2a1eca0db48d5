"""Class maps at halved resolutions, each counted from the map itself and never from another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.vocabulary import NO_DATA

__all__ = ["majority_pyramid"]

ClassArray = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.unsignedinteger[Any]]
_STRIP = 2048  # columns worked on at once, about: bounds the memory


def majority_pyramid(codes: ClassArray, order: Sequence[int], levels: int) -> list[ClassArray]:
    """The most frequent class of the map under each pixel of its overviews.

    Level ``k`` has pixels of ``2^k × 2^k`` of the map, the last ones cut short where the sides do
    not divide. Every level counts the pixels of the map itself: a majority of majorities, which
    ``gdaladdo -r mode`` makes, drops scattered and rare classes. What is missing has no vote; a
    pixel is missing only where nothing below it is known. Does not conserve area, like every
    majority; ``class_fractions`` does.

    Args:
        codes: Class codes ``(y, x)``, ``NO_DATA`` missing. Of a map that is gone through in bands,
            a band of rows that starts at a multiple of ``2^levels``.
        order: All class codes; of equally frequent classes the first in this order wins.
        levels: Number of overviews.

    Returns:
        One array per level, ``(⌈y / 2^k⌉, ⌈x / 2^k⌉)``, the finest first.

    Raises:
        GridError: If the map holds a code that is no class.
    """
    height, width = codes.shape
    found = [
        np.full((-(-height // side), -(-width // side)), NO_DATA, np.uint8)
        for side in (2**level for level in range(1, levels + 1))
    ]
    step = -(-_STRIP // 2**levels) * 2**levels
    for col in range(0, width if levels else 0, step):
        strip = codes[:, col : col + step]
        classes = _present(strip, order)
        if not classes:
            continue
        counts: Counts = np.stack([strip == code for code in classes]).view(np.uint8)
        for level, out in enumerate(found, start=1):
            counts = _halved(counts, np.min_scalar_type(4**level))
            _pick(counts, classes, out[:, col >> level : (col >> level) + counts.shape[-1]])
    return found


def _present(strip: ClassArray, order: Sequence[int]) -> list[int]:
    """The classes of a strip, in the order in which they win."""
    seen = set(np.flatnonzero(np.bincount(strip.ravel(), minlength=256)).tolist())
    strange = seen - set(order) - {NO_DATA}
    if strange:
        raise GridError(
            "The map holds a code that is no class",
            expected=f"one of {list(order)}, {NO_DATA} missing",
            found=sorted(strange),
        )
    return [code for code in order if code in seen]


def _halved(counts: Counts, dtype: npt.DTypeLike) -> Counts:
    """Sums over 2 × 2 cells, ``(class, ⌈y / 2⌉, ⌈x / 2⌉)``."""
    odd = [length % 2 for length in counts.shape[1:]]
    if any(odd):
        counts = np.pad(counts, ((0, 0), (0, odd[0]), (0, odd[1])))
    rows = np.add(counts[:, 0::2], counts[:, 1::2], dtype=dtype)
    return np.asarray(rows[..., 0::2] + rows[..., 1::2])


def _pick(counts: Counts, classes: Sequence[int], out: ClassArray) -> None:
    """Write the most frequent class of each cell; cells without any are left as they are."""
    most = np.zeros_like(counts[0])
    for code, count in zip(classes, counts, strict=True):
        out[count > most] = code
        np.maximum(most, count, out=most)
