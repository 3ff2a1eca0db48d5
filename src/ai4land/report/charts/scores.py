"""Charts of an evaluation by year: scores, skill, fidelity, change rates, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ai4land.evaluation import Evaluation
from ai4land.metrics import mean_of, summarise
from ai4land.report.charts.plots import Axis, Stroke, plot
from ai4land.report.tables.scores import counted
from ai4land.report.tables.table import Table, score

__all__ = ["Chart", "charts_of", "row_number"]

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart.

    Attributes:
        title: What the values are.
        svg: The picture as SVG; empty if there is nothing to draw.
        said: What it shows in a sentence, for who cannot see it.
        values: What is drawn, as a table.
    """

    title: str
    svg: str
    said: str
    values: Table


def charts_of(evaluation: Evaluation) -> list[Chart]:
    """Scores, skill, fidelity and change rates by year."""
    details, names = evaluation.details, evaluation.legend.names
    rows = list(details.rollouts)
    leads = {
        row: summarise(sums.zones[0].leads, names)["leads"]
        for row, sums in details.rollouts.items()
    }

    def scored(key: str) -> dict[str, Points]:
        return {
            row: [(lead["time"], math.nan if lead[key] is None else lead[key]) for lead in found]
            for row, found in leads.items()
        }

    skill: dict[str, Points] = {
        r: [(t, s.value) for t, s in details.skills(r).items()] for r in rows
    }
    unclosed: dict[str, Points] = {
        r: [(t, 100 * f.unclosed_share) for t, f in c.fidelity.items()]
        for r, c in details.time_sums.items()
    }
    pixels, area = counted(evaluation), "By true area, all cells."
    lines = (
        ("Figure of merit", scored("figure_of_merit"), True, pixels),
        ("Skill between floor and ceiling", skill, False, pixels),
        ("Accuracy", scored("accuracy"), False, pixels),
        ("Mean IoU", scored("mean_iou"), False, pixels),
        ("Unclosed area, % of the land", unclosed, True, area),
        ("Gross change per year, % of the land", _gross(evaluation), True, pixels),
    )
    backward = evaluation.direction == "backward"
    return [
        line_chart(title, known, rows, backward=backward, from_zero=zero, note=note)
        for title, every, zero, note in lines
        if (known := {r: p for r, p in every.items() if p})
    ]


def row_number(row: str, rows: Sequence[str]) -> int:
    """Which colour and dash a row has: 0 for what is no row, the truth."""
    return 1 + rows.index(row) if row in rows else 0


def line_chart(
    title: str,
    lines: Mapping[str, Points],
    rows: Sequence[str],
    *,
    backward: bool = False,
    from_zero: bool = False,
    note: str = "",
) -> Chart:
    """Draw one curve per row.

    Args:
        title: What the values are.
        lines: Row → times and values; values that are not finite are left out.
        rows: All rows, in the order of their colours.
        backward: Whether time runs to the left, as a hindcast is read.
        from_zero: Whether the axis of values begins at 0 at least.
        note: What must be known to read the values.
    """
    values = _table(title, lines, note, backward=backward)
    every = [(t, v) for points in lines.values() for t, v in points if math.isfinite(v)]
    if not every:
        return Chart(title, "", f"{title}: nothing to draw.", values)
    first, last = min(t for t, _ in every), max(t for t, _ in every)
    low, high = min(v for _, v in every), max(v for _, v in every)
    said = f"{title} from {first} to {last}. " + "; ".join(
        f"{row}: {_said(points, backward)}" for row, points in lines.items()
    )
    across = Axis(first, last, [(t, str(t)) for t in _years(first, last)], backward)
    strokes = [Stroke(points, row_number(row, rows)) for row, points in lines.items()]
    svg = plot(across, Axis.of(min(0.0, low) if from_zero else low, high), strokes, said)
    return Chart(title, svg, said, values)


def _table(title: str, lines: Mapping[str, Points], note: str, *, backward: bool) -> Table:
    """Values by time in the order in which they are read, and their means."""
    found = {row: dict(points) for row, points in lines.items()}
    times = sorted({time for points in found.values() for time in points}, reverse=backward)
    cells = [(str(time), *(score(points.get(time)) for points in found.values())) for time in times]
    if len(times) > 1:
        means = (score(mean_of(points.values())) for points in found.values())
        cells.append(("mean", *means))
    return Table(f"{title}, values", ("", *found), tuple(cells), note)


def _gross(evaluation: Evaluation) -> dict[str, Points]:
    found: dict[str, Points] = {}
    for row in evaluation.details.time_sums:
        rates = evaluation.details.rates(row)
        if rates is not None:
            values = (100.0 * rates.gross).tolist()
            found[row] = list(zip(rates.times[1:], values, strict=True))
    return found


def _years(first: int, last: int) -> list[int]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 1000) if (last - first) / s <= 6)
    return [t for t in range(first, last + 1) if t % step == 0] or [first, last]


def _said(points: Points, backward: bool) -> str:
    ordered = sorted((p for p in points if math.isfinite(p[1])), reverse=backward)
    if not ordered:
        return "not defined"
    if len(ordered) == 1:
        return f"{ordered[0][1]:.3g}"
    return f"{ordered[0][1]:.3g} in {ordered[0][0]}, {ordered[-1][1]:.3g} in {ordered[-1][0]}"
