"""Polygons with names, from GeoJSON, GeoPackage and shapefile."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.vocabulary import nearest_name

__all__ = ["Feature", "PolygonFile", "holds_polygons", "read_polygons"]

Geometry = Mapping[str, Any]

_GEOJSON = {".geojson", ".json"}
_OTHERS = {".gpkg", ".shp", ".fgb", ".gml", ".kml"}
_NAMES = (
    *("name", "NAME", "Name", "ADMIN", "admin", "NAME_EN", "name_en", "NAME_LONG"),
    *("iso_a3", "ISO_A3", "iso", "ISO", "ECO_NAME", "NAME_0"),
)
_KINDS = (
    *("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"),
    "GeometryCollection",
)  # in the order of their numbers in well-known binary
_AREAS = {"Polygon", "MultiPolygon", "GeometryCollection"}


@dataclass(frozen=True)
class Feature:
    """One feature of a file.

    Attributes:
        name: What the chosen property says; ``None`` if it says nothing.
        geometry: As in GeoJSON; ``None`` where there is none, or none with an area.
    """

    name: str | None
    geometry: Geometry | None


@dataclass(frozen=True)
class PolygonFile:
    """What a file of polygons holds.

    Attributes:
        crs: Coordinate system as rasterio reads it.
        features: In the order of the file.
    """

    crs: str
    features: tuple[Feature, ...]


def holds_polygons(path: Path) -> bool:
    """Whether a file holds polygons, by its name; other files are rasters."""
    return path.suffix.lower() in _GEOJSON | _OTHERS


def read_polygons(path: Path, name: str | None = None) -> PolygonFile:
    """Read the features of a file.

    Args:
        path: GeoJSON, or with the extra ``polygons`` GeoPackage, shapefile, FlatGeobuf, GML, KML.
        name: Property that names the features; default the first of the usual ones that exists.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is damaged or holds no polygon.
        ConfigError: If the property does not exist, the file has several layers of polygons, or
            the library to read it is not installed.
    """
    if not path.is_file():
        raise MissingFileError("There is no such file of regions", where=path)
    read = _read_geojson if path.suffix.lower() in _GEOJSON else _read_vectors
    crs, names, rows = read(path, name)
    features = tuple(Feature(_text(said), geometry) for said, geometry in rows)
    if not any(feature.geometry is not None for feature in features):
        raise SourceError(
            "The file holds no polygon",
            where=path,
            found=f"{len(features)} features, none with an area",
            remedy="regions are areas: points and lines cannot hold pixels",
        )
    if name is not None and name not in names:
        close = nearest_name(name, names)
        raise ConfigError(
            "The regions have no such property",
            where=path,
            expected=f"one of {', '.join(names) or 'none'}",
            found=name,
            remedy=f"did you mean {close!r}?" if close else "leave --region-name out",
        )
    return PolygonFile(crs, features)


def _chosen(name: str | None, names: Sequence[str]) -> str | None:
    """The property that names the features."""
    return name or next((usual for usual in _NAMES if usual in names), None)


def _text(value: object) -> str | None:
    """A name as text; ``None`` for nothing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


Rows = list[tuple[object, Geometry | None]]


