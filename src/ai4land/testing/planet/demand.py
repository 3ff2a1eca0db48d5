"""What each coarse cell of a synthetic planet wants: pixels of every class in every year."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.cells import CROPLAND, FOREST, GRASS, PASTURE, SPARSE, URBAN
from ai4land.testing.planet.noise import fractal
from ai4land.testing.planet.spec import FORK_YEAR, PlanetSpec

__all__ = ["SCENARIOS", "Demand", "Pathway", "make_demand"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pathway:
    """How far a scenario moves cropland, pasture and the forested share of the rest (factors)."""

    cropland: float
    pasture: float
    forest: float


SCENARIOS: dict[str, Pathway] = {
    "ssp119": Pathway(0.80, 0.60, 1.5),
    "ssp126": Pathway(0.75, 0.65, 1.4),
    "ssp245": Pathway(1.05, 0.95, 1.0),
    "ssp370": Pathway(1.45, 1.15, 0.7),
    "ssp585": Pathway(1.20, 1.00, 0.9),
}
"""The pathways known: the sustainable ones reforest, regional rivalry clears land for crops."""

_PERIODS = (19.0, 31.0)  # years of the regional booms and busts
_SWING = 0.037  # their strength
_ANCIENT = 0.2  # share of the final level reached before the frontier


def _curve(year: float, middle: FloatArray | float, pace: FloatArray | float) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-(year - middle) / pace)))


def _read(curve: FloatArray, level: FloatArray) -> FloatArray:
    """Value of each cell's curve at a level 0…1, linear between its steps."""
    position = level * (curve.shape[1] - 1)
    low = np.minimum(position.astype(np.int64), curve.shape[1] - 2)
    rows, part = np.arange(len(curve)), position - low
    return np.asarray(curve[rows, low] * (1 - part) + curve[rows, low + 1] * part)


@dataclass(frozen=True)
class Demand:
    """Smooth regional histories of the land wanted, all arrays ``(cell,)``.

    Attributes:
        usable: Pixels that are neither sea, water nor ice.
        sparse: Pixels of sparse land; their number stays.
        crop_curve: Share of the cell's usable land that lies within the best share of all land
            for crops, for that share going from 0 to 1 in equal steps, ``(cell, step)``.
        herd_curve: The same for pasture.
        tree_curve: The same for forest rather than grass.
        crop_level: Share of all land a region like this one puts under crops in the end.
        herd_level: The same for pasture.
        tree_level: Share of the land without people that is forest, a single number.
        onset: Year in which half the cropland level is reached.
        pace: Time scale of that rise in years.
        abandon: Share of the cropland given up after about 1975.
        clearing: Share of the natural forest cleared in the end.
        activity: How strongly land use swings and turns over; a heavy-tailed field around 1.
        phases: Phases of the swings, ``(class, period, cell)``.
    """

    usable: IntArray
    sparse: IntArray
    crop_curve: FloatArray
    herd_curve: FloatArray
    tree_curve: FloatArray
    crop_level: FloatArray
    herd_level: FloatArray
    tree_level: float
    onset: FloatArray
    pace: FloatArray
    abandon: FloatArray
    clearing: FloatArray
    activity: FloatArray
    phases: FloatArray

    def _swings(self, year: int) -> FloatArray:
        angles = 2 * math.pi * year / np.array(_PERIODS)[None, :, None] + self.phases
        return np.asarray(np.sin(angles).sum(axis=1))

    def shares(self, year: int, scenario: str | None) -> tuple[FloatArray, ...]:
        """Wanted shares of crops and pasture in the usable land, and of forest in the rest."""
        rise = _ANCIENT + (1 - _ANCIENT) * _curve(year, self.onset, self.pace)
        later = _ANCIENT + (1 - _ANCIENT) * _curve(year, self.onset + 20, 1.3 * self.pace)
        crop = self.crop_level * rise * (1 - self.abandon * _curve(year, 1975, 9))
        herd = self.herd_level * later
        tree = self.tree_level * (1 - self.clearing * _curve(year, self.onset + 25, 25))
        if scenario is not None and year > FORK_YEAR:
            path, ramp = SCENARIOS[scenario], 1 - math.exp(-(year - FORK_YEAR) / 30)
            crop = crop * (1 + (path.cropland - 1) * ramp)
            herd = herd * (1 + (path.pasture - 1) * ramp)
            tree = tree * (1 + (path.forest - 1) * ramp)
        swung = [
            np.clip(level + _SWING * self.activity * 4 * level * (1 - level) * wave, 0, 0.97)
            for level, wave in zip((crop, herd, tree), self._swings(year), strict=True)
        ]
        curves = self.crop_curve, self.herd_curve, self.tree_curve
        crop, herd, tree = (_read(c, level) for c, level in zip(curves, swung, strict=True))
        crowd = np.maximum((crop + herd) / 0.94, 1)
        return crop / crowd, herd / crowd, tree

    def targets(self, shares: tuple[FloatArray, ...], urban: FloatArray, now: IntArray) -> IntArray:
        """Pixels of each changing class wanted in each cell.

        Args:
            shares: As ``shares`` returns them.
            urban: Urban pixels wanted, not yet whole numbers, shape ``(cell,)``.
            now: Pixels of each class at present, shape ``(cell, class)``; towns never shrink.

        Returns:
            Whole numbers, shape ``(cell, class)``; each row sums to the usable pixels.
        """
        crop, pasture, forest = shares
        out = np.zeros_like(now)
        out[:, SPARSE] = self.sparse
        free = self.usable - self.sparse
        limit = np.floor(0.85 * free).astype(np.int64)
        out[:, URBAN] = np.maximum(now[:, URBAN], np.minimum(np.rint(urban), limit))
        free = free - out[:, URBAN]
        out[:, CROPLAND] = np.floor(crop * free + 0.5)
        out[:, PASTURE] = np.minimum(np.floor(pasture * free + 0.5), free - out[:, CROPLAND])
        free = free - out[:, CROPLAND] - out[:, PASTURE]
        out[:, FOREST] = np.minimum(np.floor(forest * free + 0.5), free)
        out[:, GRASS] = free - out[:, FOREST]
        return out


