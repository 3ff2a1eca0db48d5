"""``ai4land inspect``: what a file or folder is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

import ai4land.report as report
from ai4land.cli.console import progress_or_lines, show_table, stdout
from ai4land.errors import ConfigError
from ai4land.report import PathKind

__all__ = ["inspect"]

EXAMPLES = "Example:  ai4land inspect --values crete.zarr"


def inspect(
    path: Annotated[Path, typer.Argument(help="A cube, a checkpoint, a run or a recipe.")],
    values: Annotated[
        bool,
        typer.Option("--values", help="Look at every value of a cube: range, mean, shares, gaps."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Say what a cube, a checkpoint or a recipe is.

    Grids, years, variables, where the values come from and under which licences. With --values
    also what the values are, so that a wrong one is seen: read chunk by chunk, however large.
    """
    kind = report.kind_of(path)
    if kind is PathKind.EXPERIMENT:
        raise ConfigError(
            "An experiment says for itself what it is", where=path, remedy=f"ai4land check {path}"
        )
    if values and kind is not PathKind.CUBE:
        raise ConfigError(
            "Only a cube has values to look at",
            where=path,
            found=f"a {kind}",
            remedy=f"ai4land inspect {path}",
        )
    # not one call for both: a look at a cube must not wait for a network library
    if kind in {PathKind.CHECKPOINT, PathKind.RUN}:
        found = report.describe_checkpoint(path)
    elif values:
        with progress_or_lines() as say:
            found = report.describe_values(path, say)
    else:
        found = report.describe(path)
    if as_json:
        typer.echo(json.dumps(found.data, indent=1, allow_nan=False))
        return
    console = stdout()
    console.print(f"[bold]{found.kind}[/bold]: {found.title}", soft_wrap=True)
    for table in found.tables:
        show_table(table, console)
