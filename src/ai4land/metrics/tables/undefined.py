"""What a score is when it is 0/0: NaN as a number, ``None`` (JSON ``null``) in a report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_defined", "mean_of", "quotient", "ratio", "reported", "reported_weight"]

_ROUNDING = 1e-13
"""Share of the whole below which a difference of sums is rounding, not signal."""


def ratio(numerator: float, denominator: float, scale: float = 0.0) -> float:
    """A quotient that is NaN where it is undefined.

    Args:
        numerator: Any number.
        denominator: Any number.
        scale: Size of the terms of which ``denominator`` is a difference. What is left of two
            equal sums after rounding is then taken for the zero it stands for.

    Returns:
        ``numerator / denominator``, or NaN where the denominator is zero.
    """
    if abs(denominator) <= _ROUNDING * scale or denominator == 0:
        return math.nan
    return float(numerator / denominator)


def quotient(
    numerator: NDArray[np.float64 | np.integer], denominator: NDArray[np.float64 | np.integer]
) -> NDArray[np.float64]:
    """The quotient of two arrays of one shape, NaN where the denominator is zero."""
    result = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def reported(value: float) -> float | None:
    """A score as it stands in a report: a plain float, ``None`` where undefined."""
    return None if math.isnan(value) else float(value)


def reported_weight(value: float, weighting: str) -> float | int:
    """A sum of weights as it stands in a report: whole pixels, or m² as a float."""
    return round(float(value)) if weighting == "pixel" else float(value)


def mean_defined(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The average of equally built reports, entry by entry.

    Args:
        rows: At least one; they share their keys, at which stand numbers, ``None``, or such
            reports again.

    Returns:
        The same structure; each number is the mean over the rows in which it is defined, and
        ``None`` where it is defined in none.
    """
    means: dict[str, Any] = {}
    for key in rows[0]:
        values = [row[key] for row in rows]
        if isinstance(values[0], Mapping):
            means[key] = mean_defined(values)
        else:
            defined = [value for value in values if value is not None]
            means[key] = sum(defined) / len(defined) if defined else None
    return means


def mean_of(values: Iterable[float]) -> float | None:
    """Mean of the scores that are defined; ``None`` if none is."""
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else None
