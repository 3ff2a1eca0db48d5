"""A raster of numbers as regions of a map's pixels, at any resolution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError, SourceError
from ai4land.evaluation.raster_files import no_region
from ai4land.formats import Raster, RasterGrid, open_raster, opened_raster, same_system

__all__ = ["RasterRegions", "category_names", "place_raster"]

Labels = npt.NDArray[np.int32]
IntArray = npt.NDArray[np.int64]

_NOWHERE = -1
_LARGEST = np.iinfo(np.int32).max
_PIXELS = 1 << 24  # of a raster finer than the map, read at once
_HAIR = 1e-9  # of a pixel: a centre on an edge may round to either side of it
_NAME, _CODE = "2", "5"  # GDAL's usages of a column: Name, MinMax


@dataclass(frozen=True, eq=False)
class RasterRegions:
    """The raster's pixel in which the centre of each of the map's pixels lies.

    Attributes:
        raster: The raster.
        rows: Row of the raster for each row of the map; −1 outside.
        cols: Column likewise.
    """

    raster: Raster
    rows: IntArray
    cols: IntArray

    def labels(self, rows: slice, cols: slice) -> Labels:
        """Regions of a block, negative in none.

        Raises:
            SourceError: If the raster cannot be read there, or holds no whole numbers.
        """
        down, along = self.rows[rows], self.cols[cols]
        labels = np.full((len(down), len(along)), _NOWHERE, np.int32)
        inside, across = np.flatnonzero(down >= 0), np.flatnonzero(along >= 0)
        if not inside.size or not across.size:
            return labels
        used = along[across]
        part = slice(int(used.min()), int(used.max()) + 1)
        step = self._step(down[inside], part.stop - part.start)
        with opened_raster(self.raster.path, self.raster.name) as dataset:
            for start in range(0, len(inside), step):
                lines = inside[start : start + step]
                first, last = int(down[lines].min()), int(down[lines].max())
                block = self.raster.block(dataset, slice(first, last + 1), part)
                regions = _regions(*block, self.raster.path)
                wide = regions.take(used - part.start, axis=1)
                labels[np.ix_(lines, across)] = wide.take(down[lines] - first, axis=0)
        return labels

    def _step(self, rows: IntArray, width: int) -> int:
        """Rows of the map for which not too much of the raster is read at once."""
        span = int(rows.max() - rows.min()) + 1
        return max(1, int(_PIXELS / width * len(rows) / span))


def place_raster(path: Path, grid: RasterGrid) -> RasterRegions:
    """Open a raster of regions for the pixels of a map.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is damaged, or not one band of numbers.
        GridError: If it lies in another coordinate system, does not run along the map, or does
            not meet it.
    """
    raster = open_raster(path)
    own = raster.grid
    if not same_system(own, grid.crs):
        raise GridError(
            "The raster of regions lies in another coordinate system than the maps",
            where=path,
            expected=grid.crs or "none",
            found=own.crs or "none",
            remedy=f"rio warp {path} regions.tif --dst-crs {grid.crs!r} --resampling nearest"
            if own.crs and grid.crs
            else f"write it into the file without: `rio edit-info --crs {own.crs or grid.crs!r} "
            f"{'MAP' if own.crs else path}`",
        )
    if own.transform == grid.transform and own.shape == grid.shape:
        rows, cols = (np.arange(length) for length in grid.shape)
        return RasterRegions(raster, rows, cols)
    if not own.straight or not grid.straight:
        raise GridError(
            "A rotated raster of regions must lie on the grid of the maps",
            where=path,
            expected=f"transform {grid.transform}",
            found=f"transform {own.transform}",
            remedy=f"rio warp {path} regions.tif --like MAP --resampling nearest",
        )
    rows, cols = _rows(own, grid), _cols(own, grid)
    if (rows < 0).all() or (cols < 0).all():
        raise no_region(path, "the raster lies beside it")
    return RasterRegions(raster, rows, cols)


def _rows(own: RasterGrid, grid: RasterGrid) -> IntArray:
    y = grid.transform[5] + (np.arange(grid.shape[0]) + 0.5) * grid.transform[4]
    return _inside(np.floor((y - own.transform[5]) / own.transform[4] + _HAIR), own.shape[0])


def _cols(own: RasterGrid, grid: RasterGrid) -> IntArray:
    x = grid.transform[2] + (np.arange(grid.shape[1]) + 0.5) * grid.transform[0]
    place = (x - own.transform[2]) / own.transform[0] + _HAIR
    if grid.geographic:
        place = np.mod(place, 360.0 / abs(own.transform[0]))  # whatever turn of the globe
    return _inside(np.floor(place), own.shape[1])


def _inside(place: npt.NDArray[np.float64], length: int) -> IntArray:
    return np.where((place >= 0) & (place < length), place, -1).astype(np.int64)


def _regions(values: npt.NDArray[Any], nothing: npt.NDArray[np.bool_] | None, path: Path) -> Labels:
    """Whole numbers that are not negative; −1 where there is no region."""
    missing = values < 0 if nothing is None else nothing | (values < 0)
    kept = values[~missing]
    broken = kept[kept != np.round(kept)]
    if broken.size or (kept.size and kept.max() > _LARGEST):
        raise SourceError(
            "These are no numbers of regions",
            where=path,
            expected=f"whole numbers up to {_LARGEST}",
            found=broken[0] if broken.size else kept.max(),
        )
    return np.where(missing, np.int32(_NOWHERE), values).astype(np.int32)


def category_names(path: Path) -> dict[int, str]:
    """Names that GDAL keeps beside a raster: its attribute table, or else its categories.

    Raises:
        SourceError: If the file beside it is damaged.
    """
    beside = path.with_name(f"{path.name}.aux.xml")
    if not beside.is_file():
        return {}
    try:
        root = ElementTree.parse(beside).getroot()
        table = root.find(".//GDALRasterAttributeTable")
        named = {} if table is None else _table_names(table)
    except (ElementTree.ParseError, ValueError, IndexError) as error:
        raise SourceError(
            "The names of the regions cannot be read",
            where=beside,
            found=error,
            remedy="remove the file, and regions go by number",
        ) from error
    categories = (entry.text or "" for entry in root.findall(".//CategoryNames/Category"))
    return named or {code: name for code, name in enumerate(categories) if name}


def _table_names(table: ElementTree.Element) -> dict[int, str]:
    """Code → name of an attribute table that has columns for both."""
    heads = list(table.iter("FieldDefn"))
    names = [n for n, head in enumerate(heads) if head.findtext("Usage") == _NAME]
    codes = [n for n, head in enumerate(heads) if head.findtext("Usage") == _CODE]
    codes += [n for n, head in enumerate(heads) if (head.findtext("Name") or "").lower() == "value"]
    if not names or not codes:
        return {}
    rows = [[cell.text or "" for cell in row.iter("F")] for row in table.iter("Row")]
    return {int(float(row[codes[0]])): row[names[0]] for row in rows if row[names[0]]}
