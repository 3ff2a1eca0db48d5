"""HILDA+ transitions: change of class from a year to the next, one GeoTIFF each.

The file ``hildaplus_{year}-{year-1}_transitions…`` holds the change from ``year − 1`` to ``year``.
Like every change in AI4Land it stands at the year it leaves: the file 1961-1960 is tick 1960.

Codes of v1 have two digits, tens digit of the class before and of the class after (43: forest to
pasture; 44: stable forest). Those of v1-f and later have four (4133). The variable
``land_use_transitions`` knows the 64 changes between main classes, so four digits are reduced to
two and a change between forest types is stable forest; ``split_transitions`` gives both classes in
full.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.sources.class_series.class_maps import ClassMaps, opened_maps
from ai4land.sources.file_source import gaps_in
from ai4land.sources.hilda.files import EDITIONS, HildaVersion
from ai4land.sources.source import Array
from ai4land.vocabulary import NO_DATA, legend, variable

__all__ = ["open_transitions", "split_transitions"]

Codes = npt.NDArray[np.uint8]


def open_transitions(files: Mapping[int, Path], version: HildaVersion) -> ClassMaps:
    """Open a series of transitions.

    Args:
        files: Later year of each file → the file.
        version: Edition; it says how many digits the codes have.

    Raises:
        SourceError: If the series is not on one grid.
    """
    left = {year - 1: path for year, path in files.items()}
    return ClassMaps(
        variable("land_use_transitions"),
        opened_maps(left),
        legend("hildaplus_transitions"),
        EDITIONS[version].product,
        gaps=gaps_in(left, lambda y: f"the transition file {y + 1}-{y} is missing"),
        recode=None if version == "v1" else _reduced,
    )


def _reduced(raw: Array) -> Array:
    """Four digits to two; what is no pair of classes becomes a code that no legend knows."""
    before, after = np.divmod(raw, 100)
    codes = before // 10 * 10 + after // 10
    odd = (raw != 0) & (raw != NO_DATA) & ((before < 10) | (before > 99))
    return np.where(odd, 254, np.where(raw == NO_DATA, NO_DATA, codes))


def split_transitions(codes: Array, digits: int) -> tuple[Codes, Codes]:
    """The classes before and after, as codes of the states.

    Args:
        codes: Codes of a transition file, any shape; 0 is ocean before and after.
        digits: 2 for v1, whose digits are the tens of the main classes (4 stands for 44); 4 for
            v1-f and later, which write both codes in full.

    Raises:
        ValueError: If ``digits`` is neither.
    """
    if digits not in {2, 4}:
        raise ValueError(f"transitions have 2 or 4 digits, not {digits}")
    before, after = np.divmod(np.asarray(codes), 10 if digits == 2 else 100)
    scale = 11 if digits == 2 else 1
    return (before * scale).astype(np.uint8), (after * scale).astype(np.uint8)
