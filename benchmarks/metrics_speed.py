"""How fast are confusion and three-map counts of 10⁸ pixels, and in how much memory?

    python benchmarks/metrics_speed.py [--pixels 100000000] [--global]

Ours beside torchmetrics and scikit-learn where they have the score, and beside the NumPy that one
would write, on the same maps in one run. Prints Markdown. Every contender runs alone in a process
of its own, one thread, warmed up on a small map first; memory is the peak beyond the maps
themselves. Neither library counts three maps; they get what comes nearest, a confusion of pairs
(initial, reference) against (initial, simulated). With ``--global`` a year of 18 000 × 36 000
pixels is scored from compressed stores by ``reduce_blocks``, areas and regions included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.metrics import (
    Binned,
    ThreeMaps,
    by,
    confusion,
    latitude_bands,
    reduce_blocks,
    three_maps,
)
from ai4land.report import Table, to_markdown

K = 8
SEA = 255
NOISE_PIXELS = 20_000_000
MAPS = ("initial", "reference", "simulated")
Map = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.integer]


def patches(rows: int, cols: int, rng: np.random.Generator) -> Map:
    """Class indices in patches of 2 to 30 pixels."""
    side = 10
    small = rng.integers(0, K, (-(-rows // side), -(-cols // side)), dtype=np.uint8)
    heights, widths = (rng.integers(2, 30, n) for n in small.shape)
    tall = np.repeat(small, heights, axis=0)
    tall = np.tile(tall, (-(-rows // len(tall)), 1))[:rows]
    wide = np.repeat(tall, widths, axis=1)
    return np.ascontiguousarray(np.tile(wide, (1, -(-cols // wide.shape[1])))[:, :cols])


def changed(layer: Map, share: float, rng: np.random.Generator) -> Map:
    """The map with some pixels changed, single or in runs."""
    later = layer.copy()
    flat = later.reshape(-1)
    places = rng.integers(0, flat.size - 4, int(flat.size * share / 2))
    values = rng.integers(0, K, places.size, dtype=np.uint8)
    for shift in (0, 1):
        flat[places + shift] = values
    return later


def write_maps(folder: Path, pixels: int) -> None:
    """Three maps of so many pixels."""
    rng = np.random.default_rng(0)
    side = int(pixels**0.5)
    initial = patches(side, side, rng)
    np.save(folder / "initial.npy", initial)
    for name in MAPS[1:]:
        np.save(folder / f"{name}.npy", changed(initial, 0.02, rng))


def ours_two(i: Map, r: Map, s: Map) -> Counts:
    """Confusion of reference and simulation."""
    return confusion(r, s, K).counts[:, :K]


def ours_three(i: Map, r: Map, s: Map) -> Counts:
    """Three maps."""
    return three_maps(i, r, s, K).counts[:, :, :K]


def ours_three_areas(i: Map, r: Map, s: Map) -> Counts:
    """Three maps weighted by area."""
    return three_maps(i, r, s, K, np.linspace(1e5, 1e6, i.shape[0])[:, None]).counts[:, :, :K]


def torchmetrics_two(i: Map, r: Map, s: Map, classes: int = K, block: int = 0) -> Counts:
    """The same from torchmetrics."""
    import torch
    from torchmetrics.classification import MulticlassConfusionMatrix

    torch.set_num_threads(1)
    metric = MulticlassConfusionMatrix(classes, validate_args=False)
    truth, said = (torch.from_numpy(m.reshape(-1)) for m in (r, s))
    for start in range(0, len(truth), block or len(truth)):
        part = slice(start, start + (block or len(truth)))
        metric.update(said[part], truth[part])
    return metric.compute().numpy()


def torchmetrics_blocks(i: Map, r: Map, s: Map) -> Counts:
    """The same, given 4 million pixels at a time."""
    return torchmetrics_two(i, r, s, block=1 << 22)


def torchmetrics_three(i: Map, r: Map, s: Map, block: int = 0) -> Counts:
    """Pairs from torchmetrics."""
    return torchmetrics_two(i, K * i + r, K * i + s, K * K, block)


def torchmetrics_three_blocks(i: Map, r: Map, s: Map) -> Counts:
    """The same, given 4 million pixels at a time."""
    return torchmetrics_three(i, r, s, 1 << 22)


def sklearn_two(i: Map, r: Map, s: Map) -> Counts:
    """The same from scikit-learn."""
    from sklearn.metrics import confusion_matrix

    return np.asarray(confusion_matrix(r.reshape(-1), s.reshape(-1), labels=np.arange(K)))


def sklearn_three(i: Map, r: Map, s: Map) -> Counts:
    """Pairs from scikit-learn."""
    from sklearn.metrics import confusion_matrix

    first, second = ((K * i + m).reshape(-1) for m in (r, s))
    return np.asarray(confusion_matrix(first, second, labels=np.arange(K * K)))


def numpy_two(i: Map, r: Map, s: Map) -> Counts:
    """As one would write it in NumPy."""
    key = r.reshape(-1).astype(np.int64) * K + s.reshape(-1)
    return np.bincount(key, minlength=K * K).reshape(K, K)


def numpy_three(i: Map, r: Map, s: Map) -> Counts:
    """As one would write it in NumPy."""
    key = (i.reshape(-1).astype(np.int64) * K + r.reshape(-1)) * K + s.reshape(-1)
    return np.bincount(key, minlength=K**3).reshape(K, K, K)


Contender = tuple[str, Callable[[Map, Map, Map], Counts]]

TWO: dict[str, Contender] = {
    "ours": ("ai4land", ours_two),
    "torchmetrics": ("torchmetrics", torchmetrics_two),
    "torchmetrics_blocks": ("torchmetrics, 4 M pixels at a time", torchmetrics_blocks),
    "sklearn": ("scikit-learn", sklearn_two),
    "numpy": ("np.bincount", numpy_two),
}
THREE: dict[str, Contender] = {
    "ours": ("ai4land", ours_three),
    "ours_areas": ("ai4land, weighted by area", ours_three_areas),
    "torchmetrics": ("torchmetrics, pairs", torchmetrics_three),
    "torchmetrics_blocks": (
        "torchmetrics, pairs, 4 M pixels at a time",
        torchmetrics_three_blocks,
    ),
    "sklearn": ("scikit-learn, pairs", sklearn_three),
    "numpy": ("np.bincount", numpy_three),
}
NOISE = {name: THREE[name] for name in ("ours", "torchmetrics", "numpy")}
SUITES = {"two": TWO, "three": THREE, "noise": NOISE}


def resident(key: str) -> int:
    """Bytes of memory in use (``VmRSS``) or their peak (``VmHWM``)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def run_one(suite: str, name: str, folder: Path) -> None:
    """Time one contender and print seconds, bytes, pixels and the pixels simulated rightly."""
    work = SUITES[suite][name][1]
    maps = [np.load(folder / f"{layer}.npy") for layer in MAPS]
    if suite == "noise":
        rng = np.random.default_rng(2)
        side = int(min(NOISE_PIXELS, maps[0].size) ** 0.5)
        maps = [rng.integers(0, K, (side, side), dtype=np.uint8) for _ in MAPS]
    work(*(layer[: max(1, (1 << 22) // layer.shape[1] + 1)].copy() for layer in maps))
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak so far
    before, start = resident("VmRSS"), time.perf_counter()
    counts = work(*maps)
    seconds = time.perf_counter() - start
    peak = max(0, resident("VmHWM") - before)
    right = float(np.einsum("...jj->...", counts).sum())
    print(json.dumps([seconds, peak, maps[0].size, right]))


def measured(suite: str, name: str, folder: Path) -> list[float] | None:
    """What ``run_one`` prints; nothing if the library is not installed."""
    call = [sys.executable, __file__, "--one", suite, name, str(folder)]
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        call, capture_output=True, text=True, env={**os.environ, **one_thread}, check=False
    )
    if done.returncode:
        print(f"{name} left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    figures: list[float] = json.loads(done.stdout)
    return figures


def side_by_side(suite: str, title: str, folder: Path) -> Table:
    """The table of one suite, each row as ratio to ours."""
    rows = []
    found = {name: measured(suite, name, folder) for name in SUITES[suite]}
    own = found["ours"]
    if own is None:
        raise SystemExit("our own contender failed")
    for name, value in found.items():
        if value is None:
            continue
        seconds, peak, pixels, right = value
        if name != "ours_areas" and right != own[3]:
            raise SystemExit(f"{name} counts {right:.0f} right pixels, ours {own[3]:.0f}")
        each = seconds / pixels
        memory = peak / pixels
        rows.append(
            (
                SUITES[suite][name][0],
                f"{1e9 * each:.2f}",
                f"{each / (own[0] / own[2]):.1f} ×",
                f"{peak / 2**20:.0f}",
                f"{memory:.2f}",
            )
        )
    heads = ("", "ns per pixel", "time, ours = 1", "peak MiB", "bytes per pixel")
    return Table(f"{title}, {own[2] / 1e6:.0f} million pixels", heads, tuple(rows), "")


def banded(regions: npt.NDArray[np.int32], **maps: object) -> Binned[ThreeMaps]:
    """Three maps by band of latitude."""
    return by(regions, three_maps, **maps)


def score_the_globe(folder: Path, rows: int, cols: int, workers: int) -> None:
    """Score a global year of three stored maps, and say how long and in how much memory."""
    import zarr

    grid = Grid.regular(-180, 90, 360 / cols, 180 / rows, (rows, cols))
    rng = np.random.default_rng(1)
    stores = {
        name: zarr.create_array(
            folder / f"{name}.zarr", shape=grid.shape, chunks=(1024, 1024), dtype="u1"
        )
        for name in MAPS
    }
    for row in range(0, rows, 1024):
        band = slice(row, min(row + 1024, rows))
        initial = patches(band.stop - row, cols, rng)
        initial[:, (np.arange(cols) // 1500) % 3 > 0] = SEA  # two thirds are sea
        stores["initial"][band] = initial
        for name in MAPS[1:]:
            later = changed(initial, 0.02, rng)
            later[initial == SEA] = SEA
            stores[name][band] = later
    areas = grid.row_areas()[:, np.newaxis]
    bands = latitude_bands(grid, (90, 60, 30, 0, -30, -60, -90))
    for label, statistic, extra in (
        ("all, by area", three_maps, {}),
        ("six bands of latitude, by area", banded, {"regions": bands}),
    ):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        start = time.perf_counter()
        reduce_blocks(
            statistic,
            {**stores, "weights": areas, **extra},
            block=2048,
            scheduler="threads",
            workers=workers,
            n_classes=K,
        )
        seconds, peak = time.perf_counter() - start, resident("VmHWM")
        print(
            f"- {rows} × {cols} pixels, {workers} threads, {label}: {seconds:.0f} s, "
            f"peak memory of the process {peak / 2**30:.2f} GiB"
        )


def main() -> None:
    """Measure, or be measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pixels", type=int, default=100_000_000)
    parser.add_argument("--global", dest="globe", action="store_true")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(options.one[0], options.one[1], Path(options.one[2]))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if options.globe:
            score_the_globe(folder, 18_000, 36_000, workers=2)
            return
        write_maps(folder, options.pixels)
        print(to_markdown(side_by_side("two", "Two maps: confusion", folder)))
        print(to_markdown(side_by_side("three", "Three maps", folder)))
        print(to_markdown(side_by_side("noise", "Three maps without any pattern", folder)))


if __name__ == "__main__":
    main()
