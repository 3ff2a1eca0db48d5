"""Which pixels are scored: codes to class indices, and the two protocols."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4land.errors import VocabularyError
from ai4land.vocabulary import NO_DATA, Legend

__all__ = ["ScoredClasses", "index_map", "valid_mask"]

_UNKNOWN = 256
"""Entry of the lookup table for codes of which the legend says nothing; fits no index."""


class ScoredClasses(StrEnum):
    """Which pixels are scored."""

    LAND = "land"
    """Where the truth is a class on land; sea and missing are out."""

    REFERENCE = "reference"
    """Where the truth is any class of the legend, its sea class included."""


def index_map(codes: NDArray[Any], legend: Legend) -> NDArray[np.uint8]:
    """Translate the class codes of a map to positions in the legend.

    Args:
        codes: Class codes of any shape and integer type.
        legend: The legend of the codes.

    Returns:
        Same shape, uint8: 0…K−1 in legend order; 255 where the code is missing, or sea that is
        not a class of the legend.

    Raises:
        VocabularyError: If a code is neither class, sea nor missing.
    """
    codes = np.asarray(codes)
    table = np.full(_UNKNOWN, _UNKNOWN, dtype=np.uint16)
    written = [c for c in legend.missing if 0 <= c < NO_DATA and not legend.recoded]
    table[[NO_DATA, *written, *legend.sea]] = NO_DATA
    table[list(legend.codes)] = np.arange(len(legend))
    where = f"legend {legend.name!r}"
    if codes.dtype.kind not in "ui":
        raise VocabularyError(
            "Class codes must be integers",
            where=where,
            expected="codes 0…255, as uint8",
            found=codes.dtype,
        )
    if codes.dtype != np.uint8 and codes.size and (codes.min() < 0 or codes.max() > NO_DATA):
        raise VocabularyError(
            "Class code out of range",
            where=where,
            expected=f"0…{NO_DATA}",
            found=f"{codes.min()}…{codes.max()}",
            remedy=f"write missing pixels as {NO_DATA}",
        )
    indices = table[codes]
    unknown = indices == _UNKNOWN
    if unknown.any():
        found, pixels = np.unique(codes[unknown], return_counts=True)
        raise VocabularyError(
            "A class code that the legend does not explain",
            where=where,
            expected=f"classes {legend.codes}, sea {legend.sea}, missing {legend.missing} or "
            f"{NO_DATA}",
            found=", ".join(
                f"{code} ({n} pixels)" for code, n in zip(found[:8], pixels[:8], strict=True)
            ),
            remedy="use the legend of the product, or name the code in a legend file",
        )
    result: NDArray[np.uint8] = indices.astype(np.uint8)
    return result


def valid_mask(
    indices: NDArray[np.uint8], legend: Legend, protocol: ScoredClasses = ScoredClasses.LAND
) -> NDArray[np.bool_]:
    """Where a truth map can judge a prediction.

    Never call it on a prediction: what a model got wrong must not decide where it is judged.

    Args:
        indices: Class indices of a truth map, uint8, 255 for missing, as from ``index_map``.
        legend: Its legend.
        protocol: Whether a sea class of the legend is scored.

    Returns:
        Same shape, True where scored.
    """
    scored = np.array(
        [protocol is ScoredClasses.REFERENCE or c not in legend.sea for c in legend.codes]
    )
    table = np.zeros(NO_DATA + 1, dtype=np.bool_)
    table[: len(legend)] = scored
    mask: NDArray[np.bool_] = table[np.asarray(indices)]
    return mask
