"""What a synthetic planet is asked to be: seed, region, grids, years and scenarios."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ai4land.errors import ConfigError
from ai4land.grid import Grid, Window

__all__ = ["FIRST_LABEL_YEAR", "FORK_YEAR", "LAST_LABEL_YEAR", "PlanetSpec"]

FORK_YEAR = 2015
"""The year in which history ends for the coarse product and the scenarios begin (LUH2)."""

FIRST_LABEL_YEAR = 1899
"""The first year of the fine product (HILDA+ v1)."""

LAST_LABEL_YEAR = 2019
"""The last year of the fine product (HILDA+ v1)."""

Number = Fraction | float | int | str


def _exact(value: Number) -> Fraction:
    # the decimal that was written, not its nearest binary number: 0.025 is 1/40
    return value if isinstance(value, Fraction) else Fraction(str(value))


@dataclass(frozen=True)
class PlanetSpec:
    """The few numbers that fix a synthetic planet to the last byte.

    Attributes:
        seed: Seed of everything random.
        region: West, south, east and north in degrees, multiples of the coarse step within
            −180…180 and −90…90; may be the whole globe.
        fine_step: Pixel size of land use in degrees; a whole number of them fills a coarse cell.
        coarse_step: Cell size of the coarse product in degrees.
        first_year: First simulated year.
        last_year: Last simulated year. History runs to 2019 at most (as HILDA+), scenarios from
            2015 to this year.
        scenarios: Names of the scenarios that fork from history in 2015.
        placebo: Whether fine change is placed at random inside each coarse cell.

    Raises:
        ConfigError: If grids do not nest, years are reversed or a scenario is unknown.
    """

    seed: int = 0
    region: tuple[Number, Number, Number, Number] = (0, 40, 8, 45)
    fine_step: Number = "0.025"
    coarse_step: Number = "0.25"
    first_year: int = 1850
    last_year: int = 2100
    scenarios: tuple[str, ...] = ("ssp126", "ssp370")
    placebo: bool = False

    def __post_init__(self) -> None:
        """Refuse grids that do not nest and years that do not run forward."""
        if self.seed < 0:
            raise ConfigError("The seed is negative", expected="0 or more", found=self.seed)
        if (_exact(self.coarse_step) / _exact(self.fine_step)).denominator != 1 or self.ratio < 2:
            raise ConfigError(
                "Fine pixels do not fill coarse cells",
                expected="coarse_step a multiple of fine_step, at least twice",
                found=f"fine {self.fine_step}°, coarse {self.coarse_step}°",
            )
        west, south, east, north = self.bounds
        if any((edge / _exact(self.coarse_step)).denominator != 1 for edge in self.bounds):
            raise ConfigError(
                "The region cuts coarse cells",
                expected=f"bounds that are multiples of {self.coarse_step}°",
                found=f"west {west}, south {south}, east {east}, north {north}",
            )
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise ConfigError(
                "The region is not on the globe",
                expected="−180 ≤ west < east ≤ 180 and −90 ≤ south < north ≤ 90",
                found=f"west {west}, south {south}, east {east}, north {north}",
            )
        if not 850 <= self.first_year < self.last_year or self.first_year > FORK_YEAR:
            raise ConfigError(
                "The planet's years do not run forward",
                expected=f"850 ≤ first_year < last_year and first_year ≤ {FORK_YEAR}",
                found=f"{self.first_year}…{self.last_year}",
            )

    @property
    def bounds(self) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        """West, south, east and north as exact fractions of a degree."""
        west, south, east, north = (_exact(edge) for edge in self.region)
        return west, south, east, north

    @property
    def ratio(self) -> int:
        """Number of pixels along one side of a coarse cell."""
        return int(_exact(self.coarse_step) / _exact(self.fine_step))

    @property
    def coarse(self) -> Grid:
        """The coarse grid: the region and, where the globe allows, one cell around it."""
        step = _exact(self.coarse_step)
        west, south, east, north = self.bounds
        if east - west < 360:
            west, east = max(west - step, Fraction(-180)), min(east + step, Fraction(180))
        south, north = max(south - step, Fraction(-90)), min(north + step, Fraction(90))
        shape = int((north - south) / step), int((east - west) / step)
        return Grid(west, north, step, step, *shape)

    @property
    def domain(self) -> Grid:
        """The fine grid over the same area as ``coarse``; the simulation runs on it."""
        coarse, step = self.coarse, _exact(self.fine_step)
        shape = coarse.height * self.ratio, coarse.width * self.ratio
        return Grid(coarse.west, coarse.north, step, step, *shape)

    @property
    def window(self) -> Window:
        """The region inside ``domain``."""
        west, south, east, north = self.bounds
        domain = self.domain
        return Window(
            int((domain.north - north) / domain.dy),
            int((west - domain.west) / domain.dx),
            int((north - south) / domain.dy),
            int((east - west) / domain.dx),
        )

    @property
    def grid(self) -> Grid:
        """The fine grid of the region: the grid of the land-use files."""
        return self.domain.crop(self.window)

    @property
    def history_years(self) -> range:
        """Years of the fine history."""
        return range(self.first_year, min(self.last_year, LAST_LABEL_YEAR) + 1)

    @property
    def forcing_years(self) -> range:
        """Years of the coarse history."""
        return range(self.first_year, min(self.last_year, FORK_YEAR) + 1)

    @property
    def scenario_years(self) -> range:
        """Years of each scenario; empty if the planet ends before the fork."""
        return range(FORK_YEAR, self.last_year + 1)

    def rng(self, *stream: str | int) -> np.random.Generator:
        """An own random generator for each named purpose, so that none disturbs another."""
        words = [w if isinstance(w, int) else zlib.crc32(w.encode()) for w in stream]
        return np.random.default_rng([self.seed, *words])
