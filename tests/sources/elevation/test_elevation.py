"""Elevation: GEBCO and ETOPO in every layout, their companions refused, slopes on the sphere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.transform import Affine

from ai4land.errors import GridError, MissingFileError, SourceError
from ai4land.grid import Grid, Window, slope_aspect
from ai4land.sources import EtopoOptions, GebcoOptions, Source, open_etopo, open_gebco
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.testing.formats.gebco import write_gebco_grid
from provider_files.terrain import etopo_name, write_etopo, write_gebco_tid

GLOBE = Grid.regular(-180, 90, 1, 1, (180, 360))


def relief(grid: Grid = GLOBE) -> npt.NDArray[np.int16]:
    """Heights without symmetry, land and sea."""
    rows, cols = np.mgrid[: grid.height, : grid.width]
    waves = 300 * np.sin(rows / 9.0) + 500 * np.cos(2 * np.pi * cols / grid.width)
    return np.asarray(waves - 100 + rows, dtype=np.int16)


def write_tif(
    path: Path, values: npt.NDArray[np.int16], grid: Grid, units: str | None = None
) -> Path:
    """A GeoTIFF of elevation, as GEBCO and ETOPO give their tiles."""
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "int16"}
    layout = {"crs": "EPSG:4326", "transform": Affine(*grid.transform), "nodata": -32767}
    with rasterio.open(path, "w", driver="GTiff", **shape, **layout) as file:
        file.write(values, 1)
        if units is not None:
            file.units = (units,)
    return path


class TestGebcoFile(SourceContract):
    """South first as current releases have it; ``int16`` without missing values."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        path = tmp_path / "GEBCO_2024.nc"
        write_gebco_grid(path, relief(), GLOBE)
        return open_gebco(path, GebcoOptions(product="GEBCO_2024"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        heights = relief()
        slopes = slope_aspect(heights, GLOBE)[0]
        places = ((0, 0), (17, 300), (90, 359), (179, 359))
        marks = [
            Landmark("elevation", None, 89.5 - r, c - 179.5, float(heights[r, c]))
            for r, c in places
        ]
        return [
            *marks,
            *(Landmark("slope", None, 89.5 - r, c - 179.5, float(slopes[r, c])) for r, c in places),
        ]

    def test_no_height_is_missing(self, source: Source) -> None:
        assert np.isfinite(source.read("elevation", None, GLOBE.window)).all()


@pytest.mark.parametrize("south_first", [True, False])
@pytest.mark.parametrize("east", [True, False])
def test_rows_and_columns_of_gebco_either_way(
    tmp_path: Path, south_first: bool, east: bool
) -> None:
    path = tmp_path / "GEBCO_2024.nc"
    write_gebco_grid(path, relief(), GLOBE, south_first=south_first, east=east)
    source = open_gebco(path, GebcoOptions())
    assert source.fields["elevation"].grid == GLOBE
    np.testing.assert_array_equal(source.read("elevation", None, GLOBE.window), relief())


class TestGebcoTile(SourceContract):
    """One GeoTIFF of the tiles that GEBCO offers."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        grid = GLOBE.crop(Window(0, 0, 90, 90))
        path = tmp_path / "gebco_2024_n90.0_s0.0_w-180.0_e-90.0.tif"
        return open_gebco(write_tif(path, relief()[:90, :90], grid), GebcoOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        heights = relief()
        return [
            Landmark("elevation", None, 89.5 - r, c - 179.5, float(heights[r, c]))
            for r, c in ((0, 0), (17, 80), (89, 3))
        ]


class TestVirtualRaster(SourceContract):
    """Tiles joined by ``gdalbuildvrt``: one grid, and every tile in the provenance."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        for name, col in (("west", 0), ("east", 180)):
            grid = GLOBE.crop(Window(0, col, 180, 180))
            write_tif(tmp_path / f"{name}.tif", relief()[:, col : col + 180], grid)
        bands = "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{name}.tif</SourceFilename>'
            f'<SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" xSize="180" ySize="180"/>'
            f'<DstRect xOff="{col}" yOff="0" xSize="180" ySize="180"/></SimpleSource>'
            for name, col in (("west", 0), ("east", 180))
        )
        (tmp_path / "all.vrt").write_text(
            '<VRTDataset rasterXSize="360" rasterYSize="180"><SRS>EPSG:4326</SRS>'
            "<GeoTransform>-180, 1, 0, 90, 0, -1</GeoTransform>"
            f'<VRTRasterBand dataType="Int16" band="1">{bands}</VRTRasterBand></VRTDataset>'
        )
        return open_gebco(tmp_path / "all.vrt", GebcoOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("elevation", None, 89.5 - r, c - 179.5, float(relief()[r, c]))
            for r, c in ((0, 0), (17, 300), (179, 359))
        ]

    def test_every_tile_is_in_the_provenance(self, source: Source) -> None:
        names = {p.name for p in source.provenance()}
        assert names == {"all.vrt", "west.tif", "east.tif"}


class TestEtopo2022(SourceContract):
    """``z(lat, lon)`` in float32 "meters", south first."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        path = write_etopo(tmp_path / etopo_name(), relief() + np.float32(0.25), GLOBE)
        return open_etopo(path, EtopoOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("elevation", None, 89.5 - r, c - 179.5, float(relief()[r, c]) + 0.25)
            for r, c in ((0, 0), (17, 300), (179, 359))
        ]

    def test_the_file_name_says_which_surface(self, source: Source, tmp_path: Path) -> None:
        assert [p.version for p in source.provenance()] == ["ice surface"]
        bed = write_etopo(tmp_path / etopo_name(what="bed"), relief().astype(np.float32), GLOBE)
        assert [p.version for p in open_etopo(bed, EtopoOptions()).provenance()] == ["bedrock"]


class TestRefusals:
    def test_the_geoid_is_no_elevation(self, tmp_path: Path) -> None:
        path = write_etopo(tmp_path / etopo_name(what="geoid"), relief().astype(np.float32), GLOBE)
        with pytest.raises(SourceError, match=r"(?s)companion.*heights of the geoid"):
            open_etopo(path, EtopoOptions())

    def test_type_identifiers_are_no_elevation(self, tmp_path: Path) -> None:
        kinds = np.full(GLOBE.shape, 11, np.int8)
        path = write_gebco_tid(tmp_path / "GEBCO_2024_TID.nc", kinds, GLOBE)
        with pytest.raises(SourceError, match=r"(?s)companion.*type identifiers"):
            open_gebco(path, GebcoOptions())
        renamed = path.rename(tmp_path / "GEBCO_2024.nc")
        with pytest.raises(
            SourceError, match=r"(?s)documented as a map of elevation.*tid\(lat, lon\)"
        ):
            open_gebco(renamed, GebcoOptions())

    def test_a_shared_meridian_is_named(self, tmp_path: Path) -> None:
        path = write_etopo(
            tmp_path / "ETOPO1_Ice_g.nc", relief().astype(np.float32), GLOBE, shared_meridian=True
        )
        with pytest.raises(SourceError, match=r"(?s)same meridian.*361 columns.*cell-registered"):
            open_etopo(path, EtopoOptions())

    def test_feet_are_refused_by_name_and_by_value(self, tmp_path: Path) -> None:
        path = tmp_path / "a.nc"
        write_gebco_grid(path, relief(), GLOBE, attributes={"units": "feet"})
        with pytest.raises(SourceError, match=r"(?s)other units.*found: feet"):
            open_gebco(path, GebcoOptions())
        write_gebco_grid(path, relief() * np.int16(20), GLOBE)
        source = open_gebco(path, GebcoOptions())
        with pytest.raises(SourceError, match=r"(?s)not elevation in m.*-12000…9000 m"):
            source.read("elevation", None, GLOBE.window)
        tile = write_tif(tmp_path / "a.tif", relief(), GLOBE, units="ft")
        with pytest.raises(SourceError, match=r"(?s)other units.*found: ft"):
            open_gebco(tile, GebcoOptions())

    def test_missing_heights_have_no_slope(self, tmp_path: Path) -> None:
        heights = relief().astype(np.float32)
        heights[100, 100] = np.nan
        source = open_etopo(write_etopo(tmp_path / etopo_name(), heights, GLOBE), EtopoOptions())
        assert np.isnan(source.read("elevation", None, Window(100, 100, 1, 1))).all()
        with pytest.raises(GridError, match=r"(?s)missing values has no slope.*1 cells"):
            source.read("slope", None, Window(100, 101, 1, 1))
        assert np.isfinite(source.read("slope", None, Window(100, 102, 1, 1))).all()

    def test_a_folder_a_missing_file_and_damage(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"(?s)one file.*gdalbuildvrt"):
            open_gebco(tmp_path, GebcoOptions())
        for name in ("absent.nc", "absent.tif"):
            with pytest.raises(MissingFileError, match=r"no such raster|not there"):
                open_gebco(tmp_path / name, GebcoOptions())
            (tmp_path / name).write_bytes(b"nothing")
            with pytest.raises(SourceError, match="damaged"):
                open_gebco(tmp_path / name, GebcoOptions())


@pytest.mark.realdata
class TestRealEtopo(SourceContract):
    """ETOPO at 20 arc-minutes, south first, with float noise in longitude."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return open_etopo(
            realdata / "static" / "etopo_20arcmin.nc", EtopoOptions(product="ETOPO 20 arc-minutes")
        )

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        # numbers in the file, found by its own coordinates
        return [
            Landmark("elevation", None, -89.9, -179.9, 2804.0),
            Landmark("elevation", None, 89.9, -179.9, -4272.0),
            Landmark("elevation", None, 11.4, 142.51, -7588.0),  # the Mariana Trench
            Landmark("elevation", None, 32.5, 88.51, 5077.0),  # Tibet
        ]
