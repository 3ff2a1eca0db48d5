"""``ai4land train``: from an experiment to a checkpoint."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ai4land.checkpoint import load_card
from ai4land.cli.console import progress_or_lines, show_table, stderr, stdout
from ai4land.report import Table
from ai4land.training import Experiment, load_experiment
from ai4land.training import train as run_training

__all__ = ["train"]

EXAMPLES = "Example:  ai4land train crete_forward.yaml --out runs/crete_forward"


def train(
    experiment: Annotated[Path, typer.Argument(help="YAML: what is trained on what.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
) -> None:
    """Train a model as an experiment says.

    A training that was stopped resumes from its last checkpoint, to the same weights, when it is
    called again. SIGTERM and SIGUSR1 stop it in order, with exit code 75. The checkpoint to use
    afterwards is OUT/checkpoint.
    """
    plan = load_experiment(experiment)
    if first := _first_process():
        _announce(plan)
    latest: dict[str, float] = {}
    with progress_or_lines() as say:

        def step(done: int, total: int, figures: dict[str, float]) -> None:
            smooth = 0.95 * latest.get("loss", figures["loss"]) + 0.05 * figures["loss"]
            latest.update(figures, loss=smooth)
            say("training", done, total, _line(latest))

        def candidate(done: int, total: int, figures: dict[str, float]) -> None:
            say("decision", done, total, "  ".join(f"{k} {v:.3f}" for k, v in figures.items()))

        checkpoint = run_training(plan, out, progress=step, deciding=candidate)
    rows = tuple(
        (name.removeprefix("validation_").replace("_", " "), f"{value:.4f}")
        for name, value in latest.items()
        if name.startswith("validation_")
    )
    if rows:
        show_table(Table("On the validation split, one step", ("", "value"), rows))
    if first:
        for member in load_card(checkpoint).training["members"] if latest else ():
            if member:  # of families that learn in steps
                stderr().print(_ended(member), style="dim")
        stdout().print(f"Checkpoint written: {checkpoint}", soft_wrap=True)


def _first_process() -> bool:
    """Whether this is the first of the processes that torchrun, or the training, has started."""
    return os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"


def _announce(plan: Experiment) -> None:
    """Say when the training will be over, if the experiment sets a limit."""
    limit = plan.training.max_minutes
    if limit is not None:
        minutes = limit * plan.training.members
        end = time.strftime("%H:%M:%S", time.localtime(time.time() + 60 * minutes))
        stderr().print(f"Training ends after {minutes:g} minutes at the latest, at {end}.")


def _ended(member: Mapping[str, Any]) -> str:
    """How long a member was trained, and why no longer."""
    return f"Trained for {member['steps']} steps, ended by: {member['ended']}."


def _line(figures: dict[str, float]) -> str:
    """Loss, speed, and what the last validation found, on one line."""
    parts = [f"loss {figures['loss']:.4f}"]
    if "samples_per_second" in figures:
        waiting = f"{100 * figures['waiting']:.0f}% waiting for data"
        parts.append(f"{figures['samples_per_second']:.1f} samples/s, {waiting}")
    merit = figures.get("validation_figure_of_merit")
    if merit is not None:
        gain = figures["validation_accuracy"] - figures["validation_persistence_accuracy"]
        parts.append(f"validation: FoM {merit:.3f}, accuracy {gain:+.4f} to persistence")
    return "  ".join(parts)
