"""Any coarse fractions: a NetCDF series of class shares with a class map given by the recipe.

ESA CCI on a coarse grid, MAgPIE, GCAM-Demeter or a national scenario become forcing in a chosen
legend. The file gives one variable per class or one variable with a class dimension; the recipe
says which class of the legend each is, and what the remainder is where they do not sum to one.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ai4land.errors import ConfigError, SourceError
from ai4land.formats import Stamp
from ai4land.grid import Window
from ai4land.sources.file_source import FileSource, check_whole_cells, gaps_in
from ai4land.sources.fractions.files import FractionFile, open_fraction_files
from ai4land.sources.reader import Certainty, Cited, Reader
from ai4land.sources.source import Array, Notes, SourceField, Ticks
from ai4land.vocabulary import Clock, Legend, check_name, read_legend, variable

__all__ = ["READER", "Fractions", "FractionsOptions", "open_fractions"]

_SHARES = ("land_use_fractions", "land_cover_fractions")
_LAND = "land_share"
_LOOSEST = 0.05  # how far from 1 a recipe may let sums be
Target = str | dict[str, float] | None


class FractionsOptions(Cited):
    """Options of ``fractions``.

    Attributes:
        legend: Legend of the result: a built-in name or the path of a legend file.
        classes: Class of the file → class of the legend, or shares of several classes that sum to
            1, or ``null`` for area of which nothing is known. Classes of the file are names of
            variables, or with ``dimension`` members of that dimension.
        variable: The variable with a class dimension.
        dimension: Its class dimension.
        units: Unit of the shares; needed if the file does not say it.
        remainder: Class of the legend that fills what the file's classes leave of a cell.
        denominator: What the shares are shares of: the whole ``cell``, or its ``land``.
        between: Years between those of the file: a ``gap``, or ``linear`` in time.
        tolerance: How far from 1 a sum may be; within it shares are scaled to sum to 1.
        year: Year of a file without time axis.
        pattern: For a folder: file name with ``{year}``.
        stamp: What times without bounds say: they lie ``within`` their year, or are its ``end``.
    """

    legend: str
    classes: Annotated[dict[str, Target], Field(min_length=1)]
    variable: str | None = None
    dimension: str | None = None
    units: Literal["fraction", "percent"] | None = None
    remainder: str | None = None
    denominator: Literal["cell", "land"] = "cell"
    between: Literal["gap", "linear"] = "gap"
    tolerance: Annotated[float, Field(gt=0, le=_LOOSEST)] = 0.005
    year: Annotated[int, Field(ge=1, le=9999)] | None = None
    pattern: str | None = None
    stamp: Stamp = Stamp.WITHIN
    product: str = "class fractions"

    @model_validator(mode="after")
    def _together(self) -> FractionsOptions:
        if (self.variable is None) != (self.dimension is None):
            raise ValueError("give variable and dimension together, or neither")
        return self


def open_fractions(path: Path, options: FractionsOptions) -> Fractions:
    """Open a file, or a folder with one file a year."""
    target = read_legend(options.legend)
    matrix = _matrix(options, target)
    files = open_fraction_files(
        path,
        tuple(options.classes),
        variable=options.variable,
        dimension=options.dimension,
        year=options.year,
        pattern=options.pattern,
        stamp=options.stamp,
    )
    for file in set(files.values()):
        file.check_units(options.units)
    return Fractions(files, matrix, target, options)


def _matrix(options: FractionsOptions, legend: Legend) -> npt.NDArray[np.float64]:
    """Shares ``(target class or unknown, file class)`` of each class of the file."""
    matrix = np.zeros((len(legend) + 1, len(options.classes)))
    for column, (name, goal) in enumerate(options.classes.items()):
        where = f"option classes, {name!r}"
        if goal is None:
            matrix[len(legend), column] = 1.0
            continue
        shares = {goal: 1.0} if isinstance(goal, str) else goal
        if abs(sum(shares.values()) - 1.0) > 1e-6 or min(shares.values()) < 0:
            raise ConfigError(
                "The shares of a class must sum to 1",
                where=where,
                found=f"{sum(shares.values()):.6g}",
            )
        for other, share in shares.items():
            matrix[_index(other, legend, where), column] += share
    if options.remainder is not None:
        _index(options.remainder, legend, "option remainder")
    return matrix


def _index(name: str, legend: Legend, where: str) -> int:
    what = f"The class map names a class that the legend does not have: {legend.name}"
    check_name(name, legend.names, what, where)
    return legend.index(name)


class Fractions(FileSource):
    """Class shares of the known land of coarse cells, and the land's share of the cell.

    As in forcing made from labels, classes that are sea are out of the denominator and 0
    themselves; ``land_share`` says how much of the cell is left. Cells of which the file knows
    nothing are missing.

    Args:
        files: Year → its file.
        matrix: Shares ``(class of the legend or unknown, class of the file)``.
        legend: The legend of the result.
        options: The recipe's options.
    """

    def __init__(
        self,
        files: Mapping[int, FractionFile],
        matrix: npt.NDArray[np.float64],
        legend: Legend,
        options: FractionsOptions,
    ) -> None:
        self._shares, self._matrix, self._legend, self._options = files, matrix, legend, options
        self._years = sorted(files)
        grid = files[self._years[0]].layout.grid
        every = range(self._years[0], self._years[-1] + 1)
        self._linear = options.between == "linear"
        ticks = tuple(every) if self._linear else tuple(self._years)
        gaps = {} if self._linear else gaps_in(files, "the file has no such year")
        fields = {
            name: SourceField(variable(name), grid, Clock.YEAR, ticks, legend, gaps=gaps)
            for name in _SHARES
        }
        if options.denominator == "cell":
            fields[_LAND] = SourceField(variable(_LAND), grid, Clock.YEAR, ticks, gaps=gaps)
        absent = {_LAND: "shares of land do not say how much of a cell is land"}
        super().__init__(fields, options.cited, absent)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Shares ``(class, y, x)`` or land share ``(y, x)``, float32."""
        assert tick is not None
        parts = [w * self._cell_shares(year, window) for year, w in self._weights(tick)]
        cells = np.asarray(np.sum(parts, axis=0), dtype=np.float64)
        sea = [i for i, code in enumerate(self._legend.codes) if code in self._legend.sea]
        shares = np.delete(cells, len(self._legend), axis=0)  # the unknown part
        shares[sea] = np.where(np.isnan(shares[sea]), np.nan, 0.0)
        land = shares.sum(axis=0)
        if entry.variable.name == _LAND:
            return np.asarray(np.minimum(land, 1.0), dtype=np.float32)
        shares /= np.where(land > 0.0, land, 1.0)
        return np.asarray(shares, dtype=np.float32)

    def _weights(self, tick: int) -> list[tuple[int, float]]:
        """Years of the file whose mean, so weighted, is the year asked for."""
        if tick in self._shares:
            return [(tick, 1.0)]
        after = bisect.bisect(self._years, tick)
        one, two = self._years[after - 1], self._years[after]
        part = (tick - one) / (two - one)
        return [(one, 1.0 - part), (two, part)]

    def _cell_shares(self, year: int, window: Window) -> npt.NDArray[np.float64]:
        """Shares of the cell ``(class or unknown, y, x)`` that sum to 1, NaN where missing."""
        file, options = self._shares[year], self._options
        values = file.read(year, window, options.units)
        where = f"{file.path.name}, {year}"
        check_whole_cells(np.isnan(values), "classes", where)
        total = values.sum(axis=0)
        self._check_sums(values, total, where)
        out = np.tensordot(self._matrix, np.maximum(values, 0.0), axes=1)
        if options.remainder is not None:
            out[self._legend.index(options.remainder)] += np.maximum(1.0 - total, 0.0)
        whole = out.sum(axis=0)
        return np.asarray(out / np.where(whole > 0.0, whole, 1.0))

    def _check_sums(
        self, values: npt.NDArray[np.float64], total: npt.NDArray[np.float64], where: str
    ) -> None:
        """Refuse shares that cannot be shares of one area."""
        slack, options = self._options.tolerance, self._options
        low = float(np.nanmin(values, initial=0.0))
        high = float(np.nanmax(total, initial=0.0))
        if low < -slack or high > 1.0 + slack:
            raise SourceError(
                "The classes of a cell are more than the whole",
                where=where,
                expected=f"shares from 0 that sum to at most 1 ± {slack:g}",
                found=f"shares from {low:.4g}, sums up to {high:.4g}",
                remedy=self._too_much(high),
            )
        short = (total < 1.0 - slack) & ~np.isnan(total)
        if options.remainder is None and short.any():
            raise SourceError(
                "The classes of a cell are less than the whole",
                where=where,
                expected=f"sums of 1 ± {slack:g}",
                found=f"{int(short.sum())} of {int((~np.isnan(total)).sum())} cells have less, "
                f"down to {float(total[short].min()):.4g}",
                remedy="add the missing classes, say what the rest is: `remainder: <class>`, or "
                f"allow sums further from 1: `tolerance: {_LOOSEST:g}` at most",
            )

    def _too_much(self, high: float) -> str:
        """What to do about sums that are above the whole."""
        if 50.0 < high < 150.0 and self._options.units is None:
            return "the shares are percent: say so in the attribute `units` of the file's variables"
        if 50.0 < high < 150.0 and self._options.units == "fraction":
            return "set `units: percent`"
        if high <= 1.0 + _LOOSEST:
            return f"allow sums further from 1: `tolerance: {_LOOSEST:g}` at most"
        return "leave classes that overlap others out of the class map"

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """What the shares are shares of, and which years were interpolated."""
        notes: dict[str, Any] = {
            "denominator": "cell" if entry.variable.name == _LAND else "known land area",
            "remainder": self._options.remainder,
        }
        between = [t for t in ticks if t not in self._shares]
        return notes | ({"interpolated": between} if between else {})

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        assert tick is not None
        return [self._shares[year].path for year, _ in self._weights(tick)]


READER = Reader(
    FractionsOptions,
    (*_SHARES, _LAND),
    lambda path, options, _: open_fractions(path, options),
    title="Any coarse class fractions in NetCDF, with a class map in the recipe",
    files=("any NetCDF with shares by class, year, latitude and longitude",),
    certainty=Certainty.BYTES,
)
