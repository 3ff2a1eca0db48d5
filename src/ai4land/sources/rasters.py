"""Class maps in GeoTIFF: one file opened with care."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
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
from ai4land.formats import Layout, layout_from_transform
from ai4land.grid import Window
from ai4land.sources.source import Array

__all__ = ["RasterFile", "open_raster", "opened_raster"]


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
