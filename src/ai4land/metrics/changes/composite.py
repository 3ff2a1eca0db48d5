"""Three maps compared in coarse cells, where classes hold shares instead of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.changes.three_maps import ThreeMaps
from ai4land.metrics.tables.counting import as_weights, check_shapes, numbered
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import ratio, reported
from ai4land.vocabulary import NO_DATA

__all__ = ["Composite", "cell_areas", "composite", "composite_table"]

FloatArray = NDArray[np.float64]

_CELLS = 1 << 14
"""Cells whose K × K products are held at once."""

_NOTHING = 1e-12
"""Share of a cell below which a leftover is rounding."""


@dataclass(frozen=True, eq=False)
class Composite(Sums):
    """The composite table of three maps at one resolution (Pontius et al. 2011).

    In a coarse cell the maps agree on a class as far as both hold it, whatever lies where in the
    cell: what agrees of the classes that were there before is persistence, the rest of the
    agreement is a hit, and what is left over is error. Tables of disjoint cells add; cells must
    not be cut between them.

    Attributes:
        counts: Shape (K, K, K + 1), ``[initial, reference, simulated]`` as in ``ThreeMaps``, sums
            of the cells' weights.
        unchanged: Shape (1,): the weight in which initial and reference map agree in the same
            sense, which is what persistence agrees.
        weighting: What the weights are: ``pixel`` or ``area``.
    """

    counts: FloatArray
    unchanged: FloatArray
    weighting: str

    @classmethod
    def zero(cls, n_classes: int, weighting: str = "pixel") -> Composite:
        """The table of no cell, neutral in sums."""
        shape = (n_classes, n_classes, n_classes + 1)
        return cls(np.zeros(shape), np.zeros(1), weighting)

    @classmethod
    def of_pixels(cls, three: ThreeMaps) -> Composite:
        """The table at the finest resolution, where every cell is a pixel."""
        counts = three.counts.astype(np.float64)
        return cls(counts, np.array([np.einsum("iik->", counts)]), three.weighting)

    @property
    def three(self) -> ThreeMaps:
        """The same table with all scores of three maps; its weights are always decimal."""
        return ThreeMaps(self.counts)

    @property
    def total(self) -> float:
        """Scored weight."""
        return float(self.counts.sum())

    @property
    def figure_of_merit(self) -> float:
        """The composite figure of merit; NaN without change in either map."""
        return self.three.figure_of_merit

    @property
    def disagreement(self) -> float:
        """Share of the weight that is simulated wrongly: ½ Σ |simulated − reference| per cell."""
        right = float(np.einsum("ijj->", self.counts[:, :, :-1]))
        return _rest(right, self.total)

    @property
    def null_disagreement(self) -> float:
        """The same for persistence: the net change of the cells."""
        return _rest(float(self.unchanged[0]), self.total)

    @property
    def net_change(self) -> float:
        """Weight that changed net of what swapped places within a cell."""
        return self.total - float(self.unchanged[0])

    def scores(self) -> dict[str, Any]:
        """Figure of merit and both disagreements, ready for JSON."""
        return {
            "figure_of_merit": reported(self.figure_of_merit),
            "disagreement": reported(self.disagreement),
            "null_disagreement": reported(self.null_disagreement),
        }


def composite(
    initial: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    simulated: NDArray[np.uint8],
    n_classes: int,
    cells: NDArray[np.integer[Any]],
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> Composite:
    """Compare three maps in coarse cells of any shape.

    Args:
        initial: Class indices 0…K−1, uint8; 255 is missing, left out.
        reference: The truth at the later step, likewise.
        simulated: Its simulation; 255 counts as wrong change.
        n_classes: Number of classes K.
        cells: Number of the cell in which a pixel lies, from 0; negative: in none, left out.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.

    Returns:
        Their table.

    Raises:
        GridError: If shapes differ, or a weight is negative or not finite.
        SampleError: If an index is no class.
    """
    check_shapes(initial.shape, reference=reference, simulated=simulated, cells=cells)
    scored = (initial != NO_DATA) & (reference != NO_DATA) & (cells >= 0)
    if mask is not None:
        check_shapes(initial.shape, mask=mask)
        scored &= mask
    areas = None if weights is None else as_weights(weights, initial.shape)[scored]
    found, cell = numbered(cells[scored])
    number = len(found)
    shares = [
        cell_areas(layer[scored], cell, number, n_classes, areas)
        for layer in (initial, reference, simulated)
    ]
    before, after, said = shares
    weighting = "pixel" if weights is None else "area"
    return composite_table(before[:, :-1], after[:, :-1], said, weighting)


def cell_areas(
    indices: NDArray[np.uint8],
    cell: NDArray[np.integer[Any]],
    n_cells: int,
    n_classes: int,
    weights: FloatArray | None = None,
) -> FloatArray:
    """Sum the weights of pixels by cell and class.

    Args:
        indices: Class indices of the pixels, flat; 255 for none of the classes.
        cell: Cell of each pixel, flat, 0…``n_cells`` − 1.
        n_cells: Number of cells.
        n_classes: Number of classes K.
        weights: Weights of the pixels, flat; 1 without.

    Returns:
        Shape (n_cells, K + 1); the last column is none of the classes.

    Raises:
        SampleError: If an index is no class.
    """
    wrong = (indices >= n_classes) & (indices != NO_DATA)
    if wrong.any():
        raise SampleError(
            "A class index that the legend does not have",
            expected=f"0…{n_classes - 1}, or {NO_DATA} for none",
            found=np.unique(indices[wrong])[:8].tolist(),
        )
    side = n_classes + 1
    key = cell * np.int64(side) + np.minimum(indices, np.uint8(n_classes))
    sums = np.bincount(key, weights, minlength=n_cells * side)
    return sums.astype(np.float64, copy=False).reshape(n_cells, side)


def composite_table(
    initial: FloatArray, reference: FloatArray, simulated: FloatArray, weighting: str
) -> Composite:
    """The composite table of cells that hold areas of classes.

    Equations 1–7 of Pontius, Peethambaram and Castella (2011,
    doi:10.1080/00045608.2010.517742).

    Args:
        initial: Area of each class in each cell, shape (n, K), any unit.
        reference: Likewise; the sums of a cell are those of ``initial``.
        simulated: Likewise, shape (n, K + 1), the last column for none of the classes.
        weighting: What the areas are: ``pixel`` or ``area``.

    Raises:
        SampleError: If the three do not fill the cells alike.
    """
    table = Composite.zero(initial.shape[1], weighting)
    for start in range(0, len(initial), _CELLS):
        part = slice(start, start + _CELLS)
        _add_cells(table, initial[part], reference[part], simulated[part])
    return table


def _add_cells(
    table: Composite, initial: FloatArray, reference: FloatArray, simulated: FloatArray
) -> None:
    """Add some cells to a table, in place."""
    k = initial.shape[1]
    ones = np.ones(k + 1)  # products with it sum short rows much faster than ``sum``
    weight = initial @ ones[:k]
    for name, areas in (("reference", reference), ("simulated", simulated)):
        if not np.allclose(areas @ ones[: areas.shape[1]], weight, rtol=1e-6):
            raise SampleError("Maps compared in coarse cells must fill them alike", where=name)
    # Most cells are alike in all three maps: what is there stayed, and no more is to be said.
    shared = np.minimum(np.minimum(initial, reference), simulated[:, :k])
    alike = shared @ ones[:k] == weight
    stayed = alike.astype(np.float64) @ initial
    table.counts[np.arange(k), np.arange(k), np.arange(k)] += stayed
    table.unchanged[:] += stayed.sum()
    others = np.flatnonzero(~alike)
    if others.size:
        w = weight[others, np.newaxis]
        q, r, s = (areas[others] / w for areas in (initial, reference, simulated))
        table.counts[:] += _cells_table(q, r, s, w)
        table.unchanged[:] += (w * np.minimum(q, r)).sum()


def _rest(part: float, total: float) -> float:
    """The share of the whole that is not the part, without −1e-16; NaN of nothing."""
    return ratio(max(0.0, total - part), total)


def _cells_table(q: FloatArray, r: FloatArray, s: FloatArray, w: FloatArray) -> FloatArray:
    """Shape (K, K, K + 1): the sum over some cells, given shares (n, K or K + 1) and weights."""
    k = q.shape[1]
    table = np.zeros((k, k, k + 1))
    diagonal = np.arange(k)
    agreed = np.minimum(r, s[:, :k])
    stayed = np.minimum(q, agreed)
    table[diagonal, diagonal, diagonal] = (w * stayed).sum(axis=0)
    # Where a class agrees beyond what was there before, nothing of it is left before: all that
    # is left of the other classes is its source, in proportion.
    source, hit = q - stayed, agreed - stayed
    left = source.sum(axis=1, keepdims=True)
    rate = np.divide(hit, left, out=np.zeros_like(hit), where=left > _NOTHING)
    table[:, diagonal, diagonal] += source.T @ (w * rate)
    rest = 1.0 - agreed.sum(axis=1)
    impure = rest > _NOTHING
    if impure.any():
        rest = rest[impure, np.newaxis]
        source = (source * (1.0 - rate.sum(axis=1, keepdims=True)))[impure]
        missed = (r - agreed)[impure]
        false = s[impure]
        false[:, :k] -= agreed[impure]
        # No class is missing in both maps, so j ≠ k always and the products sum to rest³.
        source *= w[impure] / rest**2
        pairs = source[:, :, np.newaxis] * missed[:, np.newaxis, :]
        table += (pairs.reshape(len(rest), k * k).T @ false).reshape(table.shape)
    return table
