"""A static STAC 1.1 catalogue: a collection for each scenario, an item for each year.

Links and addresses are relative, so that the folder can be moved or put behind any server.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ai4land.grid import WGS84, Grid
from ai4land.product.attributes import box
from ai4land.product.folder import Planned, Written
from ai4land.product.maps import Maps
from ai4land.product.metadata import NOT_STATED, Party
from ai4land.product.release import Release
from ai4land.vocabulary import NO_DATA

__all__ = ["CATALOGUE", "catalogue"]

CATALOGUE = "catalog.json"
"""Where a reader begins."""

_EXTENSIONS = "https://stac-extensions.github.io/{}/schema.json"
_OF_ITEMS = ("classification/v1.1.0", "file/v2.1.0", "projection/v2.0.0", "raster/v2.0.0")
_OF_COLLECTIONS = ("classification/v1.1.0", "datacube/v2.3.0", "file/v2.1.0")
_KINDS = {
    "netcdf": ("application/netcdf", "NetCDF-4, CF-1.11"),
    "cog": ("image/tiff; application=geotiff; profile=cloud-optimized", "Cloud-Optimized GeoTIFF"),
    "classes": ("image/tiff; application=geotiff; profile=cloud-optimized", "Presence of a class"),
    "fractions": ("application/netcdf", "Area fractions of all years, NetCDF-4, CF-1.11"),
}

Json = dict[str, Any]


def catalogue(release: Release) -> Iterator[Planned]:
    """The catalogue of all that is written; to be planned when it is."""
    for maps in release.scenarios.values():
        names = []
        for year in maps.years:
            name = release.file(maps, "stac", year, ".json")
            names.append(name)
            yield _planned(release, maps, name, _item(release, maps, year, name))
        name = f"{maps.scenario}/collection.json"
        yield _planned(release, maps, name, _collection(release, maps, name, names))
    yield _planned(release, None, CATALOGUE, _root(release))


def _planned(release: Release, maps: Maps | None, name: str, said: Json) -> Planned:
    text = json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return Planned(name, release.made_from(maps, text), partial(_write, text))


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _root(release: Release) -> Json:
    children = [
        {"rel": "child", "href": f"./{name}/collection.json", "type": "application/json"}
        for name in release.scenarios
    ]
    return {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": release.metadata.name,
        "title": release.title,
        "description": release.metadata.titled(release.summary),
        "links": [{"rel": "root", "href": f"./{CATALOGUE}", "type": "application/json"}, *children],
    }


def _collection(release: Release, maps: Maps, name: str, items: Sequence[str]) -> Json:
    grid, said = maps.grid, release.metadata
    interval = [_start(maps.years[0]), _end(maps.years[-1])]
    whole = [w for w in _files(release, maps) if "/fractions/" in w.name]
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": [_EXTENSIONS.format(e) for e in _OF_COLLECTIONS],
        "id": f"{said.name}-{maps.variable}-{maps.scenario}",
        "title": f"{release.title}, {maps.scenario}",
        "description": said.titled(release.summary),
        "keywords": list(said.keywords),
        "license": said.spdx if said.spdx else "other",
        "providers": _providers(said.creator, said.published_by),
        "extent": {
            "spatial": {"bbox": [_place(grid)[0]]},
            "temporal": {"interval": [interval]},
        },
        "cube:dimensions": _dimensions(release, maps, interval),
        "cube:variables": {
            maps.variable: {
                "dimensions": ["scenario", "time", "lat", "lon"],
                "variable_type": "data",
                "description": maps.legend.title,
                "unit": "1",
                "nodata": NO_DATA,
                "data_type": "uint8",
            }
        },
        "item_assets": {
            key: {"type": _KINDS[key][0], "title": _KINDS[key][1], "roles": ["data"]} | _band(maps)
            for key in ("netcdf", "cog")
        },
        "assets": {
            **{_key(release, maps, w): _asset(w, name, "fractions") for w in whole},
            "zarr": _store(release, maps, name),
        },
        "links": [
            *_links(name, {"root": CATALOGUE, "parent": CATALOGUE}),
            *(link for item in items for link in _links(name, {"item": item})),
        ],
    }


def _item(release: Release, maps: Maps, year: int, name: str) -> Json:
    grid = maps.grid
    box_, shape = _place(grid)
    assets: Json = {}
    for kind in ("netcdf", "cog"):
        ending = {"netcdf": ".nc", "cog": ".tif"}[kind]
        written = release.written.get(release.file(maps, kind, year, ending))
        if written is not None:
            assets[kind] = _asset(written, name, kind) | _band(maps)
    for one in maps.classes:
        file = release.file(maps, f"classes/{one.name}", f"{one.name}_{year}", ".tif")
        if file in release.written:
            assets[one.name] = _asset(release.written[file], name, "classes")
            assets[one.name]["title"] = f"Presence of {one.name}"
    assets["zarr"] = _store(release, maps, name) | _band(maps)
    parents = {"root": CATALOGUE, "parent": "", "collection": ""}
    home = f"{maps.scenario}/collection.json"
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [_EXTENSIONS.format(e) for e in _OF_ITEMS],
        "id": f"{release.metadata.name}-{maps.variable}-{maps.scenario}-{year}",
        "geometry": shape,
        "bbox": box_,
        "properties": {
            "title": f"{release.title}, {maps.scenario}, {year}",
            "datetime": None,
            "start_datetime": _start(year),
            "end_datetime": _end(year),
            "created": release.date(maps),
            "ai4land:status": maps.status(year).name.lower(),
            "proj:code": "EPSG:4326",
            "proj:shape": list(grid.shape),
            "proj:transform": list(grid.transform),
            "proj:bbox": list(box(grid)),
        },
        "collection": f"{release.metadata.name}-{maps.variable}-{maps.scenario}",
        "links": _links(name, {rel: to or home for rel, to in parents.items()}),
        "assets": assets,
    }


def _dimensions(release: Release, maps: Maps, interval: Sequence[str]) -> Json:
    west, south, east, north = box(maps.grid)
    axes = {"lon": ("x", [west, east], maps.grid.dx), "lat": ("y", [south, north], maps.grid.dy)}
    return {
        **{
            name: {
                "type": "spatial",
                "axis": axis,
                "extent": extent,
                "step": float(step),
                "reference_system": 4326,
            }
            for name, (axis, extent, step) in axes.items()
        },
        "time": {
            "type": "temporal",
            "extent": list(interval),
            "values": [_start(year) for year in maps.years],
            "step": "P1Y",
        },
        "scenario": {"type": "scenario", "values": list(release.scenarios)},
    }


def _band(maps: Maps) -> Json:
    """What a class map is, as fields of an asset."""
    classes: list[Json] = [
        {
            "value": one.code,
            "name": one.name,
            "title": one.name.replace("_", " "),
            "color_hint": one.colour[1:].upper(),
        }
        for one in maps.classes
    ]
    classes.append({"value": NO_DATA, "name": "missing", "nodata": True})
    return {
        "bands": [{"name": maps.variable, "description": maps.legend.title}],
        "data_type": "uint8",
        "nodata": NO_DATA,
        "unit": "1",
        "raster:sampling": "area",
        "raster:spatial_resolution": round(_metres(maps.grid), 3),
        "classification:classes": classes,
    }


def _metres(grid: Grid) -> float:
    """Width of a pixel on the equator."""
    return float(grid.dx) / 360 * 2 * 3.141592653589793 * WGS84.semi_major


def _asset(written: Written, home: str, kind: str) -> Json:
    media, title = _KINDS[kind]
    return {
        "href": _relative(written.name, home),
        "type": media,
        "title": title,
        "roles": ["data"],
        "file:size": written.bytes,
        "file:checksum": f"1220{written.sha256}",  # a multihash of SHA-256
    }


def _key(release: Release, maps: Maps, written: Written) -> str:
    """What is in a file of all years: ``fractions_1990-2000``."""
    return Path(written.name).stem.removeprefix(release.stem(maps, ""))


def _store(release: Release, maps: Maps, home: str) -> Json:
    """The run itself, which stays where it is."""
    here = (release.folder / home).parent.resolve()
    return {
        "href": Path(os.path.relpath(maps.cube.path.resolve(), here)).as_posix(),
        "type": "application/vnd.zarr; version=3",
        "title": "The run, Zarr v3: all years, and what else the run kept",
        "roles": ["data", "source"],
    }


def _files(release: Release, maps: Maps) -> list[Written]:
    held = release.written.values()
    return [one for one in held if one.name.startswith(f"{maps.scenario}/")]


def _links(home: str, targets: Mapping[str, str]) -> list[Json]:
    media = {"item": "application/geo+json"}
    return [
        {"rel": rel, "href": _relative(to, home), "type": media.get(rel, "application/json")}
        for rel, to in targets.items()
    ]


def _relative(name: str, home: str) -> str:
    found = Path(os.path.relpath(name, Path(home).parent)).as_posix()
    return found if found.startswith(".") else f"./{found}"


def _providers(creator: Party, publisher: Party) -> list[Json]:
    roles = {creator: ["producer", "licensor"]}
    roles.setdefault(publisher, []).append("host")
    return [
        {"name": party.name, "roles": said, **({"url": party.url} if "://" in party.url else {})}
        for party, said in roles.items()
        if party.name != NOT_STATED
    ]


def _place(grid: Grid) -> tuple[list[float], Json]:
    """Bounding box and geometry (RFC 7946: nothing crosses the date line)."""
    west, south, east, north = box(grid)
    if grid.is_global:
        west, east = -180.0, 180.0
    turn = 360 * ((west + 180) // 360)
    west, east = west - turn, east - turn
    if east <= 180:
        return [west, south, east, north], {
            "type": "Polygon",
            "coordinates": [_ring(west, south, east, north)],
        }
    return [west, south, east - 360, north], {
        "type": "MultiPolygon",
        "coordinates": [
            [_ring(west, south, 180.0, north)],
            [_ring(-180.0, south, east - 360, north)],
        ],
    }


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _start(year: int) -> str:
    return f"{year:04d}-01-01T00:00:00Z"


def _end(year: int) -> str:
    return f"{year:04d}-12-31T23:59:59Z"
