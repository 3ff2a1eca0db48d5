from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import Affine

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Window
from ai4land.sources import HildaOptions, Source, open_hilda
from ai4land.testing.contracts.source import Landmark, SourceContract
from provider_files.tiny import (
    HILDA_BASE_MAP,
    HILDA_V1,
    HILDA_V1_F,
    HILDA_V2,
    class_map,
    write_hilda_netcdf,
    write_map,
    write_series,
)

V1 = HildaOptions(version="v1")


class TestSeries(SourceContract):
    """A float32 crop with sea 0, as real crops come, long enough to measure laziness."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        maps = {y: class_map(500, 600, seed=y).astype(np.float32) for y in (1958, 1959, 1960)}
        maps[1960][400, 7] = np.nan
        return open_hilda(write_series(tmp_path, HILDA_V1, maps, cell=0.01), V1)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        expected = class_map(500, 600, seed=1959)
        return [
            Landmark("land_use", 1959, 39.995, 20.005, 0),
            Landmark("land_use", 1959, 35.005, 20.005, float(expected[499, 0])),
            Landmark("land_use", 1959, 38.995, 25.995, float(expected[100, 599])),
            Landmark("land_use", 1960, 35.995, 20.075, 255),
        ]

    def test_years_before_1960_are_back_cast(self, source: Source) -> None:
        assert source.fields["land_use"].back_cast == {1958, 1959}


class TestNetcdf(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        maps = {y: class_map(500, 600, seed=y) for y in (1959, 1960, 1962)}
        return open_hilda(write_hilda_netcdf(tmp_path / "s.nc", maps, cell=0.01), V1)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        expected = class_map(500, 600, seed=1962)
        return [
            Landmark("land_use", 1962, 39.995, 20.005, 0),
            Landmark("land_use", 1962, 35.005, 25.995, float(expected[499, 599])),
        ]

    def test_a_hole_in_the_time_axis_is_a_gap(self, source: Source) -> None:
        field = source.fields["land_use"]
        assert field.ticks == (1959, 1960, 1962)
        assert field.gaps == {1961: "s.nc has no time 1961"}


@pytest.mark.realdata
class TestCrete(SourceContract):
    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return open_hilda(realdata / "hilda_crete", V1)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("land_use", 2000, 35.645, 23.475, 0),  # the Sea of Crete
            Landmark("land_use", 2000, 35.335, 25.135, 11),  # Heraklion
            Landmark("land_use", 2000, 34.805, 26.345, 0),  # the Libyan Sea
        ]

    def test_grid_is_exact_hundredths(self, source: Source) -> None:
        grid = source.fields["land_use"].grid
        assert str(grid.dx) == "1/100"
        assert (str(grid.west), str(grid.north)) == ("2347/100", "357/10")


@pytest.mark.realdata
class TestUkSouth(SourceContract):
    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return open_hilda(realdata / "hilda_uk_south", HildaOptions(version="v1-f"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("land_use", 2012, 51.509, -0.125, 11),  # London
            Landmark("land_use", 2012, 50.003, -13.005, 0),  # the Atlantic
        ]

    def test_years_between_the_maps_are_gaps(self, source: Source) -> None:
        gaps = source.fields["land_use"].gaps
        assert sorted(gaps) == [2010, 2011]
        assert "hilda_plus_2010_states_GLOB-v1-0-f_uk-south.tif is missing" in gaps[2010]


@pytest.mark.parametrize(
    ("version", "name", "codes"),
    [("v1-f", HILDA_V1_F, (40, 45)), ("v2", HILDA_V2, (23, 24, 44)), ("v1", HILDA_V1, (44, 99))],
)
def test_each_version_knows_its_codes(
    tmp_path: Path, version: str, name: str, codes: tuple[int, ...]
) -> None:
    values = class_map(codes=codes)
    write_series(tmp_path / "deep" / "er", name, {2000: values, 2001: values})
    source = open_hilda(tmp_path, HildaOptions.model_validate({"version": version}))
    assert np.array_equal(source.read("land_use", 2001, Window(0, 0, 12, 16)), values)


def test_another_version_is_refused_by_the_file_name(tmp_path: Path) -> None:
    write_series(tmp_path, HILDA_V1_F, {2000: class_map()})
    with pytest.raises(SourceError, match=r"(?s)another version.*v1-f by its name.*version: v1-f"):
        open_hilda(tmp_path, V1)


def test_an_unknown_code_names_file_code_and_legend(tmp_path: Path) -> None:
    values = class_map()
    values[5, 5:7] = 41
    write_series(tmp_path, HILDA_V1, {2000: values})
    source = open_hilda(tmp_path, V1)
    text = r"(?s)legend does not know.*crete_hilda_plus_2000_.*hildaplus_v1: 0, 11.*41 \(2 cells\)"
    with pytest.raises(SourceError, match=text):
        source.read("land_use", 2000, Window(0, 0, 12, 16))


@pytest.mark.parametrize("code", [300, -3])
def test_a_wide_type_is_accepted_only_for_known_codes(tmp_path: Path, code: int) -> None:
    values = class_map().astype(np.int16)
    good = write_series(tmp_path / "good", HILDA_V1, {2000: values})
    assert open_hilda(good, V1).read("land_use", 2000, Window(0, 0, 12, 16)).dtype == np.uint8
    values[0, 0] = code
    bad = write_series(tmp_path / "bad", HILDA_V1, {2000: values})
    with pytest.raises(SourceError, match=rf"(?s)does not know.*{code} \(1 cells\)"):
        open_hilda(bad, V1).read("land_use", 2000, Window(0, 0, 12, 16))


def test_an_interpolated_map_is_refused(tmp_path: Path) -> None:
    values = class_map().astype(np.float32)
    values[3, 3] = 33.5
    write_series(tmp_path, HILDA_V1, {2000: values})
    with pytest.raises(SourceError, match=r"(?s)holds fractions.*33\.5.*nearest"):
        open_hilda(tmp_path, V1).read("land_use", 2000, Window(0, 0, 12, 16))


def test_no_data_tag_is_missing_unless_the_legend_knows_the_code(tmp_path: Path) -> None:
    values = class_map()
    values[11, 15] = 200
    folder = write_series(tmp_path / "a", HILDA_V1, {2000: values}, nodata=200)
    read = open_hilda(folder, V1).read("land_use", 2000, Window(0, 0, 12, 16))
    assert read[11, 15] == 255
    folder = write_series(tmp_path / "b", HILDA_V1, {2000: class_map()}, nodata=0)
    read = open_hilda(folder, V1).read("land_use", 2000, Window(0, 0, 12, 16))
    assert read[0, 0] == 0  # ocean, whatever the tag says


class Test2015:
    """The base map of 2015 codes ice (99) as sparse land (66)."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        before = np.array([[99, 99, 66], [44, 66, 22]], dtype=np.uint8)
        base = np.array([[66, 66, 66], [44, 66, 66]], dtype=np.uint8)
        write_series(tmp_path, HILDA_V1, {2014: before, 2016: before})
        write_map(tmp_path / HILDA_BASE_MAP, base)
        return tmp_path

    def test_without_a_choice_the_year_is_a_gap_that_names_the_option(self, folder: Path) -> None:
        source = open_hilda(folder, V1)
        assert source.fields["land_use"].ticks == (2014, 2016)
        assert "base_map_2015 to repair, exclude or as_is" in source.fields["land_use"].gaps[2015]
        with pytest.raises(SourceError, match="base_map_2015"):
            source.read("land_use", 2015, Window(0, 0, 2, 3))

    def test_exclude_leaves_it_out(self, folder: Path) -> None:
        field = open_hilda(folder, HildaOptions(version="v1", base_map_2015="exclude")).fields[
            "land_use"
        ]
        assert field.ticks == (2014, 2016)
        assert not field.gaps

    def test_as_is_and_repair(self, folder: Path) -> None:
        whole = Window(0, 0, 2, 3)
        raw = open_hilda(folder, HildaOptions(version="v1", base_map_2015="as_is"))
        assert raw.read("land_use", 2015, whole).tolist() == [[66, 66, 66], [44, 66, 66]]
        mended = open_hilda(folder, HildaOptions(version="v1", base_map_2015="repair"))
        assert mended.read("land_use", 2015, whole).tolist() == [[99, 99, 66], [44, 66, 66]]
        assert mended.inspect("land_use", (2015,), whole)["base_map_2015"] == "repair"
        names = [p.name for p in mended.provenance({2015})]
        assert sorted(names) == sorted([HILDA_V1.format(year=2014), HILDA_BASE_MAP])

    def test_repair_needs_2014(self, folder: Path) -> None:
        (folder / HILDA_V1.format(year=2014)).unlink()
        with pytest.raises(SourceError, match="repaired without 2014"):
            open_hilda(folder, HildaOptions(version="v1", base_map_2015="repair"))

    def test_two_files_of_2015_are_refused(self, folder: Path) -> None:
        write_series(folder, HILDA_V1, {2015: class_map(2, 3)})
        with pytest.raises(SourceError, match=r"(?s)Two files for one year.*2015.*base-map"):
            open_hilda(folder, V1)


