"""``ai4land train``: from an experiment to a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ai4land.cli.console import progress_bar, show_table, stdout
from ai4land.report import Table
from ai4land.training import load_experiment
from ai4land.training import train as run_training

__all__ = ["train"]

EXAMPLES = "Example:  ai4land train crete_forward.yaml --out runs/crete_forward"


def train(
    experiment: Annotated[Path, typer.Argument(help="YAML: what is trained on what.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
) -> None:
    """Train a model as an experiment says.

    A training that was stopped resumes from its last checkpoint, to the same weights, when it is
    called again. The checkpoint to use afterwards is OUT/checkpoint.
    """
    plan = load_experiment(experiment)
    latest: dict[str, float] = {}
    with progress_bar("steps") as progress:
        bar = progress.add_task("training", total=plan.training.steps, figures="")

        def step(done: int, total: int, figures: dict[str, float]) -> None:
            smooth = 0.95 * latest.get("loss", figures["loss"]) + 0.05 * figures["loss"]
            latest.update(figures, loss=smooth)
            progress.update(bar, completed=done, total=total, figures=_line(latest))

        checkpoint = run_training(plan, out, progress=step)
    rows = tuple(
        (name.removeprefix("validation_").replace("_", " "), f"{value:.4f}")
        for name, value in latest.items()
        if name.startswith("validation_")
    )
    if rows:
        show_table(Table("On the validation split, one step", ("", "value"), rows))
    stdout().print(f"Checkpoint written: {checkpoint}", soft_wrap=True)


def _line(figures: dict[str, float]) -> str:
    """Loss, and what the last validation found, on one line."""
    parts = [f"loss {figures['loss']:.4f}"]
    merit = figures.get("validation_figure_of_merit")
    if merit is not None:
        gain = figures["validation_accuracy"] - figures["validation_persistence_accuracy"]
        parts.append(f"validation: FoM {merit:.3f}, accuracy {gain:+.4f} to persistence")
    return "  ".join(parts)
