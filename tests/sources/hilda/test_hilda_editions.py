"""HILDA+ beyond the v1 states: editions by their names, transitions, NetCDF, the damaged strip."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.sources import HildaOptions, Source, open_hilda, split_transitions
from ai4land.sources.hilda.files import EDITIONS, HildaFile, files_in
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.testing.formats.hilda import HILDA_FOLDER, hilda_name, write_hilda_map
from ai4land.vocabulary import legend
from provider_files.hilda import (
    HILDA_TRANSITIONS_FOLDER,
    corrupt_strip,
    hilda_netcdf_name,
    hilda_transitions_name,
    transition_codes,
    write_hilda_netcdf,
)
from provider_files.tiny import class_map

Codes = npt.NDArray[np.uint8]

GRID = Grid.regular(20, 40, "1/10", "1/10", (30, 40))
WHOLE = GRID.window
CLASSES = {
    "v1": (11, 22, 33, 44, 55, 66, 77, 99),
    "v1-f": (11, 22, 33, 40, 41, 44, 45, 55, 66, 77),
    "v2": (11, 22, 23, 24, 33, 41, 44, 55, 66, 77),
    "v2.1-crop": (11, 22, 23, 24, 33, 40, 45, 44, 55, 66, 77),
}


def states(year: int, version: str = "v1") -> Codes:
    """A map with sea in the north-west corner."""
    values = class_map(30, 40, seed=year, codes=CLASSES[version])
    values[:8, :10] = 0
    return values


def opened(path: Path, version: str = "v1", **more: object) -> Source:
    return open_hilda(path, HildaOptions.model_validate({"version": version, **more}))


def write_transitions(folder: Path, years: range, digits: int = 2, version: str = "v1") -> None:
    """The later years of the files."""
    for year in years:
        codes = transition_codes(states(year - 1, version), states(year, version), digits)
        codes = codes.astype(np.uint8) if digits == 2 else codes
        path = folder / HILDA_TRANSITIONS_FOLDER / hilda_transitions_name(year)
        write_hilda_map(path, codes, GRID)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "kind", "version", "year"),
        [
            ("hilda_plus_1899_states_GLOB-v1-0_wgs84-nn.tif", "states", "v1", 1899),
            ("hilda_plus_2015_states_GLOB-v1-0_base-map_wgs84-nn.tif", "states", "v1", 2015),
            ("hilda_plus_2012_states_GLOB-v1-0-f_uk-south.tif", "states", "v1-f", 2012),
            ("hilda_plus_states_1960_GLOB-v2_wgs84.tif", "states", "v2", 1960),
            (
                "hilda_plus_states_2020_GLOB-v2_forest-crop_near_wgs84.tif",
                "states",
                "v2.1-crop",
                2020,
            ),
            # v20-11-29 is a date, not version 2
            (
                "hildaplus_1961-1960_transitions_GLOB-v20-11-29_wgs84-nn.tif",
                "transitions",
                None,
                1961,
            ),
            ("hildaplus_vGLOB-1.0-f_states.nc", "netcdf", "v1-f", None),
            ("hildaplus_GLOB-1-0-f_states.nc", "netcdf", "v1-f", None),
            ("hildaplus_GLOB-2-0_states.nc", "netcdf", "v2", None),
            ("hildaplus_GLOB-2-0-f_states.nc", "netcdf", "v2", None),
            ("hildaplus_GLOB-2-1-crop_states.nc", "netcdf", "v2.1-crop", None),
        ],
    )
    def test_what_a_file_is(
        self, name: str, kind: str, version: str | None, year: int | None
    ) -> None:
        found = HildaFile.of(Path(name))
        assert found is not None
        assert (found.kind, found.version, found.year) == (kind, version, year)

    @pytest.mark.parametrize(
        "name",
        [
            "HILDAplus_vGLOB-1.0_luc_change-freq_1960-2019_wgs84.tif",
            "hildaplus_GLOB-2-0-f_forest-management.nc",
            "land.use.land.cover_hilda.plus_c_1km_s_19600101_19601231_go_espg.4326_v1.0.tif",
        ],
    )
    def test_other_layers_are_not_states(self, name: str) -> None:
        assert HildaFile.of(Path(name)) is None

    def test_every_edition_has_a_legend(self) -> None:
        assert set(EDITIONS) == set(CLASSES)
        for version, edition in EDITIONS.items():
            assert set(CLASSES[version]) <= set(legend(edition.legend).codes)


@pytest.mark.parametrize("version", list(CLASSES))
class TestEveryEdition:
    def test_geotiff_series(self, tmp_path: Path, version: str) -> None:
        for year in (2000, 2001):
            write_hilda_map(tmp_path / hilda_name(year, version), states(year, version), GRID)
        source = opened(tmp_path, version)
        np.testing.assert_array_equal(source.read("land_use", 2001, WHOLE), states(2001, version))
        others = [v for v in CLASSES if v != version]
        for other in others:
            with pytest.raises(SourceError, match=rf"(?s)another version.*{version} by its name"):
                opened(tmp_path, other)
        said = {p.version for p in source.provenance()}
        assert said == {{"v1": "v1.0", "v1-f": "v1.0-f", "v2": "v2.0"}.get(version, version)}


@pytest.mark.parametrize("version", ["v1-f", "v2", "v2.1-crop"])
def test_netcdf_in_a_folder(tmp_path: Path, version: str) -> None:
    path = tmp_path / hilda_netcdf_name(version)
    write_hilda_netcdf(path, GRID, ((y, states(y, version)) for y in (1959, 1960)))
    source = opened(tmp_path, version)
    np.testing.assert_array_equal(source.read("land_use", 1960, WHOLE), states(1960, version))
    assert source.fields["land_use"].back_cast == {1959}
    with pytest.raises(SourceError, match=r"(?s)another version"):
        opened(path, "v1")


class TestNetcdfEdition(SourceContract):
    """Bare integer years that nothing decodes, 16-bit codes, 32-bit coordinates."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        path = tmp_path / hilda_netcdf_name("v2")
        write_hilda_netcdf(path, GRID, ((y, states(y, "v2")) for y in (1900, 1901)))
        with netCDF4.Dataset(path) as file:
            assert file["LULC_states"].dtype == np.uint16
            assert not hasattr(file["time"], "units")
        return opened(path, "v2")

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("land_use", 1901, 39.95, 20.05, 0),
            Landmark("land_use", 1901, 37.05, 23.95, float(states(1901, "v2")[29, 39])),
        ]

    def test_two_copies_of_the_states_are_refused(self, source: Source, tmp_path: Path) -> None:
        assert source.fields
        write_hilda_map(tmp_path / hilda_name(2000, "v2"), states(2000, "v2"), GRID)
        with pytest.raises(SourceError, match=r"(?s)Several copies.*GLOB-2-0_states\.nc, GeoTIFF"):
            opened(tmp_path, "v2")


