"""Remedies, tried: each error says what to do, and once it is done the error is gone.

``tests/test_remedies.py`` finds that what a remedy names exists; remedies that are tried where
their reader is tested are not repeated here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import rasterio
import yaml
from click.testing import CliRunner
from rasterio.rio.main import main_group
from rasterio.transform import Affine

from ai4land.errors import AI4LandError, ConfigError
from ai4land.grid import Grid
from ai4land.recipes import Recipe, build_cube, check_recipe, load_recipe
from ai4land.sources.products import SOURCES
from ai4land.testing.formats.netcdf import create_netcdf
from provider_files.co2 import write_co2_workbook, write_noaa_annual
from provider_files.era5 import write_era5_netcdf
from provider_files.fractions import write_class_variables
from provider_files.lai import gimms_name, write_gimms
from provider_files.population import isimip3_name, write_period_mean
from provider_files.soil import HOMOLOSINE, write_land_parameters
from provider_files.tiny import (
    HILDA_BASE_MAP,
    HILDA_V1,
    HILDA_V1_F,
    class_map,
    write_elevation,
    write_map,
    write_series,
)

GLOBE = Grid.regular(-180, 90, 5, 5, (36, 72))
SMALL = Grid.regular(20, 40, 0.5, 0.5, (4, 6))
Options = Mapping[str, Any]


def tried(source: str, name: str, path: Path, broken: Options, mended: Options, says: str) -> None:
    """Read a variable with options that fail and with those that the error names.

    Args:
        source: The reader.
        name: The variable.
        path: Its files.
        broken: Options at first.
        mended: Options of the remedy, added.
        says: What the remedy holds.
    """
    with pytest.raises(AI4LandError) as caught:
        read(source, name, path, broken)
    assert caught.value.remedy is not None, caught.value
    assert re.search(says, caught.value.remedy), caught.value
    read(source, name, path, {**broken, **mended})


def read(source: str, name: str, path: Path, options: Options) -> None:
    """Open, look into and read the first time of a variable."""
    reader = SOURCES[source]
    assert reader.open is not None
    opened = reader.open(path, reader.options.model_validate(options), name)
    entry = opened.fields[name]
    opened.inspect(name, entry.ticks, entry.grid.window)
    opened.read(name, entry.ticks[0] if entry.ticks else None, entry.grid.window)


def rio(*arguments: object) -> None:
    """A command of rasterio, as a remedy writes it."""
    done = CliRunner().invoke(main_group, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output


def with_attribute(path: Path, names: tuple[str, ...], key: str, value: object) -> None:
    with netCDF4.Dataset(path, "a") as file:
        for name in names:
            file[name].setncattr(key, value)


def mirrored(folder: Path) -> Path:
    one = class_map(80, 90)
    return write_series(folder, HILDA_V1, {2000: one, 2001: one, 2002: one[::-1]})


def test_orientation_as_stored(tmp_path: Path) -> None:
    given = {"orientation": "as_stored"}
    says = "option `orientation: as_stored`"
    tried("hilda", "land_use", mirrored(tmp_path), {"version": "v1"}, given, says)
    series = {"pattern": HILDA_V1, "legend": "hildaplus_v1"}
    tried("geotiff_series", "land_use", tmp_path, series, given, says)


def test_version_of_hilda(tmp_path: Path) -> None:
    path = write_series(tmp_path, HILDA_V1_F, {2000: class_map()})
    tried("hilda", "land_use", path, {"version": "v1"}, {"version": "v1-f"}, "`version: v1-f`")


@pytest.mark.parametrize("rows", ["north_first", "south_first"])
@pytest.mark.parametrize("source", ["pnnl", "soil"])
def test_order_of_rows(tmp_path: Path, source: str, rows: str) -> None:
    sand = {"PCT_SAND" if source == "pnnl" else "T_SAND": (shares(60.0), {"units": "%"})}
    path = write_land_parameters(tmp_path / "a.nc", GLOBE, sand, coordinates="none")
    tried(source, "sand", path, {}, {"rows": rows}, rf"`rows: {rows}`.*`pnnl` and `soil`")


def shares(most: float) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, most, GLOBE.shape).astype(np.float32)


@pytest.mark.parametrize("units", ["fraction", "percent"])
def test_shares_that_may_be_percent(tmp_path: Path, units: str) -> None:
    sand = {"PCT_SAND": (shares(0.9), {"units": "1"})}
    path = write_land_parameters(tmp_path / "a.nc", GLOBE, sand)
    tried("pnnl", "sand", path, {}, {"units": {"sand": units}}, f"`{units}`")


@pytest.mark.parametrize(("fill", "name"), [(None, "sand"), (None, "aspect_north")])
def test_an_undeclared_fill(tmp_path: Path, fill: float | None, name: str) -> None:
    sand, aspect = shares(60.0), shares(350.0)
    sand[-3:], aspect[-3:] = np.nan, np.nan
    given = {"PCT_SAND": (sand, {"units": "%"}), "ASPECT": (aspect, {"units": "degree"})}
    path = write_land_parameters(tmp_path / "a.nc", GLOBE, given, fill=fill)
    tried("pnnl", name, path, {}, {"fill": -9999.0}, "option `fill`")


def test_layers_that_end_above_the_topsoil(tmp_path: Path) -> None:
    layers = np.stack([shares(60.0)] * 3)
    path = write_land_parameters(tmp_path / "a.nc", GLOBE, {"PCT_SAND": (layers, {"units": "%"})})
    edges = {"layer_edges": (0, 0.1, 0.2, 0.5)}
    tried("pnnl", "sand", path, {}, edges, "option `layer_edges`")
    tried("pnnl", "sand", path, {**edges, "topsoil": 2}, {"topsoil": 0.4}, "smaller `topsoil`")


def projected(path: Path, crs: str | None, nodata: int | None = -1) -> Path:
    shape = {"height": 10, "width": 10, "count": 1, "dtype": "int16", "nodata": nodata}
    place = Affine(1e5, 0, 0, 0, -1e5, 5e6) if crs else Affine(0.5, 0, 10, 0, -0.5, 50)
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=place, **shape) as file:
        file.write(np.arange(100, dtype=np.int16).reshape(10, 10), 1)
    return path


def test_a_raster_in_another_system(tmp_path: Path) -> None:
    path = projected(tmp_path / "sand.tif", HOMOLOSINE)
    soil = {"units": {"sand": "percent"}, "cells_per_degree": 1}
    says = "rio warp FILE OUT --dst-crs EPSG:4326.*`reproject: average`"
    tried("soil", "sand", path, soil, {"reproject": "average"}, says)
    with pytest.raises(AI4LandError, match="another coordinate system"):
        read("etopo", "elevation", path, {})
    rio("warp", path, tmp_path / "warped.tif", "--dst-crs", "EPSG:4326")
    read("etopo", "elevation", tmp_path / "warped.tif", {})
    read("soil", "sand", tmp_path / "warped.tif", {"names": {"sand": "warped"}, **soil})


def test_a_raster_that_does_not_say_its_system(tmp_path: Path) -> None:
    path = projected(tmp_path / "relief.tif", None)
    with pytest.raises(AI4LandError, match=r"rio edit-info --crs EPSG:4326 "):
        read("etopo", "elevation", path, {})
    rio("edit-info", "--crs", "EPSG:4326", path)
    read("etopo", "elevation", path, {})


def test_a_rotated_raster(tmp_path: Path) -> None:
    turned = Affine(0.1, 0.02, 20, 0.02, -0.1, 40)
    path = write_map(tmp_path / HILDA_V1.format(year=2000), class_map(40, 40), transform=turned)
    with pytest.raises(AI4LandError, match=r"rio warp FILE OUT --dst-crs EPSG:4326"):
        read("hilda", "land_use", tmp_path, {"version": "v1"})
    warped = tmp_path / "warped" / path.name
    warped.parent.mkdir()
    rio("warp", path, warped, "--dst-crs", "EPSG:4326")
    read("hilda", "land_use", warped.parent, {"version": "v1"})


def test_elevations_that_are_a_fill(tmp_path: Path) -> None:
    values = np.full((10, 20), 300, np.int16)
    values[0] = -32768
    path = write_map(tmp_path / "relief.tif", values)
    with pytest.raises(AI4LandError, match=r"rio edit-info --nodata VALUE FILE"):
        read("etopo", "elevation", path, {})
    rio("edit-info", "--nodata", "-32768", path)
    read("etopo", "elevation", path, {})
    lat, lon = 39.5 - np.arange(10.0), 20.5 + np.arange(20.0)
    path = write_elevation(tmp_path / "relief.nc", values, lat, lon)
    with pytest.raises(AI4LandError, match="in NetCDF as `_FillValue`"):
        read("gebco", "elevation", path, {})
    declared = write_declared(tmp_path / "declared.nc", values, lat, lon)
    read("gebco", "elevation", declared, {})


def write_declared(path: Path, values: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> Path:
    with create_netcdf(path) as file:
        for name, axis in (("lat", lat), ("lon", lon)):
            file.createDimension(name, len(axis))
            file.createVariable(name, "f8", (name,))[:] = axis
        elevation = file.createVariable("elevation", "i2", ("lat", "lon"), fill_value=-32768)
        elevation.units = "m"
        elevation[:] = values
    return path


def fractions(path: Path, values: Mapping[str, float], units: str | None = None) -> Path:
    maps = {2015: {name: np.full(SMALL.shape, v) for name, v in values.items()}}
    return write_class_variables(path, maps, SMALL, units=units)


def class_options(*names: str, **more: object) -> dict[str, Any]:
    return {"legend": "landuse8", "classes": {name: name for name in names}, **more}


@pytest.mark.parametrize(
    ("values", "broken", "mended", "says"),
    [
        ({"urban": 0.4, "forest": 0.6}, {}, {"units": "fraction"}, "option `units` to percent or"),
        ({"urban": 40.0, "forest": 60.0}, {}, {"units": "percent"}, "option `units` to percent"),
        (
            {"urban": 40.0, "forest": 60.0},
            {"units": "fraction"},
            {"units": "percent"},
            "`units: percent`",
        ),
        (
            {"urban": 0.4, "forest": 0.3},
            {"units": "fraction"},
            {"remainder": "water"},
            "`remainder: <class>`",
        ),
        (
            {"urban": 0.4, "forest": 0.57},
            {"units": "fraction"},
            {"tolerance": 0.05},
            "`tolerance: 0.05`",
        ),
        (
            {"urban": 0.4, "forest": 0.63},
            {"units": "fraction"},
            {"tolerance": 0.05},
            "`tolerance: 0.05`",
        ),
    ],
)
def test_fractions(
    tmp_path: Path, values: dict[str, float], broken: Options, mended: Options, says: str
) -> None:
    path = fractions(tmp_path / "f.nc", values)
    options = class_options(*values, **broken)
    tried("fractions", "land_use_fractions", path, options, mended, says)


def test_a_file_that_calls_percent_shares(tmp_path: Path) -> None:
    """No option may contradict a file silently, so the file is corrected, as the remedy says."""
    names = ("urban", "forest")
    path = fractions(tmp_path / "f.nc", dict.fromkeys(names, 50.0), units="1")
    for options, says in (
        (class_options(*names), "attribute `units` of the file"),
        (class_options(*names, units="percent"), "correct that of the file"),
    ):
        with pytest.raises(AI4LandError, match=says):
            read("fractions", "land_use_fractions", path, options)
    with_attribute(path, names, "units", "percent")
    read("fractions", "land_use_fractions", path, class_options(*names))


def test_fractions_in_a_folder_and_without_time(tmp_path: Path) -> None:
    maps = {2015: {"urban": np.full(SMALL.shape, 0.4), "forest": np.full(SMALL.shape, 0.6)}}
    path = write_class_variables(tmp_path / "f_2015.nc", maps, SMALL, static=True)
    options = class_options("urban", "forest")
    name = "land_use_fractions"
    tried("fractions", name, path, options, {"year": 2015}, "option `year`")
    tried("fractions", name, tmp_path, options, {"pattern": "f_{year}.nc"}, "`pattern` with {year}")


def test_carbon_dioxide(tmp_path: Path) -> None:
    path = write_noaa_annual(tmp_path / "co2_annmean_mlo.csv", {1959: 315.98, 1960: 316.91})
    tried("co2", "co2", path, {"clock": "month"}, {"clock": "year"}, "`clock: year`")
    future = {year: 400.0 + year - 2015 for year in range(2015, 2031)}
    tables = {"history": {y: 300.0 for y in range(2000, 2015)}, "SSP1-2.6": future}
    book = write_co2_workbook(tmp_path / "book.xlsx", tables)
    options = {"scenario": "ssp126", "join": 2010}
    tried("co2", "co2", book, options, {"join": 2015}, "say `join`, the first year of the scenario")


def test_period_means_of_people(tmp_path: Path) -> None:
    people = {name: np.full(SMALL.shape, 9.0) for name in ("total", "urban", "rural")}
    path = tmp_path / isimip3_name("histsoc", 1901, 1903)
    write_period_mean(path, SMALL, (1901, 1903), people)
    tried("population", "population_density", path, {}, {"period_means": "hold"}, "`period_means:")


def test_half_a_month_of_leaves(tmp_path: Path) -> None:
    stored = np.full((4, 6), 1000, np.uint16)
    write_gimms(tmp_path / gimms_name(2000, 1, 1), stored, np.zeros_like(stored), SMALL)
    says = "finer `clock`, or set `partial: true`"
    tried("lai_gimms", "leaf_area_index", tmp_path, {}, {"partial": True}, says)
    tried("lai_gimms", "leaf_area_index", tmp_path, {}, {"clock": "10day"}, says)


def test_days_or_hours_of_weather(tmp_path: Path) -> None:
    times = [dt.datetime(2020, 1, 1) + dt.timedelta(days=k) for k in range(60)]
    axes = (50.0 - 0.5 * np.arange(4.0), 10.0 + 0.5 * np.arange(6.0))
    warm = {"t2m": np.full((60, 4, 6), 280.0)}
    path = write_era5_netcdf(tmp_path / "d.nc", warm, times, axes)
    tried("era5", "air_temperature", path, {}, {"frequency": "day"}, "`frequency: month`.*`day`")


def recipe(folder: Path, years: tuple[int, int], **variables: Mapping[str, Any]) -> Recipe:
    span = {"first": years[0], "last": years[1]}
    data = {"title": "Test", "years": span, "variables": variables}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return load_recipe(path)


def labels(**options: object) -> dict[str, Any]:
    return {"source": "hilda", "path": "hilda", "options": {"version": "v1", **options}}


@pytest.fixture
def decade(tmp_path: Path) -> Path:
    """HILDA+ v1 of 2013 to 2017 with the base map of 2015."""
    maps = {y: class_map(24, 32, seed=y) for y in (2013, 2014, 2016, 2017)}
    write_series(tmp_path / "hilda", HILDA_V1, maps)
    write_map(tmp_path / "hilda" / HILDA_BASE_MAP, class_map(24, 32, seed=2015))
    return tmp_path


@pytest.mark.parametrize(("choice", "years"), [("repair", 5), ("as_is", 5), ("exclude", 4)])
def test_the_base_map_of_2015(decade: Path, choice: str, years: int) -> None:
    broken = check_recipe(recipe(decade, (2013, 2017), land_use=labels()))
    assert "set the option base_map_2015 to repair, exclude or as_is" in broken.problems[0]
    made = recipe(decade, (2013, 2017), land_use=labels(base_map_2015=choice))
    assert check_recipe(made).problems == ()
    cube = build_cube(made, decade / "cube.zarr")
    assert len(cube.group("land_use").ticks) == years


@pytest.mark.parametrize("rule", ["hold", "drop"])
def test_years_outside_a_product(decade: Path, rule: str) -> None:
    write_noaa_annual(decade / "co2_annmean_mlo.csv", {2013: 396.5, 2014: 398.6})
    gas: dict[str, Any] = {"source": "co2", "path": "co2_annmean_mlo.csv"}
    broken = recipe(decade, (2013, 2014), land_use=labels(), co2=gas)
    assert check_recipe(broken).problems == ()
    options = {"base_map_2015": "as_is"}
    broken = recipe(decade, (2013, 2017), land_use=labels(**options), co2=gas)
    assert f"`outside: {rule}`" in check_recipe(broken).problems[0]
    mended = recipe(decade, (2013, 2017), land_use=labels(**options), co2=gas | {"outside": rule})
    assert check_recipe(mended).problems == ()


def test_a_grid_without_labels(tmp_path: Path) -> None:
    path = write_map(tmp_path / "relief.tif", np.full((40, 60), 9, np.int16))
    relief: dict[str, Any] = {"source": "etopo", "path": path.name, "resample": "conservative"}
    broken = check_recipe(recipe(tmp_path, (2000, 2000), elevation=relief))
    assert "give the side of a cell as `degrees`" in broken.problems[0]
    mended = recipe(tmp_path, (2000, 2000), elevation=relief | {"degrees": 0.5})
    assert check_recipe(mended).problems == ()


def test_a_path_that_is_missing(tmp_path: Path) -> None:
    write_map(tmp_path / "relief.tif", np.full((40, 60), 9, np.int16))
    with pytest.raises(ConfigError, match="of the product as `path`"):
        recipe(tmp_path, (2000, 2000), elevation={"source": "etopo"})
    made = recipe(tmp_path, (2000, 2000), elevation={"source": "etopo", "path": "relief.tif"})
    assert check_recipe(made).problems == ()


def test_maps_of_koeppen_in_the_other_reader(tmp_path: Path) -> None:
    zones = class_map(40, 60, codes=range(1, 31))
    write_map(tmp_path / "1991_2020" / "koeppen_geiger_0p5.tif", zones, cell=0.5, west=10)
    with pytest.raises(AI4LandError, match="use the source `koeppen_geiger`"):
        read("koeppen_geiger_2018", "climate_zone", tmp_path, {})
    read("koeppen_geiger", "climate_zone", tmp_path, {})
    write_map(tmp_path / "1991_2020" / "koeppen_geiger_0p1.tif", zones, cell=0.5, west=10)
    resolution = {"resolution": "0p1"}
    tried("koeppen_geiger", "climate_zone", tmp_path, {}, resolution, "option `resolution`")


def test_another_edition_of_climate_zones(tmp_path: Path) -> None:
    """A table that contradicts the legend: a legend file, and maps named by year."""
    zones = class_map(20, 30, codes=(1, 2))
    write_map(tmp_path / "1991_2020" / "koeppen_geiger_0p5.tif", zones, cell=0.5, west=10)
    (tmp_path / "legend.txt").write_text("    1:  Xx   Odd, odd [0 0 255]\n", encoding="utf-8")
    with pytest.raises(AI4LandError, match=r"legend file.*its year.*`geotiff_series`"):
        read("koeppen_geiger", "climate_zone", tmp_path, {})
    legend = "name: mine\nclasses: [[1, Xx, '#0000ff'], [2, Yy, '#ff0000']]\n"
    (tmp_path / "mine.yaml").write_text(legend, encoding="utf-8")
    write_map(tmp_path / "zones_2000.tif", zones, cell=0.5, west=10)
    options = {"pattern": "zones_{year}.tif", "legend": str(tmp_path / "mine.yaml")}
    read("geotiff_series", "climate_zone", tmp_path, options)
