"""From fine to coarse by exactly shared area, at any ratio of cell sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ai4land.errors import GridError
from ai4land.grid import AxisOverlap, Overlap
from ai4land.vocabulary import NO_DATA

__all__ = ["ClassFractions", "class_areas", "class_fractions", "conservative", "majority"]

FloatArray = npt.NDArray[np.float64]
ClassArray = npt.NDArray[np.uint8]
_BLOCK = 4_000_000  # pairs of fine and coarse cells worked on at once: bounds the memory


@dataclass(frozen=True, slots=True, eq=False)
class ClassFractions:
    """Area shares of classes in coarse cells.

    Attributes:
        fractions: Share of the known area, shape ``(K, Y, X)``; 0 everywhere in a cell where
            nothing is known.
        known_share: The area those fractions are shares of, as share of the whole coarse cell,
            shape ``(Y, X)``; what is unknown, ignored or outside the fine grid is missing in it.
    """

    fractions: FloatArray
    known_share: FloatArray


@dataclass(frozen=True, slots=True)
class _Block:
    """Coarse rows, the fine rows they touch, and the shared lengths between the two."""

    coarse: slice
    fine: slice
    lengths: sparse.csr_array


def class_areas(indices: ClassArray, n_classes: int, link: Overlap) -> FloatArray:
    """Area of each class in each coarse cell.

    Conserves area exactly (to float64 rounding): all classes of all cells together are the known
    area that the two grids share. No bias.

    Args:
        indices: Class indices 0…``n_classes`` − 1 on the fine grid, shape ``(y, x)``; 255 unknown.
        n_classes: Number of classes K.
        link: Overlap of the fine with the coarse grid.

    Returns:
        Areas in m², shape ``(K, Y, X)``.

    Raises:
        GridError: If the map does not fit the fine grid or holds an index that is no class.
    """
    _check_classes(indices, n_classes, link)
    areas = np.zeros((n_classes, *link.coarse.shape))
    for block in _blocks(link, n_classes):
        areas[:, block.coarse] = _block_areas(indices, n_classes, link, block)
    return areas


def class_fractions(
    indices: ClassArray, n_classes: int, link: Overlap, ignore: Sequence[int] = ()
) -> ClassFractions:
    """Area share of each class in each coarse cell, of the area that is known there.

    Conserves area exactly: fraction × known share × coarse cell area is the class's area. Where a
    coarse cell is only partly known the fractions speak for the known part, which ``known_share``
    tells; nothing is extrapolated.

    Args:
        indices: Class indices on the fine grid, shape ``(y, x)``; 255 unknown.
        n_classes: Number of classes K.
        link: Overlap of the fine with the coarse grid.
        ignore: Class indices left out of the denominator (sea), so that fractions are of land;
            their own fractions are 0.

    Raises:
        GridError: If the map does not fit the fine grid or holds an index that is no class.
    """
    areas = class_areas(indices, n_classes, link)
    areas[list(ignore)] = 0.0
    known = areas.sum(axis=0)
    share = known / link.coarse.cell_areas()
    areas /= np.where(known > 0.0, known, 1.0)
    return ClassFractions(areas, share)


def majority(indices: ClassArray, n_classes: int, link: Overlap) -> ClassArray:
    """The class with the largest area in each coarse cell; of equals, the first.

    Does not conserve area: common classes gain and rare or scattered ones lose. Use
    ``class_fractions`` where areas matter.

    Args:
        indices: Class indices on the fine grid, shape ``(y, x)``; 255 unknown.
        n_classes: Number of classes.
        link: Overlap of the fine with the coarse grid.

    Returns:
        Class indices, shape ``(Y, X)``; 255 where nothing is known.

    Raises:
        GridError: If the map does not fit the fine grid or holds an index that is no class.
    """
    _check_classes(indices, n_classes, link)
    result = np.full(link.coarse.shape, NO_DATA, np.uint8)
    for block in _blocks(link, n_classes):
        areas = _block_areas(indices, n_classes, link, block)
        known = areas.max(axis=0) > 0.0
        result[block.coarse] = np.where(known, areas.argmax(axis=0), NO_DATA)
    return result


def conservative(
    values: npt.NDArray[np.floating | np.integer],
    link: Overlap,
    mask: npt.NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Area-weighted mean of the valid fine cells in each coarse cell.

    Conserves the integral over the valid area exactly; no bias in the mean. A nonlinear function
    of the values is not conserved.

    Args:
        values: Values on the fine grid, shape ``(C, y, x)`` or ``(y, x)``, any unit.
        link: Overlap of the fine with the coarse grid.
        mask: True where valid, shape ``(y, x)``; without it every value must be a number.

    Returns:
        Means in the same unit, shape ``(C, Y, X)`` or ``(Y, X)``; NaN where no cell is valid.

    Raises:
        GridError: If shapes do not fit the fine grid, or a valid value is not a number.
    """
    shape = link.fine.shape
    if values.shape[-2:] != shape or values.ndim > 3 or (mask is not None and mask.shape != shape):
        raise GridError(
            "Values do not fit the fine grid",
            expected=f"(C, y, x) or (y, x) with {shape}; a mask of {shape}",
            found=f"values {values.shape}, mask {None if mask is None else mask.shape}",
        )
    layers = values[None] if values.ndim == 2 else values
    across = _lengths(link.cols, link.fine.width, link.coarse.width)
    result = np.full((len(layers), *link.coarse.shape), np.nan)
    for block in _blocks(link, 1):
        valid = np.ones(shape, bool)[block.fine] if mask is None else mask[block.fine]
        area = block.lengths @ (valid.astype(np.float64) @ across.T)
        for layer, out in zip(layers, result, strict=True):
            part = np.where(valid, layer[block.fine], 0.0)
            if not np.isfinite(part).all():
                raise GridError(
                    "A value is not a number",
                    where=f"fine rows {block.fine.start}…{block.fine.stop - 1}",
                    remedy="pass a mask that is False where values are missing",
                )
            total = block.lengths @ (part @ across.T)
            np.divide(total, area, out=out[block.coarse], where=area > 0.0)
    return result[0] if values.ndim == 2 else result


