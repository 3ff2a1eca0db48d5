"""Tables of a comparison: scores side by side, paired differences, ranks of the truth."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ai4land.evaluation import Comparison
from ai4land.metrics import summarise
from ai4land.report.tables.details import uncertainty_table
from ai4land.report.tables.table import Table, percent, score

__all__ = ["comparison_tables"]


def comparison_tables(found: Comparison) -> list[Table]:
    """Scores beside the baselines, paired differences, and ranks."""
    return [_scores(found), *_differences(found), *_rank_table(found)]


def _scores(found: Comparison) -> Table:
    """First year, mean and last year of every reconstruction, their spread, and the baselines."""
    first, names = found.first, found.first.legend.names
    ticks = first.ticks
    ends = {"first": str(ticks[0])}
    if len(ticks) > 1:
        ends |= {"mean": "mean", "last": str(ticks[-1])}
    rows = {
        name: summarise(e.scores[e.model].leads, names) for name, e in found.evaluations.items()
    }
    baselines = {
        row: summarise(scores.leads, names)
        for row, scores in first.scores.items()
        if row != first.model and "shuffled" not in row
    }
    keys = [(span, key) for key in ("figure_of_merit", "accuracy", "mean_iou") for span in ends]
    columns = [[row[span][key] for row in rows.values()] for span, key in keys]
    cells = [
        *_cells(rows, keys),
        ("their mean", *(score(_over(column, statistics.mean)) for column in columns)),
        ("their deviation", *(score(_over(column, statistics.stdev)) for column in columns)),
        *_cells(baselines, keys),
    ]
    heads = [f"{what}\n{span}" for what in ("FoM", "acc.", "mIoU") for span in ends.values()]
    return Table(
        f"Side by side, {first.direction} from {first.initial}",
        ("", *heads),
        tuple(cells),
        "On the same pixels. The deviation is the standard deviation between the reconstructions "
        f"(n − 1). {first.scored}",
    )


def _cells(rows: Mapping[str, Any], keys: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    return [(name, *(score(row[span][key]) for span, key in keys)) for name, row in rows.items()]


def _over(values: list[float | None], what: Callable[[list[float]], float]) -> float | None:
    known = [value for value in values if value is not None]
    return what(known) if len(known) == len(values) else None


def _differences(found: Comparison) -> list[Table]:
    if found.uncertainty is None:
        return []
    name = next(iter(found.evaluations))
    return [uncertainty_table(found.uncertainty, found.first.ticks, name)]


def _rank_table(found: Comparison) -> list[Table]:
    if found.ranks is None:
        return []
    scores = found.ranks.scores(found.first.legend.names)
    members = scores["members"]
    cells = []
    for name, row in scores["classes"].items():
        cases = sum(row["ranks"])
        if cases:
            shares = (percent(count, cases) for count in row["ranks"])
            outside = percent(row["outside"], 1.0)
            cells.append((name, f"{cases:.0f}", *shares, outside, score(row["unevenness"])))
    heads = ["cases", *(f"{n} below\n%" for n in range(members + 1))]
    heads += ["outside\n%", "uneven-\nness"]
    return [
        Table(
            "Is the truth one of them? Ranks of true class areas",
            ("", *heads),
            tuple(cells),
            f"How many of the {members} reconstructions have less of the class than the truth, "
            "over coarse cells and years, by true area; cells where none has any are left out, "
            "ties are shared evenly. Members as good as the truth would give flat ranks "
            f"({percent(1.0, members + 1.0)} % each, {percent(scores['outside_if_perfect'], 1.0)} "
            "% outside); a U means that they agree too much (Hamill 2001).",
            detail=True,
        )
    ]
