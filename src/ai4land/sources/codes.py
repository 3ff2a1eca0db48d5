"""Codes: from the numbers in a class map to the codes of a legend, refusing unknown ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError, VocabularyError
from ai4land.sources.source import Array
from ai4land.vocabulary import NO_DATA, Legend, check_name, crosswalk

__all__ = ["class_codes", "translation"]

Codes = npt.NDArray[np.uint8]
_UNKNOWN = -1


def class_codes(raw: Array, legend: Legend, nodata: float | None, where: object) -> Codes:
    """Turn file values into ``uint8`` codes of a legend.

    Floating-point files are accepted if every value is whole; NaN, the legend's missing codes and
    the file's own no-data value (unless the legend gives it a meaning) become ``NO_DATA``.

    Args:
        raw: File values, any numeric type and shape.
        legend: The product's legend.
        nodata: The file's no-data value.
        where: File and place, for the error text.

    Raises:
        SourceError: If there are fractions or codes that the legend does not know.
    """
    if raw.dtype.kind == "f":
        missing = np.isnan(raw)
        whole = np.where(missing, NO_DATA, raw)
        if not np.array_equal(whole, np.rint(whole)):
            raise SourceError(
                "A class map holds fractions",
                where=where,
                expected="whole class codes",
                found=f"{whole[whole != np.rint(whole)].ravel()[0]:g}",
                remedy="the map was interpolated: resample the original with `nearest` or `mode`",
            )
        raw = whole
    table = _table(legend, nodata)
    if raw.dtype == np.uint8:
        known = bytes(np.flatnonzero(table != _UNKNOWN).tolist())
        if not raw.tobytes().translate(None, known):  # nearly always so, and far the fastest test
            return np.asarray(np.take(table.astype(np.uint8), raw))
    inside = (raw >= 0) & (raw <= NO_DATA)
    codes = table[np.where(inside, raw, 0).astype(np.uint8)]
    if raw.dtype != np.uint8 and not inside.all():
        codes = np.where(inside | (raw == nodata), np.where(inside, codes, NO_DATA), _UNKNOWN)
    if (codes == _UNKNOWN).any():
        unknown, counts = np.unique(raw[codes == _UNKNOWN], return_counts=True)
        row, column = np.argwhere(codes == _UNKNOWN)[0]
        raise SourceError(
            "Class codes that the legend does not know",
            where=f"{where}; first {row} rows down and {column} columns right of there",
            expected=f"{legend.name}: {', '.join(map(str, sorted({*legend.codes, *legend.sea})))}",
            found=", ".join(
                f"{u:g} ({n} cells)" for u, n in zip(unknown[:8], counts[:8], strict=True)
            ),
            remedy="name the product's version or legend, or add the codes to a legend file",
        )
    return codes.astype(np.uint8)


def _table(legend: Legend, nodata: float | None) -> npt.NDArray[np.int16]:
    """Code by file value, −1 where the legend knows nothing."""
    table = np.full(256, _UNKNOWN, dtype=np.int16)
    known = [*legend.codes, *legend.sea]
    if nodata is not None and 0 <= nodata <= NO_DATA and nodata == int(nodata):
        table[int(nodata)] = NO_DATA
    table[[*legend.missing, NO_DATA]] = NO_DATA
    table[known] = known
    return table


def translation(source: Legend, target: Legend, classes: Mapping[str, str] | None = None) -> Codes:
    """The 256-entry table that translates codes of one legend into another's.

    Args:
        source: Legend translated from.
        target: Legend translated to.
        classes: Source class → target class; default: the crosswalk that comes with AI4Land.

    Raises:
        VocabularyError: If there is no crosswalk, or it leaves a class out.
    """
    names = crosswalk(source.name, target.name).lookup() if classes is None else dict(classes)
    table = np.full(256, NO_DATA, dtype=np.uint8)
    for name in names:
        what = "The crosswalk names a class that the source legend does not have"
        where = f"{source.name} → {target.name}"
        check_name(name, source.names, what, where, error=VocabularyError)
    for cls in source.classes:
        if cls.name not in names:
            raise VocabularyError(
                "The crosswalk leaves a class out",
                where=f"{source.name} → {target.name}",
                found=repr(cls.name),
                remedy="give every class of the source legend a class of the target",
            )
        table[cls.code] = target.classes[target.index(names[cls.name])].code
    for code in set(source.sea) - set(source.codes):
        table[code] = target.sea[0] if target.sea else NO_DATA
    return table
