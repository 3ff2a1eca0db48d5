"""The coarse product of a synthetic planet: LUH2-like states with their regional bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.cells import (
    CROPLAND,
    DYNAMIC,
    FOREST,
    GRASS,
    PASTURE,
    SPARSE,
    URBAN,
    to_cells,
)
from ai4land.testing.planet.climate import Climate
from ai4land.testing.planet.noise import fractal
from ai4land.testing.planet.spec import PlanetSpec
from ai4land.vocabulary import LUH2_STATES

__all__ = ["Forcing", "ForcingState", "make_forcing"]

FloatArray = npt.NDArray[np.float64]
CellMap = npt.NDArray[np.uint8]

_URBAN, _CROP, _PASTURE, _FOREST, _OPEN = range(5)
_HARVEST = 0.003  # primary land that turns secondary every year


@dataclass(frozen=True)
class ForcingState:
    """The coarse product of one year.

    Attributes:
        states: The twelve LUH2 states in the order of ``LUH2_STATES``, shares of the cell,
            ``(state, cell)``.
        age: Mean age of secondary land in years, ``(cell,)``.
        biomass: Mean biomass of secondary land in kg C m⁻², ``(cell,)``.
    """

    states: FloatArray
    age: FloatArray
    biomass: FloatArray


@dataclass(frozen=True)
class Forcing:
    """How the coarse product sees the land.

    Attributes:
        weights: Area of each pixel as a share of its coarse cell, ``(cell, pixel)``.
        mixing: Share of each fine class that is reported as each of five groups (urban, crops,
            pasture and rangeland, forest, other vegetation), ``(cell, class, group)``.
        jumps: The same between groups, for each scenario's own harmonisation.
        crops: Shares of the five crop types in all crops, ``(type, cell)``.
        managed: Share of managed pasture in pasture and rangeland, ``(cell,)``.
        fertile: Biomass of old secondary land in kg C m⁻², ``(cell,)``.
        untouched: Share of primary land in the first year's natural vegetation, ``(cell,)``.
    """

    weights: FloatArray
    mixing: FloatArray
    jumps: dict[str, FloatArray]
    crops: FloatArray
    managed: FloatArray
    fertile: FloatArray
    untouched: FloatArray

    def fractions(self, cells: CellMap) -> FloatArray:
        """True area of each changing class as a share of the cell, ``(cell, class)``."""
        parts = [((cells == k) * self.weights).sum(axis=1) for k in range(DYNAMIC)]
        return np.stack(parts, axis=1)

    def view(
        self, cells: CellMap, before: ForcingState | None, scenario: str | None = None
    ) -> ForcingState:
        """The product of one year, which remembers the year before.

        Args:
            cells: Land use, positions in ``CLASSES``, ``(cell, pixel)``.
            before: The product of the year before; none in the first year.
            scenario: Scenario followed; its first year differs a little from history's last.
        """
        groups = np.einsum("cf,cfg->cg", self.fractions(cells), self.mixing)
        if scenario is not None:
            groups = np.einsum("cg,cgh->ch", groups, self.jumps[scenario])
        out = dict.fromkeys(LUH2_STATES, np.zeros(len(cells)))
        wild = {"f": groups[:, _FOREST], "n": groups[:, _OPEN]}
        secondary_before = np.zeros(len(cells))
        for letter, area in wild.items():
            if before is None:
                primary = self.untouched * area
            else:
                old = before.states[LUH2_STATES.index(f"prim{letter}")]
                primary = np.minimum(old * (1 - _HARVEST), area)
                secondary_before += before.states[LUH2_STATES.index(f"secd{letter}")]
            out[f"prim{letter}"], out[f"secd{letter}"] = primary, area - primary
        out["urban"] = groups[:, _URBAN]
        for name, share in zip(
            ("c3ann", "c4ann", "c3per", "c4per", "c3nfx"), self.crops, strict=True
        ):
            out[name] = share * groups[:, _CROP]
        out["pastr"] = self.managed * groups[:, _PASTURE]
        out["range"] = (1 - self.managed) * groups[:, _PASTURE]
        secondary = out["secdf"] + out["secdn"]
        if before is None:
            age = np.full(len(cells), 25.0)
        else:
            kept = np.minimum(secondary, secondary_before)
            age = (before.age + 1) * kept / np.maximum(secondary, 1e-9)
        age = np.where(secondary > 0, age, 0.0)
        return ForcingState(
            np.stack([out[name] for name in LUH2_STATES]),
            age,
            self.fertile * (1 - np.exp(-age / 35)),
        )


def make_forcing(spec: PlanetSpec, climate: Climate) -> Forcing:
    """Draw the smooth regional bias and the shares that the fine map does not tell."""
    grid, rng = spec.coarse, spec.rng("forcing")
    extent = float(max(grid.dx * grid.width, grid.dy * grid.height))
    longest = min(max(4.0, 4 * float(grid.dy)), max(extent, float(grid.dy)))

    def between(low: float, high: float) -> FloatArray:
        noise = fractal(rng, grid, longest, 0.5 * longest).astype(np.float64).ravel()
        return low + (high - low) / (1 + np.exp(-1.5 * noise))

    def mean(field: npt.NDArray[np.float32]) -> FloatArray:
        return np.asarray(to_cells(field, spec.ratio).mean(axis=1, dtype=np.float64))

    areas = to_cells(np.asarray(spec.domain.cell_areas()), spec.ratio)
    moved = {
        (URBAN, _CROP): between(0.05, 0.25),
        (CROPLAND, _PASTURE): between(0.02, 0.12),
        (PASTURE, _OPEN): between(0.05, 0.25),
        (PASTURE, _CROP): between(0.00, 0.05),
        (FOREST, _OPEN): between(0.03, 0.15),
        (GRASS, _PASTURE): between(0.10, 0.40),
        (GRASS, _FOREST): between(0.02, 0.10),
        (SPARSE, _PASTURE): between(0.00, 0.10),
    }
    home = {URBAN: _URBAN, CROPLAND: _CROP, PASTURE: _PASTURE, FOREST: _FOREST}
    mixing = np.zeros((len(areas), DYNAMIC, 5))
    for k in range(DYNAMIC):
        mixing[:, k, home.get(k, _OPEN)] = 1.0
    for (fine, group), share in moved.items():
        mixing[:, fine, group] += share
        mixing[:, fine, home.get(fine, _OPEN)] -= share
    jumps = {}
    for name in spec.scenarios:
        jump = np.tile(np.eye(5), (len(areas), 1, 1))
        for source, target in ((_CROP, _PASTURE), (_PASTURE, _OPEN), (_OPEN, _FOREST)):
            share = between(0.005, 0.03)
            jump[:, source, target] += share
            jump[:, source, source] -= share
        jumps[name] = jump
    warm, wet = mean(climate.temperature), mean(np.clip(climate.wetness, 0, 4))
    c4 = 0.05 + 0.45 / (1 + np.exp(-(warm - 18) / 4))
    trees = 0.03 + 0.12 / (1 + np.exp(-(warm - 15) / 3))
    beans = between(0.05, 0.15)
    sugar = 0.08 / (1 + np.exp(-(warm - 22) / 2))
    return Forcing(
        weights=areas / areas.sum(axis=1, keepdims=True),
        mixing=mixing,
        jumps=jumps,
        crops=np.stack([1 - c4 - trees - beans - sugar, c4, trees, sugar, beans]),
        managed=np.clip(0.1 + 0.2 * wet, 0.1, 0.9),
        fertile=np.clip(3.0 * wet * np.exp(-(((warm - 24) / 22) ** 2)), 0.2, 16),
        untouched=between(0.5, 0.95),
    )
