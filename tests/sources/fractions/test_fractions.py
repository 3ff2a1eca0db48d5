"""Any coarse fractions: class maps, sums, remainders, units, times, and two real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.sources import Source
from ai4land.sources.fractions.fractions import FractionsOptions, open_fractions
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import crosswalk, legend
from provider_files.fractions import write_class_dimension, write_class_variables

USE, COVER, LAND = "land_use_fractions", "land_cover_fractions", "land_share"
GRID = Grid.regular(-180, 90, 5, 5, (36, 72))
SMALL = Grid.regular(10, 50, "0.25", "0.25", (3, 4))
EIGHT = legend("landuse8")
Shares = npt.NDArray[np.float64]

NAMES = ("Urban areas", "Crops", "Mosaic", "Trees", "Grass", "Water bodies", "Sea")
CLASSES: dict[str, Any] = {
    "Urban areas": "urban",
    "Crops": "cropland",
    "Mosaic": {"cropland": 0.6, "grass_shrub": 0.4},
    "Trees": "forest",
    "Grass": "grass_shrub",
    "Water bodies": "water",
    "Sea": "ocean",
}

BY = {"variable": "fraction_percent", "dimension": "class", "units": "percent"}


def shares(year: int, grid: Grid = GRID) -> dict[str, Shares]:
    """Shares that sum to 1 and differ from year to year; nothing known in the north-west."""
    rng = np.random.default_rng(year)
    values = np.moveaxis(rng.dirichlet(np.ones(len(NAMES)), grid.shape), -1, 0)
    values[:, : grid.height // 4, : grid.width // 3] = np.nan
    return dict(zip(NAMES, values, strict=True))


def expected(year: int, grid: Grid = GRID) -> Shares:
    """What the class map makes of them, as shares of land."""
    file = shares(year, grid)
    out = np.zeros((8, *grid.shape))
    for name, goal in CLASSES.items():
        for other, part in ({goal: 1.0} if isinstance(goal, str) else goal).items():
            out[EIGHT.index(other)] += part * file[name]
    out[0] = np.where(np.isnan(out[0]), np.nan, 0)
    return np.asarray(out / out.sum(axis=0))


def options(**more: object) -> FractionsOptions:
    return FractionsOptions.model_validate({"legend": "landuse8", "classes": CLASSES} | more)


class TestClassDimension(SourceContract):
    """Percent by (class, time, lat, lon), bare years, no units."""

    units: str | None = "percent"

    def write(self, path: Path) -> Path:
        return write_class_dimension(path, {y: shares(y) for y in (1995, 1996, 1998)}, GRID)

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        more = {"units": self.units, "variable": "fraction_percent", "dimension": "class"}
        return open_fractions(self.write(tmp_path / "f.nc"), options(**more))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        first, last = expected(1995), expected(1998)

        def vector(values: Shares, row: int, col: int) -> tuple[float, ...]:
            return tuple(float(v) for v in values[:, row, col])

        return [
            Landmark(USE, 1995, 87.5, -177.5, (np.nan,) * 8),
            Landmark(USE, 1995, -87.5, -177.5, vector(first, 35, 0)),
            Landmark(USE, 1998, 87.5, 177.5, vector(last, 0, 71)),
            Landmark(COVER, 1998, 87.5, 177.5, vector(last, 0, 71)),
            Landmark(LAND, 1998, 87.5, 177.5, 1 - float(shares(1998)["Sea"][0, 71])),
            Landmark(LAND, 1998, 87.5, -177.5, np.nan),
        ]

    def test_fractions_are_of_land_and_sum_to_one(self, source: Source) -> None:
        found = source.read(USE, 1996, GRID.window)
        known = np.isfinite(found[0])
        np.testing.assert_allclose(found.sum(axis=0)[known], 1.0, atol=1e-6)
        assert (found[0][known] == 0).all()  # the sea is out of the denominator
        land = source.read(LAND, 1996, GRID.window)
        np.testing.assert_allclose(land[known], 1 - shares(1996)["Sea"][known], rtol=1e-5)

    def test_a_year_that_is_not_there_is_a_gap(self, source: Source) -> None:
        assert source.fields[USE].ticks == (1995, 1996, 1998)
        assert source.fields[USE].gaps == {1997: "the file has no such year"}
        assert source.inspect(USE, (1996,), GRID.window) == {
            "denominator": "known land area",
            "remainder": None,
        }


class TestTimeFirst(TestClassDimension):
    """(time, class, lat, lon), days since 1970, latitudes ascending, a unit of its own."""

    units = None

    def write(self, path: Path) -> Path:
        return write_class_dimension(
            path,
            {y: shares(y) for y in (1995, 1996, 1998)},
            GRID,
            units="%",
            time_units="days since 1970-01-01",
            ascending=True,
            time_first=True,
        )


class TestVariables(TestClassDimension):
    """One variable a class, years since 850, fractions, and LUH2's misspelt fill attribute."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        names = {name: name.lower().replace(" ", "_") for name in NAMES}
        maps = {y: {names[k]: v for k, v in shares(y).items()} for y in (1995, 1996, 1998)}
        path = write_class_variables(
            tmp_path / "f.nc",
            maps,
            GRID,
            time_units="years since 850-01-01 0:0:0",
            attributes={"missing_value": np.float32(1e20), "_Fillvalue": np.float32(1e20)},
        )
        return open_fractions(path, options(classes={names[k]: v for k, v in CLASSES.items()}))


