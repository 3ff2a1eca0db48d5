"""Splits in space: blocks of coarse cells dealt to folds, with a buffer that belongs to none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ai4land.errors import ConfigError
from ai4land.grid import Grid
from ai4land.vocabulary import BlockSplit

__all__ = ["SpaceMasks", "space_masks"]

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SpaceMasks:
    """Which fine pixels train, and which are held out; buffer pixels are in neither.

    Attributes:
        train: ``(y, x)`` pixels that may enter loss, statistics and visible priors.
        validation: ``(y, x)`` pixels by which choices are made.
        test: ``(y, x)`` pixels to be predicted by the model of this fold.
    """

    train: BoolArray
    validation: BoolArray
    test: BoolArray


def space_masks(
    fine: Grid, coarse: Grid, split: BlockSplit | None, domain: BoolArray | None = None
) -> SpaceMasks:
    """Masks of a fold on the fine grid.

    A pixel belongs to the coarse cell in which its centre lies. Blocks of similar domain are dealt
    to different folds at random, so that folds hold about the same area.

    Args:
        fine: Grid of the labels.
        coarse: Grid of the forcing, whose cells must not be cut by a block.
        split: How to deal; ``None`` puts every pixel into all masks (a split in time alone).
        domain: ``(y, x)`` pixels that count (land); default all. Blocks without any are dealt to
            no fold; they train, with nothing to learn from.

    Raises:
        ConfigError: If there are fewer blocks than folds, or the buffers leave nothing to train or
            to validate on.
    """
    if split is None:
        everywhere = np.ones(fine.shape, dtype=bool)
        return SpaceMasks(everywhere, everywhere, everywhere)
    rows, cols = coarse.nearest(fine)
    if coarse.is_global:  # a region across the date line has its own columns side by side
        cols = np.mod(cols - cols[0], coarse.width)
    row_low, col_low = rows.min(), cols.min()
    cells_y, cells_x = int(rows.max() - row_low + 1), int(cols.max() - col_low + 1)
    blocks_y, blocks_x = -(-cells_y // split.cells), -(-cells_x // split.cells)
    block = (
        np.arange(cells_y)[:, None] // split.cells * blocks_x
        + np.arange(cells_x)[None, :] // split.cells
    )
    pixel = np.ix_(rows - row_low, cols - col_low)
    counted = np.ones(fine.shape, dtype=bool) if domain is None else domain
    size = np.bincount(block[pixel][counted], minlength=blocks_y * blocks_x)
    if np.count_nonzero(size) < split.folds:
        raise ConfigError(
            "Fewer spatial blocks than folds",
            expected=f"at least {split.folds} blocks",
            found=f"{np.count_nonzero(size)} blocks of {split.cells} × {split.cells} coarse cells",
            remedy="choose smaller blocks or fewer folds",
        )
    fold = _deal(size, split)
    others = np.flatnonzero((fold >= 0) & (fold != split.fold))
    held = split.folds if split.fold is None else split.fold
    draw = [split.seed, held, split.turn] if split.turn else [split.seed, held]
    order = np.random.default_rng(draw).permutation(others)
    enough = np.searchsorted(
        np.cumsum(size[order]), split.validation_share * size[order].sum(), side="right"
    )
    chosen = np.zeros(fold.shape, dtype=bool)
    chosen[order[: max(int(enough), 1)]] = True
    test, validation = (fold == split.fold)[block], chosen[block]
    wraps = coarse.is_global and cells_x == coarse.width
    masks = SpaceMasks(
        train=~_near(test | validation, split.buffer, wraps)[pixel],
        validation=(validation & ~_near(test, split.buffer, wraps))[pixel],
        test=test[pixel],
    )
    for name, mask in (("training", masks.train), ("validation", masks.validation)):
        if not (mask & counted).any():
            raise ConfigError(
                f"Between the buffers of the spatial split nothing is left for {name}",
                found=split,
                remedy="choose larger blocks, a smaller buffer or another validation_share",
            )
    return masks


def _deal(size: npt.NDArray[np.int64], split: BlockSplit) -> npt.NDArray[np.int64]:
    """Fold of each block, −1 where it holds nothing: each run of equals goes to all folds."""
    rng = np.random.default_rng(split.seed)
    order = np.argsort(-size, kind="stable")[: np.count_nonzero(size)]
    fold = np.full(size.shape, -1)
    for start in range(0, len(order), split.folds):
        part = order[start : start + split.folds]
        fold[part] = rng.permutation(split.folds)[: len(part)]
    return fold


def _near(cells: BoolArray, distance: int, wraps: bool) -> BoolArray:
    """Cells at most ``distance`` cells away from the given ones, diagonals included.

    On a circle of columns (``wraps``) the first and the last are neighbours.
    """
    width = min(distance, cells.shape[1]) if wraps else 0
    ring = np.pad(cells, ((0, 0), (width, width)), mode="wrap")
    near = ndimage.binary_dilation(ring, np.ones((3, 3), bool), iterations=distance)
    return np.asarray(near[:, width : width + cells.shape[1]])
