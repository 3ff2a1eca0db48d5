"""GRIB files of a reanalysis: the messages of each parameter as one series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import GribMessage, Instants, Layout, grib_messages, grib_values
from ai4land.grid import Window
from ai4land.sources.reanalysis.files import Place
from ai4land.sources.source import Array

__all__ = ["GribSeries", "grib_series"]

_PRELIMINARY = "5"


@dataclass(frozen=True, eq=False)
class GribSeries:
    """The messages of one parameter in one GRIB file; see ``Series``.

    Attributes:
        place: The file.
        layout: How the rows and columns lie.
        messages: The headers, one a record.
    """

    place: Place
    layout: Layout
    messages: tuple[GribMessage, ...]

    @property
    def times(self) -> Instants:
        """See ``Series``; of a monthly mean the first day of the month."""
        return np.array([m.time for m in self.messages], dtype=np.int64)

    @property
    def streams(self) -> frozenset[str]:
        """See ``Series``."""
        return frozenset(m.stream for m in self.messages if m.stream)

    @property
    def spans(self) -> frozenset[tuple[int, int]]:
        """See ``Series``."""
        return frozenset(m.span for m in self.messages if m.span is not None)

    def read(self, first: int, stop: int, window: Window) -> npt.NDArray[np.float32]:
        """See ``Series``."""
        out = np.empty((stop - first, *window.shape), dtype=np.float32)
        for i, message in enumerate(self.messages[first:stop]):
            values = grib_values(self.place.path, message, self.place)
            out[i] = self.layout.gather(window, _cutter(values))
        return out

    def preliminary(self, window: Window) -> npt.NDArray[np.bool_]:
        """See ``Series``."""
        return np.array([m.version.strip("0") == _PRELIMINARY for m in self.messages])


def _cutter(values: npt.NDArray[np.float32]) -> Callable[[slice, slice], Array]:
    return lambda rows, cols: values[rows, cols]


def grib_series(
    place: Place, names: Mapping[int, str], units: Mapping[str, frozenset[str]]
) -> Iterable[tuple[str, GribSeries]]:
    """The known parameters of a GRIB file.

    Args:
        place: The file.
        names: ECMWF parameter number → name of the variable.
        units: Name → units in which it is understood.

    Raises:
        SourceError: If ecCodes is not installed, or a known parameter is not a series of regular
            maps of one analysis.
    """
    found: dict[str, list[GribMessage]] = {}
    for message in grib_messages(place.path, names, place):
        name = names[message.parameter]
        where, first = f"{place}, {name}", found.setdefault(name, [message])[0]
        if message.units.lower() not in units[name]:
            raise SourceError(
                "The parameter is in other units",
                where=where,
                expected=" or ".join(sorted(units[name])),
                found=message.units,
            )
        if (message.corners, message.shape) != (first.corners, first.shape):
            raise SourceError(
                "The GRIB fields of one parameter lie on different grids",
                where=where,
                expected=f"{first.shape}, {first.corners}",
                found=f"{message.shape}, {message.corners}",
                remedy="split the file, for example with `grib_copy`",
            )
        if message is not first:
            found[name].append(message)
    return [(n, GribSeries(place, m[0].layout(place), tuple(m))) for n, m in found.items()]
