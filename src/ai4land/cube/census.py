"""Census: what values a cube holds, so that a silent fault is seen by a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube.flags import years_behind
from ai4land.cube.schema import GroupSpec, Status, VariableSpec
from ai4land.cube.store import Cube
from ai4land.grid import Window
from ai4land.vocabulary import NO_DATA, Kind

__all__ = ["VariableCensus", "census"]

Floats = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

_WINDOW_BYTES = 1 << 24  # of stored values looked at once
_CODES = NO_DATA + 1


@dataclass(frozen=True, eq=False)
class VariableCensus:
    """The values of one variable, by time and layer.

    Layers are the components of numbers, a scalar variable having one, and the classes of a map:
    those of its legend, then sea and other codes that are there. A cell counts with its true area.

    Attributes:
        spec: The variable.
        group: The group that holds it.
        ticks: Times looked at, ascending: all but those that were left empty; empty if static.
        layers: Name of each layer.
        low: Smallest value ``(time, layer)``, NaN without any; of a class that is there, its code.
        high: Largest value, likewise.
        total: Sum of value times area in m² ``(time, layer)``; of classes, their area.
        known: Area that is not missing in m² ``(time, layer)``.
        lost: Area that is missing in m² ``(time, layer)``.
    """

    spec: VariableSpec
    group: GroupSpec
    ticks: tuple[int, ...]
    layers: tuple[str, ...]
    low: Floats
    high: Floats
    total: Floats
    known: Floats
    lost: Floats

    @property
    def means(self) -> Floats:
        """Mean by time and layer; of classes, their share of what is known; NaN of nothing."""
        return _ratio(self.total, self.known)

    @property
    def mean(self) -> Floats:
        """Mean, or share, of all times together by layer; NaN of nothing."""
        return _ratio(self.total.sum(axis=0), self.known.sum(axis=0))

    @property
    def missing(self) -> Floats:
        """Share of the grid that is missing by time and layer."""
        return self.lost / (self.known + self.lost)

    @property
    def lowest(self) -> Floats:
        """Smallest value of all times by layer, NaN without any."""
        return np.asarray(np.fmin.reduce(self.low))

    @property
    def highest(self) -> Floats:
        """Largest value of all times by layer, NaN without any."""
        return np.asarray(np.fmax.reduce(self.high))

    @property
    def years(self) -> tuple[int, ...]:
        """The years in which the times lie; empty if static."""
        return tuple(sorted(years_behind(self.group.clock, self.ticks))) if self.ticks else ()

    @property
    def yearly(self) -> Floats:
        """Mean, or share, by year and layer; NaN of nothing."""
        per_year = self.group.clock.ticks_per_year
        places = np.searchsorted(self.years, [tick // per_year for tick in self.ticks])
        sums = np.zeros((2, len(self.years), len(self.layers)))
        for out, values in zip(sums, (self.total, self.known), strict=True):
            np.add.at(out, places, values)
        return _ratio(*sums)


def _ratio(total: Floats, known: Floats) -> Floats:
    return np.divide(total, known, out=np.full_like(total, np.nan), where=known > 0)


def census(cube: Cube, progress: Progress | None = None) -> tuple[VariableCensus, ...]:
    """Look at every value of a cube, a few chunks at once.

    Args:
        cube: A finished cube.
        progress: Called with the variable and how many of its windows are done, of how many.

    Returns:
        One entry per variable, in the order of the cube; none of one without a time that is not
        left empty.
    """
    found = []
    for group in cube.spec.groups:
        for spec in group.variables:
            status = cube.status(spec.name)
            ticks = tuple(t for t in group.ticks if status[t] is not Status.DROPPED)
            if ticks or not group.ticks:
                found.append(_counted(cube, group, spec, ticks, progress))
    return tuple(found)


def _counted(
    cube: Cube,
    group: GroupSpec,
    spec: VariableSpec,
    ticks: tuple[int, ...],
    progress: Progress | None,
) -> VariableCensus:
    """The census of one variable."""
    classes = spec.variable.kind is Kind.CATEGORICAL
    shape = (max(len(ticks), 1), _CODES if classes else spec.layers)
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    total, known, lost = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    areas = group.grid.row_areas()
    parts = list(_parts(group, spec, ticks))
    for done, (times, window) in enumerate(parts, start=1):
        values = cube.series(spec.name, window, ticks[times] if ticks else None)
        rows = areas[window.slices[0]]
        if classes:
            total[times] += _area_of_codes(values.reshape(-1, *window.shape), rows)
        else:
            stack = values.reshape(-1, spec.layers, *window.shape)
            missing = np.isnan(stack)
            known[times] += (~missing).sum(axis=-1) @ rows
            lost[times] += missing.sum(axis=-1) @ rows
            total[times] += np.where(missing, 0.0, stack).sum(axis=-1, dtype=np.float64) @ rows
            low[times] = np.fmin(low[times], np.fmin.reduce(stack, axis=(-2, -1)))
            high[times] = np.fmax(high[times], np.fmax.reduce(stack, axis=(-2, -1)))
        if progress is not None:
            progress(spec.name, done, len(parts))
    if not classes:
        names = spec.components or (spec.name,)
        return VariableCensus(spec, group, ticks, names, low, high, total, known, lost)
    codes, names = _classes(spec, total)
    columns = np.zeros((1, len(codes)))
    known = total[:, :NO_DATA].sum(axis=1, keepdims=True) + columns
    lost = total[:, NO_DATA:] + columns
    total = total[:, codes]
    code = np.where(total > 0, np.asarray(codes, dtype=np.float64), np.nan)
    return VariableCensus(spec, group, ticks, names, code, code, total, known, lost)


def _parts(
    group: GroupSpec, spec: VariableSpec, ticks: tuple[int, ...]
) -> Iterator[tuple[slice, Window]]:
    """Positions of some times and windows of whole chunks, of bounded size, that make the whole."""
    step = group.block_ticks()
    by_chunk: dict[int, list[int]] = {}
    for place, tick in enumerate(ticks):
        by_chunk.setdefault(group.time_index(tick) // step, []).append(place)
    rows, cols = group.chunks(spec)[-2:]
    height, width = group.grid.shape
    column = rows * cols * step * spec.layers * np.dtype(spec.dtype).itemsize
    wide = max(_WINDOW_BYTES // column, 1) * cols
    for places in by_chunk.values() or [[0]]:
        times = slice(places[0], places[-1] + 1)
        for row in range(0, height, rows):
            for col in range(0, width, wide):
                yield times, Window(row, col, min(rows, height - row), min(wide, width - col))


def _area_of_codes(codes: npt.NDArray[Any], rows: Floats) -> Floats:
    """Area in m² of each code ``(time, 256)`` in maps ``(time, y, x)``; ``rows``: of a cell."""
    out = np.zeros((len(codes), _CODES))
    offsets = np.arange(len(rows), dtype=np.intp)[:, None] * _CODES
    for counted, one in zip(out, codes, strict=True):
        counts = np.bincount((one + offsets).ravel(), minlength=len(rows) * _CODES)
        counted += rows @ counts.reshape(len(rows), _CODES)
    return out


def _classes(spec: VariableSpec, area: Floats) -> tuple[list[int], tuple[str, ...]]:
    """Codes and names of the legend's classes, then of sea and of what else is there."""
    legend = spec.legend
    assert legend is not None
    there = np.flatnonzero(area[:, :NO_DATA].sum(axis=0)).tolist()
    rest = [code for code in there if code not in legend.codes]
    names = [f"sea {code}" if code in legend.sea else f"unknown {code}" for code in rest]
    return [*legend.codes, *rest], (*legend.names, *names)
