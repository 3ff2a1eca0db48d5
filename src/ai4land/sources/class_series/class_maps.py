"""Maps of classes as a source: one static map or a series, with a legend for their codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ai4land.errors import SourceError
from ai4land.formats import Layout
from ai4land.grid import Window
from ai4land.sources.codes import class_codes
from ai4land.sources.file_source import FileSource, check_one_grid
from ai4land.sources.rasters import open_raster
from ai4land.sources.source import Array, Product, SourceField
from ai4land.vocabulary import Clock, Legend, Variable

__all__ = ["ClassMap", "ClassMaps", "opened_maps"]

_PROBE_ROWS = 48
_PROBE_MARGIN = 0.05  # share of cells; honest years differ by less than a mirror image does


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

    @property
    def nodata(self) -> float | None:
        """The file's own missing value."""
        ...

    def read_all(self, windows: Sequence[Window]) -> list[Array]:
        """File values of windows, north up, the file opened once."""
        ...


def opened_maps(
    files: Mapping[int, Path], opener: Callable[[Path], ClassMap] = open_raster
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
        recode: Callable[[Array], Array] | None = None,
    ) -> None:
        self._legend, self._recode = legend, recode
        self._maps: dict[int | None, ClassMap] = {}
        self._maps |= dict(sorted(maps.items())) if isinstance(maps, Mapping) else {None: maps}
        check_one_grid((m.path, m.layout.grid) for m in self._maps.values())
        grid = next(iter(self._maps.values())).layout.grid
        ticks = tuple(t for t in self._maps if t is not None)
        clock = Clock.YEAR if ticks else Clock.STATIC
        field = SourceField(variable, grid, clock, ticks, legend, back_cast, gaps or {})
        super().__init__({variable.name: field}, product)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing."""
        one = self._maps[tick]
        time = "" if tick is None else f", {tick}"
        where = f"{one.path.name}{time}, row {window.row}, column {window.col}"
        values = one.read_all([window])[0]
        if self._recode is not None:
            values = self._recode(values)
        return class_codes(values, self._legend, one.nodata, where)

    def _found(
        self, entry: SourceField, ticks: tuple[int, ...], window: Window
    ) -> Mapping[str, Any]:
        """Refuse a file whose content is the mirror image of its neighbours in time."""
        files = list({self._maps[tick].path: self._maps[tick] for tick in ticks}.values())
        previous: tuple[ClassMap, Array] | None = None
        for one in files if len(files) > 1 else []:
            rows = _probe(one, window)
            if previous is not None:
                _check_not_mirrored(*previous, one, rows)
            previous = one, rows
        return {}

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        return [self.file_of(tick)]

    def file_of(self, tick: int | None) -> Path:
        """The file of a time."""
        return self._maps[tick].path


def _check_not_mirrored(previous: ClassMap, before: Array, file: ClassMap, now: Array) -> None:
    """Compare a few rows of neighbouring files straight and mirrored."""
    straight = float((before == now).mean())
    mirrored = {"upside down": before[::-1], "reversed east–west": before[:, ::-1]}
    for how, image in mirrored.items():
        share = float((image == now).mean())
        if share > straight + _PROBE_MARGIN:
            raise SourceError(
                f"A file of the series looks {how}",
                where=file.path,
                expected=f"the orientation of {previous.path.name}",
                found=f"{share:.0%} of probed cells agree when mirrored, {straight:.0%} as stored",
                remedy="write the file again with row 0 in the north and column 0 in the west",
            )


def _probe(file: ClassMap, window: Window) -> Array:
    """Some rows of a window, chosen so that their mirror images are among them."""
    half = np.linspace(0, window.height - 1, min(_PROBE_ROWS, window.height)).round().astype(int)
    rows = np.unique(np.concatenate([half, window.height - 1 - half]))
    lines = [Window(window.row + int(row), window.col, 1, window.width) for row in rows]
    return np.concatenate(file.read_all(lines))
