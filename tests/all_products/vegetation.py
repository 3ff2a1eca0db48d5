"""What satellites see of a synthetic planet: ESA CCI land cover and leaf area."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.cells import (
    CLASSES,
    CROPLAND,
    FOREST,
    GRASS,
    ICE,
    OCEAN,
    PASTURE,
    SPARSE,
    URBAN,
    WATER,
)
from ai4land.testing.planet.climate import Climate
from ai4land.vocabulary import legend
from all_products.weather import Weather

__all__ = ["land_cover_codes", "leaf_area"]

ClassMap = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]

_MOST = np.zeros(len(CLASSES))  # leaf area of the best month in a moist climate, m² m⁻²
_MOST[[URBAN, CROPLAND, PASTURE, FOREST, GRASS, SPARSE]] = 0.8, 4.0, 3.0, 5.5, 2.5, 0.5
_WINTER = 0.1  # share that stays where leaves fall


def land_cover_codes(classes: ClassMap, climate: Climate) -> ClassMap:
    """ESA CCI codes of the land: the land use, told apart further by climate.

    Args:
        classes: Positions in ``CLASSES``, ``(y, x)``.
        climate: The climate on the same grid.
    """
    esa = legend("esa_cci_lc")
    code = dict(zip(esa.names, esa.codes, strict=True))
    warm, wet = climate.temperature, climate.wetness
    forest = [
        (warm > 20, "tree_broadleaved_evergreen_closed_to_open"),
        (warm < 3, "tree_needleleaved_evergreen_closed_to_open"),
        (warm < 8, "tree_mixed"),
        (np.full(warm.shape, True), "tree_broadleaved_deciduous_closed_to_open"),
    ]
    always = np.full(warm.shape, True)
    rules: dict[int, list[tuple[npt.NDArray[np.bool_], str]]] = {
        URBAN: [(always, "urban")],
        CROPLAND: [(wet < 1, "cropland_irrigated"), (always, "cropland_rainfed")],
        PASTURE: [(always, "grassland")],
        FOREST: forest,
        GRASS: [(warm > 15, "shrubland"), (always, "grassland")],
        SPARSE: [(wet < 0.6, "bare_areas"), (always, "sparse_vegetation")],
        WATER: [(always, "water")],
        ICE: [(always, "snow_and_ice")],
        OCEAN: [(always, "water")],
    }
    out = np.zeros(classes.shape, dtype=np.uint8)
    for cls, choices in rules.items():
        for where, name in reversed(choices):  # the first that holds has the last word
            out[(classes == cls) & where] = code[name]
    return out


def leaf_area(
    classes: ClassMap, climate: Climate, weather: Weather, position: float, warming: float
) -> npt.NDArray[np.float32]:
    """Leaf area in m² m⁻²: by class and moisture, and in the warm months where leaves fall.

    Args:
        classes: Positions in ``CLASSES``, ``(y, x)``.
        climate: The climate on the same grid.
        weather: Its seasons.
        position: Months since New Year.
        warming: Against 1961–1990 in K.

    Returns:
        NaN on sea and lakes, 0 on ice.
    """
    moist = np.clip(climate.wetness / 2, 0.1, 1)
    season = np.clip((weather.temperature(position, warming) - 2) / 13, 0, 1)
    warm = climate.temperature
    evergreen = np.where(warm > 20, 0.9, np.where(warm < 3, 0.6, 2 * _WINTER))
    stays = np.where(classes == FOREST, evergreen, _WINTER)
    out = _MOST[classes] * moist * (stays + (1 - stays) * season)
    return np.where((classes == WATER) | (classes == OCEAN), np.nan, out).astype(np.float32)
