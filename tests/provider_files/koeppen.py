"""Older Köppen-Geiger maps as their authors publish them: Beck 2018 and the Kottek image."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.geotiff import write_geotiff
from ai4land.vocabulary import legend

__all__ = ["beck_2018_name", "write_beck_2018", "write_kottek"]

ClassMap = npt.NDArray[np.uint8]


def beck_2018_name(when: str, tag: str = "0p0083", *, confidence: bool = False) -> str:
    """File name of 2018: ``present`` or ``future``, of the zones or of their confidence."""
    return f"Beck_KG_V1_{when}{'_conf' if confidence else ''}_{tag}.tif"


def write_beck_2018(
    folder: Path,
    zones: ClassMap,
    grid: Grid,
    name: str,
    *,
    crs: str | None = "EPSG:4326",
) -> Path:
    """Write one map of 2018: plain bytes, 0 at sea.

    Args:
        folder: The folder.
        zones: Codes of the legend ``koeppen_geiger``, or confidence in percent, ``(y, x)``.
        grid: Their grid, row 0 in the north.
        name: From ``beck_2018_name``.
        crs: Coordinate system; some readers have to supply it themselves.
    """
    return write_geotiff(folder / name, [zones], grid.transform, crs=crs, compress="lzw")


def write_kottek(folder: Path, zones: ClassMap, *, table: bool = True) -> Path:
    """Write the image of zones without any georeference, and its table.

    Args:
        folder: The folder.
        zones: Codes of the legend ``koeppen_geiger_kottek``, 32 at sea, row 0 at 90° N and column
            0 at 180° W, twice as wide as high.
        table: Write ``koeppen_geiger_zones.csv`` beside it.

    Returns:
        Path of the image.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "koeppen_geiger_kottek_100arcsec.png"
    shape = {"height": zones.shape[0], "width": zones.shape[1], "count": 1, "dtype": "uint8"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # it has no georeference
        with rasterio.open(path, "w", driver="PNG", **shape) as file:
            file.write(zones, 1)
    if table:
        classes = legend("koeppen_geiger_kottek").classes
        rows = [(c.code, c.name, c.code) for c in classes] + [(32, "Ocean", 32)]
        with (folder / "koeppen_geiger_zones.csv").open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows([("", "kg_zone", "zoneNum"), *rows])
    return path
