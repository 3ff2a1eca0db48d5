"""``ai4land check``: whether a recipe or an experiment can run, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import ai4land.report as report
from ai4land.cli.console import show_table, stdout, warn
from ai4land.cli.options.slices import REGION, YEARS, region_of, years_of
from ai4land.errors import ConfigError
from ai4land.report import PathKind

__all__ = ["check"]

EXAMPLES = "Example:  ai4land check crete.yaml"


def check(
    file: Annotated[Path, typer.Argument(help="A recipe or an experiment.")],
    years: Annotated[str | None, typer.Option(help=YEARS)] = None,
    region: Annotated[str | None, typer.Option(help=REGION)] = None,
) -> None:
    """Check a recipe or an experiment without running it.

    A recipe: unknown keys, missing files and times, what the cube will hold, how large it will be
    and how long it will take; headers are opened, values are not. An experiment: unknown
    keys, and whether its cube has the forcing, the years and the room that it asks for.
    """
    kind = report.kind_of(file)
    if kind is PathKind.RECIPE:
        found = report.check_recipe_file(file, years_of(years), region_of(region))
    elif kind is PathKind.EXPERIMENT and not (years or region):
        found = report.check_experiment_file(file)
    elif kind is PathKind.EXPERIMENT:
        raise ConfigError("An experiment has its own years and place", where=file)
    else:
        raise ConfigError(
            "Only recipes and experiments are checked",
            where=file,
            found=f"a {kind}",
            remedy=f"ai4land inspect {file}",
        )
    for table in found.tables:
        show_table(table)
    for warning in found.warnings:
        warn(warning)
    if found.problems:
        raise ConfigError(
            f"This {found.kind} cannot run",
            where=file,
            found="\n".join(found.problems),
        )
    stdout().print(f"This {found.kind} can run: {file}", soft_wrap=True)
