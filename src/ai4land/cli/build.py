"""``ai4land build``: from a recipe to a cube."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ai4land.cli.console import progress_bar, show_table, stderr, stdout
from ai4land.report import describe
from ai4land.sources import build_cube, load_recipe

__all__ = ["build"]

EXAMPLES = "Example:  ai4land build crete.yaml --out crete.zarr"


def build(
    recipe: Annotated[Path, typer.Argument(help="YAML file that names products, place, years.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the cube [default: the recipe's name .zarr].")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a cube that is already there.")
    ] = False,
) -> None:
    """Build a cube from a recipe.

    A build that was stopped resumes when it is called again. Try `ai4land check RECIPE` first:
    it reads headers only.
    """
    plan = load_recipe(recipe)
    path = out or Path(recipe.stem + ".zarr")
    with progress_bar("blocks") as progress:
        bar = progress.add_task("opening files", total=None, figures="")

        def step(variable: str, done: int, total: int) -> None:
            progress.update(bar, description=variable, completed=done, total=total)

        build_cube(plan, path, overwrite=overwrite, progress=step)
        progress.update(bar, description="all variables")
    for table in describe(path).tables[:1]:
        show_table(table)
    stdout().print(f"Cube written: {path}", soft_wrap=True)
    stderr().print(f"Look at it with: ai4land inspect {path}", style="dim", soft_wrap=True)
