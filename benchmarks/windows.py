"""How fast do random 256² windows × 8 years come, labels and forcing, and what do they weigh?

    python benchmarks/windows.py

Three ways to the same numbers, on the same random windows in one run: our labels and drivers on
our cube; xbatcher and xarray on the same store; xbatcher and xarray on a store that keeps the
coarse forcing upsampled at fine resolution. Prints Markdown. Everything lies in the page cache, so
that what is compared is the work, not the disk.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr
import xbatcher

from ai4land.cube import Cube, CubeSpec, CubeWriter, GroupSpec, Status, VariableSpec
from ai4land.grid import Grid, Window
from ai4land.report import Table, to_markdown
from ai4land.samples import CachedDrivers, CubeDrivers, Labels
from ai4land.vocabulary import LAND_USE, LUH2_STATES, Clock, legend, variable

SIDE, YEARS, WINDOW, SPAN, READS, ROUNDS = 1024, 24, 256, 8, 24, 3
STRIDE = 64  # of xbatcher's windows: our windows are drawn among them
FINE = Grid.regular(0, 50, "1/100", "1/100", (SIDE, SIDE))
COARSE = Grid.regular(0, 50, "1/4", "1/4", (41, 41))
TICKS = tuple(range(1990, 1990 + YEARS))
LABELS, STATES = "land_use", "luh2_states"

Array = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
Pair = tuple[Array, Array]


@dataclass(frozen=True)
class Way:
    """One way to read: opens, then gives labels and forcing of a window of years."""

    name: str
    store: Path
    read: Callable[[int, Window], Pair]


def labels(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Patchy class codes, 1 % of the patches change a year, ``(year, y, x)``."""
    patches = rng.integers(1, 8, (SIDE // 4, SIDE // 4), dtype=np.uint8)
    years = []
    for _ in range(YEARS):
        flip = rng.random(patches.shape) < 0.01
        patches = np.where(flip, rng.integers(1, 8, patches.shape, dtype=np.uint8), patches)
        years.append(np.kron(patches, np.ones((4, 4), np.uint8)))
    return np.stack(years)


def states(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Twelve shares of each coarse cell that drift from year to year, ``(year, 12, y, x)``."""
    shares = rng.dirichlet(np.ones(len(LUH2_STATES)), (YEARS, *COARSE.shape)).astype(np.float32)
    return np.ascontiguousarray(np.moveaxis(shares, -1, 1))


def write(path: Path, maps: Array, shares: Array, grid: Grid) -> Path:
    """A cube of labels, and of forcing on the grid that is given."""
    fine = VariableSpec(variable(LABELS), legend("landuse8"), "made up")
    forcing = VariableSpec(variable(STATES), None, "made up")
    groups = (
        GroupSpec("fine_annual", FINE, Clock.YEAR, TICKS, (fine,)),
        GroupSpec("forcing_annual", grid, Clock.YEAR, TICKS, (forcing,)),
    )
    rows, cols = (COARSE if grid == FINE else grid).nearest(grid)
    writer = CubeWriter(path, CubeSpec(groups, {"title": "Benchmark"}))
    for block in writer.pending():
        first = TICKS.index(block.ticks[0])
        when, (down, across) = slice(first, first + len(block.ticks)), block.window.slices
        if block.variable == LABELS:
            values = maps[when, down, across]
        else:
            values = shares[when][..., rows[down][:, None], cols[across]]
        writer.write(block, values, dict.fromkeys(block.ticks, Status.OBSERVED))
    writer.finish()
    return path


def ours(path: Path, *, memory: int, cache: int) -> Callable[[int, Window], Pair]:
    """Our labels and drivers, with bytes of cells and of chunks that they may keep."""
    cube = Cube(path, cache=cache)
    labels = Labels(cube, LAND_USE.target(LABELS))
    drivers = CachedDrivers(CubeDrivers(cube, labels.grid), memory)
    channels = drivers.describe(STATES).channels

    def read(first: int, window: Window) -> Pair:
        ticks = range(first, first + SPAN)
        maps = np.stack([labels.codes(t, window) for t in ticks])
        return maps, drivers.window(channels, ticks, window)

    return read


def theirs(path: Path, *, dask: bool) -> Callable[[int, Window], Pair]:
    """Windows of the labels by xbatcher, and the forcing of the same place and years by xarray."""
    chunks = {} if dask else None
    fine, coarse = (
        xr.open_zarr(path, group=group, consolidated=False, chunks=chunks)
        for group in ("fine_annual", "forcing_annual")
    )
    batches = xbatcher.BatchGenerator(
        fine[[LABELS]],
        input_dims={"year": SPAN, "lat": WINDOW, "lon": WINDOW},
        input_overlap={"year": SPAN - 1, "lat": WINDOW - STRIDE, "lon": WINDOW - STRIDE},
        preload_batch=False,
    )
    per_side = (SIDE - WINDOW) // STRIDE + 1

    def read(first: int, window: Window) -> Pair:
        place = (window.row // STRIDE) * per_side + window.col // STRIDE
        batch = batches[(first - TICKS[0]) * per_side**2 + place]
        found = coarse[STATES].sel(
            year=batch["year"], lat=batch["lat"], lon=batch["lon"], method="nearest"
        )
        return batch[LABELS].values, found.values

    return read


def places(rng: np.random.Generator) -> Iterator[tuple[int, Window]]:
    """The same random windows for everybody, among those that xbatcher can make."""
    per_side = (SIDE - WINDOW) // STRIDE + 1
    for _ in range(READS):
        row, col = (int(v) * STRIDE for v in rng.integers(0, per_side, 2))
        yield TICKS[int(rng.integers(0, YEARS - SPAN + 1))], Window(row, col, WINDOW, WINDOW)


def size(path: Path) -> int:
    """Bytes of a store."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def raw(path: Path) -> int:
    """Bytes of the values in a cube before compression."""
    return sum(
        int(np.prod(group.shape(spec))) * np.dtype(spec.dtype).itemsize
        for group in Cube(path).spec.groups
        for spec in group.variables
    )


def check(ways: list[Way], chosen: list[tuple[int, Window]]) -> None:
    """Refuse to compare ways that give different numbers."""
    for place in chosen:
        expected = ways[0].read(*place)
        for way in ways[1:]:
            for one, two in zip(expected, way.read(*place), strict=True):
                assert np.array_equal(one, two), way.name


def main() -> None:
    """Write both stores, read the same windows in all ways, print the table."""
    rng = np.random.default_rng(0)
    maps, shares = labels(rng), states(rng)
    with tempfile.TemporaryDirectory() as folder:
        native = write(Path(folder) / "native.zarr", maps, shares, COARSE)
        upsampled = write(Path(folder) / "upsampled.zarr", maps, shares, FINE)
        ways = [
            Way("xbatcher + xarray", native, theirs(native, dask=False)),
            Way("xbatcher + xarray + dask", native, theirs(native, dask=True)),
            Way("xbatcher + xarray, forcing upsampled", upsampled, theirs(upsampled, dask=False)),
            Way("AI4Land, 8 MB: one window's chunks", native, ours(native, memory=0, cache=2**23)),
            Way("AI4Land, 128 MB of chunks", native, ours(native, memory=0, cache=2**27)),
            Way("AI4Land, and 64 MB of cells", native, ours(native, memory=2**26, cache=2**27)),
        ]
        chosen = list(places(rng))
        check(ways, chosen[:4])
        best = [0.0] * len(ways)
        for _ in range(ROUNDS):
            for i, way in enumerate(ways):
                begin = time.perf_counter()
                for place in chosen:
                    way.read(*place)
                best[i] = max(best[i], len(chosen) / (time.perf_counter() - begin))
        rows = [
            (
                way.name,
                f"{raw(way.store) / 1e6:.0f}",
                f"{size(way.store) / 1e6:.1f}",
                f"{rate:.1f}",
                f"{rate / best[0]:.1f}",
            )
            for way, rate in zip(ways, best, strict=True)
        ]
    heads = ("way", "MB of values", "MB on disk", "windows/s", "ratio")
    note = (
        f"Best of {ROUNDS} rounds of {READS} windows of {WINDOW}² pixels × {SPAN} years, labels "
        f"and {len(LUH2_STATES)} layers of forcing; labels {YEARS} × {SIDE}², forcing "
        f"{COARSE.height} × {COARSE.width} cells."
    )
    print(to_markdown(Table("Windows", heads, tuple(rows), note)))


if __name__ == "__main__":
    main()
