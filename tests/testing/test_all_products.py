"""A planet with all products: readers, recipe and cube give back what the planet holds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
import yaml

from ai4land.cube import Cube, Status
from ai4land.errors import ConfigError, CubeError
from ai4land.grid import Grid, overlap, slope_aspect
from ai4land.recipes import build_cube, load_recipe
from ai4land.regrid import class_areas, conservative, nearest
from ai4land.testing import Planet, PlanetSpec, PlanetYear, make_planet, write_planet
from ai4land.vocabulary import NO_DATA, legend
from all_products import full_recipe, write_all_products
from loaded_benchmark import loaded

ASKED = (1990, 2030, 10)
MONTHS = (2000, 2010)
KELVIN = 273.15


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark, which writes, builds, kills and compares."""
    return loaded("full_recipe")


@dataclass(frozen=True)
class World:
    """A small globe, what was written of it, and the cube built of that."""

    planet: Planet
    years: dict[int, PlanetYear]
    recipe: Path
    cube: Cube

    @property
    def pixels(self) -> Grid:
        return self.planet.spec.grid

    def class_of(self, year: int) -> npt.NDArray[np.uint8]:
        """True HILDA+ codes of a year, without flicker."""
        return self.planet.truth(self.years[year])


@pytest.fixture(scope="module")
def world(bench: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    spec = bench.planet_of(72, 36, ASKED[0], ASKED[1])
    recipe = bench.write_inputs(folder / "planet", spec, ASKED, MONTHS)
    cube = build_cube(load_recipe(recipe), folder / "straight.zarr")
    planet = make_planet(spec)
    years = {now.year: now for now in planet.history()}
    years |= {now.year: now for now in planet.projection("ssp126", years[2015]) if now.year > 2015}
    return World(planet, years, recipe, cube)


def _months(cube: Cube, name: str, year: int) -> npt.NDArray[np.float32]:
    return np.stack([cube.read(name, 12 * year + m) for m in range(12)])


class TestValuesFollowThePlanet:
    def test_labels_and_forcing_are_the_planets(self, world: World) -> None:
        codes = world.planet.labels(world.years[2000])
        landuse8, hilda = legend("landuse8"), legend("hildaplus_v1")
        found = world.cube.read("land_use", 2000)
        forest = landuse8.codes[landuse8.names.index("forest")]
        assert forest in found
        np.testing.assert_array_equal(
            found == forest, codes == hilda.codes[hilda.names.index("forest")]
        )
        for year in (1990, 2010, 2030):
            states = world.planet.states(world.years[year])
            np.testing.assert_allclose(
                world.cube.read("luh2_states", year), states, atol=1e-6, equal_nan=True
            )

    def test_elevation_zones_and_slopes(self, world: World) -> None:
        cube, planet = world.cube, world.planet
        np.testing.assert_array_equal(cube.read("elevation"), planet.elevation)
        slope, north, east = slope_aspect(np.maximum(planet.elevation, 0), world.pixels)
        land = planet.terrain.land
        parts = {"slope": slope, "aspect_north": north, "aspect_east": east}
        for name, expected in parts.items():
            found = cube.read(name)
            assert np.array_equal(np.isnan(found), ~land)
            np.testing.assert_allclose(found[land], expected[land], atol=1e-5)
        zones = nearest(
            planet.climate_zones("1991_2020"), world.pixels, cube.grid("climate_zone"), 0
        )
        known = zones > 0
        assert known.any()
        np.testing.assert_array_equal(cube.read("climate_zone", 2000)[known], zones[known])

    def test_population_is_counted_once_and_grows_as_the_storyline_says(self, world: World) -> None:
        people, areas = world.planet.people, world.pixels.cell_areas() / 1e6
        counted: dict[int, float] = {}
        for year, scenario in ((1990, None), (2010, None), (2030, "ssp126")):
            total = world.cube.read("population_density", year).astype(np.float64)
            urban = world.cube.read("urban_population_density", year)
            rural = world.cube.read("rural_population_density", year)
            np.testing.assert_allclose(urban + rural, total, rtol=1e-5)
            expected = people.population(year, scenario, world.pixels)
            np.testing.assert_allclose(total * areas, expected, rtol=1e-5, atol=1e-3)
            country = people.rural_population(year, scenario, world.pixels)
            np.testing.assert_allclose(rural * areas, country, rtol=1e-4, atol=1e-3)
            counted[year] = float((total * areas).sum())
        assert counted[1990] < counted[2010] < counted[2030]

    def test_months_are_warm_and_wet_as_the_climate(self, world: World) -> None:
        climate, land = world.planet.climate, world.planet.terrain.land
        nodes = world.cube.grid("air_temperature")
        assert nodes.shape == (37, 72)
        assert nodes.cut == (True, True)
        link = overlap(world.pixels, nodes)
        warm = _months(world.cube, "air_temperature", 2000)
        expected = conservative(climate.temperature, link, land)
        assert np.array_equal(np.isnan(warm[0]), np.isnan(expected))
        there = ~np.isnan(expected)
        warming = 0.7 * (2000 - 1975.5) / 30  # between the middles of two periods
        np.testing.assert_allclose(
            warm.mean(axis=0)[there], expected[there] + warming + KELVIN, atol=1e-3
        )
        latitude = np.broadcast_to(nodes.latitudes()[:, None], nodes.shape)
        assert (warm[6] > warm[0] + 3)[there & (latitude > 30)].all()
        assert (warm[6] < warm[0] - 3)[there & (latitude < -30)].all()
        rain = _months(world.cube, "precipitation", 2000).sum(axis=0)
        wet = conservative(climate.rain, link, land)
        np.testing.assert_allclose(rain[there], wet[there], rtol=0.03)

    def test_soil_lies_where_there_is_soil(self, world: World) -> None:
        fertile = world.planet.terrain.fertility
        codes = world.class_of(2000)
        dry = ~np.isin(codes, (0, 77, 99))
        sand, clay = world.cube.read("sand"), world.cube.read("clay")
        organic, texture = world.cube.read("soil_organic"), world.cube.read("soil_zone")
        for values in (sand, clay, organic):
            assert np.array_equal(np.isnan(values), ~dry)
        np.testing.assert_allclose(clay[dry], np.clip(22 + 7 * fertile[dry], 4, 55), atol=0.1)
        assert np.corrcoef(sand[dry], fertile[dry])[0, 1] < -0.9
        assert (sand[dry] + clay[dry] < 96).all()
        cold = world.planet.climate.temperature[dry] < 5
        assert organic[dry][cold].mean() > 1.5 * organic[dry][~cold].mean()
        coarse = dry & (sand > 66) & (clay < 17)
        assert coarse.any()
        assert (texture[coarse] == 10).all()
        assert (texture[dry & (clay > 36)] == 30).all()
        assert (texture[codes == 99] == 1).all()
        assert (texture[codes == 0] == NO_DATA).all()

    def test_the_air_is_one_value_that_follows_the_scenario(self, world: World) -> None:
        found = {year: world.cube.read("co2", year) for year in (1990, 2010, 2020, 2030)}
        assert all(values.shape == (1, 1) for values in found.values())
        history = 277 + 123 * np.exp((2010 - 2015) / 45)
        assert float(found[2010][0, 0]) == pytest.approx(history, abs=1e-2)
        later = 400 + 46 * np.sin(15 / 85 * np.pi / 2)
        assert float(found[2030][0, 0]) == pytest.approx(later, abs=1e-2)

    def test_land_cover_tells_the_land_use_apart(self, world: World) -> None:
        found, codes = world.cube.read("land_cover", 2010), world.class_of(2010)
        pairs = {22: [10, 20], 33: [130], 44: [50, 60, 70, 90], 99: [220], 0: [210]}
        for code, covers in pairs.items():
            assert (codes == code).any()
            assert np.isin(found[codes == code], covers).all()
        tropics = np.abs(world.pixels.latitudes())[:, None] < 15
        assert (found[(codes == 44) & tropics] == 50).any()
        shares = world.cube.read("land_cover_fractions", 2010).astype(np.float64)
        link = overlap(world.pixels, world.cube.grid("land_cover_fractions"))
        water = conservative((found == 210).astype(np.float64), link)
        names = legend("esa_cci_lc").names
        np.testing.assert_allclose(shares[names.index("water")], water, atol=1e-6)

    def test_leaves_follow_class_and_season(self, world: World) -> None:
        leaves = _months(world.cube, "leaf_area_index", 2010)
        codes = world.class_of(2010)
        assert np.array_equal(np.isnan(leaves[0]), np.isin(codes, (0, 77)))
        assert (leaves[:, codes == 99] == 0).all()
        counts = world.cube.read("leaf_area_index_observations", 12 * 2010)
        np.testing.assert_array_equal(counts, np.where(np.isin(codes, (0, 77)), 0, 2))
        north = np.broadcast_to(world.pixels.latitudes()[:, None] > 40, codes.shape)
        fields = (codes == 22) & north
        assert fields.any()
        assert (leaves[6] > 2 * leaves[0])[fields].all()
        assert leaves[6][codes == 44].mean() > leaves[6][np.isin(codes, (33, 55))].mean()

    def test_products_that_end_are_held_or_left_empty(self, world: World) -> None:
        cube, january = world.cube, 12 * 2020
        assert cube.status("land_cover") == {
            1990: Status.HELD,
            2000: Status.OBSERVED,
            2010: Status.OBSERVED,
            2020: Status.HELD,
            2030: Status.HELD,
        }
        np.testing.assert_array_equal(cube.read("land_cover", 2030), cube.read("land_cover", 2010))
        for name in ("air_temperature", "precipitation", "leaf_area_index"):
            assert cube.status(name)[january] is Status.DROPPED
            assert cube.status(name)[12 * 2000] is Status.OBSERVED
            assert np.isnan(cube.read(name, january)).all()
        assert list(cube.status("land_use")) == [1990, 2000, 2010]
        assert set(cube.status("luh2_states").values()) == {Status.OBSERVED}


def _regions(grid: Grid, side: float) -> npt.NDArray[np.int64]:
    """Number of the box of whole cells that each cell lies in."""
    rows = np.floor((90 - grid.latitudes()) / side)
    cols = np.floor((grid.longitudes() + 180) / side)
    return (rows[:, None] * 1000 + cols[None]).astype(np.int64)


def _by_region(
    areas: npt.NDArray[np.float64], regions: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Sums of ``(class, y, x)`` in each region, ``(class, region)``, the whole globe last."""
    parts = [areas[:, regions == k].sum(axis=1) for k in np.unique(regions)]
    return np.stack([*parts, areas.sum(axis=(1, 2))], axis=1)


class TestAreaIsConserved:
    """Globally and in boxes of 30° or 45°, to 1e-6 of what is there."""

    def test_of_classes_in_the_cube(self, world: World) -> None:
        labels, classes = world.cube.read("land_use", 2000), legend("landuse8")
        pixels = world.pixels.cell_areas()
        before = np.stack([np.where(labels == code, pixels, 0) for code in classes.codes])
        coarse = world.cube.grid("land_use_fractions")
        land = world.cube.read("land_share", 2000).astype(np.float64) * coarse.cell_areas()
        after = world.cube.read("land_use_fractions", 2000).astype(np.float64) * land
        real = [k for k, code in enumerate(classes.codes) if code not in classes.sea]
        assert len(real) >= 6
        expected = _by_region(before[real], _regions(world.pixels, 30))
        found = _by_region(after[real], _regions(coarse, 30))
        assert expected.shape[1] == 6 * 12 + 1
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1.0)

    @pytest.mark.parametrize("rows", [40, 80, 12, 60])
    def test_of_classes_and_people_at_any_ratio(self, world: World, rows: int) -> None:
        side = Fraction(180, rows)
        coarse = Grid(Fraction(-180), Fraction(90), side, side, rows, 2 * rows)
        link = overlap(world.pixels, coarse)
        names = legend("hildaplus_v1").codes
        table = np.full(256, NO_DATA, dtype=np.uint8)
        table[list(names)] = np.arange(len(names))
        classes = table[world.planet.labels(world.years[2010])]
        pixels = world.pixels.cell_areas()
        before = np.stack([np.where(classes == k, pixels, 0) for k in range(len(names))])
        box = 45.0
        expected = _by_region(before, _regions(world.pixels, box))
        found = _by_region(class_areas(classes, len(names), link), _regions(coarse, box))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1.0)
        people = world.planet.population(2010).astype(np.float64)
        density = conservative(people / pixels, link)
        np.testing.assert_allclose(
            _by_region((density * coarse.cell_areas())[None], _regions(coarse, box)),
            _by_region(people[None], _regions(world.pixels, box)),
            rtol=1e-6,
            atol=1e-3,
        )


class TestKilledTwice:
    def test_the_resumed_build_equals_one_without_a_break(
        self, bench: ModuleType, world: World, tmp_path: Path
    ) -> None:
        store = tmp_path / "broken.zarr"
        blocks = []
        for share in (0.25, 0.5):
            blocks.append(bench.run_build(world.recipe, store, share).blocks)
            with pytest.raises(CubeError, match="not finished"):
                Cube(store)
        assert blocks[0] != blocks[1]
        build_cube(load_recipe(world.recipe), store)
        compared, odd = bench.differences(world.cube.path, store)
        assert compared > 100
        assert odd == []

    def test_a_changed_byte_would_be_found(
        self, bench: ModuleType, world: World, tmp_path: Path
    ) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        for folder, text in ((one, "a"), (two, "b")):
            (folder / "deep").mkdir(parents=True)
            (folder / "same").write_text("same")
            (folder / "deep/file").write_text(text)
        (two / "more").write_text("more")
        assert bench.differences(one, two) == (3, ["deep/file", "more"])


class TestARegion:
    """A planet that is no globe: cells of coarse products reach beyond it, nodes lie between."""

    SPEC = PlanetSpec(
        seed=1, region=(5.25, 40, 8, 42), first_year=2010, last_year=2018, scenarios=("ssp370",)
    )

    @pytest.fixture(scope="class")
    def cube(self, tmp_path_factory: pytest.TempPathFactory) -> Cube:
        folder = tmp_path_factory.mktemp("region")
        years = range(2010, 2019)
        write_all_products(self.SPEC, folder, years=years, months=[2015])
        data = full_recipe(self.SPEC, "ssp370", (2015, 2018, 3))
        (folder / "recipe.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
        return build_cube(load_recipe(folder / "recipe.yaml"), folder / "cube.zarr")

    def test_cells_have_their_providers_sizes(self, cube: Cube) -> None:
        sizes = {
            "land_use": 1 / 40,
            "luh2_states": 1 / 4,
            "population_density": 1 / 2,
            "soil_zone": 1 / 2,
            "air_temperature": 1 / 10,
            "leaf_area_index": 1 / 12,
            "land_cover": 1 / 40,
            "sand": 1 / 40,
        }
        assert {n: float(cube.grid(n).dx) for n in sizes} == pytest.approx(sizes)

    def test_values_are_those_of_the_pixels_around_a_place(self, cube: Cube) -> None:
        planet, domain = make_planet(self.SPEC), self.SPEC.domain
        for name, tick, field in (
            ("air_temperature", 12 * 2015 + 6, planet.climate.temperature + planet.climate.swing),
            ("population_density", 2015, planet.population(2015, "ssp370")),
        ):
            grid = cube.grid(name)
            link = overlap(domain, grid)
            always = np.ones(domain.shape, dtype=np.bool_)
            where = always if "population" in name else planet.terrain.land
            per = domain.cell_areas() / 1e6 if "population" in name else 1.0
            expected = conservative(field / per, link, where)
            warming = 0.7 + KELVIN if "temperature" in name else 0.0
            found = cube.read(name, tick)
            inside = ~np.isnan(expected) & ~np.isnan(found)
            assert inside.sum() > 0.5 * inside.size
            np.testing.assert_allclose(
                found[inside], expected[inside] + warming, rtol=1e-5, atol=1e-3
            )

    def test_towns_are_towns_in_both_maps(self, cube: Cube) -> None:
        classes = legend("landuse8")
        town = cube.read("land_use", 2015) == classes.codes[classes.names.index("urban")]
        assert town.any()
        np.testing.assert_array_equal(cube.read("land_cover", 2015) == 190, town)

    def test_years_that_the_planet_lacks_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"land use[\s\S]*2010…2018[\s\S]*2019"):
            write_all_products(self.SPEC, tmp_path / "a", years=[2019])
        with pytest.raises(ConfigError, match=r"months[\s\S]*2010…2018[\s\S]*2019"):
            write_all_products(self.SPEC, tmp_path / "a", months=[2019])
        assert not (tmp_path / "a").exists()


def test_the_main_products_do_not_change_when_all_are_written(tmp_path: Path) -> None:
    spec = PlanetSpec(region=(5, 40, 6, 41), first_year=2013, last_year=2017, fine_step="0.125")
    write_planet(spec, tmp_path / "main")
    write_all_products(spec, tmp_path / "all")
    main = [p for p in (tmp_path / "main").rglob("*") if p.is_file()]
    assert len(main) == 5 + 2 + 2 + 1 + 1 + 8
    for path in main:
        twin = tmp_path / "all" / path.relative_to(tmp_path / "main")
        assert twin.read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / "all/era5_land/era5_land_2017.nc").exists()
    assert len(list((tmp_path / "all/esa_cci").iterdir())) == 5
