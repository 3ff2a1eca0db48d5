"""The people of a synthetic planet: cities that grow, and the country around them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.planet.climate import Climate
from ai4land.testing.planet.spec import FORK_YEAR, PlanetSpec
from ai4land.testing.planet.terrain import Terrain

__all__ = ["People", "make_people"]

FloatMap = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]

_LIMIT = {"ssp119": 1.10, "ssp126": 1.15, "ssp245": 1.4, "ssp370": 1.9, "ssp585": 1.15}
_LARGEST = 3e6  # people in the largest city in 2015


@dataclass(frozen=True)
class People:
    """Cities and their growth.

    Attributes:
        latitude: Of each city in degrees north, shape ``(city,)``.
        longitude: Of each city in degrees east, shape ``(city,)``.
        size: People of each city in 2015, shape ``(city,)``.
        remoteness: Distance of each pixel to the nearest city in degrees of latitude, fine grid.
        rural: Rural people per km² in 2015, fine grid.
    """

    latitude: FloatArray
    longitude: FloatArray
    size: FloatArray
    remoteness: FloatMap
    rural: FloatMap

    def growth(self, year: int, scenario: str | None = None) -> float:
        """Population relative to 2015: logistic in the past, towards a scenario's limit after."""
        past = (1 + math.exp(-(FORK_YEAR - 1965) / 28)) / (1 + math.exp(-(year - 1965) / 28))
        if scenario is None or year <= FORK_YEAR:
            return past
        return 1 + (_LIMIT[scenario] - 1) * (1 - math.exp(-(year - FORK_YEAR) / 35))

    def urban_area(self, year: int, scenario: str | None, grid: Grid) -> FloatArray:
        """Built-up area wanted in each cell of a grid, in square degrees, shape of the grid."""
        area = 0.07 * (self.size / _LARGEST * self.growth(year, scenario)) ** 0.85
        lat, lon = grid.latitudes()[:, None], grid.longitudes()[None, :]
        wanted = np.zeros(grid.shape)
        for k in range(self.size.size):
            radius = max(0.10 + 0.6 * math.sqrt(area[k]), 0.5 * float(grid.dy))
            distance = np.hypot(
                lat - self.latitude[k], (lon - self.longitude[k]) * _shrink(self.latitude[k])
            )
            kernel = np.exp(-distance / (0.5 * radius))
            wanted += area[k] * kernel / kernel.sum()
        return wanted

    def rural_population(self, year: int, scenario: str | None, grid: Grid) -> FloatArray:
        """Those of ``population`` who live outside the cities."""
        growth = np.float32(self.growth(year, scenario) ** 0.3)
        return np.asarray(self.rural * growth * (grid.cell_areas() / 1e6), dtype=np.float64)

    def population(self, year: int, scenario: str | None, grid: Grid) -> FloatMap:
        """People per pixel of the fine grid the planet was made on, shape ``(y, x)``."""
        growth = self.growth(year, scenario)
        people = self.rural_population(year, scenario, grid)
        lat, lon = grid.latitudes(), grid.longitudes()
        for k in range(self.size.size):
            squeeze, radius = _shrink(self.latitude[k]), 0.04 + 0.05 * (self.size[k] / _LARGEST)
            rows = np.flatnonzero(np.abs(lat - self.latitude[k]) < 8 * radius)
            cols = np.flatnonzero(np.abs(lon - self.longitude[k]) * squeeze < 8 * radius)
            if not rows.size or not cols.size:
                continue
            box = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
            distance = np.hypot(
                lat[box[0], None] - self.latitude[k],
                (lon[None, box[1]] - self.longitude[k]) * squeeze,
            )
            kernel = np.exp(-distance / radius)
            people[box] += self.size[k] * growth * kernel / kernel.sum()
        return people.astype(np.float32)


def _shrink(latitude: float) -> float:
    return max(math.cos(math.radians(latitude)), 0.05)


def make_people(spec: PlanetSpec, terrain: Terrain, climate: Climate) -> People:
    """Found cities one by one where land is low, flat, mild and near the sea, and spaced out."""
    from scipy import ndimage

    grid, rng = spec.domain, spec.rng("cities")
    mild = np.exp(-(((climate.temperature - 14) / 10) ** 2))
    charm = mild * np.minimum(climate.wetness, 3) * np.exp(-terrain.slope) * (1 + terrain.coast)
    charm = charm * (terrain.land & ~terrain.lake) * np.exp(-np.maximum(terrain.relief, 0))
    weight = np.cos(np.radians(grid.latitudes()))[:, None]
    square_degrees = float((terrain.land * weight).sum() * float(grid.dx) * float(grid.dy))
    count = int(np.clip(round(0.6 * square_degrees), 3, 400))
    # candidates by weight, then the first ones that keep their distance (half a degree)
    chance = (charm**2 * weight).ravel().astype(np.float64)
    filled = int(np.count_nonzero(chance))
    total = chance.sum()
    picks = (
        rng.choice(chance.size, min(8 * count, filled), replace=False, p=chance / total)
        if filled
        else np.zeros(0, dtype=np.int64)
    )
    rows, cols = np.unravel_index(picks, grid.shape)
    lat, lon = grid.latitudes()[rows], grid.longitudes()[cols]
    kept: list[int] = []
    for k in range(len(picks)):
        gap = np.hypot(lat[kept] - lat[k], (lon[kept] - lon[k]) * _shrink(lat[k]))
        if len(kept) < count and (gap > 0.5).all():
            kept.append(k)
    marked = np.ones(grid.shape, dtype=bool)
    marked[rows[kept], cols[kept]] = False
    away = ndimage.distance_transform_edt(marked) if kept else np.full(grid.shape, 1e3)
    size = _LARGEST * (np.arange(len(kept)) + 1.0) ** -0.8 * rng.uniform(0.7, 1.0, len(kept))
    return People(
        latitude=lat[kept],
        longitude=lon[kept],
        size=size,
        remoteness=(away * float(grid.dy)).astype(np.float32),
        rural=(30 * charm / max(float(charm.max()), 1e-9)).astype(np.float32),
    )