def _check_classes(indices: ClassArray, n_classes: int, link: Overlap) -> None:
    if indices.shape != link.fine.shape or indices.dtype != np.uint8:
        raise GridError(
            "The class map does not fit the fine grid",
            expected=f"uint8 {link.fine.shape}",
            found=f"{indices.dtype} {indices.shape}",
        )
    if not 1 <= n_classes <= NO_DATA:
        raise GridError("Impossible number of classes", expected="1…255", found=n_classes)


def _lengths(axis: AxisOverlap, fine: int, coarse: int) -> sparse.csr_array:
    """Shared lengths of one axis as a matrix ``(coarse, fine)``."""
    return sparse.csr_array((axis.length, (axis.coarse, axis.fine)), shape=(coarse, fine))


def _blocks(link: Overlap, layers: int) -> Iterator[_Block]:
    """Cut the coarse rows that meet the fine grid into blocks of bounded size."""
    matrix = _lengths(link.rows, link.fine.height, link.coarse.height)
    touched = np.unique(link.rows.coarse)
    per_coarse_row = -(-link.fine.height // len(touched)) + 1
    size = per_coarse_row * (link.cols.fine.size + link.coarse.width * (layers + 1))
    step = max(_BLOCK // size, 1)
    for first in range(int(touched[0]), int(touched[-1]) + 1, step):
        coarse = slice(first, min(first + step, int(touched[-1]) + 1))
        part = matrix[coarse]
        fine = slice(int(part.indices.min()), int(part.indices.max()) + 1)
        yield _Block(coarse, fine, part[:, fine])


def _block_areas(indices: ClassArray, n_classes: int, link: Overlap, block: _Block) -> FloatArray:
    """Class areas ``(K, rows, X)`` of a block of coarse rows, in m².

    One weighted histogram per fine row over (coarse column, class) is the product of the column
    matrix with every class mask at once; the row matrix then sums fine rows into coarse ones.
    """
    part = indices[block.fine]
    seen = np.flatnonzero(np.bincount(part.ravel(), minlength=256))
    if np.any((seen >= n_classes) & (seen != NO_DATA)):
        raise GridError(
            "The map holds an index that is no class",
            expected=f"0…{n_classes - 1}, {NO_DATA} unknown",
            found=seen[(seen >= n_classes) & (seen != NO_DATA)].tolist(),
        )
    bins, width = n_classes + 1, link.coarse.width
    slot = np.arange(256)
    slot[NO_DATA] = n_classes
    key = slot[part[:, link.cols.fine]]
    key += link.cols.coarse * bins
    key += (np.arange(len(part)) * (width * bins))[:, None]
    weights = np.broadcast_to(link.cols.length, key.shape)
    sums = np.bincount(key.ravel(), weights.ravel(), minlength=len(part) * width * bins)
    areas = block.lengths @ sums.reshape(len(part), width * bins)
    by_class = areas.reshape(-1, width, bins)[..., :n_classes]
    return np.ascontiguousarray(np.moveaxis(by_class, -1, 0))
