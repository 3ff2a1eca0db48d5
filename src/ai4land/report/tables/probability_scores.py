"""Tables of probability scores: Brier, calibration, and the ranking of gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ai4land.evaluation import ProbabilityScores
from ai4land.report.tables.table import Table, percent, score

__all__ = ["probability_tables"]


def probability_tables(
    scores: ProbabilityScores,
    names: Sequence[str],
    model: str,
    certain: Mapping[str, Mapping[int, float]],
) -> list[Table]:
    """Brier scores, calibration and the ranking of gains; nothing without probabilities.

    Args:
        scores: Of the model.
        names: The classes.
        model: Name of the model's row.
        certain: Row → time → accuracy of its map, which as a certainty has the Brier score
            2 × (1 − accuracy).
    """
    if not scores:
        return []
    spans = scores.spans()
    rows = [(f"{model}, probabilities", *(f"{found.brier:.4f}" for found in spans.values()))]
    for row, accuracy in certain.items():
        known = [accuracy[time] for time in scores.reliability]
        values = [known[0]] if len(known) == 1 else [known[0], float(np.mean(known)), known[-1]]
        rows.append((f"{row}, as a certainty", *(f"{2 * (1 - value):.4f}" for value in values)))
    rows += [
        ("skill over persistence", *(score(f.brier_skill) for f in spans.values())),
        ("calibration error, %", *(percent(f.calibration_error, 1.0) for f in spans.values())),
    ]
    note = (
        "Brier score: mean over pixels of Σ over classes of (probability − truth)², 0 best, 2 "
        "worst; a map taken as certain has 2 × (1 − accuracy). Calibration error: |probability − "
        "share that came true| of the most probable class, in intervals of 5 %. Every step takes "
        "the model's own last map for true, so later years are surer than they should be."
    )
    first = Table("Probabilities", ("", *spans), tuple(rows), note)
    return [first, _by_class(scores, names)]


def _by_class(scores: ProbabilityScores, names: Sequence[str]) -> Table:
    times = list(scores.reliability)
    ends = [times[0]] if len(times) == 1 else [times[0], times[-1]]
    last, curves = scores.reliability[times[-1]], scores.gains
    parts, error = last.decomposition(), last.class_calibration_error
    cells = []
    for k, name in enumerate(names):
        gains = [curves[time].curve(k) for time in ends]
        cells.append(
            (
                name,
                *(percent(c.presence, c.extent) for c in gains),
                *(score(None if np.isnan(c.auc) else c.auc) for c in gains),
                percent(error[k], 1.0),
                *(f"{parts[key][k]:.4f}" for key in ("reliability", "resolution", "uncertainty")),
            )
        )
    heads = [f"gained\nby {time}, %" for time in ends] + [f"AUC\n{time}" for time in ends]
    heads += ["calibration\nerror, %", "relia-\nbility", "reso-\nlution", "uncer-\ntainty"]
    return Table(
        "Probabilities by class",
        ("", *heads),
        tuple(cells),
        "AUC: area under the total operating characteristic of a gain among the pixels that were "
        "another class at the start, ½ knows nothing. Gained: percent of those pixels. Brier score "
        f"of a class in {times[-1]} = reliability − resolution + uncertainty (Murphy 1973).",
        detail=True,
    )
