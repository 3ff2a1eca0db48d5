"""Counting how often class indices meet, the one loop over pixels behind every score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import GridError, SampleError, VocabularyError
from ai4land.metrics.tables._loops import compiled, count_runs, sum_runs
from ai4land.metrics.tables.sums import Counts, Sums
from ai4land.vocabulary import NO_DATA

__all__ = [
    "CountTable",
    "as_weights",
    "check_counts",
    "check_shapes",
    "empty_counts",
    "numbered",
    "tabulate",
]

_BLOCK = 1 << 18
"""Pixels counted at once: the index copy that ``bincount`` makes then stays in the cache."""

_LARGE = 1 << 22
"""Pixels from which on the compiled loop is worth the time it takes to load."""

_BINS = 1 << 21
"""Largest table of the compiled loop; beyond it lies outside every cache."""


@dataclass(frozen=True, eq=False)
class CountTable(Sums):
    """A table of counts whose first axis is the class, in legend order.

    Attributes:
        counts: Shape (K, …); pixels (int64) or m² (float64).
    """

    counts: Counts

    @property
    def n_classes(self) -> int:
        """Number of classes K."""
        return int(self.counts.shape[0])

    @property
    def weighting(self) -> str:
        """``pixel`` for counts, ``area`` for summed weights."""
        return "pixel" if self.counts.dtype.kind == "i" else "area"

    @property
    def total(self) -> float:
        """Scored pixels, or m²."""
        return float(self.counts.sum())


def tabulate(
    truths: Sequence[NDArray[np.uint8]],
    predicted: NDArray[np.uint8],
    n_classes: int,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> Counts:
    """Sum the weights of pixels by their combination of class indices.

    Args:
        truths: Class indices 0…K−1, uint8, all of one shape; 255 is missing. A pixel where any
            of them is missing has nothing to be judged by and is left out.
        predicted: Class indices of the same shape; 255 is "none of the classes" and is counted
            in the last column: a wrong answer, not a missing one.
        n_classes: Number of classes K.
        weights: Cell areas in m² (or other weights), broadcastable to the maps; without them
            every pixel counts one.
        mask: True where a pixel is scored; everywhere if left out.

    Returns:
        Shape (K, …, K, K + 1), one axis per truth and then the prediction; int64 counts, or
        float64 sums of weights.

    Raises:
        GridError: If shapes differ, or a weight is negative or not finite.
        VocabularyError: If a scored index is no class (codes passed instead of indices, say).
    """
    truths = [_as_indices(truth, "truth") for truth in truths]
    predicted = _as_indices(predicted, "prediction")
    shape = predicted.shape
    scored = None if mask is None else np.atleast_1d(np.asarray(mask, dtype=np.bool_))
    check_shapes(shape, **{f"truth {n}": truth for n, truth in enumerate(truths)})
    if scored is not None:
        check_shapes(shape, mask=scored)
    areas = None if weights is None else as_weights(weights, shape)
    maps = (*truths, predicted)
    if predicted.size >= _LARGE and len(maps) <= 3 and (n_classes + 2) ** len(maps) <= _BINS:
        counts = _by_runs(maps, n_classes, areas, scored)
        if counts is not None:
            return counts
    return _by_index(maps, n_classes, areas, scored)


def empty_counts(shape: tuple[int, ...], weighted: bool) -> Counts:
    """A table of zeros: int64 for pixels, float64 for weights."""
    return np.zeros(shape, np.float64) if weighted else np.zeros(shape, np.int64)


def numbered(labels: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which labels occur, and where each one stands among them: ``unique`` without sorting.

    Args:
        labels: None negative, flat.

    Returns:
        The labels that occur, ascending, and the place of each element among them.
    """
    top = int(labels.max()) + 1 if labels.size else 0
    if top > max(_LARGE, 4 * labels.size):  # too thinly spread for a table
        found, places = np.unique(labels, return_inverse=True)
        return found.astype(np.int64), places.astype(np.int64)
    held = np.zeros(top, np.bool_)
    held[labels] = True
    return np.flatnonzero(held), (np.cumsum(held) - 1)[labels]


def check_shapes(shape: tuple[int, ...], **arrays: NDArray[Any]) -> None:
    """Refuse maps of different shape, which NumPy might broadcast without a word.

    Raises:
        GridError: If an array has another shape.
    """
    for name, array in arrays.items():
        if array.shape != shape:
            raise GridError(
                "Maps that are compared must have one shape",
                where=name,
                expected=shape,
                found=array.shape,
            )


def check_counts(counts: Counts, n_truths: int) -> None:
    """Refuse a table that is not (K, …, K, K + 1) of counts or weights.

    Raises:
        SampleError: If shape or type is another.
    """
    k = counts.shape[0] if counts.ndim else 0
    expected = (k,) * n_truths + (k + 1,)
    if k == 0 or counts.shape != expected or counts.dtype not in (np.int64, np.float64):
        raise SampleError(
            "Not a table of class counts",
            expected=f"{'K × ' * n_truths}(K + 1), the last column for predictions that are none "
            "of the classes; int64 or float64",
            found=f"{counts.shape} {counts.dtype}",
        )


