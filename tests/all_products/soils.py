"""The soil of a synthetic planet: sand, clay, organic matter and texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.climate import Climate
from ai4land.testing.planet.terrain import Terrain

__all__ = ["Soil", "make_soil"]

Floats = npt.NDArray[np.float32]

_COARSE, _MEDIUM, _FINE = 10, 20, 30


@dataclass(frozen=True)
class Soil:
    """The topsoil (0–30 cm) on the planet's pixels, ``(y, x)``, a number everywhere.

    Attributes:
        sand: Percent by mass.
        clay: Percent by mass.
        organic: Organic matter in kg m⁻³.
    """

    sand: Floats
    clay: Floats
    organic: Floats

    @property
    def texture(self) -> Floats:
        """FAO classes as WaterGAP has them: 10 coarse, 20 medium, 30 fine."""
        coarse, fine = (self.sand > 65) & (self.clay < 18), self.clay > 35
        out = np.select([coarse, fine], [_COARSE, _FINE], _MEDIUM)
        return np.asarray(out, dtype=np.float32)


def make_soil(terrain: Terrain, climate: Climate) -> Soil:
    """Fertile soil holds more clay and humus; humus gathers where it is cool and moist."""
    fertile = terrain.fertility
    clay = np.clip(22 + 7 * fertile, 4, 55)
    sand = np.clip(45 - 11 * fertile, 8, 95 - clay)
    cool = np.exp(np.clip((5 - climate.temperature) / 25, -1.5, 0.7))
    moist = np.clip(climate.wetness, 0.2, 3) / 1.5
    organic = np.clip(20 * (1 + 0.5 * np.clip(fertile, -1.8, 3)) * moist * cool, 1, 130)
    return Soil(*(np.asarray(f, dtype=np.float32) for f in (sand, clay, organic)))
