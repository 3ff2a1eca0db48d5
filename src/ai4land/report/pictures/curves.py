"""Curves: scores by year of a rollout, and the figures of a training."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from ai4land.evaluation import Evaluation
from ai4land.metrics import summarise
from ai4land.report.pictures.figures import figure, ordered, save

__all__ = ["draw_scores", "draw_training"]

_SHOWN = (
    ("accuracy", "accuracy"),
    ("mean_iou", "mean IoU"),
    ("figure_of_merit", "figure of merit"),
)


def draw_scores(evaluation: Evaluation, path: Path) -> Path:
    """Draw accuracy, mean IoU and figure of merit by year, model and baselines."""
    names = evaluation.legend.names
    lines = {name: summarise(s.leads, names)["leads"] for name, s in evaluation.scores.items()}
    looks = ordered(list(lines))
    with figure(11.0, 3.4) as drawn:
        for i, (key, title) in enumerate(_SHOWN):
            axes = drawn.add_subplot(1, 3, i + 1)
            for name, leads in lines.items():
                colour, dash = looks[name]
                years = [lead["time"] for lead in leads]
                values = [math.nan if lead[key] is None else lead[key] for lead in leads]
                width = 2.0 if name == evaluation.model else 1.3
                marker = "o" if len(years) == 1 else None
                axes.plot(
                    years, values, dash, color=colour, label=name, linewidth=width, marker=marker
                )
            axes.set_title(title)
            axes.grid(axis="y", color="#e5e5e5", linewidth=0.6)
            axes.locator_params(axis="x", integer=True, nbins=6)
            if evaluation.direction == "backward":
                axes.invert_xaxis()  # a hindcast is read from the map it starts with
            if key == "figure_of_merit":
                axes.set_ylim(bottom=0.0)
        handles, labels = axes.get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        drawn.suptitle(
            f"{evaluation.direction.capitalize()} from {evaluation.initial}, scores by year",
            x=0.01,
            ha="left",
            fontsize=11,
        )
        return save(drawn, path)


def draw_training(log: Path, path: Path) -> Path | None:
    """Draw the loss and the validation scores of a training; ``None`` if nothing was logged."""
    loss, merit = _column(log, "loss"), _column(log, "validation_figure_of_merit")
    accuracy = _column(log, "validation_accuracy")
    persistence = _column(log, "validation_persistence_accuracy")
    if not loss:
        return None
    with figure(9.0, 3.0) as drawn:
        axes = drawn.add_subplot(1, 3, 1)
        axes.plot(*zip(*loss, strict=True), color="#bbbbbb", linewidth=0.6)
        axes.plot(*zip(*_smoothed(loss), strict=True), color="#000000", linewidth=1.4)
        axes.set_title("loss")
        axes.set_yscale("log")
        axes.set_xlabel("step")
        axes = drawn.add_subplot(1, 3, 2)
        axes.set_title("validation: figure of merit")
        axes.set_xlabel("step")
        if merit:
            axes.plot(*zip(*merit, strict=True), color="#000000", marker="o", markersize=3)
        axes = drawn.add_subplot(1, 3, 3)
        axes.set_title("validation: accuracy")
        axes.set_xlabel("step")
        if accuracy and persistence:
            axes.plot(*zip(*accuracy, strict=True), color="#000000", marker="o", markersize=3)
            axes.axhline(persistence[-1][1], color="#999999", linestyle="--", label="persistence")
            axes.legend()
        return save(drawn, path)


def _column(log: Path, name: str) -> list[tuple[int, float]]:
    """Step and value of one figure, where it was logged."""
    with log.open(encoding="utf-8", newline="") as stream:
        return [
            (int(row["step"]), float(row[name]))
            for row in csv.DictReader(stream)
            if row.get(name) not in {None, ""}
        ]


def _smoothed(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """A moving average that weighs the latest values most."""
    found, mean = [], points[0][1]
    for step, value in points:
        mean = 0.95 * mean + 0.05 * value
        found.append((step, mean))
    return found
