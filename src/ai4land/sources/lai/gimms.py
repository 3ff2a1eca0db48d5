"""GIMMS LAI4g: half-monthly leaf area index on 1/12°, GeoTIFF with a quality band.

Cao et al. 2023, ESSD 15, 4877, doi:10.5194/essd-15-4877-2023. The last two digits of a file name
are the half of the month, not a day.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Layout, Packing
from ai4land.grid import Window
from ai4land.sources.bands import BandFile, open_bands
from ai4land.sources.lai.composites import (
    VARIABLES,
    CompositeOptions,
    LeafArea,
    Naming,
    Opened,
    Rhythm,
    leaf_area,
    open_composites,
)
from ai4land.sources.periods import half_month
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Array, Product

__all__ = ["READER", "GimmsLaiOptions", "open_lai_gimms"]

_FILE = re.compile(
    r"GIMMS_LAI4g.*_(?P<version>V\d+\.\d+)_(?P<year>\d{4})(?P<month>\d{2})(?P<half>0[12])\.tiff?\Z",
    re.IGNORECASE,
)
_PACKING = Packing(np.dtype(np.uint16), (65535,), 0, 6999, 0.001)
_MISSING_CODE = 3
_ACCEPTED = {"any": (0, 1, 2), "observed": (0,)}
_PRODUCT = Product("GIMMS LAI4g", "", "CC BY 4.0", "Cao et al. 2023, doi:10.5194/essd-15-4877-2023")


class GimmsLaiOptions(CompositeOptions):
    """Options of ``lai_gimms``; clocks finer than a month repeat half months.

    Attributes:
        quality: Which values count, by the second band: ``any`` (0 good, 1 spline, 2 seasonal
            profile or snow), or only those ``observed`` (0). Missing (3) never counts.
    """

    clock: Rhythm = "month"
    quality: Literal["any", "observed"] = "any"


_NAMES = Naming(
    what="GIMMS LAI4g",
    pattern=_FILE,
    ending="*.tif*",
    example="GIMMS_LAI4g_V1.2_YYYYMM01.tif and …02.tif",
    of=lambda match, _: half_month(int(match["year"]), int(match["month"]), int(match["half"])),
    one="half month",
    twice="keep one version in a folder",
    edition=lambda match: match["version"].upper(),
    several="keep one version in a folder",
)


def open_lai_gimms(path: Path, options: GimmsLaiOptions) -> LeafArea:
    """Open a folder of LAI4g files, searched with its subfolders."""
    notes = {"quality": options.quality, "composites": "half months"}
    opened = partial(_opened, _ACCEPTED[options.quality])
    return open_composites(path, options, _NAMES, opened, _PRODUCT, notes)


def _opened(codes: tuple[int, ...], path: Path) -> Opened:
    """Open a file and see that it has the two bands of the product."""
    file = open_bands(path)
    if file.dtypes[:1] != ("uint16",) or len(file.dtypes) != 2:
        raise SourceError(
            "Other bands than the product's",
            where=path,
            expected="band 1 leaf area × 1000 as uint16, band 2 quality",
            found=f"{len(file.dtypes)} bands of {', '.join(file.dtypes)}",
        )
    if not isinstance(file.place, Layout):
        raise SourceError("Not on latitudes and longitudes", where=path, found=file.place)
    return file.place, partial(_read, file, file.place, codes)


def _read(
    file: BandFile, layout: Layout, codes: tuple[int, ...], window: Window
) -> npt.NDArray[np.float32]:
    where = f"{file.path.name}, row {window.row}, column {window.col}"

    def band(number: int) -> Array:
        return layout.gather(window, lambda rows, cols: file.read(number, rows, cols))

    values = leaf_area(_PACKING.floats(band(1)), where)
    quality = band(2)
    unknown = np.isfinite(values) & ~np.isin(quality, (*_ACCEPTED["any"], _MISSING_CODE))
    if unknown.any():
        raise SourceError(
            "Quality codes that the product does not know",
            where=where,
            expected="0 good, 1 spline, 2 seasonal or snow, 3 missing",
            found=np.unique(quality[unknown])[:5].tolist(),
        )
    values[~np.isin(quality, codes)] = np.nan
    return values


READER = Reader(
    GimmsLaiOptions,
    VARIABLES,
    lambda path, options, _: open_lai_gimms(path, options),
    title="GIMMS LAI4g, half months on 1/12°",
    files=("GIMMS_LAI4g_V1.2_{year}{month}{01|02}.tif",),
    years="1982–2020",
    licence=_PRODUCT.licence,
    citation=_PRODUCT.citation,
    certainty=Certainty.CODE,
    experimental=True,
)
