"""Class maps in rasters, placed on the longitudes and latitudes of a north-up grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasterio.errors import RasterioError

from ai4land.errors import SourceError
from ai4land.formats import (
    Layout,
    Raster,
    class_codes,
    is_wgs84,
    layout_from_transform,
    open_raster,
    opened_raster,
)
from ai4land.grid import Window
from ai4land.sources.source import Array
from ai4land.vocabulary import Legend

__all__ = ["RasterFile", "Recode", "on_longitudes", "open_class_map"]

Turn = Callable[[Array, Array | None], Array]
Recode = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class RasterFile:
    """A raster whose header was read and found in order.

    Attributes:
        raster: The band.
        layout: How its rows and columns lie on a north-up grid.
    """

    raster: Raster
    layout: Layout

    @property
    def path(self) -> Path:
        """The file."""
        return self.raster.path

    def read_all(self, windows: Sequence[Window], turn: Turn | None = None) -> list[Array]:
        """Windows north up, ``(y, x)`` each, the file opened once.

        Args:
            windows: Parts of the grid.
            turn: What becomes of values in the file, given where they are missing; by default
                they stay as they are.

        Raises:
            SourceError: If the bytes cannot be decoded.
        """
        with opened_raster(self.path, self.raster.name) as dataset:

            def block(rows: slice, cols: slice) -> Array:
                try:
                    values, missing = self.raster.block(dataset, rows, cols)
                except (RasterioError, OSError) as error:
                    row = self._bad_row(dataset, rows, cols)
                    raise self._damaged(row, error.__cause__ or error) from error
                return values if turn is None else turn(values, missing)

            return [self.layout.gather(window, block) for window in windows]

    def codes(
        self, window: Window, legend: Legend, where: str, recode: Recode | None = None
    ) -> Array:
        """Codes of a window as a legend stores them, ``(y, x)`` uint8, 255 missing.

        The file's no-data value is missing unless the legend gives it a meaning.

        Args:
            window: Part of the grid.
            legend: Meaning of the codes.
            where: File and place, for error texts.
            recode: Turns file values into codes of the legend, where they are not so already.
        """
        raster, tag = self.raster.coded()

        def turn(values: Array, missing: Array | None) -> Array:
            return class_codes(recode(values) if recode else values, legend, tag, where, missing)

        return RasterFile(raster, self.layout).read_all([window], turn)[0]

    def _bad_row(self, dataset: Any, rows: slice, cols: slice) -> int:  # noqa: ANN401
        """A row that cannot be decoded, among rows of which one cannot."""
        while rows.stop - rows.start > 1:
            middle = (rows.start + rows.stop) // 2
            try:
                self.raster.block(dataset, slice(rows.start, middle), cols)
            except (RasterioError, OSError):
                rows = slice(rows.start, middle)
            else:
                rows = slice(middle, rows.stop)
        return int(rows.start)

    def _damaged(self, row: int, error: BaseException) -> SourceError:
        grid = self.layout.grid
        down = grid.height - 1 - row if self.layout.flipped else row
        latitude = float(grid.north - grid.dy * down - grid.dy / 2)
        return SourceError(
            "The raster cannot be read: it is damaged, incomplete or of another format",
            where=f"{self.path}, row {row} (latitude {latitude:.4g}°)",
            found=str(error).strip(),
            remedy="compare its size and checksum with the provider's and fetch it again; if that "
            "is how it was published, ask for a region without the row or leave the time out",
        )


def on_longitudes(raster: Raster, remedy: str) -> Layout:
    """How a raster lies on longitudes and latitudes of WGS 84.

    Raises:
        SourceError: If it lies in another system, or on no north–south grid.
    """
    if not is_wgs84(raster.grid):
        raise SourceError(
            "The raster is in another coordinate system",
            where=raster.path,
            expected="EPSG:4326 (longitude and latitude on WGS 84), by .01 pixel at every corner",
            found=raster.grid.crs[:80] or "none given",
            remedy=remedy
            if raster.grid.crs
            else "if that is its system, say so in the file: "
            f"`rio edit-info --crs EPSG:4326 {raster.path}`",
        )
    return layout_from_transform(raster.grid.transform, raster.shape, raster.path)


def open_class_map(
    path: Path, *, band: int | None = None, variable: str | None = None
) -> RasterFile:
    """Read and check the header of a class map.

    Args:
        path: Anything that GDAL opens.
        band: Number of the band, where there are several.
        variable: Name of the layer, where there are several.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is not one band of numbers on longitudes and latitudes of WGS 84.
        ConfigError: If there are several bands or layers and none is chosen.
    """
    raster = open_raster(path, band=band, variable=variable)
    remedy = f"`rio warp {path} FILE --dst-crs EPSG:4326 --resampling nearest`, or the option "
    remedy += "`reproject` of the source `geotiff_series`: nothing is moved silently"
    return RasterFile(raster, on_longitudes(raster, remedy))