def make_demand(
    spec: PlanetSpec,
    natural: IntArray,
    usable: IntArray,
    curves: tuple[FloatArray, FloatArray, FloatArray],
) -> Demand:
    """Draw the regional histories.

    Args:
        spec: The planet's specification.
        natural: Pixels of each changing class before people, shape ``(cell, class)``.
        usable: Pixels that can be used in each cell.
        curves: Curves of suitable land for crops, pasture and forest, as in ``Demand``.
    """
    rng, coarse = spec.rng("demand"), spec.coarse
    extent = float(max(coarse.dx * coarse.width, coarse.dy * coarse.height))

    def field(longest: float = 3.0) -> FloatArray:
        longest = min(max(longest, 3 * float(coarse.dy)), max(extent, float(coarse.dy)))
        noise = fractal(rng, coarse, longest, 0.0, 0.6)
        return np.asarray(noise.ravel(), dtype=np.float64)

    wild = natural[:, [FOREST, GRASS]]
    return Demand(
        usable=usable,
        sparse=natural[:, SPARSE],
        crop_curve=curves[0],
        herd_curve=curves[1],
        tree_curve=curves[2],
        crop_level=np.clip(0.36 + 0.12 * field(), 0.05, 0.8),
        herd_level=np.clip(0.34 + 0.12 * field(), 0.05, 0.7),
        tree_level=float(natural[:, FOREST].sum() / max(wild.sum(), 1)),
        onset=1900 + 32 * np.clip(field(), -2.2, 2.2),
        pace=14 * np.exp(0.3 * field()),
        abandon=np.clip(0.15 + 0.2 * field(), 0, 0.6),
        clearing=np.clip(0.3 + 0.2 * field(), 0, 0.8),
        activity=np.clip(np.exp(0.7 * field(1.0)), 0.25, 3.5),
        phases=np.stack([[4.0 * field(4.0) for _ in _PERIODS] for _ in range(3)]),
    )
