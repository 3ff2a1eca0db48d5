"""Bands of a raster that is no class map: several bands, sinusoidal or geographic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ai4land.errors import GridError, SourceError
from ai4land.formats import Layout, Raster, open_raster, opened_raster
from ai4land.regrid import SinusoidalGrid
from ai4land.sources.rasters import on_longitudes
from ai4land.sources.source import Array

__all__ = ["BandFile", "open_bands"]

_RADIUS = 6371007.181


@dataclass(frozen=True, slots=True)
class BandFile:
    """A raster whose header was read.

    Attributes:
        path: The file.
        place: Where its cells lie.
        bands: Its bands.
        tags: Metadata of the file, as text.
    """

    path: Path
    place: SinusoidalGrid | Layout
    bands: tuple[Raster, ...]
    tags: Mapping[str, str]

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Type of each band."""
        return tuple(str(band.dtype) for band in self.bands)

    def read(self, band: int, rows: slice, cols: slice) -> Array:
        """A block of a band (1 is the first), as stored; the largest number where it is missing.

        Raises:
            SourceError: If the bytes cannot be decoded.
        """
        values, missing = self.bands[band - 1].read(rows, cols)
        if missing is None or values.dtype.kind == "f":
            return values
        return np.where(missing, np.iinfo(values.dtype).max, values)


def open_bands(path: Path) -> BandFile:
    """Read the header of a raster in EPSG:4326 or on the sinusoidal grid of MODIS.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it lies on another grid.
    """
    with opened_raster(path) as dataset:
        bands = tuple(open_raster(path, band=n) for n in dataset.indexes)
        tags = dict(dataset.tags())
        modis = dataset.crs is not None and _is_modis(dataset.crs.to_dict())
    first = bands[0]
    if not modis:
        layout = on_longitudes(first, "or sinusoidal on a sphere of 6371007.181 m")
        return BandFile(path, layout, bands, tags)
    a, b, left, d, e, top = first.grid.transform
    if b or d or abs(a + e) > 1e-6 * a:
        raise SourceError(
            "The sinusoidal raster is turned or its pixels are not square",
            where=path,
            found=f"transform {first.grid.transform}",
        )
    try:
        return BandFile(path, SinusoidalGrid.from_metres(left, top, a, first.shape), bands, tags)
    except GridError as error:
        raise SourceError("Not a part of a MODIS tile", where=path, found=error) from error


def _is_modis(crs: Mapping[str, Any]) -> bool:
    """Whether a coordinate system is the sinusoidal projection of MODIS, sphere included."""
    radius = crs.get("R", crs.get("a") if crs.get("a") == crs.get("b") else None)
    shifted = any(float(crs.get(key, 0.0)) for key in ("lon_0", "x_0", "y_0"))
    return (
        crs.get("proj") == "sinu"
        and radius is not None
        and abs(float(radius) - _RADIUS) < 1.0
        and not shifted
    )
