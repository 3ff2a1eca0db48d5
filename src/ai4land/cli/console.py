"""What the commands share: where they print, progress bars, tables, and how an error looks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table as RichTable
from rich.text import Text

from ai4land.errors import AI4LandError
from ai4land.report import Table

__all__ = [
    "Say",
    "progress_bar",
    "progress_or_lines",
    "show_error",
    "show_table",
    "stderr",
    "stdout",
    "transfer_bar",
    "warn",
]

_WIDTH = 120  # of tables where there is no terminal to ask
_EVERY = 30.0  # seconds between two lines where there is no terminal to draw a bar

Say = Callable[[str, int, int, str], None]
"""Says of some work how much is done, of how much, and the latest figures."""


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
def progress_or_lines() -> Iterator[Say]:
    """A bar for each kind of work on a terminal; elsewhere, as in a batch job's log, lines.

    The first line of each work and its last are always printed, others 30 seconds apart.
    """
    if not stderr().is_terminal:
        yield _Lines()
        return
    with progress_bar() as progress:
        bars: dict[str, TaskID] = {}

        def say(what: str, done: int, total: int, figures: str) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=total, figures="")
            progress.update(bars[what], completed=done, total=total, figures=figures)

        yield say


class _Lines:
    """Prints a line now and then, with the time of day and the time that is left."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[float, int]] = {}
        self._last = 0.0

    def __call__(self, what: str, done: int, total: int, figures: str) -> None:
        now = time.monotonic()
        if what in self._begun and done < total and now - self._last < _EVERY:
            return
        self._last = now
        begin, before = self._begun.setdefault(what, (now, done))
        line = f"{time.strftime('%H:%M:%S')} {what} {done}/{total}"
        if before < done < total:
            left = (now - begin) / (done - before) * (total - done)
            line += f", {timedelta(seconds=round(left))} left"
        stderr().print(f"{line}  {figures}".rstrip(), soft_wrap=True, markup=False)


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
