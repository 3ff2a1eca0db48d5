"""Weather of a synthetic planet: months of warmth and rain, the warming of years, and CO2."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.planet.climate import PAST_PERIODS, Climate
from ai4land.testing.planet.spec import FORK_YEAR
from all_products.product_grids import mean_on

__all__ = ["Weather", "carbon_dioxide", "carbon_dioxide_months", "warming_of"]

FloatArray = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]

_HOTTEST = 6.5  # months after New Year, north of the equator
_CO2_2100 = {"ssp119": 394.0, "ssp126": 446.0, "ssp245": 603.0, "ssp370": 867.0, "ssp585": 1135.0}
_CO2_ANCIENT, _CO2_FORK = 277.0, 400.0
_CO2_PACE = 45.0  # years in which the excess grew by e


@dataclass(frozen=True)
class Weather:
    """The course of a year of 1961–1990, linear in its four fields, so that means are exact.

    Months follow the sines from which the climate zones are made; near the equator the seasons
    fade into each other.

    Attributes:
        mean: Annual mean temperature in °C, ``(y, x)``, NaN where there is none.
        swing: Half the difference of July and January in K, negative in the south.
        rain: Annual precipitation in mm.
        rain_swing: How much less rain July has than the mean, as mm a year.
    """

    mean: Floats
    swing: Floats
    rain: Floats
    rain_swing: Floats

    @classmethod
    def of(cls, climate: Climate, grid: Grid) -> Weather:
        """The weather of every pixel.

        Args:
            climate: The climate.
            grid: Its grid.
        """
        north = np.clip(grid.latitudes()[:, None] / 5, -1, 1)
        dry = climate.dry_summer
        course = 1 - np.clip(0.9 - 0.5 * np.abs(dry), 0, 1)  # the driest month of ``zones``
        return cls(
            climate.temperature,
            climate.swing * north,
            climate.rain,
            climate.rain * course * np.sign(dry) * north,
        )

    def on(self, source: Grid, target: Grid, where: npt.NDArray[np.bool_]) -> Weather:
        """The mean weather of some pixels in the cells of another grid."""
        fields = (self.mean, self.swing, self.rain, self.rain_swing)
        return Weather(*(mean_on(field, source, target, where) for field in fields))

    def temperature(self, position: float, warming: float = 0.0) -> FloatArray:
        """Temperature in °C.

        Args:
            position: Months since New Year, 0.5 in the middle of January.
            warming: Against 1961–1990 in K.
        """
        return np.asarray(self.mean + warming + self.swing * _course(position), dtype=np.float64)

    def rain_rate(self, position: float) -> FloatArray:
        """Precipitation in mm a day."""
        year = self.rain - self.rain_swing * _course(position)
        return np.asarray(np.maximum(year, 0) / 365.25, dtype=np.float64)


def _course(position: float) -> float:
    """1 in the middle of July, −1 in the middle of January."""
    return math.cos(2 * math.pi * (position - _HOTTEST) / 12)


def warming_of(year: int) -> float:
    """Warming of a year of the past against 1961–1990 in K, between the periods of the zones."""
    middles = [sum(int(y) for y in period.split("_")) / 2 for period in PAST_PERIODS]
    return float(np.interp(year, middles, list(PAST_PERIODS.values())))


def carbon_dioxide(year: float, scenario: str | None = None) -> float:
    """CO2 in ppm: exponential growth to 400 in 2015, then towards what the scenario has in 2100.

    Args:
        year: The year.
        scenario: Scenario followed after 2015, none for history.
    """
    if scenario is None or year <= FORK_YEAR:
        excess = _CO2_FORK - _CO2_ANCIENT
        return _CO2_ANCIENT + excess * math.exp((year - FORK_YEAR) / _CO2_PACE)
    ramp = math.sin(min((year - FORK_YEAR) / 85, 1.0) * math.pi / 2)
    return _CO2_FORK + (_CO2_2100[scenario] - _CO2_FORK) * ramp


def carbon_dioxide_months(years: range, scenario: str | None = None) -> FloatArray:
    """CO2 of each month in ppm, whose mean over a year is the year's; least in northern autumn."""
    season = 2.5 * np.sin(2 * np.pi * (np.arange(12) + 0.5) / 12)
    return np.concatenate([carbon_dioxide(year, scenario) + season for year in years])
