"""GeoTIFFs as the providers write them: HILDA+ v1 states and Köppen-Geiger zones."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.hilda import HILDA_FOLDER, hilda_name, write_hilda_map
from ai4land.testing.formats.koeppen import write_beck_2023, write_legend_text
from ai4land.testing.planet.cells import CODES, CROPLAND, GRASS, ICE, PASTURE, SPARSE
from ai4land.testing.planet.climate import PAST_PERIODS, WARMING
from ai4land.testing.planet.spec import FORK_YEAR, PlanetSpec

if TYPE_CHECKING:
    from ai4land.testing.planet.planet import Planet

__all__ = ["spoil", "write_hilda", "write_koeppen"]

ClassMap = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

_TAGS = {"0p1": Fraction(1, 10), "0p5": Fraction(1, 2), "1p0": Fraction(1)}


def spoil(labels: ClassMap, rng: np.random.Generator) -> ClassMap:
    """The defect of the 2015 base map: ice coded sparse, a step in cropland and grass.

    Args:
        labels: HILDA+ codes, ``(y, x)``.
        rng: Source of randomness; picks the 3 % of cropland and 8 % of grass shown as pasture.
    """
    out = labels.copy()
    out[labels == CODES[ICE]] = CODES[SPARSE]
    chance = rng.random(labels.shape, dtype=np.float32)
    for cls, share in ((CROPLAND, 0.03), (GRASS, 0.08)):
        out[(labels == CODES[cls]) & (chance < share)] = CODES[PASTURE]
    return out


def write_hilda(folder: Path, spec: PlanetSpec, year: int, labels: ClassMap) -> Path:
    """Write one year of land use: uint8, LZW, strips of one row, no nodata tag.

    Args:
        folder: Where ``hildap_vGLOB-1.0_geotiff_wgs84/…`` begins.
        spec: The planet's specification.
        year: The year; 2015 gets its own name and its defect.
        labels: HILDA+ codes on ``spec.grid``.
    """
    if year == FORK_YEAR:
        labels = spoil(labels, spec.rng("base-map"))
    return write_hilda_map(folder / HILDA_FOLDER / hilda_name(year), labels, spec.grid)


def _koeppen_grid(spec: PlanetSpec) -> tuple[str, Grid]:
    """The provider's resolution tag nearest above the pixels, and its cells over the region."""
    fits = [tag for tag, step in _TAGS.items() if step >= spec.grid.dx]
    tag = fits[0] if fits else "1p0"
    step = _TAGS[tag]
    west, south, east, north = spec.bounds
    left, right = math.floor(west / step), math.ceil(east / step)
    bottom, top = math.floor(south / step), math.ceil(north / step)
    return tag, Grid(left * step, top * step, step, step, top - bottom, right - left)


def _nearest(wanted: FloatArray, centres: FloatArray) -> npt.NDArray[np.int64]:
    """Index of the nearest of evenly spaced ascending centres; the border's beyond the border."""
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    index = np.floor((wanted - centres[0]) / step + 0.5 - 1e-9)
    return np.asarray(np.clip(index, 0, len(centres) - 1), dtype=np.int64)


def write_koeppen(folder: Path, planet: Planet) -> list[Path]:
    """Write the zones of each period and scenario, and the provider's ``legend.txt``."""
    spec = planet.spec
    tag, grid = _koeppen_grid(spec)
    rows = _nearest(-grid.latitudes(), -spec.domain.latitudes())
    cols = _nearest(grid.longitudes(), spec.domain.longitudes())
    wanted: list[tuple[str, str | None]] = [(period, None) for period in PAST_PERIODS]
    wanted += [(period, name) for name in spec.scenarios for period in WARMING[name]]
    paths = []
    for period, scenario in wanted:
        codes = planet.climate_zones(period, scenario)[np.ix_(rows, cols)]
        paths.append(write_beck_2023(folder, codes, grid, period, scenario, tag))
    paths.append(write_legend_text(folder))
    return paths
