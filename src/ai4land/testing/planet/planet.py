"""Planet: everything a synthetic planet holds in memory, and its land use year by year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.errors import ConfigError
from ai4land.testing.planet.cells import CODES, DYNAMIC, FOREST, to_cells, to_map
from ai4land.testing.planet.climate import PAST_PERIODS, WARMING, Climate, make_climate, zones
from ai4land.testing.planet.demand import SCENARIOS
from ai4land.testing.planet.forcing import Forcing, ForcingState, make_forcing
from ai4land.testing.planet.landuse import Land, LandUse, make_landuse
from ai4land.testing.planet.observe import flicker, move_at_random, shuffle, transitions
from ai4land.testing.planet.people import People, make_people
from ai4land.testing.planet.spec import FORK_YEAR, PlanetSpec
from ai4land.testing.planet.terrain import Terrain, make_terrain

__all__ = ["Planet", "PlanetYear", "make_planet"]

ClassMap = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PlanetYear:
    """One year of one planet.

    Attributes:
        year: The year.
        scenario: Scenario followed, none for history.
        seen: What the fine product shows, positions in ``CLASSES``, ``(cell, pixel)``; on the
            placebo at random places.
        plain: What it shows on the ordinary planet; the placebo repeats its counts.
        land: State of the land-use rules.
        forcing: The coarse product.
    """

    year: int
    scenario: str | None
    seen: ClassMap
    plain: ClassMap
    land: Land
    forcing: ForcingState


@dataclass(frozen=True)
class Planet:
    """A synthetic planet.

    Static maps lie on ``spec.domain`` (the region and a margin of one coarse cell), labels on
    ``spec.grid`` (the region), the coarse product on ``spec.coarse`` (as the domain).

    Attributes:
        spec: What was asked for.
        terrain: Elevation, sea, lakes and soil.
        climate: Temperature and rain.
        people: Cities.
        landuse: Rules of change.
        forcing: Rules of the coarse product.
    """

    spec: PlanetSpec
    terrain: Terrain
    climate: Climate
    people: People
    landuse: LandUse
    forcing: Forcing

    @property
    def elevation(self) -> npt.NDArray[np.int16]:
        """Height in m on ``spec.domain``, negative at sea."""
        return self.terrain.elevation

    def climate_zones(self, period: str, scenario: str | None = None) -> ClassMap:
        """Köppen-Geiger codes on ``spec.domain``, 0 at sea.

        Args:
            period: Such as ``1991_2020`` or ``2071_2099``.
            scenario: Needed for a period of the future.

        Raises:
            ConfigError: If the period is unknown.
        """
        table = PAST_PERIODS if scenario is None else WARMING.get(scenario, {})
        if period not in table:
            raise ConfigError(
                "Unknown climate period",
                where=f"scenario {scenario}",
                expected=", ".join(table) or f"a scenario of {', '.join(WARMING)}",
                found=period,
            )
        return zones(self.climate, self.terrain.sea, table[period])

    def population(self, year: int, scenario: str | None = None) -> npt.NDArray[np.float32]:
        """People per pixel on ``spec.domain``."""
        return self.people.population(year, scenario, self.spec.domain)

    def history(self) -> Iterator[PlanetYear]:
        """The years of ``spec.history_years``, in order."""
        land = self.landuse.first()
        now = self._begin(land)
        yield now
        for year, after in self.landuse.years(land, self.spec.history_years[1:], None):
            now = self._next(now, year, None, after)
            yield now

    def projection(self, scenario: str, fork: PlanetYear | None = None) -> Iterator[PlanetYear]:
        """The years of ``spec.scenario_years`` under a scenario, 2015 first.

        Args:
            scenario: One of ``spec.scenarios``.
            fork: The history's 2015; found by repeating history where it is not given.

        Raises:
            ConfigError: If the planet has no such scenario or ends before 2015.
        """
        if scenario not in self.spec.scenarios or not self.spec.scenario_years:
            raise ConfigError(
                "The planet has no such scenario",
                where=f"years {self.spec.first_year}…{self.spec.last_year}",
                expected=", ".join(self.spec.scenarios),
                found=scenario,
            )
        if fork is None:
            fork = next(now for now in self.history() if now.year == FORK_YEAR)
        # history's 2015 again, as the scenario's own model sees it: a small jump in every class
        first = self.forcing.view(fork.land.cells, fork.forcing, scenario)
        now = PlanetYear(FORK_YEAR, scenario, fork.seen, fork.plain, fork.land, first)
        yield now
        years = self.spec.scenario_years[1:]
        for year, land in self.landuse.years(fork.land, years, scenario):
            now = self._next(now, year, scenario, land)
            yield now

    def labels(self, now: PlanetYear) -> ClassMap:
        """The fine product of a year: HILDA+ v1 codes on ``spec.grid``."""
        return self._code(now.seen)

    def truth(self, now: PlanetYear) -> ClassMap:
        """The land behind the fine product, without flicker: HILDA+ v1 codes on ``spec.grid``.

        On the placebo there is no land behind the map: what is seen is what is there.
        """
        cells = now.seen if self.spec.placebo else now.land.cells
        return self._code(cells)

    def states(self, now: PlanetYear) -> npt.NDArray[np.float32]:
        """The coarse product of a year: LUH2 states as shares of the cell on ``spec.coarse``.

        Returns:
            Array ``(state, y, x)`` in the order of ``LUH2_STATES``; NaN where there is no land.
        """
        states = np.where(self.ice_water >= 1, np.nan, now.forcing.states)
        return states.reshape(-1, *self.spec.coarse.shape).astype(np.float32)

    @property
    def ice_water(self) -> npt.NDArray[np.float64]:
        """Share of sea, water and ice in each coarse cell, ``(cell,)``; it never changes."""
        fixed = self.landuse.natural >= DYNAMIC
        share = (fixed * self.forcing.weights).sum(axis=1)
        return np.where(fixed.all(axis=1), 1.0, share)

    @property
    def wooded(self) -> npt.NDArray[np.bool_]:
        """Whether the natural vegetation of each coarse cell is forest, ``(cell,)``."""
        natural = self.landuse.natural
        return np.asarray((natural == FOREST).sum(axis=1) > 0.5 * (natural < DYNAMIC).sum(axis=1))

    def _code(self, cells: ClassMap) -> ClassMap:
        inside = to_map(cells, self.spec)[self.spec.window.slices]
        return np.asarray(CODES[inside], dtype=np.uint8)

    def _begin(self, land: Land) -> PlanetYear:
        year = self.spec.first_year
        plain = self._flicker(land.cells, None, year)
        seen = shuffle(plain, self.spec.rng("placebo")) if self.spec.placebo else plain
        return PlanetYear(year, None, seen, plain, land, self.forcing.view(land.cells, None))

    def _next(self, before: PlanetYear, year: int, scenario: str | None, land: Land) -> PlanetYear:
        seen = plain = self._flicker(land.cells, scenario, year)
        if self.spec.placebo:
            rng = self.spec.rng("placebo", scenario or "history", year)
            seen = move_at_random(before.seen, transitions(before.plain, plain), rng)
        forcing = self.forcing.view(land.cells, before.forcing, scenario)
        return PlanetYear(year, scenario, seen, plain, land, forcing)

    def _flicker(self, cells: ClassMap, scenario: str | None, year: int) -> ClassMap:
        rng = self.spec.rng("flicker", scenario or "history", year)
        seen = flicker(to_map(cells, self.spec), rng, self.spec.domain.is_global)
        return to_cells(seen, self.spec.ratio)


def make_planet(spec: PlanetSpec) -> Planet:
    """Make the planet that a specification describes.

    Raises:
        ConfigError: If a scenario is unknown.
    """
    unknown = [name for name in spec.scenarios if name not in SCENARIOS]
    if unknown:
        raise ConfigError(
            "Unknown scenario", expected=f"among {', '.join(SCENARIOS)}", found=", ".join(unknown)
        )
    terrain = make_terrain(spec)
    climate = make_climate(spec, terrain)
    people = make_people(spec, terrain, climate)
    landuse = make_landuse(spec, terrain, climate, people)
    return Planet(spec, terrain, climate, people, landuse, make_forcing(spec, climate))