class TestTransitions(SourceContract):
    """States and transitions under one root, as the archive unpacks."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        for year in range(1959, 1963):
            write_hilda_map(tmp_path / HILDA_FOLDER / hilda_name(year), states(year), GRID)
        write_transitions(tmp_path, range(1961, 1963))
        return opened(tmp_path)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        code = states(1960)[29, 39] // 10 * 10 + states(1961)[29, 39] // 10
        return [
            Landmark("land_use_transitions", 1960, 39.95, 20.05, 0),
            Landmark("land_use_transitions", 1960, 37.05, 23.95, float(code)),
            Landmark("land_use", 1962, 37.05, 23.95, float(states(1962)[29, 39])),
        ]

    def test_a_change_stands_at_the_year_it_leaves(self, source: Source) -> None:
        """The file 1961-1960 is tick 1960, as the transitions of LUH2 have it."""
        assert source.fields["land_use_transitions"].ticks == (1960, 1961)
        before, after = split_transitions(source.read("land_use_transitions", 1960, WHOLE), 2)
        np.testing.assert_array_equal(before, source.read("land_use", 1960, WHOLE))
        np.testing.assert_array_equal(after, source.read("land_use", 1961, WHOLE))

    def test_provenance_keeps_states_and_transitions_apart(self, tmp_path: Path) -> None:
        write_hilda_map(tmp_path / HILDA_FOLDER / hilda_name(1960), states(1960), GRID)
        write_transitions(tmp_path, range(1961, 1962))
        source = opened(tmp_path)
        assert len(source.provenance()) == 2
        names = [p.name for p in source.provenance(variables=["land_use"])]
        assert names == [hilda_name(1960)]

    def test_a_missing_file_is_a_gap(self, tmp_path: Path) -> None:
        write_transitions(tmp_path, range(1961, 1964))
        (tmp_path / HILDA_TRANSITIONS_FOLDER / hilda_transitions_name(1962)).unlink()
        entry = opened(tmp_path).fields["land_use_transitions"]
        assert entry.ticks == (1960, 1962)
        assert entry.gaps == {1961: "the transition file 1962-1961 is missing"}

    def test_asking_for_states_that_are_not_there_says_so(self, tmp_path: Path) -> None:
        write_transitions(tmp_path, range(1961, 1962))
        with pytest.raises(SourceError, match=r"(?s)no such variable.*no state maps here"):
            opened(tmp_path).fields["land_use"]

    def test_years_apart_are_refused(self) -> None:
        with pytest.raises(SourceError, match=r"(?s)neighbouring years.*1970-1969.*1970-1960"):
            HildaFile.of(Path("hildaplus_1970-1960_transitions_GLOB-v20-11-29_wgs84-nn.tif"))

    def test_the_legend_names_every_pair_of_classes(self) -> None:
        names = dict(
            zip(
                legend("hildaplus_transitions").codes,
                legend("hildaplus_transitions").names,
                strict=True,
            )
        )
        assert (names[43], names[44], names[99], names[0]) == (
            "forest_to_pasture",
            "stable_forest",
            "stable_ice",
            "ocean",
        )
        assert len(names) == 8 * 8 + 1


class TestFourDigits:
    """v1-f and later write both codes in full: 4133 is evergreen forest to pasture."""

    def test_they_are_reduced_to_main_classes(self, tmp_path: Path) -> None:
        write_transitions(tmp_path, range(2001, 2002), 4, "v2")
        found = opened(tmp_path, "v2").read("land_use_transitions", 2000, WHOLE)
        expected = transition_codes(states(2000, "v2"), states(2001, "v2"), 2)
        np.testing.assert_array_equal(found, expected)

    def test_what_is_no_pair_is_refused(self, tmp_path: Path) -> None:
        codes = np.full(GRID.shape, 4133, dtype=np.uint16)
        codes[3, 3] = 43  # two digits in a file of four
        path = tmp_path / hilda_transitions_name(2001)
        write_hilda_map(path, codes, GRID)
        with pytest.raises(SourceError, match=r"(?s)does not know.*hildaplus_transitions"):
            opened(tmp_path, "v1-f").read("land_use_transitions", 2000, WHOLE)

    def test_both_classes_come_back_in_full(self) -> None:
        codes = np.array([[0, 4133], [1111, 2322]], dtype=np.uint16)
        before, after = split_transitions(codes, 4)
        assert before.tolist() == [[0, 41], [11, 23]]
        assert after.tolist() == [[0, 33], [11, 22]]
        with pytest.raises(ValueError, match="2 or 4 digits"):
            split_transitions(codes, 3)


class TestDamagedStrip:
    """Row 10 of the published 2015-2014 transitions gives 374 of its 36000 bytes."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        wide = Grid.regular(-180, 90, "1/4", "1/4", (40, 1440))
        for year in (2014, 2015):
            codes = class_map(40, 1440, seed=year, codes=(43, 44, 22, 77))
            path = tmp_path / hilda_transitions_name(year)
            write_hilda_map(path, codes, wide)
        corrupt_strip(tmp_path / hilda_transitions_name(2015), 10)
        return opened(tmp_path)

    def test_one_error_names_the_row(self, source: Source) -> None:
        text = (
            r"(?s)damaged.*hildaplus_2015-2014_transitions\S*, row 10 \(latitude 87\.38°\)"
            r".*region without the row"
        )
        with pytest.raises(SourceError, match=text):
            source.read("land_use_transitions", 2014, Window(0, 0, 40, 1440))

    def test_the_rest_can_be_read(self, source: Source) -> None:
        expected = class_map(40, 1440, seed=2015, codes=(43, 44, 22, 77))
        found = source.read("land_use_transitions", 2014, Window(11, 0, 29, 1440))
        np.testing.assert_array_equal(found, expected[11:])
        assert source.read("land_use_transitions", 2013, Window(0, 0, 40, 1440)).shape == (40, 1440)


