"""Bands of a raster that is no class map: several bands, sinusoidal or geographic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.windows import Window as FileWindow

from ai4land.errors import GridError, SourceError
from ai4land.formats import Layout, layout_from_transform
from ai4land.regrid import SinusoidalGrid
from ai4land.sources.rasters import opened_raster
from ai4land.sources.source import Array

__all__ = ["BandFile", "open_bands"]

_RADIUS = 6371007.181


@dataclass(frozen=True, slots=True)
class BandFile:
    """A raster whose header was read.

    Attributes:
        path: The file.
        place: Where its cells lie.
        dtypes: Type of each band.
        nodata: No-data value of each band.
        tags: Metadata of the file, as text.
    """

    path: Path
    place: SinusoidalGrid | Layout
    dtypes: tuple[str, ...]
    nodata: tuple[float | None, ...]
    tags: Mapping[str, str]

    def read(self, band: int, rows: slice, cols: slice) -> Array:
        """A block of a band (1 is the first), as stored.

        Raises:
            SourceError: If the bytes cannot be decoded.
        """
        with opened_raster(self.path) as dataset:
            return np.asarray(dataset.read(band, window=FileWindow.from_slices(rows, cols)))


def open_bands(path: Path) -> BandFile:
    """Read the header of a raster in EPSG:4326 or on the sinusoidal grid of MODIS.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it lies on another grid.
    """
    with opened_raster(path) as dataset:
        crs, transform = dataset.crs, tuple(dataset.transform)
        place: SinusoidalGrid | Layout
        if crs is not None and crs.is_geographic and crs.to_epsg() in {4326, None}:
            place = layout_from_transform(transform, dataset.shape, path)
        elif crs is not None and _is_modis(crs.to_dict()):
            a, b, left, d, e, top = transform[:6]
            if b or d or abs(a + e) > 1e-6 * a:
                raise SourceError(
                    "The sinusoidal raster is turned or its pixels are not square",
                    where=path,
                    found=f"transform {transform[:6]}",
                )
            try:
                place = SinusoidalGrid.from_metres(left, top, a, dataset.shape)
            except GridError as error:
                raise SourceError("Not a part of a MODIS tile", where=path, found=error) from error
        else:
            raise SourceError(
                "The raster is in another coordinate system",
                where=path,
                expected="EPSG:4326, or sinusoidal on a sphere of 6371007.181 m",
                found="none given" if crs is None else crs.to_string()[:80],
            )
        return BandFile(path, place, dataset.dtypes, dataset.nodatavals, dict(dataset.tags()))


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
