"""GLASS, GIMMS LAI4g and Copernicus leaf area: scales, fills, half months, half cells."""

from __future__ import annotations

import datetime as dt
import logging
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import MissingFileError, SourceError
from ai4land.formats import degrees_of
from ai4land.grid import Grid, Window
from ai4land.sources import Source
from ai4land.sources.lai.copernicus import CopernicusLaiOptions, open_lai_copernicus
from ai4land.sources.lai.gimms import GimmsLaiOptions, open_lai_gimms
from ai4land.sources.lai.glass import GlassLaiOptions, open_lai_glass
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import Clock
from provider_files.lai import (
    copernicus_name,
    gimms_name,
    glass_name,
    modis_dates,
    stored,
    write_copernicus,
    write_gimms,
    write_glass,
)

LAI, COUNT = "leaf_area_index", "leaf_area_index_observations"
DATE = dt.date
FloatArray = npt.NDArray[np.float64]


def leaves(grid: Grid, seed: int = 0, step: float = 0.01) -> FloatArray:
    """Leaf area without symmetry in whole steps, sea in the north-west."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, round(7 / step), grid.shape) * step
    values[: grid.height // 3, : grid.width // 4] = np.nan
    return np.asarray(values, dtype=np.float64)


class TestGlassAvhrr(SourceContract):
    """Global and large enough to measure laziness; corners packed as DDDMMMSSS."""

    product, step = "GLASS01B02", 0.01
    grid = Grid.regular(-180, 90, 1, 1, (180, 360))

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        pytest.importorskip("pyhdf")
        for k, day in enumerate(modis_dates(1999)[:2]):
            self._write(tmp_path, day, leaves(self.grid, k, self.step))
        return open_lai_glass(tmp_path, GlassLaiOptions())

    def _write(self, folder: Path, day: dt.date, values: FloatArray) -> Path:
        fill, kind = (2550, "int16") if self.product == "GLASS01B02" else (255, "uint8")
        numbers = stored(values, self.step, fill, kind)
        return write_glass(folder, day, numbers, self.grid, product=self.product)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        first, second = (leaves(self.grid, k, self.step) for k in range(2))
        ticks = [Clock.EIGHT_DAYS.tick(d) for d in modis_dates(1999)[:2]]
        return [
            Landmark(LAI, ticks[0], 89.5, -179.5, float("nan")),
            Landmark(COUNT, ticks[0], 89.5, -179.5, 0.0),
            Landmark(LAI, ticks[0], -89.5, 179.5, float(first[179, 359])),
            Landmark(LAI, ticks[1], 89.5, 179.5, float(second[0, 359])),
            Landmark(LAI, ticks[1], 0.5, -59.5, float(second[89, 120])),
        ]


class TestGlassModis(TestGlassAvhrr):
    """uint8 × 0.1, of which 128…255 are not negative."""

    product, step = "GLASS01B01", 0.1


@pytest.mark.usefixtures("hdf4")
class TestGlassTraps:
    GRID = Grid.regular(10, 50, "1/20", "1/20", (4, 5))
    DAY = DATE(2004, 1, 1)
    TICK = Clock.EIGHT_DAYS.tick(DATE(2004, 1, 1))

    @pytest.fixture
    def hdf4(self) -> None:
        pytest.importorskip("pyhdf")

    def test_the_avhrr_fill_is_not_a_leaf_area_of_25(self, tmp_path: Path) -> None:
        numbers = np.full(self.GRID.shape, 2550, dtype=np.int16)
        numbers[2, 3] = 1000
        for attributes in (True, False):
            write_glass(tmp_path, self.DAY, numbers, self.GRID, attributes=attributes)
            source = open_lai_glass(tmp_path, GlassLaiOptions())
            found = source.read(LAI, self.TICK, self.GRID.window)
            assert np.isfinite(found).sum() == 1
            assert found[2, 3] == pytest.approx(10.0)

    def test_the_scale_of_the_other_edition_is_refused(self, tmp_path: Path) -> None:
        numbers = np.zeros(self.GRID.shape, dtype=np.uint8)
        path = write_glass(tmp_path, self.DAY, numbers, self.GRID, product="GLASS01B01")
        path.rename(tmp_path / glass_name("GLASS01B02", self.DAY))
        with pytest.raises(SourceError, match=r"(?s)not stored as.*int16 × 0.01.*uint8 × 0.1"):
            open_lai_glass(tmp_path, GlassLaiOptions())

    def test_numbers_beyond_the_valid_range_are_refused(self, tmp_path: Path) -> None:
        numbers = np.full(self.GRID.shape, 1001, dtype=np.int16)
        write_glass(tmp_path, self.DAY, numbers, self.GRID)
        with pytest.raises(SourceError, match=r"(?s)neither leaf area.*0…1000, or 2550.*1001"):
            open_lai_glass(tmp_path, GlassLaiOptions()).read(LAI, self.TICK, self.GRID.window)

    def test_packed_and_plain_corners_are_told_apart(self, tmp_path: Path) -> None:
        assert degrees_of(-180e6, 90e6, 180e6, -90e6) == (-180.0, 90.0, 180.0, -90.0)
        assert degrees_of(-179058030.0, 45030000.0, 0.0, -15.0)[:3] == (-179.975, 45.5, 0.0)
        assert degrees_of(-180.0, 90.0, 180.0, -90.0) == (-180.0, 90.0, 180.0, -90.0)
        numbers = np.zeros(self.GRID.shape, dtype=np.int16)
        for packed in (True, False):
            write_glass(tmp_path, self.DAY, numbers, self.GRID, packed=packed)
            assert open_lai_glass(tmp_path, GlassLaiOptions()).fields[LAI].grid == self.GRID

    def test_products_are_not_mixed_and_unconfirmed_editions_are_refused(
        self, tmp_path: Path
    ) -> None:
        write_glass(tmp_path, self.DAY, np.zeros(self.GRID.shape, np.int16), self.GRID)
        write_glass(
            tmp_path,
            self.DAY,
            np.zeros(self.GRID.shape, np.uint8),
            self.GRID,
            product="GLASS01B01",
        )
        with pytest.raises(SourceError, match=r"(?s)Several products.*GLASS01B01 V04.*`product`"):
            open_lai_glass(tmp_path, GlassLaiOptions())
        one = open_lai_glass(tmp_path, GlassLaiOptions(product="GLASS01B01"))
        assert [p.version for p in one.provenance()] == ["GLASS01B01 V04"]
        (tmp_path / "GLASS01E01.V60.A2021001.h00v08.2022139.hdf").touch()
        with pytest.raises(SourceError, match=r"(?s)not supported.*GLASS01E01.*0.05° edition"):
            open_lai_glass(tmp_path, GlassLaiOptions())

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No GLASS.*GLASS01B02.V40"):
            open_lai_glass(tmp_path, GlassLaiOptions())


class TestGimms(SourceContract):
    """Two months of halves on a coarse globe."""

    grid = Grid.regular(-180, 90, 1, 1, (180, 360))

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        for k, (month, half) in enumerate([(1, 1), (1, 2), (2, 1), (2, 2)]):
            values = leaves(self.grid, k, 0.001)
            quality = np.where(np.isnan(values), 3, 0).astype(np.uint16)
            path = tmp_path / "1982_1990" / gimms_name(1984, month, half)
            write_gimms(path, stored(values, 0.001, 65535, "uint16"), quality, self.grid)
        return open_lai_gimms(tmp_path, GimmsLaiOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        one, two, three, four = (leaves(self.grid, k, 0.001) for k in range(4))
        january, february = (Clock.MONTH.tick(DATE(1984, m, 1)) for m in (1, 2))
        return [
            Landmark(LAI, january, 89.5, -179.5, float("nan")),
            Landmark(COUNT, january, 89.5, -179.5, 0.0),
            Landmark(COUNT, january, -0.5, 10.5, 2.0),
            Landmark(LAI, january, -0.5, 10.5, (15 * one[90, 190] + 16 * two[90, 190]) / 31),
            Landmark(LAI, february, 44.5, 99.5, (15 * three[45, 279] + 14 * four[45, 279]) / 29),
        ]


class TestGimmsTraps:
    GRID = Grid.regular(10, 50, "1/12", "1/12", (4, 5))
    JUNE = Clock.MONTH.tick(DATE(2001, 6, 1))

    def _write(
        self, folder: Path, lai: int, quality: int, half: int = 1, version: str = "V1.2"
    ) -> Path:
        path = folder / gimms_name(2001, 6, half, version)
        shape = self.GRID.shape
        numbers = (np.full(shape, lai, np.uint16), np.full(shape, quality, np.uint16))
        return write_gimms(path, *numbers, self.GRID)

    def test_the_last_digits_are_the_half_of_the_month_not_a_day(self, tmp_path: Path) -> None:
        self._write(tmp_path, 1000, 0, half=1)
        self._write(tmp_path, 2000, 0, half=2)
        month = open_lai_gimms(tmp_path, GimmsLaiOptions())
        assert month.fields[LAI].ticks == (self.JUNE,)
        assert month.read(LAI, self.JUNE, Window(0, 0, 1, 1))[0, 0] == pytest.approx(1.5)
        dekads = open_lai_gimms(tmp_path, GimmsLaiOptions(clock="10day"))
        found = [
            float(dekads.read(LAI, t, Window(0, 0, 1, 1))[0, 0]) for t in dekads.fields[LAI].ticks
        ]
        assert found == pytest.approx([1.0, 1.5, 2.0])  # 1–10, 11–20 half and half, 21–30

    @pytest.mark.parametrize("number", [7000, 65534, 65535])
    def test_numbers_from_7000_on_are_missing(self, tmp_path: Path, number: int) -> None:
        self._write(tmp_path, number, 0)
        self._write(tmp_path, 6999, 0, half=2)
        source = open_lai_gimms(tmp_path, GimmsLaiOptions())
        assert source.read(LAI, self.JUNE, Window(0, 0, 1, 1))[0, 0] == pytest.approx(6.999)
        assert source.read(COUNT, self.JUNE, Window(0, 0, 1, 1))[0, 0] == 1

    @pytest.mark.parametrize(
        ("code", "rule", "valid"),
        [
            (0, "observed", True),
            (1, "observed", False),
            (2, "observed", False),
            (1, "any", True),
            (2, "any", True),
            (3, "any", False),
        ],
    )
    def test_quality_codes(self, tmp_path: Path, code: int, rule: str, valid: bool) -> None:
        self._write(tmp_path, 1000, code)
        self._write(tmp_path, 65535, 3, half=2)
        source = open_lai_gimms(tmp_path, GimmsLaiOptions.model_validate({"quality": rule}))
        found = source.read(LAI, self.JUNE, Window(0, 0, 1, 1))[0, 0]
        assert np.isfinite(found) == valid

    def test_unknown_quality_codes_are_refused(self, tmp_path: Path) -> None:
        self._write(tmp_path, 1000, 7)
        self._write(tmp_path, 1000, 0, half=2)
        source = open_lai_gimms(tmp_path, GimmsLaiOptions())
        with pytest.raises(SourceError, match=r"(?s)Quality codes.*0 good.*\[7\]"):
            source.read(LAI, self.JUNE, Window(0, 0, 1, 1))

    def test_the_wrong_photometric_tag_does_not_stop_the_reader(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        import rasterio

        path = self._write(tmp_path, 1000, 0)
        self._write(tmp_path, 1000, 0, half=2)
        with caplog.at_level(logging.WARNING), rasterio.open(path) as file:
            assert file.count == 2
        source = open_lai_gimms(tmp_path, GimmsLaiOptions())
        assert source.read(LAI, self.JUNE, Window(0, 0, 1, 1))[0, 0] == pytest.approx(1.0)
        assert b"\x06\x01\x03\x00\x01\x00\x00\x00\x02" in path.read_bytes()  # tag 262 says RGB

    def test_versions_are_not_mixed_and_one_band_is_refused(self, tmp_path: Path) -> None:
        self._write(tmp_path, 1000, 0)
        self._write(tmp_path, 1000, 0, half=2, version="V1.3")
        with pytest.raises(SourceError, match=r"(?s)Several products or versions.*V1.2.*V1.3"):
            open_lai_gimms(tmp_path, GimmsLaiOptions())

    def test_an_empty_folder_and_archives_that_are_still_packed(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No GIMMS.*an empty folder"):
            open_lai_gimms(tmp_path, GimmsLaiOptions())
        (tmp_path / "GIMMS_LAI4g_AVHRR_MODIS_consolidated_1982_1990.zip").touch()
        with pytest.raises(MissingFileError, match="unpack the archives"):
            open_lai_gimms(tmp_path, GimmsLaiOptions())

    def test_half_a_month_is_no_month(self, tmp_path: Path) -> None:
        self._write(tmp_path, 1000, 0)
        with pytest.raises(SourceError, match="no whole period of the month"):
            open_lai_gimms(tmp_path, GimmsLaiOptions())


CGLS = Grid.from_centres(80 - np.arange(112) / 112, -180 + np.arange(224) / 112)
"""The north-western corner of the 1 km grid: the first centre is 180° W, 80° N."""


class TestCgls(SourceContract):
    service, step, kind, fill = "c_gls_LAI", 1 / 30, "uint8", 255
    grid = Grid.from_centres(80 - np.arange(560) / 112, -20 + np.arange(448) / 112)

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        for k, day in enumerate((10, 20, 31)):
            numbers = stored(leaves(self.grid, k, self.step), self.step, self.fill, self.kind)
            path = tmp_path / copernicus_name(self.service, DATE(2019, 1, day))
            write_copernicus(path, numbers, self.grid)
        return open_lai_copernicus(tmp_path, CopernicusLaiOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        one, three = (leaves(self.grid, k, self.step) for k in (0, 2))
        first = Clock.TEN_DAYS.tick(DATE(2019, 1, 1))
        return [
            Landmark(LAI, first, 80.0, -20.0, float("nan")),
            Landmark(COUNT, first, 80.0, -20.0, 0.0),
            Landmark(LAI, first, 80.0, -20 + 447 / 112, float(one[0, 447])),
            Landmark(LAI, first + 2, 80 - 559 / 112, -20.0, float(three[559, 0])),
        ]

    def test_the_last_day_of_a_month_names_its_third_ten_days(self, source: Source) -> None:
        first = Clock.TEN_DAYS.tick(DATE(2019, 1, 1))
        assert source.fields[LAI].ticks == (first, first + 1, first + 2)


class TestCgls300(TestCgls):
    service = "c_gls_LAI300"
    grid = Grid.from_centres(80 - np.arange(400) / 336, -20 + np.arange(448) / 336)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        values = leaves(self.grid, 1, self.step)
        second = Clock.TEN_DAYS.tick(DATE(2019, 1, 11))
        return [
            Landmark(LAI, second, 80 - 399 / 336, -20.0, float(values[399, 0])),
            Landmark(LAI, second, 80.0, -20 + 447 / 336, float(values[0, 447])),
        ]


class TestC3s(TestCgls):
    """uint16, with a time dimension and the unit ``fraction``."""

    service, step, kind, fill = "c3s_LAI", 0.001, "uint16", 65535


class TestCopernicusTraps:
    TICK = Clock.TEN_DAYS.tick(DATE(2019, 1, 1))

    def test_coordinates_are_pixel_centres_not_corners(self, tmp_path: Path) -> None:
        """Edges lie half a pixel north and west, so column 0 straddles the date line."""
        globe = Grid.from_centres(80 - np.arange(3) / 112, -180 + np.arange(40320) / 112)
        numbers = np.full(globe.shape, 30, dtype=np.uint8)
        numbers[0, 0], numbers[0, -1] = 90, 60
        write_copernicus(tmp_path / copernicus_name("c_gls_LAI", DATE(2019, 1, 10)), numbers, globe)
        source = open_lai_copernicus(tmp_path, CopernicusLaiOptions())
        grid = source.fields[LAI].grid
        assert str(grid.dx) == "1/112"
        assert str(grid.north) == f"{80 * 224 + 1}/224"
        assert abs(grid.west + 180) == Fraction(1, 224)
        assert grid.is_global
        for lon, value in ((179.996, 3.0), (-179.996, 3.0), (179.995, 2.0), (-179.995, 1.0)):
            box = grid.window_of(lon - 1e-7, 79.9999, lon + 1e-7, 80.0001)
            found = source.read(LAI, self.TICK, box)[0, 0]
            assert found == pytest.approx(value, rel=1e-5)

    @pytest.mark.parametrize("service", ["c_gls_LAI", "c3s_LAI"])
    def test_fill_and_scale_of_each_service(self, tmp_path: Path, service: str) -> None:
        kind, fill, one = ("uint8", 255, 30) if service == "c_gls_LAI" else ("uint16", 65535, 1000)
        numbers = np.full(CGLS.shape, one, dtype=kind)
        numbers[0, 0] = fill
        write_copernicus(tmp_path / copernicus_name(service, DATE(2019, 1, 10)), numbers, CGLS)
        source = open_lai_copernicus(tmp_path, CopernicusLaiOptions())
        found = source.read(LAI, self.TICK, CGLS.window)
        assert np.isnan(found[0, 0])
        assert found[0, 1] == pytest.approx(1.0, rel=2e-6)

    def test_numbers_beyond_the_valid_range_are_flags(self, tmp_path: Path) -> None:
        numbers = np.full(CGLS.shape, 251, dtype=np.uint8)
        numbers[5, 5] = 210
        write_copernicus(tmp_path / copernicus_name("c_gls_LAI", DATE(2019, 1, 10)), numbers, CGLS)
        source = open_lai_copernicus(tmp_path, CopernicusLaiOptions())
        found = source.read(LAI, self.TICK, CGLS.window)
        assert np.isfinite(found).sum() == 1
        assert found[5, 5] == pytest.approx(7.0, rel=1e-5)

    def test_uint8_without_a_scale_is_thirtieths_and_other_types_are_refused(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / copernicus_name("c_gls_LAI", DATE(2019, 1, 10))
        write_copernicus(path, np.full(CGLS.shape, 60, np.uint8), CGLS, attributes={})
        found = open_lai_copernicus(tmp_path, CopernicusLaiOptions()).read(
            LAI, self.TICK, Window(0, 0, 1, 1)
        )
        assert found[0, 0] == pytest.approx(2.0)
        write_copernicus(path, np.full(CGLS.shape, 60, np.uint16), CGLS, attributes={})
        with pytest.raises(SourceError, match=r"(?s)how its numbers are packed.*scale_factor"):
            open_lai_copernicus(tmp_path, CopernicusLaiOptions())

    def test_real_time_and_consolidated_files_are_not_mixed(self, tmp_path: Path) -> None:
        numbers = np.zeros(CGLS.shape, dtype=np.uint8)
        for mode in ("", "RT0"):
            name = copernicus_name("c_gls_LAI", DATE(2020, 6, 30), mode=mode)
            write_copernicus(tmp_path / name, numbers, CGLS)
        with pytest.raises(SourceError, match=r"(?s)one ten-day period.*RT0.*consolidated"):
            open_lai_copernicus(tmp_path, CopernicusLaiOptions())

    def test_resolutions_are_not_mixed(self, tmp_path: Path) -> None:
        fine = Grid.from_centres(80 - np.arange(112) / 336, -180 + np.arange(224) / 336)
        for service, day, grid in (("c_gls_LAI", 10, CGLS), ("c_gls_LAI300", 20, fine)):
            path = tmp_path / copernicus_name(service, DATE(2019, 1, day))
            write_copernicus(path, np.zeros(grid.shape, np.uint8), grid)
        with pytest.raises(SourceError, match=r"(?s)another grid.*folders of their own"):
            open_lai_copernicus(tmp_path, CopernicusLaiOptions())

    @pytest.mark.parametrize(
        "name",
        [
            "c_gls_LAI_199908100000_GLOBE_VGT_V2.0.2.nc",
            "c_gls_LAI-RT0_202006300000_GLOBE_PROBAV_V2.0.1.nc",
            "c_gls_LAI300_201401100000_GLOBE_PROBAV_V1.0.1.nc",
            "c_gls_LAI300-RT1_202101310000_GLOBE_OLCI_V1.1.1.nc",
            "c3s_LAI_20190110000000_GLOBE_PROBAV_V3.0.1.nc",
            "c3s_LAI_19810920000000_GLOBE_AVHRR-NOAA7_V1.0.1.nc",
        ],
    )
    def test_names_of_all_services_are_known(self, tmp_path: Path, name: str) -> None:
        numbers = np.zeros(CGLS.shape, dtype="uint16" if name.startswith("c3s") else "uint8")
        write_copernicus(tmp_path / name, numbers, CGLS)
        source = open_lai_copernicus(tmp_path, CopernicusLaiOptions())
        assert len(source.fields[LAI].ticks) == 1
        assert source.provenance()[0].version.split()[0] in name

    def test_months_from_ten_days_and_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match="No Copernicus"):
            open_lai_copernicus(tmp_path, CopernicusLaiOptions())
        for day, value in ((10, 30), (20, 60), (31, 90)):
            path = tmp_path / copernicus_name("c_gls_LAI", DATE(2019, 1, day))
            write_copernicus(path, np.full(CGLS.shape, value, np.uint8), CGLS)
        source = open_lai_copernicus(tmp_path, CopernicusLaiOptions(clock="month"))
        found = source.read(LAI, Clock.MONTH.tick(DATE(2019, 1, 1)), Window(3, 3, 1, 1))
        assert found[0, 0] == pytest.approx((10 * 1 + 10 * 2 + 11 * 3) / 31, rel=1e-5)
