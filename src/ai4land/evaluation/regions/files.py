"""Regions of anybody: a raster of numbers or polygons with names, as labels of a map's pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ai4land.evaluation.regions.polygons import place_polygons
from ai4land.evaluation.regions.rasters import category_names, place_raster
from ai4land.formats import RasterGrid, holds_polygons

__all__ = ["RegionFile", "open_regions"]

Labels = npt.NDArray[np.int32]


class _Labelled(Protocol):
    """What knows the region of every pixel of a map."""

    def labels(self, rows: slice, cols: slice) -> Labels:
        """Regions of a block, negative in none."""


@dataclass(frozen=True, eq=False)
class RegionFile:
    """The regions of a file on the pixels of a map, an array that is made block by block.

    Attributes:
        path: The file.
        grid: Where the map's pixels lie.
        names: Region → name, as far as the file says.
        content: What the file holds.
    """

    path: Path
    grid: RasterGrid
    names: Mapping[int, str]
    content: _Labelled

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the map."""
        return self.grid.shape

    def labels(self, rows: slice, cols: slice) -> Labels:
        """Region of each pixel of a block, int32 ``(y, x)``; negative in none.

        A pixel belongs to the region in which its centre lies; of regions that overlap, to the
        first one of the file.

        Args:
            rows: Rows of the block, with start and stop.
            cols: Columns likewise.

        Raises:
            SourceError: If a raster of regions cannot be read there, or holds fractions.
        """
        return self.content.labels(rows, cols)

    def __getitem__(self, key: tuple[Any, ...]) -> Labels:
        """The same by the indices of an array, for ``reduce_blocks``."""
        rows, cols = (slice(*key[n].indices(self.shape[n])[:2]) for n in (-2, -1))
        return self.labels(rows, cols)

    def name(self, label: int) -> str:
        """Name of a region, its number if the file gives none."""
        return self.names.get(label, f"region {label}")


def open_regions(path: Path, grid: RasterGrid, name: str | None = None) -> RegionFile:
    """Open a file of regions for the pixels of a map.

    A raster holds whole numbers and lies in the coordinate system of the map, at any resolution;
    its names are those of the attribute table or the categories that GDAL keeps in ``.aux.xml``
    beside it. Polygons may lie in any coordinate system; their corners are transformed. Those of
    one name are one region. Rings that cross themselves are filled by the even-odd rule. Points
    and lines are left out.

    Args:
        path: GeoJSON, GeoPackage, shapefile, or a raster.
        grid: Where the map's pixels lie.
        name: Property that names the polygons; default the first of the usual ones that exists.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is damaged, or no file of regions.
        ConfigError: If the property does not exist, or a library is missing.
        GridError: If no region can meet the map, or coordinate systems do not fit.
    """
    if holds_polygons(path):
        return RegionFile(path, grid, *place_polygons(path, grid, name))
    return RegionFile(path, grid, category_names(path), place_raster(path, grid))
