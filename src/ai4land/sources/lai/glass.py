"""GLASS leaf area index on the 0.05° grid, from AVHRR (``GLASS01B02``) or MODIS (``GLASS01B01``).

Xiao et al. 2016, IEEE TGRS 54, 5301, doi:10.1109/TGRS.2016.2560522. The two differ in type and
scale: AVHRR is int16 × 0.01 with 2550 missing, MODIS is uint8 × 0.1.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ai4land.errors import MissingFileError, SourceError
from ai4land.formats import Hdf4File, Layout, opened_hdf4, same_grid
from ai4land.grid import Window
from ai4land.sources.lai.leaf_area import Composite, LeafArea, Scaling
from ai4land.sources.options import Strict
from ai4land.sources.periods import composite, composite_date
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product
from ai4land.vocabulary import Clock

__all__ = ["READER", "GlassLaiOptions", "open_lai_glass"]

_FILE = re.compile(
    r"(?P<product>GLASS01[A-Z]\d{2})\.(?P<version>V\d{2})\.A(?P<year>\d{4})(?P<doy>\d{3})\..*hdf\Z",
    re.IGNORECASE,
)
_FIELD = "LAI"
_DAYS = 8
_KNOWN: Mapping[str, tuple[type[np.generic], float, int]] = {
    "GLASS01B01": (np.uint8, 0.1, 255),
    "GLASS01B02": (np.int16, 0.01, 2550),
}
_CITATION = "Xiao et al. 2016, doi:10.1109/TGRS.2016.2560522"
_LICENCE = "free for science with citation"


class GlassLaiOptions(Strict):
    """Options of ``lai_glass``.

    Attributes:
        clock: Clock of the values: ``8day``, ``10day`` or ``month``.
        product: ``GLASS01B01`` (MODIS) or ``GLASS01B02`` (AVHRR), needed if a folder holds both.
        partial: Offer periods of which the files cover only some days.
    """

    clock: Literal["8day", "10day", "month"] = "8day"
    product: Literal["GLASS01B01", "GLASS01B02"] | None = None
    partial: bool = False


def open_lai_glass(path: Path, options: GlassLaiOptions) -> LeafArea:
    """Open a folder of GLASS files, searched with its subfolders.

    Args:
        path: Folder.
        options: Clock and product.

    Raises:
        MissingFileError: If there is nothing of the product, or no HDF4 library.
        SourceError: If there are several products or versions, or a file is laid out differently.
    """
    found: dict[tuple[str, str], dict[dt.date, Path]] = {}
    for file in sorted(path.rglob("*.hdf")):
        match = _FILE.match(file.name)
        if match is None:
            continue
        product = match["product"].upper()
        if product not in _KNOWN:
            raise SourceError(
                "This edition of GLASS is not supported",
                where=file,
                expected=" or ".join(_KNOWN) + " (0.05°)",
                found=product,
                remedy="its format is not confirmed; fetch the 0.05° edition",
            )
        if options.product not in {None, product}:
            continue
        day = composite_date(match["year"] + match["doy"], file)
        files = found.setdefault((product, match["version"].upper()), {})
        if day in files:
            raise SourceError(
                "Two files for one time",
                where=path,
                found=f"{files[day].name} and {file.name}",
                remedy="keep the one that was produced last",
            )
        files[day] = file
    if not found:
        raise MissingFileError(
            "No GLASS leaf area here",
            where=path,
            expected="files named GLASS01B02.V40.A2004001.….hdf",
            found="none in it or its subfolders" if path.is_dir() else "no such folder",
        )
    if len(found) > 1:
        raise SourceError(
            "Several products or versions in the folder",
            where=path,
            found=", ".join(" ".join(key) for key in sorted(found)),
            remedy="set the option `product`, and keep one version in a folder",
        )
    (name, version), files = next(iter(found.items()))
    layout = _layout(next(iter(files.values())), name)
    composites = [
        Composite(composite(day, _DAYS), (file,), partial(_read, file, name, layout))
        for day, file in files.items()
    ]
    return LeafArea(
        layout.grid,
        composites,
        Clock(options.clock),
        Product("GLASS LAI", f"{name} {version}", _LICENCE, _CITATION),
        partial=options.partial,
        notes={"composite_days": _DAYS, "day_weights": "days shared with the period"},
    )


def _layout(path: Path, product: str) -> Layout:
    with opened_hdf4(path) as file:
        _scaling(file, product)
        return file.grid_of(_FIELD).layout()


def _read(path: Path, product: str, layout: Layout, window: Window) -> npt.NDArray[np.float32]:
    with opened_hdf4(path) as file:
        place = file.grid_of(_FIELD).layout()
        if not same_grid(place.grid, layout.grid):
            raise SourceError(
                "A file of the series lies on another grid",
                where=path,
                expected=layout.grid.describe(),
                found=place.grid.describe(),
                remedy="keep files of one grid in a folder",
            )
        raw = place.gather(window, lambda rows, cols: file.read(_FIELD, rows, cols))
        where = f"{path.name}, row {window.row}, column {window.col}"
        return _scaling(file, product).apply(raw, where)


def _scaling(file: Hdf4File, product: str) -> Scaling:
    """How the numbers of a file are meant, by its attributes checked against the product."""
    stored, factor, fill = _KNOWN[product]
    attributes: Mapping[str, Any] = file.attributes(_FIELD)
    dtype = file.describe(_FIELD)[1]
    declared = float(attributes.get("scale_factor", factor))
    if dtype != np.dtype(stored) or abs(declared - factor) > 1e-6:
        raise SourceError(
            "The file is not stored as its product is",
            where=file.path,
            expected=f"{np.dtype(stored)} × {factor}",
            found=f"{dtype} × {declared:g}",
        )
    offset = float(attributes.get("add_offset", 0.0))
    if offset != 0.0:  # HDF4 means factor × (stored − offset), NetCDF another thing: not to guess
        raise SourceError("The file declares an offset", where=file.path, expected=0, found=offset)
    fills = {fill, *np.atleast_1d(attributes.get("_FillValue", fill)).astype(int).tolist()}
    low, high = (float(v) for v in attributes.get("valid_range", (0, round(10.0 / factor))))
    return Scaling(factor, frozenset(fills), (low, high))


READER = Reader(
    GlassLaiOptions,
    ("leaf_area_index", "leaf_area_index_observations"),
    lambda path, options, _: open_lai_glass(path, options),
    title="GLASS leaf area index, 0.05°, from AVHRR or MODIS",
    files=("GLASS01B02.V40.A{year}{doy}.*.hdf", "GLASS01B01.V04.A{year}{doy}.*.hdf"),
    years="1981–2018 (AVHRR), 2000– (MODIS)",
    licence=_LICENCE,
    citation=_CITATION,
    certainty=Certainty.CODE,
)
