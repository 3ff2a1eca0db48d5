"""Leaf area index from composites, on the clock a model steps on, with what stands behind it.

A composite speaks for some days. A tick's value is the mean of the valid composites that share days
with it, each weighted by the days it shares; ``leaf_area_index_observations`` counts them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Layout, Packing
from ai4land.grid import Grid, Window
from ai4land.sources.file_source import (
    FileSource,
    check_bounds,
    check_one_grid,
    each_once,
    nothing_here,
)
from ai4land.sources.periods import Period, covered_ticks, period_of
from ai4land.sources.reader import Strict
from ai4land.sources.source import Array, Notes, Product, SourceField, Ticks
from ai4land.vocabulary import Clock, variable

__all__ = [
    "VARIABLES",
    "Composite",
    "CompositeOptions",
    "LeafArea",
    "Naming",
    "Rhythm",
    "leaf_area",
    "open_composites",
    "unpacked",
]

Rhythm = Literal["8day", "10day", "month"]
Key = TypeVar("Key")
FloatArray = npt.NDArray[np.float32]
Opened = tuple[Layout, Callable[[Window], FloatArray]]

VARIABLES = _VALUE, _COUNT = ("leaf_area_index", "leaf_area_index_observations")
"""What every product of leaf area offers."""


class CompositeOptions(Strict):
    """Options of every product that comes as composites.

    Attributes:
        clock: Clock of the values: ``8day``, ``10day`` or ``month``.
        partial: Offer periods of which the files cover only some days.
    """

    clock: Rhythm = "8day"
    partial: bool = False


@dataclass(frozen=True)
class Naming(Generic[Key]):
    """How the files of a product are named, and which of them belong together.

    Attributes:
        what: The product, for people.
        pattern: Of a name.
        ending: Of a name, for the search in a folder and its subfolders.
        example: Names, for people.
        of: What a file is of, by its name: a period, or a tile at a time.
        one: That, for people.
        twice: What to do about two files of the same.
        edition: Product and version, by the name.
        several: What to do about several editions; ``None`` if they may stand side by side.
    """

    what: str
    pattern: re.Pattern[str]
    ending: str
    example: str
    of: Callable[[re.Match[str], Path], Key]
    one: str
    twice: str
    edition: Callable[[re.Match[str]], str]
    several: str | None = None

    def files_in(self, folder: Path, product: str | None = None) -> tuple[dict[Key, Path], str]:
        """The files of a folder and its subfolders by what they are of, and their edition.

        Args:
            folder: The folder.
            product: First word of the edition, where only one product is wanted.

        Raises:
            MissingFileError: If there is none.
            SourceError: If there are several editions, or two files of the same.
        """
        files: list[tuple[Key, Path]] = []
        editions: set[str] = set()
        for file in sorted(folder.rglob(self.ending)):
            match = self.pattern.match(file.name)
            if match is None:
                continue
            key, edition = self.of(match, file), self.edition(match)
            if product in {None, edition.split()[0]}:
                files.append((key, file))
                editions.add(edition)
        if not files:
            raise nothing_here(self.what, folder, f"files named {self.example}")
        if len(editions) > 1 and self.several is not None:
            raise SourceError(
                "Several products or versions in the folder",
                where=folder,
                found=", ".join(sorted(editions)),
                remedy=self.several,
            )
        return each_once(files, self.one, self.twice), ", ".join(sorted(editions))


def unpacked(raw: Array, packing: Packing, where: object) -> FloatArray:
    """Leaf area of stored numbers, NaN where a fill stands.

    Raises:
        SourceError: If a number is neither a value nor a fill, or a leaf area is impossible.
    """
    values = packing.floats(raw)
    beyond = np.isnan(values) & ~np.isin(raw, packing.fills)
    if beyond.any():
        fills = ", ".join(map(str, sorted(packing.fills))) or "nothing else"
        raise SourceError(
            "Stored numbers are neither leaf area nor a fill value",
            where=where,
            expected=f"{packing.low:g}…{packing.high:g}, or {fills}",
            found=f"{raw[beyond].ravel()[0]:g} ({int(beyond.sum())} cells)",
        )
    return leaf_area(values, where)


def leaf_area(values: FloatArray, where: object) -> FloatArray:
    """Leaf area as it was read, after refusing what no plant has.

    Raises:
        SourceError: If a value is beyond the bounds of leaf area.
    """
    remedy = "the file's scale factor or fill value differs from what it declares"
    check_bounds(values, variable(_VALUE), where, remedy, below=1e-6)
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


class LeafArea(FileSource):
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
        notes: Notes | None = None,
    ) -> None:
        self._notes = dict(notes or {})
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
        fields = {n: SourceField(variable(n), grid, clock, ticks, gaps=gaps) for n in VARIABLES}
        super().__init__(fields, product)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Leaf area (m² m⁻², NaN missing) or composite count, ``(y, x)`` float32."""
        assert tick is not None
        total, weight = np.zeros(window.shape), np.zeros(window.shape)
        count = np.zeros(window.shape, dtype=np.float32)
        for composite, days in self._parts[tick]:
            values = composite.read(window)
            valid = np.isfinite(values)
            total += np.where(valid, values, 0.0) * days
            weight += valid * days
            count += valid
        if entry.variable.name == _COUNT:
            return count
        mean = np.full(window.shape, np.nan, dtype=np.float32)
        np.divide(total, weight, out=mean, where=weight > 0, casting="same_kind")
        return mean

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """How values were made, and how many composites stand behind a tick."""
        counts = [len(self._parts[t]) for t in ticks]
        return {**self._notes, "composites_per_tick": [min(counts), max(counts)]}

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        assert tick is not None
        return [path for composite, _ in self._parts[tick] for path in composite.paths]


def open_composites(
    folder: Path,
    options: CompositeOptions,
    naming: Naming[Period],
    opened: Callable[[Path], Opened],
    product: Product,
    notes: Notes,
    wanted: str | None = None,
) -> LeafArea:
    """Leaf area of the files of a folder and its subfolders by the days that they speak for.

    Args:
        folder: The folder.
        options: Clock, and whether periods may be incomplete.
        naming: How the files are named.
        opened: Reads the header of a file: how it lies, and what reads leaf area of a window.
        product: For provenance; the names of the files say its version.
        notes: What a person should know of how values were made.
        wanted: First word of the edition, where only one product is wanted.
    """
    files, edition = naming.files_in(folder, wanted)
    maps = {period: (file, *opened(file)) for period, file in files.items()}
    places = [(file, layout.grid) for file, layout, _ in maps.values()]
    check_one_grid(places, "keep files of one resolution in folders of their own")
    return LeafArea(
        places[0][1],
        [Composite(period, (file,), read) for period, (file, _, read) in maps.items()],
        Clock(options.clock),
        replace(product, version=edition),
        partial=options.partial,
        notes=notes,
    )
