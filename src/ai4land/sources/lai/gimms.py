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

from ai4land.errors import MissingFileError, SourceError
from ai4land.formats import Layout, same_grid
from ai4land.grid import Window
from ai4land.sources.bands import BandFile, open_bands
from ai4land.sources.lai.leaf_area import Composite, LeafArea, Scaling
from ai4land.sources.options import Strict
from ai4land.sources.periods import Period, half_month
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Array, Product
from ai4land.vocabulary import Clock

__all__ = ["READER", "GimmsLaiOptions", "open_lai_gimms"]

_FILE = re.compile(
    r"GIMMS_LAI4g.*_(?P<version>V\d+\.\d+)_(?P<year>\d{4})(?P<month>\d{2})(?P<half>0[12])\.tiff?\Z",
    re.IGNORECASE,
)
_SCALING = Scaling(0.001, frozenset({65535}), (0, 6999), strict=False)
_MISSING_CODE = 3
_ACCEPTED = {"any": (0, 1, 2), "observed": (0,)}
_CITATION = "Cao et al. 2023, doi:10.5194/essd-15-4877-2023"


class GimmsLaiOptions(Strict):
    """Options of ``lai_gimms``.

    Attributes:
        clock: Clock of the values: ``month``, ``10day`` or ``8day``; the last two repeat half
            months.
        quality: Which values count, by the second band: ``any`` (0 good, 1 spline, 2 seasonal
            profile or snow), or only those ``observed`` (0). Missing (3) never counts.
        partial: Offer periods of which the files cover only some days.
    """

    clock: Literal["month", "10day", "8day"] = "month"
    quality: Literal["any", "observed"] = "any"
    partial: bool = False


def open_lai_gimms(path: Path, options: GimmsLaiOptions) -> LeafArea:
    """Open a folder of LAI4g files, searched with its subfolders.

    Args:
        path: Folder.
        options: Clock and quality.

    Raises:
        MissingFileError: If there is nothing of the product.
        SourceError: If there are several versions, or a file is laid out differently.
    """
    files: dict[Period, Path] = {}
    versions: dict[str, Path] = {}
    for file in sorted(path.rglob("*.tif*")):
        match = _FILE.match(file.name)
        if match is None:
            continue
        period = half_month(int(match["year"]), int(match["month"]), int(match["half"]))
        versions.setdefault(match["version"].upper(), file)
        if period in files or len(versions) > 1:
            twin = files.get(period) or next(iter(versions.values()))
            raise SourceError(
                "Two files for one half month, or of two versions",
                where=path,
                found=f"{twin.name} and {file.name}",
                remedy="keep one version in a folder",
            )
        files[period] = file
    if not files:
        raise MissingFileError(
            "No GIMMS LAI4g files here",
            where=path,
            expected="files named GIMMS_LAI4g_V1.2_YYYYMM01.tif and …02.tif",
            found="none in it or its subfolders" if path.is_dir() else "no such folder",
            remedy="unpack the archives" if list(path.glob("*.zip")) else None,
        )
    opened = {period: _checked(file) for period, file in files.items()}
    first = next(iter(opened.values()))
    layout = _layout(first)
    for other in opened.values():
        if not same_grid(_layout(other).grid, layout.grid):
            raise SourceError(
                "A file of the series lies on another grid",
                where=other.path,
                expected=layout.grid.describe(),
                found=_layout(other).grid.describe(),
            )
    composites = [
        Composite(period, (one.path,), partial(_read, one, _ACCEPTED[options.quality]))
        for period, one in opened.items()
    ]
    return LeafArea(
        layout.grid,
        composites,
        Clock(options.clock),
        Product("GIMMS LAI4g", next(iter(versions)), "CC BY 4.0", _CITATION),
        partial=options.partial,
        notes={"quality": options.quality, "composites": "half months"},
    )


def _checked(path: Path) -> BandFile:
    """Open a file and see that it has the two bands of the product."""
    file = open_bands(path)
    if file.dtypes[:1] != ("uint16",) or len(file.dtypes) != 2:
        raise SourceError(
            "Other bands than the product's",
            where=path,
            expected="band 1 leaf area × 1000 as uint16, band 2 quality",
            found=f"{len(file.dtypes)} bands of {', '.join(file.dtypes)}",
        )
    _layout(file)
    return file


def _layout(file: BandFile) -> Layout:
    if not isinstance(file.place, Layout):
        raise SourceError("Not on latitudes and longitudes", where=file.path, found=file.place)
    return file.place


def _read(file: BandFile, codes: tuple[int, ...], window: Window) -> npt.NDArray[np.float32]:
    where = f"{file.path.name}, row {window.row}, column {window.col}"

    def band(number: int) -> Array:
        return _layout(file).gather(window, lambda rows, cols: file.read(number, rows, cols))

    values = _SCALING.apply(band(1), where)
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
    ("leaf_area_index", "leaf_area_index_observations"),
    lambda path, options, _: open_lai_gimms(path, options),
    title="GIMMS LAI4g, half months on 1/12°",
    files=("GIMMS_LAI4g_V1.2_{year}{month}{01|02}.tif",),
    years="1982–2020",
    licence="CC BY 4.0",
    citation=_CITATION,
    certainty=Certainty.CODE,
)
