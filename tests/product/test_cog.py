"""GeoTIFFs: the layout of a COG, honest overviews, colours and names of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import rasterio.shutil
from product_runs import NOTICE, YEARS, Maps, files_of, write_run
from rasterio.io import DatasetReader

from ai4land.cube import Cube
from ai4land.errors import CubeError
from ai4land.grid import Grid
from ai4land.product import write_product
from tiny_cubes import FINE, LANDUSE8

Codes = npt.NDArray[np.uint8]
BREAK = {"IGNORE_COG_LAYOUT_BREAK": "YES"}  # or GDAL would not change a COG
TIES = (1, 2, 3, 4, 5, 6, 7, 0)  # the legend's order, sea last


def offset(data: DatasetReader, name: str, level: int | None = None) -> int:
    """Where a part of the file lies; level ``None`` is the map itself."""
    return int(data.get_tag_item(name, "TIFF", bidx=1, ovr=level))


def test_a_small_map_is_one_image_with_its_classes(product: Path, maps: Maps) -> None:
    files = files_of(product / "past" / "cog", ".tif")
    for path, (year, codes) in zip(files, maps.items(), strict=True):
        with rasterio.open(path) as data:
            np.testing.assert_array_equal(data.read(1), codes)
            assert data.crs.to_epsg() == 4326
            assert data.transform[:6] == FINE.transform
            assert (data.nodata, data.overviews(1)) == (255, [])
            palette = data.colormap(1)
            for one in LANDUSE8.classes:
                assert bytes(palette[one.code][:3]).hex() == one.colour[1:]
                assert data.tags(1)[f"class_{one.code}"] == one.name
            assert data.tags(1)["flag_meanings"].split() == list(LANDUSE8.names)
            assert data.tags()["title"].startswith(NOTICE)
            assert data.tags()["title"].endswith(str(year))
            assert data.tags()["TIFFTAG_COPYRIGHT"] == "CC-BY-4.0"


def test_overviews_are_the_majority_of_the_map(large: tuple[Path, Codes]) -> None:
    path, codes = large
    with rasterio.open(path) as data:
        np.testing.assert_array_equal(data.read(1), codes)
        assert data.overviews(1) == [2, 4]
        assert "the first of: urban, cropland, pasture" in data.tags()["overviews"]
    for level, side in enumerate((2, 4)):
        with rasterio.open(path, overview_level=level) as data:
            found = data.read(1)
        assert found.shape == tuple(-(-length // side) for length in codes.shape)
        padded = np.full([length * side for length in found.shape], 255, np.uint8)
        padded[: codes.shape[0], : codes.shape[1]] = codes
        blocks = padded.reshape(found.shape[0], side, found.shape[1], side)
        votes = np.stack([(blocks == code).sum((1, 3)) for code in TIES])
        expected = np.where(votes.any(0), np.array(TIES)[votes.argmax(0)], 255)
        np.testing.assert_array_equal(found, expected)


def test_the_layout_is_that_of_a_cog(large: tuple[Path, Codes]) -> None:
    """The rules of GDAL's ``validate_cloud_optimized_geotiff``.

    Tiles; overviews where a side is beyond 512; the directories at the front, the map's before
    those of ever smaller overviews; then the pixels, those of the smallest overview first.
    """
    path, _ = large
    with rasterio.open(path) as data:
        assert data.profile["tiled"]
        assert data.block_shapes == [(512, 512)]
        assert data.compression.name == "deflate"
        assert data.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert max(data.shape) // data.overviews(1)[-1] <= 512
        levels = [None, *range(len(data.overviews(1)))]
        directories = [offset(data, "IFD_OFFSET", level) for level in levels]
        pixels = [offset(data, "BLOCK_OFFSET_0_0", level) for level in levels]
    head = path.read_bytes()[:300]
    assert b"LAYOUT=IFDS_BEFORE_DATA" in head
    assert directories == sorted(directories)
    assert pixels == sorted(pixels, reverse=True)
    assert max(directories) < min(pixels)


def test_presence_of_each_class(product: Path, maps: Maps) -> None:
    for one in LANDUSE8.classes:
        folder = product / "past" / "classes" / one.name
        for path, codes in zip(files_of(folder, ".tif"), maps.values(), strict=True):
            with rasterio.open(path) as data:
                expected = np.where(codes == 255, 255, codes == one.code)
                np.testing.assert_array_equal(data.read(1), expected)
                assert data.tags(1)["class_1"] == one.name
    assert len(files_of(product / "past" / "classes", ".tif")) == len(YEARS) * len(LANDUSE8)


@pytest.mark.parametrize("level", [None, 0])
def test_pixels_that_a_disk_lost_are_missed(
    level: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk GDAL may lose some and say nothing; no such file may look whole."""
    grid = Grid.regular(0.0, 50.0, 0.01, 0.01, (600, 700))
    cube = write_run(tmp_path / "a.zarr", {2000: np.full(grid.shape, 3, np.uint8)}, grid, None)
    real = rasterio.shutil.copy

    def lossy(source: Path, target: Path, **options: object) -> None:
        real(source, target, **options)
        more = {} if level is None else {"overview_level": level}
        with rasterio.open(target, "r+", **more, **BREAK) as data:
            data.write(np.zeros((1, 1), np.uint8), 1, window=((9, 10), (9, 10)))

    monkeypatch.setattr(rasterio.shutil, "copy", lossy)
    with pytest.raises(CubeError, match=r"(?s)cannot be written.*read back is not what was"):
        write_product({"a": Cube(cube.path)}, tmp_path / "out", formats=["cog"])
    assert not files_of(tmp_path / "out", ".tif")
