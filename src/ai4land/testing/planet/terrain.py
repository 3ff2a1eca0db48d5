"""The ground of a synthetic planet: elevation, coasts, lakes, ruggedness and soil."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.noise import fractal, smooth
from ai4land.testing.planet.spec import PlanetSpec

__all__ = ["Terrain", "make_terrain"]

FloatMap = npt.NDArray[np.float32]
BoolMap = npt.NDArray[np.bool_]

_SEA_SHARE = 0.30  # of the simulated area
_PEAK = 4200.0  # m, the height of the highest pixel


@dataclass(frozen=True)
class Terrain:
    """The static ground on the fine grid of the whole simulated area, arrays ``(y, x)``.

    Attributes:
        elevation: Height above (below) the sea in m, int16, no missing values.
        sea: Whether a pixel is open sea.
        lake: Whether a pixel is inland water.
        slope: Steepness relative to the steepest tenth of the land, 0…about 2, no unit.
        relief: Height above the surroundings in standard deviations: valleys below 0.
        fertility: Soil fertility in standard deviations. No product shows it.
        coast: Nearness to the sea, 1 at the shore, falling to 0 within about a degree.
    """

    elevation: npt.NDArray[np.int16]
    sea: BoolMap
    lake: BoolMap
    slope: FloatMap
    relief: FloatMap
    fertility: FloatMap
    coast: FloatMap

    @property
    def land(self) -> BoolMap:
        """Pixels that are not sea."""
        return ~self.sea


def _unit(field: FloatMap, where: BoolMap) -> FloatMap:
    """Field with mean 0 and standard deviation 1 over some pixels."""
    inside = field[where].astype(np.float64) if where.any() else np.zeros(1)
    return np.asarray((field - inside.mean()) / max(float(inside.std()), 1e-6), dtype=np.float32)


def make_terrain(spec: PlanetSpec) -> Terrain:
    """Raise mountains from fractal noise, flood three tenths, and lay soil on the rest."""
    from scipy import ndimage

    grid = spec.domain
    extent = float(max(grid.dx * grid.width, grid.dy * grid.height))
    raw = fractal(spec.rng("terrain"), grid, min(60.0, 0.45 * extent), 0.0, 0.55)
    level = np.float32(np.quantile(raw, _SEA_SHARE))
    above = np.maximum(raw - level, 0) / max(float(raw.max() - level), 1e-6)
    below = np.minimum(raw - level, 0) / max(float(level - raw.min()), 1e-6)
    height = np.float32(_PEAK) * (0.25 * above + 0.75 * above**2.2) + np.float32(4000) * below
    sea = raw < level
    elevation = np.where(sea, np.minimum(height, -1), np.maximum(height, 1)).astype(np.int16)

    land = ~sea
    metres = 111_000.0 * float(grid.dy)
    down, along = np.gradient(np.maximum(height, 0))
    shrink = np.cos(np.radians(grid.latitudes()))[:, None].clip(0.05)
    steep = np.hypot(down, along / shrink).astype(np.float32) / np.float32(metres)
    typical = float(np.quantile(steep[land], 0.9)) if land.any() else 1.0
    radius = max(2, min(7, round(0.8 * spec.ratio)))
    local = height - smooth(height, radius, grid.is_global)
    local /= 1 + smooth(np.abs(local), 3 * radius, grid.is_global)  # hills count beside mountains

    reach = 0.5 / float(grid.dy)
    to_sea = ndimage.distance_transform_edt(land) if sea.any() else np.full(grid.shape, 1e6)
    lakes = fractal(spec.rng("lakes"), grid, 0.6, 0.06, 0.7) - 0.6 * _unit(local, land)
    dry_land = land & (to_sea > 2) & (elevation < 1500)
    bar = np.quantile(lakes[dry_land], 0.98) if dry_land.any() else math.inf
    return Terrain(
        elevation=elevation,
        sea=sea,
        lake=dry_land & (lakes > bar),
        slope=np.minimum(steep / max(typical, 1e-9), 2).astype(np.float32),
        relief=np.clip(_unit(local, land), -3, 3),
        fertility=fractal(spec.rng("soil"), grid, 1.2, 0.08, 0.8),
        coast=np.exp(-to_sea / reach).astype(np.float32),
    )
