"""Polygons as regions of a map's pixels, burnt block by block."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError, SourceError
from ai4land.evaluation.raster_files import RasterGrid, no_region, same_system
from ai4land.evaluation.regions.polygon_files import Feature, read_polygons

__all__ = ["PolygonRegions", "place_polygons"]

log = logging.getLogger(__name__)

FloatArray = npt.NDArray[np.float64]
Rings = tuple[FloatArray, ...]

_NOWHERE = -1
_CORNERS = 3  # of a ring, at least


@dataclass(frozen=True, eq=False)
class PolygonRegions:
    """The polygons that can meet a map.

    Attributes:
        grid: Where the map's pixels lie.
        labels_of: Region of each polygon.
        polygons: Rings of each, x and y in the coordinates of the map, the outer one first.
        boxes: Least x, least y, largest x and largest y of each, ``(n, 4)``.
    """

    grid: RasterGrid
    labels_of: npt.NDArray[np.int32]
    polygons: tuple[Rings, ...]
    boxes: FloatArray

    def labels(self, rows: slice, cols: slice) -> npt.NDArray[np.int32]:
        """Regions of a block, negative in none; the first of several polygons wins."""
        from rasterio.features import rasterize  # heavy, and only files need it
        from rasterio.transform import Affine

        shape = rows.stop - rows.start, cols.stop - cols.start
        near = np.flatnonzero(_meet(self.boxes, self.grid.bounds(rows, cols)))
        if not near.size:
            return np.full(shape, _NOWHERE, np.int32)
        shapes = [
            (_shape(self.polygons[n]), int(self.labels_of[n]))
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
        Region → name, and the polygons in the coordinates of the map.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is damaged or holds no polygon.
        ConfigError: If the property does not exist, or a library is missing.
        GridError: If the map has no coordinate system, or no polygon can meet it.
    """
    if not grid.crs:
        raise GridError(
            "Polygons need maps that say their coordinate system",
            where=path,
            found="maps without one",
            remedy="give them theirs, for example with `gdal_edit.py -a_srs EPSG:4326 MAP`",
        )
    content = read_polygons(path, name)
    labels, names = _numbered(content.features)
    found: list[tuple[int, Rings]] = []
    shapes = _in_system(content.features, content.crs, grid, path)
    for number, (label, shape) in enumerate(zip(labels, shapes, strict=True), start=1):
        for rings in _polygons(shape, f"{path}, feature {number}"):
            found += [(label, turned) for turned in _turns(rings, grid)]
    boxes = np.array([_box(rings) for _, rings in found]).reshape(-1, 4)
    whole = grid.bounds(slice(0, grid.shape[0]), slice(0, grid.shape[1]))
    kept = np.flatnonzero(_meet(boxes, whole))
    if not kept.size:
        raise no_region(path, "no polygon reaches into it")
    return names, PolygonRegions(
        grid,
        np.array([found[n][0] for n in kept], np.int32),
        tuple(found[n][1] for n in kept),
        boxes[kept],
    )


def _numbered(features: Sequence[Feature]) -> tuple[list[int], dict[int, str]]:
    """Regions counted from 1 in the order of the file: one per name, and one per nameless one."""
    labels: list[int] = []
    known: dict[str, int] = {}
    count = 0
    for feature in features:
        if feature.name is not None and feature.name in known:
            labels.append(known[feature.name])
            continue
        count += 1
        labels.append(count)
        if feature.name is not None:
            known[feature.name] = count
    return labels, {label: name for name, label in known.items()}


def _in_system(
    features: Sequence[Feature], crs: str, grid: RasterGrid, path: Path
) -> Iterator[Mapping[str, Any] | None]:
    """The geometries in the coordinate system of the map, cut where they cross the date line."""
    from rasterio.errors import CRSError, RasterioError
    from rasterio.warp import transform_geom

    try:
        same = same_system(crs, grid.crs)
    except CRSError as error:
        raise SourceError(
            "The regions lie in an unknown coordinate system", where=path, found=crs
        ) from error
    for number, feature in enumerate(features, start=1):
        if feature.geometry is None:
            log.warning("%s, feature %d has no area and is left out", path, number)
            yield None
        elif same:
            yield feature.geometry
        else:
            try:
                yield transform_geom(crs, grid.crs, feature.geometry)
            except (RasterioError, ValueError, TypeError, KeyError) as error:
                raise _unreadable(f"{path}, feature {number}", error) from error


def _polygons(shape: Mapping[str, Any] | None, where: str) -> Iterator[Rings]:
    """The polygons of a geometry."""
    if shape is None:
        return
    if shape["type"] == "GeometryCollection":
        for part in shape["geometries"]:
            yield from _polygons(part, where)
        return
    try:
        several = {"Polygon": [shape["coordinates"]], "MultiPolygon": shape["coordinates"]}
        for rings in several.get(shape["type"], []):
            if len(rings):
                yield tuple(_ring(ring) for ring in rings)
    except (ValueError, TypeError, IndexError) as error:
        raise _unreadable(where, error) from error


def _ring(positions: Sequence[Sequence[float]]) -> FloatArray:
    """Corners of a closed ring, ``(n, 2)``; heights are left out."""
    ring = np.array([position[:2] for position in positions], np.float64)
    if ring.ndim != 2 or ring.shape[1] != 2 or not np.isfinite(ring).all():
        raise ValueError("a corner that is no pair of numbers")
    if not np.array_equal(ring[0], ring[-1]):
        ring = np.concatenate([ring, ring[:1]])
    if len(ring) <= _CORNERS:
        raise ValueError("a ring with less than three corners")
    return ring


def _unreadable(where: str, error: Exception) -> SourceError:
    return SourceError(
        "A polygon cannot be read",
        where=where,
        expected="rings of at least three corners, each a pair of numbers",
        found=error,
        remedy="repair it: ogr2ogr -makevalid regions.geojson FILE",
    )


def _turns(rings: Rings, grid: RasterGrid) -> Iterator[Rings]:
    """A polygon in all turns of the globe in which it might meet a map of longitudes."""
    for degrees in (0.0, -360.0, 360.0) if grid.geographic else (0.0,):
        yield tuple(ring + np.array([degrees, 0.0]) for ring in rings)


def _box(rings: Rings) -> tuple[float, ...]:
    return (*rings[0].min(axis=0).tolist(), *rings[0].max(axis=0).tolist())


def _meet(boxes: FloatArray, box: tuple[float, ...]) -> npt.NDArray[np.bool_]:
    """Which of many boxes overlap one."""
    west, south, east, north = box
    apart = (boxes[:, 0] > east) | (boxes[:, 2] < west)
    apart |= (boxes[:, 1] > north) | (boxes[:, 3] < south)
    return ~apart


def _shape(rings: Rings) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [ring.tolist() for ring in rings]}
