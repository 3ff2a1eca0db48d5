"""``ai4land compare``: arms trained and scored on cases, as one table and picture."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import ai4land.experiments as experiments
import ai4land.report as report
from ai4land.cli.console import show_table, stderr, stdout, warn

__all__ = ["compare"]

EXAMPLES = """What would run:  ai4land compare benchmarks/compare.yaml --dry

Run, or go on:  ai4land compare benchmarks/compare.yaml --out runs/compare

Tables alone:  ai4land compare benchmarks/compare.yaml --only tables"""

_EVERY = 60.0  # seconds between two lines of a training


class Part(StrEnum):
    """What is done alone."""

    TABLES = "tables"


def compare(
    plan: Annotated[Path, typer.Argument(help="YAML: which arms on which cases, in which order.")],
    out: Annotated[Path, typer.Option(help="Folder of trainings and tables.")] = Path(
        "runs/compare"
    ),
    ledger: Annotated[
        Path | None, typer.Option(help="File of scores [default: the plan's name, .ledger.json].")
    ] = None,
    only: Annotated[
        Part | None, typer.Option(help="Make tables and picture of the ledger; run nothing.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Say what would run; run nothing.")] = False,
) -> None:
    """Train and score a grid of experiments, as one table and picture.

    What the ledger holds is not made again, so a comparison that was stopped goes on when it is
    called again, on another machine as well. Needs neither data nor checkpoints with --only tables.
    """
    wanted = experiments.load_plan(plan)
    kept = experiments.Ledger(ledger or plan.with_suffix(".ledger.json"))
    if only is None:
        before = experiments.survey(wanted, out, kept)
        show_table(report.plan_table(wanted.title, before))
        if dry:
            return
        experiments.run_plan(wanted, out, kept, say=_say, progress=_Lines())
    tables = report.experiment_tables(wanted, kept)
    for table in tables:
        if not table.detail:
            show_table(table)
    out.mkdir(parents=True, exist_ok=True)
    text = "\n".join([f"# {wanted.title}\n", *map(report.to_markdown, tables)])
    (out / "compare.md").write_text(text, encoding="utf-8")
    picture = report.draw_experiments(wanted, kept, out / "compare.png")
    if picture is None:
        warn("the ledger holds no score of this plan yet: no picture")
    stdout().print(f"Tables written: {out / 'compare.md'}", soft_wrap=True)


def _say(line: str) -> None:
    stderr().print(f"{time.strftime('%H:%M:%S')}  {line}", soft_wrap=True)


class _Lines:
    """A line of a training now and then."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int, total: int, figures: dict[str, float]) -> None:
        """Say how far it is, if the last line is a minute old."""
        if time.monotonic() - self._last > _EVERY:
            self._last = time.monotonic()
            said = "  ".join(f"{name} {value:.4f}" for name, value in list(figures.items())[:3])
            _say(f"  {done} of {total} steps  {said}")
