"""Class codes: from the numbers in a file to the bytes of a legend, refusing unknown ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.vocabulary import NO_DATA, Legend

__all__ = ["class_codes", "codes_in", "decoded"]

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]

_LOWEST, _HIGHEST = -(1 << 15), (1 << 16) - 1
_UNKNOWN = -1


def class_codes(
    raw: Array,
    legend: Legend,
    nodata: float | None,
    where: object,
    missing: Mask | None = None,
) -> Codes:
    """Turn file values into the ``uint8`` codes that a legend is stored in.

    Floating-point files are accepted if every value is whole; NaN, the legend's missing codes and
    the file's own no-data value (unless the legend gives it a meaning) become ``NO_DATA``. No
    value has a meaning that neither the file nor the legend gives it.

    Args:
        raw: File values, any numeric type and shape.
        legend: The product's legend.
        nodata: The file's no-data value.
        where: File and place, for the error text.
        missing: True where a mask in the file says so.

    Raises:
        SourceError: If there are fractions or codes that the legend does not know.
    """
    table = {code: NO_DATA for code in legend.missing} | dict(legend.stored)
    if nodata is not None and float(nodata).is_integer():
        table.setdefault(int(nodata), NO_DATA)
    return decoded(raw, missing, table, where, legend.name)


def decoded(
    raw: Array, missing: Mask | None, table: Mapping[int, int], where: object, name: str
) -> Codes:
    """Look up file values, of any numeric type and shape.

    Args:
        raw: File values.
        missing: True where they are missing; ``None`` for nowhere.
        table: Code in the file → code stored, 255 for missing.
        where: File and place, for the error text.
        name: What the codes are called, for the error text.

    Raises:
        SourceError: If there are fractions or codes that are not in the table.
    """
    raw, missing = _whole(raw, missing, where)
    if raw.dtype == np.uint8:
        lookup = np.array([table.get(code, _UNKNOWN) for code in range(256)], np.int16)
        admitted = bytes(np.flatnonzero(lookup != _UNKNOWN).tolist())
        if missing is None and not raw.tobytes().translate(None, admitted):  # far the fastest test
            return np.asarray(np.take(lookup.astype(np.uint8), raw))
        codes = lookup[raw]
    else:
        lowest = min(table)
        lookup = np.full(max(table) - lowest + 2, _UNKNOWN, np.int16)
        lookup[np.array(list(table)) - lowest] = list(table.values())
        place = raw - np.asarray(lowest, np.result_type(raw.dtype, np.int64))
        codes = lookup[np.where((place >= 0) & (place < lookup.size), place, -1).astype(np.int64)]
    if missing is not None:
        codes = np.where(missing, np.int16(NO_DATA), codes)
    unknown = codes == _UNKNOWN
    if unknown.any():
        found, cells = np.unique(raw[unknown], return_counts=True)
        known = [code for code, byte in table.items() if byte != NO_DATA]
        row, column = np.argwhere(unknown)[0][-2:] if raw.ndim > 1 else (0, np.argmax(unknown))
        raise SourceError(
            "Class codes that the legend does not know",
            where=f"{where}; first {row} rows down and {column} columns right of there",
            expected=f"{name}: {_listed(sorted(known))}",
            found=_listed(f"{f:g} ({n} cells)" for f, n in zip(found[:9], cells, strict=False)),
            remedy="name the product's version or legend, or write a legend file with these codes "
            "among its `classes` or its `missing` ones",
        )
    return codes.astype(np.uint8)


def _whole(raw: Array, missing: Mask | None, where: object) -> tuple[Array, Mask | None]:
    """Codes, 0 where a floating-point one is missing, and where they are missing; no fractions."""
    if raw.dtype.kind != "f":
        return raw, missing
    nan = np.isnan(raw)
    missing = nan if missing is None else missing | nan
    kept = np.where(missing, raw.dtype.type(0), raw)
    broken = kept != np.rint(kept)  # infinite ones are unknown codes
    if broken.any():
        raise SourceError(
            "A class map holds fractions: these are numbers, not classes",
            where=where,
            expected="whole class codes",
            found=f"{kept[broken].ravel()[0]:g}",
            remedy="the map was interpolated: resample the original with `nearest` or `mode`",
        )
    return kept, missing


def codes_in(raw: Array, missing: Mask | None, where: object) -> tuple[int, ...]:
    """The whole codes that occur in a block, ascending.

    Args:
        raw: File values, any numeric type and shape.
        missing: True where they are missing.
        where: The file, for the error text.

    Raises:
        SourceError: If there are fractions, or codes beyond −32768…65535.
    """
    raw, missing = _whole(raw, missing, where)
    kept = raw.ravel() if missing is None else raw[~missing]
    if not kept.size:
        return ()
    least, most = kept.min(), kept.max()
    if least < _LOWEST or most > _HIGHEST:
        raise SourceError(
            "Class codes out of range",
            where=where,
            expected=f"{_LOWEST}…{_HIGHEST}",
            found=f"{least:g}…{most:g}",
            remedy="say in the file which value is missing: `rio edit-info --nodata "
            f"{least if least < _LOWEST else most:g} {where}`",
        )
    pixels = np.bincount(kept.astype(np.int64) - int(least))
    return tuple((np.flatnonzero(pixels) + int(least)).tolist())


def _listed(items: Iterable[object], most: int = 40) -> str:
    texts = [str(item) for item in items]
    return ", ".join([*texts[:most], *(["…"] if len(texts) > most else [])])
