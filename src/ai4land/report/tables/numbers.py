"""Tables of predicted numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai4land.report.tables.table import Table

__all__ = ["number_table"]

_SCORES = (
    ("root_mean_square_error", "RMSE"),
    ("mean_absolute_error", "MAE"),
    ("bias", "bias"),
    ("explained_variance", "explained\nvariance"),
)


def number_table(data: Mapping[str, Any]) -> Table:
    """What ``evaluate_numbers`` found, a row each for the model and its baselines.

    Args:
        data: As ``evaluate_numbers`` returns it.
    """
    rows = []
    for name, row in data["rows"].items():
        last, every = row["times"][-1], row["all"]
        rows.append((name, *(_number(part[key]) for key, _ in _SCORES for part in (every, last))))
    heads = [f"{head}\n{when}" for _, head in _SCORES for when in ("all", data["times"][-1])]
    title = f"{data['target']} ({data['units']}), {data['initial']} → {data['times'][-1]}"
    return Table(title, ("", *heads), tuple(rows))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
