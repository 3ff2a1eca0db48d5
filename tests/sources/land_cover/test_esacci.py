"""ESA CCI / C3S land cover: packings, tiles, colours, aggregation, real bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest
import rasterio

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Grid, Window, overlap
from ai4land.regrid import class_areas
from ai4land.sources import Source
from ai4land.sources.land_cover.esa_cci import EsaCciOptions, open_esa_cci
from ai4land.sources.resampling import class_index, resampled
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import crosswalk, legend
from provider_files.esacci import esacci_name, tile_name, write_esacci, write_esacci_tile

COVER, SHARES = "land_cover", "land_cover_fractions"
LEGEND = legend("esa_cci_lc")
GRID = Grid.regular(10, 50, "1/360", "1/360", (120, 150))
LARGE = Grid.regular(10, 50, "1/360", "1/360", (480, 510))
SMALL = Grid.regular(10, 50, "1/360", "1/360", (12, 15))
Codes = npt.NDArray[np.uint8]

# as the files give them (header of the map of 2015): 38 values, 37 colours
FLAG_VALUES = [0, 10, 11, 12, 20, 30, 40, 50, 60, 61, 62, 70, 71, 72, 80, 81, 82, 90, 100, 110]
FLAG_VALUES += [120, 121, 122, 130, 140, 150, 151, 152, 153, 160, 170, 180, 190, 200, 201, 202]
FLAG_VALUES += [210, 220]
FLAG_COLORS = """
#ffff64 #ffff64 #ffff00 #aaf0f0 #dcf064 #c8c864 #006400 #00a000 #00a000 #aac800 #003c00 #003c00
#005000 #285000 #285000 #286400 #788200 #8ca000 #be9600 #966400 #966400 #966400 #ffb432 #ffdcd2
#ffebaf #ffc864 #ffd278 #ffebaf #00785a #009678 #00dc82 #c31400 #fff5d7 #dcdcdc #fff5d7 #0046c8
#ffffff
"""


def cover(seed: int, grid: Grid = GRID) -> Codes:
    """A map of all classes without symmetry, with no data in a corner."""
    values = np.random.default_rng(seed).choice(LEGEND.codes, grid.shape).astype(np.uint8)
    values[: grid.height // 4, : grid.width // 5] = 0
    return values


def write_years(folder: Path, edition: str, years: dict[int, Codes], grid: Grid = GRID) -> Path:
    for year, codes in years.items():
        write_esacci(folder / esacci_name(year, edition), year, codes, grid, edition)
    return folder


class TestCdsEdition(SourceContract):
    edition, grid = "v2.0.7cds", GRID

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        maps = {y: cover(y, self.grid) for y in (2000, 2001, 2003)}
        write_years(tmp_path, self.edition, maps, self.grid)
        return open_esa_cci(tmp_path, EsaCciOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        first, last = cover(2000, self.grid), cover(2003, self.grid)
        (south, east), half = (n - 1 for n in self.grid.shape), 0.5 / 360
        row = south - 17  # the first of three rows of pixels
        areas = self.grid.row_areas()[row : row + 3, None] * np.ones(3)
        block = last[row : row + 3, 0:3]
        shares = tuple(float(areas[block == code].sum() / areas.sum()) for code in LEGEND.codes)
        return [
            Landmark(COVER, 2000, 50 - half, 10 + half, 255),  # 0, no data
            Landmark(COVER, 2000, 50 - south / 360 - half, 10 + half, float(first[south, 0])),
            Landmark(COVER, 2003, 50 - half, 10 + east / 360 + half, float(last[0, east])),
            Landmark(SHARES, 2003, 50 - 1.5 / 360, 10 + 1.5 / 360, (np.nan,) * 37),
            Landmark(SHARES, 2003, 50 - (row + 1.5) / 360, 10 + 1.5 / 360, shares),
        ]

    def test_a_missing_year_is_a_gap(self, source: Source) -> None:
        assert source.fields[COVER].ticks == (2000, 2001, 2003)
        assert source.fields[COVER].gaps == {2002: "no file of this year"}

    def test_the_version_is_in_the_provenance(self, source: Source) -> None:
        assert {p.version for p in source.provenance()} == {self.edition.removesuffix("cds")}


class TestSignedEdition(TestCdsEdition):
    """v2.0.7 as first published: signed bytes, ``_Unsigned``, no time dimension."""

    edition = "v2.0.7"

    def test_220_is_stored_as_minus_36_and_read_as_snow_and_ice(self, tmp_path: Path) -> None:
        codes = np.full(SMALL.shape, 220, dtype=np.uint8)
        codes[0] = 130
        write_years(tmp_path, self.edition, {1999: codes}, SMALL)
        with netCDF4.Dataset(tmp_path / esacci_name(1999, self.edition)) as file:
            file.set_auto_maskandscale(False)
            raw = np.asarray(file["lccs_class"][:])
            assert raw.dtype == np.int8
            assert raw.ndim == 2
            assert (raw.min(), raw.max()) == (-126, -36)
        source = open_esa_cci(tmp_path, EsaCciOptions())
        found = source.read(COVER, 1999, SMALL.window)
        assert np.array_equal(found, codes)


class TestC3s(TestCdsEdition):
    """Large enough to measure laziness."""

    edition, grid = "v2.1.1", LARGE


class TestTiles(SourceContract):
    """Two GeoTIFF tiles side by side, and no data between a third that is not there."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        codes = cover(7)
        for rows, cols in ((slice(0, 60), slice(0, 150)), (slice(60, 120), slice(0, 75))):
            window = Window(rows.start, cols.start, 60, cols.stop - cols.start)
            tile = GRID.crop(window)
            path = tmp_path / f"{rows.start}" / tile_name(2018, tile)
            write_esacci_tile(path, codes[rows, cols], tile)
        return open_esa_cci(tmp_path, EsaCciOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        codes, half = cover(7), 0.5 / 360

        def mark(row: int, col: int, value: float) -> Landmark:
            return Landmark(COVER, 2018, 50 - row / 360 - half, 10 + col / 360 + half, value)

        return [
            mark(0, 0, 255),
            mark(59, 149, float(codes[59, 149])),
            mark(60, 74, float(codes[60, 74])),
            mark(60, 75, 255),  # the tile that is not there
            mark(119, 0, float(codes[119, 0])),
        ]


class TestAggregated(SourceContract):
    """Majority and shares in cells of 0.01°, the grid of HILDA+: 3.6 pixels per side."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        write_years(tmp_path, "v2.1.1", {2018: cover(1)})
        return open_esa_cci(tmp_path, EsaCciOptions(degrees="0.01"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        grid = Grid.regular(10, 50, "0.01", "0.01", (33, 41))
        codes = np.where(cover(1) == 0, 255, cover(1)).astype(np.uint8)
        index, known = class_index(LEGEND)
        areas = class_areas(index[codes], len(LEGEND), overlap(GRID, grid))
        found = []
        for row, col in ((20, 30), (32, 0), (0, 40)):
            lat, lon = 50 - (row + 0.5) / 100, 10 + (col + 0.5) / 100
            mine = areas[:, row, col]
            found.append(Landmark(COVER, 2018, lat, lon, float(known[mine.argmax()])))
            shares = tuple(float(np.float32(a)) for a in mine / mine.sum())
            found.append(Landmark(SHARES, 2018, lat, lon, shares))
        return found

    def test_areas_of_classes_are_conserved(self, source: Source) -> None:
        """Within the cells that lie wholly inside the map, to a millionth."""
        grid = source.fields[SHARES].grid
        assert grid == Grid.regular(10, 50, "0.01", "0.01", (33, 41))
        shares = source.read(SHARES, 2018, grid.window).astype(np.float64)
        codes = cover(1)
        index, _ = class_index(LEGEND)
        exact = class_areas(
            index[np.where(codes == 0, 255, codes)], len(LEGEND), overlap(GRID, grid)
        )
        known = exact.sum(axis=0)
        found = (np.nan_to_num(shares) * known).sum(axis=(1, 2))
        np.testing.assert_allclose(found, exact.sum(axis=(1, 2)), rtol=1e-6)
        sums = shares.sum(axis=0)
        np.testing.assert_allclose(sums[known > 0], 1.0, atol=1e-6)
        assert np.isnan(sums[known == 0]).all()

    def test_notes_say_how(self, source: Source) -> None:
        window = Window(0, 0, 1, 1)
        assert source.inspect(COVER, (2018,), window) == {"resample": "class of the largest area"}
        assert source.inspect(SHARES, (2018,), window)["denominator"] == "known area of the cell"


def test_one_kilometre_is_three_by_three_pixels(tmp_path: Path) -> None:
    codes = np.full(SMALL.shape, 10, dtype=np.uint8)
    codes[0:3, 0:3] = [[190, 190, 190], [190, 190, 60], [60, 60, 60]]
    write_years(tmp_path, "v2.1.1", {2018: codes}, SMALL)
    source = open_esa_cci(tmp_path, EsaCciOptions(degrees="1/120"))
    assert source.fields[COVER].grid == Grid.regular(10, 50, "1/120", "1/120", (4, 5))
    assert source.read(COVER, 2018, Window(0, 0, 1, 2)).tolist() == [[190, 10]]
    shares = source.read(SHARES, 2018, Window(0, 0, 1, 1))[:, 0, 0]
    assert shares[LEGEND.codes.index(190)] == pytest.approx(5 / 9, abs=1e-4)
    assert shares[LEGEND.codes.index(60)] == pytest.approx(4 / 9, abs=1e-4)
    assert shares.sum() == pytest.approx(1.0, abs=1e-6)


def test_majority_and_shares_onto_labels_agree_with_the_recipe_s_resampling(
    tmp_path: Path,
) -> None:
    """What ``resample`` does on the labels' grid equals the reader's own cells there."""
    write_years(tmp_path, "v2.1.1", {2018: cover(3)})
    native = open_esa_cci(tmp_path, EsaCciOptions())
    coarse = open_esa_cci(tmp_path, EsaCciOptions(degrees="0.01"))
    codes = native.read(COVER, 2018, GRID.window)
    target = coarse.fields[COVER].grid
    assert np.array_equal(
        resampled(codes, GRID, target, "majority", LEGEND),
        coarse.read(COVER, 2018, target.window),
    )
    np.testing.assert_allclose(
        resampled(codes, GRID, target, "fraction", LEGEND),
        coarse.read(SHARES, 2018, target.window),
        rtol=1e-6,
    )


class TestLegend:
    def test_colours_belong_to_the_codes_after_0(self) -> None:
        colours = FLAG_COLORS.split()
        assert len(FLAG_VALUES) == len(colours) + 1
        right = dict(zip(FLAG_VALUES[1:], colours, strict=True))
        assert dict(zip(LEGEND.codes, LEGEND.colours, strict=True)) == right
        naive = dict(zip(FLAG_VALUES, colours, strict=False))
        assert right[190] == "#c31400"
        assert naive[190] != "#c31400"  # zipping shifts every colour by one

    def test_all_38_values_are_known_and_0_is_missing(self) -> None:
        assert [*LEGEND.missing, *LEGEND.codes] == FLAG_VALUES
        assert LEGEND.names[LEGEND.codes.index(160)].endswith("brakish_water")

    def test_pixels_translate_into_the_eight_classes_and_into_hilda(self) -> None:
        eight = crosswalk("esa_cci_lc", "landuse8").lookup()
        assert eight["mosaic_cropland"] == eight["mosaic_natural_vegetation"] == "cropland"
        assert eight["tree_mixed"] == eight["mosaic_tree_and_shrub"] == "forest"
        assert eight["snow_and_ice"] == "ocean"
        hilda = crosswalk("esa_cci_lc", "hildaplus_v1").lookup()
        assert hilda["snow_and_ice"] == "ice"
        assert hilda["sparse_tree"] == hilda["bare_areas"] == "sparse"
        shared = crosswalk("esa_cci_lc", "landuse8").shared
        assert ("pasture", "grass_shrub", "other") in shared  # grazing cannot be seen
        assert not any("water" in group for group in shared)  # 210 is the sea, too

    @pytest.mark.realdata
    def test_colours_are_those_of_the_palette_of_a_real_tile(self, realdata: Path) -> None:
        path = next((realdata / "real_bytes").glob("C3S-LC-L4-*.tif"))
        with rasterio.open(path) as file:
            palette = file.colormap(1)
        for cls in LEGEND.classes:
            assert cls.colour == "#{:02x}{:02x}{:02x}".format(*palette[cls.code][:3]), cls


class TestTraps:
    def test_no_data_is_missing_though_valid_min_is_1(self, tmp_path: Path) -> None:
        codes = np.zeros(SMALL.shape, dtype=np.uint8)
        codes[3, 4] = 210
        for edition in ("v2.0.7", "v2.1.1"):
            folder = write_years(tmp_path / edition, edition, {2010: codes}, SMALL)
            found = open_esa_cci(folder, EsaCciOptions()).read(COVER, 2010, SMALL.window)
            assert found[3, 4] == 210
            assert (found == 255).sum() == found.size - 1

    def test_the_year_of_the_name_and_of_the_time_axis_must_agree(self, tmp_path: Path) -> None:
        path = tmp_path / esacci_name(2016, "v2.1.1")
        write_esacci(path, 2017, cover(0, SMALL), SMALL, "v2.1.1")
        with pytest.raises(SourceError, match=r"(?s)not those of the file's name.*2016.*2017"):
            open_esa_cci(tmp_path, EsaCciOptions())

    def test_without_time_axis_the_name_must_tell_the_year(self, tmp_path: Path) -> None:
        path = tmp_path / "map.nc"
        write_esacci(path, 1999, cover(0, SMALL), SMALL, "v2.0.7")
        with pytest.raises(SourceError, match=r"(?s)tells the year.*original name"):
            open_esa_cci(path, EsaCciOptions())

    def test_two_editions_of_a_year_are_refused(self, tmp_path: Path) -> None:
        for edition in ("v2.0.7", "v2.0.7cds"):
            write_years(tmp_path, edition, {1999: cover(0, SMALL)}, SMALL)
        with pytest.raises(SourceError, match=r"(?s)one year and place.*v2.0.7.nc.*v2.0.7cds.nc"):
            open_esa_cci(tmp_path, EsaCciOptions())

    def test_both_versions_make_one_series(self, tmp_path: Path) -> None:
        write_years(tmp_path, "v2.0.7cds", {2015: cover(0, SMALL)}, SMALL)
        write_years(tmp_path, "v2.1.1", {2016: cover(1, SMALL)}, SMALL)
        source = open_esa_cci(tmp_path, EsaCciOptions())
        assert source.fields[COVER].ticks == (2015, 2016)
        assert {p.version for p in source.provenance()} == {"v2.0.7, v2.1.1"}

    def test_a_year_without_all_tiles_is_left_out_and_says_why(self, tmp_path: Path) -> None:
        west, east = GRID.crop(Window(0, 0, 120, 75)), GRID.crop(Window(0, 75, 120, 75))
        for year in (2016, 2017, 2018):
            for tile in (west, east):
                if (year, tile) != (2017, east):
                    path = tmp_path / str(tile.west) / tile_name(year, tile)
                    write_esacci_tile(path, cover(year, tile), tile)
        field = open_esa_cci(tmp_path, EsaCciOptions()).fields[COVER]
        assert field.ticks == (2016, 2018)
        assert field.gaps == {2017: "1 of 2 tiles are missing"}

    def test_a_file_with_swapped_axes_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / esacci_name(2016, "v2.1.1")
        write_esacci(path, 2016, cover(0, SMALL), SMALL, "v2.1.1")
        with netCDF4.Dataset(path, "a") as file:
            for one, two in (("lat", "tmp"), ("lon", "lat"), ("tmp", "lon")):
                file.renameDimension(one, two)
                file.renameVariable(one, two)
        with pytest.raises(SourceError, match=r"(?s)latitude as rows.*ncpdq|regular grid"):
            open_esa_cci(tmp_path, EsaCciOptions())

    def test_an_unknown_code_in_the_list_or_in_the_map_is_named(self, tmp_path: Path) -> None:
        codes = np.full(SMALL.shape, 10, dtype=np.uint8)
        codes[5, 6] = 33
        path = write_years(tmp_path, "v2.1.1", {2016: codes}, SMALL) / esacci_name(2016, "v2.1.1")
        source = open_esa_cci(tmp_path, EsaCciOptions())
        with pytest.raises(SourceError, match=r"(?s)does not know.*esa_cci_lc: 10, 11.*33 \(1 c"):
            source.read(COVER, 2016, SMALL.window)
        with netCDF4.Dataset(path, "a") as file:
            file["lccs_class"].flag_values = np.array([0, 10, 33], dtype=np.uint8)
        with pytest.raises(SourceError, match=r"(?s)lists class codes.*\[33\]"):
            open_esa_cci(tmp_path, EsaCciOptions())

    def test_archives_are_named_as_such(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No ESA CCI.*an empty folder"):
            open_esa_cci(tmp_path, EsaCciOptions())
        (tmp_path / "satellite-land-cover.zip").touch()
        with pytest.raises(MissingFileError, match=r"(?s)land-cover.zip.*unpack"):
            open_esa_cci(tmp_path, EsaCciOptions())
        (tmp_path / esacci_name(2016, "v2.1.1")).write_bytes(b"PK\x03\x04 a NetCDF inside")
        with pytest.raises(SourceError, match=r"(?s)ZIP archive.*unpack"):
            open_esa_cci(tmp_path, EsaCciOptions())

    def test_pixels_that_do_not_fit_together_are_refused(self, tmp_path: Path) -> None:
        write_years(tmp_path, "v2.1.1", {2016: cover(0, SMALL)}, SMALL)
        shifted = dataclasses.replace(SMALL, west=SMALL.west + SMALL.dx / 2)
        write_years(tmp_path, "v2.1.1", {2017: cover(0, SMALL)}, shifted)
        with pytest.raises(SourceError, match=r"(?s)another grid.*2017"):
            open_esa_cci(tmp_path, EsaCciOptions())
        other = Grid.regular(10, 50, "1/120", "1/120", (12, 15))
        write_years(tmp_path, "v2.1.1", {2017: cover(0, SMALL)}, other)
        with pytest.raises(SourceError, match="other pixels"):
            open_esa_cci(tmp_path, EsaCciOptions())

    def test_a_map_smaller_than_a_cell(self, tmp_path: Path) -> None:
        tiny = Grid.regular(10.001, 50, "1/360", "1/360", (2, 2))
        write_years(tmp_path, "v2.1.1", {2016: cover(0, tiny)}, tiny)
        source = open_esa_cci(tmp_path, EsaCciOptions())
        assert list(source.fields) == [COVER]
        with pytest.raises(SourceError, match="No coarse cell lies wholly inside"):
            _ = source.fields[SHARES]
        with pytest.raises(SourceError, match=r"(?s)No coarse cell.*`degrees`"):
            open_esa_cci(tmp_path, EsaCciOptions(degrees="0.25"))


@pytest.mark.realdata
class TestBavaria(SourceContract):
    """19 years in one file, v2.0.7, cut to Bavaria."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        path = next((realdata / "esacci_bavaria").glob("*.nc"))
        return open_esa_cci(path, EsaCciOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark(COVER, 2010, 48.1375, 11.5764, 190),  # Munich
            Landmark(COVER, 2010, 47.8903, 12.4653, 210),  # the Chiemsee
            Landmark(COVER, 1992, 47.8903, 12.4653, 210),
        ]

    def test_grid_and_years(self, source: Source) -> None:
        field = source.fields[COVER]
        assert str(field.grid.dx) == "1/360"
        assert field.grid.shape == (1186, 1751)
        assert field.ticks == tuple(range(1992, 2011))
        assert source.fields[SHARES].grid.dx == 3 * field.grid.dx

    def test_towns_grow(self, source: Source) -> None:
        grid = source.fields[COVER].grid
        share = [(source.read(COVER, y, grid.window) == 190).mean() for y in (1992, 2010)]
        assert 0.01 < share[0] < share[1] < 0.1


@pytest.mark.realdata
class TestRealTile(SourceContract):
    """A GeoTIFF tile of 2018 in the Arctic Ocean: 4050 × 4050 pixels, all water."""

    @staticmethod
    def _open(realdata: Path, options: EsaCciOptions) -> Source:
        return open_esa_cci(next((realdata / "real_bytes").glob("C3S-LC-L4-*.tif")), options)

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return self._open(realdata, EsaCciOptions(degrees="0.05"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        water = tuple(float(c == 210) for c in LEGEND.codes)
        return [
            Landmark(COVER, 2018, 89.99, -179.99, 210),
            Landmark(COVER, 2018, 78.76, -168.76, 210),
            Landmark(SHARES, 2018, 80.12, -170.12, water),
        ]

    def test_the_pixels_are_exact_in_spite_of_their_noise(self, realdata: Path) -> None:
        source = self._open(realdata, EsaCciOptions())
        expected = Grid.regular(-180, 90, "1/360", "1/360", (4050, 4050))
        assert source.fields[COVER].grid == expected
        assert (source.read(COVER, 2018, Window(4040, 4040, 10, 10)) == 210).all()
