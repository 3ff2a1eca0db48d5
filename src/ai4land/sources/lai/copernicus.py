"""Leaf area index of Copernicus: Global Land Service (CGLS) 1 km and 300 m, and C3S.

Ten-day NetCDF files, ``c_gls_LAI…`` and ``c3s_LAI_…``. Coordinates are those of pixel **centres**:
the first is 180° W, 80° N, so edges lie half a pixel (1/224° at 1 km) west and north of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources.lai.composites import (
    CompositeMap,
    CompositeOptions,
    Naming,
    Rhythm,
    leaf_area_of,
)
from ai4land.sources.lai.leaf_area import VARIABLES, LeafArea, Scaling
from ai4land.sources.layout import Layout
from ai4land.sources.netcdf import check_units, opened, read_layout
from ai4land.sources.periods import Period, composite_date, period_of
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import Product
from ai4land.vocabulary import Clock

__all__ = ["READER", "CopernicusLaiOptions", "open_lai_copernicus"]

_FILE = re.compile(
    r"(?:c_gls_LAI(?P<fine>300)?(?:-RT(?P<real_time>\d+))?|c3s_LAI)_(?P<date>\d{8})\d{4,6}"
    r"_(?P<area>[A-Z0-9]+)_(?P<sensor>[A-Z0-9-]+)_(?P<version>V\d+(?:\.\d+)*)\.nc\Z",
    re.IGNORECASE,
)
_NAME = "LAI"
_UNITS = {"m2/m2", "m2 m-2", "m^2/m^2", "m^2 m^-2", "1", "-", "fraction"}  # C3S says fraction
_PACKED = Scaling(1 / 30, frozenset({255}), None)
_CITATION = "Verger et al. 2014, doi:10.1016/j.rse.2014.07.009; Copernicus services"
_LICENCE = "Copernicus, free with attribution"


class CopernicusLaiOptions(CompositeOptions):
    """Options of ``lai_copernicus``."""

    clock: Rhythm = "10day"


def _ten_days(match: re.Match[str], file: Path) -> Period:
    return period_of(Clock.TEN_DAYS, Clock.TEN_DAYS.tick(composite_date(match["date"], file)))


_NAMES = Naming(
    what="Copernicus leaf area",
    pattern=_FILE,
    ending="*.nc",
    example="c_gls_LAI_….nc, c_gls_LAI300_….nc or c3s_LAI_….nc",
    of=_ten_days,
    one="ten-day period",
    twice="keep the consolidated one (without -RT, or with the higher RT)",
    edition=lambda match: f"{match['sensor']} {match['version']}",
)


def open_lai_copernicus(path: Path, options: CopernicusLaiOptions) -> LeafArea:
    """Open a folder of ten-day files, searched with its subfolders.

    The date in a file's name lies in the ten-day period that the file speaks for (the 10th, the
    20th or the last of the month; of some editions the middle of the period).

    Args:
        path: Folder.
        options: Clock.

    Raises:
        MissingFileError: If there is nothing of the product.
        SourceError: If two files are of one period, or a file is laid out differently.
    """
    files, edition = _NAMES.files_in(path)
    product = Product("Copernicus LAI", edition, _LICENCE, _CITATION)
    maps = {period: _opened_map(file) for period, file in files.items()}
    return leaf_area_of(maps, options, product, {"composites": "ten-day periods"})


def _opened_map(path: Path) -> CompositeMap:
    """Read and check the header of a file."""
    with opened(path) as dataset:
        if _NAME not in dataset.variables:
            raise SourceError(
                "Not a leaf area file",
                where=path,
                expected=_NAME,
                found=", ".join(dataset.variables),
            )
        array = dataset[_NAME]
        if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[0] != 1):
            raise SourceError(
                "Other dimensions than one map",
                where=f"{path}, {_NAME}",
                expected="([time = 1,] lat, lon)",
                found=dict(zip(array.dimensions, array.shape, strict=True)),
            )
        check_units(array, _UNITS, path)
        layout = read_layout(dataset, array, path)
        read = partial(_read, path, layout, _scaling(array, path))
        return CompositeMap(path, layout, read)


def _scaling(array: netCDF4.Variable[Any], path: Path) -> Scaling:
    """How the numbers of a file are meant: by its attributes, else as the uint8 editions are."""
    attributes: Mapping[str, Any] = {name: array.getncattr(name) for name in array.ncattrs()}
    dtype = np.dtype(array.dtype)
    if "scale_factor" in attributes:
        factor, offset = float(attributes["scale_factor"]), float(attributes.get("add_offset", 0))
    elif dtype == np.uint8:
        factor, offset = _PACKED.factor, 0.0
    elif dtype.kind == "f":
        factor, offset = 1.0, 0.0
    else:
        raise SourceError(
            "The file does not say how its numbers are packed",
            where=f"{path}, {_NAME}",
            expected="an attribute scale_factor",
            found=f"{dtype} with {', '.join(attributes)}",
        )
    if dtype.kind == "f":
        return Scaling(factor, frozenset(), None, offset)
    given = [attributes[key] for key in ("_FillValue", "missing_value") if key in attributes]
    fills = {int(np.asarray(v).astype(dtype)) for value in given for v in np.atleast_1d(value)}
    valid = _valid(attributes, dtype)
    return Scaling(factor, frozenset(fills or {np.iinfo(dtype).max}), valid, offset, strict=False)


def _valid(attributes: Mapping[str, Any], dtype: np.dtype[Any]) -> tuple[float, float] | None:
    """The range of stored numbers that are values; all else is missing, as CF means it."""
    if "valid_range" in attributes and len(np.atleast_1d(attributes["valid_range"])) == 2:
        low, high = np.asarray(attributes["valid_range"]).astype(dtype).tolist()
        return float(low), float(high)
    if {"valid_min", "valid_max"} <= set(attributes):
        ends = [np.asarray(attributes[f"valid_{end}"]).astype(dtype) for end in ("min", "max")]
        return float(ends[0]), float(ends[1])
    return None


def _read(path: Path, layout: Layout, scaling: Scaling, window: Window) -> npt.NDArray[np.float32]:
    with opened(path) as dataset:
        array = dataset[_NAME]
        lead = (0,) * (array.ndim - 2)
        raw = layout.gather(window, lambda rows, cols: np.asarray(array[(*lead, rows, cols)]))
    return scaling.apply(raw, f"{path.name}, row {window.row}, column {window.col}")


READER = Reader(
    CopernicusLaiOptions,
    VARIABLES,
    lambda path, options, _: open_lai_copernicus(path, options),
    title="Copernicus leaf area index, CGLS 1 km and 300 m, C3S 1 km and 4 km",
    files=("c_gls_LAI_{date}0000_GLOBE_{sensor}_V2.0.2.nc", "c3s_LAI_{date}000000_GLOBE_*.nc"),
    years="1981– (C3S), 1999– (CGLS 1 km), 2014– (300 m)",
    licence=_LICENCE,
    citation=_CITATION,
    certainty=Certainty.CODE,
    experimental=True,
)
