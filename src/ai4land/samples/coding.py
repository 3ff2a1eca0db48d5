"""Coding: stored values of a target as a model counts them, classes or numbers alike."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ai4land.errors import SampleError
from ai4land.vocabulary import NO_DATA, Legend, Target

__all__ = ["ClassCoding", "Coding", "NumberCoding", "class_lookup", "coding_of"]

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


def class_lookup(legend: Legend) -> ByteArray:
    """Table ``(256,)`` from class codes to positions in the legend; all else is ``NO_DATA``."""
    table = np.full(256, NO_DATA, dtype=np.uint8)
    table[list(legend.codes)] = np.arange(len(legend), dtype=np.uint8)
    return table


class Coding(Protocol):
    """How the values of one target are read."""

    @property
    def layers(self) -> int:
        """Channels as a model sees it."""

    def positions(self, stored: Array) -> Array:
        """Stored values as they are counted: class positions, or the numbers themselves."""

    def stored(self, positions: Array) -> Array:
        """The inverse of ``positions``."""

    def domain(self, stored: Array) -> BoolArray:
        """Where the target exists: known and not sea."""

    def known(self, positions: Array) -> BoolArray:
        """Where positions are not missing."""

    def encoded(self, positions: Array) -> FloatArray:
        """Positions ``(…, y, x)`` as layers ``(…, K, y, x)``."""


class ClassCoding:
    """Class codes ``uint8``, 255 missing, counted by their position in a legend.

    Args:
        legend: The legend.
    """

    def __init__(self, legend: Legend) -> None:
        self.legend = legend
        self._lookup = class_lookup(legend)
        self._codes = np.full(256, NO_DATA, dtype=np.uint8)
        self._codes[: len(legend)] = legend.codes
        self._outside = np.isin(np.arange(256), [NO_DATA, *legend.sea])
        self._layers = np.eye(256, len(legend), dtype=np.float32)

    @property
    def layers(self) -> int:
        """Number of classes."""
        return len(self.legend)

    @property
    def sea(self) -> list[int]:
        """Positions of the classes that are sea."""
        return [i for i, code in enumerate(self.legend.codes) if code in self.legend.sea]

    def on_land(self, probability: FloatArray) -> FloatArray:
        """Probabilities ``(K, …)`` of a pixel of land, changed in place: it does not become sea."""
        probability[self.sea] = 0.0
        total = probability[0].copy()
        for layer in probability[1:]:  # in one order, whatever the shape
            total += layer
        probability /= np.maximum(total, np.float32(1e-12))
        return probability

    def positions(self, stored: Array) -> ByteArray:
        """Positions of class codes, 255 missing."""
        return np.asarray(self._lookup[stored])

    def stored(self, positions: Array) -> ByteArray:
        """Codes of class positions, 255 missing."""
        return np.asarray(self._codes[positions])

    def domain(self, stored: Array) -> BoolArray:
        """Where a map is known and not sea."""
        return np.asarray(~self._outside[stored])

    def known(self, positions: Array) -> BoolArray:
        """Where positions are not missing."""
        return np.asarray(positions != NO_DATA)

    def encoded(self, positions: Array) -> FloatArray:
        """One-hot ``(…, K, y, x)`` float32; missing gives zeros."""
        return np.ascontiguousarray(np.moveaxis(self._layers[positions], -1, -3))


class NumberCoding:
    """Numbers ``float32`` in physical units, NaN missing."""

    layers = 1

    def positions(self, stored: Array) -> Array:
        """The numbers themselves."""
        return stored

    def stored(self, positions: Array) -> Array:
        """The numbers themselves."""
        return positions

    def domain(self, stored: Array) -> BoolArray:
        """Where a number is known."""
        return np.isfinite(stored)

    def known(self, positions: Array) -> BoolArray:
        """Where a number is known."""
        return np.isfinite(positions)

    def encoded(self, positions: Array) -> FloatArray:
        """One layer, ``(…, 1, y, x)`` float32."""
        return np.asarray(positions, dtype=np.float32)[..., None, :, :]


def coding_of(target: Target, legend: Legend | None) -> ClassCoding | NumberCoding:
    """How a target is coded.

    Raises:
        SampleError: If it is a map of classes without a legend.
    """
    if not target.categorical:
        return NumberCoding()
    if legend is None:
        raise SampleError("A map of classes needs a legend", where=target.name)
    return ClassCoding(legend)
