"""``ai4land report``: pictures and tables of what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ai4land.cli.console import stderr, stdout
from ai4land.cli.options.scoring import RegionName, Regions, Weights
from ai4land.evaluation import Weighting
from ai4land.report import write_report

__all__ = ["report"]

EXAMPLES = "Example:  ai4land report crete_2000.zarr runs/crete --truth crete.zarr --out report"


def report(
    paths: Annotated[list[Path], typer.Argument(help="Reconstructions, runs of train, and cubes.")],
    out: Annotated[Path, typer.Option(help="Folder of the pictures; made if it is not there.")],
    truth: Annotated[
        Path | None, typer.Option(help="Cube with the labels, to judge reconstructions by.")
    ] = None,
    weights: Weights = Weighting.PIXEL,
    regions: Regions = None,
    region_name: RegionName = None,
) -> None:
    """Draw maps, curves and coverage of runs and reconstructions.

    Maps of truth, prediction and their difference, scores by year, skill between floor and
    ceiling, confidence intervals, fidelity to the forcing, the inputs of one window, the years
    that every variable covers. One page, OUT/report.html, shows them all and needs no network;
    OUT/report.md says the same as text, OUT/scores.json as data.
    """
    with stderr().status("drawing") as status:
        written = write_report(
            paths,
            out,
            truth=truth,
            weighting=weights,
            regions=regions or (),
            region_name=region_name,
            progress=lambda name: status.update(f"drawing {name}"),
        )
    for path in written:
        stdout().print(str(path), soft_wrap=True)
