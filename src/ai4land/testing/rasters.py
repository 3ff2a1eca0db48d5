"""GeoTIFFs as the providers write them: HILDA+ v1 states and Köppen-Geiger zones."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.cells import CODES, CROPLAND, GRASS, ICE, PASTURE, SPARSE
from ai4land.testing.climate import PAST_PERIODS, WARMING
from ai4land.testing.spec import FORK_YEAR, PlanetSpec
from ai4land.vocabulary import legend

if TYPE_CHECKING:
    from ai4land.testing.planet import Planet

__all__ = ["HILDA_FOLDER", "hilda_name", "spoil", "write_hilda", "write_koeppen"]

ClassMap = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

HILDA_FOLDER = Path("hildap_vGLOB-1.0_geotiff_wgs84/hildap_GLOB-v1.0_lulc-states")
_TAGS = {"0p1": Fraction(1, 10), "0p5": Fraction(1, 2), "1p0": Fraction(1)}
_LETTERS = {
    "A": {"f": "rainforest", "m": "monsoon", "w": "savannah"},
    "B": {"W": "desert", "S": "steppe", "h": "hot", "k": "cold"},
    "C": {"s": "dry summer", "w": "dry winter", "f": "no dry season"},
    "E": {"T": "tundra", "F": "frost"},
    "heat": {"a": "hot summer", "b": "warm summer", "c": "cold summer", "d": "very cold winter"},
}
_ZONES = {"A": "Tropical", "B": "Arid", "C": "Temperate", "D": "Cold", "E": "Polar"}


def hilda_name(year: int) -> str:
    """File name of a year's states in HILDA+ v1.0; 2015 is the base map and has its own."""
    middle = "GLOB-v1-0_base-map" if year == FORK_YEAR else "GLOB-v1-0"
    return f"hilda_plus_{year}_states_{middle}_wgs84-nn.tif"


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


def _write(
    path: Path,
    array: ClassMap,
    grid: Grid,
    layout: dict[str, object],
    colours: dict[int, tuple[int, int, int]] | None = None,
) -> None:
    import rasterio
    from rasterio.transform import Affine

    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=1,
        dtype="uint8",
        crs="EPSG:4326",
        transform=Affine(*grid.transform),
        compress="lzw",
        **layout,
    ) as file:
        file.write(array, 1)
        if colours:
            file.write_colormap(1, colours)


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
    path = folder / HILDA_FOLDER / hilda_name(year)
    _write(path, labels, spec.grid, {"tiled": False, "blockysize": 1})
    return path


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
    zones = legend("koeppen_geiger")
    colours = {0: (255, 255, 255)} | {c.code: _rgb(c.colour) for c in zones.classes}
    paths = []
    for period, scenario in wanted:
        path = folder / period / (scenario or "") / f"koeppen_geiger_{tag}.tif"
        codes = planet.climate_zones(period, scenario)[np.ix_(rows, cols)]
        layout = {"tiled": True, "blockxsize": 256, "blockysize": 256, "photometric": "palette"}
        _write(path, codes, grid, layout, colours)
        paths.append(path)
    paths.append(folder / "legend.txt")
    paths[-1].write_text(_legend_text(), encoding="utf-8")
    return paths


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _describe(name: str) -> str:
    group, rest = name[0], name[1:]
    words = [_ZONES[group]]
    table = _LETTERS["C" if group == "D" else group]
    words.append(table[rest[0]])
    words += [_LETTERS["heat"][c] if group in "CD" else table[c] for c in rest[1:]]
    return ", ".join(words)


def _legend_text() -> str:
    lines = [
        "Legend linking the numeric values in the maps to the Köppen-Geiger classes.",
        "The RGB colors used in Beck et al. (2023) are provided between brackets.",
        "",
    ]
    for cls in legend("koeppen_geiger").classes:
        rgb = " ".join(map(str, _rgb(cls.colour)))
        lines.append(f"{cls.code:>5}:  {cls.name:<5}{_describe(cls.name):<38}[{rgb}]")
    return "\n".join(lines) + "\n"
