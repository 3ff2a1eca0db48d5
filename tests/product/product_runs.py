"""Runs to be delivered, as a reconstruction leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, CubeSpec, CubeWriter, GroupSpec, Status, VariableSpec
from ai4land.grid import Grid
from ai4land.product import Metadata, Party
from ai4land.vocabulary import Clock, legend, variable
from tiny_cubes import COARSE, FINE, LANDUSE8

YEARS = (2010, 2011, 2012)
NOTICE = "TEST PATTERN"
METADATA = Metadata(
    name="tiny",
    notice=NOTICE,
    licence="CC-BY-4.0",
    creator=Party(name="Ada Lovelace", type="person", institution="Analytical Engines"),
)
SOURCES = (
    {"name": "a.tif", "product": "HILDA+", "version": "v1", "licence": "CC BY 4.0"},
    {"name": "b.tif", "product": "HILDA+", "version": "v1", "licence": "CC BY 4.0"},
    {"name": "s.nc", "product": "LUH2", "version": "v2h", "citation": "Hurtt et al. 2020"},
)

Maps = Mapping[int, npt.NDArray[np.uint8]]


def probabilities(maps: Maps) -> dict[int, npt.NDArray[np.float32]]:
    """Probabilities of the classes, missing in the first year, where the map is observed."""
    found = {}
    for i, codes in enumerate(maps.values()):
        rng = np.random.default_rng(i)
        drawn = rng.dirichlet(np.full(len(LANDUSE8), 0.5), codes.shape)
        values = np.moveaxis(drawn, -1, 0).astype(np.float32)
        values[:, codes == 255] = np.nan
        found[list(maps)[i]] = values if i else np.full_like(values, np.nan)
    return found


def write_run(path: Path, maps: Maps, grid: Grid = FINE, coarse: Grid | None = COARSE) -> Cube:
    """A finished run as ``reconstruct`` leaves it: maps, probabilities, what was not placed."""
    ticks, forecast = tuple(maps), tuple(maps)[1:]
    labels = VariableSpec(variable("land_use"), legend("landuse8"), "model")
    specs = [GroupSpec("fine_annual", grid, Clock.YEAR, ticks, (labels,), 1)]
    values = {"land_use": maps}
    if coarse is not None:
        said = VariableSpec(variable("land_use_probability"), legend("landuse8"), "model")
        specs = [GroupSpec("fine_annual", grid, Clock.YEAR, ticks, (labels, said), 1)]
        lost = VariableSpec(variable("unplaced_change"), None, "labels")
        specs.append(GroupSpec("books", coarse, Clock.YEAR, forecast, (lost,), 1))
        values["land_use_probability"] = probabilities(maps)
        values["unplaced_change"] = {t: np.full(coarse.shape, t - 2010.0, "f4") for t in forecast}
    attributes = {
        "title": "Tiny: 2010 → 2012 by model",
        "stepper": "model",
        "options": {"decision": "faithful"},
        "provenance": list(SOURCES),
        "inputs_outside_their_products": {"co2": {"held": ["2012"]}},
        "evidence": {"land_use_gross_transitions": "upper bound"},
    }
    writer = CubeWriter(path, CubeSpec(tuple(specs), attributes))
    for block in writer.pending():
        layers = np.stack([values[block.variable][t] for t in block.ticks])
        status = {t: Status.OBSERVED if t == ticks[0] else Status.PREDICTED for t in block.ticks}
        writer.write(block, layers[(..., *block.window.slices)], status)
    writer.finish()
    return Cube(path)


def rough_map(shape: tuple[int, int], seed: int = 0) -> npt.NDArray[np.uint8]:
    """Scattered classes on patches, sea in the west, some missing."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 8, shape).astype(np.uint8)
    row, col = np.indices(shape, sparse=True)
    codes = np.where(rng.random(shape) < 0.5, (row // 37 + col // 53) % 7 + 1, codes)
    codes = np.where(col < 90, 0, codes)
    codes = np.where((row < 70) & (col > shape[1] - 140), 255, codes)
    return codes.astype(np.uint8)


def files_of(folder: Path, ending: str) -> Sequence[Path]:
    """All files of a product with an ending, by name."""
    return sorted(folder.rglob(f"*{ending}"))
