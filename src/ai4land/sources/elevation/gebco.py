"""Elevation as GEBCO gives it, with slope and aspect derived on the sphere.

GEBCO Compilation Group 2024, doi:10.5285/1c44ce99-0a0d-5f4f-e063-7086abc0ea0f.
"""

from __future__ import annotations

from pathlib import Path

from ai4land.sources.elevation.elevation import DERIVED, Elevation, open_elevation
from ai4land.sources.options import Strict
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product

__all__ = ["READER", "Gebco", "GebcoOptions"]


class GebcoOptions(Strict):
    """Options of ``gebco``.

    Attributes:
        product: Name and year of the release, such as ``GEBCO_2024``.
        variable: The NetCDF variable, where it has another name than the release gives it.
    """

    product: str = "GEBCO"
    variable: str | None = None


class Gebco(Elevation):
    """``elevation(lat, lon)`` in metres, sea floor negative, and what follows from it.

    Args:
        path: The NetCDF file, latitude in either order, longitude −180…180 or 0…360° E; or a
            GeoTIFF, or a virtual raster of GeoTIFF tiles.
        options: Name of the release.

    Raises:
        SourceError: If the file is not a map of elevation in metres.
    """

    def __init__(self, path: Path, options: GebcoOptions) -> None:
        product = Product(
            options.product, "", "public domain, attribution", "doi:10.5285/1c44ce99-0a0d-5f4f"
        )
        super().__init__(open_elevation(path, ("elevation",), options.variable), product)


READER = Reader(
    GebcoOptions,
    ("elevation", *DERIVED),
    lambda path, options, _: Gebco(path, options),
    title="GEBCO elevation, slope and aspect derived on the sphere",
    files=("GEBCO_{year}.nc",),
    years="static",
    licence="public domain",
    citation="GEBCO Compilation Group, doi:10.5285/1c44ce99-0a0d-5f4f-e063-7086abc0ea0f",
    certainty=Certainty.PAPER,
)
