"""Options of every command that scores maps: weights and regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ai4land.evaluation import Weighting

__all__ = ["RegionName", "Regions", "Weights"]

Weights = Annotated[Weighting, typer.Option(help="Whether a pixel counts 1 or its true area.")]

Regions = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Regions, a raster or polygons; repeatable."),
]

RegionName = Annotated[
    str | None,
    typer.Option(help="Property that names the polygons [default: name, ADMIN, iso_a3 …]."),
]
