"""Charts of probability scores: reliability, and the operating characteristic of every gain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ai4land.evaluation import ProbabilityScores
from ai4land.metrics import OperatingCurve, Reliability
from ai4land.report.charts.plots import Axis, Stroke, plot
from ai4land.report.charts.scores import Chart
from ai4land.report.tables.table import Table, score

__all__ = ["READING", "probability_charts"]

FloatArray = npt.NDArray[np.float64]

READING = (
    "First chart: thin, what would come as often as said; intervals with less than 0.2 % of the "
    "pixels are in the values alone. The others: hits among all that is "
    "flagged, from the most probable pixel on; thin, a perfect ranking, one upside down, and one "
    "that knows nothing (Pontius and Si 2014)."
)
"""How the curves are read."""

_LEAST = 30  # pixels gained from which on a curve says something
_THIN = 0.002  # share of the pixels below which an interval of probability is not drawn
_SHOWN = 12  # rows of a table of values


def probability_charts(scores: ProbabilityScores, names: Sequence[str]) -> list[Chart]:
    """The reliability of the most probable class, and a curve for the gain of every class.

    Args:
        scores: Of the model.
        names: The classes.
    """
    if not scores:
        return []
    last = list(scores.gains)[-1]
    operating = scores.gains[last]
    curves = {name: operating.curve(k) for k, name in enumerate(names)}
    least = _LEAST if operating.weighting == "pixel" else 0.0
    return [
        _reliability(scores.spans()),
        *(
            _gain(curve, f"Gain of {name.replace('_', ' ')} by {last}", operating.weighting)
            for name, curve in curves.items()
            if curve.presence > least and curve.presence < curve.extent
        ),
    ]


def _reliability(spans: dict[str, Reliability]) -> Chart:
    """What was said of the most probable class against how often it came true."""
    unit = Axis(0.0, 1.0, [(t, f"{t:g}") for t in (0.0, 0.25, 0.5, 0.75, 1.0)])
    strokes = [Stroke(((0.0, 0.0), (1.0, 1.0)), 0)]
    rows: dict[str, list[str]] = {}
    ends = list(dict.fromkeys([next(iter(spans)), list(spans)[-1]]))
    for number, span in enumerate(ends, start=1):
        said, came, weight = spans[span].curve()
        held = weight > 0
        drawn = weight > _THIN * weight.sum()
        strokes.append(Stroke(list(zip(said[drawn], came[drawn], strict=True)), number))
        for n in np.flatnonzero(held):
            key = f"{n / len(weight):.2f} to {(n + 1) / len(weight):.2f}"
            blank = ["–"] * 3 * len(ends)
            shares = (said[n], came[n], weight[n] / weight.sum())
            rows.setdefault(key, blank)[3 * number - 3 : 3 * number] = map(
                score, map(float, shares)
            )
    heads = [f"{what}\n{span}" for span in ends for what in ("said", "came true", "share")]
    title = "Most probable class: said (across) and came true (up)"
    errors = ", ".join(f"{span} {100 * spans[span].calibration_error:.2f} %" for span in ends)
    spoken = f"{title}. Calibration error: {errors}."
    cells = tuple((key, *rows[key]) for key in sorted(rows))
    styles = "; ".join(f"{'solid' if n == 0 else 'dashed'}: {span}" for n, span in enumerate(ends))
    values = Table(f"{title}, values", ("probability", *heads), cells)
    return Chart(f"{title}; {styles}", plot(unit, unit, strokes, spoken), spoken, values)


def _gain(curve: OperatingCurve, title: str, weighting: str) -> Chart:
    """A total operating characteristic within its bounds."""
    scale, unit = (1.0, "pixels") if weighting == "pixel" else (1e-6, "km²")
    x, y = Axis.of(0.0, curve.extent * scale), Axis.of(0.0, curve.presence * scale)
    flagged = curve.flagged * scale
    bounds = [
        _thinned(flagged, line * scale) for line in (curve.largest, curve.least, curve.uniform)
    ]
    mine = _thinned(flagged, curve.hits * scale)
    spoken = (
        f"{title}: total operating characteristic in {unit}, hits against all that is flagged, "
        f"from the most probable pixel on. Area under it {curve.auc:.3f}; 0.5 knows nothing."
    )
    strokes = [*(Stroke(line, 0) for line in bounds), Stroke(mine, 1)]
    picked = np.unique(np.linspace(0, len(mine) - 1, _SHOWN).round().astype(int))
    cells = tuple((f"{mine[n][0]:,.0f}", f"{mine[n][1]:,.0f}") for n in picked)
    values = Table(f"{title}, values", (f"flagged, {unit}", f"hits, {unit}"), cells)
    return Chart(
        f"{title}, AUC {curve.auc:.3f}: hits (up) among flagged (across), {unit}",
        plot(x, y, strokes, spoken),
        spoken,
        values,
    )


def _thinned(x: FloatArray, y: FloatArray) -> list[tuple[float, float]]:
    """The points of a curve without those that repeat the one before."""
    moved = np.ones(x.shape, bool)
    moved[1:] = (np.diff(x) > 0) | (np.diff(y) > 0)
    return list(zip(x[moved].tolist(), y[moved].tolist(), strict=True))
