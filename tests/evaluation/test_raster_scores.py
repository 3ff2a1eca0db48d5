"""Three raster files scored block by block: the same as the whole maps, and honest errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine, from_origin

from ai4land.errors import (
    AI4LandError,
    ConfigError,
    GridError,
    MissingFileError,
    SampleError,
    SourceError,
)
from ai4land.evaluation import raster_files, score_raster_files
from ai4land.evaluation.raster_files import open_class_maps
from ai4land.formats import RasterGrid
from ai4land.grid import Grid
from ai4land.metrics import score_rasters
from ai4land.testing.formats.geotiff import write_geotiff
from ai4land.vocabulary import NO_DATA, Legend, LegendClass

NAMES = ("initial", "reference", "simulated")
CODES = np.array([1, 3, 8, 9], np.uint8)
SHAPE = (530, 560)
TRANSFORM = (0.1, 0.0, 5.0, 0.0, -0.1, 60.0)
LEGEND = Legend(
    "codes found", "", tuple(LegendClass(int(c), f"class {c}", "#000000") for c in CODES)
)


@pytest.fixture(scope="module")
def maps() -> list[NDArray[np.uint8]]:
    """Maps of several blocks, one of which is all missing in the initial map."""
    rng = np.random.default_rng(5)
    initial = np.kron(CODES[rng.integers(0, 4, (53, 56))], np.ones((10, 10), np.uint8))
    initial[:256, 256:512] = NO_DATA
    later = [np.where(rng.random(SHAPE) < 0.1, rng.choice(CODES, SHAPE), initial) for _ in range(2)]
    return [initial, *later]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, maps: list[NDArray[np.uint8]]) -> list[Path]:
    folder = tmp_path_factory.mktemp("rasters")
    layout: dict[str, Any] = {"nodata": NO_DATA, "tiled": True, "compress": "deflate"}
    layout |= {"blockxsize": 64, "blockysize": 64}
    return [
        write_geotiff(folder / f"{name}.tif", [layer], TRANSFORM, **layout)
        for name, layer in zip(NAMES, maps, strict=True)
    ]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine blocks instead of one."""
    monkeypatch.setattr(raster_files, "_SIDE", 256)


def agree(one: Any, two: Any) -> None:  # noqa: ANN401
    """Two reports, their decimal numbers to rounding."""
    assert type(one) is type(two)
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            agree(one[key], two[key])
    elif isinstance(one, list):
        assert len(one) == len(two)
        for first, second in zip(one, two, strict=True):
            agree(first, second)
    elif isinstance(one, float):
        assert one == pytest.approx(two, rel=1e-10, abs=1e-12)
    else:
        assert one == two


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("area", [False, True])
def test_blocks_give_what_the_whole_maps_give(
    files: list[Path], maps: list[NDArray[np.uint8]], area: bool, workers: int
) -> None:
    found = score_raster_files(*files, area=area, workers=workers)
    assert found.pop("files") == {name: f"{name}.tif" for name in NAMES}
    assert found.pop("regions") == []
    weights = Grid.regular(5, 60, 0.1, 0.1, SHAPE).cell_areas() if area else None
    whole = score_rasters(maps[0], maps[1], maps[2], LEGEND, weights)
    assert found["pixel"] == whole["pixel"]  # to the last digit
    agree(found, whole)


@pytest.mark.usefixtures("small_blocks")
def test_a_legend_saves_the_search_for_codes(files: list[Path], tmp_path: Path) -> None:
    legend = tmp_path / "four.yaml"
    rows = [[int(c), f"class {c}", "#000000"] for c in CODES]
    legend.write_text(json.dumps({"name": "codes found", "classes": rows}))
    assert score_raster_files(*files, legend=str(legend)) == score_raster_files(*files)


