"""``ai4land estimate``: what a run will cost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ai4land.cli.console import stdout
from ai4land.cli.options.workers import WorkersOption
from ai4land.rollout import actual_cost, estimate_run, lines_of, load_run

__all__ = ["estimate"]

EXAMPLES = "Example:  ai4land estimate globe.yaml --workers 8 --run RUN"


def estimate(
    file: Annotated[Path, typer.Argument(help="A run file, RUN.yaml.")],
    workers: WorkersOption = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run, of which the actual cost is told.")
    ] = None,
) -> None:
    """Say what a run will cost, and beside it what it has cost.

    Pixels, land, windows, operations, files, bytes, memory and time: a little of the run is done
    on this machine, and the rest is counted.
    """
    found = estimate_run(load_run(file))
    for line in lines_of(found, workers or os.cpu_count() or 1):
        stdout().print(line, soft_wrap=True, markup=False)
    if run is not None:
        cost = actual_cost(run)
        expected = sum(found.seconds.values())
        stdout().print(
            f"actual     {cost['maps']:,.0f} maps, {cost['files']:,.0f} files, "
            f"{cost['bytes'] / 1e9:.3g} GB, {cost['seconds']:,.0f} s of one worker "
            f"({cost['seconds'] / expected:.2f} × the estimate)",
            soft_wrap=True,
            markup=False,
        )
