"""Reanalysis: fields of months, days or hours brought onto a clock, complete periods only."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Instants
from ai4land.grid import Window
from ai4land.sources.file_source import FileSource, check_bounds, check_one_grid
from ai4land.sources.reader import Strict
from ai4land.sources.reanalysis.files import Series
from ai4land.sources.reanalysis.records import Measure, Quantity, Records, label_of
from ai4land.sources.reanalysis.times import DAY, Frequency, Way, frequency_of, needed
from ai4land.sources.source import Array, Notes, Product, SourceField, Ticks
from ai4land.vocabulary import Clock, variable

__all__ = ["Reanalysis", "ReanalysisOptions"]

_LOG = logging.getLogger(__name__)
_BLOCK_CELLS = 4_000_000  # cells of consecutive fields that are read at once


class ReanalysisOptions(Strict):
    """Options of a reanalysis.

    Attributes:
        clock: Rhythm in the cube; finer fields are brought onto it, months stay months.
        frequency: What one field of the files stands for; only needed where it cannot be told:
            of a single time, or of one field a day.
    """

    clock: Literal["month", "10day", "8day"] = "month"
    frequency: Literal["month", "day", "hour"] | None = None


@dataclass(frozen=True, eq=False)
class _Entry:
    """One variable: where its values are and how a period is made of them."""

    quantity: Quantity
    components: tuple[Records, ...]
    frequency: Frequency
    step: int
    way: Way


class Reanalysis(FileSource):
    """Variables of a reanalysis on a monthly, ten-day or eight-day clock.

    States are means of a period, accumulations its totals, radiation its mean flux. A period is
    offered only if every field that it needs is there.

    Args:
        series: First name of each component → its files.
        quantities: What the product may hold.
        options: Clock, and frequency if it is stated.
        accumulation: How hourly accumulations relate to their stamp.
        product: Name, version and citation.

    Raises:
        SourceError: If the files contradict each other or nothing can be offered.
    """

    def __init__(
        self,
        series: Mapping[str, list[Series]],
        quantities: Sequence[Quantity],
        options: ReanalysisOptions,
        accumulation: Way,
        product: Product,
    ) -> None:
        self._clock, self._options = Clock(options.clock), options
        self._accumulation = accumulation
        self._entries: dict[str, _Entry] = {}
        fields: dict[str, SourceField] = {}
        absent: dict[str, str] = {}
        for quantity in quantities:
            lacking = [names[0] for names in quantity.names if names[0] not in series]
            if lacking:
                absent[quantity.variable] = f"the files lack {', '.join(lacking)}"
                continue
            files = [series[names[0]] for names in quantity.names]
            check_one_grid(
                ((str(f.place), f.layout.grid) for part in files for f in part),
                "put them into separate folders",
            )
            entry = self._entry(quantity, files)
            ticks, gaps, nearest = self._ticks(entry)
            if not ticks:
                absent[quantity.variable] = f"no {self._clock.value} is complete: {nearest}"
                continue
            self._entries[quantity.variable] = entry
            fields[quantity.variable] = SourceField(
                variable(quantity.variable),
                files[0][0].layout.grid,
                self._clock,
                ticks,
                gaps={t: text for t, text in gaps.items() if ticks[0] < t < ticks[-1]},
            )
        if not fields:
            some = next(iter(next(iter(series.values()))))
            raise SourceError(
                "The files make no variable complete",
                where=some.place.origin.parent,
                found="; ".join(f"{n}: {w}" for n, w in absent.items() if "lack" not in w)
                or "; ".join(f"{n}: {w}" for n, w in absent.items()),
            )
        super().__init__(fields, product, absent)

    def _entry(self, quantity: Quantity, files: list[list[Series]]) -> _Entry:
        """Settle what one field stands for."""
        flat = [f for component in files for f in component]
        where = f"{quantity.variable} in {flat[0].place}{' …' if len(flat) > 1 else ''}"
        named = [f.streams for f in flat]
        stated = self._options.frequency
        frequency, step = frequency_of(
            np.concatenate([f.times for f in flat]),
            None if stated is None else Frequency(stated),
            frozenset().union(*named) if all(named) else frozenset(),
            where,
        )
        if frequency is Frequency.MONTH and self._clock is not Clock.MONTH:
            raise SourceError(
                "Monthly fields cannot be cut into shorter periods",
                where=where,
                found=f"clock: {self._clock.value}",
                remedy="say `clock: month`, or download days or hours",
            )
        accumulates = quantity.measure in {Measure.AMOUNT, Measure.ENERGY}
        way = self._accumulation if accumulates else Way.NOW
        if accumulates and frequency is Frequency.HOUR:
            _check_spans({s for f in flat for s in f.spans}, way, where)
        names = [names[0] for names in quantity.names]
        records = (Records(f, frequency, n) for f, n in zip(files, names, strict=True))
        return _Entry(quantity, tuple(records), frequency, step, way)

    def _ticks(self, entry: _Entry) -> tuple[tuple[int, ...], dict[int, str], str]:
        """Complete periods, why the others are not, and what the least incomplete one lacks."""
        dates = np.concatenate([r.times[[0, -1]] for r in entry.components])
        days = dates.astype("datetime64[s]").astype("datetime64[D]").tolist()
        first, last = self._clock.tick(min(days)), self._clock.tick(max(days))
        ticks: list[int] = []
        gaps: dict[int, str] = {}
        least, nearest = math.inf, ""
        for tick in range(first, last + 1):
            wanted = self._needed(entry, tick)
            missing = [wanted[r.positions(wanted) < 0] for r in entry.components]
            worst = max(missing, key=len)
            if worst.size == 0:
                ticks.append(tick)
                continue
            gaps[tick] = (
                f"{worst.size} of {wanted.size} fields are missing, "
                f"the first is {label_of(worst[0])}"
            )
            if worst.size / wanted.size < least:
                least, nearest = worst.size / wanted.size, gaps[tick]
        edge = [self._clock.label(t) for t in gaps if ticks and not ticks[0] < t < ticks[-1]]
        if edge:
            name = entry.quantity.variable
            _LOG.info("%s: incomplete at its ends: %s", name, ", ".join(edge))
        return tuple(ticks), gaps, nearest

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Values of a window, ``([component,] y, x)`` float32, NaN missing."""
        assert tick is not None
        made = self._entries[entry.variable.name]
        layers = [self._component(made, r, tick, window) for r in made.components]
        values = np.stack(layers) if entry.variable.components else layers[0]
        where = f"{self._product.name}, {self._clock.label(tick)}"
        quantity, low = made.quantity, entry.variable.bounds[0]
        check_bounds(values, entry.variable, where, quantity.remedy, below=quantity.noise)
        if low is not None:
            np.maximum(values, low, out=values)  # undoes what packing did below the lower bound
        return values.astype(np.float32)

    def _component(
        self, entry: _Entry, records: Records, tick: int, window: Window
    ) -> npt.NDArray[np.float64]:
        """The mean or total of a period in the vocabulary's units."""
        wanted = self._needed(entry, tick)
        total = np.zeros(window.shape)
        missing = np.zeros(window.shape, dtype=np.int64)
        step = max(1, _BLOCK_CELLS // (window.height * window.width))
        for file, first, stop in records.runs(records.positions(wanted)):
            for start in range(first, stop, step):
                block = file.read(start, min(start + step, stop), window)
                gone = np.isnan(block)
                missing += gone.sum(axis=0)
                total += np.where(gone, 0.0, block).sum(axis=0, dtype=np.float64)
        if ((missing > 0) & (missing < wanted.size)).any():
            raise SourceError(
                "Cells lack some of the fields of a period",
                where=f"{entry.quantity.variable}, {self._clock.label(tick)}",
                expected=f"{wanted.size} values or none",
                found=f"{int(((missing > 0) & (missing < wanted.size)).sum())} cells with fewer",
                remedy="download the period again",
            )
        days = (self._clock.date(tick + 1) - self._clock.date(tick)).days
        total *= entry.quantity.scale * _factor(entry, wanted.size, days)
        total[missing > 0] = np.nan
        return total

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """Which times are preliminary (ERA5T), to be replaced by the provider.

        Returns:
            ``preliminary``: times of ``ticks`` in which a preliminary field has a part.
        """
        made, late = self._entries[entry.variable.name], set()
        for records in made.components:
            flags = [f.preliminary(window) for f in records.files]
            for tick in ticks:
                at = records.positions(self._needed(made, tick))
                if any(
                    flags[o][r] for o, r in zip(records.owner[at], records.record[at], strict=True)
                ):
                    late.add(tick)
        return {"preliminary": [self._clock.label(t) for t in sorted(late)]} if late else {}

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        """An archive counts as the file that it is."""
        assert tick is not None
        made = self._entries[entry.variable.name]
        wanted = self._needed(made, tick)
        return sorted(
            {
                records.files[int(owner)].place.origin
                for records in made.components
                for owner in set(records.owner[records.positions(wanted)])
            }
        )

    def _needed(self, entry: _Entry, tick: int) -> Instants:
        """Stamps of the fields that a period is made of."""
        return needed(self._clock, tick, entry.frequency, entry.step, entry.way)


def _factor(entry: _Entry, count: int, days: int) -> float:
    """What the sum of a period's fields is multiplied with; monthly accumulations are per day."""
    per_day = days if entry.frequency is Frequency.MONTH else 1
    measure = entry.quantity.measure
    if measure is Measure.STATE:
        return 1.0 / count
    if measure is Measure.AMOUNT:
        return float(per_day)
    if measure is Measure.ENERGY:
        return per_day / (days * DAY)
    return 3600.0 if measure is Measure.HOURLY_RATES else days * DAY / count


def _check_spans(spans: set[tuple[int, int]], way: Way, where: str) -> None:
    """Refuse accumulations that GRIB says began at another time than the product's."""
    wrong = {
        (start, hours)
        for start, hours in spans
        if (hours != 1 if way is Way.HOUR_BEFORE else start != 0)
    }
    if wrong:
        start, hours = sorted(wrong)[0]
        raise SourceError(
            "The accumulations are not those of the product",
            where=where,
            expected="over the hour before" if way is Way.HOUR_BEFORE else "since 00 UTC",
            found=f"{hours} h from {start:02d} UTC",
            remedy="use the source `era5` for ERA5 and `era5_land` for ERA5-Land",
        )
