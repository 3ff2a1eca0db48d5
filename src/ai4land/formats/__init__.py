"""How files are written: each kind of file, system, missing value and code is read in one way.

Names are loaded when they are used, so that a room that opens no file brings no library along.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai4land.formats.codes import class_codes, codes_in, decoded
    from ai4land.formats.polygons import Polygons, holds_polygons, read_polygons
    from ai4land.formats.rasters import (
        Raster,
        check_same_grid,
        missing_values,
        open_raster,
        opened_raster,
    )
    from ai4land.formats.systems import (
        LONGITUDES,
        PixelAreas,
        RasterGrid,
        is_wgs84,
        moved,
        same_system,
        shift,
    )

__all__ = [
    "LONGITUDES",
    "PixelAreas",
    "Polygons",
    "Raster",
    "RasterGrid",
    "check_same_grid",
    "class_codes",
    "codes_in",
    "decoded",
    "holds_polygons",
    "is_wgs84",
    "missing_values",
    "moved",
    "open_raster",
    "opened_raster",
    "read_polygons",
    "same_system",
    "shift",
]

_HOMES = MappingProxyType(
    {
        **dict.fromkeys(("class_codes", "codes_in", "decoded"), "codes"),
        **dict.fromkeys(("Polygons", "holds_polygons", "read_polygons"), "polygons"),
        **dict.fromkeys(
            ("Raster", "check_same_grid", "missing_values", "open_raster", "opened_raster"),
            "rasters",
        ),
        **dict.fromkeys(
            ("LONGITUDES", "PixelAreas", "RasterGrid", "is_wgs84", "moved", "same_system", "shift"),
            "systems",
        ),
    }
)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"ai4land.formats.{_HOMES[name]}"), name)
