"""Maps of classes as a source: one static map or a series, with a legend for their codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from ai4land.formats import Layout, NetcdfMap, class_codes, opened_netcdf
from ai4land.grid import Window
from ai4land.sources.file_source import FileSource, check_one_grid
from ai4land.sources.orientation import Orientation, checked_orientation, probed
from ai4land.sources.rasters import Recode, open_class_map
from ai4land.sources.source import Array, Notes, Product, SourceField, Ticks
from ai4land.vocabulary import Clock, Legend, Variable

__all__ = ["ClassMap", "ClassMaps", "NetcdfClassMap", "opened_maps"]


class ClassMap(Protocol):
    """A map whose header was read: a raster, or one time of a NetCDF variable."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def layout(self) -> Layout:
        """How its rows and columns lie."""
        ...

    def read_all(self, windows: Sequence[Window]) -> list[Array]:
        """File values of windows, north up, the file opened once."""
        ...

    def codes(
        self, window: Window, legend: Legend, where: str, recode: Recode | None = None
    ) -> Array:
        """Codes of a window as a legend stores them, ``(y, x)`` uint8, 255 missing."""
        ...


@dataclass(frozen=True, slots=True)
class NetcdfClassMap:
    """A map of classes in a NetCDF variable, read as a raster is; see ``ClassMap``.

    Attributes:
        map: The variable.
        at: Position on each dimension beside latitude and longitude.
    """

    map: NetcdfMap
    at: Mapping[str, int] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file."""
        return self.map.path

    @property
    def layout(self) -> Layout:
        """How its rows and columns lie."""
        return self.map.layout

    def read_all(self, windows: Sequence[Window]) -> list[Array]:
        """Codes of windows as stored, north up, ``(y, x)``, the file opened once."""
        with opened_netcdf(self.path) as dataset:
            return [self.map.stored(window, self.at, dataset) for window in windows]

    def codes(
        self, window: Window, legend: Legend, where: str, recode: Recode | None = None
    ) -> Array:
        """See ``ClassMap``; a fill value is missing unless the legend gives it a meaning."""
        raw, packing = self.map.stored(window, self.at), self.map.packing
        missing = packing.missing(raw)
        if packing.packed:
            raw = np.where(missing, 0.0, packing.values(raw))
        elif recode is None:
            missing &= ~np.isin(raw, sorted(legend.stored))
        return class_codes(recode(raw) if recode else raw, legend, None, where, missing)


def opened_maps(
    files: Mapping[int, Path], opener: Callable[[Path], ClassMap] = open_class_map
) -> dict[int, ClassMap]:
    """The maps of a series by time, each file opened once.

    Args:
        files: Time → its file.
        opener: Reads the header of a file.
    """
    opened = {path: opener(path) for path in dict.fromkeys(files.values())}
    return {tick: opened[files[tick]] for tick in sorted(files)}


class ClassMaps(FileSource):
    """A source of one categorical variable, static or by year.

    Args:
        variable: The categorical variable.
        maps: The one static map, or year → map; several years may share one.
        legend: Meaning of the codes in the files.
        product: For provenance.
        back_cast: Years that the product reconstructs.
        gaps: Years that cannot be read → what is missing there.
        recode: Turns file values into codes of the legend, where they are not so already.
        orientation: Whether a file that looks mirrored is refused.

    Raises:
        SourceError: If the maps lie on different grids.
    """

    def __init__(
        self,
        variable: Variable,
        maps: ClassMap | Mapping[int, ClassMap],
        legend: Legend,
        product: Product,
        *,
        back_cast: frozenset[int] = frozenset(),
        gaps: Mapping[int, str] | None = None,
        recode: Recode | None = None,
        orientation: Orientation = "checked",
    ) -> None:
        self._legend, self._recode, self._orientation = legend, recode, orientation
        self._maps: dict[int | None, ClassMap] = {}
        self._maps |= dict(sorted(maps.items())) if isinstance(maps, Mapping) else {None: maps}
        check_one_grid((m.path, m.layout.grid) for m in self._maps.values())
        grid = next(iter(self._maps.values())).layout.grid
        ticks = tuple(t for t in self._maps if t is not None)
        clock = Clock.YEAR if ticks else Clock.STATIC
        entry = SourceField(variable, grid, clock, ticks, legend, back_cast, gaps or {})
        super().__init__({variable.name: entry}, product)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing."""
        one = self._maps[tick]
        time = "" if tick is None else f", {tick}"
        where = f"{one.path.name}{time}, row {window.row}, column {window.col}"
        return one.codes(window, self._legend, where, self._recode)

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """Refuse or note a file whose content is the mirror image of its neighbours in time."""
        files = list({self._maps[tick].path: self._maps[tick] for tick in ticks}.values())
        lines = probed(window)
        maps = ((f.path, np.concatenate(f.read_all(lines))) for f in files if len(files) > 1)
        return checked_orientation(maps, self._orientation)

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        return [self.file_of(tick)]

    def file_of(self, tick: int | None) -> Path:
        """The file of a time."""
        return self._maps[tick].path
