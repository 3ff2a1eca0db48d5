"""Curves as inline SVG: sharp at every size, readable without colours, no script."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ai4land.metrics import summarise
from ai4land.report.evaluation import Evaluation

__all__ = ["DASHES", "Chart", "charts_of", "row_number"]

DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2 1 2 1 2", "1 2")
"""Dash of each row's curve, so that curves can be told apart without colours."""

_WIDTH, _HEIGHT = 360, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 28

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart.

    Attributes:
        title: What the values are.
        svg: The picture as SVG.
        said: What it shows in a sentence, for who cannot see it.
    """

    title: str
    svg: str
    said: str


def charts_of(evaluation: Evaluation) -> list[Chart]:
    """Scores, skill, fidelity and change rates by year."""
    details = evaluation.details
    rows = list(details.tallies)
    backward = evaluation.direction == "backward"
    leads = {row: tally.zones[0].leads for row, tally in details.tallies.items()}
    iou: dict[str, Points] = {
        row: [
            (lead["time"], math.nan if lead["mean_iou"] is None else lead["mean_iou"])
            for lead in summarise(found, evaluation.legend.names)["leads"]
        ]
        for row, found in leads.items()
    }
    lines: list[tuple[str, dict[str, Points], bool]] = [
        (
            "Figure of merit",
            {r: [(s.time, s.three.figure_of_merit) for s in f] for r, f in leads.items()},
            True,
        ),
        (
            "Accuracy",
            {r: [(s.time, s.confusion.accuracy) for s in f] for r, f in leads.items()},
            False,
        ),
        ("Mean IoU", iou, False),
        (
            "Skill between floor and ceiling",
            {r: [(t, s.value) for t, s in details.skills(r).items()] for r in rows},
            False,
        ),
        (
            "Unclosed area, % of the land",
            {
                r: [(t, 100 * f.unclosed_share) for t, f in c.fidelity.items()]
                for r, c in details.courses.items()
            },
            True,
        ),
        ("Gross change per year, % of the land", _gross(evaluation), True),
    ]
    return [
        line_chart(title, known, rows, backward=backward, from_zero=zero)
        for title, every, zero in lines
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
) -> Chart:
    """Draw one curve per row.

    Args:
        title: What the values are.
        lines: Row → times and values; values that are not finite are left out.
        rows: All rows, in the order of their colours.
        backward: Whether time runs to the left, as a hindcast is read.
        from_zero: Whether the axis of values begins at 0 at least.
    """
    every = [(t, v) for points in lines.values() for t, v in points if math.isfinite(v)]
    if not every:
        return Chart(title, "", f"{title}: nothing to draw.")
    first, last = min(t for t, _ in every), max(t for t, _ in every)
    low, high = min(v for _, v in every), max(v for _, v in every)
    low = min(0.0, low) if from_zero else low
    ticks = _ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    span = (last - first) or 1
    tall = (high - low) or 1.0

    def across(time: float) -> float:
        part = (time - first) / span if last > first else 0.5
        part = 1.0 - part if backward else part
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    def up(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - low) / tall * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for tick in ticks:
        y = up(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for time in _years(first, last):
        x = across(time)
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{time}</text>')
    for row, points in lines.items():
        number = row_number(row, rows)
        known = [(across(t), up(v)) for t, v in points if math.isfinite(v)]
        if not known:
            continue
        dash = f' stroke-dasharray="{DASHES[number % len(DASHES)]}"' if number > 1 else ""
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in known)
        parts.append(f'<path class="line row{number}" d="{path}"{dash}/>')
        if len(known) == 1:
            parts.append(
                f'<circle class="dot row{number}" cx="{known[0][0]:.1f}" cy="{known[0][1]:.1f}" '
                'r="3"/>'
            )
    said = f"{title} from {first} to {last}. " + "; ".join(
        f"{row}: {_said(points, backward)}" for row, points in lines.items()
    )
    svg = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(said)}">'
        f"{''.join(parts)}</svg>"
    )
    return Chart(title, svg, said)


def _gross(evaluation: Evaluation) -> dict[str, Points]:
    found: dict[str, Points] = {}
    for row in evaluation.details.courses:
        rates = evaluation.details.rates(row)
        if rates is not None:
            values = (100.0 * rates.gross).tolist()
            found[row] = list(zip(rates.times[1:], values, strict=True))
    return found


def _ticks(low: float, high: float) -> list[float]:
    """Round values that enclose a range, four or so."""
    wide = (high - low) or abs(high) or 1.0
    raw = wide / 4.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, max(last, first + 1) + 1)]


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
