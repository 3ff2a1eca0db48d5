"""The values of a cube as tables for people and as plain data, so that a silent fault is seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, VariableCensus, census
from ai4land.report.descriptions.inspection import Description, describe
from ai4land.report.tables.table import Table
from ai4land.vocabulary import Kind

__all__ = ["describe_values"]

_DASH = "–"
_MANY = 16  # layers, beyond which a table shows the largest alone
_HEADS = ("min", "max", "mean", "missing", "first", "last", "step")
_NOTE = (
    "Cells count by their true area, times that were left empty not at all. Missing: share of the "
    "grid; in brackets the worst time, where it is worse by a hundredth. First, last: mean of the "
    "first and the last year. Step: the largest change from a year to the next, and the later one."
)

Say = Callable[[str, int, int, str], None]


def describe_values(path: Path, say: Say | None = None) -> Description:
    """Say what a cube is and what its values are; every value is read, a few chunks at once.

    Args:
        path: A finished cube.
        say: Told of each variable how many of its windows are done, of how many.

    Raises:
        CubeError: If the cube is not finished.
    """

    def told(name: str, done: int, total: int) -> None:
        if say is not None:
            say(name, done, total, "")

    found, known = census(Cube(path), told), describe(path)
    scalars = [c for c in found if not _of_classes(c) and not c.spec.components]
    tables = [_scalars(scalars)] if scalars else []
    tables += [_classes(c) if _of_classes(c) else _layers(c) for c in found if c not in scalars]
    if tables:
        tables[-1] = replace(tables[-1], note=f"{tables[-1].note} {_NOTE}".strip())
    return Description(
        known.kind,
        known.title,
        {**known.data, "values": [_data(c) for c in found]},
        (known.tables[0], *tables, *known.tables[1:]),
    )


def _of_classes(counted: VariableCensus) -> bool:
    return counted.spec.variable.kind is Kind.CATEGORICAL


def _scalars(found: Sequence[VariableCensus]) -> Table:
    rows = tuple((_named(c), *_row(c, 0)) for c in found)
    return Table("Values", ("variable", *_HEADS), rows)


def _layers(counted: VariableCensus) -> Table:
    """The layers of a vector, of many the largest."""
    size = np.nan_to_num(np.abs(counted.mean), nan=np.inf)  # what is all missing is shown
    shown = np.sort(np.argsort(-size, kind="stable")[:_MANY])
    rows = tuple((counted.layers[i], *_row(counted, int(i))) for i in shown)
    others = np.delete(np.arange(len(counted.layers)), shown)
    note = ""
    if others.size:
        flat = int((counted.lowest == counted.highest)[others].sum())
        note = (
            f"{others.size} other layers have means of at most {_number(size[others].max())}; "
            f"{flat} of them hold one value everywhere. All are in --json."
        )
    return Table(f"{_named(counted)}{_span(counted)}", ("layer", *_HEADS), rows, note)


def _row(counted: VariableCensus, layer: int) -> tuple[str, ...]:
    """Range, mean, missing share and course of one layer of numbers."""
    ends = counted.lowest[layer], counted.highest[layer], counted.mean[layer]
    course = _over_years(counted, layer, _number)
    return (*(_number(v) for v in ends), _missing(counted, layer), *course)


def _named(counted: VariableCensus) -> str:
    units = counted.spec.variable.units
    return counted.spec.name if units == "1" else f"{counted.spec.name} ({units})"


def _span(counted: VariableCensus) -> str:
    return f", {counted.group.clock.span(counted.ticks)}" if counted.ticks else ""


def _classes(counted: VariableCensus) -> Table:
    rows = [
        (layer, _percent(counted.mean[i]), *_over_years(counted, i, _percent))
        for i, layer in enumerate(counted.layers)
    ]
    rows.append(("missing", _missing(counted, 0), _DASH, _DASH, _DASH))
    note = "Shares of the area that is known, sea included; missing of the grid."
    heads = ("class", "share", "first", "last", "step")
    return Table(f"Classes of {counted.spec.name}{_span(counted)}", heads, tuple(rows), note)


def _over_years(
    counted: VariableCensus, layer: int, said: Callable[[float], str]
) -> tuple[str, str, str]:
    """Mean of the first and of the last year, and the largest change between two years."""
    if not counted.years:
        return _DASH, _DASH, _DASH
    means = counted.yearly[:, layer]
    steps = np.abs(np.diff(means))
    ends = said(means[0]), said(means[-1])
    if not (steps > 0).any():
        return (*ends, _DASH)
    at = int(np.nanargmax(steps))
    size = means[at + 1] - means[at]
    return (*ends, f"{'+' if size > 0 else ''}{said(size)} ({counted.years[at + 1]})")


def _missing(counted: VariableCensus, layer: int) -> str:
    shares = counted.missing[:, layer]
    worst = int(shares.argmax())
    mean = _percent(shares.mean())
    if not counted.ticks or shares[worst] - shares.mean() < 0.01:
        return mean
    return f"{mean} ({counted.group.clock.label(counted.ticks[worst])}: {_percent(shares[worst])})"


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else _DASH


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %" if math.isfinite(value) else _DASH


def _data(counted: VariableCensus) -> dict[str, Any]:
    """The census of a variable as plain data: of all times and by time, ``null`` for nothing."""
    classes, label = _of_classes(counted), counted.group.clock.label
    whole: dict[str, Any] = {"share" if classes else "mean": _plain(counted.mean)}
    times: dict[str, Any] = {"share" if classes else "mean": _plain(counted.means)}
    if not classes:
        whole["min"], whole["max"] = _plain(counted.lowest), _plain(counted.highest)
        times["min"], times["max"] = _plain(counted.low), _plain(counted.high)
    missing = counted.missing[:, :1] if classes else counted.missing
    whole["missing"], times["missing"] = _plain(missing.mean(axis=0)), _plain(missing)
    said: dict[str, Any] = {
        "name": counted.spec.name,
        "units": counted.spec.variable.units,
        "weighting": "area",
        "layers": list(counted.layers),
        "times": [label(tick) for tick in counted.ticks],
    }
    return {**said, "all": whole, "by_time": times if counted.ticks else None}


def _plain(values: npt.NDArray[np.float64]) -> object:
    """Numbers as lists, ``None`` where they are not finite."""
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    return plain.tolist()
