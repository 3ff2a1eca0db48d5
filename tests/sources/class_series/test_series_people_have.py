"""Annual maps as people have them: any names, any projection, stacks, codes that are no bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Window
from ai4land.sources import SOURCES, Source
from ai4land.testing.formats.geotiff import write_geotiff

DEGREES = (0.01, 0.0, 10.0, 0.0, -0.01, 50.0)
CODES = (112, 211, 311, 523)
SINUSOIDAL = "+proj=sinu +lon_0=-60 +datum=WGS84 +units=m +no_defs"
LEGEND = """name: corine
classes:
- [112, urban, '#ff0000']
- [211, arable, '#ffff00']
- [311, forest, '#00ff00']
- [523, sea, '#0000ff']
sea: [523]
missing: [999]
"""


@pytest.fixture
def maps() -> list[NDArray[np.uint16]]:
    rng = np.random.default_rng(3)
    patches = rng.integers(0, 4, (3, 10, 15)).repeat(4, 1).repeat(4, 2)
    return list(np.array(CODES, np.uint16)[patches])


def opened(path: Path, **options: object) -> Source:
    (path if path.is_dir() else path.parent).joinpath("corine.yaml").write_text(LEGEND)
    folder = path if path.is_dir() else path.parent
    reader = SOURCES["geotiff_series"]
    said = reader.options(legend=str(folder / "corine.yaml"), **options)
    return reader.open(path, said, "land_use")


def read(source: Source, year: int) -> NDArray[np.uint8]:
    grid = source.fields["land_use"].grid
    return source.read("land_use", year, Window(0, 0, grid.height, grid.width))


def test_codes_beyond_bytes_are_stored_recoded(
    tmp_path: Path, maps: list[NDArray[np.uint16]]
) -> None:
    for year, layer in zip((2000, 2006, 2012), maps, strict=True):
        write_geotiff(tmp_path / f"U{year}_CLC_v2020.tif", [layer], DEGREES, nodata=65535)
    source = opened(tmp_path, pattern="U{year}_*.tif")
    legend = source.fields["land_use"].legend
    assert legend is not None
    assert source.fields["land_use"].ticks == (2000, 2006, 2012)
    expected = np.searchsorted(CODES, maps[1]) + 1
    np.testing.assert_array_equal(read(source, 2006), expected)
    assert dict(legend.recoded) == dict(zip(CODES, (1, 2, 3, 4), strict=True))


@pytest.mark.parametrize(
    ("pattern", "name", "year"),
    [
        ("map_{year}.tif", "map_1999.tif", 1999),
        ("*_{year}*.tif", "lc_1999.tif", 1999),
        ("*_{year}*.tif", "brasil_cobertura_1999_v9.tif", 1999),
        ("lc?{year}*.tif", "lc-19990101.tif", 1999),
        ("*{year}*", "A1999001.tif", 1999),
        ("*.{year}.tif", "300m.P1Y.1999.tif", 1999),
    ],
)
def test_any_name_with_a_year(tmp_path: Path, pattern: str, name: str, year: int) -> None:
    write_geotiff(tmp_path / name, [np.full((4, 4), 112, np.uint16)], DEGREES)
    (tmp_path / "other.txt").touch()
    assert opened(tmp_path, pattern=pattern).fields["land_use"].ticks == (year,)


def test_names_that_leave_the_year_open_are_refused(tmp_path: Path) -> None:
    layer = np.full((4, 4), 112, np.uint16)
    write_geotiff(tmp_path / "lc_1999_2020.tif", [layer], DEGREES)
    with pytest.raises(ConfigError, match=r"(?s)Two years.*1999, 2020"):
        opened(tmp_path, pattern="*_{year}*.tif")
    assert opened(tmp_path, pattern="lc_{year}_*.tif").fields["land_use"].ticks == (1999,)
    write_geotiff(tmp_path / "lc_1999_a.tif", [layer], DEGREES)
    with pytest.raises(SourceError, match="Two files for one year"):
        opened(tmp_path, pattern="lc_{year}_*.tif")
    with pytest.raises(MissingFileError, match="other_"):
        opened(tmp_path, pattern="other_{year}.tif")


def test_one_file_with_a_band_a_year(tmp_path: Path, maps: list[NDArray[np.uint16]]) -> None:
    path = write_geotiff(tmp_path / "stack.tif", maps, DEGREES)
    with pytest.raises(ConfigError, match=r"(?s)which band is of which year.*first_year: 1985"):
        opened(path)
    source = opened(path, first_year=1985)
    assert source.fields["land_use"].ticks == (1985, 1986, 1987)
    np.testing.assert_array_equal(read(source, 1986), np.searchsorted(CODES, maps[1]) + 1)
    with rasterio.open(path, "r+") as file:
        file.descriptions = [f"classification_{year}" for year in (1990, 2000, 2010)]
    assert opened(path).fields["land_use"].ticks == (1990, 2000, 2010)
    write_geotiff(tmp_path / "in" / "y_2001.tif", maps, DEGREES)
    with pytest.raises(ConfigError, match=r"(?s)has 3 bands.*band: 3"):
        opened(tmp_path / "in", pattern="y_{year}.tif")
    found = read(opened(tmp_path / "in", pattern="y_{year}.tif", band=3), 2001)
    np.testing.assert_array_equal(found, np.searchsorted(CODES, maps[2]) + 1)


def test_a_national_sinusoidal_series_comes_in_by_a_named_resampling(
    tmp_path: Path, maps: list[NDArray[np.uint16]]
) -> None:
    metres = (232.0, 0.0, -1_200_000.0, 0.0, -232.0, -1_000_000.0)
    for year, layer in zip((2000, 2001, 2002), maps, strict=True):
        layout = {"crs": SINUSOIDAL, "nodata": 999}
        write_geotiff(tmp_path / f"national_{year}.tif", [layer], metres, **layout)
    with pytest.raises(SourceError, match=r"(?s)another coordinate system.*reproject: nearest"):
        opened(tmp_path, pattern="*_{year}.tif")
    source = opened(tmp_path, pattern="*_{year}.tif", reproject="nearest")
    field = source.fields["land_use"]
    assert float(field.grid.dx) * 111_195 <= 232 < float(field.grid.dx) * 112_500
    codes = read(source, 2001)
    # golden: the pixel in which each cell's centre lies, by the formulas of the projection
    lat, lon = field.grid.latitudes()[:, None], field.grid.longitudes()[None]
    a, e2 = 6378137.0, 0.0066943799901413165
    sine = np.sin(np.radians(lat))
    x = np.radians(lon + 60) * a * np.cos(np.radians(lat)) / np.sqrt(1 - e2 * sine**2)
    phi = np.radians(lat)
    y = a * (
        (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256) * phi
        - (3 * e2 / 8 + 3 * e2**2 / 32 + 45 * e2**3 / 1024) * np.sin(2 * phi)
        + (15 * e2**2 / 256 + 45 * e2**3 / 1024) * np.sin(4 * phi)
        - 35 * e2**3 / 3072 * np.sin(6 * phi)
    )  # Snyder 1987, eq. 3-21
    col, row = (x + 1_200_000) / 232, np.broadcast_to((-1_000_000 - y) / 232, x.shape)
    inside = (col >= 0) & (col < 60) & (row >= 0) & (row < 40)
    clear = (np.abs(col - np.rint(col)) > 0.02) & (np.abs(row - np.rint(row)) > 0.02)
    at = np.clip(row, 0, 39).astype(int), np.clip(col, 0, 59).astype(int)
    expected = np.where(inside, np.searchsorted(CODES, maps[1][at]) + 1, 255)
    np.testing.assert_array_equal(codes[clear], expected[clear])
    note = source.inspect("land_use", (2000, 2001), Window(0, 0, *field.grid.shape))
    assert note["reprojected"] == "nearest"
    assert set(note["area_error"]) == {"urban", "arable", "forest", "sea"}
    assert 0 < note["area_error_of_all"] < 0.03


def test_renamed_files_of_products_are_found_by_a_pattern(tmp_path: Path) -> None:
    for year in (1999, 2000):
        write_geotiff(tmp_path / f"lu_{year}.tif", [np.full((4, 4), 44, np.uint8)], DEGREES)
        cover = np.full((4, 4), 50, np.uint8)
        write_geotiff(tmp_path / f"cover-{year}.tif", [cover], DEGREES)
    for name, pattern, variable in (
        ("hilda", "lu_{year}.tif", "land_use"),
        ("esa_cci", "cover-{year}.*", "land_cover"),
    ):
        reader = SOURCES[name]
        said = {"version": "v1"} if name == "hilda" else {}
        source = reader.open(tmp_path, reader.options(pattern=pattern, **said), variable)
        assert source.fields[variable].ticks == (1999, 2000)
