"""The contract of a source: named fields on their native grids, read lazily, with provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import Clock, Kind, Legend, Variable

__all__ = [
    "Array",
    "Fields",
    "Flag",
    "Notes",
    "Product",
    "Provenance",
    "Source",
    "SourceField",
    "Ticks",
    "checked",
    "provenance_of",
    "raised",
]

Array = npt.NDArray[Any]
Notes = Mapping[str, Any]
Ticks = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """A part of a product that is known to be wrong.

    Attributes:
        text: What is wrong, one sentence.
        ticks: First and last time concerned; ``None``: all.
        box: West, south, east and north of the place in degrees; ``None``: everywhere.
        components: Layers concerned; empty: all.
    """

    text: str
    ticks: tuple[int, int] | None = None
    box: tuple[float, float, float, float] | None = None
    components: tuple[str, ...] = ()

    def touches(self, grid: Grid, ticks: Collection[int], window: Window) -> bool:
        """Whether some of the times and of the window of a grid are concerned."""
        if self.ticks is not None and not any(self.ticks[0] <= t <= self.ticks[1] for t in ticks):
            return False
        if self.box is None:
            return True
        here, (west, south, east, north) = grid.crop(window), self.box
        offset = (west - float(here.west)) % 360
        wide = offset < float(here.east - here.west) or offset + (east - west) > 360
        return wide and south < float(here.north) and north > float(here.south)

    def to_dict(self) -> dict[str, Any]:
        """The flag as plain data."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class SourceField:
    """One variable that a source offers, known from the files' headers alone.

    Attributes:
        variable: Its entry in the vocabulary; values are in these units.
        grid: The native grid, row 0 in the north, west within −180…180° E.
        clock: The rhythm.
        ticks: Times that can be read, ascending; empty if static.
        legend: Meaning of the codes of a categorical variable.
        back_cast: Ticks that the product reconstructs rather than observes.
        gaps: Ticks inside the series that cannot be read → what is missing there.
        flags: Parts that are known to be wrong.
    """

    variable: Variable
    grid: Grid
    clock: Clock
    ticks: tuple[int, ...] = ()
    legend: Legend | None = None
    back_cast: frozenset[int] = frozenset()
    gaps: Mapping[int, str] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        """Refuse times that contradict the clock, and classes without a legend."""
        where = f"field {self.variable.name!r}"
        if (self.clock is Clock.STATIC) != (not self.ticks):
            raise SourceError(
                "A static field has no times, any other at least one", where=where, found=self.ticks
            )
        if list(self.ticks) != sorted(set(self.ticks)):
            raise SourceError("Times must ascend without repeats", where=where, found=self.ticks)
        if self.variable.kind is Kind.CATEGORICAL and self.legend is None:
            raise SourceError("A categorical field needs a legend", where=where)


class Fields(dict[str, SourceField]):
    """What a source offers, by variable; asking for one it lacks says why it is lacking.

    Args:
        fields: Variable name → field.
        absent: Variable name → why the source does not hold it.
    """

    def __init__(
        self, fields: Mapping[str, SourceField], absent: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(fields)
        self.absent: Mapping[str, str] = {
            name: why for name, why in (absent or {}).items() if name not in fields
        }

    def __missing__(self, name: str) -> SourceField:
        """Refuse a variable that the source lacks."""
        raise SourceError(
            "The source has no such variable",
            expected=f"one of {', '.join(self)}",
            found=repr(name),
            remedy=self.absent.get(name),
        )


@dataclass(frozen=True, slots=True)
class Product:
    """What a file belongs to, as a citation needs it."""

    name: str
    version: str
    licence: str
    citation: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """One input file.

    Attributes:
        name: File name without its folder, which means nothing on another machine.
        sha256: Hash of its bytes.
        product: Name of the product.
        version: Version of the product.
        licence: Terms under which it may be used.
        citation: What to cite.
    """

    name: str
    sha256: str
    product: str
    version: str
    licence: str
    citation: str

    def to_dict(self) -> dict[str, str]:
        """The entry as plain data."""
        return asdict(self)


class Source(Protocol):
    """A product's files, opened: headers read and checked, values still on disk."""

    @property
    def fields(self) -> Mapping[str, SourceField]:
        """Variable name → what the source offers."""
        ...

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Read a window of one variable at one time, and no more of the file than it needs.

        Args:
            variable: One of ``fields``.
            tick: One of the field's ticks; ``None`` for a static field.
            window: Rows and columns inside the field's grid; around it if the grid is global.

        Returns:
            ``([component,] y, x)``, row 0 in the north; class codes ``uint8`` with 255 missing,
            numbers ``float32`` in the vocabulary's units with NaN missing.

        Raises:
            SourceError: If the values are not what the product promises.
        """
        ...

    def inspect(self, variable: str, ticks: Ticks, window: Window) -> Notes:
        """Look once into the data, before a build, for what headers cannot tell.

        Args:
            variable: One of ``fields``.
            ticks: The times that will be read.
            window: The rows and columns that will be read.

        Returns:
            Plain data worth keeping beside the values; mostly empty.

        Raises:
            SourceError: If the files contradict each other.
        """
        ...

    def provenance(
        self, ticks: Collection[int] | None = None, variables: Collection[str] | None = None
    ) -> list[Provenance]:
        """The files behind some times of some variables (default: all), hashed."""
        ...


def checked(
    fields: Mapping[str, SourceField], variable: str, tick: int | None, window: Window
) -> SourceField:
    """The field of a read request, after refusing what the source does not hold.

    Raises:
        SourceError: If the variable, the time or a part of the window is not there.
    """
    if variable not in fields:
        fields = Fields(fields, getattr(fields, "absent", None))
    entry = fields[variable]
    where = f"variable {variable!r}"
    if not entry.ticks and tick is not None:
        raise SourceError("A static variable has no times", where=where, found=tick)
    if entry.ticks and tick not in entry.ticks:
        first, last = entry.clock.label(entry.ticks[0]), entry.clock.label(entry.ticks[-1])
        raise SourceError(
            "The source has no such time",
            where=where,
            expected=f"{first}…{last}, {len(entry.ticks)} times",
            found=None if tick is None else entry.clock.label(tick),
            remedy=entry.gaps.get(tick) if tick is not None else None,
        )
    inside = sum(
        (p.target[0].stop - p.target[0].start) * (p.target[1].stop - p.target[1].start)
        for p in entry.grid.pieces(window)
    )
    if inside != window.height * window.width:
        raise SourceError(
            "The window reaches beyond the grid",
            where=where,
            expected=f"inside {entry.grid.height} × {entry.grid.width} cells",
            found=window,
        )
    return entry


def raised(entry: SourceField, ticks: Collection[int], window: Window) -> dict[str, Any]:
    """The flags of a field that concern some times and a window, as a note of ``inspect``."""
    flags = [f.to_dict() for f in entry.flags if f.touches(entry.grid, ticks, window)]
    return {"known_wrong": flags} if flags else {}


def provenance_of(path: Path, product: Product) -> Provenance:
    """Hash one file (SHA-256, read in pieces).

    Raises:
        MissingFileError: If the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise MissingFileError("Cannot read the file", where=path.name, found=error) from error
    return Provenance(
        path.name, digest, product.name, product.version, product.licence, product.citation
    )
