"""Elevation as ETOPO gives it, with slope and aspect derived on the sphere.

NOAA National Centers for Environmental Information 2022, ETOPO 2022, doi:10.25921/fd45-gt74.
"""

from __future__ import annotations

import re
from pathlib import Path

from ai4land.sources.elevation.elevation import DERIVED, Elevation, open_elevation
from ai4land.sources.options import Strict
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product

__all__ = ["READER", "Etopo", "EtopoOptions"]

_CITATION = "NOAA NCEI 2022, doi:10.25921/fd45-gt74"
_SURFACES = {"surface": "ice surface", "ice": "ice surface", "bed": "bedrock"}


class EtopoOptions(Strict):
    """Options of ``etopo``.

    Attributes:
        product: Name of the release.
        variable: The NetCDF variable, where it has another name than the release gives it.
    """

    product: str = "ETOPO 2022"
    variable: str | None = None


class Etopo(Elevation):
    """``z(lat, lon)`` in metres, sea floor negative, and what follows from it.

    The files of the ice surface and of the bedrock look alike; which one was read is taken from
    the file's name into the provenance.

    Args:
        path: The NetCDF file (``z`` or ``elevation``), latitude in either order, longitude
            −180…180 or 0…360° E; or a GeoTIFF, or a virtual raster of GeoTIFF tiles.
        options: Name of the release.

    Raises:
        SourceError: If the file is not a map of elevation in metres, or is of the geoid.
    """

    def __init__(self, path: Path, options: EtopoOptions) -> None:
        words = re.split(r"[^a-z0-9]+", path.stem.lower())
        version = next((_SURFACES[w] for w in words if w in _SURFACES), "")
        product = Product(options.product, version, "public domain, attribution", _CITATION)
        super().__init__(open_elevation(path, ("z", "elevation"), options.variable), product)


READER = Reader(
    EtopoOptions,
    ("elevation", *DERIVED),
    lambda path, options, _: Etopo(path, options),
    title="ETOPO elevation, slope and aspect derived on the sphere",
    files=("ETOPO_2022_v1_{15s,30s,60s}_N90W180_{surface,bed}.nc",),
    years="static",
    licence="public domain",
    citation=_CITATION,
    certainty=Certainty.CODE,
)
