from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, Window, slope_aspect
from ai4land.sources import (
    GebcoOptions,
    GeotiffSeriesOptions,
    KoeppenOptions,
    Source,
    open_gebco,
    open_geotiff_series,
    open_koeppen_geiger,
)
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import variable
from provider_files.tiny import class_map, write_elevation, write_map, write_series


def _relief(height: int, width: int) -> npt.NDArray[np.int16]:
    rows, cols = np.mgrid[:height, :width]
    return (300 * np.sin(rows / 9.0) + 500 * np.cos(2 * np.pi * cols / width) - 100).astype(
        np.int16
    )


def _axes(height: int, width: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return (
        90 - 180 / height * (np.arange(height) + 0.5),
        -180 + 360 / width * (np.arange(width) + 0.5),
    )


class TestGebco(SourceContract):
    """Global, latitude ascending as current releases have it."""

    ascending, east = True, False

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        (lat, lon), relief = _axes(180, 360), _relief(180, 360)
        if self.ascending:
            lat, relief = lat[::-1], relief[::-1]
        if self.east:
            lon, relief = np.roll(lon, -180) % 360, np.roll(relief, -180, axis=1)
        return open_gebco(
            write_elevation(tmp_path / "GEBCO_2024.nc", relief, lat, lon), GebcoOptions()
        )

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        relief = _relief(180, 360)
        return [
            Landmark("elevation", None, 90 - r - 0.5, -180 + c + 0.5, float(relief[r, c]))
            for r, c in ((0, 0), (17, 300), (179, 359))
        ]

    def test_slopes_at_the_date_line_and_in_windows_are_those_of_the_whole(
        self, source: Source
    ) -> None:
        grid = source.fields["slope"].grid
        whole = slope_aspect(_relief(180, 360), Grid.regular(-180, 90, 1, 1, (180, 360)))
        for window in (Window(40, 355, 9, 10), Window(0, 0, 180, 360), Window(0, 2, 3, 359)):
            cols = np.arange(window.col, window.col + window.width) % grid.width
            for name, expected in zip(("slope", "aspect_north", "aspect_east"), whole, strict=True):
                found = source.read(name, None, window)
                np.testing.assert_allclose(
                    found, expected[window.slices[0]][:, cols], rtol=1e-5, atol=1e-6
                )


class TestGebcoDescending(TestGebco):
    ascending = False


class TestGebcoEast(TestGebco):
    east = True


@pytest.mark.realdata
class TestRealRelief(SourceContract):
    """ETOPO at 20 arc-minutes in the same layout, south first, with float noise in longitude."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return open_gebco(realdata / "static" / "etopo_20arcmin.nc", GebcoOptions(product="ETOPO"))

    @pytest.fixture
    def landmarks(self, source: Source) -> list[Landmark]:
        def at(lat: float, lon: float) -> float:
            grid = source.fields["elevation"].grid
            box = grid.window_of(lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4)
            return float(source.read("elevation", None, box)[0, 0])

        assert at(32.5, 88.5) > 4000  # Tibet
        assert at(-72.5, 88.5) > 1500  # Antarctica, not the Arctic Ocean
        assert at(11.4, 142.5) < -4000  # the Mariana Trench
        return [
            Landmark("elevation", None, 32.5, 88.5, at(32.5, 88.5)),
            Landmark("elevation", None, 11.4, 142.5, at(11.4, 142.5)),
        ]


def test_elevation_in_feet_and_a_file_without_elevation(tmp_path: Path) -> None:
    lat, lon = _axes(18, 36)
    path = write_elevation(tmp_path / "feet.nc", _relief(18, 36), lat, lon, units="feet")
    with pytest.raises(SourceError, match=r"(?s)other units.*elevation.*found: feet"):
        open_gebco(path, GebcoOptions())
    with pytest.raises(MissingFileError, match="not there"):
        open_gebco(tmp_path / "absent.nc", GebcoOptions())


PERIODS = ("1901_1930", "1931_1960", "1961_1990", "1991_2020")


@pytest.fixture
def climate(tmp_path: Path) -> Path:
    """Four historical periods and one scenario, two resolutions."""
    folder = tmp_path / "kg"
    for i, period in enumerate(PERIODS):
        write_map(folder / period / "koeppen_geiger_0p5.tif", _zones(i), cell=0.5)
    write_map(folder / "2041_2070" / "ssp245" / "koeppen_geiger_0p5.tif", _zones(9), cell=0.5)
    return folder


def _zones(seed: int) -> npt.NDArray[np.uint8]:
    values = class_map(20, 30, seed=seed, codes=range(1, 31))
    values[:5, :6] = 0
    return values


class TestKoeppenGeiger(SourceContract):
    @pytest.fixture
    def source(self, climate: Path) -> Source:
        return open_koeppen_geiger(climate, KoeppenOptions(scenario="ssp245"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("climate_zone", 1950, 39.75, 20.25, 255),
            Landmark("climate_zone", 1950, 30.25, 34.75, float(_zones(1)[19, 29])),
            Landmark("climate_zone", 2050, 30.25, 20.25, float(_zones(9)[19, 0])),
        ]

    def test_every_year_of_a_period_and_none_between(self, source: Source) -> None:
        field = source.fields["climate_zone"]
        assert field.ticks == (*range(1901, 2021), *range(2041, 2071))
        assert not field.gaps

    def test_each_file_is_hashed_once(self, source: Source) -> None:
        assert len(source.provenance()) == 5


class TestKoeppenFolder:
    def test_without_a_scenario_there_is_only_history(self, climate: Path) -> None:
        field = open_koeppen_geiger(climate, KoeppenOptions()).fields["climate_zone"]
        assert field.ticks == tuple(range(1901, 2021))

    def test_a_misspelt_scenario(self, climate: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No such scenario.*did you mean 'ssp245'"):
            open_koeppen_geiger(climate, KoeppenOptions(scenario="ssp24"))

    def test_two_resolutions_need_a_choice(self, climate: Path) -> None:
        for period in PERIODS:
            write_map(climate / period / "koeppen_geiger_1p0.tif", _zones(0)[:10, :15], cell=1.0)
        with pytest.raises(SourceError, match=r"(?s)one resolution.*0p5, 1p0.*`resolution`"):
            open_koeppen_geiger(climate, KoeppenOptions())
        coarse = open_koeppen_geiger(climate, KoeppenOptions(resolution="1p0"))
        assert coarse.fields["climate_zone"].grid.shape == (10, 15)

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match="No Köppen-Geiger maps"):
            open_koeppen_geiger(tmp_path, KoeppenOptions())


OPTIONS = GeotiffSeriesOptions(pattern="map_{year}_v1.tif", legend="mapbiomas_v2_3", licence="CC0")
MAPBIOMAS = (3, 15, 18, 24, 26)


class TestSeries(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        maps = {y: self._map(y) for y in (2000, 2001, 2003)}
        write_series(tmp_path, OPTIONS.pattern, maps, nodata=0)
        shutil.copy(tmp_path / "map_2000_v1.tif", tmp_path / "other_2007_v1.tif")
        return open_geotiff_series(tmp_path, OPTIONS, variable("land_use"))

    @staticmethod
    def _map(year: int) -> npt.NDArray[np.uint8]:
        values = class_map(seed=year, codes=MAPBIOMAS)
        values[:4, :5] = 0
        return values

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("land_use", 2003, 39.95, 20.05, 255),
            Landmark("land_use", 2003, 38.85, 21.55, float(self._map(2003)[11, 15])),
        ]

    def test_the_missing_year_is_named_with_its_file(self, source: Source) -> None:
        field = source.fields["land_use"]
        assert field.ticks == (2000, 2001, 2003)
        assert field.gaps == {2002: "the file map_2002_v1.tif is missing"}


@pytest.mark.realdata
class TestMapBiomas(SourceContract):
    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        options = GeotiffSeriesOptions(
            pattern="mapbiomas_brazil_5km_{year}.tif", legend="mapbiomas_v2_3", product="MapBiomas"
        )
        folder = realdata / "mapbiomas_brazil_5km"
        return open_geotiff_series(folder, options, variable("land_use"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("land_use", 2005, -5.2, -64.8, 3),  # forest of the Amazon
            Landmark("land_use", 2005, 5.9, -74.9, 255),  # outside Brazil
            Landmark("land_use", 2005, -23.55, -46.62, 24),  # São Paulo
        ]


def test_a_pattern_without_a_year_and_a_folder_without_maps(tmp_path: Path) -> None:
    bad = OPTIONS.model_copy(update={"pattern": "map.tif"})
    with pytest.raises(ConfigError, match=r"(?s)one place for the year.*map_\{year\}"):
        open_geotiff_series(tmp_path, bad, variable("land_use"))
    with pytest.raises(MissingFileError, match=r"(?s)No files.*an empty folder"):
        open_geotiff_series(tmp_path, OPTIONS, variable("land_use"))
