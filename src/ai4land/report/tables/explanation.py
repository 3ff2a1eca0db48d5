"""Tables of an explanation: what the coarse cell was asked for, what each class was given."""

from __future__ import annotations

from ai4land.evaluation import Explanation, PixelStep
from ai4land.report.tables.table import Table

__all__ = ["explanation_tables"]


def explanation_tables(found: Explanation) -> tuple[Table, ...]:
    """The coarse cell and the classes at the pixel; nothing where there is no land."""
    return () if found.step is None else (_cell_table(found.step), _class_table(found.step))


def _cell_table(step: PixelStep) -> Table:
    rows = tuple(
        (step.group_name(n), str(step.held[n]), f"{step.asked[n]:+d}")
        for n in range(len(step.groups))
    )
    return Table("The coarse cell", ("", "pixels\nnow", "asked\nfor"), rows)


def _class_table(step: PixelStep) -> Table:
    rows = tuple(
        (
            name + (" (now)" if k == step.before else ""),
            f"{step.raw[k]:.3f}",
            f"{step.balanced[k]:.3f}",
            f"{step.balanced[k] * (step.odds if k == step.before else 1.0):.3f}",
            "yes" if step.seen[k] else "never",
            str(step.rank[k]),
        )
        for k, name in enumerate(step.names)
    )
    return Table(
        "The classes at this pixel",
        (
            "",
            "model",
            "after\nbalancing",
            "times\nthe odds",
            "seen in\ntraining",
            "rank in\nthe cell",
        ),
        rows,
        "Rank: place among the cell's pixels of the same class, 1 being the likeliest to become "
        "that class.",
    )
