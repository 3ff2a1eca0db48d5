"""Polygons over the date line, around poles, and on maps of any projection."""

from __future__ import annotations

import json
import logging
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import SourceError
from ai4land.formats import LONGITUDES, Polygons, RasterGrid, holds_polygons, moved, read_polygons
from ai4land.grid import Grid

Corner = tuple[float, float]
GLOBE = Grid.regular(-180, 90, 5, 5, (36, 72))


def box(west: float, south: float, east: float, north: float) -> list[Corner]:
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def write(path: Path, *rings: list[Corner], crs: str | None = None) -> Path:
    shape = {"type": "Polygon", "coordinates": rings}
    content: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {"name": "a"}, "geometry": shape}],
    }
    if crs is not None:
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(content))
    return path


def area(found: Polygons) -> float:
    return float(sum(shape.area for shape in found.shapes))


def covered(found: Polygons, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside = np.zeros(x.shape, bool)
    for shape in found.shapes:
        inside |= shapely.contains_xy(shape, x, y)
    return inside


@given(
    st.floats(-180, 180), st.floats(1, 170), st.floats(-80, 70), st.sampled_from((-180, 0, -30)),
    st.sampled_from(("uncut", "over", "cut")),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_every_spelling_of_a_box_holds_the_same_pixels(
    tmp_path_factory: pytest.TempPathFactory,
    west: float,
    width: float,
    south: float,
    first: int,
    spelling: str,
) -> None:
    east, north = west + width, south + 9.7
    grid = Grid.regular(first, 90, 5, 5, (36, 72))
    x, y = np.meshgrid(grid.longitudes(), grid.latitudes())
    away = np.remainder(x - west, 360)
    close = (np.abs(away - width) < 1e-6) | (away < 1e-6) | (np.abs(away - 360) < 1e-6)
    expected = (away < width) & (y > south) & (y < north)
    path = tmp_path_factory.mktemp("boxes") / "b.geojson"
    if spelling == "uncut" and east > 180:
        write(path, box(west, south, east - 360, north))
    elif spelling == "cut" and east > 180:
        parts = [[box(west, south, 180, north)], [box(-180, south, east - 360, north)]]
        path.write_text(json.dumps({"type": "MultiPolygon", "coordinates": parts}))
    else:
        write(path, box(west, south, east, north))
    found = covered(read_polygons(path).on(RasterGrid.of(grid)), x, y)
    np.testing.assert_array_equal(found[~close], expected[~close])


def test_an_uncut_ring_is_warned_of_and_the_remedy_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "uncut.geojson", box(170, -30, -170, -10))
    with caplog.at_level(logging.WARNING):
        found = read_polygons(path).on(RasterGrid.of(GLOBE))
    assert "short way round" in caplog.text
    assert area(found) == pytest.approx(400, rel=1e-9) or area(found) == pytest.approx(800)
    long = [(170, -30), (0, -30), (-170, -30), (-170, -10), (0, -10), (170, -10), (170, -30)]
    found = read_polygons(write(tmp_path / "long.geojson", long)).on(RasterGrid.of(GLOBE))
    x, y = np.meshgrid(GLOBE.longitudes(), GLOBE.latitudes())
    assert covered(found, x, y).sum() == 68 * 4


def test_the_whole_globe_stays_the_whole_globe(tmp_path: Path) -> None:
    path = write(tmp_path / "all.geojson", box(-180, -90, 180, 90))
    x, y = np.meshgrid(GLOBE.longitudes(), GLOBE.latitudes())
    assert covered(read_polygons(path).on(RasterGrid.of(GLOBE)), x, y).all()


def test_holes_go_over_the_date_line_with_their_ring(tmp_path: Path) -> None:
    path = write(tmp_path / "h.geojson", box(160, -30, -160, 30), box(-178, -11, -168, 11))
    x, y = np.meshgrid(GLOBE.longitudes(), GLOBE.latitudes())
    inside = (np.abs(x) > 160) & (np.abs(y) < 30)
    hole = (x > -178) & (x < -168) & (np.abs(y) < 11)
    found = covered(read_polygons(path).on(RasterGrid.of(GLOBE)), x, y)
    np.testing.assert_array_equal(found, inside & ~hole)


def test_a_ring_around_the_pole_holds_the_pole(tmp_path: Path) -> None:
    circle = [(float(lon), 66.0) for lon in (-170, -80, 10, 100, 170, -170)]
    path = write(tmp_path / "arctic.geojson", circle)
    x, y = np.meshgrid(GLOBE.longitudes(), GLOBE.latitudes())
    found = covered(read_polygons(path).on(RasterGrid.of(GLOBE)), x, y)
    np.testing.assert_array_equal(found, y > 66)


SYSTEMS = {
    "EPSG:3035": (20_000.0, 2.6e6, 5.2e6),
    "EPSG:32632": (2_000.0, 3e5, 5.9e6),
    "ESRI:54009": (2e5, -18e6, 9e6),
    "EPSG:3413": (1e5, -4e6, 4e6),
    "EPSG:3857": (4e5, -19e6, 16e6),
    "+proj=laea +lat_0=-20 +lon_0=180 +datum=WGS84": (1e5, -3.9e6, 3.9e6),
    "+proj=moll +lon_0=150 +datum=WGS84": (2e5, -18e6, 9e6),
}


@pytest.mark.parametrize("crs", SYSTEMS)
@pytest.mark.parametrize(
    "bounds", [(-25, 35, 45, 72), (150, -50, 200, 10), (-179, 50, 179, 80), (-120, -60, -30, 20)]
)
def test_edges_stay_on_their_parallels_on_any_map(
    tmp_path: Path, crs: str, bounds: tuple[float, float, float, float]
) -> None:
    """A pixel's centre lies in a box of degrees exactly if its longitude and latitude do."""
    size, left, top = SYSTEMS[crs]
    grid = RasterGrid((size, 0.0, left, 0.0, -size, top), crs, False, (78, 80))
    west, south, east, north = bounds
    middle = (west + east) / 2  # corners near enough that no edge means the other way
    lons = np.array([west, middle, east])
    ring = [(lon, south) for lon in lons] + [(lon, north) for lon in lons[::-1]]
    path = write(tmp_path / "b.geojson", [*ring, ring[0]])
    x, y = grid.places(*np.meshgrid(np.arange(78) + 0.5, np.arange(80) + 0.5, indexing="ij"))
    lon, lat = moved(x.ravel(), y.ravel(), crs, LONGITUDES)
    lon[~np.isfinite(lon)], lat[~np.isfinite(lat)] = np.nan, np.nan
    back = np.stack(moved(lon, lat, LONGITUDES, crs))
    known = np.isfinite(lon) & (np.abs(back - [x.ravel(), y.ravel()]).max(axis=0) < 1.0)
    away = np.remainder(lon - west, 360)
    expected = known & (away < east - west) & (lat > south) & (lat < north)
    found = covered(read_polygons(path).on(grid), x.ravel(), y.ravel())
    hair = 0.03 * size / 111_000  # .01 pixel, and what the projection stretches
    near = (np.minimum(away, 360 - away) * np.cos(np.radians(lat)) < hair) | (
        np.minimum(np.abs(lat - south), np.abs(lat - north)) < hair
    )
    near |= np.abs(away - (east - west)) * np.cos(np.radians(lat)) < hair
    wrong = (found != expected) & ~near & known
    assert not wrong.any(), f"{wrong.sum()} of {known.sum()} pixels"


@pytest.mark.parametrize("crs", ["EPSG:4314", "+proj=longlat +pm=paris"])
def test_maps_of_another_datum_or_meridian(tmp_path: Path, crs: str) -> None:
    grid = RasterGrid((5.0, 0.0, -180.0, 0.0, -5.0, 90.0), crs, True, (36, 72))
    path = write(tmp_path / "b.geojson", box(171, -29, -171, -11))
    x, y = np.meshgrid(GLOBE.longitudes(), GLOBE.latitudes())
    east = 2.33722917 if "paris" in crs else 0.0  # of Greenwich
    there = np.remainder(x + east - 171, 360) < 18
    found = covered(read_polygons(path).on(grid), x, y)
    np.testing.assert_array_equal(found, there & (y > -29) & (y < -11))


def test_rings_of_a_projection_onto_longitudes(tmp_path: Path) -> None:
    """A circle about the pole in metres is a band of latitudes."""
    turn = np.linspace(0, 2 * math.pi, 73)
    ring = [(2e6 * math.cos(t), 2e6 * math.sin(t)) for t in turn.tolist()]
    path = write(tmp_path / "p.geojson", ring, crs="EPSG:3413")
    x, y = np.meshgrid(GLOBE.longitudes(), GLOBE.latitudes())
    found = covered(read_polygons(path).on(RasterGrid.of(GLOBE)), x, y)
    radius = np.hypot(*moved(x.ravel(), y.ravel(), LONGITUDES, "EPSG:3413")).reshape(x.shape)
    np.testing.assert_array_equal(found, radius < 2e6 * math.cos(math.pi / 72))


def test_zipped_shapefiles_and_unknown_systems(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.geojson", box(0, 0, 10, 10))
    meta, _, shapes, fields = pyogrio.raw.read(plain)
    options = {"crs": meta["crs"], "geometry_type": meta["geometry_type"]}
    pyogrio.raw.write(tmp_path / "a.shp", shapes, fields, ["name"], **options)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in tmp_path.glob("a.[!gz]*"):
            archive.write(part, part.name)
    assert holds_polygons(path)
    assert area(read_polygons(path)) == 100
    unknown = write(tmp_path / "u.geojson", box(0, 0, 10, 10), crs="EPSG:99999999")
    with pytest.raises(SourceError, match=r"(?s)unknown coordinate system.*99999999"):
        read_polygons(unknown).on(RasterGrid.of(GLOBE))
