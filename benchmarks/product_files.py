"""How long does a global year of 0.01° take as NetCDF, GeoTIFF and area fractions, in what memory?

    python benchmarks/product_files.py [--size 18000 36000] [--ocean MASK.npz] [--keep FOLDER]

Writes a cube with one year of a TEST PATTERN (seven classes in patches, one pixel in seven of
another class, sea where a random or the given mask says so); then runs ``ai4land product`` in a
process of its own for each format. Prints seconds, those of a processor, size and the peak of
memory, and compares pixels of every overview, those of the last rows and columns among them, with
a count of the map's own pixels. Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from ai4land.cube import CubeSpec, CubeWriter, GroupSpec, Status, VariableSpec
from ai4land.grid import Grid, Window
from ai4land.report import Table, to_markdown
from ai4land.vocabulary import Clock, legend, variable
from global_year import CLASSES, continents, run
from metrics_speed import patches

YEAR = 2000
PROGRAM = Path(sys.executable).with_name("ai4land")
LEGEND = legend("landuse8")
TIES = (*LEGEND.codes[1:], LEGEND.codes[0])  # land first, sea last
CHECKED = 40  # pixels of a row of an overview that are counted again

Map = npt.NDArray[np.uint8]
Land = Callable[[Window], npt.NDArray[np.bool_]]


def masked_by(path: Path, grid: Grid) -> Land:
    """Land where a mask of the ocean on any grid of the globe, north first, says so."""
    ocean = np.load(path)["mask"]

    def land(window: Window) -> npt.NDArray[np.bool_]:
        rows, cols = (np.arange(s.start, s.stop) for s in window.slices)
        rows = rows * ocean.shape[0] // grid.height
        found: npt.NDArray[np.bool_] = ~ocean[rows][:, cols * ocean.shape[1] // grid.width]
        return found

    return land


def made_up(grid: Grid) -> Land:
    """Land in continents; windows are bands in order."""
    bands, held = continents(*grid.shape, np.random.default_rng(0)), []

    def land(window: Window) -> npt.NDArray[np.bool_]:
        while sum(map(len, held)) < window.height:
            held.append(next(bands))
        rows = np.concatenate(held)
        held[:] = [rows[window.height :]]
        return rows[: window.height]

    return land


def write_pattern(path: Path, grid: Grid, land: Land) -> None:
    """A run of one year."""
    rng = np.random.default_rng(1)
    spec = VariableSpec(variable("land_use"), LEGEND, "TEST PATTERN")
    group = GroupSpec("fine_annual", grid, Clock.YEAR, (YEAR,), (spec,), 1)
    writer = CubeWriter(path, CubeSpec((group,), {"title": "a pattern on the grid of the globe"}))
    for block in writer.pending():
        codes = 1 + patches(*block.window.shape, rng) % np.uint8(CLASSES)
        scattered = rng.random(codes.shape, np.float32) < 1 / 7
        codes[scattered] = rng.integers(1, CLASSES + 1, int(scattered.sum()), np.uint8)
        codes[~land(block.window)] = LEGEND.sea[0]
        writer.write(block, codes[None], {YEAR: Status.PREDICTED})
    writer.finish()


def wrong_pixels(path: Path) -> tuple[int, int]:
    """Pixels of the overviews that were counted again, and those of them that are wrong."""
    rng, counted, wrong = np.random.default_rng(0), 0, 0
    with rasterio.open(path) as base:
        sides = base.overviews(1)
        for level, side in enumerate(sides):
            with rasterio.open(path, overview_level=level) as overview:
                height, width = overview.shape
                for row in (0, height - 1, *rng.integers(0, height, 4)):
                    first = int(rng.choice([0, max(width - CHECKED, 0)]))
                    cols = slice(first, min(first + CHECKED, width))
                    found = overview.read(1, window=((row, row + 1), (cols.start, cols.stop)))[0]
                    rows = slice(row * side, min((row + 1) * side, base.height))
                    under = slice(cols.start * side, min(cols.stop * side, base.width))
                    part = base.read(1, window=((rows.start, rows.stop), (under.start, under.stop)))
                    counted += len(found)
                    for x, code in enumerate(found):
                        block = part[:, x * side : (x + 1) * side]
                        votes = [int((block == one).sum()) for one in TIES]
                        wrong += int(code != TIES[votes.index(max(votes))])
    return counted, wrong


def main() -> None:
    """Write, deliver, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs=2, default=(18_000, 36_000))
    parser.add_argument("--ocean", type=Path, help="mask of the ocean: array 'mask' of an .npz")
    parser.add_argument("--keep", type=Path, help="where the product stays")
    options = parser.parse_args()
    rows, cols = options.size
    grid = Grid.regular(-180, 90, 360 / cols, 180 / rows, (rows, cols))
    lines = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        land = masked_by(options.ocean, grid) if options.ocean else made_up(grid)
        write_pattern(folder / "globe.zarr", grid, land)
        said = folder / "product.yaml"
        said.write_text("name: pattern\nnotice: TEST PATTERN\n", encoding="utf-8")
        out = options.keep or folder / "product"
        for kind in ("netcdf", "cog", "fractions", "stac"):
            call = [str(PROGRAM), "product", str(folder / "globe.zarr"), "--out", str(out)]
            before = os.times()
            seconds, peak = run([*call, "--formats", kind, "--metadata", str(said)])
            now = os.times()
            busy = now.children_user + now.children_system
            busy -= before.children_user + before.children_system
            files = [p for p in (out / "globe" / kind).rglob("*") if p.is_file()]
            size = sum(p.stat().st_size for p in files)
            figures = f"{seconds:.1f}", f"{busy:.1f}", f"{size / 1e6:.1f}", f"{peak / 2**30:.2f}"
            lines.append((kind, *figures))
        counted, wrong = wrong_pixels(next((out / "globe" / "cog").glob("*.tif")))
    columns = ("format", "seconds", "of processor", "MB", "peak GiB")
    note = f"{counted} pixels of overviews counted again, {wrong} wrong."
    print(to_markdown(Table(f"{rows} × {cols}, TEST PATTERN", columns, tuple(lines), note=note)))


if __name__ == "__main__":
    main()
