"""Land use of a synthetic planet: which pixels change when a coarse cell's demand changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.cells import (
    CROPLAND,
    DYNAMIC,
    FOREST,
    GRASS,
    ICE,
    OCEAN,
    PASTURE,
    SPARSE,
    URBAN,
    WATER,
    count,
    to_cells,
    to_map,
)
from ai4land.testing.planet.climate import Climate
from ai4land.testing.planet.demand import Demand, make_demand
from ai4land.testing.planet.noise import fractal, neighbour_sum
from ai4land.testing.planet.people import People
from ai4land.testing.planet.spec import PlanetSpec
from ai4land.testing.planet.terrain import Terrain

__all__ = ["Land", "LandUse", "make_landuse"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
CellMap = npt.NDArray[np.uint8]

_CONTAGION = np.array([2.5, 1.6, 1.5, 1.5, 1.2, 1.2], dtype=np.float32)
_NOISE = np.float32(0.10)  # fresh every year
_HIDDEN = np.float32(0.08)  # of each pixel and class, for ever
_SUITABILITY = np.float32(2.0)  # its weight beside the neighbours and chance
_RECENT = 2.5  # reluctance to change again at once
_CAMPAIGN = 0.10  # share of a cell's usable land that must be due before it acts
_WHIM = 0.02  # chance of acting on less
_SWAP = 0.35  # exchanges in an acting cell, per pixel of net change; each moves two pixels
_ALWAYS = 0.0005  # exchanges in every cell, per usable pixel
_SPIN_UP = 12  # steps from the natural to the first year's land use
_STEPS = 33  # of the curves of suitable land
_SETTLED = 60  # years after which the last change is forgotten

_SWAPS = (
    (CROPLAND, PASTURE, 1.0),
    (CROPLAND, GRASS, 0.6),
    (PASTURE, GRASS, 1.0),
    (GRASS, FOREST, 0.8),
    (CROPLAND, FOREST, 0.3),
    (PASTURE, FOREST, 0.4),
    (GRASS, SPARSE, 0.3),
)
_USUAL = (
    *((k, URBAN) for k in (CROPLAND, PASTURE, GRASS, FOREST, SPARSE)),
    (FOREST, PASTURE),
    (GRASS, CROPLAND),
    (FOREST, CROPLAND),
    (GRASS, FOREST),
    (CROPLAND, GRASS),
    (PASTURE, GRASS),
    (PASTURE, FOREST),
    (PASTURE, CROPLAND),
    (CROPLAND, PASTURE),
)
_PAIRS = (*_USUAL, *(p for p in permutations(range(DYNAMIC), 2) if p not in _USUAL))


@dataclass(frozen=True)
class Land:
    """The land use of one year.

    Attributes:
        cells: Class of each pixel, uint8 positions in ``CLASSES``, shape ``(cell, pixel)``.
        age: Years since the pixel's last change, uint8, at most ``60``.
    """

    cells: CellMap
    age: CellMap


@dataclass(frozen=True)
class LandUse:
    """The rules of land use on one planet.

    Attributes:
        spec: The planet's specification.
        demand: Pixels wanted in each coarse cell.
        people: Whose cities want urban land.
        natural: Land use before people, shape ``(cell, pixel)``.
        attraction: Suitability of each pixel for each changing class, ``(class, cell, pixel)``.
    """

    spec: PlanetSpec
    demand: Demand
    people: People
    natural: CellMap
    attraction: FloatArray

    def first(self) -> Land:
        """The land use of the first year: settlement in a few steps from natural land."""
        land = Land(self.natural, np.full_like(self.natural, _SETTLED))
        for k in range(_SPIN_UP):
            rng = self.spec.rng("spin-up", k)
            land = self._step(land, self.spec.first_year, None, (k + 1) / _SPIN_UP, rng)
        return Land(land.cells, np.full_like(land.age, _SETTLED))

    def years(self, land: Land, years: range, scenario: str | None) -> Iterator[tuple[int, Land]]:
        """Step through years, one at a time.

        Args:
            land: Land use of the year before the first of ``years``.
            years: Years wanted.
            scenario: Scenario followed, none for history.
        """
        for year in years:
            rng = self.spec.rng("year", scenario or "history", year)
            land = self._step(land, year, scenario, 1.0, rng)
            yield year, land

    def _step(
        self, land: Land, year: int, scenario: str | None, share: float, rng: np.random.Generator
    ) -> Land:
        now = count(land.cells)
        crop, pasture, forest = self.demand.shares(year, scenario)
        coarse, pixel = self.spec.coarse, float(self.spec.domain.dx * self.spec.domain.dy)
        urban = self.people.urban_area(year, scenario, coarse).ravel() / pixel
        wanted = self.demand.targets((share * crop, share * pasture, forest), share * urban, now)
        settling = share < 1.0
        due = np.abs(wanted - now).sum(axis=1) // 2
        # a region acts when enough is due, or on a whim: change comes in campaigns
        enough = np.maximum(np.rint(_CAMPAIGN * self.demand.usable), 2)
        acting = settling | (due >= enough) | (rng.random(len(due)) < _WHIM)
        flows = _match((wanted - now) * acting[:, None])
        if not settling:
            self._swap(flows, now, due * acting, rng)
        cells = self._place(land, flows, rng)
        age = np.where(cells != land.cells, 0, np.minimum(land.age, _SETTLED - 1) + 1)
        return Land(cells, age.astype(np.uint8))

    def _swap(
        self, flows: IntArray, now: IntArray, moving: IntArray, rng: np.random.Generator
    ) -> None:
        """Add equal flows both ways between pairs of classes: gross change without net change."""
        shares = np.stack([w * np.sqrt(now[:, i] * now[:, j]) for i, j, w in _SWAPS], axis=1)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)
        rates = (_SWAP * moving + _ALWAYS * self.demand.usable)[:, None] * shares
        wishes = rng.poisson(rates)
        for k, (one, other, _) in enumerate(_SWAPS):
            spare = np.minimum(
                now[:, one] - flows[:, one].sum(axis=1), now[:, other] - flows[:, other].sum(axis=1)
            )
            amount = np.minimum(wishes[:, k], spare // 2)
            flows[:, one, other] += amount
            flows[:, other, one] += amount

    def _place(self, land: Land, flows: IntArray, rng: np.random.Generator) -> CellMap:
        """Give each flow to the pixels that gain most by it: suitability, neighbours, chance."""
        cells, wrap = land.cells, self.spec.domain.is_global
        classes = to_map(cells, self.spec)
        utility = np.empty_like(self.attraction)
        for k in range(DYNAMIC):
            share = neighbour_sum(classes == k, 2, wrap)
            utility[k] = self.attraction[k] + _CONTAGION[k] / 25 * to_cells(share, self.spec.ratio)
        own = _RECENT * np.exp(land.age / np.float32(-6))
        for k in range(DYNAMIC):
            own += np.where(cells == k, utility[k], 0)
        placed, free = cells.copy(), np.ones(cells.shape, dtype=bool)
        for source, target in _PAIRS:
            rows = np.flatnonzero(flows[:, source, target])
            if not rows.size:
                continue
            quota = flows[rows, source, target]
            gain = utility[target, rows] - own[rows]
            gain += _NOISE * rng.standard_normal(gain.shape, dtype=np.float32)
            gain[(cells[rows] != source) | ~free[rows]] = -np.inf
            best = np.argsort(-gain, axis=1)[:, : quota.max()]
            chosen = np.arange(best.shape[1]) < quota[:, None]
            where = np.broadcast_to(rows[:, None], best.shape)[chosen], best[chosen]
            placed[where] = target
            free[where] = False
        return placed


def _match(net: IntArray) -> IntArray:
    """Flows between classes that achieve a net change, by the usual pairs first.

    Args:
        net: Pixels won and lost, shape ``(cell, class)``; each row sums to 0.

    Returns:
        Pixels from class to class, shape ``(cell, class, class)``.
    """
    gain, loss = np.maximum(net, 0), np.maximum(-net, 0)
    flows = np.zeros((*net.shape, DYNAMIC), dtype=np.int64)
    for source, target in _PAIRS:
        amount = np.minimum(loss[:, source], gain[:, target])
        flows[:, source, target] = amount
        loss[:, source] -= amount
        gain[:, target] -= amount
    return flows


def _bell(field: FloatArray, middle: float, width: float) -> FloatArray:
    return np.asarray(np.exp(-(((field - middle) / width) ** 2)), dtype=np.float32)


def _curve(score: FloatArray, cells: CellMap) -> npt.NDArray[np.float64]:
    """Share of each cell within the best share of all usable pixels, ``(cell, step)``."""
    usable = cells < DYNAMIC
    arable = usable & (cells != SPARSE)
    levels = np.linspace(0, 1, _STEPS)
    bars = np.quantile(score[arable], 1 - levels) if arable.any() else levels
    good = np.stack([((score >= bar) & arable).sum(axis=1) for bar in bars], axis=1)
    return np.asarray(good / np.maximum(usable.sum(axis=1), 1)[:, None], dtype=np.float64)


def make_landuse(spec: PlanetSpec, terrain: Terrain, climate: Climate, people: People) -> LandUse:
    """Judge every pixel for every class, and cover the planet with its natural land use."""
    wet = np.clip(climate.wetness, 0, 4)
    warm, high = climate.temperature, np.maximum(terrain.elevation, 0) / np.float32(1000)
    relief, slope, soil = terrain.relief, terrain.slope, terrain.fertility
    farm = 3.0 * _bell(warm, 16, 11) * np.minimum(wet, 2) / 2 - 0.5 * high
    herd = 1.6 * _bell(warm, 13, 14) * np.minimum(wet, 1.5) / 1.5 - 0.2 * high
    tree = np.clip(wet - 2.4, -2.2, 1.4) + np.clip((warm - 1) / 3, -2.5, 0.6)
    town = -2.5 * np.minimum(people.remoteness / 0.25, 3) + 0.5 * terrain.coast
    patch = fractal(spec.rng("patches"), spec.domain, 0.5, 0.05, 0.8)
    attraction = np.stack(
        [
            town - 0.9 * slope - 0.4 * relief,
            farm - 0.9 * relief - 0.9 * slope + 0.5 * soil,
            herd - 0.1 * relief + 0.2 * slope - 0.3 * soil + 0.4 * patch,
            0.6 * tree + 0.5 * relief + 0.6 * slope - 0.1 * soil - 0.3 * patch,
            0.2 - 0.2 * tree + 0.1 * relief - 0.1 * soil + 0.3 * patch,
            1.5 * np.clip(1.1 - wet, 0, 1) - 0.8 * tree + 0.3 * relief + 0.5 * slope - 0.4 * soil,
        ]
    ).astype(np.float32)

    woods = attraction[FOREST] - attraction[GRASS]
    natural = np.full(spec.domain.shape, GRASS, dtype=np.uint8)
    natural[woods > 0] = FOREST
    natural[attraction[SPARSE] > 1.6] = SPARSE
    natural[terrain.lake] = WATER
    natural[(warm + 0.7 * climate.swing + 0.6 * relief < 0) & terrain.land] = ICE
    natural[terrain.sea] = OCEAN
    cells = to_cells(natural, spec.ratio)
    usable = (cells < DYNAMIC).sum(axis=1)

    demand = make_demand(
        spec,
        count(cells),
        usable,
        (
            _curve(to_cells(attraction[CROPLAND], spec.ratio), cells),
            _curve(to_cells(attraction[PASTURE], spec.ratio), cells),
            _curve(to_cells(woods, spec.ratio), cells),
        ),
    )
    rng = spec.rng("hidden")
    split = _SUITABILITY * np.stack([to_cells(layer, spec.ratio) for layer in attraction])
    split += _HIDDEN * rng.standard_normal(split.shape, dtype=np.float32)
    return LandUse(spec, demand, people, cells, split)
