"""Downscaling as LandScaleR does it, on the southern half of the UK, scored from three rasters.

    export AI4LAND_REALDATA=/path/to/the/products
    python benchmarks/landscaler_like.py [--to FOLDER]

The maps are HILDA+ v1.0-f of 2009 and 2012 south of 54° N, ten classes, land in both years. The net
change of every coarse cell between them is known exactly and is placed on the earlier map
(forward) or the later one (backward), in three ways: *kernel*, where the 3 × 3 density of the
gaining class is highest, as a deterministic allocation does; *fuzzy*, where density × a uniform
random number is; *random*. Every map is written as GeoTIFF and scored by the command
``ai4land score``. Printed are tables of the shape in which the figures of LandScaleR's own maps of
the whole UK are published with this project's scores, with those figures beside: another area and
other simulations, so they are no target, only the order of magnitude. Seeds are fixed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio

from ai4land.allocation import CoarseCells, allocate_kernel, allocate_random
from ai4land.grid import Grid
from ai4land.report import Table, to_markdown
from ai4land.vocabulary import NO_DATA, legend

YEARS = (2009, 2012)
CELLS = (0.10, 0.25, 0.50, 1.00)
MAIN = 0.25
RULES = ("kernel", "fuzzy", "random")
LEGEND = legend("hildaplus_v1_f")
PROGRAM = Path(sys.executable).with_name("ai4land")
NAME = "hilda_uk_south/hilda_plus_{year}_states_GLOB-v1-0-f_uk-south.tif"
CLASSES = (
    "urban",
    "cropland",
    "pasture",
    "forest_unknown",
    "forest_evergreen_needle",
    "grass_shrub",
)
WHOLE_UK = """
persistence 0 0/0/32026/0 .9035 .8564 0 .0216 .0749 .7541
deterministic .1467 6368/2821/22837/11371 .8884 .8356 .2273 .0002 .1114 .7107
fuzzy .1251 5475/2871/23680/11735 .8846 .8300 .1941 .0002 .1152 –
"""
WHOLE_UK_CELLS = {
    0.10: (".682", ".154", ".221", ".144", ".199"),
    0.25: (".551", ".097", ".157", ".085", ".137"),
    0.50: (".481", ".068", ".134", ".063", ".116"),
    1.00: (".428", ".056", ".116", ".053", ".105"),
}
Map = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """Three rasters.

    Attributes:
        rule: How the change was placed, or ``persistence``.
        cell: Side of a coarse cell in degrees.
        start: Year of the initial map.
        initial: Its file.
        reference: File of the other year.
        simulated: File of the simulation of it.
        ceiling: Net over gross change in the coarse cells.
    """

    rule: str
    cell: float
    start: int
    initial: Path
    reference: Path
    simulated: Path
    ceiling: float

    def command(self) -> list[str]:
        """The arguments of the program."""
        maps = ("initial", "reference", "simulated")
        files = [part for name in maps for part in (f"--{name}", str(getattr(self, name)))]
        return ["score", *files, "--legend", LEGEND.name, "--workers", "1", "--json", "-"]


def read(path: Path) -> tuple[Map, Grid]:
    """Class positions, 255 for the sea, and the grid."""
    table = np.full(256, NO_DATA, np.uint8)
    table[list(LEGEND.codes)] = np.arange(len(LEGEND))
    table[list(LEGEND.sea)] = NO_DATA
    with rasterio.open(path) as file:
        indices, t = table[file.read(1)], file.transform
    return indices, Grid.regular(t.c, t.f, t.a, -t.e, indices.shape)


def write(path: Path, indices: Map, like: Path) -> Path:
    """A simulated map as a GeoTIFF on the grid of another."""
    codes = np.zeros(256, np.uint8)
    codes[: len(LEGEND)] = LEGEND.codes
    codes[NO_DATA] = LEGEND.sea[0]
    with rasterio.open(like) as file:
        profile = file.profile
    with rasterio.open(path, "w", **profile) as file:
        file.write(codes[indices], 1)
    return path


def coarse_cells(grid: Grid, side: float) -> CoarseCells:
    """Cells whose edges are multiples of their side."""
    west, north = np.floor(float(grid.west) / side), np.ceil(float(grid.north) / side)
    east, south = np.ceil(float(grid.east) / side), np.floor(float(grid.south) / side)
    shape = int(north - south), int(east - west)
    return CoarseCells.of(grid, Grid.regular(west * side, north * side, side, side, shape))


def allocate_fuzzy(
    prior: Map, cells: CoarseCells, change: npt.NDArray[np.int64], rng: np.random.Generator
) -> Map:
    """Place net change where the 3 × 3 density of the gaining class × a random number is highest.

    Args:
        prior: Class positions, 255 for none.
        cells: The coarse cells.
        change: Pixels each class gains in each cell, ``(K, cells)``, cells sum to 0.
        rng: Source of the random numbers.
    """
    after = prior.copy().ravel()
    density = [near(prior == k).ravel() for k in range(len(change))]
    order = np.argsort(cells.index, axis=None, kind="stable")
    starts = np.searchsorted(cells.index.ravel()[order], np.arange(cells.count + 1))
    for cell in np.flatnonzero(change.any(axis=0)):
        wanted = change[:, cell].copy()
        pixels = order[starts[cell] : starts[cell + 1]]
        pixels = pixels[prior.ravel()[pixels] != NO_DATA]
        pixels = pixels[wanted[prior.ravel()[pixels]] < 0]
        gaining = np.flatnonzero(wanted > 0)
        liking = np.stack([density[k][pixels] for k in gaining])
        liking = (liking + 1e-6) * rng.random(liking.shape)  # a little everywhere: all must go
        for best in np.argsort(-liking, axis=None, kind="stable"):
            gain, pixel = gaining[best // len(pixels)], pixels[best % len(pixels)]
            lose = prior.flat[pixel]
            if after[pixel] == lose and wanted[gain] > 0 and wanted[lose] < 0:
                after[pixel] = gain
                wanted[gain] -= 1
                wanted[lose] += 1
    return after.reshape(prior.shape)


def near(where: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """How many of the 3 × 3 pixels around and at each are set."""
    wide = np.pad(where.astype(np.int64), 1)
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])


def simulate(
    rule: str, before: Map, cells: CoarseCells, change: npt.NDArray[np.int64], seed: int = 0
) -> Map:
    """A map after the change."""
    rng = np.random.default_rng(seed)
    if rule == "fuzzy":
        return allocate_fuzzy(before, cells, change, rng)
    groups = [(k,) for k in range(len(change))]
    allocate = {"kernel": allocate_kernel, "random": allocate_random}[rule]
    return allocate(before, cells, change, groups, rng.random(before.shape)).map


def write_cases(
    data: Path, folder: Path, sides: Sequence[float] = CELLS, rules: Sequence[str] = RULES
) -> list[Case]:
    """Simulate in both directions; persistence first."""
    files = {year: data / NAME.format(year=year) for year in YEARS}
    cases = []
    for start, end in (YEARS, YEARS[::-1]):
        cases.append(Case("persistence", 0.0, start, files[start], files[end], files[start], 0.0))
        (before, grid), (after, _) = read(files[start]), read(files[end])
        land = (before != NO_DATA) & (after != NO_DATA)
        before, after = (np.where(land, layer, np.uint8(NO_DATA)) for layer in (before, after))
        for side in sides:
            cells = coarse_cells(grid, side)
            k = len(LEGEND)
            change = cells.counts(after, k) - cells.counts(before, k)
            top = float(np.abs(change).sum() / 2 / (before != after).sum())
            for rule in rules:
                name = f"{rule}_{side:.2f}_{start}_{end}.tif"
                simulated = write(
                    folder / name, simulate(rule, before, cells, change), files[start]
                )
                cases.append(Case(rule, side, start, files[start], files[end], simulated, top))
    return cases


def scored(case: Case) -> dict[str, Any]:
    """What the command prints."""
    done = subprocess.run(
        [str(PROGRAM), *case.command()], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def short(value: float | None, digits: int = 4) -> str:
    """A score without its leading zero."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}".replace("0.", ".", 1) if value else "0"


