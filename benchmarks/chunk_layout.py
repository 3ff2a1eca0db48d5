"""Which chunk layout reads random 256² windows of several years fastest? Ratios in one run.

    python benchmarks/chunk_layout.py

Writes one categorical series (40 years of 2048² patchy class codes, 1 % of patches change a year)
in several Zarr v3 layouts and reads the same random windows from each. The whole-map layout, one
year a chunk as the products come, is the base of the ratios.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import zarr
from rich.console import Console
from rich.table import Table
from zarr.codecs import BloscCodec, ZstdCodec

YEARS, SIDE, WINDOW, SPAN, READS = 40, 2048, 256, 3, 150


def series(rng: np.random.Generator) -> np.ndarray:
    """Patchy class codes, uint8 (year, y, x)."""
    patches = rng.integers(0, 8, (SIDE // 4, SIDE // 4), dtype=np.uint8)
    years = []
    for _ in range(YEARS):
        flip = rng.random(patches.shape) < 0.01
        patches = np.where(flip, rng.integers(0, 8, patches.shape, dtype=np.uint8), patches)
        years.append(np.kron(patches, np.ones((4, 4), np.uint8)) * 11)
    return np.stack(years)


def main() -> None:
    """Write every layout, read the same windows from each, print the table."""
    rng = np.random.default_rng(0)
    data = series(rng)
    corners = rng.integers(0, SIDE - WINDOW, (READS, 2))
    starts = rng.integers(0, YEARS - SPAN, READS)
    table = Table("chunk (year, y, x)", "shard", "codec", "MiB", "files", "windows/s", "ratio")
    base = None
    codecs = {"zstd": ZstdCodec(level=3), "blosc": BloscCodec(), "none": None}
    layouts: list[tuple[tuple[int, int, int], tuple[int, int, int] | None, str]] = [
        ((1, SIDE, SIDE), None, "zstd"),
        ((1, 256, 256), None, "zstd"),
        ((4, 256, 256), None, "zstd"),
        ((8, 256, 256), None, "zstd"),
        ((16, 256, 256), None, "zstd"),
        ((YEARS, 256, 256), None, "zstd"),
        ((8, 128, 128), None, "zstd"),
        ((8, 512, 512), None, "zstd"),
        ((8, 256, 256), None, "blosc"),
        ((8, 256, 256), None, "none"),
        ((8, 256, 256), (8, 1024, 1024), "zstd"),
        ((8, 256, 256), (40, 2048, 2048), "zstd"),
    ]
    for chunks, shards, codec in layouts:
        with tempfile.TemporaryDirectory() as folder:
            array = zarr.create_array(
                folder,
                shape=data.shape,
                dtype="uint8",
                chunks=chunks,
                shards=shards,
                compressors=codecs[codec],
            )
            array[:] = data
            files = [p for p in Path(folder).rglob("*") if p.is_file()]
            size = sum(p.stat().st_size for p in files) / 2**20
            begin = time.perf_counter()
            for (row, col), start in zip(corners, starts, strict=True):
                array[start : start + SPAN, row : row + WINDOW, col : col + WINDOW]
            rate = READS / (time.perf_counter() - begin)
        base = base or rate
        table.add_row(
            str(chunks),
            str(shards),
            codec,
            f"{size:.1f}",
            str(len(files)),
            f"{rate:.1f}",
            f"{rate / base:.1f}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
