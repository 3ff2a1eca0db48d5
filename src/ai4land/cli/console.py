"""What the commands share: where they print, progress bars, tables, and how an error looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table as RichTable
from rich.text import Text

from ai4land.errors import AI4LandError
from ai4land.report import Table

__all__ = [
    "progress_bar",
    "show_error",
    "show_table",
    "stderr",
    "stdout",
    "transfer_bar",
    "warn",
]

_WIDTH = 120  # of tables where there is no terminal to ask


def stdout() -> Console:
    """Where results go."""
    return _console(to_stderr=False)


def stderr() -> Console:
    """Where progress, warnings and errors go, so that results can be piped."""
    return _console(to_stderr=True)


def _console(*, to_stderr: bool) -> Console:
    stream = sys.stderr if to_stderr else sys.stdout
    fixed = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH
    return Console(stderr=to_stderr, width=fixed, highlight=False)


def show_error(error: AI4LandError) -> None:
    """Print an error with its place, what was expected and found, and the remedy."""
    parts = (
        ("where", error.where, ""),
        ("expected", error.expected, ""),
        ("found", error.found, ""),
        ("remedy", error.remedy, "bold green"),
    )
    text = Text(error.what.rstrip(".") + ".", style="bold")
    for label, value, style in parts:
        if value is not None:
            # an error may carry another one as what it found
            body = str(value).replace("\n", "\n" + " " * 10)
            text.append(f"\n{label + ':':<10}", style="dim not bold")
            text.append(body, style=style or "not bold")
    console = stderr()
    if console.is_terminal:
        console.print(Panel(text, title="error", border_style="red", title_align="left"))
    else:
        console.print("error: ", end="", style="bold red")
        console.print(text, soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning."""
    stderr().print(Text.assemble(("warning: ", "bold yellow"), message), soft_wrap=True)


def show_table(table: Table, console: Console | None = None) -> None:
    """Print a table; the first column names the rows."""
    shown = RichTable(box=box.SIMPLE_HEAD, show_header=any(table.columns), pad_edge=False)
    for i, column in enumerate(table.columns):
        right = i > 0 and table.numeric
        shown.add_column(
            column, justify="right" if right else "left", overflow="fold", no_wrap=i == 0
        )
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    console = console or stdout()
    console.print(Text(table.title, style="bold"))
    console.print(shown, end="")
    if table.note:
        console.print(Text(table.note, style="dim"))
    console.print()


@contextmanager
def progress_bar(unit: str = "") -> Iterator[Progress]:
    """A progress bar on stderr that leaves its last line standing."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[figures]}", style="dim"),
    )
    with Progress(*columns, console=stderr()) as progress:
        yield progress


@contextmanager
def transfer_bar() -> Iterator[Progress]:
    """A progress bar of bytes on stderr, a line per file."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=stderr()) as progress:
        yield progress
