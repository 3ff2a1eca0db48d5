"""Class maps in raster files, read block by block, and where their pixels lie."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError, MissingFileError, SourceError
from ai4land.grid import Grid
from ai4land.vocabulary import NO_DATA

__all__ = [
    "ClassRaster",
    "RasterGrid",
    "grid_of",
    "no_region",
    "open_class_maps",
    "opened",
    "read_block",
    "same_system",
]

Array = npt.NDArray[Any]

_SLACK = 1e-2  # of a pixel, at any corner: what two writers of one grid may differ by
_SIDE = 2048  # rows and columns of a block: what scoring it holds beside it stays below 0.5 GiB
_STRIP_ROWS = 256  # of a block of files in strips, which are decoded in full width


@dataclass(frozen=True)
class RasterGrid:
    """Where the pixels of a raster lie, in any coordinate system.

    Attributes:
        transform: Affine coefficients ``(a, b, c, d, e, f)`` of column, row → x, y.
        crs: Coordinate system as rasterio reads it; empty for none.
        geographic: Whether it is one of longitude and latitude.
        shape: Rows and columns.
    """

    transform: tuple[float, ...]
    crs: str
    geographic: bool
    shape: tuple[int, int]

    @classmethod
    def of(cls, grid: Grid) -> RasterGrid:
        """The same of a grid of longitude and latitude."""
        return cls(grid.transform, "EPSG:4326", True, grid.shape)

    @property
    def straight(self) -> bool:
        """Whether rows run along x and columns along y."""
        return self.transform[1] == self.transform[3] == 0

    def corners(self, rows: slice, cols: slice) -> list[tuple[float, float]]:
        """Coordinates x, y of the four corners of a block."""
        a, b, c, d, e, f = self.transform
        places = [(col, row) for col in (cols.start, cols.stop) for row in (rows.start, rows.stop)]
        return [(a * col + b * row + c, d * col + e * row + f) for col, row in places]

    def bounds(self, rows: slice, cols: slice) -> tuple[float, float, float, float]:
        """Least x and y and largest x and y of a block."""
        x, y = zip(*self.corners(rows, cols), strict=True)
        return min(x), min(y), max(x), max(y)

    def row_areas(self, where: Path) -> npt.NDArray[np.float64]:
        """True area of a pixel of each row in m², shape ``(height, 1)``.

        Args:
            where: The file, for the error.

        Raises:
            GridError: If this is no north-up grid of longitude and latitude.
        """
        a, _, c, _, e, f = self.transform
        if not self.geographic or not self.straight or e >= 0 or a <= 0:
            raise GridError(
                "True areas need a north-up grid of longitude and latitude",
                where=where,
                found=f"{self.crs or 'no coordinate system'}, transform {self.transform}",
                remedy="score with --weights pixel",
            )
        return Grid.regular(c, f, a, -e, self.shape).row_areas()[:, np.newaxis]


@dataclass(frozen=True)
class ClassRaster:
    """A file with one band of class codes, an array that is read in blocks.

    It holds no open file: every block opens its own, so that threads and processes may share it.

    Attributes:
        path: The file.
        grid: Where its pixels lie.
        nodata: Value of missing pixels, if the file says one.
        tile: Rows and columns that the file decodes at once.
    """

    path: Path
    grid: RasterGrid
    nodata: float | None
    tile: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    def __getitem__(self, key: tuple[Any, ...]) -> npt.NDArray[np.uint8]:
        """Class codes 0…254 of a block of rows and columns; 255 is missing.

        Raises:
            SourceError: If the bytes cannot be decoded, or are no class codes.
        """
        with opened(self.path) as dataset:
            values = read_block(dataset, key[-2], key[-1])
        return _codes(values, self.nodata, self.path)


def open_class_maps(paths: Sequence[Path]) -> tuple[list[ClassRaster], tuple[int, int]]:
    """Open class maps that lie on one grid.

    Returns:
        The maps, and rows and columns of a block in which they are read best: multiples of every
        factor of ``FACTORS``, tiles or whole strips of the files.

    Raises:
        MissingFileError: If a file is not there.
        SourceError: If a file is not one band.
        GridError: If they lie on different grids.
    """
    maps = [_open(path) for path in paths]
    for other in maps[1:]:
        _check_grid(maps[0], other)
    strips = any(layer.tile[1] > _SIDE for layer in maps)
    block = (_STRIP_ROWS, _SIDE**2 // _STRIP_ROWS) if strips else (_SIDE, _SIDE)
    return maps, block


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a raster; turn the library's complaints into ours.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If its bytes cannot be decoded, when opened or when read.
    """
    import rasterio  # heavy, and only files need it
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    if not path.is_file():
        raise MissingFileError("There is no such raster", where=path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # pixels can be counted anyway
            with rasterio.open(path) as dataset:
                yield dataset
    except (RasterioError, OSError) as error:
        raise SourceError(
            "The raster cannot be read: it is damaged, incomplete or of another format",
            where=path,
            found=str(error.__cause__ or error).strip(),
            remedy="compare its size with the original and copy it again",
        ) from error


def read_block(dataset: Any, rows: slice, cols: slice) -> Array:  # noqa: ANN401
    """Values of the first band of an open raster in some rows and columns, ``(y, x)``."""
    from rasterio.windows import Window

    row, last_row, _ = rows.indices(dataset.height)
    col, last_col, _ = cols.indices(dataset.width)
    window = Window(col, row, last_col - col, last_row - row)
    return np.asarray(dataset.read(1, window=window))


def grid_of(dataset: Any) -> RasterGrid:  # noqa: ANN401
    """Where the pixels of an open raster lie."""
    crs = dataset.crs
    return RasterGrid(
        tuple(dataset.transform)[:6],
        "" if crs is None else crs.to_string(),
        crs is not None and bool(crs.is_geographic),
        (dataset.height, dataset.width),
    )


def _open(path: Path) -> ClassRaster:
    with opened(path) as dataset:
        if dataset.count != 1:
            raise SourceError(
                "A class map has one band", where=path, found=f"{dataset.count} bands"
            )
        return ClassRaster(path, grid_of(dataset), dataset.nodata, dataset.block_shapes[0])


def _codes(values: Array, nodata: float | None, path: Path) -> npt.NDArray[np.uint8]:
    """Whole codes 0…254, and 255 where the file has no data."""
    if values.dtype == np.uint8:
        return values if nodata is None else np.where(values == nodata, np.uint8(NO_DATA), values)
    missing = np.zeros(values.shape, dtype=bool)
    if values.dtype.kind == "f":
        missing |= np.isnan(values)
    if nodata is not None and not np.isnan(nodata):
        missing |= values == nodata
    kept = values[~missing]
    broken = kept[kept != np.round(kept)]
    if broken.size:
        raise SourceError("These are numbers, not classes", where=path, found=f"{broken[0]}")
    if kept.size and (kept.min() < 0 or kept.max() > NO_DATA):
        raise SourceError(
            "Class codes out of range",
            where=path,
            expected=f"0…{NO_DATA - 1}",
            found=f"{kept.min():g}…{kept.max():g}",
            remedy="declare the value of missing pixels as nodata in the file",
        )
    return np.where(missing, np.uint8(NO_DATA), values).astype(np.uint8)


def _check_grid(first: ClassRaster, other: ClassRaster) -> None:
    one, two = first.grid, other.grid
    problem: tuple[str, object, object] | None = None
    if one.shape != two.shape:
        problem = "shape", one.shape, two.shape
    elif one.crs != two.crs:
        problem = "coordinate system", one.crs or "none", two.crs or "none"
    elif _shift(one, two) > _SLACK:
        problem = "transform", one.transform, two.transform
    if problem is not None:
        raise GridError(
            f"The maps do not lie on one grid: another {problem[0]}",
            where=other.path,
            expected=f"{problem[1]} as {first.path.name}",
            found=problem[2],
            remedy="warp one onto the other by nearest neighbour, for example with `gdalwarp`",
        )


def _shift(one: RasterGrid, two: RasterGrid) -> float:
    """How far apart the corners of two rasters of one shape lie, in pixels, at most."""
    whole = slice(0, one.shape[0]), slice(0, one.shape[1])
    pixel = min(max(abs(x) for x in one.transform[part]) for part in (slice(2), slice(3, 5)))
    pairs = zip(one.corners(*whole), two.corners(*whole), strict=True)
    apart = max(max(abs(x - u), abs(y - v)) for (x, y), (u, v) in pairs)
    return apart / pixel


def same_system(one: str, two: str) -> bool:
    """Whether two coordinate systems as rasterio reads them are one; the order of axes aside."""
    from rasterio import Env
    from rasterio.crs import CRS

    if not one or not two:
        return one == two
    with Env():  # else the library prints what it complains of
        first, second = CRS.from_user_input(one), CRS.from_user_input(two)
    longitudes = first.is_geographic and second.is_geographic
    return bool(first == second or (longitudes and first.to_dict() == second.to_dict()))


def no_region(path: Path, found: str) -> GridError:
    """The error that none of a file's regions lies on the map."""
    return GridError(
        "No region of the file meets the map",
        where=path,
        found=found,
        remedy="compare the extents and coordinate systems of both, with `rio info` or `ogrinfo`",
    )
