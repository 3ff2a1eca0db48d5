"""Land parameters: static maps of numbers, put together from layers and brought into our units."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.errors import SourceError
from ai4land.formats import maps_in, opened_netcdf
from ai4land.grid import Grid, Window
from ai4land.sources.file_source import FileSource, check_bounds, check_one_grid
from ai4land.sources.reader import Strict
from ai4land.sources.source import Array, Notes, Product, SourceField, Ticks
from ai4land.sources.surfaces import Rows, Surface, is_netcdf, netcdf_surface
from ai4land.vocabulary import Clock, Variable, check_name, nearest_name

__all__ = [
    "Parameter",
    "ParameterMaps",
    "ParameterOptions",
    "conversion",
    "meant",
    "over_depth",
    "recognised",
]

_PROBED = 16  # rows looked at before a build to tell shares from percent
_CARBON = 1.0 / 0.58  # organic matter per organic carbon, the convention of CLM's ORGANIC
_SILENT = {"", "1", "-", "none", "unitless", "dimensionless"}  # of a percentage, they say nothing


def _table(factors: Mapping[float, tuple[str, ...]]) -> Mapping[str, float]:
    return MappingProxyType({name: f for f, names in factors.items() for name in names})


_TO: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "percent": _table(
            {
                1.0: ("%", "percent", "pct", "% weight", "% wt", "% wt.", "g/100g"),
                100.0: ("fraction", "kg kg-1", "kg/kg", "g/g", "g g-1"),
                0.1: ("g/kg", "g kg-1", "permille"),
            }
        ),
        "kg m-3": _table(
            {
                1.0: ("kg m-3", "kg/m3", "kg/m^3", "kg m^-3", "g/dm3"),
                _CARBON: ("kg m-3 carbon", "kg/m3 carbon"),
                0.1 * _CARBON: ("hg/m3 carbon",),
            }
        ),
        "m": _table({1.0: ("m", "meter", "meters", "metre", "metres")}),
        "degree": _table(
            {
                1.0: ("degree", "degrees", "deg", "°"),
                math.degrees(1.0): ("radian", "radians", "rad"),
            }
        ),
    }
)


class ParameterOptions(Strict):
    """Options of every source of land parameters.

    Attributes:
        names: Quantity → name of the NetCDF variable, or of the raster without its ending, where
            it is not recognised or several are.
        units: Quantity → units, where the file does not say them (a raster never does), or says
            wrong ones.
        rows: Which row comes first in a global file without coordinates.
        fill: A missing value that the files do not declare.
    """

    names: dict[str, str] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    rows: Rows | None = None
    fill: float | None = None

    def check_keys(self, known: Collection[str], where: object) -> None:
        """Refuse options that speak of a quantity that nobody knows.

        Raises:
            ConfigError: Naming the nearest one that is known.
        """
        for key in (*self.names, *self.units):
            check_name(key, known, "Unknown quantity in the options `names` or `units`", where)

    def map_in(self, file: Path, name: str) -> Surface:
        """The map of a variable of a NetCDF file."""
        with opened_netcdf(file) as dataset:
            return netcdf_surface(dataset, dataset[name], file, rows=self.rows, fill=self.fill)


def recognised(
    files: Iterable[Path], known: Mapping[str, tuple[str, ...]], options: ParameterOptions
) -> tuple[dict[str, tuple[Path, str]], list[str]]:
    """The maps of quantities in files, by their names.

    Args:
        files: NetCDF files, whose variables are looked at, and rasters, whose names are.
        known: Quantity → names that are recognised, lower case.
        options: The names that a person says.

    Returns:
        Quantity → its file and its name there; and all names that could be maps.

    Raises:
        SourceError: If a quantity is there twice, or a name that a person said is not there.
    """
    found: dict[str, tuple[Path, str]] = {}
    seen: list[str] = []
    for file in files:
        there = [file.stem]
        if is_netcdf(file):
            with opened_netcdf(file) as dataset:
                there = list(maps_in(dataset))
        seen += [name for name in there if name not in seen]
        for quantity, usual in known.items():
            wanted = options.names.get(quantity)
            for name in there:
                if name != wanted and (wanted is not None or name.lower() not in usual):
                    continue
                if quantity in found:
                    raise SourceError(
                        "A quantity is there more than once",
                        where=f"{file}, {name}",
                        expected=f"one map of {quantity}",
                        found=f"{found[quantity][1]} in {found[quantity][0].name}, too",
                        remedy="say which in the option `names`, or give the path of one file",
                    )
                found[quantity] = (file, name)
    for name in options.names.values():
        what = "No file holds the variable that the option `names` gives"
        check_name(name, seen, what, error=SourceError)
    return found, seen


def conversion(units: str, wanted: str, where: object) -> float:
    """The factor from a file's units into the vocabulary's.

    Args:
        units: As the file or the recipe says; ``carbon`` after a density means organic carbon,
            which is 0.58 of the organic matter. What stands in brackets is a remark. Nothing, or
            a word that says no more than nothing: the wanted units.
        wanted: Units of the vocabulary.
        where: File and variable, for the error text.

    Raises:
        SourceError: If there is no such factor.
    """
    said = meant(units)
    known = _TO[wanted]
    if said and said not in known:
        close = nearest_name(said, known)
        raise SourceError(
            "The variable is in units that are not understood",
            where=where,
            expected=", ".join(known),
            found=units,
            remedy=f"did you mean {close!r}? Say it in the option `units`"
            if close
            else "say the right ones in the option `units`, if the file is wrong",
        )
    return known.get(said, 1.0)


def meant(units: str) -> str:
    """Units in lower case without remarks in brackets; empty if they say nothing."""
    said = " ".join(re.sub(r"\(.*?\)", " ", units).split()).lower()
    return "" if said in _SILENT else said


def over_depth(edges: tuple[float, ...], bottom: float) -> dict[int, float]:
    """Weights of soil layers in a mean from the surface down to a depth.

    Args:
        edges: Depths of the layers' edges in m, ascending from 0.
        bottom: Lower end of the mean in m; a layer that it cuts counts with its upper part.

    Returns:
        Layer → share of the depth, those above ``bottom`` only; together 1 if the layers reach it.
    """
    spans = itertools.pairwise(edges)
    within = {i: min(low, bottom) - min(high, bottom) for i, (high, low) in enumerate(spans)}
    return {i: part / bottom for i, part in within.items() if part > 0.0}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One variable, as a weighted sum of maps.

    Attributes:
        variable: Its entry in the vocabulary.
        parts: The maps and their weights, all on one grid.
        factor: From the files' units into the vocabulary's.
        turn: Makes the variable from the sum and, if there is one, the map beside it.
        beside: A map that ``turn`` looks at as well, in the file's units.
        lowest: A lower bound tighter than the vocabulary's.
        note: What was recognised, in plain data.
    """

    variable: Variable
    parts: tuple[tuple[Surface, float], ...]
    factor: float = 1.0
    turn: Callable[[Array, Array | None], Array] | None = None
    beside: Surface | None = None
    lowest: float | None = None
    note: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse maps on different grids."""
        remedy = "keep files of one resolution in a folder"
        check_one_grid(((s.path, s.layout.grid) for s in self.surfaces), remedy)

    @property
    def grid(self) -> Grid:
        """The grid of all its maps."""
        return self.parts[0][0].layout.grid

    @property
    def surfaces(self) -> list[Surface]:
        """All maps that are read."""
        return [s for s, _ in self.parts] + ([self.beside] if self.beside is not None else [])

    def read(self, window: Window) -> npt.NDArray[np.float32]:
        """Values of a window in the vocabulary's units, NaN missing, ``(y, x)``.

        Raises:
            SourceError: If a value is beyond what the vocabulary allows.
        """
        total = np.zeros(window.shape, dtype=np.float32)
        for surface, weight in self.parts:
            total += surface.read(window) * np.float32(weight * self.factor)
        if self.turn is not None:
            beside = None if self.beside is None else self.beside.read(window)
            total = np.asarray(self.turn(total, beside), dtype=np.float32)
        return self._within_bounds(total, window)

    def _within_bounds(
        self, values: npt.NDArray[np.float32], window: Window
    ) -> npt.NDArray[np.float32]:
        low, high = self.variable.bounds
        low = low if self.lowest is None else self.lowest
        slack = 1e-3 * max(abs(b) for b in (low, high, 1.0) if b is not None)
        surface = self.parts[0][0]
        name = getattr(surface.map, "name", self.variable.name)
        where = f"{surface.path}, {name}, row {window.row}, column {window.col}"
        remedy = (
            "give a missing value that is not declared as the option `fill`, or the right units in "
            "the option `units`"
        )
        bounded = replace(self.variable, bounds=(low, high))
        check_bounds(values, bounded, where, remedy, below=slack, above=slack)
        return np.clip(values, low, high) if low is not None or high is not None else values


class ParameterMaps(FileSource):
    """A source of static maps of numbers; see ``FileSource``."""

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        product: Product,
        absent: Mapping[str, str] | None = None,
    ) -> None:
        self._parameters = dict(parameters)
        fields = {n: SourceField(p.variable, p.grid, Clock.STATIC) for n, p in parameters.items()}
        super().__init__(fields, product, absent)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Values of a window, ``(y, x)`` float32, NaN missing."""
        return self._parameters[entry.variable.name].read(window)

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """Say what was recognised, and refuse percent that look like shares.

        Returns:
            ``recognised``: file, name, units and layers behind the variable.

        Raises:
            SourceError: If a share of 100 never exceeds 1 and its units are only assumed.
        """
        parameter = self._parameters[entry.variable.name]
        if entry.variable.units == "percent" and not meant(str(parameter.note.get("units", ""))):
            rows = np.unique(np.linspace(0, window.height - 1, _PROBED).round().astype(int))
            lines = (Window(window.row + int(r), window.col, 1, window.width) for r in rows)
            values = np.concatenate([parameter.read(line) for line in lines])
            known = values[np.isfinite(values)]
            if known.size and 0.0 < known.max() <= 1.0:
                raise SourceError(
                    "The variable looks like shares of one, not percent",
                    where=f"{parameter.parts[0][0].path}, {entry.variable.name}",
                    expected="values up to 100",
                    found=f"none above {known.max():g} in {known.size} cells",
                    remedy="say `fraction` in the option `units`, or `percent` if it is right",
                )
        return {"recognised": dict(parameter.note)} if parameter.note else {}

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        maps = self._parameters[entry.variable.name].surfaces
        return [path for surface in maps for path in surface.files]