class TestOrientation:
    def test_a_south_up_georeference_is_turned(self, tmp_path: Path) -> None:
        values = class_map()
        south_up = Affine(0.1, 0, 20, 0, 0.1, 40 - 1.2)
        write_series(tmp_path, HILDA_V1, {2000: values[::-1]}, transform=south_up)
        source = open_hilda(tmp_path, V1)
        assert float(source.fields["land_use"].grid.north) == 40
        assert np.array_equal(source.read("land_use", 2000, Window(2, 3, 5, 6)), values[2:7, 3:9])

    def test_a_rotated_raster_is_refused(self, tmp_path: Path) -> None:
        turned = Affine(0.1, 0.02, 20, 0.02, -0.1, 40)
        write_series(tmp_path, HILDA_V1, {2000: class_map()}, transform=turned)
        with pytest.raises(SourceError, match=r"(?s)rotated.*2000.*rio warp"):
            open_hilda(tmp_path, V1)

    def test_a_transposed_file_is_named(self, tmp_path: Path) -> None:
        write_series(tmp_path, HILDA_V1, {2000: class_map(), 2001: class_map(16, 12)})
        with pytest.raises(SourceError, match=r"(?s)another grid.*_2001_.*swapped"):
            open_hilda(tmp_path, V1)

    def test_a_file_of_another_grid_is_named(self, tmp_path: Path) -> None:
        write_series(tmp_path, HILDA_V1, {2000: class_map()})
        write_series(tmp_path, HILDA_V1, {2001: class_map()}, west=20.05)
        with pytest.raises(SourceError, match=r"(?s)another grid.*_2001_.*_2000_.*one product"):
            open_hilda(tmp_path, V1)

    @pytest.mark.parametrize(("axis", "how"), [(0, "upside down"), (1, "reversed east–west")])
    def test_a_mirrored_file_is_found_by_its_neighbour(
        self, tmp_path: Path, axis: int, how: str
    ) -> None:
        values = class_map(80, 90)
        maps = {2000: values, 2001: values, 2002: np.flip(values, axis)}
        source = open_hilda(write_series(tmp_path, HILDA_V1, maps), V1)
        whole = Window(0, 0, 80, 90)
        assert source.inspect("land_use", (2000, 2001), whole) == {}
        with pytest.raises(SourceError, match=rf"(?s)looks {how}.*_2002_"):
            source.inspect("land_use", (2000, 2001, 2002), whole)

    def test_a_series_that_changes_a_lot_is_not_called_mirrored(self, tmp_path: Path) -> None:
        maps = {2000: class_map(80, 90, seed=1), 2001: class_map(80, 90, seed=2)}
        source = open_hilda(write_series(tmp_path, HILDA_V1, maps), V1)
        assert source.inspect("land_use", (2000, 2001), Window(0, 0, 80, 90)) == {}