def _read_geojson(path: Path, name: str | None) -> tuple[str, list[str], Rows]:
    """Coordinate system, properties, and each feature's name and areas."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        kind = content["type"]
        if kind == "FeatureCollection":
            features = content["features"]
        elif kind == "Feature":
            features = [content]
        elif kind in _AREAS:
            features = [{"geometry": content}]
        else:
            raise ValueError(f"type {kind!r}")
        properties = [feature.get("properties") or {} for feature in features]
        shapes = [feature["geometry"] for feature in features]
        crs = _geojson_crs(content)
        areas = [_with_area(shape) for shape in shapes]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            "This is no GeoJSON",
            where=path,
            expected="a FeatureCollection, a Feature, a Polygon or a MultiPolygon, in UTF-8",
            found=f"no {error}" if isinstance(error, KeyError) else error,
        ) from error
    names = list(dict.fromkeys(key for row in properties for key in row))
    key = _chosen(name, names)
    said = [None if key is None else row.get(key) for row in properties]
    return crs, names, list(zip(said, areas, strict=True))


def _geojson_crs(content: Mapping[str, Any]) -> str:
    """Longitude and latitude, unless the file is of the old form that names another system."""
    named = content.get("crs")
    return "OGC:CRS84" if named is None else str(named["properties"]["name"])


def _with_area(shape: Geometry | None) -> Geometry | None:
    """A geometry of GeoJSON, if something of it has an area."""
    if shape is None:
        return None
    if shape["type"] == "GeometryCollection":
        inner = [part for part in map(_with_area, shape["geometries"]) if part is not None]
        return {"type": "GeometryCollection", "geometries": inner} if inner else None
    has_area = shape["type"] in _AREAS and len(shape["coordinates"]) > 0
    return shape if has_area else None


def _read_vectors(path: Path, name: str | None) -> tuple[str, list[str], Rows]:
    """Likewise, by the library that reads everything else."""
    try:
        import pyogrio  # an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            "This file of regions needs a library that is not installed",
            where=path,
            found=f"no module {error.name!r}",
            remedy="pip install 'ai4land[polygons]', or convert it: "
            f"ogr2ogr {path.stem}.geojson {path.name}",
        ) from error
    try:
        layer = _layer(pyogrio.list_layers(path).tolist(), path)
        names = [str(field) for field in pyogrio.read_info(path, layer=layer)["fields"]]
        key = _chosen(name, names)
        columns = [key] if key in names else []
        meta, _, shapes, fields = pyogrio.raw.read(
            path, layer=layer, columns=columns, force_2d=True
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise SourceError("The regions cannot be read", where=path, found=error) from error
    if meta["crs"] is None:
        raise SourceError(
            "The regions say no coordinate system",
            where=path,
            remedy="a shapefile has it in the .prj beside it; or convert with `ogr2ogr -a_srs`",
        )
    said = fields[0].tolist() if columns else [None] * len(shapes)
    areas = [None if one is None else _with_area(_Binary(one, path).geometry()) for one in shapes]
    return str(meta["crs"]), names, list(zip(said, areas, strict=True))


def _layer(layers: Sequence[tuple[str, str | None]], path: Path) -> str:
    """The one layer that holds areas, or else the first."""
    kinds = ("Polygon", "GeometryCollection", "Unknown", "Surface")
    areas = [name for name, kind in layers if kind and any(word in kind for word in kinds)]
    if len(areas) > 1:
        raise ConfigError(
            "The file has several layers of polygons",
            where=path,
            expected="one",
            found=", ".join(areas),
            remedy=f"take one out: ogr2ogr regions.geojson {path.name} {areas[0]}",
        )
    if not layers:
        raise SourceError("The file holds no polygon", where=path, found="no layer")
    return areas[0] if areas else str(layers[0][0])


class _Binary:
    """Reads geometries in well-known binary (OGC 06-103r4, two dimensions) as in GeoJSON."""

    def __init__(self, data: bytes, where: Path) -> None:
        self._data = data
        self._where = where
        self._place = 0

    def geometry(self) -> Geometry:
        """The geometry that begins here; points and lines without their coordinates."""
        order = "<" if self._data[self._place] == 1 else ">"
        self._place += 1
        number = self._count(order)
        if not 1 <= number <= len(_KINDS):
            raise SourceError(
                "The regions hold a geometry of an unknown kind",
                where=self._where,
                expected=", ".join(_KINDS),
                found=f"type {number} of well-known binary",
                remedy="make segments of curves: ogr2ogr -nlt CONVERT_TO_LINEAR regions.gpkg FILE",
            )
        kind = _KINDS[number - 1]
        if kind == "Point":
            self._place += 16
            return {"type": kind}
        count = self._count(order)
        if kind == "LineString":
            self._place += 16 * count
            return {"type": kind}
        if kind == "Polygon":
            return {"type": kind, "coordinates": [self._ring(order) for _ in range(count)]}
        inner = [self.geometry() for _ in range(count)]
        if kind == "MultiPolygon":
            return {"type": kind, "coordinates": [part["coordinates"] for part in inner]}
        return {"type": kind, "geometries": inner}

    def _count(self, order: str) -> int:
        value = struct.unpack_from(f"{order}I", self._data, self._place)[0]
        self._place += 4
        return int(value)

    def _ring(self, order: str) -> list[list[float]]:
        count = self._count(order)
        ring = np.frombuffer(self._data, f"{order}f8", 2 * count, self._place)
        self._place += 16 * count
        return ring.reshape(count, 2).tolist()
