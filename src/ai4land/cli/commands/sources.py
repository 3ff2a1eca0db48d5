"""``ai4land sources``: the products that a recipe may name."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ai4land.cli.console import show_table
from ai4land.report import describe_source, describe_sources

__all__ = ["sources"]

EXAMPLES = "Example:  ai4land sources luh2"


def sources(
    name: Annotated[str | None, typer.Argument(help="One source, with all its options.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """List the products that a recipe may name.

    Files expected, years, units, licence, citation, and how sure we are of the format.
    """
    found = describe_sources() if name is None else describe_source(name)
    if as_json:
        typer.echo(json.dumps(found.data, indent=1, allow_nan=False, ensure_ascii=False))
        return
    for table in found.tables:
        show_table(table)
