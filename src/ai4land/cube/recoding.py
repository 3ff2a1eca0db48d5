"""Recoding: classes and their shares read in another legend than they are stored in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube.schema import CubeSpec, VariableSpec
from ai4land.errors import CubeError
from ai4land.vocabulary import NO_DATA, Crosswalk, Kind, Legend, crosswalk, crosswalk_names

__all__ = ["Recoding", "recodings"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Recoding:
    """How one stored variable is read in another legend.

    Attributes:
        stored: The variable as it is stored.
        spec: The variable as it is read.
        table: Of a map: code → code ``(256,)``, unknown codes missing. Of shares: share of each
            stored component that becomes each class, ``(components, classes)``.
    """

    stored: VariableSpec
    spec: VariableSpec
    table: Array

    def translated(self, values: Array) -> Array:
        """Stored values ``([time,] [component,] y, x)`` in the other legend.

        Shares stay shares of land: what becomes sea is taken out, and the rest divided by its sum.
        """
        if self.stored.variable.kind is Kind.CATEGORICAL:
            return np.asarray(self.table[values])
        assert self.spec.legend is not None
        sea = [i for i, c in enumerate(self.spec.legend.codes) if c in self.spec.legend.sea]
        layers = np.moveaxis(values, -3, 0).astype(np.float64)
        out = np.zeros((self.table.shape[1], *layers.shape[1:]))
        for weights, layer in zip(self.table, layers, strict=True):
            for target in np.flatnonzero(weights):
                out[target] += weights[target] * layer
        lost = out[sea].sum(axis=0)
        out[sea] = np.where(np.isnan(lost), np.nan, 0.0)
        land = np.zeros(out.shape[1:])
        for layer in out:
            land += layer
        whole = np.where((lost > 0) & (land > 0), land, 1.0)
        return np.moveaxis(np.where(np.isnan(lost), np.nan, out / whole), 0, -3).astype(np.float32)


def recodings(spec: CubeSpec, classes: Legend) -> dict[str, Recoding]:
    """Variable → how it is read in a legend, of all that are stored in another and lead there.

    Raises:
        VocabularyError: If a class of a map would be split between several.
        CubeError: If a crosswalk does not know the classes of a stored legend.
    """
    found = {}
    for variable in (v for group in spec.groups for v in group.variables):
        own = variable.legend
        if (
            own is None
            or own == classes
            or f"{own.name}_to_{classes.name}" not in crosswalk_names()
        ):
            continue
        walk = crosswalk(own.name, classes.name)
        missing = set(own.names) - set(walk.source_classes)
        if missing:
            raise CubeError(
                "The crosswalk does not know all classes",
                where=f"{walk.name}, {variable.name}",
                expected=", ".join(walk.source_classes),
                found=", ".join(sorted(missing)),
            )
        if variable.variable.kind is Kind.CATEGORICAL:
            table = _codes(walk, own, classes)
        elif variable.variable.kind is Kind.FRACTION and variable.components == own.names:
            table = _shares(walk, own, classes)
        else:
            continue
        found[variable.name] = Recoding(variable, replace(variable, legend=classes), table)
    return found


def _codes(walk: Crosswalk, own: Legend, classes: Legend) -> Array:
    """Table from codes of one legend to codes of another."""
    lookup = walk.lookup()
    table = np.full(256, NO_DATA, dtype=np.uint8)
    for item in own.classes:
        table[item.code] = classes.codes[classes.index(lookup[item.name])]
    for code in own.sea:
        if code not in own.codes and classes.sea:
            table[code] = classes.sea[0]
    return table


def _shares(walk: Crosswalk, own: Legend, classes: Legend) -> Array:
    """Matrix from shares of one legend's classes to those of another's."""
    table = np.zeros((len(own), len(classes)))
    for i, name in enumerate(own.names):
        row = walk.matrix[walk.source_classes.index(name)]
        for target, share in zip(walk.target_classes, row, strict=True):
            table[i, classes.index(target)] += share
    return table
