"""Elevation in NetCDF as GEBCO gives it, with slope and aspect derived on the sphere.

GEBCO Compilation Group 2024, doi:10.5285/1c44ce99-0a0d-5f4f-e063-7086abc0ea0f.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.grid import Window, slope_aspect
from ai4land.sources.netcdf import check_units, masked, opened, read_layout
from ai4land.sources.options import Strict
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import (
    Array,
    Product,
    Provenance,
    SourceField,
    checked,
    provenance_of,
)
from ai4land.vocabulary import Clock, variable

__all__ = ["READER", "Gebco", "GebcoOptions"]

_METRES = {"m", "metre", "metres", "meter", "meters"}
_DERIVED = ("slope", "aspect_north", "aspect_east")


class GebcoOptions(Strict):
    """Options of ``gebco``.

    Attributes:
        product: Name and year of the release, such as ``GEBCO_2024``.
    """

    product: str = "GEBCO"


class Gebco:
    """``elevation(lat, lon)`` in metres, sea floor negative, and what follows from it.

    Args:
        path: The NetCDF file, latitude in either order, longitude −180…180 or 0…360° E.
        options: Name of the release.

    Raises:
        SourceError: If the file is not a map of elevation in metres.
    """

    def __init__(self, path: Path, options: GebcoOptions) -> None:
        self._path = path
        self._product = Product(
            options.product, "", "public domain, attribution", "doi:10.5285/1c44ce99-0a0d-5f4f"
        )
        with opened(path) as dataset:
            if "elevation" not in dataset.variables or dataset["elevation"].ndim != 2:
                raise SourceError(
                    "Not a map of elevation",
                    where=path,
                    expected="elevation(lat, lon)",
                    found=", ".join(f"{n}{v.dimensions}" for n, v in dataset.variables.items()),
                )
            array = dataset["elevation"]
            check_units(array, _METRES, path)
            self._layout = read_layout(dataset, array, path)
        self.fields: Mapping[str, SourceField] = {
            name: SourceField(variable(name), self._layout.grid, Clock.STATIC)
            for name in ("elevation", *_DERIVED)
        }

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Elevation, slope or aspect of a window, ``(y, x)`` float32; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        if variable == "elevation":
            return self._elevation(window)
        wide, inner = self._with_halo(window)
        layers = slope_aspect(self._elevation(wide), self._layout.grid.crop(wide))
        return np.ascontiguousarray(layers[_DERIVED.index(variable)][inner])

    def _elevation(self, window: Window) -> npt.NDArray[np.float32]:
        with opened(self._path) as dataset:
            array = dataset["elevation"]
            raw = self._layout.gather(window, lambda rows, cols: np.asarray(array[rows, cols]))
            return masked(raw, array)

    def _with_halo(self, window: Window) -> tuple[Window, tuple[slice, slice]]:
        """The window with the neighbours that exist, and where the window lies in it."""
        grid = self._layout.grid
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

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """Nothing that headers do not tell."""
        checked(self.fields, variable, None, window)
        return {}

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """The one file, hashed."""
        return [provenance_of(self._path, self._product)]


READER = Reader(
    GebcoOptions,
    ("elevation", "slope", "aspect_north", "aspect_east"),
    lambda path, options, _: Gebco(path, options),
    title="GEBCO elevation, slope and aspect derived on the sphere",
    files=("GEBCO_{year}.nc",),
    years="static",
    licence="public domain",
    citation="GEBCO Compilation Group, doi:10.5285/1c44ce99-0a0d-5f4f-e063-7086abc0ea0f",
    certainty=Certainty.PAPER,
)