@pytest.mark.parametrize(("crs", "found"), [("EPSG:3857", "EPSG:3857"), (None, "none given")])
def test_another_coordinate_system_is_refused(tmp_path: Path, crs: str | None, found: str) -> None:
    write_series(tmp_path, HILDA_V1, {2000: class_map()}, crs=crs)
    with pytest.raises(SourceError, match=rf"(?s)coordinate system.*EPSG:4326.*found: {found}"):
        open_hilda(tmp_path, V1)


def test_several_bands_are_refused(tmp_path: Path) -> None:
    import rasterio

    path = tmp_path / HILDA_V1.format(year=2000)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=4,
        width=5,
        count=2,
        dtype="uint8",
        crs="EPSG:4326",
        transform=Affine(0.1, 0, 20, 0, -0.1, 40),
    ) as file:
        file.write(np.zeros((2, 4, 5), dtype=np.uint8))
    with pytest.raises(ConfigError, match=r"(?s)has 2 bands.*band: 2"):
        open_hilda(tmp_path, V1)


class TestDamage:
    def test_a_file_that_is_no_raster(self, tmp_path: Path) -> None:
        (tmp_path / HILDA_V1.format(year=2000)).write_bytes(b"not a raster at all")
        with pytest.raises(SourceError, match=r"(?s)damaged, incomplete.*_2000_.*checksum"):
            open_hilda(tmp_path, V1)

    def test_a_truncated_raster_is_refused_when_read(self, tmp_path: Path) -> None:
        write_series(tmp_path, HILDA_V1, {2000: class_map(200, 200)})
        path = tmp_path / HILDA_V1.format(year=2000)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(SourceError, match=r"(?s)damaged, incomplete.*_2000_.*checksum"):
            open_hilda(tmp_path, V1).read("land_use", 2000, Window(0, 0, 200, 200))

    def test_a_truncated_netcdf(self, tmp_path: Path) -> None:
        path = write_hilda_netcdf(tmp_path / "s.nc", {2000: class_map(200, 200)})
        path.write_bytes(path.read_bytes()[:3000])
        with pytest.raises(SourceError, match=r"(?s)NetCDF file cannot be read.*s\.nc"):
            open_hilda(path, V1)

    def test_an_empty_folder_and_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No HILDA.*an empty folder"):
            open_hilda(tmp_path, V1)
        with pytest.raises(MissingFileError, match=r"(?s)No HILDA.*no such folder"):
            open_hilda(tmp_path / "absent", V1)


def test_axes_under_each_others_names_are_refused(tmp_path: Path) -> None:
    path = write_hilda_netcdf(
        tmp_path / "s.nc", {2000: class_map()}, dims=("longitude", "latitude")
    )
    with pytest.raises(SourceError, match=r"(?s)regular grid.*longitude is not an evenly"):
        open_hilda(path, V1)


def test_another_netcdf_is_refused(tmp_path: Path) -> None:
    import netCDF4

    with netCDF4.Dataset(tmp_path / "x.nc", "w") as file:
        file.createDimension("x", 2)
        file.createVariable("other", "f4", ("x",))
    with pytest.raises(SourceError, match=r"(?s)documented as HILDA\+ states.*LULC_states.*other"):
        open_hilda(tmp_path / "x.nc", V1)