class TestDoubt:
    def test_only_44_in_a_later_edition_is_noted(self, tmp_path: Path) -> None:
        codes = np.where(states(2000, "v2") == 41, 44, states(2000, "v2")).astype(np.uint8)
        write_hilda_map(tmp_path / hilda_name(2000, "v2"), codes, GRID)
        notes = opened(tmp_path, "v2").inspect("land_use", (2000,), WHOLE)
        assert "may mean any forest" in notes["doubt"]

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_several_forests_and_v1_are_not_doubted(self, tmp_path: Path, version: str) -> None:
        write_hilda_map(tmp_path / hilda_name(2000, version), states(2000, version), GRID)
        assert opened(tmp_path, version).inspect("land_use", (2000,), WHOLE) == {}


class TestBaseMap:
    """2015 of v1, whatever is chosen, is flagged in the field and in the notes."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for year in (2014, 2015, 2016):
            write_hilda_map(tmp_path / hilda_name(year), states(year), GRID)
        return tmp_path

    @pytest.mark.parametrize(("choice", "text"), [("repair", "base map"), ("as_is", "sparse land")])
    def test_what_stays_doubtful_is_flagged(self, folder: Path, choice: str, text: str) -> None:
        source = opened(folder, base_map_2015=choice)
        (flag,) = source.fields["land_use"].flags
        assert flag.ticks == (2015, 2015)
        notes = source.inspect("land_use", (2014, 2015), WHOLE)
        assert text in notes["known_wrong"][0]["text"]
        assert notes["base_map_2015"] == choice
        assert source.inspect("land_use", (2014,), WHOLE) == {}

    def test_left_out_it_is_not(self, folder: Path) -> None:
        source = opened(folder, base_map_2015="exclude")
        assert source.fields["land_use"].flags == ()


def test_files_of_the_product_are_found_in_any_depth_and_nothing_else(tmp_path: Path) -> None:
    write_hilda_map(tmp_path / "a/b" / hilda_name(2000), states(2000), GRID)
    (tmp_path / "a" / "readme.txt").write_text("x")
    (tmp_path / "a" / "other.tif").write_bytes(b"x")
    assert [f.year for f in files_in(tmp_path)] == [2000]


def test_a_folder_of_other_layers_only(tmp_path: Path) -> None:
    (tmp_path / "HILDAplus_vGLOB-1.0_luc_change-freq_1960-2019_wgs84.tif").write_bytes(b"x")
    with pytest.raises(
        MissingFileError,
        match=r"(?s)No HILDA\+ state maps.*found: HILDAplus_vGLOB-1.0_luc_change-freq",
    ):
        opened(tmp_path)


@pytest.mark.realdata
def test_real_forest_types_are_not_doubted(realdata: Path) -> None:
    source = opened(realdata / "hilda_uk_south", "v1-f")
    entry = source.fields["land_use"]
    assert "doubt" not in source.inspect("land_use", (2012,), entry.grid.window)
