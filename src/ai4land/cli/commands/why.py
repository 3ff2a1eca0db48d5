"""``ai4land why``: why did nothing change here?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ai4land.cli.console import show_table, stderr, stdout
from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.evaluation import explain
from ai4land.report import explanation_tables

__all__ = ["why"]

EXAMPLES = """Example:  ai4land why runs/crete/checkpoint crete.zarr --lat 35.3 --lon 24.9
--from 1985 --to 1990"""


def why(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a checkpoint.")],
    cube: Annotated[Path, typer.Argument(help="Cube with the initial map and the forcing.")],
    lat: Annotated[float, typer.Option(help="Degrees north.")],
    lon: Annotated[float, typer.Option(help="Degrees east.")],
    first: Annotated[int, typer.Option("--from", help="Year of the initial map.")],
    last: Annotated[int, typer.Option("--to", help="Year whose step is explained.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Say why a pixel changed, or why it did not.

    The land is rolled from the first year to the last, year by year; of the last step it is told
    what the coarse cell was asked for, what the network gave each class before and after
    balancing, and what decided.
    """
    if first == last:
        raise ConfigError(
            "There is no step between a year and itself", found=f"--from {first} --to {last}"
        )
    path = tuple(range(first, last, 1 if last > first else -1))
    with stderr().status("stepping"):
        found = explain(checkpoint, Cube(cube), (lat, lon), (*path, last))
    if as_json:
        typer.echo(json.dumps(found.data, indent=1, allow_nan=False))
        return
    data = found.data
    head = f"{data['from']} → {data['to']}, row {data['row']}, column {data['column']}"
    if data["land"]:
        head += f": {data['before']} → {data['after']}"
    console = stdout()
    console.print(f"[bold]{head}[/bold]", soft_wrap=True)
    for reason in found.reasons:
        console.print(f"- {reason}", soft_wrap=True, highlight=False)
    for table in explanation_tables(found):
        show_table(table, console)
