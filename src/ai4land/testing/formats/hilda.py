"""Maps of HILDA+ as their provider writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.geotiff import write_geotiff

__all__ = ["HILDA_FOLDER", "hilda_name", "write_hilda_map"]

HILDA_FOLDER = Path("hildap_vGLOB-1.0_geotiff_wgs84/hildap_GLOB-v1.0_lulc-states")

_BASE_MAP_YEAR = 2015
_NAMES = {
    "v1-f": "hilda_plus_{year}_states_GLOB-v1-0-f_wgs84-nn.tif",
    "v2": "hilda_plus_states_{year}_GLOB-v2_wgs84.tif",
    "v2.1-crop": "hilda_plus_states_{year}_GLOB-v2_forest-crop_near_wgs84.tif",
}


def hilda_name(year: int, version: str = "v1") -> str:
    """File name of a year's states; in v1 2015 is the base map and has its own."""
    if version != "v1":
        return _NAMES[version].format(year=year)
    middle = "GLOB-v1-0_base-map" if year == _BASE_MAP_YEAR else "GLOB-v1-0"
    return f"hilda_plus_{year}_states_{middle}_wgs84-nn.tif"


def write_hilda_map(path: Path, codes: npt.NDArray[np.generic], grid: Grid) -> Path:
    """Write a map: LZW, strips of one row, no predictor, no nodata tag.

    Args:
        path: The file.
        codes: Class codes ``(y, x)``; uint8 as the provider has them, uint16 for four digits.
        grid: Their grid.
    """
    return write_geotiff(path, [codes], grid.transform, compress="lzw", tiled=False, blockysize=1)