def _as_indices(values: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    array = np.atleast_1d(np.asarray(values))
    if array.dtype != np.uint8:
        raise VocabularyError(
            "Scores take class indices",
            where=name,
            expected="uint8, 255 for none",
            found=array.dtype,
            remedy="translate codes with metrics.index_map",
        )
    return array


def as_weights(weights: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Weights as read-only float64 of the shape of the maps, repeated rather than copied.

    Raises:
        GridError: If one is negative or not finite, or they do not fit the maps.
    """
    array = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(array).all() or (array < 0).any():
        raise GridError(
            "A weight is negative or not finite", where="weights", expected="areas in m², all >= 0"
        )
    try:
        return np.broadcast_to(array, shape)
    except ValueError as error:
        raise GridError(
            "Weights do not fit the maps",
            where="weights",
            expected=f"broadcastable to {shape}",
            found=array.shape,
        ) from error


def _by_index(
    maps: Sequence[NDArray[np.uint8]],
    n_classes: int,
    areas: NDArray[np.float64] | None,
    scored: NDArray[np.bool_] | None,
) -> Counts:
    """Count with ``bincount``: always right, and fast enough for maps that are not large."""
    *truths, predicted = maps
    table_shape = (n_classes,) * len(truths) + (n_classes + 1,)
    counts = empty_counts(table_shape, areas is not None).reshape(-1)
    for block in _blocks(predicted.shape, _BLOCK):
        keep = np.ones(predicted[block].shape, np.bool_) if scored is None else scored[block]
        for truth in truths:
            keep = keep & (truth[block] != NO_DATA)
        kept = [truth[block][keep] for truth in truths]
        index = _combined(kept, predicted[block][keep], n_classes, counts.size)
        if areas is None:
            counts += np.bincount(index, minlength=counts.size)
        else:
            counts += np.bincount(index, areas[block][keep], minlength=counts.size)
    return counts.reshape(table_shape)


def _by_runs(
    maps: Sequence[NDArray[np.uint8]],
    n_classes: int,
    areas: NDArray[np.float64] | None,
    scored: NDArray[np.bool_] | None,
) -> Counts | None:
    """Count with the compiled loop; ``None`` if an index is no class, for the other to explain.

    Every map has two more entries in the table than there are classes: missing, and wrong.
    """
    side = n_classes + 2
    entry = np.minimum(np.arange(NO_DATA + 1), n_classes + 1)
    entry[NO_DATA] = n_classes
    lookup = np.zeros((3, NO_DATA + 1), np.int64)
    lookup[3 - len(maps) :] = [entry * side**power for power in reversed(range(len(maps)))]
    sums = empty_counts((side ** len(maps),), areas is not None)
    by_row = areas is not None and areas.strides[-1] == 0
    count, add = compiled(count_runs), compiled(sum_runs)
    for block in _blocks(maps[0].shape, _LARGE):
        parts = [np.atleast_2d(np.ascontiguousarray(m[block])) for m in maps]
        if scored is not None:
            parts[0] = np.where(np.atleast_2d(scored[block]), parts[0], np.uint8(NO_DATA))
        three = (*([parts[0]] * (3 - len(parts))), *parts)
        if areas is None:
            count(*three, lookup, np.ones(three[0].shape[0], np.int64), sums)
        elif by_row:
            count(*three, lookup, np.ascontiguousarray(np.atleast_2d(areas[block])[:, 0]), sums)
        else:
            add(*three, lookup, np.ascontiguousarray(np.atleast_2d(areas[block])), sums)
    table = sums.reshape((side,) * len(maps))
    for axis in range(len(maps) - 1):
        table = np.delete(table, n_classes, axis=axis)  # a missing truth is not scored
    if any(table.take(-1, axis=axis).any() for axis in range(len(maps))):
        return None
    inside = (slice(n_classes),) * (len(maps) - 1) + (slice(n_classes + 1),)
    return table[inside].copy()


def _blocks(shape: tuple[int, ...], size: int) -> Iterator[tuple[int | slice, ...]]:
    """Pieces of at most about ``size`` pixels: of a vector, or rows of planes."""
    if len(shape) == 1:
        yield from ((slice(i, i + size),) for i in range(0, shape[0], size))
        return
    rows = max(1, size // max(1, shape[-1]))
    for plane in np.ndindex(shape[:-2]):
        for row in range(0, shape[-2], rows):
            yield (*plane, slice(row, row + rows))


def _combined(
    truths: Sequence[NDArray[np.uint8]], predicted: NDArray[np.uint8], n_classes: int, bins: int
) -> NDArray[Any]:
    """One index per pixel into the flat table, in the smallest type that holds them all."""
    for truth in truths:
        _refuse(truth >= n_classes, truth, n_classes, "truth")
    _refuse((predicted >= n_classes) & (predicted != NO_DATA), predicted, n_classes, "prediction")
    dtype = np.min_scalar_type(bins - 1)
    index = np.zeros(predicted.shape, dtype)
    for truth in truths:
        index *= dtype.type(n_classes)
        index += truth
    index *= dtype.type(n_classes + 1)
    index += np.minimum(predicted, np.uint8(n_classes))
    return index


def _refuse(wrong: NDArray[np.bool_], values: NDArray[np.uint8], n_classes: int, name: str) -> None:
    if wrong.any():
        raise VocabularyError(
            "A class index that the legend does not have",
            where=name,
            expected=f"0…{n_classes - 1}, or {NO_DATA} for none",
            found=np.unique(values[wrong])[:8].tolist(),
            remedy="translate codes with metrics.index_map",
        )
