"""Rasters as people have them: every type, every way to say missing, archives, layers and bands."""

from __future__ import annotations

import contextlib
import gzip
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ai4land.errors import AI4LandError, ConfigError, GridError, MissingFileError, SourceError
from ai4land.formats import check_same_grid, missing_values, open_raster
from ai4land.testing.formats.geotiff import write_geotiff

TRANSFORM = (0.1, 0.0, 5.0, 0.0, -0.1, 60.0)
ALL = slice(None), slice(None)
TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def ramp(dtype: str) -> NDArray[Any]:
    return (np.arange(12).reshape(3, 4) + 1).astype(dtype)


def read(
    path: Path, band: int | None = None, variable: str | None = None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    raster = open_raster(path, band=band, variable=variable)
    values, missing = raster.read(*ALL)
    return values, np.zeros(values.shape, bool) if missing is None else missing


WAYS = ("nothing", "tag", "tag beyond the type", "mask inside", "mask beside", "alpha", "both")


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("way", WAYS)
def test_missing_is_what_the_file_says(tmp_path: Path, dtype: str, way: str) -> None:
    values, hidden = ramp(dtype), np.zeros((3, 4), bool)
    path, more = tmp_path / "m.tif", {}
    bands = [values]
    if way in {"tag", "both"}:
        more["nodata"] = 7
        hidden |= values == 7
    if way == "alpha":
        opaque = np.full((3, 4), np.iinfo(dtype).max if dtype[0] in "ui" else 1).astype(dtype)
        opaque[1, :2] = 0
        bands, more = [values, opaque], {"alpha": "yes", "photometric": "minisblack"}
        hidden[1, :2] = True
    inside = "TRUE" if way in {"mask inside", "both"} else "FALSE"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside):
        write_geotiff(path, bands, TRANSFORM, **more)
        if way in {"mask inside", "mask beside", "both"}:
            shown = np.ones((3, 4), bool)
            shown[2, 1:3] = False
            with rasterio.open(path, "r+") as file:
                file.write_mask(shown)
            hidden |= ~shown
    if way == "tag beyond the type":  # as other programs write it, which GDAL keeps as text
        name, kind = tmp_path / "m.vrt", {"uint8": "Byte"}.get(dtype, dtype.title())
        kind = kind.replace("Ui", "UI")
        beyond = "1e40" if dtype == "float32" else "-99999999999" if dtype[0] in "ui" else "nan"
        name.write_text(
            '<VRTDataset rasterXSize="4" rasterYSize="3"><SRS>EPSG:4326</SRS>'
            "<GeoTransform>5,0.1,0,60,0,-0.1</GeoTransform>"
            f'<VRTRasterBand dataType="{kind}" band="1"><NoDataValue>{beyond}</NoDataValue>'
            f"<SimpleSource><SourceFilename>{path}</SourceFilename></SimpleSource>"
            "</VRTRasterBand></VRTDataset>"
        )
        path = name
    found, missing = read(path)
    np.testing.assert_array_equal(found, values)
    np.testing.assert_array_equal(missing, hidden)


