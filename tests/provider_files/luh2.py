"""Files of LUH2 and LUH3 from all of their years at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.luh2 import LuhWriter

__all__ = ["write_luh2"]


def write_luh2(
    path: Path,
    grid: Grid,
    years: Iterable[tuple[int, Mapping[str, npt.ArrayLike]]],
    form: str = "v2h",
    *,
    ascending: bool = False,
    eastward: bool = False,
    attributes: Mapping[str, str] | None = None,
) -> Path:
    """Write a file of states, transitions or management.

    Args:
        path: The file; ``luh2_name`` gives the names of LUH2.
        grid: Its grid, global or not.
        years: Pairs of year and layers, taken one at a time; the first says which variables.
        form: Release whose quirks the file has, one of ``LUH2_FORMS``.
        ascending: Write latitudes from south to north.
        eastward: Write longitudes from 0 to 360°.
        attributes: Global attributes.
    """
    writer: LuhWriter | None = None
    try:
        for year, layers in years:
            if writer is None:
                writer = LuhWriter(
                    path,
                    grid,
                    layers,
                    form,
                    ascending=ascending,
                    eastward=eastward,
                    attributes=attributes,
                )
            writer.append(year, layers)
    finally:
        if writer is not None:
            writer.__exit__(None, None, None)
    return path