Scored = list[tuple[Case, dict[str, Any]]]


def label(case: Case) -> str:
    """Row of a table."""
    way = "forward" if case.start == YEARS[0] else "backward"
    return f"{case.rule}, {way}"


def main_table(found: Scored) -> Table:
    """The shape of table (c)."""
    rows = []
    for case, report in found:
        row = report["pixel"]["simulated"]
        change = row["change"]
        budget = "/".join(str(change[k]) for k in ("hits", "wrong_hits", "misses", "false_alarms"))
        rest = (row["accuracy"], row["kappa"], change["kappa_simulation"])
        parts = (row["quantity"], row["allocation"], row["mean_iou"])
        figures = (short(value) for value in (*rest, *parts))
        rows.append((label(case), short(change["figure_of_merit"]), budget, *figures))
    heads = ("map", "FoM", "H / W / M / F", "OA", "κ", "Ksim", "Q", "A", "mIoU")
    pixels = found[0][1]["pixel"]["simulated"]["total"]
    note = f"South of 54° N: {pixels} pixels, coarse cells of {MAIN}°. Whole UK: 331904 pixels."
    return Table(
        "UK south of 54° N, HILDA+ 2009–2012, ten classes", heads, (*rows, *WHOLE_UK), note
    )


def by_factor(found: Scored, key: str, title: str, last: int) -> Table:
    """A score by side of the squares."""
    rows = []
    for case, report in found:
        squares = [row for row in report["resolutions"]["rows"] if row["factor"] <= last]
        null = report["resolutions"]["null_resolution"]
        rows.append((label(case), *(short(row[key]) for row in squares), str(null or "–")))
    factors = [str(row["factor"]) for row in squares]
    return Table(title, ("map", *factors, "null resolution, px"), tuple(rows))


