"""How long does ``ai4land score`` take for a year of a global reconstruction, and in what memory?

    python benchmarks/global_cube.py [--size 18000 36000] [--workers N]

Writes a cube of two years of labels (eight classes, 30 % land in continents, 2 % of it changed)
with their fractions on 0.25°, and a reconstruction of the second year; then runs the real command
in a process of its own: the reconstruction, its shuffled twin, persistence, kernel and random, by
area, with squares of several sizes, faithfulness to the forcing, regions and the block bootstrap.
Prints seconds and the peak of its memory. What it counted must be what was written. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, CubeSpec, CubeWriter, GroupSpec, Status, VariableSpec
from ai4land.grid import Grid, Window
from ai4land.vocabulary import Clock, legend, variable
from global_year import CHANGE, CLASSES, SEA, TILE, continents, run
from metrics_speed import changed, patches

YEARS = (2000, 2001)
PER_CELL = 25  # pixels across a cell of the forcing
LEGEND = legend("landuse8")
PROGRAM = Path(sys.executable).with_name("ai4land")
Map = npt.NDArray[np.uint8]


def declared(grid: Grid, name: str) -> GroupSpec:
    """A group of one variable."""
    spec = VariableSpec(variable(name), LEGEND, "made up")
    kind = "fine" if name == "land_use" else "coarse"
    return GroupSpec(kind, grid, Clock.YEAR, YEARS, (spec,))


def write_maps(
    folder: Path, grid: Grid, land_of: Iterator[npt.NDArray[np.bool_]] | None = None
) -> tuple[int, int]:
    """Labels and reconstruction; pixels of land, and those of them that really change.

    Args:
        folder: Where both cubes go.
        grid: Of the maps.
        land_of: Land in bands from the north; default made up.
    """
    rng = np.random.default_rng(0)
    coarse = grid.coarsen(PER_CELL, PER_CELL)
    groups = declared(grid, "land_use"), declared(coarse, "land_use_fractions")
    labels = CubeWriter(folder / "labels.zarr", CubeSpec(groups, {"title": "made up"}))
    said = CubeWriter(
        folder / "said.zarr",
        CubeSpec(
            groups[:1],
            {"title": "made up", "stepper": "made up", "options": {}, "path": list(YEARS)},
        ),
    )
    bands = continents(*grid.shape, rng) if land_of is None else land_of
    waiting: list[tuple[Map, ...]] = []
    land_pixels = change = 0
    shares = np.zeros((len(YEARS), len(LEGEND), *coarse.shape), np.float32)
    blocks = [b for b in labels.pending() if b.variable == "land_use"]
    for block in blocks:
        while sum(len(maps[0]) for maps in waiting) < block.window.height:
            land = next(bands)
            index = patches(*land.shape, rng) % np.uint8(CLASSES)
            later = [changed(index, CHANGE, rng) % np.uint8(CLASSES) for _ in range(2)]
            maps = (1 + layer for layer in (index, *later))
            waiting.append(tuple(np.where(land, layer, np.uint8(SEA)) for layer in maps))
        maps = [np.concatenate(rows) for rows in zip(*waiting, strict=True)]
        waiting.clear()
        land_pixels += int((maps[0] != SEA).sum())
        change += int((maps[0] != maps[1]).sum())
        status = dict.fromkeys(block.ticks, Status.OBSERVED)
        labels.write(block, np.stack(maps[:2]), status)
        said.write(block, np.stack([maps[0], maps[2]]), status | {YEARS[1]: Status.PREDICTED})
    said.finish()
    written = Cube(folder / "labels.zarr", allow_incomplete=True)
    for row in range(0, grid.height, TILE // PER_CELL * PER_CELL):
        window = Window(row, 0, min(TILE // PER_CELL * PER_CELL, grid.height - row), grid.width)
        rows = slice(row // PER_CELL, (row + window.height) // PER_CELL)
        for n, year in enumerate(YEARS):
            codes = written.read("land_use", year, window)
            cells = codes.reshape(-1, PER_CELL, coarse.width, PER_CELL)
            for k, code in enumerate(LEGEND.codes):
                shares[n, k, rows] = (cells == code).sum(axis=(1, 3), dtype=np.float32)
    known = shares[:, 1:].sum(axis=1, keepdims=True)  # of the land, the sea being the first class
    shares = np.divide(shares, known, out=np.zeros_like(shares), where=known > 0)
    shares[:, 0] = 0
    for block in [b for b in labels.pending() if b.variable == "land_use_fractions"]:
        rows, cols = block.window.slices
        status = dict.fromkeys(block.ticks, Status.OBSERVED)
        labels.write(block, shares[:, :, rows, cols], status)
    labels.finish()
    return land_pixels, change


def main() -> None:
    """Write, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs=2, default=(18_000, 36_000))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rows, cols = options.size
    grid = Grid.regular(-180, 90, 360 / cols, 180 / rows, (rows, cols))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        begin = time.perf_counter()
        land, change = write_maps(folder, grid)
        print(f"Written in {time.perf_counter() - begin:.0f} s: {land:,} land pixels")
        figures = folder / "scores.json"
        command = [str(PROGRAM), "score", str(folder / "said.zarr")]
        command += ["--truth", str(folder / "labels.zarr"), "--weights", "area"]
        command += ["--workers", str(options.workers)]
        seconds, peak = run([*command, "--json", str(figures)])
        report = json.loads(figures.read_text(encoding="utf-8"))
    every = (report["all_cells"] or report["scores"])["made up"]["last"]
    area = float(grid.row_areas().sum()) * cols
    counted = every["observed_change"] / every["total"]
    print(
        f"counted: {every['total'] / area:.2%} of the globe is land, {counted:.2%} of it changed; "
        f"written: {land / rows / cols:.2%} and {change / land:.2%} of the pixels"
    )
    merits = {name: row["last"]["figure_of_merit"] for name, row in report["scores"].items()}
    print(", ".join(f"{name} {value:.4f}" for name, value in merits.items()))
    print(
        f"{rows} × {cols} pixels, {len(merits)} rows, {options.workers} processes, by area: "
        f"{seconds:.0f} s, "
        f"{rows * cols / seconds / 1e6:.1f} million pixels per second, "
        f"peak memory of all processes {peak / 2**30:.2f} GiB. {report['notes'][-1]}"
    )


if __name__ == "__main__":
    main()
