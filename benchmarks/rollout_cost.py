"""What a reconstruction costs: peak memory by size of map, and where the seconds of a step go.

    make demo
    python benchmarks/rollout_cost.py --demo demo            # both
    python benchmarks/rollout_cost.py --demo demo --only memory

The demonstration's cube is repeated to maps of 240 × 320 to 2400 × 3200 cells, and its
checkpoint steps them. Memory is the peak of the whole process of ``ai4land reconstruct``. Of the
step the share of time inside the predictor is printed, and the predictor's rate in floating-point
operations beside a matrix product's in the same process, both in one thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch.utils.flop_counter import FlopCounterMode

from ai4land.cube import Cube, CubeSpec, CubeWriter, GroupSpec, Status
from ai4land.grid import Grid
from ai4land.models import Inputs
from ai4land.rollout import PredictorStepper, open_model, step

SIZES = ((240, 320), (800, 960), (1600, 2400), (2400, 3200))
FIRST, LAST = 1990, 1993


def enlarged(grid: Grid, like: Grid, shape: tuple[int, int]) -> Grid:
    """A grid of the same cells that covers so many cells of the finest one."""
    height = -(-shape[0] * like.dy // grid.dy)
    width = -(-shape[1] * like.dx // grid.dx)
    return replace(grid, height=int(height), width=int(width))


def repeated(demo: Cube, path: Path, shape: tuple[int, int]) -> Cube:
    """The demonstration's cube, its maps repeated to another size."""
    fine = demo.grid("land_use")
    groups = []
    for group in demo.spec.groups:
        ticks = tuple(t for t in group.ticks if FIRST - 8 <= t <= LAST)
        grid = enlarged(group.grid, fine, shape)
        groups.append(GroupSpec(group.name, grid, group.clock, ticks, group.variables))
    writer = CubeWriter(path, CubeSpec(tuple(groups), demo.attributes), overwrite=True)
    for block in writer.blocks():
        source, rows, cols = demo.grid(block.variable), *block.window.slices
        down = np.arange(rows.start, rows.stop) % source.height
        across = np.arange(cols.start, cols.stop) % source.width
        times: list[int | None] = list(block.ticks) or [None]
        layers = [demo.read(block.variable, tick)[..., down[:, None], across] for tick in times]
        values = np.stack(layers) if block.ticks else layers[0]
        writer.write(block, values, dict.fromkeys(block.ticks, Status.OBSERVED))
    writer.finish()
    return Cube(path)


def memory(demo: Path, folder: Path) -> None:
    """Print the peak of ``ai4land reconstruct`` for each size."""
    print("cells      peak MiB   bytes a further cell")
    before: tuple[int, float] | None = None
    for shape in SIZES:
        cube = folder / f"{shape[1]}.zarr"
        repeated(Cube(demo / "planet.zarr"), cube, shape)
        command = [
            *(sys.executable, "-c", "from ai4land.cli import main; main()", "reconstruct"),
            *(str(demo / "forward" / "checkpoint"), str(cube), "--from", str(FIRST)),
            *("--to", str(LAST), "--out", str(folder / "out.zarr"), "--overwrite"),
        ]
        code = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
            "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
        )
        cells, peak = shape[0] * shape[1], int(done.stdout) * 1024.0
        more = "" if before is None else f"{(peak - before[1]) / (cells - before[0]):.2f}"
        print(f"{cells:<10,} {peak / 2**20:<10.0f} {more}", flush=True)
        before = cells, peak


class Timed:
    """A predictor that notes how long it takes and how much it computes."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401
        self.inner = inner
        self.seconds = 0.0
        self.batches: list[Inputs[np.ndarray]] = []
        self.calls = 0

    def __getattr__(self, name: str) -> object:
        """All else is the predictor's own."""
        return getattr(self.inner, name)

    def predict(self, inputs: Inputs[np.ndarray]) -> dict[str, np.ndarray]:
        """As the predictor does."""
        begin = time.perf_counter()
        found: dict[str, np.ndarray] = self.inner.predict(inputs)
        self.seconds += time.perf_counter() - begin
        self.calls += 1
        self.batches = [inputs]
        return found


def matrix_rate() -> float:
    """Operations a second of a product of two 1024 × 1024 matrices, the best of several."""
    one, two = torch.rand(1024, 1024), torch.rand(1024, 1024)
    best = float("inf")
    for _ in range(10):
        begin = time.perf_counter()
        one @ two
        best = min(best, time.perf_counter() - begin)
    return 2.0 * 1024**3 / best


def speed(demo: Path, folder: Path) -> None:
    """Print where the seconds of one step of 800 × 960 cells go."""
    torch.set_num_threads(1)
    cube = repeated(Cube(demo / "planet.zarr"), folder / "speed.zarr", SIZES[1])
    checkpoint = demo / "forward" / "checkpoint"
    opened, start, _ = open_model(checkpoint, cube, (FIRST, FIRST + 1))
    timed = Timed(opened.predictor)
    stepper = PredictorStepper(
        timed, opened.assembler, decision=opened.decision, feedback=opened.feedback
    )
    small = stepper.mesh.pieces(1 << 16)[:1]
    stepper.step_piece(stepper.begin(start), FIRST + 1, small[0])  # compile and warm up
    timed.seconds, timed.calls = 0.0, 0
    rate = matrix_rate()
    begin = time.perf_counter()
    step(stepper, start, FIRST + 1)
    seconds = time.perf_counter() - begin
    with FlopCounterMode(display=False) as counter:
        opened.predictor.predict(timed.batches[0])
    flops = counter.get_total_flops() * timed.calls
    rate = max(rate, matrix_rate())
    print(f"one step, 800 × 960 cells, one thread: {seconds:.2f} s")
    print(f"in the predictor: {timed.seconds:.2f} s, {timed.seconds / seconds:.0%}")
    print(
        f"its rate: {flops / timed.seconds / 1e9:.1f} GFLOP/s, "
        f"{flops / timed.seconds / rate:.2f} of a matrix product's {rate / 1e9:.1f}"
    )


def main(
    demo: Annotated[Path, typer.Option(help="Folder of `make demo`.")] = Path("demo"),
    only: Annotated[str, typer.Option(help="memory or speed; default both.")] = "",
) -> None:
    """Measure what a reconstruction costs."""
    with tempfile.TemporaryDirectory() as folder:
        if only in {"", "memory"}:
            memory(demo, Path(folder))
        if only in {"", "speed"}:
            speed(demo, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"(this process: {peak:.0f} MiB)")


if __name__ == "__main__":
    typer.run(main)
