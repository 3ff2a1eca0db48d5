"""MODIS leaf area: tiles, exports, fill values, quality bits, and real windows."""

from __future__ import annotations

import datetime as dt
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.regrid import SinusoidalGrid, sinusoidal_mean, sinusoidal_nearest
from ai4land.sources import Source
from ai4land.sources.lai.modis import ModisLaiOptions, accepted, open_lai_modis
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import Clock
from provider_files.lai import (
    modis_dates,
    modis_name,
    write_modis_export,
    write_modis_netcdf,
    write_modis_tile,
)

LAI, COUNT = "leaf_area_index", "leaf_area_index_observations"
CELLS = 120  # pixels along a side of the small tiles: 1/12° of latitude
DAY = dt.date(2004, 1, 1)
EIGHT = Clock.EIGHT_DAYS
Bytes = npt.NDArray[np.uint8]

pyhdf = pytest.importorskip("pyhdf", reason="HDF4 files need pyhdf")


def numbers(seed: int, cells: int = CELLS) -> Bytes:
    """Stored leaf area without symmetry, some of each fill value."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 101, (cells, cells)).astype(np.uint8)
    fills = rng.random(values.shape) < 0.1
    values[fills] = rng.integers(249, 256, int(fills.sum()))
    return values


def good(cells: int = CELLS) -> Bytes:
    """A quality layer without blemish."""
    return np.zeros((cells, cells), dtype=np.uint8)


def physical(values: Bytes) -> npt.NDArray[np.float64]:
    return np.where(values <= 100, values * 0.1, np.nan)


class TestTiles(SourceContract):
    """Two tiles side by side, three composites, onto 0.1°."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        for k, day in enumerate(modis_dates(2004)[:3]):
            for h in (17, 18):
                write_modis_tile(tmp_path / f"{day:%Y}", day, (h, 4), numbers(10 * k + h), good())
        return open_lai_modis(tmp_path, ModisLaiOptions(degrees="0.1"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        whole = SinusoidalGrid(4 * CELLS, 17 * CELLS, CELLS, 2 * CELLS, CELLS)
        values = physical(np.concatenate([numbers(37), numbers(38)], axis=1))
        target = whole.regular(Fraction(1, 10))
        mean, share = sinusoidal_mean(
            np.nan_to_num(values), whole, target, np.isfinite(values), strips=4
        )
        tick = EIGHT.tick(modis_dates(2004)[2])

        def mark(lat: float, lon: float) -> Landmark:
            box = target.window_of(lon - 1e-6, lat - 1e-6, lon + 1e-6, lat + 1e-6)
            assert share[box.slices][0, 0] >= 0.5
            return Landmark(LAI, tick, lat, lon, float(np.float32(mean[box.slices][0, 0])))

        return [
            mark(45.05, -3.05),
            mark(41.35, 4.15),
            mark(48.85, 0.05),  # across the edge of the two tiles
            Landmark(LAI, tick, 45.05, -15.55, float("nan")),  # west of the tile at this latitude
            Landmark(COUNT, tick, 45.05, -15.55, 0.0),
            Landmark(COUNT, tick, 45.05, -3.05, 1.0),
        ]

    def test_ticks_are_the_composites(self, source: Source) -> None:
        field = source.fields[LAI]
        assert field.clock is EIGHT
        assert field.ticks == tuple(EIGHT.tick(d) for d in modis_dates(2004)[:3])
        assert source.inspect(LAI, field.ticks, Window(0, 0, 1, 1)) == {
            "quality": "any",
            "composite_days": 8,
            "day_weights": "days shared with the period",
            "resample": "sinusoidal mean",
            "min_share": 0.5,
            "composites_per_tick": [1, 1],
        }


class TestNearest(TestTiles):
    """The same tiles, pixel by pixel."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        for k, day in enumerate(modis_dates(2004)[:3]):
            for h in (17, 18):
                write_modis_tile(tmp_path, day, (h, 4), numbers(10 * k + h), good())
        return open_lai_modis(tmp_path, ModisLaiOptions(degrees="0.1", method="nearest"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        whole = SinusoidalGrid(4 * CELLS, 17 * CELLS, CELLS, 2 * CELLS, CELLS)
        values = physical(np.concatenate([numbers(17), numbers(18)], axis=1))
        tick = EIGHT.tick(DAY)
        marks = []
        for lat, lon in ((45.05, -3.05), (41.35, 4.15), (44.95, 6.25)):
            spot = Grid.regular(lon - 0.05, lat + 0.05, 0.1, 0.1, (1, 1))
            value = sinusoidal_nearest(values, whole, spot, np.nan)[0, 0]
            marks.append(Landmark(LAI, tick, lat, lon, float(np.float32(value))))
        return marks

    def test_ticks_are_the_composites(self, source: Source) -> None:
        window = Window(0, 0, 1, 1)
        assert source.inspect(LAI, source.fields[LAI].ticks, window)["resample"].endswith("nearest")


@pytest.mark.parametrize("fill", range(249, 256))
def test_every_fill_value_of_modis_is_missing_not_leaf_area(tmp_path: Path, fill: int) -> None:
    values = np.full((CELLS, CELLS), 100, dtype=np.uint8)
    values[:, : CELLS // 2] = fill
    write_modis_tile(tmp_path, DAY, (18, 8), values, good())
    source = open_lai_modis(tmp_path, ModisLaiOptions(degrees="0.5"))
    window = source.fields[LAI].grid.window
    found = source.read(LAI, EIGHT.tick(DAY), window)
    assert np.isnan(found[10, :9]).all()
    assert found[10, -8:-1] == pytest.approx(10.0)  # 100 × 0.1
    assert np.nanmin(found) == pytest.approx(10.0)


def test_numbers_between_100_and_249_are_refused(tmp_path: Path) -> None:
    values = np.full((CELLS, CELLS), 248, dtype=np.uint8)  # 248 is a code of the deviations only
    write_modis_tile(tmp_path, DAY, (18, 8), values, good())
    source = open_lai_modis(tmp_path, ModisLaiOptions())
    with pytest.raises(SourceError, match=r"(?s)neither leaf area nor a fill.*h18v08.*0…100.*248"):
        source.read(LAI, EIGHT.tick(DAY), Window(500, 500, 2, 2))


class TestQuality:
    def test_bits_mean_what_the_file_specification_says(self) -> None:
        def bits(modland: int, dead: int, cloud: int, scf: int) -> int:
            return modland | dead << 2 | cloud << 3 | scf << 5

        cases = {
            bits(0, 0, 0, 0): (True, True),
            bits(0, 0, 0, 1): (True, True),  # saturated
            bits(0, 0, 3, 0): (True, True),  # assumed clear
            bits(0, 0, 1, 0): (True, False),  # clouds
            bits(0, 0, 2, 0): (True, False),  # mixed clouds
            bits(0, 1, 0, 0): (True, False),  # dead detector
            bits(1, 0, 0, 2): (False, False),  # back-up: geometry
            bits(1, 0, 0, 3): (False, False),
            bits(1, 0, 0, 4): (False, False),  # not produced
            bits(1, 0, 0, 0): (False, False),
            bits(0, 0, 0, 2): (False, False),
            bits(0, 0, 0, 0) | 2: (True, True),  # Aqua
        }
        quality = np.array(list(cases), dtype=np.uint8)
        assert accepted(quality, "any").all()
        assert accepted(quality, "main").tolist() == [m for m, _ in cases.values()]
        assert accepted(quality, "clear").tolist() == [c for _, c in cases.values()]

    @pytest.mark.parametrize(("rule", "count"), [("any", 2), ("main", 1), ("clear", 0)])
    def test_a_rule_drops_composites_and_the_count_says_so(
        self, tmp_path: Path, rule: str, count: int
    ) -> None:
        lai = np.full((CELLS, CELLS), 30, dtype=np.uint8)
        cloudy, backup = np.full_like(lai, 1 << 3), np.full_like(lai, 1 | 2 << 5)
        for day, quality in zip(modis_dates(2004)[:2], (cloudy, backup), strict=True):
            write_modis_tile(tmp_path, day, (18, 8), lai, quality)
        options = {"degrees": "0.5", "clock": "month", "partial": True, "quality": rule}
        source = open_lai_modis(tmp_path, ModisLaiOptions.model_validate(options))
        tick = Clock.MONTH.tick(DAY)
        window = Window(10, 10, 1, 1)
        assert source.read(COUNT, tick, window)[0, 0] == count
        found = source.read(LAI, tick, window)[0, 0]
        assert np.isnan(found) if count == 0 else found == pytest.approx(3.0)

    def test_a_rule_without_a_quality_layer_is_refused(self, tmp_path: Path) -> None:
        place = SinusoidalGrid.tile(18, 8, CELLS)
        write_modis_export(tmp_path / "l_2004_001.tif", numbers(0), place, day=DAY)
        pattern = "l_{year}_{doy}.tif"
        options = ModisLaiOptions(pattern=pattern, quality="main")
        with pytest.raises(ConfigError, match=r"(?s)no quality layer.*quality_pattern"):
            open_lai_modis(tmp_path, options)
        bad = np.full((CELLS, CELLS), 1, dtype=np.uint8)
        write_modis_export(tmp_path / "q_2004_001.tif", bad, place, day=DAY)
        options = ModisLaiOptions(
            pattern=pattern, quality="main", quality_pattern="q_{year}_{doy}.tif"
        )
        source = open_lai_modis(tmp_path, options)
        assert np.isnan(source.read(LAI, EIGHT.tick(DAY), Window(500, 500, 3, 3))).all()
        write_modis_export(tmp_path / "l_2004_009.tif", numbers(0), place)
        with pytest.raises(MissingFileError, match=r"(?s)quality file is missing.*2004-01-09"):
            open_lai_modis(tmp_path, options)


class TestFolder:
    def test_products_and_collections_are_not_mixed(self, tmp_path: Path) -> None:
        write_modis_tile(tmp_path, DAY, (18, 8), numbers(0), good())
        write_modis_tile(tmp_path, DAY, (18, 8), numbers(1), good(), product="MOD15A2H")
        with pytest.raises(SourceError, match=r"(?s)Several products.*MCD15A2H 061, MOD15A2H 061"):
            open_lai_modis(tmp_path, ModisLaiOptions())
        source = open_lai_modis(tmp_path, ModisLaiOptions(product="MOD15A2H"))
        assert [p.product for p in source.provenance()] == ["MODIS MOD15A2H"]
        write_modis_tile(
            tmp_path, DAY, (18, 8), numbers(1), good(), product="MOD15A2H", collection="006"
        )
        with pytest.raises(SourceError, match="one collection in a folder"):
            open_lai_modis(tmp_path, ModisLaiOptions(product="MOD15A2H"))

    def test_two_productions_of_a_tile_are_refused(self, tmp_path: Path) -> None:
        path = write_modis_tile(tmp_path, DAY, (18, 8), numbers(0), good())
        again = tmp_path / "new" / path.name.replace("2005123045600", "2006123045600")
        again.parent.mkdir()
        again.write_bytes(path.read_bytes())
        with pytest.raises(SourceError, match="produced last"):
            open_lai_modis(tmp_path, ModisLaiOptions())

    def test_a_composite_without_one_of_its_tiles_is_a_gap_that_names_it(
        self, tmp_path: Path
    ) -> None:
        for k, day in enumerate(modis_dates(2004)[:3]):
            for h in (17, 18):
                if (k, h) != (1, 17):
                    write_modis_tile(tmp_path, day, (h, 4), numbers(h), good())
        field = open_lai_modis(tmp_path, ModisLaiOptions()).fields[LAI]
        second = EIGHT.tick(modis_dates(2004)[1])
        assert field.gaps == {second: "composites cover 0 of its 8 days; 2004-01-09: lacks h17v04"}

    def test_a_tile_that_lies_elsewhere_than_its_name_says(self, tmp_path: Path) -> None:
        elsewhere = SinusoidalGrid.tile(17, 4, CELLS)
        write_modis_tile(tmp_path, DAY, (18, 4), numbers(0), good(), place=elsewhere)
        source = open_lai_modis(tmp_path, ModisLaiOptions())
        with pytest.raises(SourceError, match=r"(?s)elsewhere than its name says.*h18v04"):
            source.read(LAI, EIGHT.tick(DAY), Window(500, 500, 1, 1))

    def test_a_tile_that_declares_another_scale_is_refused(self, tmp_path: Path) -> None:
        write_modis_tile(tmp_path, DAY, (18, 4), numbers(0), good(), scale=0.01)
        source = open_lai_modis(tmp_path, ModisLaiOptions())
        with pytest.raises(SourceError, match=r"(?s)another scale factor.*expected: 0.1.*0.01"):
            source.read(LAI, EIGHT.tick(DAY), Window(500, 500, 1, 1))

    def test_a_grid_that_starts_in_the_south_is_refused(self, tmp_path: Path) -> None:
        write_modis_tile(tmp_path, DAY, (18, 4), numbers(0), good(), origin="HDFE_GD_LL")
        with pytest.raises(SourceError, match=r"(?s)north-west.*HDFE_GD_UL.*HDFE_GD_LL"):
            open_lai_modis(tmp_path, ModisLaiOptions())

    def test_an_empty_folder_names_the_files_and_the_option_for_exports(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No MODIS.*h17v04.*`pattern`"):
            open_lai_modis(tmp_path, ModisLaiOptions())

    def test_a_login_page_and_a_damaged_tile(self, tmp_path: Path) -> None:
        path = tmp_path / modis_name("MCD15A2H", DAY, 18, 4)
        path.write_text("<!DOCTYPE html><html>Earthdata Login</html>")
        with pytest.raises(SourceError, match=r"(?s)Not an HDF4 file.*login"):
            open_lai_modis(tmp_path, ModisLaiOptions())
        write_modis_tile(tmp_path, DAY, (18, 4), numbers(0), good())
        path.write_bytes(path.read_bytes()[:600])
        with pytest.raises(SourceError, match=r"(?s)HDF4 file cannot be read.*checksum"):
            open_lai_modis(tmp_path, ModisLaiOptions())

    def test_without_the_library_the_extra_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_modis_tile(tmp_path, DAY, (18, 4), numbers(0), good())
        monkeypatch.setitem(sys.modules, "pyhdf.SD", None)
        with pytest.raises(SourceError, match=r"(?s)extra library.*pip install ai4land\[hdf4\]"):
            open_lai_modis(tmp_path, ModisLaiOptions())


class TestExports:
    """GeoTIFF: the scale stands in the tags, the length of a composite in the dates."""

    PATTERN = "Lai_500m_{year}_{doy}_LU.tif"

    def _write(self, folder: Path, days: int = 8, **more: object) -> None:
        place = SinusoidalGrid(9557, 44088, 60, 50)
        rng = np.random.default_rng(0)
        for k in range(2):
            day = DAY + dt.timedelta(days=8 * k)
            write_modis_export(
                folder / f"Lai_500m_{day:%Y_%j}_LU.tif",
                rng.integers(0, 71, place.shape).astype(np.uint8),
                place,
                day=day,
                days=days,
                **more,  # type: ignore[arg-type]
            )

    def test_the_scale_is_not_left_out_though_the_band_says_1(self, tmp_path: Path) -> None:
        self._write(tmp_path)
        source = open_lai_modis(tmp_path, ModisLaiOptions(pattern=self.PATTERN))
        found = source.read(LAI, EIGHT.tick(DAY), source.fields[LAI].grid.window)
        assert 1.0 < np.nanmean(found) < 5.0
        assert source.provenance()[0].product == "MODIS MCD15A2H"

    def test_another_scale_in_the_tags_is_refused(self, tmp_path: Path) -> None:
        self._write(tmp_path, scale=0.01)
        with pytest.raises(SourceError, match=r"(?s)another scale factor.*expected: 0.1"):
            open_lai_modis(tmp_path, ModisLaiOptions(pattern=self.PATTERN))

    def test_the_length_of_a_composite_follows_the_tags(self, tmp_path: Path) -> None:
        self._write(tmp_path, days=4, product="MCD15A3H")
        options = ModisLaiOptions(pattern=self.PATTERN, partial=True)
        source = open_lai_modis(tmp_path, options)
        assert (
            source.inspect(LAI, source.fields[LAI].ticks, Window(0, 0, 1, 1))["composite_days"] == 4
        )
        with pytest.raises(SourceError, match=r"(?s)another length.*8 days.*4 days by the files"):
            open_lai_modis(tmp_path, options.model_copy(update={"days": 8}))

    def test_tags_of_another_date_are_refused(self, tmp_path: Path) -> None:
        place = SinusoidalGrid(9557, 44088, 60, 50)
        values = np.zeros(place.shape, dtype=np.uint8)
        write_modis_export(tmp_path / "Lai_500m_2004_017_LU.tif", values, place, day=DAY)
        with pytest.raises(SourceError, match=r"(?s)tags contradict.*2004-01-17.*2004-01-01"):
            open_lai_modis(tmp_path, ModisLaiOptions(pattern=self.PATTERN))

    def test_an_export_on_latitudes_and_longitudes_keeps_its_grid(self, tmp_path: Path) -> None:
        grid = Grid.regular(5, 50, "1/240", "1/240", (30, 40))
        values = np.random.default_rng(0).integers(0, 101, grid.shape).astype(np.uint8)
        values[3, 4] = 253
        write_modis_export(tmp_path / "Lai_500m_2004_001_LU.tif", values, grid)
        source = open_lai_modis(tmp_path, ModisLaiOptions(pattern=self.PATTERN))
        assert source.fields[LAI].grid == grid
        found = source.read(LAI, EIGHT.tick(DAY), grid.window)
        np.testing.assert_allclose(found, np.where(values == 253, np.nan, values * 0.1), rtol=1e-6)

    def test_other_grids_types_and_spheres_are_refused(self, tmp_path: Path) -> None:
        import rasterio
        from rasterio.transform import Affine

        self._write(tmp_path)
        other = SinusoidalGrid(9558, 44088, 60, 50)
        values = np.zeros(other.shape, dtype=np.uint8)
        path = write_modis_export(tmp_path / "Lai_500m_2004_025_LU.tif", values, other)
        options = ModisLaiOptions(pattern=self.PATTERN)
        with pytest.raises(SourceError, match=r"(?s)another grid.*2004_025"):
            open_lai_modis(tmp_path, options)
        for crs, dtype, text in (
            ("+proj=sinu +datum=WGS84", "uint8", "sphere of 6371007.181 m"),
            ("+proj=sinu +R=6371007.181", "float32", "neither scaled nor interpolated"),
        ):
            left, top, size = other.metres
            transform = Affine(size, 0, left, 0, -size, top)
            shape = {"height": 60, "width": 50, "count": 1}
            with rasterio.open(
                path, "w", driver="GTiff", dtype=dtype, crs=crs, transform=transform, **shape
            ) as file:
                file.write(values.astype(dtype), 1)
            with pytest.raises(SourceError, match=text):
                open_lai_modis(tmp_path, options)


def test_a_netcdf_export_with_quality(tmp_path: Path) -> None:
    place = SinusoidalGrid(9557, 44088, 40, 50)
    lai = {d: np.full(place.shape, 20 + k, np.uint8) for k, d in enumerate(modis_dates(2004)[:2])}
    flags = {d: np.full(place.shape, k, np.uint8) for k, d in enumerate(lai)}
    path = write_modis_netcdf(tmp_path / "lai.nc", lai, place, flags)
    options = {"degrees": "1/60", "quality": "main", "clock": "month", "partial": True}
    source = open_lai_modis(path, ModisLaiOptions.model_validate(options))
    tick = Clock.MONTH.tick(DAY)
    whole = source.fields[LAI].grid.window
    found, count = source.read(LAI, tick, whole), source.read(COUNT, tick, whole)
    assert np.nanmax(found) == pytest.approx(2.0)  # 21 is of lower quality
    assert set(np.unique(count)) == {0.0, 1.0}


def test_steps_of_four_days_in_a_netcdf_export(tmp_path: Path) -> None:
    place = SinusoidalGrid(9557, 44088, 8, 9)
    lai = {d: np.full(place.shape, 20, np.uint8) for d in modis_dates(2004, step=4)[:4]}
    path = write_modis_netcdf(tmp_path / "lai.nc", lai, place)
    source = open_lai_modis(path, ModisLaiOptions())
    ticks = source.fields[LAI].ticks
    assert ticks == (EIGHT.tick(DAY), EIGHT.tick(DAY) + 1)
    assert source.inspect(LAI, ticks, Window(0, 0, 1, 1))["composites_per_tick"] == [2, 2]
    with pytest.raises(SourceError, match=r"(?s)another length.*4 days"):
        open_lai_modis(path, ModisLaiOptions(days=8))


@pytest.mark.realdata
class TestArcachon(SourceContract):
    """46 composites of 2004, MOD15A2H as a NetCDF export."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        path = realdata / "modis_lai_arcachon" / "arcachon_lai.nc"
        return open_lai_modis(path, ModisLaiOptions())

    @pytest.fixture
    def landmarks(self, source: Source) -> list[Landmark]:
        tick = EIGHT.tick(dt.date(2004, 7, 3))

        def at(lat: float, lon: float) -> float:
            grid = source.fields[LAI].grid
            box = grid.window_of(lon - 1e-6, lat - 1e-6, lon + 1e-6, lat + 1e-6)
            return float(source.read(LAI, tick, box)[0, 0])

        forest = at(44.5541, -1.0541)
        assert 1.5 < forest < 6.0
        return [
            Landmark(LAI, tick, 44.5541, -1.0541, forest),
            Landmark(LAI, tick, 44.6541, -1.3041, float("nan")),  # the Atlantic, 254 in the file
            Landmark(COUNT, tick, 44.6541, -1.3041, 0.0),
        ]

    def test_leaves_grow_in_summer(self, source: Source) -> None:
        grid = source.fields[LAI].grid

        def mean(day: dt.date) -> float:
            return float(np.nanmean(source.read(LAI, EIGHT.tick(day), grid.window)))

        assert mean(dt.date(2004, 6, 25)) > 1.5 * mean(dt.date(2004, 1, 9))
        assert 0.5 < mean(dt.date(2004, 6, 25)) < 5.0

    def test_months_have_their_composites(self, realdata: Path) -> None:
        path = realdata / "modis_lai_arcachon" / "arcachon_lai.nc"
        source = open_lai_modis(path, ModisLaiOptions(clock="month"))
        field = source.fields[COUNT]
        assert len(field.ticks) == 12
        counts = source.read(COUNT, field.ticks[0], field.grid.window)
        assert counts.max() == 4  # 1, 9, 17 and 25 January

    def test_the_area_mean_is_that_of_the_pixels(self, source: Source, realdata: Path) -> None:
        import netCDF4

        with netCDF4.Dataset(realdata / "modis_lai_arcachon" / "arcachon_lai.nc") as file:
            file.set_auto_maskandscale(False)
            raw = np.asarray(file["Lai_500m"][22])
        tick = EIGHT.tick(dt.date(2004, 1, 1)) + 22
        found = source.read(LAI, tick, source.fields[LAI].grid.window)
        pixels = raw[raw <= 100] * 0.1
        areas = source.fields[LAI].grid.cell_areas()
        known = np.isfinite(found)
        mean = (np.nan_to_num(found) * areas)[known].sum() / areas[known].sum()
        assert mean == pytest.approx(pixels.mean(), rel=0.02)  # coastal cells of under a half fall


@pytest.mark.realdata
class TestLuxembourg(SourceContract):
    """One composite of 4 days: MCD15A3H as a GeoTIFF export, with its tags."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        options = ModisLaiOptions(pattern="Lai_500m_{year}_{doy}_LU.tif", partial=True)
        return open_lai_modis(realdata / "real_bytes", options)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        tick = EIGHT.tick(dt.date(2017, 5, 29))
        return [
            Landmark(LAI, tick, 49.6125, 6.1292, float("nan")),  # the city, 250 in the file
            Landmark(LAI, tick, 49.4708, 6.5292, float("nan")),  # abroad, 255
            Landmark(COUNT, tick, 49.4708, 6.5292, 0.0),
        ]

    def test_the_tags_give_four_days_and_a_half_tick(self, source: Source, realdata: Path) -> None:
        tick = EIGHT.tick(dt.date(2017, 5, 29))
        assert source.fields[LAI].ticks == (tick,)
        notes = source.inspect(LAI, (tick,), Window(0, 0, 1, 1))
        assert notes["composite_days"] == 4
        found = source.read(LAI, tick, source.fields[LAI].grid.window)
        assert 1.5 < np.nanmean(found) < 4.5
        assert np.nanmax(found) <= 7.0
        options = ModisLaiOptions(pattern="Lai_500m_{year}_{doy}_LU.tif")
        with pytest.raises(SourceError, match=r"(?s)no whole period.*partial: true"):
            open_lai_modis(realdata / "real_bytes", options)
        wrong = options.model_copy(update={"days": 8, "partial": True})
        with pytest.raises(SourceError, match="4 days by the files' tags"):
            open_lai_modis(realdata / "real_bytes", wrong)
