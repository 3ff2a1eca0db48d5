"""Quantities of a reanalysis: what they are called in files, and their records by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Instants
from ai4land.sources.reanalysis.files import Series, netcdf_series, places
from ai4land.sources.reanalysis.grib import grib_series
from ai4land.sources.reanalysis.times import Frequency, stamps

__all__ = ["Measure", "Quantity", "Records", "label_of", "open_series"]


class Measure(Enum):
    """How a quantity is brought onto a period."""

    STATE = "state"  #: the mean of the period
    AMOUNT = "amount"  #: accumulated; the total of the period
    ENERGY = "energy"  #: accumulated per area; the mean flux of the period
    RATE = "rate"  #: a flux; the total of the period
    HOURLY_RATES = "hourly rates"  #: the sum of hourly fluxes; the total of the period


@dataclass(frozen=True)
class Quantity:
    """A variable of the vocabulary and what it is called in files.

    Attributes:
        variable: Name in the vocabulary.
        names: For each component its names in NetCDF; the first one is also that of GRIB.
        units: Units in files, lower case.
        measure: How it is brought onto a period.
        scale: Factor from the file's units to the vocabulary's, of totals and of means.
        parameters: For each component the ECMWF parameter number.
        noise: How far packing may take a value beyond its lower bound, vocabulary units.
        remedy: What to do about values that cannot be.
    """

    variable: str
    names: tuple[tuple[str, ...], ...]
    units: frozenset[str]
    measure: Measure = Measure.STATE
    scale: float = 1.0
    parameters: tuple[int, ...] = ()
    noise: float = 0.0
    remedy: str = "the file's units attribute is wrong, or the file is damaged"


def open_series(path: Path, quantities: Sequence[Quantity]) -> dict[str, list[Series]]:
    """Read the headers of all files behind a path.

    Args:
        path: NetCDF or GRIB file, ZIP archive, or a folder of such.
        quantities: What is looked for.

    Returns:
        First name of each component → its files.

    Raises:
        MissingFileError: If there are no files.
        SourceError: If a file is not what it promises, or none holds a known variable.
    """
    alias = {n: names[0] for q in quantities for names in q.names for n in names}
    units = {n: q.units for q in quantities for names in q.names for n in names}
    numbers = {
        number: names[0]
        for q in quantities
        for number, names in zip(q.parameters, q.names, strict=False)
    }
    series: dict[str, list[Series]] = {}
    for place in places(path):
        found: list[tuple[str, Series]] = []
        if place.kind == "grib":
            found += grib_series(place, numbers, units)
        else:
            found += netcdf_series(place, units)
        for name, entry in found:
            series.setdefault(alias[name], []).append(entry)
    if not series:
        raise SourceError(
            "No variable of the product is in these files",
            where=path,
            expected=f"one of {', '.join(alias)}",
        )
    return series


class Records:
    """The records of one component in all its files, by stamp."""

    def __init__(self, files: list[Series], frequency: Frequency, name: str) -> None:
        times = np.concatenate([stamps(f.times, frequency) for f in files])
        owner = np.repeat(np.arange(len(files)), [f.times.size for f in files])
        record = np.concatenate([np.arange(f.times.size) for f in files])
        order = np.lexsort((record, owner, times))
        self.files = files
        self.times, self.owner, self.record = times[order], owner[order], record[order]
        twice = np.flatnonzero(np.diff(self.times) == 0)
        if twice.size:
            i = int(twice[0])
            raise SourceError(
                "A time occurs twice",
                where=" and ".join(str(files[self.owner[k]].place) for k in (i, i + 1)),
                found=f"{name} of {label_of(self.times[i])}, {twice.size} such times",
                remedy="remove one of the files, or cut them so that they do not overlap",
            )

    def positions(self, wanted: Instants) -> npt.NDArray[np.int64]:
        """Where the stamps are; −1 where they are not."""
        at = np.minimum(np.searchsorted(self.times, wanted), self.times.size - 1)
        return np.where(self.times[at] == wanted, at, -1)

    def runs(self, positions: npt.NDArray[np.int64]) -> Iterator[tuple[Series, int, int]]:
        """Files with the first and the one after the last of consecutive records."""
        owner, record = self.owner[positions], self.record[positions]
        cuts = np.flatnonzero((np.diff(owner) != 0) | (np.diff(record) != 1)) + 1
        for part in np.split(np.arange(positions.size), cuts):
            first, last = int(part[0]), int(part[-1])
            yield self.files[int(owner[first])], int(record[first]), int(record[last]) + 1


def label_of(stamp: np.int64) -> str:
    """A stamp for people."""
    return str(np.datetime64(int(stamp), "s").astype("datetime64[m]")).replace("T", " ")
