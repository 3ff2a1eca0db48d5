"""HILDA+ states in NetCDF: ``LULC_states(time, latitude, longitude)``, time as bare years."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ai4land.errors import SourceError
from ai4land.formats import chosen, map_of, opened_netcdf, years_of
from ai4land.grid import Window
from ai4land.sources.codes import class_codes
from ai4land.sources.hilda.files import EDITIONS
from ai4land.sources.source import Array, Provenance, SourceField, checked, provenance_of
from ai4land.vocabulary import Clock, legend, variable

__all__ = ["HildaNetcdf"]

_NAME = "LULC_states"


class HildaNetcdf:
    """One file of all years.

    Args:
        path: The file.
        version: Edition.
        observed_from: First year that is not back-cast.

    Raises:
        SourceError: If it is not such a file.
    """

    def __init__(self, path: Path, version: str, observed_from: int) -> None:
        self._path, self._edition = path, EDITIONS[version]
        self._legend = legend(self._edition.legend)
        with opened_netcdf(path) as dataset:
            array = chosen(dataset, (_NAME,), path, what="HILDA+ states", option=None)
            self._map = map_of(dataset, array, path)
            if list(self._map.others) != ["time"] or "time" not in dataset.variables:
                raise SourceError(
                    "Other dimensions than a series of maps",
                    where=f"{path}, {_NAME}",
                    expected="(time, latitude, longitude)",
                    found=array.dimensions,
                )
            self._index = years_of(dataset["time"], path)
        ticks = tuple(sorted(self._index))
        self.fields: Mapping[str, SourceField] = {
            "land_use": SourceField(
                variable("land_use"),
                self._map.layout.grid,
                Clock.YEAR,
                ticks,
                self._legend,
                frozenset(y for y in ticks if y < observed_from),
                {
                    y: f"{path.name} has no time {y}"
                    for y in range(ticks[0], ticks[-1])
                    if y not in self._index
                },
            )
        }

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        assert tick is not None
        known = {*self._legend.codes, *self._legend.sea}
        raw, missing = self._map.classes(window, known, {"time": self._index[tick]})
        where = f"{self._path.name}, {tick}, row {window.row}, column {window.col}"
        return class_codes(raw, self._legend, None, where, missing)

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """Nothing: one file cannot contradict itself in orientation."""
        checked(self.fields, variable, ticks[0], window)
        return {}

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """The one file, hashed."""
        return [provenance_of(self._path, self._edition.product)]
