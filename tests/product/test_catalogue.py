"""The STAC catalogue: what it says of the files is so, and every link leads somewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from product_runs import METADATA, NOTICE, YEARS, files_of, rough_map, write_run

from ai4land.cube import Cube
from ai4land.grid import Grid
from ai4land.product import Metadata, write_product
from tiny_cubes import FINE, LANDUSE8

Json = dict[str, Any]


def read(path: Path) -> Json:
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def items(product: Path) -> list[tuple[Path, Json]]:
    return [(path, read(path)) for path in files_of(product / "past" / "stac", ".json")]


def test_every_link_leads_to_what_it_says(product: Path) -> None:
    seen, left = set(), [product / "catalog.json"]
    while left:
        path = left.pop().resolve()
        if path in seen:
            continue
        seen.add(path)
        said = read(path)
        for link in said["links"]:
            assert link["href"].startswith("."), "relative: the folder may be moved"
            left.append(path.parent / link["href"])
        for asset in said.get("assets", {}).values():
            assert (path.parent / asset["href"]).exists()
    kinds = sorted(read(path)["type"] for path in seen)
    assert kinds == ["Catalog", "Collection", *["Feature"] * len(YEARS)]


def test_an_item_a_year(items: list[tuple[Path, Json]], product: Path, run: Cube) -> None:
    for (path, item), year in zip(items, YEARS, strict=True):
        said = item["properties"]
        assert said["datetime"] is None
        assert said["start_datetime"] == f"{year}-01-01T00:00:00Z"
        assert said["end_datetime"] == f"{year}-12-31T23:59:59Z"
        assert said["proj:code"] == "EPSG:4326"
        assert said["proj:shape"] == list(FINE.shape)
        assert said["proj:transform"] == list(FINE.transform)
        west, south, _, north = item["bbox"]
        assert (west, north) == (10.0, 50.0)
        assert [west, south] in item["geometry"]["coordinates"][0]
        assert {"netcdf", "cog", "zarr", *LANDUSE8.names} == set(item["assets"])
        tif = path.parent / item["assets"]["cog"]["href"]
        assert item["assets"]["cog"]["file:size"] == tif.stat().st_size
        digest = hashlib.sha256(tif.read_bytes()).hexdigest()
        assert item["assets"]["cog"]["file:checksum"] == f"1220{digest}"
        assert (path.parent / item["assets"]["zarr"]["href"]).resolve() == run.path.resolve()
        assert NOTICE in said["title"]


def test_classes_are_those_of_the_legend(items: list[tuple[Path, Json]]) -> None:
    for _, item in items:
        *classes, missing = item["assets"]["cog"]["classification:classes"]
        assert [(c["value"], c["name"]) for c in classes] == list(
            zip(LANDUSE8.codes, LANDUSE8.names, strict=True)
        )
        assert classes[1]["color_hint"] == LANDUSE8.colours[1][1:].upper()
        assert missing == {"value": 255, "name": "missing", "nodata": True}


def test_the_collection_is_a_data_cube(product: Path) -> None:
    said = read(product / "past" / "collection.json")
    axes = said["cube:dimensions"]
    assert axes["lon"]["extent"] == [float(FINE.west), float(FINE.east)]
    assert axes["time"]["step"] == "P1Y"
    assert axes["scenario"]["values"] == ["past"]
    assert said["cube:variables"]["land_use"]["dimensions"] == ["scenario", "time", "lat", "lon"]
    assert said["extent"]["temporal"]["interval"] == [
        [f"{YEARS[0]}-01-01T00:00:00Z", f"{YEARS[-1]}-12-31T23:59:59Z"]
    ]
    assert (said["license"], said["title"][: len(NOTICE)]) == ("CC-BY-4.0", NOTICE)


def test_scenarios_are_collections(tmp_path: Path, run: Cube) -> None:
    runs = {"history": run, "ssp126": run}
    write_product(runs, tmp_path / "out", formats=["stac"], years=(2011, 2011))
    root = read(tmp_path / "out" / "catalog.json")
    children = [link["href"] for link in root["links"] if link["rel"] == "child"]
    assert children == ["./history/collection.json", "./ssp126/collection.json"]
    said = read(tmp_path / "out" / "ssp126" / "collection.json")
    assert said["cube:dimensions"]["scenario"]["values"] == ["history", "ssp126"]
    assert said["license"] == "other", "no licence was stated"
    assert sum(link["rel"] == "item" for link in said["links"]) == 1


@pytest.mark.parametrize(
    ("west", "width", "bbox", "parts"),
    [
        (-180, 36, [-180, -5, 180, 5], 1),
        (0, 36, [-180, -5, 180, 5], 1),
        (175, 2, [175, -5, -165, 5], 2),
        (190, 2, [-170, -5, -150, 5], 1),
    ],
)
def test_no_geometry_crosses_the_date_line(
    tmp_path: Path, west: int, width: int, bbox: list[float], parts: int
) -> None:
    grid = Grid.regular(west, 5, 10, 10, (1, width))
    cube = write_run(tmp_path / "a.zarr", {2000: rough_map(grid.shape) % 8}, grid, None)
    said = Metadata(name="a")
    write_product({"a": cube}, tmp_path / "out", formats=["stac"], metadata=said)
    item = read(tmp_path / "out" / "a" / "stac" / "a_land_use_a_2000.json")
    assert item["bbox"] == bbox
    rings = item["geometry"]["coordinates"]
    assert len(rings) == parts
    assert item["geometry"]["type"] == ("Polygon" if parts == 1 else "MultiPolygon")
    assert METADATA.name not in item["id"]
