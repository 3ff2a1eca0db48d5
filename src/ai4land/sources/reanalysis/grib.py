"""GRIB files of a reanalysis: the messages of each parameter as one series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import GribMessage, grib_messages, grib_values
from ai4land.grid import Window
from ai4land.sources.reanalysis.files import Place, Series

__all__ = ["GribSeries", "grib_series"]

_PRELIMINARY = "5"


@dataclass(frozen=True, eq=False, kw_only=True)
class GribSeries(Series):
    """The messages of one parameter in one GRIB file.

    Attributes:
        messages: The headers, one a record.
    """

    messages: tuple[GribMessage, ...]

    @classmethod
    def of(cls, place: Place, messages: Sequence[GribMessage]) -> GribSeries:
        """The series of messages on one grid."""
        return cls(
            place=place,
            layout=messages[0].layout(place),
            times=np.array([m.time for m in messages], dtype=np.int64),
            streams=frozenset(m.stream for m in messages if m.stream),
            spans=frozenset(m.span for m in messages if m.span is not None),
            messages=tuple(messages),
        )

    def read(self, first: int, stop: int, window: Window) -> npt.NDArray[np.float32]:
        """See ``Series``; a field is decoded whole."""

        def cut(message: GribMessage) -> npt.NDArray[np.float32]:
            values = grib_values(self.place.path, message, self.place)
            return self.layout.gather(window, lambda rows, cols: values[rows, cols])

        return np.stack([cut(message) for message in self.messages[first:stop]])

    def preliminary(self, window: Window) -> npt.NDArray[np.bool_]:
        """See ``Series``."""
        return np.array([m.version.strip("0") == _PRELIMINARY for m in self.messages])


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
    return [(name, GribSeries.of(place, messages)) for name, messages in found.items()]
