"""The climate of a synthetic planet and its Köppen-Geiger zones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.noise import fractal
from ai4land.testing.planet.spec import PlanetSpec
from ai4land.testing.planet.terrain import Terrain
from ai4land.vocabulary import legend

__all__ = ["PAST_PERIODS", "WARMING", "Climate", "make_climate", "zones"]

FloatMap = npt.NDArray[np.float32]

PAST_PERIODS: dict[str, float] = {
    "1901_1930": -0.3,
    "1931_1960": -0.1,
    "1961_1990": 0.0,
    "1991_2020": 0.7,
}
"""Periods of the past and their warming against 1961–1990 in K."""

WARMING: dict[str, dict[str, float]] = {
    "ssp119": {"2041_2070": 1.2, "2071_2099": 1.0},
    "ssp126": {"2041_2070": 1.5, "2071_2099": 1.6},
    "ssp245": {"2041_2070": 1.8, "2071_2099": 2.5},
    "ssp370": {"2041_2070": 2.1, "2071_2099": 3.6},
    "ssp585": {"2041_2070": 2.5, "2071_2099": 4.5},
}
"""Warming of each known scenario against 1961–1990 in K."""

_LAPSE = 6.0  # K per km
_LEGEND = legend("koeppen_geiger")
_CODES = dict(zip(_LEGEND.names, _LEGEND.codes, strict=True))


@dataclass(frozen=True)
class Climate:
    """The climate of 1961–1990 on the fine grid of the simulated area, arrays ``(y, x)``.

    Attributes:
        temperature: Annual mean in °C.
        swing: Half the difference between warmest and coldest month in K.
        rain: Annual precipitation in mm.
        dry_summer: Above 1 where summers are dry, below −1 where winters are; no unit.
    """

    temperature: FloatMap
    swing: FloatMap
    rain: FloatMap
    dry_summer: FloatMap

    @property
    def wetness(self) -> FloatMap:
        """Precipitation over the aridity threshold of Köppen: below 1 is desert, below 2 steppe."""
        return self.rain / _arid(self.temperature, self.dry_summer)


def _arid(temperature: FloatMap, dry_summer: FloatMap) -> FloatMap:
    """Half of Köppen's aridity threshold in mm a year (Beck et al. 2018, Table 2)."""
    season = np.where(dry_summer > 1, 0.0, np.where(dry_summer < -1, 28.0, 14.0))
    return np.maximum(5 * (2 * temperature + season), 20).astype(np.float32)


def make_climate(spec: PlanetSpec, terrain: Terrain) -> Climate:
    """Temperature by latitude and height, rain by belts, both with regional anomalies."""
    grid = spec.domain
    latitude = grid.latitudes()[:, None].astype(np.float32)
    sine = np.abs(np.sin(np.radians(latitude)))
    height = np.maximum(terrain.elevation, 0) / np.float32(1000)
    warm = fractal(spec.rng("warmth"), grid, 4.0, 0.5)
    wet = fractal(spec.rng("rain"), grid, 4.0, 0.2, 0.6)
    dry = fractal(spec.rng("seasons"), grid, 6.0, 1.0)
    temperature = 27 - 50 * sine**3 - _LAPSE * height + 1.2 * warm
    swing = 2 + (10 + 8 * (1 - np.sqrt(terrain.coast))) * sine
    belts = (
        250
        + 1900 * np.exp(-((latitude / 12) ** 2))
        + 550 * np.exp(-(((np.abs(latitude) - 48) / 14) ** 2))
    )
    rain = belts * np.exp(0.35 * wet) * (1 + 0.25 * height) * (1 + 0.3 * terrain.coast)
    summers = dry + 1.2 * np.exp(-(((np.abs(latitude) - 37) / 6) ** 2)) - 0.2
    return Climate(*(np.asarray(f, dtype=np.float32) for f in (temperature, swing, rain, summers)))


def zones(climate: Climate, sea: npt.NDArray[np.bool_], warming: float) -> npt.NDArray[np.uint8]:
    """Köppen-Geiger zones under a uniform warming.

    Args:
        climate: The climate of 1961–1990.
        sea: Where there is none.
        warming: Added to all temperatures in K.

    Returns:
        Codes 1…30 of the legend ``koeppen_geiger``, 0 at sea, shape ``(y, x)``. The rules are those
        of Beck et al. 2018, Table 2, for months that follow a sine; polar comes before arid.
    """
    mean = climate.temperature + np.float32(warming)
    hot, cold = mean + climate.swing, mean - climate.swing
    half = _arid(mean, climate.dry_summer)
    driest = climate.rain / 12 * np.clip(0.9 - 0.5 * np.abs(climate.dry_summer), 0, 1)
    months = 12 / np.pi * np.arccos(np.clip((10 - mean) / climate.swing, -1, 1))
    season = np.where(climate.dry_summer > 1, 0, np.where(climate.dry_summer < -1, 1, 2))
    heat = np.select([hot >= 22, months >= 4, cold < -38], [0, 1, 3], 2)
    out = np.zeros(mean.shape, dtype=np.uint8)
    for group, where in (("C", cold > 0), ("D", cold <= 0)):
        for s, second in enumerate("swf"):
            for h, third in enumerate("abcd"):
                code = _CODES.get(group + second + third, _CODES.get(group + second + "c", 0))
                out[where & (season == s) & (heat == h)] = code
    tropical = cold >= 18
    rainforest, monsoon = driest >= 60, driest >= 100 - climate.rain / 25
    names = np.select([rainforest, monsoon], [_CODES["Af"], _CODES["Am"]], _CODES["Aw"])
    out[tropical] = names[tropical]
    for second, where in (("S", climate.rain < 2 * half), ("W", climate.rain < half)):
        out[where & (mean >= 18)] = _CODES[f"B{second}h"]
        out[where & (mean < 18)] = _CODES[f"B{second}k"]
    out[hot < 10] = _CODES["ET"]
    out[hot < 0] = _CODES["EF"]
    out[sea] = 0
    return out
