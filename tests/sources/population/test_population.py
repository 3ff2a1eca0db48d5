"""Population: counts become densities that keep their people on any grid."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest
import yaml

from ai4land.cube import Status
from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, overlap
from ai4land.recipes import Recipe, build_cube, load_recipe
from ai4land.regrid import conservative
from ai4land.sources import PopulationOptions, Source, open_population
from ai4land.testing.contracts.source import Landmark, SourceContract
from provider_files.population import (
    isimip2b_name,
    isimip3_name,
    write_isimip2b,
    write_isimip3,
    write_period_mean,
)
from provider_files.tiny import HILDA_V1, class_map, write_series

Counts = npt.NDArray[np.float64]
GRID = Grid.regular(-180, 90, 5, 5, (36, 72))


def people(year: int, grid: Grid = GRID) -> Counts:
    """People per cell without symmetry, nobody counted in the south and in the north-west."""
    rng = np.random.default_rng(year)
    out = (6 * rng.integers(0, 200_000, grid.shape)).astype(np.float64)  # whole halves and thirds
    out[-grid.height // 4 :] = np.nan
    out[: grid.height // 6, : grid.width // 3] = np.nan
    return out


def shares(year: int) -> dict[str, Counts]:
    """People by kind: a third of them in cities."""
    total = people(year)
    return {"total": total, "urban": total / 3, "rural": total * 2 / 3}


def history(folder: Path, first: int = 1861, last: int = 1866, **layout: int | bool) -> Path:
    """An ISIMIP2b history under its name."""
    path = folder / isimip2b_name("histsoc", first, last)
    years = [(y, people(y)) for y in range(first, last + 1)]
    return write_isimip2b(path, GRID, years, **layout)  # type: ignore[arg-type]


def scenario(folder: Path, first: int = 1867, last: int = 1870, name: str = "ssp2soc") -> Path:
    """A scenario with half as many people, counted from its own year."""
    path = folder / isimip2b_name(name, first, last)
    years = [(y, people(y) / 2) for y in range(first, last + 1)]
    return write_isimip2b(path, GRID, years, base=first - 1)


def density(year: int, row: int, col: int) -> float:
    """People per km² of one cell of the files above, from the formula for a zone of WGS 84."""
    area = float(GRID.cell_areas()[row, col]) / 1e6
    return float(people(year)[row, col]) / area


class TestIsimip2b(SourceContract):
    """Undecodable time, hyphens in the name, history and scenario joined."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        history(tmp_path)
        scenario(tmp_path)
        return open_population(tmp_path, PopulationOptions(scenario="ssp2", uncounted="missing"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("population_density", 1861, 57.5, -47.5, density(1861, 6, 26)),
            Landmark("population_density", 1866, -12.5, 172.5, density(1866, 20, 70)),
            Landmark("population_density", 1867, 2.5, 2.5, density(1867, 17, 36) / 2),
            Landmark("population_density", 1862, -77.5, 2.5, np.nan),
        ]

    def test_years_are_counted_from_the_year_that_the_units_name(self, source: Source) -> None:
        field = source.fields["population_density"]
        assert field.ticks == tuple(range(1861, 1871))
        assert not field.gaps

    def test_urban_people_are_not_offered_and_the_reason_is_named(self, source: Source) -> None:
        assert set(source.fields) == {"population_density"}
        with pytest.raises(SourceError, match=r"(?s)no such variable.*urban.*not every file"):
            source.fields["urban_population_density"]

    def test_the_join_and_its_jump_are_reported(self, source: Source) -> None:
        field = source.fields["population_density"]
        notes = source.inspect("population_density", field.ticks, field.grid.window)
        total = {y: float(np.nansum(people(y))) for y in (1866, 1867)}
        assert notes["join"] == {
            "year": 1866,
            "people": {"history": {"1866": total[1866]}, "ssp2": {"1867": total[1867] / 2}},
        }
        history_only = source.inspect("population_density", (1861, 1866), field.grid.window)
        assert "join" not in history_only
        assert notes["uncounted_cells"] == {
            "cells": int(np.isnan(people(1861)).sum()),
            "read_as": "missing",
        }

    def test_provenance_names_edition_and_scenario(self, source: Source) -> None:
        versions = [p.version for p in source.provenance()]
        assert versions == ["ISIMIP2b hist", "ISIMIP2b ssp2"]
        assert [p.version for p in source.provenance({1869})] == ["ISIMIP2b ssp2"]


class TestIsimip3(SourceContract):
    """Decodable time, hyphens in variables, history in two files, scenario by its bare name."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        for first, last, name, share in (
            (1899, 1900, "histsoc", 1),
            (1901, 1903, "histsoc", 1),
            (1902, 1906, "ssp5", 0.5),
        ):
            years = range(first, last + 1)
            write_isimip3(
                tmp_path / isimip3_name(name, first, last),
                GRID,
                [(y, {k: v * share for k, v in shares(y).items()}) for y in years],
            )
        return open_population(tmp_path, PopulationOptions(scenario="ssp5soc"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("population_density", 1899, 57.5, -47.5, density(1899, 6, 26)),
            Landmark("urban_population_density", 1905, -12.5, 172.5, density(1905, 20, 70) / 6),
            Landmark("population_density", 1902, -12.5, 172.5, density(1902, 20, 70)),
            Landmark("rural_population_density", 1901, 2.5, 2.5, density(1901, 17, 36) * 2 / 3),
            Landmark("rural_population_density", 1901, -77.5, 2.5, 0.0),
        ]

    def test_leap_years_do_not_shift_the_years(self, source: Source) -> None:
        assert source.fields["population_density"].ticks == tuple(range(1899, 1907))

    def test_the_history_wins_where_both_have_a_year(self, source: Source) -> None:
        window = GRID.window
        notes = source.inspect("population_density", (1903, 1904), window)
        assert notes["join"]["year"] == 1903
        assert set(notes["join"]["people"]["ssp5soc"]) == {"1903", "1904"}


class TestSouthFirst(TestIsimip2b):
    """Latitude the other way round."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        history(tmp_path, south_first=True)
        scenario(tmp_path)
        return open_population(tmp_path, PopulationOptions(scenario="ssp2", uncounted="missing"))


@pytest.mark.parametrize("base", [1661, 1860, 1861, 2006])
def test_every_base_year_gives_the_same_years(tmp_path: Path, base: int) -> None:
    path = history(tmp_path, 1861, 1862, base=base)
    ticks = open_population(path, PopulationOptions()).fields["population_density"].ticks
    assert ticks == (1861, 1862)


def test_an_underscore_between_the_years_and_a_merged_file_are_found(tmp_path: Path) -> None:
    years = [(y, people(y)) for y in (1861, 1862)]
    write_isimip2b(tmp_path / "a" / isimip2b_name("histsoc", 1861, 1862, joint="_"), GRID, years)
    write_isimip2b(tmp_path / "b" / "population_histsoc_cube_1861-1862.nc", GRID, years)
    for folder in ("a", "b"):
        found = open_population(tmp_path / folder, PopulationOptions())
        assert found.fields["population_density"].ticks == (1861, 1862)


def test_a_fill_that_no_attribute_declares_is_still_missing(tmp_path: Path) -> None:
    path = history(tmp_path, declared=False)
    with netCDF4.Dataset(path) as file:
        assert not {"missing_value", "_FillValue"} & set(file["number_of_people"].ncattrs())
        file.set_auto_mask(False)
        assert float(file["number_of_people"][0, -1, 0]) == pytest.approx(1e20)
    source = open_population(path, PopulationOptions(uncounted="missing"))
    values = source.read("population_density", 1861, GRID.window)
    assert np.array_equal(np.isnan(values), np.isnan(people(1861)))


@pytest.mark.parametrize(
    "target",
    [
        Grid.regular(-180, 90, "5/3", "5/3", (108, 216)),
        Grid.regular(-180, 90, "360/151", "180/67", (67, 151)),
        Grid.regular(-180, 90, 12, 12, (15, 30)),
        Grid.regular("-361/2", "90", 1, "180/101", (101, 360)),
    ],
    ids=["nested", "finer", "coarser", "shifted"],
)
def test_people_are_conserved_on_the_way_to_any_grid(tmp_path: Path, target: Grid) -> None:
    """Density × area is the number of people, with seas on the way."""
    path = history(tmp_path)
    source = open_population(path, PopulationOptions())
    values = source.read("population_density", 1863, GRID.window)
    found = conservative(values, overlap(GRID, target)) * target.cell_areas() / 1e6
    assert found.sum() == pytest.approx(float(np.nansum(people(1863))), rel=1e-6)


def test_people_of_a_region_are_conserved(tmp_path: Path) -> None:
    source = open_population(history(tmp_path), PopulationOptions())
    region = Grid.regular(60, 60, "60/37", "60/41", (41, 37))
    cut = GRID.window_of(60, 0, 120, 60)
    values = source.read("population_density", 1863, cut)
    found = conservative(values, overlap(GRID.crop(cut), region)) * region.cell_areas() / 1e6
    assert found.sum() == pytest.approx(float(np.nansum(people(1863)[cut.slices])), rel=1e-6)


def recipe(folder: Path, years: tuple[int, int], **entry: object) -> Recipe:
    data = {
        "title": "People",
        "years": {"first": years[0], "last": years[1]},
        "variables": {
            "land_use": {"source": "hilda", "path": "hilda", "options": {"version": "v1"}},
            "population_density": {"source": "population", "path": "people", **entry},
        },
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return load_recipe(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Labels 1899–1902 on cells of 0.3°, which nest in nothing, and a population that ends 1901."""
    maps = {y: class_map(30, 40, seed=y) for y in range(1899, 1903)}
    write_series(tmp_path / "hilda", HILDA_V1, maps, cell=0.3)
    years = [(y, people(y)) for y in range(1900, 1902)]
    write_isimip2b(tmp_path / "people" / isimip2b_name("histsoc", 1900, 1901), GRID, years)
    return tmp_path


def test_a_cube_on_the_labels_grid_holds_the_people_of_the_region(folder: Path) -> None:
    cube = build_cube(recipe(folder, (1900, 1901), resample="conservative"), folder / "cube.zarr")
    grid = cube.grid("population_density")
    assert grid == cube.grid("land_use")
    found = cube.read("population_density", 1901).astype(np.float64) * grid.cell_areas() / 1e6
    link = overlap(GRID, grid)  # shared areas as the product would have them
    weight = np.zeros(GRID.shape)
    rows = np.bincount(link.rows.fine, link.rows.length, GRID.height)
    cols = np.bincount(link.cols.fine, link.cols.length, GRID.width)
    weight += rows[:, None] * cols
    expected = np.nansum(people(1901) * weight / GRID.cell_areas())
    assert found.sum() == pytest.approx(float(expected), rel=1e-6)


def test_years_before_the_first_follow_the_recipes_rule(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)does not cover.*1900…1901.*outside"):
        build_cube(recipe(folder, (1899, 1902)), folder / "cube.zarr")
    cube = build_cube(recipe(folder, (1899, 1902), outside="hold"), folder / "held.zarr")
    status = cube.status("population_density")
    assert status == {
        1899: Status.HELD,
        1900: Status.OBSERVED,
        1901: Status.OBSERVED,
        1902: Status.HELD,
    }
    held = cube.read("population_density", 1899)
    assert np.array_equal(held, cube.read("population_density", 1900))


class TestJoin:
    def test_another_year_of_joining(self, tmp_path: Path) -> None:
        history(tmp_path)
        scenario(tmp_path, 1863)
        options = PopulationOptions(scenario="ssp2", join=1862)
        source = open_population(tmp_path, options)
        found = source.read("population_density", 1863, GRID.window)[17, 36]
        assert found == pytest.approx(density(1863, 17, 36) / 2)
        assert source.read("population_density", 1862, GRID.window)[17, 36] == pytest.approx(
            density(1862, 17, 36)
        )

    def test_years_between_history_and_scenario_are_gaps(self, tmp_path: Path) -> None:
        history(tmp_path, 1861, 1862)
        scenario(tmp_path, 1865)
        field = open_population(tmp_path, PopulationOptions(scenario="ssp2")).fields[
            "population_density"
        ]
        assert sorted(field.gaps) == [1863, 1864]

    def test_years_of_the_history_after_the_join_are_not_read(self, tmp_path: Path) -> None:
        history(tmp_path)
        scenario(tmp_path, 1866)
        source = open_population(tmp_path, PopulationOptions(scenario="ssp2", join=1862))
        field = source.fields["population_density"]
        assert sorted(field.gaps) == [1863, 1864, 1865]
        with pytest.raises(SourceError, match=r"(?s)such time.*neither.*holds 1864"):
            source.read("population_density", 1864, GRID.window)

    def test_a_year_that_the_history_lacks(self, tmp_path: Path) -> None:
        history(tmp_path)
        scenario(tmp_path)
        with pytest.raises(ConfigError, match=r"(?s)do not meet.*1861…1866.*found: 1900"):
            open_population(tmp_path, PopulationOptions(scenario="ssp2", join=1900))

    def test_two_editions_in_a_folder(self, tmp_path: Path) -> None:
        history(tmp_path)
        write_isimip3(
            tmp_path / isimip3_name("histsoc", 1866, 1867),
            GRID,
            [(y, shares(y)) for y in (1866, 1867)],
        )
        with pytest.raises(SourceError, match=r"(?s)Two files hold the same year.*1866.*edition"):
            open_population(tmp_path, PopulationOptions())

    def test_a_corrected_file_beside_the_first_one(self, tmp_path: Path) -> None:
        history(tmp_path)
        scenario(tmp_path)
        years = [(1867, people(1867))]
        name = "corrected_" + isimip2b_name("ssp2soc", 1867, 1867)
        write_isimip2b(tmp_path / name, GRID, years)
        with pytest.raises(SourceError, match=r"(?s)same year.*1867 in one file"):
            open_population(tmp_path, PopulationOptions(scenario="ssp2"))

    def test_another_grid(self, tmp_path: Path) -> None:
        history(tmp_path)
        coarse = Grid.regular(-180, 90, 10, 10, (18, 36))
        path = tmp_path / isimip2b_name("ssp2soc", 1867, 1867)
        write_isimip2b(path, coarse, [(1867, people(1867, coarse))], base=1866)
        with pytest.raises(SourceError, match=r"(?s)another grid.*36 × 72.*18 × 36"):
            open_population(tmp_path, PopulationOptions(scenario="ssp2"))

    def test_a_misspelt_scenario_and_no_history(self, tmp_path: Path) -> None:
        scenario(tmp_path)
        with pytest.raises(MissingFileError, match=r"(?s)No population file.*did you mean 'ssp2'"):
            open_population(tmp_path, PopulationOptions(scenario="ssp22"))
        with pytest.raises(MissingFileError, match=r"(?s)no history.*scenario: ssp2"):
            open_population(tmp_path, PopulationOptions())
        alone = open_population(tmp_path, PopulationOptions(scenario="ssp2"))
        assert alone.fields["population_density"].ticks == (1867, 1868, 1869, 1870)

    def test_one_file_and_a_scenario(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"(?s)cannot be history and scenario.*folder"):
            open_population(history(tmp_path), PopulationOptions(scenario="ssp2"))


class TestRefusals:
    def test_an_axis_that_counts_from_another_year_than_it_says(self, tmp_path: Path) -> None:
        path = tmp_path / isimip2b_name("histsoc", 1861, 1862)
        write_isimip2b(path, GRID, [(y - 1, people(y)) for y in (1861, 1862)])
        text = r"(?s)contradicts the file's name.*expected: 1861…1862.*found: 1860…1861"
        with pytest.raises(SourceError, match=text):
            open_population(path, PopulationOptions())

    def test_densities_and_millions_are_not_counts(self, tmp_path: Path) -> None:
        path = history(tmp_path)
        for units in ("people km-2", "million people", "1000 persons"):
            with netCDF4.Dataset(path, "a") as file:
                file["number_of_people"].units = units
            with pytest.raises(SourceError, match=rf"(?s)other units.*found: {units}"):
                open_population(path, PopulationOptions())

    def test_a_file_of_another_variable(self, tmp_path: Path) -> None:
        path = history(tmp_path)
        with netCDF4.Dataset(path, "a") as file:
            file.renameVariable("number_of_people", "TREFHT")
        with pytest.raises(SourceError, match=r"(?s)does not say that it counts people.*TREFHT"):
            open_population(path, PopulationOptions())

    def test_negative_counts(self, tmp_path: Path) -> None:
        path = history(tmp_path)
        with netCDF4.Dataset(path, "a") as file:
            file["number_of_people"][0, 17, 36] = -9999
        source = open_population(path, PopulationOptions())
        with pytest.raises(SourceError, match=r"(?s)cannot be numbers of people.*-9999 in 1 cells"):
            source.read("population_density", 1861, GRID.window)

    def test_months_are_not_years(self, tmp_path: Path) -> None:
        path = tmp_path / "people.nc"
        write_isimip3(path, GRID, [(y, shares(y)) for y in (1901, 1902)])
        with netCDF4.Dataset(path, "a") as file:
            file["time"][:] = [18627, 18658]
        with pytest.raises(SourceError, match=r"(?s)A year occurs twice.*2 times in 1 years"):
            open_population(path, PopulationOptions())
        with netCDF4.Dataset(path, "a") as file:
            file["time"].units = "fortnights since 1850-1-1"
        with pytest.raises(SourceError, match=r"(?s)time axis is not understood.*fortnights"):
            open_population(path, PopulationOptions())

    def test_period_means_are_refused_by_one_sentence(self, tmp_path: Path) -> None:
        path = tmp_path / "population_histsoc_0p5deg_annual_1901_1919_timmean.nc4"
        write_period_mean(path, GRID, (1901, 1919), shares(1901))
        with pytest.raises(SourceError, match=r"(?s)comes as period means.*one mean of 1901–1919"):
            open_population(path, PopulationOptions())

    def test_a_mean_without_bounds_shows_in_its_name(self, tmp_path: Path) -> None:
        path = tmp_path / isimip3_name("histsoc", 1901, 1919)
        write_isimip3(path, GRID, [(1910, shares(1910))])
        with pytest.raises(SourceError, match=r"(?s)comes as period means.*1901–1919"):
            open_population(path, PopulationOptions())


def test_a_held_mean_stands_for_every_year_of_its_period(tmp_path: Path) -> None:
    for period in ((1901, 1903), (1904, 1905)):
        name = f"population_histsoc_0p5deg_annual_{period[0]}_{period[1]}_timmean.nc4"
        write_period_mean(tmp_path / name, GRID, period, shares(period[0]))
    source = open_population(tmp_path, PopulationOptions(period_means="hold"))
    field = source.fields["urban_population_density"]
    assert field.ticks == (1901, 1902, 1903, 1904, 1905)
    one, two, three = (
        source.read("population_density", y, GRID.window) for y in (1901, 1903, 1904)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(two, three)
    notes = source.inspect("population_density", (1902, 1904), GRID.window)
    assert notes["period_means"] == [[1901, 1903], [1904, 1905]]


LONDON = 3_768_660.5  # number in the file at 51.25° N, 0.25° W


@pytest.mark.realdata
class TestRealPopulation(SourceContract):
    """ISIMIP3a population as it came: six means of periods, by CDO."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return open_population(
            realdata / "population", PopulationOptions(period_means="hold", uncounted="missing")
        )

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        # London, on the area from the radii of curvature of WGS 84 at its latitude; the Atlantic
        return [
            Landmark("population_density", 2000, 51.25, -0.25, LONDON / 1941.91),
            Landmark("population_density", 1910, 0.25, -30.25, np.nan),
        ]

    def test_the_world_has_as_many_people_as_it_should(self, source: Source) -> None:
        for year, billions in ((1901, 1.8), (1950, 2.6), (2019, 6.9)):
            field = source.fields["population_density"]
            values = source.read("population_density", year, field.grid.window)
            found = np.nansum(values.astype(np.float64) * field.grid.cell_areas()) / 1e6
            assert found == pytest.approx(billions * 1e9, rel=0.05)

    def test_people_are_in_cities_or_in_the_country(self, source: Source) -> None:
        window = source.fields["population_density"].grid.window
        total, urban, rural = (
            source.read(f"{kind}population_density", 2000, window)
            for kind in ("", "urban_", "rural_")
        )
        known = np.isfinite(total)
        assert known.sum() > 60_000
        np.testing.assert_allclose((urban + rural)[known], total[known], rtol=1e-4, atol=1e-3)


@pytest.mark.realdata
def test_the_real_period_means_are_refused_by_the_documented_sentence(realdata: Path) -> None:
    with pytest.raises(SourceError) as caught:
        open_population(realdata / "population", PopulationOptions())
    text = str(caught.value)
    assert text.startswith("The population comes as period means")
    assert "found: one mean of 1901–1919" in text
    assert "period_means: hold" in text


@pytest.mark.realdata
def test_the_real_scenario_of_another_name_is_refused(realdata: Path) -> None:
    with pytest.raises(SourceError, match=r"(?s)does not say that it counts people.*TREFHT"):
        open_population(realdata / "population" / "ssp2_2030_regrid.nc", PopulationOptions())
