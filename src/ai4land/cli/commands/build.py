"""``ai4land build``: from a recipe to a cube."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskID

from ai4land.cli.console import progress_bar, show_table, stderr, stdout
from ai4land.cli.options.slices import REGION, YEARS, region_of, years_of
from ai4land.recipes import Step, build_cube, load_recipe
from ai4land.report import describe

__all__ = ["build"]

EXAMPLES = (
    "Example:  ai4land build crete.yaml --out crete.zarr --years 1990:2000 --scheduler processes"
)


def build(
    recipe: Annotated[Path, typer.Argument(help="YAML file that names products, place, years.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the cube [default: the recipe's name .zarr].")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a cube that is already there.")
    ] = False,
    years: Annotated[str | None, typer.Option(help=YEARS)] = None,
    region: Annotated[str | None, typer.Option(help=REGION)] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="threads, processes, the address of a Dask scheduler, or slurm:FILE.yaml "
            "[default: this process]."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Threads or processes [default: one per core].", min=1)
    ] = None,
) -> None:
    """Build a cube from a recipe.

    A build that was stopped resumes when it is called again. Try `ai4land check RECIPE` first:
    it reads headers only.
    """
    plan = load_recipe(recipe)
    path = out or Path(recipe.stem + ".zarr")
    with progress_bar("blocks") as progress:
        whole = progress.add_task("opening files", total=None, figures="")
        bars: dict[str, TaskID] = {}

        def step(made: Step) -> None:
            if made.variable not in bars:
                label = f"{made.variable} ({made.source})"
                bars[made.variable] = progress.add_task(label, total=made.total, figures="")
            progress.update(bars[made.variable], completed=made.done)
            progress.update(whole, description="all", completed=made.all_done, total=made.all_total)

        build_cube(
            plan,
            path,
            overwrite=overwrite,
            progress=step,
            scheduler=scheduler,
            workers=workers,
            years=years_of(years),
            region=region_of(region),
        )
    for table in describe(path).tables:
        if not table.detail and table.title in {"Variables", "Resampled"}:
            show_table(table)
    stdout().print(f"Cube written: {path}", soft_wrap=True)
    look = f"Look at its values with: ai4land inspect --values {path}"
    stderr().print(look, style="dim", soft_wrap=True)
