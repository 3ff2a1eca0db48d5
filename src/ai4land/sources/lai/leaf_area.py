"""Leaf area index from composites, on the clock a model steps on, with what stands behind it.

A composite speaks for some days. A tick's value is the mean of the valid composites that share days
with it, each weighted by the days it shares; ``leaf_area_index_observations`` counts them.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.grid import Grid, Window
from ai4land.sources.periods import Period, covered_ticks, period_of
from ai4land.sources.source import (
    Array,
    Product,
    Provenance,
    SourceField,
    checked,
    provenance_of,
)
from ai4land.vocabulary import Clock, variable

__all__ = ["Composite", "LeafArea", "Scaling", "leaf_area"]

FloatArray = npt.NDArray[np.float32]

_VALUE, _COUNT = "leaf_area_index", "leaf_area_index_observations"


@dataclass(frozen=True, slots=True)
class Scaling:
    """How stored numbers become leaf area.

    Attributes:
        factor: Leaf area of a stored 1, m² m⁻².
        fills: Stored numbers that mean "no value".
        valid: Smallest and largest stored number that is a value.
        strict: Whether any other number is an error; else it means "no value" too.
    """

    factor: float
    fills: frozenset[int] = frozenset()
    valid: tuple[float, float] | None = None
    strict: bool = True

    def apply(self, raw: Array, where: object) -> FloatArray:
        """Leaf area of stored numbers, NaN where they are none.

        Args:
            raw: As stored, any shape.
            where: File and place, for the error text.

        Raises:
            SourceError: If a number is neither a value nor a fill, or a leaf area is impossible.
        """
        missing = np.isin(raw, sorted(self.fills))
        if raw.dtype.kind == "f":
            missing |= np.isnan(raw)
        if self.valid is not None:
            beyond = ((raw < self.valid[0]) | (raw > self.valid[1])) & ~missing
            if self.strict and beyond.any():
                raise SourceError(
                    "Stored numbers are neither leaf area nor a fill value",
                    where=where,
                    expected=f"{self.valid[0]:g}…{self.valid[1]:g}, or "
                    f"{', '.join(map(str, sorted(self.fills))) or 'nothing else'}",
                    found=f"{raw[beyond].ravel()[0]:g} ({int(beyond.sum())} cells)",
                )
            missing |= beyond
        values = (raw.astype(np.float64) * self.factor).astype(np.float32)
        values[missing] = np.nan
        return leaf_area(values, where)


def leaf_area(values: FloatArray, where: object) -> FloatArray:
    """Leaf area as it was read, after refusing what no plant has.

    Raises:
        SourceError: If a value is beyond the bounds of leaf area.
    """
    low, high = variable(_VALUE).bounds
    assert low is not None
    assert high is not None
    wrong = (values < low - 1e-6) | (values > high)
    if wrong.any():
        raise SourceError(
            "An impossible leaf area",
            where=where,
            expected=f"{low:g}…{high:g} m² m⁻²",
            found=f"{values[wrong].ravel()[0]:g}",
            remedy="the file's scale factor or fill value differs from what it declares",
        )
    return values


@dataclass(frozen=True, eq=False)
class Composite:
    """One composite of a product.

    Attributes:
        period: The days it speaks for.
        paths: Its files.
        read: Leaf area of a window of the source's grid, ``(y, x)`` float32, NaN missing.
    """

    period: Period
    paths: tuple[Path, ...]
    read: Callable[[Window], FloatArray]


class LeafArea:
    """Leaf area index and the number of valid composites behind it.

    Args:
        grid: Grid of the values.
        composites: The composites, no two of the same days.
        clock: Clock of the values.
        product: For provenance.
        partial: Offer ticks of which the files cover only some days.
        absent: First day of a composite that cannot be used → what it lacks.
        notes: What a person should know of how values were made, kept beside them.

    Raises:
        SourceError: If two composites are of the same days, or none fills a tick.
    """

    def __init__(
        self,
        grid: Grid,
        composites: Sequence[Composite],
        clock: Clock,
        product: Product,
        *,
        partial: bool = False,
        absent: Mapping[dt.date, str] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        self._product, self._notes = product, dict(notes or {})
        ordered = sorted(composites, key=lambda c: c.period)
        for one, two in itertools.pairwise(ordered):
            if one.period.shared(two.period):
                raise SourceError(
                    "Two composites for the same days",
                    where=one.paths[0].parent,
                    found=f"{one.paths[0].name} and {two.paths[0].name}",
                    remedy="keep files of one product and version in the folder",
                )
        ticks, gaps = covered_ticks(clock, [c.period for c in ordered], partial)
        if not ticks:
            first, last = ordered[0].period.start, ordered[-1].period.stop
            raise SourceError(
                f"The files fill no whole period of the {clock.value} clock",
                where=ordered[0].paths[0].parent,
                found=f"{len(ordered)} composites from {first} until before {last}",
                remedy="add files, choose a finer `clock`, or set `partial: true`",
            )
        for day, reason in (absent or {}).items():
            tick = clock.tick(day)
            if tick in gaps:
                gaps[tick] += f"; {day}: {reason}"
        self._parts: dict[int, list[tuple[Composite, int]]] = {}
        for tick in ticks:
            days = period_of(clock, tick)
            self._parts[tick] = [(c, n) for c in ordered if (n := c.period.shared(days))]
        self.fields: Mapping[str, SourceField] = {
            name: SourceField(variable(name), grid, clock, ticks, gaps=gaps)
            for name in (_VALUE, _COUNT)
        }

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Leaf area (m² m⁻², NaN missing) or composite count, ``(y, x)``; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        assert tick is not None
        total, weight = np.zeros(window.shape), np.zeros(window.shape)
        count = np.zeros(window.shape, dtype=np.float32)
        for composite, days in self._parts[tick]:
            values = composite.read(window)
            valid = np.isfinite(values)
            total += np.where(valid, values, 0.0) * days
            weight += valid * days
            count += valid
        if variable == _COUNT:
            return count
        mean = np.full(window.shape, np.nan, dtype=np.float32)
        np.divide(total, weight, out=mean, where=weight > 0, casting="same_kind")
        return mean

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """How values were made, and how many composites stand behind a tick."""
        checked(self.fields, variable, ticks[0], window)
        counts = [len(self._parts[t]) for t in ticks]
        return {**self._notes, "composites_per_tick": [min(counts), max(counts)]}

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """The files behind some times (default: all), hashed."""
        chosen = self._parts if ticks is None else [t for t in self._parts if t in ticks]
        paths = {path: None for t in chosen for c, _ in self._parts[t] for path in c.paths}
        return [provenance_of(path, self._product) for path in paths]
