"""GLASS leaf area index on the 0.05° grid, from AVHRR (``GLASS01B02``) or MODIS (``GLASS01B01``).

Xiao et al. 2016, IEEE TGRS 54, 5301, doi:10.1109/TGRS.2016.2560522. The two differ in type and
scale: AVHRR is int16 × 0.01 with 2550 missing, MODIS is uint8 × 0.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Hdf4File, Layout, Packing, opened_hdf4
from ai4land.grid import Window
from ai4land.sources.lai.composites import (
    VARIABLES,
    CompositeOptions,
    LeafArea,
    Naming,
    Opened,
    open_composites,
    unpacked,
)
from ai4land.sources.periods import Period, composite, composite_date
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product

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
_PRODUCT = Product(
    "GLASS LAI",
    "",
    "free for science with citation",
    "Xiao et al. 2016, doi:10.1109/TGRS.2016.2560522",
)


class GlassLaiOptions(CompositeOptions):
    """Options of ``lai_glass``.

    Attributes:
        product: ``GLASS01B01`` (MODIS) or ``GLASS01B02`` (AVHRR), needed if a folder holds both.
    """

    product: Literal["GLASS01B01", "GLASS01B02"] | None = None


def _eight_days(match: re.Match[str], file: Path) -> Period:
    if match["product"].upper() not in _KNOWN:
        raise SourceError(
            "This edition of GLASS is not supported",
            where=file,
            expected=" or ".join(_KNOWN) + " (0.05°)",
            found=match["product"],
            remedy="its format is not confirmed; fetch the 0.05° edition",
        )
    return composite(composite_date(match["year"] + match["doy"], file), _DAYS)


_NAMES = Naming(
    what="GLASS leaf area",
    pattern=_FILE,
    ending="*.hdf",
    example="GLASS01B02.V40.A2004001.….hdf",
    of=_eight_days,
    one="time",
    twice="keep the one that was produced last",
    edition=lambda match: f"{match['product']} {match['version']}".upper(),
    several="set the option `product`, and keep one version in a folder",
)


def open_lai_glass(path: Path, options: GlassLaiOptions) -> LeafArea:
    """Open a folder of GLASS files, searched with its subfolders."""
    notes = {"composite_days": _DAYS, "day_weights": "days shared with the period"}
    return open_composites(path, options, _NAMES, _opened, _PRODUCT, notes, options.product)


def _opened(path: Path) -> Opened:
    """Read and check the header of a file."""
    with opened_hdf4(path) as file:
        packing, layout = _packing(file), file.grid_of(_FIELD).layout()
    return layout, partial(_read, path, packing, layout)


def _read(path: Path, packing: Packing, layout: Layout, window: Window) -> npt.NDArray[np.float32]:
    with opened_hdf4(path) as file:
        raw = layout.gather(window, lambda rows, cols: file.read(_FIELD, rows, cols))
    return unpacked(raw, packing, f"{path.name}, row {window.row}, column {window.col}")


def _packing(file: Hdf4File) -> Packing:
    """How the numbers of a file are meant, by its attributes checked against the product."""
    stored, factor, fill = _KNOWN[file.path.name.partition(".")[0].upper()]
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
    held = tuple(n for n in sorted(fills) if np.iinfo(dtype).min <= n <= np.iinfo(dtype).max)
    low, high = (float(v) for v in attributes.get("valid_range", (0, round(10.0 / factor))))
    return Packing(dtype, held, low, high, factor)


READER = Reader(
    GlassLaiOptions,
    VARIABLES,
    lambda path, options, _: open_lai_glass(path, options),
    title="GLASS leaf area index, 0.05°, from AVHRR or MODIS",
    files=("GLASS01B02.V40.A{year}{doy}.*.hdf", "GLASS01B01.V04.A{year}{doy}.*.hdf"),
    years="1981–2018 (AVHRR), 2000– (MODIS)",
    licence=_PRODUCT.licence,
    citation=_PRODUCT.citation,
    certainty=Certainty.CODE,
    experimental=True,
)
