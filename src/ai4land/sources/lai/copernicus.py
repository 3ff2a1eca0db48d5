"""Leaf area index of Copernicus: Global Land Service (CGLS) 1 km and 300 m, and C3S.

Ten-day NetCDF files, ``c_gls_LAI…`` and ``c3s_LAI_…``. Coordinates are those of pixel **centres**:
the first is 180° W, 80° N, so edges lie half a pixel (1/224° at 1 km) west and north of it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import NetcdfMap, check_units, chosen, map_of, opened_netcdf
from ai4land.grid import Window
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
_SCALE = 1 / 30  # of the uint8 editions, of which 255 is missing
_PRODUCT = Product(
    "Copernicus LAI",
    "",
    "Copernicus, free with attribution",
    "Verger et al. 2014, doi:10.1016/j.rse.2014.07.009; Copernicus services",
)


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
    """
    notes = {"composites": "ten-day periods"}
    return open_composites(path, options, _NAMES, _opened, _PRODUCT, notes)


def _opened(path: Path) -> Opened:
    """Read and check the header of a file; numbers without attributes are as uint8 editions are."""
    with opened_netcdf(path) as dataset:
        array = chosen(dataset, (_NAME,), path, what="leaf area", option=None)
        found = map_of(dataset, array, path)
        if any(size != 1 for size in found.others.values()):
            raise SourceError(
                "Other dimensions than one map",
                where=f"{path}, {_NAME}",
                expected="([time = 1,] lat, lon)",
                found=dict(zip(found.dimensions, found.shape, strict=True)),
                remedy="keep one time a file, for example with `ncks -d`",
            )
        check_units(array, _UNITS, path)
        attributes = set(array.ncattrs())
    packing, unsigned = found.packing, found.dtype == np.uint8
    if "scale_factor" not in attributes and unsigned:
        packing = replace(packing, scale=_SCALE)
    elif "scale_factor" not in attributes and found.dtype.kind != "f":
        raise SourceError(
            "The file does not say how its numbers are packed",
            where=f"{path}, {_NAME}",
            expected="an attribute scale_factor",
            found=f"{found.dtype} with {', '.join(sorted(attributes))}",
            remedy="give it the scale_factor that the product's manual says",
        )
    if unsigned and not attributes & {"_FillValue", "missing_value"}:
        packing = replace(packing, fills=(255,))
    return found.layout, partial(_read, replace(found, packing=packing))


def _read(one: NetcdfMap, window: Window) -> npt.NDArray[np.float32]:
    where = f"{one.path.name}, row {window.row}, column {window.col}"
    return leaf_area(one.floats(window), where)


READER = Reader(
    CopernicusLaiOptions,
    VARIABLES,
    lambda path, options, _: open_lai_copernicus(path, options),
    title="Copernicus leaf area index, CGLS 1 km and 300 m, C3S 1 km and 4 km",
    files=("c_gls_LAI_{date}0000_GLOBE_{sensor}_V2.0.2.nc", "c3s_LAI_{date}000000_GLOBE_*.nc"),
    years="1981– (C3S), 1999– (CGLS 1 km), 2014– (300 m)",
    licence=_PRODUCT.licence,
    citation=_PRODUCT.citation,
    certainty=Certainty.CODE,
    experimental=True,
)
