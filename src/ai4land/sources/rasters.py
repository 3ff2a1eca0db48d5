"""Class maps in GeoTIFF: one file opened with care, and a series of them as a source."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as FileWindow

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Window
from ai4land.sources.codes import class_codes
from ai4land.sources.layout import Layout, layout_from_transform, same_grid
from ai4land.sources.orientation import Orientation, checked_orientation, probed
from ai4land.sources.source import (
    Array,
    Product,
    Provenance,
    SourceField,
    checked,
    provenance_of,
)
from ai4land.vocabulary import Clock, Legend, Variable

__all__ = ["RasterFile", "RasterSeries", "open_raster", "opened_raster"]


@dataclass(frozen=True, slots=True)
class RasterFile:
    """A single-band raster whose header was read and found in order."""

    path: Path
    layout: Layout
    nodata: float | None

    def read(self, window: Window) -> Array:
        """File values of a window, north up, ``(y, x)``, in the file's own type.

        Raises:
            SourceError: If the bytes cannot be decoded.
        """
        return self.read_all([window])[0]

    def read_all(self, windows: Sequence[Window]) -> list[Array]:
        """File values of several windows, the file opened once; see ``read``."""
        with opened_raster(self.path) as dataset:

            def block(rows: slice, cols: slice) -> Array:
                try:
                    return _block(dataset, rows, cols)
                except (RasterioError, OSError) as error:
                    raise _damaged(
                        self._place(_bad_row(dataset, rows, cols)), error.__cause__ or error
                    ) from error

            return [self.layout.gather(window, block) for window in windows]

    def _place(self, row: int) -> str:
        """File, row and latitude, for error texts."""
        grid = self.layout.grid
        down = grid.height - 1 - row if self.layout.flipped else row
        latitude = float(grid.north - grid.dy * down - grid.dy / 2)
        return f"{self.path}, row {row} (latitude {latitude:.4g}°)"


def _block(dataset: DatasetReader, rows: slice, cols: slice) -> Array:
    return np.asarray(dataset.read(1, window=FileWindow.from_slices(rows, cols)))


def _bad_row(dataset: DatasetReader, rows: slice, cols: slice) -> int:
    """A row that cannot be decoded, among rows of which one cannot."""
    while rows.stop - rows.start > 1:
        middle = (rows.start + rows.stop) // 2
        try:
            _block(dataset, slice(rows.start, middle), cols)
        except (RasterioError, OSError):
            rows = slice(rows.start, middle)
        else:
            rows = slice(middle, rows.stop)
    return int(rows.start)


def _damaged(where: object, error: BaseException) -> SourceError:
    """The error that a file cannot be decoded."""
    return SourceError(
        "The raster cannot be read: it is damaged, incomplete or of another format",
        where=where,
        found=str(error).strip(),
        remedy="compare its size and checksum with the provider's and fetch it again; if that is "
        "how it was published, ask for a region without the row or leave the time out",
    )


@contextmanager
def opened_raster(path: Path) -> Iterator[Any]:
    """Open a raster; turn the library's complaints into ours.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If its bytes cannot be decoded, when opened or when read.
    """
    if not path.is_file():
        raise MissingFileError("The file is not there", where=path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # we refuse it ourselves
            with rasterio.open(path) as dataset:
                yield dataset
    except (RasterioError, OSError) as error:
        raise _damaged(path, error) from error


def open_raster(path: Path) -> RasterFile:
    """Read and check the header of a class map.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is not one band of numbers on a north–south grid in EPSG:4326.
    """
    with opened_raster(path) as dataset:
        crs = dataset.crs
        if crs is None or not crs.is_geographic or crs.to_epsg() not in {4326, None}:
            raise SourceError(
                "The raster is in another coordinate system",
                where=path,
                expected="EPSG:4326 (longitude and latitude on WGS 84)",
                found="none given" if crs is None else crs.to_string()[:80],
                remedy="fetch the WGS 84 edition; AI4Land never reprojects labels silently",
            )
        if dataset.count != 1 or np.dtype(dataset.dtypes[0]).kind not in "uif":
            raise SourceError(
                "The raster is not one band of numbers",
                where=path,
                found=f"{dataset.count} bands of {', '.join(set(dataset.dtypes))}",
            )
        layout = layout_from_transform(tuple(dataset.transform), dataset.shape, path)
        return RasterFile(path, layout, dataset.nodata)


class RasterSeries:
    """A source of one categorical variable, one GeoTIFF per time or several times per file.

    Opening reads the header of every file and refuses a series that is not on one grid.

    Args:
        variable: The categorical variable.
        files: Tick → file.
        legend: Meaning of the codes in the files.
        product: For provenance.
        back_cast: Ticks that the product reconstructs.
        gaps: Ticks that cannot be read → what is missing there.
        recode: Turns file values into codes of the legend, where they are not so already.
        orientation: Whether a file that looks mirrored is refused.
    """

    def __init__(
        self,
        variable: Variable,
        files: Mapping[int, Path],
        legend: Legend,
        product: Product,
        *,
        back_cast: frozenset[int] = frozenset(),
        gaps: Mapping[int, str] | None = None,
        recode: Callable[[Array], Array] | None = None,
        orientation: Orientation = "checked",
    ) -> None:
        self._product = product
        self._legend = legend
        self._recode = recode
        self._orientation = orientation
        opened: dict[Path, RasterFile] = {}
        for path in files.values():
            if path not in opened:
                opened[path] = open_raster(path)
                first = next(iter(opened.values()))
                _check_same_grid(first, opened[path])
        self._files = {tick: opened[files[tick]] for tick in sorted(files)}
        grid = next(iter(opened.values())).layout.grid
        self.fields: Mapping[str, SourceField] = {
            variable.name: SourceField(
                variable, grid, Clock.YEAR, tuple(self._files), legend, back_cast, gaps or {}
            )
        }

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        assert tick is not None
        file = self._files[tick]
        where = f"{file.path.name}, {tick}, row {window.row}, column {window.col}"
        values = file.read(window)
        if self._recode is not None:
            values = self._recode(values)
        return class_codes(values, self._legend, file.nodata, where)

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """Refuse or note a file whose content is the mirror image of its neighbours in time."""
        checked(self.fields, variable, ticks[0], window)
        files = list(dict.fromkeys(self._files[tick] for tick in ticks))
        lines = probed(window)
        maps = ((f.path, np.concatenate(f.read_all(lines))) for f in files if len(files) > 1)
        return checked_orientation(maps, self._orientation)

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """The files behind some times (default: all), hashed."""
        paths = {f.path: None for t, f in self._files.items() if ticks is None or t in ticks}
        return [provenance_of(path, self._product) for path in paths]


def _check_same_grid(first: RasterFile, other: RasterFile) -> None:
    """Refuse a file on another grid than the first of its series."""
    one, two = first.layout.grid, other.layout.grid
    if same_grid(one, two):
        return
    transposed = one.shape == two.shape[::-1] and one.height != one.width
    raise SourceError(
        "A file of the series lies on another grid",
        where=other.path,
        expected=f"{one.describe()} as {first.path.name}",
        found=two.describe(),
        remedy="rows and columns are swapped: write it again with latitude as rows"
        if transposed
        else "keep files of one product, resolution and crop in a folder",
    )
