"""How long does ``ai4land score`` take for three global maps of 0.01°, and in how much memory?

    python benchmarks/global_year.py [--size 18000 36000] [--workers N]

Writes three tiled, compressed GeoTIFFs of seven classes and a sea, 30 % of them land in continents,
about 2 % of the land changed, and a raster of 36 zones of 1°; then runs the real command on them,
by area and by zone, in a process of its own. Prints its seconds and those of the processor, the
peak of the memory of all its processes together (proportional set size, sampled ten times a
second: memory that several share counts once), and million pixels per second. The counts of land
and change in its JSON must be those that were written. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import rasterio
from rasterio.transform import from_origin

from metrics_speed import changed, patches

CLASSES = 7
SEA = 0
LAND = 0.3
CHANGE = 0.02
TILE = 512
MAPS = ("initial", "reference", "simulated")
PROGRAM = Path(sys.executable).with_name("ai4land")
Map = npt.NDArray[np.uint8]


def along(length: int, nodes: int) -> npt.NDArray[np.float32]:
    """Weights of evenly spaced nodes for linear interpolation, ``(length, nodes)``."""
    place = np.linspace(0, nodes - 1, length, dtype=np.float32)
    return np.maximum(0, 1 - np.abs(place[:, np.newaxis] - np.arange(nodes, dtype=np.float32)))


def continents(rows: int, cols: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.bool_]]:
    """Land, in bands of ``TILE`` rows from the north."""
    nodes = 24, 48
    height = rng.random(nodes, dtype=np.float32)
    down, across = along(rows, nodes[0]), along(cols, nodes[1]).T
    sea = np.quantile(along(400, nodes[0]) @ height @ along(800, nodes[1]).T, 1 - LAND)
    for row in range(0, rows, TILE):
        yield down[row : row + TILE] @ height @ across > sea


def write_year(folder: Path, rows: int, cols: int) -> tuple[int, int]:
    """Write the three maps; pixels of land, and those of them that changed."""
    rng = np.random.default_rng(0)
    layout: dict[str, Any] = {
        "driver": "GTiff",
        "height": rows,
        "width": cols,
        "count": 1,
        "dtype": "uint8",
        "crs": "EPSG:4326",
        "transform": from_origin(-180, 90, 360 / cols, 180 / rows),
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "compress": "deflate",
        "zlevel": 1,
        "num_threads": "all_cpus",
    }
    land_pixels = change = 0
    files = [rasterio.open(folder / f"{name}.tif", "w", **layout) for name in MAPS]
    for n, land in enumerate(continents(rows, cols, rng)):
        base = patches(*land.shape, rng) % np.uint8(CLASSES)
        maps = [base, *(changed(base, CHANGE, rng) % np.uint8(CLASSES) for _ in MAPS[1:])]
        maps = [np.where(land, layer + np.uint8(1), np.uint8(SEA)) for layer in maps]
        land_pixels += int(land.sum())
        change += int((maps[0] != maps[1]).sum())
        for file, layer in zip(files, maps, strict=True):
            file.write(layer, 1, window=((n * TILE, n * TILE + len(layer)), (0, cols)))
    for file in files:
        file.close()
    return land_pixels, change


def write_zones(path: Path) -> None:
    """36 zones of 30° by 60° on a grid of 1°."""
    zones = np.kron(np.arange(36, dtype=np.uint8).reshape(6, 6), np.ones((30, 60), np.uint8))
    layout: dict[str, Any] = {"driver": "GTiff", "height": 180, "width": 360, "count": 1}
    transform = from_origin(-180, 90, 1, 1)
    with rasterio.open(
        path, "w", dtype="uint8", crs="EPSG:4326", transform=transform, **layout
    ) as file:
        file.write(zones, 1)


def memory(process: psutil.Process) -> int:
    """Bytes of a process and all its children, what they share counted once."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().pss
        except psutil.Error:  # it ended meanwhile
            continue
    return total


def run(command: list[str]) -> tuple[float, int]:
    """Seconds and peak memory of a command."""
    start, peak = time.perf_counter(), 0
    with psutil.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                peak = max(peak, memory(process))
            except psutil.Error:
                continue
            time.sleep(0.1)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(f"the command failed: {' '.join(command)}")
    return seconds, peak


def check(path: Path, land: int, change: int) -> dict[str, Any]:
    """What the command counted must be what was written."""
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    counted = report["pixel"]["simulated"]
    found = counted["total"], counted["change"]["observed_change"]
    if found != (land, change):
        raise SystemExit(f"counted {found} pixels of land and of change, written {(land, change)}")
    return report


def main() -> None:
    """Write, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs=2, default=(18_000, 36_000))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rows, cols = options.size
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        begin = time.perf_counter()
        land, change = write_year(folder, rows, cols)
        write_zones(folder / "zones.tif")
        size = sum(path.stat().st_size for path in folder.glob("*.tif")) / 2**20
        print(
            f"Written in {time.perf_counter() - begin:.0f} s: {size:.0f} MiB, {land:,} land pixels"
        )
        maps = [part for name in MAPS for part in (f"--{name}", f"{folder / name}.tif")]
        command = [str(PROGRAM), "score", *maps, "--legend", "landuse8", "--weights", "area"]
        command += ["--regions", str(folder / "zones.tif"), "--workers", str(options.workers)]
        seconds, peak = run([*command, "--json", str(folder / "scores.json")])
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = used.ru_utime + used.ru_stime
        report = check(folder / "scores.json", land, change)
    zones = len(report["regions"][0]["rows"])
    print(
        f"{rows} × {cols} pixels, {options.workers} processes, by area, {zones} zones, "
        f"{len(report['resolutions']['rows'])} resolutions: {seconds:.0f} s "
        f"({busy:.0f} s of processor), "
        f"{rows * cols / seconds / 1e6:.1f} million pixels per second, "
        f"peak memory of all processes {peak / 2**30:.2f} GiB"
    )


if __name__ == "__main__":
    main()
