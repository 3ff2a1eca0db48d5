"""Polygons as regions of a map's pixels, burnt block by block."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.evaluation.raster_files import no_region
from ai4land.formats import RasterGrid, read_polygons

__all__ = ["PolygonRegions", "place_polygons"]

_NOWHERE = -1


@dataclass(frozen=True, eq=False)
class PolygonRegions:
    """The polygons that can meet a map.

    Attributes:
        grid: Where the map's pixels lie.
        labels_of: Region of each polygon.
        polygons: Those of shapely, in the coordinates of the map.
    """

    grid: RasterGrid
    labels_of: npt.NDArray[np.int32]
    polygons: tuple[Any, ...]

    def labels(self, rows: slice, cols: slice) -> npt.NDArray[np.int32]:
        """Regions of a block, negative in none; the first of several polygons wins."""
        import shapely
        from rasterio.features import rasterize  # heavy, and only files need it
        from rasterio.transform import Affine

        shape = rows.stop - rows.start, cols.stop - cols.start
        west, south, east, north = shapely.bounds(np.array(self.polygons)).T
        left, low, right, up = self.grid.bounds(rows, cols)
        near = np.flatnonzero((west <= right) & (east >= left) & (south <= up) & (north >= low))
        if not near.size:
            return np.full(shape, _NOWHERE, np.int32)
        shapes = [
            (self.polygons[n], int(self.labels_of[n]))
            for n in near[::-1]  # what is burnt later covers what was burnt before
        ]
        transform = Affine(*self.grid.transform) * Affine.translation(cols.start, rows.start)
        burnt = rasterize(shapes, shape, fill=_NOWHERE, transform=transform, dtype="int32")
        return np.asarray(burnt, np.int32)


def place_polygons(
    path: Path, grid: RasterGrid, name: str | None
) -> tuple[dict[int, str], PolygonRegions]:
    """Read a file of polygons and keep those that can meet a map.

    Args:
        path: The file.
        grid: Where the map's pixels lie.
        name: Property that names the polygons.

    Returns:
        Region → name, counted from 1 in the order of the file, one region per name and one per
        nameless feature; and the polygons in the coordinates of the map.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is damaged or holds no polygon.
        ConfigError: If the property does not exist.
        GridError: If the map has no coordinate system, or no polygon can meet it.
    """
    if not grid.crs:
        raise GridError(
            "Polygons need maps that say their coordinate system",
            where=path,
            found="maps without one",
            remedy="write it into the maps: `rio edit-info --crs EPSG:4326 MAP`",
        )
    content = read_polygons(path, name)
    near = content.on(grid)
    if not near.shapes:
        raise no_region(path, "no polygon reaches into it")
    known: dict[object, int] = {}
    for owner, said in enumerate(content.names):
        known.setdefault(owner if said is None else said, len(known) + 1)
    names = {label: said for said, label in known.items() if isinstance(said, str)}
    keys = [
        owner if content.names[owner] is None else content.names[owner] for owner in near.owners
    ]
    labels = np.array([known[key] for key in keys], np.int32)
    return names, PolygonRegions(grid, labels, near.shapes)
