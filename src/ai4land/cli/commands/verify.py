"""``ai4land verify``: whether a run is whole and what its journal says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ai4land.cli.console import progress_bar, stdout
from ai4land.cli.options.workers import SchedulerOption, WorkersOption
from ai4land.rollout import Check, repair_run, verify_run

__all__ = ["verify"]

_ROUNDS = 2  # of repair: files that are damaged, then values that are wrong in whole files

EXAMPLES = """Check:   ai4land verify crete_2000.zarr

Repair:  ai4land verify RUN --repair --scheduler processes"""


def verify(
    path: Annotated[
        Path, typer.Argument(help="Folder of a run, or a cube that `reconstruct` wrote.")
    ],
    repair: Annotated[
        bool, typer.Option("--repair", help="Write again what is wrong, and check once more.")
    ] = False,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
) -> None:
    """Check every file of a reconstruction or a run, and repair it.

    Whether it is there, unchanged, possible, and as the books say.

    Exit code 1 if anything is wrong.
    """
    checks = _looked(path)
    for _ in range(_ROUNDS if repair else 0):
        if all(check.passed for check in checks):
            break
        wrong = repair_run(path, checks, scheduler=scheduler, workers=workers)
        stdout().print(f"Repaired: {wrong} pieces were wrong and are written again.")
        checks = _looked(path)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _looked(path: Path) -> list[Check]:
    """Look at a run behind a bar, and print what was found."""
    with progress_bar("") as progress:
        bar = progress.add_task("opening", total=None, figures="")

        def told(what: str, done: int, total: int) -> None:
            progress.update(bar, description=what, completed=done, total=total)

        checks = verify_run(path, told)
    for check in checks:
        stdout().print(check.line(), soft_wrap=True, markup=False)
    return checks
