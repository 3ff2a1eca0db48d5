"""Regions of anybody, on the pixels of any map."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
from numpy.typing import NDArray
from rasterio.warp import transform_geom

from ai4land.errors import AI4LandError, ConfigError, GridError, MissingFileError, SourceError
from ai4land.evaluation import score_raster_files
from ai4land.evaluation.raster_files import no_region
from ai4land.evaluation.regions import rasters as region_rasters
from ai4land.evaluation.regions.files import open_regions
from ai4land.evaluation.regions.partition import Regions
from ai4land.formats import RasterGrid
from ai4land.grid import Grid
from ai4land.report import raster_tables
from ai4land.testing.formats.geotiff import write_geotiff

GRID = Grid.regular(0, 10, 1, 1, (10, 20))
WEST, EAST = (0.0, 0.0, 6.0, 10.0), (6.0, 2.0, 20.0, 10.0)
Box = tuple[float, float, float, float]


def ring(box: Box) -> list[list[float]]:
    west, south, east, north = box
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(*boxes: Box) -> dict[str, Any]:
    """The first box, with the others as holes."""
    return {"type": "Polygon", "coordinates": [ring(box) for box in boxes]}


def feature(geometry: Mapping[str, Any] | None, **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def write(path: Path, *features: Mapping[str, Any], **more: object) -> Path:
    content = {"type": "FeatureCollection", "features": features, **more}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def inside(grid: Grid, box: Box) -> NDArray[np.bool_]:
    """Pixels whose centre lies in a box."""
    west, south, east, north = box
    x, y = grid.longitudes(), grid.latitudes()[:, np.newaxis]
    return np.asarray((x > west) & (x < east) & (y > south) & (y < north))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return write(
        tmp_path / "two.geojson",
        feature(polygon(WEST), NAME="West", code=7, iso="WW"),
        feature(polygon(EAST, (10.0, 4.0, 12.0, 6.0)), NAME="East", code=9, iso="EE"),
    )


def regions_on(path: Path, grid: Grid, name: str | None = None) -> Regions:
    """The regions of a file on all pixels of a grid, in bands of rows as a reader would ask."""
    regions = open_regions(path, RasterGrid.of(grid), name)
    bands = [slice(row, min(row + 256, grid.height)) for row in range(0, grid.height, 256)]
    labels = np.concatenate([regions.labels(rows, slice(0, grid.width)) for rows in bands])
    numbers = np.unique(labels[labels >= 0]).tolist()
    if not numbers:
        raise no_region(path, "no pixel's centre lies in one")
    return Regions(path.name, labels, {number: regions.name(number) for number in numbers})


def test_polygons_hold_the_pixels_whose_centre_they_hold(two: Path) -> None:
    found = regions_on(two, GRID)
    expected = np.full(GRID.shape, -1)
    expected[inside(GRID, WEST)] = 1
    expected[inside(GRID, EAST) & ~inside(GRID, (10.0, 4.0, 12.0, 6.0))] = 2
    np.testing.assert_array_equal(found.labels, expected)
    assert found.labels.dtype == np.int32
    assert found.names == {1: "West", 2: "East"}
    assert found.title == "two.geojson"


def test_any_block_is_a_part_of_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    corners = rng.random((30, 3, 2)) * (20, 10)
    shapes = [
        {"type": "Polygon", "coordinates": [[*map(list, c), list(c[0])]]} for c in corners.tolist()
    ]
    path = write(tmp_path / "many.geojson", *(feature(shape) for shape in shapes))
    grid = Grid.regular(0, 10, 0.1, 0.1, (100, 200))
    whole = regions_on(path, grid).labels
    regions = open_regions(path, RasterGrid.of(grid))
    assert regions.shape == grid.shape
    assert len(np.unique(whole)) > 15
    for rows, cols in ((slice(0, 17), slice(30, 200)), (slice(63, 100), slice(0, 1))):
        np.testing.assert_array_equal(regions.labels(rows, cols), whole[rows, cols])
        np.testing.assert_array_equal(regions[..., rows, cols], whole[rows, cols])


def test_the_first_of_overlapping_polygons_wins_and_one_name_is_one_region(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.geojson",
        feature(polygon((0.0, 0.0, 5.0, 5.0)), name="a"),
        feature(polygon((0.0, 0.0, 10.0, 10.0)), name="b"),
        feature(polygon((15.0, 0.0, 20.0, 5.0)), name="a"),
        feature(polygon((12.0, 0.0, 13.0, 5.0)), name=None),
    )
    found = regions_on(path, GRID)
    a = inside(GRID, (0.0, 0.0, 5.0, 5.0)) | inside(GRID, (15.0, 0.0, 20.0, 5.0))
    np.testing.assert_array_equal(found.labels == 1, a)
    np.testing.assert_array_equal(found.labels == 2, inside(GRID, (0, 0, 10, 10)) & ~a)
    assert found.names == {1: "a", 2: "b", 3: "region 3"}


def test_names_are_what_is_asked_for(two: Path, tmp_path: Path) -> None:
    assert regions_on(two, GRID, "code").names == {1: "7", 2: "9"}
    with pytest.raises(ConfigError, match=r"(?s)no such property.*NAME, code, iso.*cod\n.*'code'"):
        regions_on(two, GRID, "cod")
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(polygon(WEST)))
    assert regions_on(bare, GRID).names == {1: "region 1"}
    with pytest.raises(ConfigError, match=r"(?s)no such property.*one of none"):
        regions_on(bare, GRID, "name")


def test_what_has_no_area_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    point = {"type": "Point", "coordinates": [1, 1]}
    mixed = {"type": "GeometryCollection", "geometries": [point, polygon(WEST)]}
    path = write(
        tmp_path / "m.geojson",
        feature(point, name="p"),
        feature(None, name="n"),
        feature(mixed, name="w"),
    )
    with caplog.at_level(logging.WARNING):
        assert regions_on(path, GRID).names == {3: "w"}
    assert [record.args[1] for record in caplog.records if record.args] == [1, 2]


def test_rings_that_cross_themselves_are_filled_by_the_even_odd_rule(tmp_path: Path) -> None:
    bow = [[0.0, 0.0], [20.0, 10.0], [20.0, 0.0], [0.0, 10.0], [0.0, 0.0]]
    path = write(
        tmp_path / "b.geojson", feature({"type": "Polygon", "coordinates": [bow]}, name="b")
    )
    labels = regions_on(path, GRID).labels
    assert labels[5, 2] == labels[5, 17] == 1
    assert labels[0, 10] == labels[9, 10] == -1


def test_the_date_line_and_any_turn_of_the_globe(tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.geojson",
        feature(polygon((170.0, -5.0, 190.0, 5.0)), name="over the line"),
        feature(polygon((-60.0, -5.0, -50.0, 5.0)), name="west"),
    )
    for west in (-180, 0, 170, -190):
        grid = Grid.regular(west, 90, 1, 1, (180, 360))
        labels = regions_on(path, grid).labels
        assert (labels == 1).sum() == 200
        assert (labels == 2).sum() == 100
        turned = np.mod(grid.longitudes(), 360)
        assert set(turned[(labels == 1).any(axis=0)]) == set(np.arange(170.5, 190))
        assert set(turned[(labels == 2).any(axis=0)]) == set(np.arange(300.5, 310))


def test_polygons_of_another_system_are_transformed(tmp_path: Path) -> None:
    projected = transform_geom("EPSG:4326", "EPSG:3857", polygon((3.0, 2.0, 8.0, 6.0)))
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    path = write(tmp_path / "p.geojson", feature(projected, name="box"), crs=crs)
    labels = regions_on(path, GRID).labels
    np.testing.assert_array_equal(labels == 1, inside(GRID, (3.0, 2.0, 8.0, 6.0)))
    # and onto maps that are projected themselves
    box = transform_geom("EPSG:4326", "EPSG:3035", polygon((8.0, 48.0, 12.0, 51.0)))
    corners = np.array(box["coordinates"][0])
    west, north = corners[:, 0].min(), corners[:, 1].max()
    grid = RasterGrid((5000.0, 0, west, 0, -5000.0, north), "EPSG:3035", False, (90, 90))
    path = write(tmp_path / "q.geojson", feature(polygon((8.0, 48.0, 12.0, 51.0)), name="box"))
    area = (open_regions(path, grid).labels(slice(0, 90), slice(0, 90)) == 1).sum() * 25.0
    assert area == pytest.approx(97_000, rel=0.03)  # km²
    unknown = {"type": "name", "properties": {"name": "EPSG:99999999"}}
    path = write(tmp_path / "u.geojson", feature(projected), crs=unknown)
    with pytest.raises(SourceError, match=r"(?s)unknown coordinate system.*99999999"):
        regions_on(path, GRID)


def test_polygons_around_a_pole(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "EPSG:3413"}}
    cap = polygon((-2e6, -2e6, 2e6, 2e6))
    path = write(tmp_path / "pole.geojson", feature(cap, name="Arctic"), crs=crs)
    labels = regions_on(path, Grid.regular(-180, 90, 1, 1, (180, 360))).labels
    assert (labels[:5] == 1).all()
    assert (labels[40:] == -1).all()


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("{", SourceError, "cannot be read"),
        ('{"type": "Topology"}', SourceError, "cannot be read"),
        ('{"features": []}', SourceError, "cannot be read"),
        ('{"type": "FeatureCollection", "features": []}', SourceError, r"no polygon.*0 features"),
        ('{"type": "FeatureCollection", "features": [3]}', SourceError, "no polygon"),
        (
            json.dumps(feature({"type": "Point", "coordinates": [1, 2]})),
            SourceError,
            r"no GeoJSON|no polygon.*1 features, none with an area",
        ),
        (
            json.dumps(feature({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]})),
            SourceError,
            r"polygon cannot be read.*feature 1.*least three corners.*makevalid",
        ),
        (
            json.dumps(feature({"type": "Polygon", "coordinates": [[["a", 0]] * 4]})),
            SourceError,
            "no polygon.*1 features, none with an area",
        ),
        (
            json.dumps(feature({"type": "Polygon", "coordinates": [5]})),
            SourceError,
            "no polygon.*1 features, none with an area",
        ),
        (
            '{"type": "Polygon", "coordinates": [[[0,0],[1,0],[NaN,1],[0,0]]]}',
            SourceError,
            "no pair of numbers",
        ),
        (json.dumps(polygon((50.0, 50.0, 60.0, 60.0))), GridError, "No region of the file meets"),
        (json.dumps(polygon((0.1, 0.1, 0.2, 0.2))), GridError, "no pixel's centre"),
    ],
)
def test_files_of_polygons_that_cannot_be(
    tmp_path: Path, text: str, error: type[AI4LandError], said: str
) -> None:
    path = tmp_path / "bad.geojson"
    path.write_text(text)
    with pytest.raises(error, match=f"(?s){said}") as caught:
        regions_on(path, GRID)
    assert "bad.geojson" in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for name in ("gone.geojson", "gone.tif", "gone.shp"):
        with pytest.raises(MissingFileError, match=name):
            regions_on(tmp_path / name, GRID)


def test_polygons_need_maps_with_a_system(two: Path) -> None:
    grid = RasterGrid((1.0, 0.0, 0.0, 0.0, -1.0, 10.0), "", False, (10, 20))
    with pytest.raises(GridError, match=r"(?s)say their coordinate system.*rio edit-info"):
        open_regions(two, grid)


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "fgb"])
def test_other_formats_give_the_same(two: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"two.{suffix}"
    convert(two, path)
    expected, found = regions_on(two, GRID), regions_on(path, GRID)
    names = {number: expected.names[number] for number in (1, 2)}
    for number, name in names.items():
        (same,) = (n for n, other in found.names.items() if other == name)
        np.testing.assert_array_equal(found.labels == same, expected.labels == number)


def convert(source: Path, path: Path, **options: object) -> None:
    meta, _, shapes, fields = pyogrio.raw.read(source)
    meta = {"crs": meta["crs"], "geometry_type": meta["geometry_type"], **options}
    pyogrio.raw.write(path, shapes, fields, ["NAME", "code", "iso"], **meta)


def test_geometries_in_binary(tmp_path: Path) -> None:
    several = {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "LineString", "coordinates": [[0, 0], [1, 1], [2, 2]]},
            {"type": "MultiPoint", "coordinates": [[0, 0], [1, 1]]},
            {"type": "MultiPolygon", "coordinates": [[ring(WEST)], [ring((9.0, 2.0, 12.0, 8.0))]]},
        ],
    }
    line = {"type": "LineString", "coordinates": [[0, 0, 5], [1, 1, 5]]}
    source = write(
        tmp_path / "s.geojson",
        feature(several, NAME="s", code=1, iso="s"),
        feature(line, NAME="l", code=2, iso="l"),
    )
    path = tmp_path / "s.gpkg"
    convert(source, path)
    np.testing.assert_array_equal(regions_on(path, GRID).labels, regions_on(source, GRID).labels)


def test_files_of_other_formats_that_cannot_be(two: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    convert(two, path, layer="one")
    convert(two, path, layer="other", append=True)
    with pytest.raises(ConfigError, match=r"(?s)several layers.*one, other.*ogr2ogr"):
        regions_on(path, GRID)
    (tmp_path / "text.gpkg").write_text("no database")
    with pytest.raises(SourceError, match=r"(?s)regions cannot be read.*text\.gpkg"):
        regions_on(tmp_path / "text.gpkg", GRID)
    convert(two, tmp_path / "bare.shp")
    (tmp_path / "bare.prj").unlink()
    with pytest.raises(SourceError, match=r"(?s)no coordinate system.*bare\.shp.*\.prj"):
        regions_on(tmp_path / "bare.shp", GRID)
    convert(two, tmp_path / "named.fgb")
    with pytest.raises(ConfigError, match=r"(?s)no such property.*NAME, code, iso"):
        regions_on(tmp_path / "named.fgb", GRID, "name_of")


CODES = np.array([[3, 7, 200], [0, 7, 255]], np.uint8)


def coded(path: Path, values: NDArray[Any] = CODES, west: float = 0.0, **layout: object) -> Path:
    """A raster of 5° whose top is at 10° N."""
    layout = {"nodata": 255, **layout}
    return write_geotiff(path, [values], (5.0, 0.0, west, 0.0, -5.0, 10.0), **layout)


def test_a_coarse_raster_gives_every_pixel_the_region_of_its_centre(tmp_path: Path) -> None:
    found = regions_on(coded(tmp_path / "zones.tif"), GRID)
    expected = np.full((10, 20), -1)
    expected[:, :15] = np.kron(CODES.astype(np.int64), np.ones((5, 5), np.int64))
    expected[expected == 255] = -1
    np.testing.assert_array_equal(found.labels, expected)
    assert found.names == {n: f"region {n}" for n in (0, 3, 7, 200)}


def test_a_fine_raster_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region_rasters, "_PIXELS", 4000)
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 1000, (170, 330)).astype(np.int32)
    path = write_geotiff(tmp_path / "f.tif", [fine], (0.0731, 0, -1.0, 0, -0.0731, 11.0))
    found = regions_on(path, GRID)
    rows = np.floor((11.0 - GRID.latitudes()) / 0.0731).astype(int)
    cols = np.floor((GRID.longitudes() + 1.0) / 0.0731).astype(int)
    np.testing.assert_array_equal(found.labels, fine[np.ix_(rows, cols)])


def test_longitudes_of_a_raster_in_another_turn(tmp_path: Path) -> None:
    globe = np.arange(72 * 36, dtype=np.int32).reshape(36, 72)
    path = write_geotiff(tmp_path / "g.tif", [globe], (5.0, 0.0, -180.0, 0.0, -5.0, 90.0))
    here = regions_on(path, Grid.regular(-180, 90, 5, 5, (36, 72))).labels
    np.testing.assert_array_equal(here, globe)
    there = regions_on(path, Grid.regular(0, 90, 5, 5, (36, 72))).labels
    np.testing.assert_array_equal(there, np.roll(globe, 36, axis=1))


def test_names_of_a_raster_beside_it(tmp_path: Path) -> None:
    path = coded(tmp_path / "z.tif")
    beside = tmp_path / "z.tif.aux.xml"
    beside.write_text(
        """<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable tableType="thematic">
        <FieldDefn index="0"><Name>OID</Name><Type>0</Type><Usage>0</Usage></FieldDefn>
        <FieldDefn index="1"><Name>Value</Name><Type>0</Type><Usage>5</Usage></FieldDefn>
        <FieldDefn index="2"><Name>Zone</Name><Type>2</Type><Usage>2</Usage></FieldDefn>
        <Row index="0"><F>0</F><F>3</F><F>Steppe</F></Row>
        <Row index="1"><F>1</F><F>7</F><F>Taiga</F></Row>
        </GDALRasterAttributeTable></PAMRasterBand></PAMDataset>"""
    )
    assert regions_on(path, GRID).names == {
        0: "region 0",
        3: "Steppe",
        7: "Taiga",
        200: "region 200",
    }
    beside.write_text(
        """<PAMDataset><PAMRasterBand band="1"><CategoryNames><Category>none</Category>
        <Category/><Category/><Category>three</Category></CategoryNames></PAMRasterBand></PAMDataset>"""
    )
    assert regions_on(path, GRID).names[0] == "none"
    assert regions_on(path, GRID).names[3] == "three"
    beside.write_text("<PAMDataset>")
    with pytest.raises(SourceError, match=r"(?s)names of the regions.*z\.tif\.aux\.xml.*remove"):
        regions_on(path, GRID)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"values": CODES + 0.5, "nodata": None}, SourceError, r"no numbers of regions.*3\.5"),
        ({"values": CODES * 1e10}, SourceError, "whole numbers up to 2147483647"),
        ({"crs": "EPSG:3857"}, GridError, r"another coordinate system.*rio warp"),
        ({"crs": None}, GridError, r"another coordinate system.*none"),
        ({"west": 100.0}, GridError, r"No region of the file meets.*beside it"),
        ({"values": np.full((2, 3), 255, np.uint8)}, GridError, "no pixel's centre"),
    ],
)
def test_rasters_of_regions_that_cannot_be(
    tmp_path: Path, change: dict[str, Any], error: type[AI4LandError], said: str
) -> None:
    path = coded(tmp_path / "bad.tif", **change)
    with pytest.raises(error, match=f"(?s){said}") as caught:
        regions_on(path, GRID)
    assert "bad.tif" in str(caught.value)


def test_rasters_of_bands_or_rotated_are_refused(tmp_path: Path) -> None:
    two = write_geotiff(tmp_path / "2.tif", [CODES, CODES], (5.0, 0, 0, 0, -5.0, 10))
    with pytest.raises(ConfigError, match=r"(?s)has 2 bands.*bands=2"):
        regions_on(two, GRID)
    turned = (5.0, 1.0, 0.0, 1.0, -5.0, 10.0)
    path = write_geotiff(tmp_path / "t.tif", [CODES], turned)
    with pytest.raises(GridError, match=r"(?s)rotated.*rio warp"):
        regions_on(path, GRID)
    grid = RasterGrid(turned, "EPSG:4326", True, (2, 3))
    found = open_regions(path, grid).labels(slice(0, 2), slice(1, 3))
    np.testing.assert_array_equal(found, CODES[:, 1:])


def test_scores_of_every_region_stand_beside_persistence(tmp_path: Path, two: Path) -> None:
    rng = np.random.default_rng(2)
    initial = rng.integers(1, 4, GRID.shape).astype(np.uint8)
    maps = [initial, *(np.where(rng.random(GRID.shape) < 0.3, 2, initial) for _ in range(2))]
    paths = [
        write_geotiff(tmp_path / f"{n}.tif", [layer.astype(np.uint8)], GRID.transform)
        for n, layer in enumerate(maps)
    ]
    found = score_raster_files(*paths, regions=[two, coded(tmp_path / "zones.tif")])
    polygons, zones = found["regions"]
    assert (polygons["file"], zones["file"]) == ("two.geojson", "zones.tif")
    assert [row["name"] for row in polygons["rows"]] == ["West", "East"]
    west = inside(GRID, WEST)
    q, r, s = (layer[west] for layer in maps)
    row = polygons["rows"][0]
    assert row["region"] == 1
    assert row["total"] == west.sum()
    assert row["observed_change"] == (q != r).sum()
    assert row["simulated_change"] == (q != s).sum()
    assert row["simulated"]["hits"] == ((q != r) & (r == s)).sum()
    assert row["simulated"]["accuracy"] == pytest.approx((r == s).mean())
    assert row["persistence"]["accuracy"] == pytest.approx((q == r).mean())
    iou = [((r == k) & (s == k)).sum() / ((r == k) | (s == k)).sum() for k in (1, 2, 3)]
    assert row["simulated"]["mean_iou"] == pytest.approx(np.mean(iou))
    by_area = score_raster_files(*paths, area=True, regions=[two])["regions"][0]["rows"][0]
    areas = GRID.cell_areas()[west]
    assert by_area["observed_change"] == pytest.approx(areas[q != r].sum())
    tables = {table.title: table for table in raster_tables(found)}
    assert tables["Regions of two.geojson"].rows[0][0] == "West"
    assert tables["Regions of zones.tif"].rows[1][0] == "region 3"
    everything = found["pixel"]["simulated"]["total"]
    assert tables["Regions of two.geojson"].rows[0][1] == f"{100 * west.sum() / everything:.2f}"
    missing = write_geotiff(tmp_path / "none.tif", [initial * 0 + 1], GRID.transform, nodata=1)
    with pytest.raises(GridError, match=r"(?s)No region.*none\.tif.*no scored pixel"):
        score_raster_files(*paths, regions=[missing])


def test_the_remedy_of_a_raster_in_another_system_works(tmp_path: Path) -> None:
    metres = (200_000.0, 0.0, 0.0, 0.0, -200_000.0, 1_200_000.0)
    zones = np.array([[3, 7, 200]] * 6, np.uint8).repeat(4, axis=1)
    path = write_geotiff(tmp_path / "zones.tif", [zones], metres, crs="EPSG:3857")
    with pytest.raises(GridError, match="another coordinate system") as caught:
        regions_on(path, GRID)
    moved = tmp_path / "regions.tif"
    words = str(caught.value.remedy).replace("regions.tif", str(moved)).replace("'", "").split()
    tool = Path(sys.executable).with_name(words[0])
    subprocess.run([tool, *words[1:]], check=True, capture_output=True)
    assert {3, 7, 200} <= set(regions_on(moved, GRID).names)
