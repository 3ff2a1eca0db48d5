"""Resampling: values of a product on another grid, by the method that the recipe names.

Codes are looked up in tables: positions in a legend, or codes of another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ai4land.errors import ConfigError, VocabularyError
from ai4land.grid import Grid, overlap
from ai4land.regrid import bilinear, class_areas, conservative, majority, nearest
from ai4land.sources.source import Array, SourceField
from ai4land.vocabulary import NO_DATA, Kind, Legend, check_name, crosswalk

__all__ = ["BIASED", "METHODS", "Method", "check_method", "class_index", "resampled", "translation"]

Method = Literal["conservative", "majority", "fraction", "nearest", "bilinear"]
METHODS: tuple[str, ...] = get_args(Method)
BIASED: frozenset[str] = frozenset({"majority", "nearest", "bilinear"})
"""Methods that do not keep areas or means; what they cost is estimated and kept in the cube."""
Codes = npt.NDArray[np.uint8]


def check_method(method: str | None, entry: SourceField, where: str) -> None:
    """Refuse a resampling that would invent classes, or find majorities of numbers.

    Raises:
        ConfigError: If the method does not suit the kind of the variable.
    """
    classes = entry.variable.kind is Kind.CATEGORICAL
    numbers = ("conservative", "nearest", "bilinear")
    allowed = ("majority", "nearest", "fraction") if classes else numbers
    if method is not None and method not in allowed:
        raise ConfigError(
            "The resampling does not suit the variable",
            where=where,
            expected=f"{' or '.join(allowed)} for {entry.variable.kind.value} values",
            found=method,
        )


def resampled(
    values: Array, source: Grid, target: Grid, method: Method, legend: Legend | None = None
) -> Array:
    """Bring values onto another grid.

    Args:
        values: ``([component,] y, x)`` on ``source``: class codes ``uint8`` with 255 missing, or
            numbers with NaN missing.
        source: Their grid.
        target: The grid wanted.
        method: ``conservative`` (mean by shared area), ``majority`` (class of the largest area),
            ``fraction`` (share of each class in the known land), ``nearest`` or ``bilinear``.
        legend: Meaning of class codes.

    Returns:
        On ``target``, of the same type; ``fraction``: ``(class, y, x)`` float32, NaN where nothing
        is known and 0 where all that is known is sea.
    """
    if method == "nearest":
        fill = NO_DATA if values.dtype == np.uint8 else np.nan
        return nearest(values, source, target, fill)
    if method == "majority":
        assert legend is not None
        index, codes = class_index(legend)
        found = majority(index[values], codes.size, overlap(source, target))
        back = np.full(256, NO_DATA, dtype=np.uint8)
        back[: codes.size] = codes
        return back[found]
    if method == "fraction":
        assert legend is not None
        return _fractions(values, source, target, legend)
    layers = values[None] if values.ndim == 2 else values
    valid = np.asarray(np.isfinite(layers).all(axis=0))
    mask = None if valid.all() else valid
    if method == "conservative":
        return conservative(values, overlap(source, target), mask).astype(np.float32)
    return bilinear(values, source, target, mask).astype(np.float32)


def class_index(legend: Legend) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Table ``(256,)`` from codes to positions among all codes of a legend, and those codes.

    Classes come first, in legend order; then sea codes that are no class. All else is 255.
    """
    extra = sorted(set(legend.sea) - set(legend.codes))
    codes = np.array([*legend.codes, *extra], dtype=np.uint8)
    index = np.full(256, NO_DATA, dtype=np.uint8)
    index[codes] = np.arange(codes.size, dtype=np.uint8)
    return index, codes


def _fractions(values: Array, source: Grid, target: Grid, legend: Legend) -> Array:
    """Share of each class in the known land of a cell, ``(class, y, x)`` float32."""
    index, codes = class_index(legend)
    areas = class_areas(index[values], codes.size, overlap(source, target))
    nothing = areas.sum(axis=0) == 0.0
    areas[np.isin(codes, legend.sea)] = 0.0
    land = areas.sum(axis=0)
    shares = areas[: len(legend)] / np.where(land > 0.0, land, 1.0)
    shares[:, nothing] = np.nan
    return shares.astype(np.float32)


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