class TestFolder(TestClassDimension):
    """One file a year with static variables, as GCAM-Demeter comes."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        for year in (1995, 1996, 1998):
            maps = {year: shares(year)}
            write_class_variables(tmp_path / f"demeter_{year}.nc", maps, GRID, static=True)
        return open_fractions(tmp_path, options(pattern="demeter_{year}.nc"))


def open_small(
    folder: Path, values: dict[str, float], years: tuple[int, ...] = (2015,), **more: object
) -> Source:
    """Uniform shares in one file."""
    maps = {y: {k: np.full(SMALL.shape, v) for k, v in values.items()} for y in years}
    path = write_class_variables(folder / "small.nc", maps, SMALL)
    return open_fractions(path, options(**({"classes": {k: k for k in values}} | more)))


CELL = Window(1, 1, 1, 1)


def read(source: Source, name: str = USE, year: int = 2015) -> list[float]:
    return [float(v) for v in np.ravel(source.read(name, year, CELL))]


class TestSums:
    def test_less_than_one_is_refused_unless_the_remainder_is_named(self, tmp_path: Path) -> None:
        some = {"urban": 0.1, "forest": 0.5}
        with pytest.raises(SourceError, match=r"(?s)less than the whole.*1 of 1 cells.*`remainder"):
            read(open_small(tmp_path, some))
        found = read(open_small(tmp_path, some, remainder="cropland"))
        assert found == pytest.approx([0, 0.1, 0.4, 0, 0.5, 0, 0, 0], abs=1e-6)
        source = open_small(tmp_path, some, remainder="ocean")  # sea: out of the denominator
        assert read(source) == pytest.approx([0, 1 / 6, 0, 0, 5 / 6, 0, 0, 0], abs=1e-6)
        assert read(source, LAND) == pytest.approx([0.6])
        assert source.inspect(USE, (2015,), CELL)["remainder"] == "ocean"

    def test_more_than_one_is_refused_and_percent_is_guessed(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"(?s)more than the whole.*sums up to 1.2.*overlap"):
            read(open_small(tmp_path, {"urban": 0.7, "forest": 0.5}))
        with pytest.raises(SourceError, match=r"(?s)sums up to 100.*attribute `units`"):
            read(open_small(tmp_path, {"urban": 70.0, "forest": 30.0}))
        with pytest.raises(SourceError, match=r"(?s)more than the whole.*shares from -0.2"):
            read(open_small(tmp_path, {"urban": 1.2, "forest": -0.2}))

    def test_rounding_is_scaled_away(self, tmp_path: Path) -> None:
        found = read(open_small(tmp_path, {"urban": 0.702, "forest": 0.3}))
        assert found[1] == pytest.approx(0.702 / 1.002, abs=1e-6)
        assert sum(found) == pytest.approx(1.0, abs=1e-6)
        with pytest.raises(SourceError, match="more than the whole"):
            read(open_small(tmp_path, {"urban": 0.702, "forest": 0.3}, tolerance=0.001))

    def test_area_of_which_nothing_is_known_leaves_the_denominator(self, tmp_path: Path) -> None:
        values = {"urban": 0.2, "forest": 0.3, "no_data": 0.5}
        names = {"urban": "urban", "forest": "forest", "no_data": None}
        source = open_small(tmp_path, values, classes=names)
        assert read(source) == pytest.approx([0, 0.4, 0, 0, 0.6, 0, 0, 0], abs=1e-6)
        assert read(source, LAND) == pytest.approx([0.5])

    def test_shares_of_land_do_not_tell_the_land(self, tmp_path: Path) -> None:
        source = open_small(tmp_path, {"urban": 0.4, "forest": 0.6}, denominator="land")
        assert list(source.fields) == [USE, COVER]
        with pytest.raises(SourceError, match="do not say how much of a cell is land"):
            _ = source.fields[LAND]

    def test_a_cell_that_lacks_some_classes_is_refused(self, tmp_path: Path) -> None:
        values = {"urban": np.full(SMALL.shape, 0.5), "forest": np.full(SMALL.shape, 0.5)}
        values["forest"][2, 2] = np.nan
        path = write_class_variables(tmp_path / "f.nc", {2015: values}, SMALL)
        source = open_fractions(path, options(classes={"urban": "urban", "forest": "forest"}))
        with pytest.raises(SourceError, match=r"(?s)lacks some of its classes.*1 cells"):
            source.read(USE, 2015, SMALL.window)


class TestYears:
    def test_years_between_can_be_linear(self, tmp_path: Path) -> None:
        maps = {
            y: {"urban": np.full(SMALL.shape, u), "forest": np.full(SMALL.shape, 1 - u)}
            for y, u in ((2020, 0.2), (2030, 0.4))
        }
        path = write_class_variables(tmp_path / "magpie.nc", maps, SMALL)
        classes = {"urban": "urban", "forest": "forest"}
        gaps = open_fractions(path, options(classes=classes))
        assert gaps.fields[USE].ticks == (2020, 2030)
        assert len(gaps.fields[USE].gaps) == 9
        source = open_fractions(path, options(classes=classes, between="linear"))
        assert source.fields[USE].ticks == tuple(range(2020, 2031))
        assert not source.fields[USE].gaps
        assert read(source, year=2023)[1] == pytest.approx(0.26, abs=1e-6)
        assert sum(read(source, year=2023)) == pytest.approx(1.0, abs=1e-6)
        assert source.inspect(USE, (2020, 2021), CELL)["interpolated"] == [2021]
        assert len(source.provenance({2021})) == 1

    def test_a_file_without_time_needs_its_year(self, tmp_path: Path) -> None:
        maps = {2015: {"urban": np.full(SMALL.shape, 1.0)}}
        path = write_class_variables(tmp_path / "f.nc", maps, SMALL, static=True)
        with pytest.raises(ConfigError, match=r"(?s)no time axis.*option `year`"):
            open_fractions(path, options(classes={"urban": "urban"}))
        source = open_fractions(path, options(classes={"urban": "urban"}, year=2015))
        assert source.fields[USE].ticks == (2015,)

    def test_two_maps_of_a_year_and_a_wrong_year_are_refused(self, tmp_path: Path) -> None:
        path = write_class_variables(
            tmp_path / "f_2016.nc", {2015: {"urban": np.ones(SMALL.shape)}}, SMALL
        )
        classes = {"urban": "urban"}
        with pytest.raises(SourceError, match=r"(?s)those of the file's name.*2016.*2015"):
            open_fractions(tmp_path, options(classes=classes, pattern="f_{year}.nc"))
        with netCDF4.Dataset(path, "a") as file:
            file["time"].units = "fortnights since 1850"
        with pytest.raises(SourceError, match="not understood"):
            open_fractions(path, options(classes=classes))

    def test_files_of_a_folder_lie_on_one_grid(self, tmp_path: Path) -> None:
        for year, west in ((2015, 10), (2016, 11)):
            grid = Grid.regular(west, 50, "0.25", "0.25", (3, 4))
            values = {year: {"urban": np.ones(grid.shape)}}
            write_class_variables(tmp_path / f"f_{year}.nc", values, grid, static=True)
        more = {"classes": {"urban": "urban"}, "pattern": "f_{year}.nc"}
        with pytest.raises(SourceError, match=r"(?s)another grid.*f_2016"):
            open_fractions(tmp_path, options(**more))
        with pytest.raises(MissingFileError, match=r"(?s)No files.*g_\{year\}"):
            open_fractions(tmp_path, options(**more | {"pattern": "g_{year}.nc"}))
        with pytest.raises(ConfigError, match="place for the year"):
            open_fractions(tmp_path, options(**more | {"pattern": "f.nc"}))
        with pytest.raises(ConfigError, match=r"(?s)folder needs a pattern"):
            open_fractions(tmp_path, options(classes={"urban": "urban"}))


class TestClassMap:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return write_class_dimension(tmp_path / "f.nc", {2000: shares(0, SMALL)}, SMALL)

    def test_every_member_of_the_dimension_needs_a_class(self, path: Path) -> None:
        short = {k: v for k, v in CLASSES.items() if k != "Water bodies"}
        with pytest.raises(ConfigError, match=r"(?s)leaves a class.*'Water bodies'.*`null`"):
            open_fractions(path, options(classes=short, **BY))

    def test_misspelt_names_of_either_side_are_named(self, path: Path) -> None:
        with pytest.raises(ConfigError, match=r"(?s)file does not have.*'Urban area'.*did you me"):
            open_fractions(path, options(classes={"Urban area": "urban"}, **BY))
        with pytest.raises(ConfigError, match=r"(?s)legend does not have.*did you mean 'forest'"):
            open_fractions(path, options(classes={"Trees": "forrest"}, **BY))
        with pytest.raises(ConfigError, match=r"(?s)legend does not have.*option remainder"):
            open_fractions(path, options(remainder="rest", **BY))
        with pytest.raises(ConfigError, match="no such dimension"):
            open_fractions(path, options(**BY | {"dimension": "lctype"}))

    def test_shares_of_a_split_class_sum_to_one(self, path: Path) -> None:
        split = CLASSES | {"Mosaic": {"cropland": 0.6, "forest": 0.3}}
        with pytest.raises(ConfigError, match=r"(?s)must sum to 1.*'Mosaic'.*0.9"):
            open_fractions(path, options(classes=split, **BY))

    def test_units_are_stated_once_and_not_guessed(self, path: Path, tmp_path: Path) -> None:
        silent = {k: v for k, v in BY.items() if k != "units"}
        with pytest.raises(ConfigError, match=r"(?s)whether its shares are percent.*`units`"):
            open_fractions(path, options(**silent))
        values = {2000: shares(0, SMALL)}
        told = write_class_dimension(tmp_path / "g.nc", values, SMALL, units="%")
        assert open_fractions(told, options(**silent)).fields
        with pytest.raises(ConfigError, match=r"(?s)disagree.*'%'"):
            open_fractions(told, options(**silent, units="fraction"))

    def test_codes_as_members_and_packed_numbers(self, tmp_path: Path) -> None:
        """Members are class codes, values are bytes of half a percent."""
        path = tmp_path / "packed.nc"
        with netCDF4.Dataset(path, "w") as file:
            for name, values in (("lat", [1.5, 0.5]), ("lon", [10.5, 11.5]), ("lc", [10, 60])):
                file.createDimension(name, 2)
                kind = "i4" if name == "lc" else "f8"
                file.createVariable(name, kind, (name,))[:] = values
            array = file.createVariable("cover", "u1", ("lc", "lat", "lon"), fill_value=255)
            array.set_auto_maskandscale(False)
            array.setncatts({"scale_factor": 0.005, "units": "1"})
            array[:] = np.array([[[40, 255], [200, 0]], [[160, 255], [0, 200]]], dtype="u1")
        more = {"variable": "cover", "dimension": "lc", "year": 2000}
        classes = {"10": "cropland", "60": "forest"}
        source = open_fractions(path, options(classes=classes, **more))
        found = source.read(USE, 2000, Window(0, 0, 2, 2))[[2, 4]]
        nan = float("nan")
        right = np.array([[[0.2, nan], [1.0, 0.0]], [[0.8, nan], [0.0, 1.0]]])
        np.testing.assert_allclose(found, right, atol=1e-6)


EUROPE = {
    "Bare areas": "bare_areas",
    "Cropland, irrigated or post-flooding": "cropland_irrigated",
    "Cropland, rainfed": "cropland_rainfed",
    "Grassland": "grassland",
    "Lichens and mosses": "lichens_and_mosses",
    "Mosaic cropland (>50%) / natural vegetation (tree, shrub, herbaceous cover) (<50%)": (
        "mosaic_cropland"
    ),
    "Mosaic herbaceous cover (>50%) / tree and shrub (<50%)": "mosaic_herbaceous",
    "Mosaic natural vegetation (tree, shrub, herbaceous cover) (>50%) / cropland (<50%)": (
        "mosaic_natural_vegetation"
    ),
    "Mosaic tree and shrub (>50%) / herbaceous cover (<50%)": "mosaic_tree_and_shrub",
    "Permanent snow and ice": "snow_and_ice",
    "Shrub or herbaceous cover, flooded, fresh/saline/brakish water": (
        "shrub_or_herbaceous_cover_flooded"
    ),
    "Shrubland": "shrubland",
    "Sparse vegetation (tree, shrub, herbaceous cover) (<15%)": "sparse_vegetation",
    "Tree cover, broadleaved, deciduous, closed to open (>15%)": (
        "tree_broadleaved_deciduous_closed_to_open"
    ),
    "Tree cover, broadleaved, evergreen, closed to open (>15%)": (
        "tree_broadleaved_evergreen_closed_to_open"
    ),
    "Tree cover, flooded, fresh or brakish water": "tree_cover_flooded_fresh_or_brakish_water",
    "Tree cover, flooded, saline water": "tree_cover_flooded_saline_water",
    "Tree cover, mixed leaf type (broadleaved and needleleaved)": "tree_mixed",
    "Tree cover, needleleaved, deciduous, closed to open (>15%)": (
        "tree_needleleaved_deciduous_closed_to_open"
    ),
    "Tree cover, needleleaved, evergreen, closed to open (>15%)": (
        "tree_needleleaved_evergreen_closed_to_open"
    ),
    "Urban areas": "urban",
    "Water bodies": "water",
}


@pytest.mark.realdata
class TestEurope(SourceContract):
    """Percent of 22 ESA CCI classes, 1992–2018, straight into the eight classes."""

    @staticmethod
    def path(realdata: Path) -> Path:
        return next((realdata / "esacci_europe_coarse").glob("*.nc"))

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return self.open(realdata, **BY)

    def open(self, realdata: Path, **more: object) -> Source:
        walk = crosswalk("esa_cci_lc", "landuse8").lookup()
        classes = {name: walk[cls] for name, cls in EUROPE.items()}
        return open_fractions(self.path(realdata), options(classes=classes, **more))

    @pytest.fixture
    def landmarks(self, realdata: Path) -> list[Landmark]:
        with netCDF4.Dataset(self.path(realdata)) as file:
            file.set_auto_maskandscale(False)
            lat, lon = np.asarray(file["lat"][:]), np.asarray(file["lon"][:])
            row = int(np.abs(lat - 51.5).argmin())
            col = int(np.abs(lon + 0.1).argmin())
            names = [str(n) for n in file["class"][:]]
            values = np.asarray(file["fraction_percent"][:, 26, row, col], dtype=np.float64)
        assert values[names.index("Urban areas")] > 50  # London
        walk = crosswalk("esa_cci_lc", "landuse8").lookup()
        out = np.zeros(8)
        for name, value in zip(names, values, strict=True):
            out[EIGHT.index(walk[EUROPE[name]])] += value
        out[0] = 0
        london = tuple(float(np.float32(v)) for v in out / out.sum())
        return [
            Landmark(USE, 2018, float(lat[row]), float(lon[col]), london),
            Landmark(USE, 2018, 70.97, 0.14, (np.nan,) * 8),  # the Norwegian Sea
        ]

    def test_all_years_sum_to_one(self, source: Source) -> None:
        assert source.fields[USE].ticks == tuple(range(1992, 2019))
        grid = source.fields[USE].grid
        for year in (1992, 2005, 2018):
            found = source.read(USE, year, grid.window)
            known = np.isfinite(found[0])
            assert known.sum() == 11347
            np.testing.assert_allclose(found.sum(axis=0)[known], 1.0, atol=1e-5)

    def test_the_product_s_own_legend_keeps_its_classes(self, realdata: Path) -> None:
        more = {"legend": "esa_cci_lc", "classes": EUROPE} | BY
        source = open_fractions(self.path(realdata), options(**more))
        field = source.fields[COVER]
        assert field.legend is legend("esa_cci_lc")
        found = source.read(COVER, 2018, Window(60, 60, 4, 4))
        assert found.shape == (37, 4, 4)

    def test_towns_grow_and_the_units_are_needed(self, source: Source, realdata: Path) -> None:
        grid = source.fields[USE].grid
        areas = grid.cell_areas()
        town = [np.nansum(source.read(USE, y, grid.window)[1] * areas) for y in (1992, 2005, 2018)]
        assert town[0] < town[1] < town[2]
        more = {k: v for k, v in BY.items() if k != "units"}
        with pytest.raises(ConfigError, match="whether its shares are percent"):
            open_fractions(
                self.path(realdata), options(classes=EUROPE, legend="esa_cci_lc", **more)
            )


STATES: dict[str, Any] = {
    "primf": "forest",
    "secdf": "forest",
    "primn": {"grass_shrub": 0.5, "other": 0.5},
    "secdn": {"grass_shrub": 0.5, "other": 0.5},
    "urban": "urban",
    "pastr": "pasture",
    "range": "pasture",
}


@pytest.mark.realdata
class TestLuh2Year(SourceContract):
    """Seven of twelve states of 2015: what is left is crops, ice and water."""

    ROWS, COLS = slice(100, 260), slice(660, 840)

    def open(self, path: Path, **more: object) -> Source:
        return open_fractions(path, options(classes=STATES, year=2015, **more))

    @pytest.fixture
    def source(self, realdata: Path, tmp_path: Path) -> Source:
        """Europe and the north of Africa, cut from the file so that tests stay short."""
        path = next((realdata / "luh2").glob("*.nc"))
        with netCDF4.Dataset(path) as whole, netCDF4.Dataset(tmp_path / "cut.nc", "w") as cut:
            whole.set_auto_maskandscale(False)
            for name, part in (("lat", self.ROWS), ("lon", self.COLS)):
                cut.createDimension(name, part.stop - part.start)
                cut.createVariable(name, "f8", (name,))[:] = whole[name][part]
            for name in STATES:
                array = cut.createVariable(name, "f4", ("lat", "lon"), fill_value=np.nan)
                array.units = whole[name].units
                array[:] = whole[name][self.ROWS, self.COLS]
        return self.open(tmp_path / "cut.nc", remainder="cropland")

    @pytest.fixture
    def landmarks(self, realdata: Path) -> list[Landmark]:
        with netCDF4.Dataset(next((realdata / "luh2").glob("*.nc"))) as file:
            file.set_auto_maskandscale(False)
            row, col = int((90 - 52.0) * 4), int((10.1 + 180) * 4)  # Lower Saxony
            state = {n: float(file[n][row, col]) for n in STATES}
        out = np.zeros(8)
        out[EIGHT.index("forest")] = state["primf"] + state["secdf"]
        half = (state["primn"] + state["secdn"]) / 2
        out[EIGHT.index("grass_shrub")] = out[EIGHT.index("other")] = half
        out[EIGHT.index("urban")] = state["urban"]
        out[EIGHT.index("pasture")] = state["pastr"] + state["range"]
        out[EIGHT.index("cropland")] = 1 - sum(state.values())
        assert out[EIGHT.index("cropland")] > 0.3
        grid_lat, grid_lon = 90 - (row + 0.5) / 4, -180 + (col + 0.5) / 4
        return [
            Landmark(USE, 2015, grid_lat, grid_lon, tuple(float(v) for v in out)),
            Landmark(USE, 2015, 45.125, -10.125, (np.nan,) * 8),  # the Atlantic
        ]

    def test_without_a_remainder_it_is_refused(self, realdata: Path) -> None:
        source = self.open(next((realdata / "luh2").glob("*.nc")))
        window = source.fields[USE].grid.window
        with pytest.raises(SourceError, match=r"(?s)less than the whole.*`remainder: <class>`"):
            source.read(USE, 2015, window)

    def test_as_sea_the_remainder_leaves_the_denominator(self, realdata: Path) -> None:
        source = self.open(next((realdata / "luh2").glob("*.nc")), remainder="ocean")
        window = source.fields[USE].grid.window
        found, land = source.read(USE, 2015, window), source.read(LAND, 2015, window)
        known = np.isfinite(land) & (land > 0.01)
        np.testing.assert_allclose(found.sum(axis=0)[known], 1.0, atol=1e-5)
        assert 0.5 < np.nanmean(land) < 0.95
