"""Class maps in raster files, read block by block in the bytes of one legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.formats import Raster, RasterGrid, check_same_grid, codes_in, decoded, open_raster
from ai4land.vocabulary import NO_DATA, Legend

__all__ = ["ClassRaster", "no_region", "open_class_maps"]

_SIDE = 2048  # rows and columns of a block: what scoring it holds beside it stays below 0.5 GiB
_STRIP_ROWS = 256  # of a block of files in strips, which are decoded in full width


@dataclass(frozen=True)
class ClassRaster:
    """A raster of class codes, an array that is read in blocks; see ``Raster``.

    Attributes:
        raster: The band that holds the codes.
        legend: What the codes mean; without it a block is the codes that occur in it.
    """

    raster: Raster
    legend: Legend | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self.raster.path

    @property
    def grid(self) -> RasterGrid:
        """Where its pixels lie."""
        return self.raster.grid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    def __getitem__(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
        """Codes of a block as the legend stores them, ``(y, x)`` uint8, 255 missing.

        Without a legend the different codes of the block, as in the file, ascending ``(n,)``.

        Raises:
            SourceError: If the bytes cannot be decoded, or are no class codes of the legend.
        """
        if self.legend is None:
            found = codes_in(*self.raster.read(key[-2], key[-1]), self.path)
            return np.array(found, np.int64)
        raster, tag = self.raster.coded()
        table = {code: NO_DATA for code in self.legend.missing} | self.legend.stored
        if tag is not None:
            table[tag] = NO_DATA
        return decoded(*raster.read(key[-2], key[-1]), table, self.path, self.legend.name)


def open_class_maps(paths: Sequence[Path]) -> tuple[list[ClassRaster], tuple[int, int]]:
    """Open class maps that lie on one grid.

    Returns:
        The maps, and rows and columns of a block in which they are read best: multiples of every
        factor of ``FACTORS``, tiles or whole strips of the files.

    Raises:
        MissingFileError: If a file is not there.
        SourceError: If a file is no raster of numbers.
        ConfigError: If a file holds several bands or layers.
        GridError: If they lie on different grids.
    """
    maps = [open_raster(path) for path in paths]
    for other in maps[1:]:
        check_same_grid(maps[0], other)
    strips = any(layer.tile[1] > _SIDE for layer in maps)
    block = (_STRIP_ROWS, _SIDE**2 // _STRIP_ROWS) if strips else (_SIDE, _SIDE)
    return [ClassRaster(layer) for layer in maps], block


def no_region(path: Path, found: str) -> GridError:
    """The error that none of a file's regions lies on the map."""
    return GridError(
        "No region of the file meets the map",
        where=path,
        found=found,
        remedy="compare the extents and coordinate systems of both, with `rio info` or `ogrinfo`",
    )