def test_strips_are_read_in_full_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster_files, "_SIDE", 512)
    wide = np.ones((300, 700), np.uint8)
    paths = [write_geotiff(tmp_path / f"{n}.tif", [wide], TRANSFORM) for n in range(2)]
    assert open_class_maps(paths)[1] == (256, 1024)
    monkeypatch.setattr(raster_files, "_SIDE", 768)
    assert open_class_maps(paths)[1] == (768, 768)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_truncated_file_is_one_clear_error(
    files: list[Path], tmp_path: Path, workers: int, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    noise = CODES[rng.integers(0, 4, SHAPE)]
    broken = write_geotiff(
        tmp_path / "broken.tif", [noise], TRANSFORM, tiled=True, blockxsize=64, blockysize=64
    )
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    with pytest.raises(SourceError) as caught:
        score_raster_files(*files[:2], broken, workers=workers)
    assert type(caught.value) is SourceError
    assert caught.value.where == broken
    assert "damaged, incomplete" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"values": np.float32(2.5)}, SourceError, r"numbers, not classes.*simulated.*2\.5"),
        ({"values": np.int32(70000)}, SourceError, r"out of range.*65535.*70000.*--nodata"),
        ({"values": np.int32(-32769)}, SourceError, r"out of range.*-32769.*--nodata"),
        ({"transform": (0.1, 0, 5.05, 0, -0.1, 60)}, GridError, "another transform"),
        ({"transform": (0.10001, 0, 5.0, 0, -0.1, 60)}, GridError, "another transform"),
        ({"crs": "EPSG:3035"}, GridError, r"another coordinate system.*EPSG:4326.*EPSG:3035"),
        ({"crs": None}, GridError, r"another coordinate system.*none"),
        ({"rows": 529}, GridError, r"another shape.*530.*529"),
        ({"bands": 2}, ConfigError, r"has 2 bands.*vrt://.*bands=2"),
        ({"text": "not a raster"}, SourceError, "damaged, incomplete or of another format"),
        ({"missing": True}, MissingFileError, "no such raster"),
    ],
)
def test_files_that_do_not_belong(
    files: list[Path],
    maps: list[NDArray[np.uint8]],
    tmp_path: Path,
    change: dict[str, Any],
    error: type[AI4LandError],
    said: str,
) -> None:
    path = tmp_path / "simulated.tif"
    if "text" in change:
        path.write_text(change["text"])
    elif "missing" not in change:
        value = change.get("values", np.uint8(1))
        layer = maps[2].astype(value.dtype)
        layer[400, 500] = value
        bands = [layer[: change.get("rows", SHAPE[0])]] * change.get("bands", 1)
        write_geotiff(
            path, bands, change.get("transform", TRANSFORM), crs=change.get("crs", "EPSG:4326")
        )
    with pytest.raises(error, match=f"(?s){said}"):
        score_raster_files(*files[:2], path)


def test_nothing_is_left_to_score(tmp_path: Path) -> None:
    empty = write_geotiff(tmp_path / "e.tif", [np.zeros((4, 4), np.uint8)], TRANSFORM, nodata=0)
    with pytest.raises(SourceError, match="All three maps are empty"):
        score_raster_files(empty, empty, empty)
    with pytest.raises(SampleError, match="No pixel is left to score"):
        score_raster_files(empty, empty, empty, legend="landuse8")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_nodata_and_nan_are_missing(tmp_path: Path, dtype: type[np.generic]) -> None:
    layer = np.array([[1, 2, 7], [2, 1, 1]]).astype(dtype)
    if layer.dtype.kind == "f":
        layer[0, 0] = np.nan
    path = write_geotiff(tmp_path / "m.tif", [layer], TRANSFORM, nodata=7)
    report = score_raster_files(path, path, path)
    assert report["pixel"]["simulated"]["total"] == (4 if layer.dtype.kind == "f" else 5)
    assert report["classes"] == ["class 1", "class 2"]


def test_pixels_can_be_counted_without_any_geography(tmp_path: Path) -> None:
    layer = np.array([[1, 2], [2, 1]], np.uint8)
    with pytest.warns(NotGeoreferencedWarning):
        path = write_geotiff(tmp_path / "m.tif", [layer], Affine.identity()[:6], crs=None)
    assert score_raster_files(path, path, path)["pixel"]["simulated"]["accuracy"] == 1
    with pytest.raises(GridError, match=r"(?s)True areas.*m\.tif.*no coordinate.*--weights pixel"):
        score_raster_files(path, path, path, area=True)


def test_where_pixels_lie() -> None:
    grid = RasterGrid.of(Grid.regular(5, 60, 0.5, 0.25, (8, 4)))
    assert grid.bounds(slice(0, 8), slice(1, 4)) == (5.5, 58.0, 7.0, 60.0)
    assert grid.straight
    turned = RasterGrid((1.0, 1.0, 0.0, 1.0, -1.0, 0.0), "EPSG:3035", False, (2, 2))
    assert not turned.straight
    assert turned.bounds(slice(0, 2), slice(0, 2)) == (0.0, -2.0, 4.0, 2.0)


def test_any_driver_of_gdal_is_read(tmp_path: Path) -> None:
    layer = np.array([[1, 2], [2, 1]], np.uint8)
    path = tmp_path / "m.asc"
    with rasterio.open(
        path, "w", driver="AAIGrid", height=2, width=2, count=1, dtype="uint8",
        crs="EPSG:4326", transform=from_origin(0, 2, 1, 1),
    ) as file:  # fmt: skip
        file.write(layer, 1)
    assert score_raster_files(path, path, path)["pixel"]["simulated"]["total"] == 4