def by_class(found: Scored) -> Table:
    """Figure of merit of the gains."""
    rows = tuple(
        (
            label(case),
            *(short(report["pixel"]["simulated"]["change"]["gains"][k], 3) for k in CLASSES),
        )
        for case, report in found
    )
    whole = ("whole UK, LandScaleR deterministic", ".098", ".194", ".187", ".096", ".097", ".068")
    return Table("Figure of merit of the gain of a class", ("map", *CLASSES), (*rows, whole))


def by_cell(found: Scored) -> Table:
    """The shape of table (d)."""
    merit = {
        (case.rule, case.cell, case.start): short(
            report["pixel"]["simulated"]["change"]["figure_of_merit"], 3
        )
        for case, report in found
    }
    top = {case.cell: short(case.ceiling, 3) for case, _ in found}
    columns = [(rule, year) for year in YEARS for rule in ("random", "kernel", "fuzzy")]
    rows = []
    for side in CELLS:
        rows.append(
            (f"{side:.2f}°", top[side], *(merit[rule, side, year] for rule, year in columns))
        )
        whole = WHOLE_UK_CELLS[side]
        rows.append((f"{side:.2f}°, whole UK", *whole[:3], "–", *whole[3:], "–"))
    heads = [f"{rule} {'fwd' if year == YEARS[0] else 'bwd'}" for rule, year in columns]
    return Table("Floor, kernel and ceiling", ("coarse", "ceiling", *heads), tuple(rows))


def main() -> None:
    """Simulate, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, help="folder that keeps the simulated maps")
    options = parser.parse_args()
    data = Path(os.environ["AI4LAND_REALDATA"])
    with tempfile.TemporaryDirectory() as place:
        folder = options.to or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        found = [(case, scored(case)) for case in write_cases(data, folder)]
    main_rows = [pair for pair in found if pair[0].cell in (0.0, MAIN)]
    for table in (
        main_table(main_rows),
        by_factor(main_rows, "disagreement", "Two-map error by side of the squares, px", 64),
        by_factor(main_rows[1:], "figure_of_merit", "Composite figure of merit", 128),
        by_class(main_rows),
        by_cell([pair for pair in found if pair[0].cell]),
    ):
        print(to_markdown(table))


if __name__ == "__main__":
    main()
