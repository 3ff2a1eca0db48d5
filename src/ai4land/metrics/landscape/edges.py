"""How broken up a map is, from edges between neighbours: pattern scores that add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.grid import Grid
from ai4land.metrics.scores.confusion import check_names
from ai4land.metrics.tables.counting import as_weights, tabulate
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import quotient, ratio, reported
from ai4land.vocabulary import NO_DATA

__all__ = ["Edges", "edge_lengths", "edges"]

FloatArray = NDArray[np.float64]
Interior = tuple[slice, slice]

_HECTARE = 1e4
_ALL: Interior = (slice(None), slice(None))


@dataclass(frozen=True, eq=False)
class Edges(Sums):
    """Neighbouring pixels by class, the edges between them, and areas.

    Definitions as in FRAGSTATS (McGarigal, Cushman and Ene 2012): pixels that share a side are
    neighbours, edges towards missing pixels and the border of the map do not count.

    Attributes:
        pairs: Shape (K, K): pairs of neighbours, the western or northern pixel's class first.
        lengths: Shape (K, K): length of the edges between them, m.
        pixels: Shape (K,): pixels of each class.
        areas: Shape (K,): area of each class, m².
    """

    pairs: NDArray[np.int64]
    lengths: FloatArray
    pixels: NDArray[np.int64]
    areas: FloatArray

    @property
    def edge_density(self) -> float:
        """Metres of edge between classes per hectare."""
        apart = self.lengths.sum() - np.trace(self.lengths)
        return ratio(_HECTARE * float(apart), float(self.areas.sum()))

    @property
    def class_edge_density(self) -> FloatArray:
        """Shape (K,): metres of edge of each class per hectare of all classes."""
        both = self.lengths + self.lengths.T
        apart = both.sum(axis=1) - np.diagonal(both)
        return _HECTARE * quotient(apart, np.full(apart.shape, self.areas.sum()))

    @property
    def aggregation(self) -> FloatArray:
        """Shape (K,): like neighbours in percent of the most there could be (He et al. 2000).

        The most there could be is that of one compact patch; NaN for a class of one pixel.
        """
        number = self.pixels
        side = np.floor(np.sqrt(number)).astype(np.int64)
        rest = number - side**2
        extra = np.where(rest == 0, 0, np.where(rest <= side, 2 * rest - 1, 2 * rest - 2))
        most = np.maximum(2 * side * (side - 1) + extra, 0)
        like = np.diagonal(self.pairs).astype(np.float64)
        return 100.0 * quotient(like, most.astype(np.float64))

    @property
    def landscape_aggregation(self) -> float:
        """The aggregation of all classes, weighted by their pixels."""
        present = np.isfinite(self.aggregation)
        total = float(self.pixels[present].sum())
        return ratio(float((self.aggregation * self.pixels)[present].sum()), total)

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """Edge density (m/ha) and aggregation (percent), all and by class, ready for JSON.

        Raises:
            SampleError: If there is not one name per class.
        """
        check_names(names, len(self.pixels))
        density, aggregation = self.class_edge_density, self.aggregation
        return {
            "edge_density": reported(self.edge_density),
            "aggregation": reported(self.landscape_aggregation),
            "classes": {
                name: {
                    "edge_density": reported(density[k]),
                    "aggregation": reported(aggregation[k]),
                }
                for k, name in enumerate(names)
            },
        }


def edge_lengths(grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Length of the edge of a pixel with its eastern and with its southern neighbour.

    On the sphere of the earth model's surface, within 0.4 % of the ellipsoid.

    Returns:
        Metres, ``(y, 1)`` each.
    """
    radius, south = grid.earth.authalic_radius, np.radians(grid.latitude_edges())
    height = radius * -np.diff(south)
    width = radius * np.cos(south[1:]) * np.radians(float(grid.dx))
    return height[:, np.newaxis], width[:, np.newaxis]


def edges(
    indices: NDArray[np.uint8],
    n_classes: int,
    lengths: tuple[ArrayLike, ArrayLike],
    weights: ArrayLike,
    mask: NDArray[np.bool_] | None = None,
    interior: Interior | None = None,
) -> Edges:
    """Count the neighbours of every pixel by class.

    Args:
        indices: Class indices 0…K−1, uint8, ``(y, x)``; 255 is missing.
        n_classes: Number of classes K.
        lengths: Edges with the eastern and with the southern neighbour in m, each broadcastable
            to the map, as from ``edge_lengths``; on a plane the two sides of a pixel.
        weights: Cell areas in m², broadcastable to the map.
        mask: True where a pixel is looked at; others are missing.
        interior: Rows and columns whose pixels (with their eastern and southern edges) count, the
            others being halo; give blocks a halo of 1 and they add up to the whole.

    Raises:
        GridError: If shapes do not fit.
        SampleError: If the map is no map.
    """
    if indices.ndim != 2:
        raise SampleError("Neighbours need a map", expected="(y, x)", found=indices.shape)
    known = indices if mask is None else np.where(mask, indices, np.uint8(NO_DATA))
    rows, cols = (
        range(length)[part] for length, part in zip(indices.shape, interior or _ALL, strict=True)
    )
    own = slice(rows.start, rows.stop), slice(cols.start, cols.stop)
    pairs = np.zeros((n_classes, n_classes), np.int64)
    metres = np.zeros((n_classes, n_classes))
    for (down, right), length in zip(((0, 1), (1, 0)), lengths, strict=True):
        height = min(rows.stop, indices.shape[0] - down) - rows.start
        width = min(cols.stop, indices.shape[1] - right) - cols.start
        if height <= 0 or width <= 0:
            continue
        first = known[own[0], own[1]][:height, :width]
        second = known[own[0].start + down :, own[1].start + right :][:height, :width]
        long = as_weights(length, indices.shape)[own][:height, :width]
        pairs += tabulate([first], second, n_classes)[:, :-1].astype(np.int64)
        metres += tabulate([first], second, n_classes, long)[:, :-1]
    inside = known[own]
    areas = as_weights(weights, indices.shape)[own]
    pixels = tabulate([inside], inside, n_classes).sum(axis=1).astype(np.int64)
    return Edges(pairs, metres, pixels, tabulate([inside], inside, n_classes, areas).sum(axis=1))
