"""What does a year of a run cost on the grid of the globe, and was that known beforehand?

    python benchmarks/global_run.py --ocean MASK.npz [--sizes 1800 5625 18000] [--models kernel …]

TEST PATTERN: seven classes in patches on the land of the given mask (or of made-up continents),
2 % of it changed at random from one year to the next, with the shares of both years in cells of
25 × 25 pixels as forcing. For each size (rows; twice as many columns) a model steps one year by
``ai4land reconstruct`` in a process of its own with two workers. ``unet`` is the default network
of 0.27 million weights, trained for a few steps on the smallest size: its speed is what counts.
Prints seconds, million cells a second, what ``ai4land estimate`` said, and the peak of the memory
of all processes. Needs Linux.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from ai4land.grid import Grid, Window
from ai4land.report import Table, to_markdown
from ai4land.rollout import actual_cost, estimate_run, load_run
from global_cube import YEARS, write_maps
from global_year import TILE, run
from product_files import masked_by

PROGRAM = Path(sys.executable).with_name("ai4land")
MODELS = ("persistence", "kernel", "unet", "unet, likely")
TRAINING = {
    "title": "TEST PATTERN",
    "forcing": ["land_use_fractions"],
    "split": {
        "train": [*YEARS],
        "validation": [*YEARS],
        "space": {"cells": 8, "validation_share": 0.2},
    },
    "samples": {"window": 64, "directions": ["forward"]},
    "training": {"steps": 10, "batch": 4, "validate_every": 10},
}


def bands(path: Path | None, grid: Grid) -> Iterator[npt.NDArray[np.bool_]] | None:
    """Land of a mask, in bands from the north."""
    if path is None:
        return None
    land = masked_by(path, grid)
    heights = ((row, min(TILE, grid.height - row)) for row in range(0, grid.height, TILE))
    return (land(Window(row, 0, height, grid.width)) for row, height in heights)


def trained(folder: Path, cube: Path) -> Path:
    """The checkpoint of a network that has hardly learned."""
    experiment = folder / "experiment.yaml"
    experiment.write_text(yaml.safe_dump({**TRAINING, "cube": str(cube)}), encoding="utf-8")
    run([str(PROGRAM), "train", str(experiment), "--out", str(folder / "trained")])
    return folder / "trained" / "checkpoint"


def measured(folder: Path, cube: Path, model: str, network: Path | None) -> tuple[str, ...]:
    """A row of the table: one model on one size."""
    name, _, decision = model.partition(", ")
    asked: dict[str, object] = {"model": str(network) if name == "unet" else name}
    asked |= {"cube": str(cube), "first": YEARS[0], "last": YEARS[1]}
    if name == "unet":
        asked |= {"stay": 1.0, "decision": decision or "faithful"}
    file, out = folder / "run.yaml", folder / "out.zarr"
    file.write_text(yaml.safe_dump(asked), encoding="utf-8")
    told = estimate_run(load_run(file))
    command = ["reconstruct", str(file), "--out", str(out), "--overwrite"]
    seconds, peak = run([str(PROGRAM), *command, "--scheduler", "processes", "--workers", "2"])
    worked = actual_cost(Path(f"{out}.run"))["seconds"] / sum(told.seconds.values())
    return (
        model,
        f"{told.pixels / 1e6:.3g}",
        f"{100 * told.land:.0f}",
        f"{seconds:.0f}",
        f"{told.pixels / seconds / 1e6:.2f}",
        f"{worked:.2f}",
        f"{peak / 2**30:.2f}",
    )


def main() -> None:
    """Write, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ocean", type=Path, help="File with `mask`, True on the ocean.")
    parser.add_argument("--sizes", type=int, nargs="+", default=(1800, 5625, 18_000))
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    options = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as place:
        network: Path | None = None
        for height in options.sizes:
            grid = Grid.regular(-180, 90, 180 / height, 180 / height, (height, 2 * height))
            folder = Path(place) / str(height)
            folder.mkdir()
            write_maps(folder, grid, bands(options.ocean, grid))
            cube = folder / "labels.zarr"
            if network is None and any(model.startswith("unet") for model in options.models):
                network = trained(folder, cube)
            for model in options.models:
                rows.append(measured(folder, cube, model, network))
                print(rows[-1], flush=True)
    heads = ("", "million cells", "land %", "s", "million cells/s", "worked ÷ told", "GiB")
    print(to_markdown(Table("TEST PATTERN, one year", heads, tuple(rows))))


if __name__ == "__main__":
    main()
