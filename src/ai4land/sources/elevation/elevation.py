"""Elevation as GEBCO and ETOPO give it, with slope and aspect derived on the sphere.

GEBCO Compilation Group 2024, doi:10.5285/1c44ce99-0a0d-5f4f-e063-7086abc0ea0f; NOAA National
Centers for Environmental Information 2022, ETOPO 2022, doi:10.25921/fd45-gt74.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import check_units, chosen, opened_netcdf
from ai4land.grid import Window, slope_aspect
from ai4land.sources.file_source import FileSource, check_bounds
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.source import Array, Product, SourceField
from ai4land.sources.surfaces import Surface, is_netcdf, netcdf_surface, raster_surface
from ai4land.vocabulary import Clock, variable

__all__ = ["ETOPO", "GEBCO", "EtopoOptions", "GebcoOptions", "open_etopo", "open_gebco"]

_DERIVED = ("slope", "aspect_north", "aspect_east")
_NAMES = ("elevation", *_DERIVED)
_GEBCO = "doi:10.5285/1c44ce99-0a0d-5f4f"
_ETOPO = "NOAA NCEI 2022, doi:10.25921/fd45-gt74"
_SURFACES = {"surface": "ice surface", "ice": "ice surface", "bed": "bedrock"}
_METRES = {"m", "metre", "metres", "meter", "meters"}
_COMPANIONS = {
    "tid": "type identifiers of the measurements",
    "geoid": "heights of the geoid over the ellipsoid",
}


class GebcoOptions(Strict):
    """Options of ``gebco``.

    Attributes:
        product: Name and year of the release, such as ``GEBCO_2024``.
        variable: The NetCDF variable, where it has another name than the release gives it.
    """

    product: str = "GEBCO"
    variable: str | None = None


class EtopoOptions(GebcoOptions):
    """Options of ``etopo``; see ``GebcoOptions``."""

    product: str = "ETOPO 2022"


def open_gebco(path: Path, options: GebcoOptions) -> Elevation:
    """Open ``elevation(lat, lon)``: NetCDF, a GeoTIFF or a virtual raster of GeoTIFF tiles.

    Latitude may run in either order, longitude from −180 to 180 or from 0 to 360° E.
    """
    product = Product(options.product, "", "public domain, attribution", _GEBCO)
    return Elevation(_opened(path, ("elevation",), options.variable), product)


def open_etopo(path: Path, options: EtopoOptions) -> Elevation:
    """Open ``z(lat, lon)`` or ``elevation(lat, lon)``: NetCDF, a GeoTIFF or a virtual raster.

    The files of the ice surface and of the bedrock look alike; which one was read is taken from
    the file's name into the provenance.
    """
    version = next((_SURFACES[w] for w in _words(path) if w in _SURFACES), "")
    product = Product(options.product, version, "public domain, attribution", _ETOPO)
    return Elevation(_opened(path, ("z", "elevation"), options.variable), product)


def _words(path: Path) -> list[str]:
    return re.split(r"[^a-z0-9]+", path.stem.lower())


def _opened(path: Path, names: tuple[str, ...], chosen_name: str | None) -> Surface:
    """The header of a map of elevation in metres, checked."""
    for word in _words(path):
        if word in _COMPANIONS:
            raise SourceError(
                "The file is a companion of the elevation",
                where=path,
                expected="elevation in metres",
                found=_COMPANIONS[word],
                remedy="give the path of the elevation itself",
            )
    if path.is_dir():
        raise SourceError(
            "Elevation is one file",
            where=path,
            found="a folder",
            remedy="give the path of the NetCDF file; join tiles with `gdalbuildvrt all.vrt *.tif`",
        )
    if not is_netcdf(path):
        surface = raster_surface(path)
        if surface.units.lower() not in {"", *_METRES}:
            raise SourceError(
                "The variable is in other units", where=path, expected="m", found=surface.units
            )
        return surface
    with opened_netcdf(path) as dataset:
        array = chosen(dataset, names, path, what="a map of elevation", variable=chosen_name)
        check_units(array, _METRES, path)
        return netcdf_surface(dataset, array, path)


class Elevation(FileSource):
    """Elevation in metres, sea floor negative, and what follows from it."""

    def __init__(self, surface: Surface, product: Product) -> None:
        self._surface, grid = surface, surface.layout.grid
        super().__init__({n: SourceField(variable(n), grid, Clock.STATIC) for n in _NAMES}, product)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Elevation, slope or aspect of a window, ``(y, x)`` float32."""
        if entry.variable.name == "elevation":
            return self._elevation(window)
        wide, inner = self._with_halo(window)
        layers = slope_aspect(self._elevation(wide), self._surface.layout.grid.crop(wide))
        return np.ascontiguousarray(layers[_DERIVED.index(entry.variable.name)][inner])

    def _elevation(self, window: Window) -> npt.NDArray[np.float32]:
        values = self._surface.read(window)
        where = f"{self._surface.path}, row {window.row}, column {window.col}"
        remedy = (
            "bring it into metres, or declare its missing value: in a GeoTIFF with "
            "`rio edit-info --nodata VALUE FILE`, in NetCDF as `_FillValue`"
        )
        check_bounds(values, self.fields["elevation"].variable, where, remedy)
        return values

    def _with_halo(self, window: Window) -> tuple[Window, tuple[slice, slice]]:
        """The window with the neighbours that exist, and where the window lies in it."""
        grid = self._surface.layout.grid
        top, bottom = max(window.row - 1, 0), min(window.row + window.height + 1, grid.height)
        rows = slice(window.row - top, window.row - top + window.height)
        if grid.is_global and window.width + 2 > grid.width:
            # the whole circle: its two ends are each other's neighbours
            wide = Window(top, window.col, bottom - top, grid.width)
            return wide, (rows, slice(0, window.width))
        left, right = window.col - 1, window.col + window.width + 1
        if not grid.is_global:
            left, right = max(left, 0), min(right, grid.width)
        wide = Window(top, left, bottom - top, right - left)
        return wide, (rows, slice(window.col - left, window.col - left + window.width))

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        """The file; of a virtual raster its tiles, too."""
        return self._surface.files


GEBCO = Reader(
    GebcoOptions,
    _NAMES,
    lambda path, options, _: open_gebco(path, options),
    title="GEBCO elevation, slope and aspect derived on the sphere",
    files=("GEBCO_{year}.nc",),
    years="static",
    licence="public domain",
    citation=f"GEBCO Compilation Group, {_GEBCO}-e063-7086abc0ea0f",
    certainty=Certainty.PAPER,
)
ETOPO = Reader(
    EtopoOptions,
    _NAMES,
    lambda path, options, _: open_etopo(path, options),
    title="ETOPO elevation, slope and aspect derived on the sphere",
    files=("ETOPO_2022_v1_{15s,30s,60s}_N90W180_{surface,bed}.nc",),
    years="static",
    licence="public domain",
    citation=_ETOPO,
    certainty=Certainty.CODE,
)
