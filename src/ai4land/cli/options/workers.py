"""Options of every command that others work for: who they are, and how many."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["SchedulerOption", "WorkersOption"]

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        help="threads, processes, the address of a Dask scheduler, or slurm:FILE.yaml "
        "[default: this process]."
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Threads or processes [default: one per core].")
]
