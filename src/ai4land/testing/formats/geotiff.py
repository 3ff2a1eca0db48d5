"""GeoTIFFs of any layout; what a provider does differently is said by the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["Colours", "write_geotiff"]

Colours = Mapping[int, tuple[int, ...]]


def write_geotiff(
    path: Path,
    bands: Sequence[npt.NDArray[np.generic]],
    transform: Sequence[float],
    *,
    colours: Colours | None = None,
    crs: str | None = "EPSG:4326",
    **layout: object,
) -> Path:
    """Write bands of one shape and type.

    Args:
        path: The file; its folder is made.
        bands: Each ``(y, x)``.
        transform: From pixels to coordinates, as ``Grid.transform``.
        colours: Palette of the first band.
        crs: Where the coordinates are; ``None`` leaves it out.
        layout: Compression, tiles, missing value, as rasterio calls them.
    """
    import rasterio
    from rasterio.transform import Affine

    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = bands[0].shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=len(bands),
        dtype=bands[0].dtype,
        crs=crs,
        transform=Affine(*transform),
        **layout,
    ) as file:
        for number, band in enumerate(bands, start=1):
            file.write(band, number)
        if colours:
            file.write_colormap(1, colours)
    return path