@given(
    st.sampled_from(TYPES),
    st.one_of(st.integers(-(2**33), 2**33).map(float), st.floats(width=64)),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_a_tag_masks_the_values_that_equal_it_and_nothing_else(
    dtype: str, tag: float, data: st.DataObject
) -> None:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        number = st.floats(width=kind.itemsize * 8)
    else:
        limits = np.iinfo(kind)
        number = st.integers(int(limits.min), int(limits.max))
        near = [v for v in (tag, tag + 1) if math.isfinite(v)]
        within = [int(v) for v in near if limits.min <= v <= limits.max]
        number = st.one_of(number, st.sampled_from(within)) if within else number
    raw = data.draw(st.lists(number, min_size=1, max_size=9))
    values = np.array(raw, kind)
    found = missing_values(values, tag)
    for place, value in enumerate(values.tolist()):
        same = value == (float(np.float32(tag)) if dtype == "float32" and abs(tag) < 3e38 else tag)
        if dtype == "float32" and math.isfinite(tag) and abs(tag) >= 3e38:
            continue  # at the edge of the type rounding decides
        expected = same or (kind.kind == "f" and math.isnan(value))
        assert bool(found is not None and found[place]) == expected


def test_any_block_is_a_part_of_the_whole(tmp_path: Path) -> None:
    values = ramp("int16")
    raster = open_raster(write_geotiff(tmp_path / "b.tif", [values], TRANSFORM, nodata=6))
    part, missing = raster.read(slice(1, 3), slice(0, 2))
    np.testing.assert_array_equal(part, values[1:, :2])
    assert missing is not None
    np.testing.assert_array_equal(missing, values[1:, :2] == 6)


def test_archives_are_read_as_what_is_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = ramp("uint8")
    one = write_geotiff(Path("one.tif"), [values], TRANSFORM)
    with zipfile.ZipFile("one.zip", "w") as archive:
        archive.write(one, "folder/one.tif")
        archive.writestr("folder/readme.txt", "of what is inside")
    with gzip.open("one.tif.gz", "wb") as packed:
        packed.write(one.read_bytes())
    for name in ("one.zip", tmp_path / "one.zip", "one.tif.gz", "/vsizip/one.zip/folder/one.tif"):
        np.testing.assert_array_equal(read(Path(name))[0], values)
    with zipfile.ZipFile("two.zip", "w") as archive:
        archive.write(one, "a.tif")
        archive.write(one, "b.tif")
    with pytest.raises(ConfigError, match=r"(?s)a\.tif, b\.tif.*/vsizip/two\.zip/a\.tif") as caught:
        read(Path("two.zip"))
    remedy = str(caught.value.remedy).removeprefix("name one: ")
    np.testing.assert_array_equal(read(Path(remedy))[0], values)
    Path("bad.zip").write_bytes(b"PK no archive")
    with pytest.raises(SourceError, match="archive cannot be read"):
        read(Path("bad.zip"))
    for gone in ("gone.zip", "/vsizip/gone.zip/a.tif", "gone.tif"):
        with pytest.raises(MissingFileError, match=r"no such"):
            read(Path(gone))


def test_bands_are_chosen_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bands = [ramp("uint8") + n for n in range(3)]
    path = write_geotiff(tmp_path / "three.tif", bands, TRANSFORM)
    with pytest.raises(ConfigError, match=r"(?s)has 3 bands.*1, 2, 3.*band: 3") as caught:
        open_raster(path)
    np.testing.assert_array_equal(read(path, band=2)[0], bands[1])
    with pytest.raises(ConfigError, match="no such band"):
        open_raster(path, band=4)
    named = str(caught.value.remedy).rpartition("instead of the file: ")[2]
    for spelt in (named, "vrt://three.tif?bands=3"):
        np.testing.assert_array_equal(read(Path(spelt))[0], bands[2])


def write_netcdf(path: Path, *names: str) -> Path:
    with netCDF4.Dataset(path, "w") as file:
        for name, start, units in (("lat", 59.95, "degrees_north"), ("lon", 5.05, "degrees_east")):
            file.createDimension(name, 3 if name == "lat" else 4)
            axis = file.createVariable(name, "f8", (name,))
            axis[:] = start + (-0.1 if name == "lat" else 0.1) * np.arange(len(axis))
            axis.units = units
        for number, name in enumerate(names):
            file.createVariable(name, "u1", ("lat", "lon"))[:] = ramp("uint8") + number
    return path


def test_layers_are_chosen_by_name_and_netcdf_lies_on_longitudes(tmp_path: Path) -> None:
    path = write_netcdf(tmp_path / "two.nc", "land", "quality")
    with pytest.raises(ConfigError, match=r"(?s)several layers.*land, quality") as caught:
        open_raster(path)
    np.testing.assert_array_equal(read(path, variable="quality")[0], ramp("uint8") + 1)
    with pytest.raises(ConfigError, match=r"(?s)no such layer.*lend, among land, quality"):
        open_raster(path, variable="lend")
    named = str(caught.value.remedy).rpartition("instead of the file: ")[2]
    np.testing.assert_array_equal(read(Path(named))[0], ramp("uint8"))
    single = open_raster(write_netcdf(tmp_path / "one.nc", "land"))
    tif = open_raster(write_geotiff(tmp_path / "one.tif", [ramp("uint8")], TRANSFORM))
    check_same_grid(tif, single)  # CF NetCDF beside GeoTIFF


def rio(command: str) -> None:
    """A remedy, as a person would type it."""
    _, *words = command.split()
    tool = Path(sys.executable).with_name("rio")
    subprocess.run([tool, *words], check=True, capture_output=True, env={**os.environ})


def test_remedies_of_other_grids_work(tmp_path: Path) -> None:
    first = open_raster(write_geotiff(tmp_path / "a.tif", [ramp("uint8")], TRANSFORM))
    bare = write_geotiff(tmp_path / "bare.tif", [ramp("uint8")], TRANSFORM, crs=None)
    for pair in ((first, open_raster(bare)), (open_raster(bare), first)):
        with pytest.raises(GridError, match="coordinate system") as caught:
            check_same_grid(*pair)
    rio(str(caught.value.remedy).partition("`")[2].rstrip("`"))
    check_same_grid(first, open_raster(bare))
    metres = (8000.0, 0.0, 3.9e6, 0.0, -8000.0, 4.15e6)
    large = np.ones((90, 90), np.uint8)
    other = write_geotiff(tmp_path / "laea.tif", [large], metres, crs="EPSG:3035")
    with pytest.raises(GridError, match="coordinate system") as caught:
        check_same_grid(first, open_raster(other))
    told = str(caught.value.remedy).partition("`")[2].rstrip("`")
    rio(told.replace("moved.tif", str(tmp_path / "moved.tif")))
    check_same_grid(first, open_raster(tmp_path / "moved.tif"))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_files_are_read_or_told_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    whole = write_geotiff(folder / "w.tif", [ramp("int16")], TRANSFORM, compress="deflate")
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    path = folder / "d.tif"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(AI4LandError):  # anything else is a failure
        raster = open_raster(path)
        if math.prod(raster.shape) < 1 << 20:
            raster.read(*ALL)
