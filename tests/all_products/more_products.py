"""The other products of a synthetic planet: people, soil, air, weather, land cover, leaf area."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid, slope_aspect
from ai4land.regrid import nearest
from ai4land.testing.planet.cells import DYNAMIC, ICE, OCEAN, WATER, to_map
from ai4land.testing.planet.climate import Climate
from ai4land.testing.planet.planet import Planet, PlanetYear
from ai4land.testing.planet.spec import FORK_YEAR
from all_products.product_grids import mean_on, node_grid, product_grid
from all_products.soils import Soil, make_soil
from all_products.vegetation import land_cover_codes, leaf_area
from all_products.weather import Weather, carbon_dioxide_months, warming_of
from provider_files.co2 import write_cmip6_co2
from provider_files.era5 import write_era5_netcdf
from provider_files.esacci import esacci_name, write_esacci
from provider_files.lai import gimms_name, stored, write_gimms
from provider_files.population import isimip3_name, write_isimip3
from provider_files.soil import (
    soilgrids_name,
    write_land_parameters,
    write_soilgrids,
    write_watergap_texture,
)

__all__ = [
    "CO2_FOLDER",
    "ERA5_LAND_FOLDER",
    "ESA_CCI_FOLDER",
    "LAI_FOLDER",
    "PARAMETERS_NAME",
    "POPULATION_FOLDER",
    "SOIL_FOLDER",
    "TEXTURE_NAME",
    "MoreProducts",
    "ssp_of",
]

Floats = npt.NDArray[np.floating]

POPULATION_FOLDER = Path("ISIMIP3_population")
SOIL_FOLDER = Path("soilgrids")
TEXTURE_NAME = Path("watergap/soil_texture_watergap_0p5deg.nc")
PARAMETERS_NAME = Path("pnnl/land_parameters_1km.nc")
CO2_FOLDER = Path("input4MIPs_co2")
ERA5_LAND_FOLDER = Path("era5_land")
ESA_CCI_FOLDER = Path("esa_cci")
LAI_FOLDER = Path("GIMMS_LAI4g")

_HALF, _TENTH, _TWELFTH = Fraction(1, 2), Fraction(1, 10), Fraction(1, 12)  # cells in degrees
_ERA5 = Fraction(1, 4)  # what ERA5 itself has: its sister with such cells would be refused
_FINEST = Fraction(1, 120)
_POPULATION = range(1850, 2101)
_ERA5_LAND = range(1950, 2020)
_ESA_CCI = range(1992, 2023)
_GIMMS = range(1982, 2021)
_DEPTHS = ("0-5cm", "5-15cm", "15-30cm")
# of each depth beside the mean of the three by thickness
_PROFILES: dict[str, tuple[float, float, float]] = {
    "sand": (1.05, 1.0, 59 / 60),
    "clay": (0.9, 1.0, 31 / 30),
    "ocd": (1.4, 1.1, 0.8),
}
_LAYERS, _TOPSOIL_LAYERS = 10, 6  # of ELM; those that reach above 30 cm
_CARBON = 0.58  # of organic matter
_COLD, _MISSING = 2, 3  # quality codes of LAI4g


def ssp_of(scenario: str) -> str:
    """The storyline of a scenario: the population of ``ssp126`` is that of ``ssp1``."""
    return scenario[:4]


class MoreProducts:
    """Writes the products that go beyond land use, its forcing, elevation and climate zones.

    Args:
        planet: The planet.
        folder: Folder to write into.
        years: Years of population and land cover that are wanted.
        months: Years whose months of weather and leaf area are wanted.
    """

    def __init__(
        self, planet: Planet, folder: Path, years: Collection[int], months: Collection[int]
    ) -> None:
        self._planet, self._folder = planet, folder
        self._years, self._months = sorted(set(years)), sorted(set(months))
        self._domain = planet.spec.domain
        self._weather = Weather.of(planet.climate, self._domain)

    def write(self) -> None:
        """Write all that does not depend on how land use goes."""
        soil = make_soil(self._planet.terrain, self._planet.climate)
        self._write_soil(soil)
        self._write_texture(soil)
        self._write_parameters(soil)
        self._write_population()
        self._write_co2()
        self._write_weather()

    def see(self, now: PlanetYear) -> None:
        """Write what satellites see of a year of history."""
        cover = now.year in self._years and now.year in _ESA_CCI
        leaves = now.year in self._months and now.year in _GIMMS
        if not cover and not leaves:
            return
        cells = now.seen if self._planet.spec.placebo else now.land.cells
        classes = to_map(cells, self._planet.spec)
        if cover:
            edition = "v2.0.7cds" if now.year <= 2015 else "v2.1.1"
            path = self._folder / ESA_CCI_FOLDER / esacci_name(now.year, edition)
            codes = land_cover_codes(classes, self._planet.climate)
            write_esacci(path, now.year, codes, self._domain, edition)
        if leaves:
            self._write_leaves(now.year, classes)

    def _write_leaves(self, year: int, classes: npt.NDArray[np.uint8]) -> None:
        """Two maps a month, of the pixel in the middle of each cell."""
        source, grid = self._domain, product_grid(self._domain, _TWELFTH)
        climate = self._planet.climate
        there = nearest(classes, source, grid, OCEAN)

        def pick(field: Floats) -> npt.NDArray[np.float32]:
            return nearest(np.asarray(field, dtype=np.float32), source, grid, np.nan)

        local = Climate(
            pick(climate.temperature),
            pick(climate.swing),
            pick(climate.rain),
            pick(climate.dry_summer),
        )
        weather, warming = Weather.of(local, grid), warming_of(year)
        for month in range(1, 13):
            for half in (1, 2):
                position = month - 1.25 + half / 2
                lai = leaf_area(there, local, weather, position, warming)
                cold = weather.temperature(position, warming) < 0
                quality = np.where(np.isnan(lai), _MISSING, np.where(cold, _COLD, 0))
                path = self._folder / LAI_FOLDER / gimms_name(year, month, half)
                packed = stored(lai, 0.001, 65535, "uint16")
                write_gimms(path, packed, quality.astype(np.uint16), grid)

    def _write_population(self) -> None:
        """People in 1850–2014, and of each storyline from 2015 on."""
        spec = self._planet.spec
        wanted = [y for y in self._years if y in _POPULATION and y >= spec.first_year]
        wanted = [y for y in wanted if y <= spec.last_year]
        past = [y for y in wanted if y < FORK_YEAR]
        series: dict[str, tuple[list[int], str | None]] = {"histsoc": (past, None)}
        for scenario in spec.scenarios:
            future = [y for y in wanted if y >= FORK_YEAR]
            series.setdefault(ssp_of(scenario), (future, scenario))
        grid = product_grid(self._domain, _HALF)
        for name, (years, followed) in series.items():
            if years:
                spans = (1850, FORK_YEAR - 1) if followed is None else (FORK_YEAR, 2100)
                path = self._folder / POPULATION_FOLDER / isimip3_name(name, *spans)
                write_isimip3(path, grid, self._people(years, followed, grid))

    def _people(
        self, years: list[int], scenario: str | None, grid: Grid
    ) -> Iterator[tuple[int, Mapping[str, Floats]]]:
        """Years and people per cell; nobody counts where there is neither land nor people."""
        people, domain = self._planet.people, self._domain
        always = np.ones(domain.shape, dtype=np.bool_)
        areas, land = domain.cell_areas(), mean_on(self._planet.terrain.land, domain, grid, always)
        for year in years:
            counts = {
                "total": people.population(year, scenario, domain).astype(np.float64),
                "rural": people.rural_population(year, scenario, domain),
            }
            cells = {
                name: mean_on(count / areas, domain, grid, always) * grid.cell_areas()
                for name, count in counts.items()
            }
            empty = ~((land > 0) | (cells["total"] > 0))
            cells["urban"] = np.maximum(cells["total"] - cells["rural"], 0)
            yield year, {n: np.where(empty, np.nan, v) for n, v in cells.items()}

    def _write_co2(self) -> None:
        folder = self._folder / CO2_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        write_cmip6_co2(folder, carbon_dioxide_months(range(FORK_YEAR)))
        for scenario in self._planet.spec.scenarios:
            years = range(FORK_YEAR, 2101)
            write_cmip6_co2(folder, carbon_dioxide_months(years, scenario), scenario)

    def _write_weather(self) -> None:
        """Monthly means around nodes; accumulations per day, nothing at sea."""
        step = _TENTH if self._domain.dx != _ERA5 else _HALF
        grid = node_grid(self._domain, step)
        weather = self._weather.on(self._domain, grid, self._planet.terrain.land)
        axes = grid.latitudes(), grid.longitudes()
        for year in self._months:
            if year in _ERA5_LAND:
                warming = warming_of(year)
                middles = [month - 0.5 for month in range(1, 13)]
                values = {
                    "t2m": np.stack(
                        [_f4(weather.temperature(p, warming) + 273.15) for p in middles]
                    ),
                    "tp": np.stack([_f4(weather.rain_rate(p) / 1000) for p in middles]),
                }
                times = [dt.datetime(year, month, 1) for month in range(1, 13)]
                path = self._folder / ERA5_LAND_FOLDER / f"era5_land_{year}.nc"
                write_era5_netcdf(path, values, times, axes)

    def _on_soil(self, values: Floats, grid: Grid) -> npt.NDArray[np.float32]:
        """A field of the soil on pixels; NaN on sea, lakes and ice."""
        dry = to_map(self._planet.landuse.natural, self._planet.spec) < DYNAMIC
        known = np.where(dry, values, np.nan).astype(np.float32)
        return nearest(known, self._domain, grid, np.nan)

    def _write_soil(self, soil: Soil) -> None:
        """Three depths of three properties, in g/kg and hg/m³ of carbon."""
        grid = product_grid(self._domain, _FINEST)
        tenfold = {"sand": soil.sand, "clay": soil.clay, "ocd": _CARBON * soil.organic}
        for name, values in tenfold.items():
            there = self._on_soil(values, grid)
            for depth, factor in zip(_DEPTHS, _PROFILES[name], strict=True):
                path = self._folder / SOIL_FOLDER / soilgrids_name(name, depth)
                write_soilgrids(path, np.rint(10 * factor * there), grid)

    def _write_texture(self, soil: Soil) -> None:
        """Area means of texture classes, and what is there instead of soil."""
        spec, domain = self._planet.spec, self._domain
        grid = product_grid(domain, _HALF)
        natural = to_map(self._planet.landuse.natural, spec)
        always = np.ones(domain.shape, dtype=np.bool_)
        out = np.full(grid.shape, np.nan)
        for cls, code in ((ICE, 1.0), (WATER, 0.0)):
            out[mean_on(natural == cls, domain, grid, always) > 0] = code
        mean = np.rint(mean_on(soil.texture, domain, grid, natural < DYNAMIC))
        out = np.where(np.isnan(mean), out, mean)
        write_watergap_texture(self._folder / TEXTURE_NAME, out.astype(np.float32), grid)

    def _write_parameters(self, soil: Soil) -> None:
        """Topography of the land, and soil in ten layers that is poor in humus far down."""
        grid = product_grid(self._domain, _FINEST)
        land = self._planet.terrain.land
        height = np.maximum(self._planet.elevation, 0)
        slope, north, east = slope_aspect(height, self._domain)
        aspect = np.degrees(np.arctan2(east, north)) % 360
        flat = {
            "ELEVATION": (height, "m"),
            "SLOPE": (slope, "degrees"),
            "ASPECT": (np.where(slope == 0, -1, aspect), "degrees"),
        }
        maps: dict[str, tuple[Floats, Mapping[str, str]]] = {
            name: (self._on(np.where(land, values, np.nan), grid), {"units": units})
            for name, (values, units) in flat.items()
        }
        deep = np.where(np.arange(_LAYERS) < _TOPSOIL_LAYERS, 1, 0.5).astype(np.float32)
        for name, values, units, profile in (
            ("PCT_SAND", soil.sand, "percent", np.ones(_LAYERS, np.float32)),
            ("PCT_CLAY", soil.clay, "percent", np.ones(_LAYERS, np.float32)),
            ("ORGANIC", soil.organic, "kg/m3", deep),
        ):
            layers = profile[:, None, None] * self._on_soil(values, grid)
            maps[name] = layers, {"units": units}
        path = self._folder / PARAMETERS_NAME
        write_land_parameters(path, grid, maps, east=grid.is_global)

    def _on(self, values: Floats, grid: Grid) -> npt.NDArray[np.float32]:
        """A field in the middle of each cell of another grid."""
        return nearest(values.astype(np.float32), self._domain, grid, np.nan)


def _f4(values: Floats) -> npt.NDArray[np.float32]:
    return values.astype(np.float32)
