"""Splits in space: blocks of coarse cells dealt to folds, with a buffer that belongs to none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ai4land.errors import ConfigError
from ai4land.grid import Grid
from ai4land.samples.options import BlockSplit

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


def space_masks(fine: Grid, coarse: Grid, split: BlockSplit | None) -> SpaceMasks:
    """Masks of a fold on the fine grid.

    A pixel belongs to the coarse cell in which its centre lies. Blocks are dealt at random, the
    same number (to one) to each fold.

    Args:
        fine: Grid of the labels.
        coarse: Grid of the forcing, whose cells must not be cut by a block.
        split: How to deal; ``None`` puts every pixel into both masks (a split in time alone).

    Raises:
        ConfigError: If there are fewer blocks than folds.
    """
    if split is None:
        everywhere = np.ones(fine.shape, dtype=bool)
        return SpaceMasks(everywhere, everywhere, everywhere)
    rows, cols = coarse.nearest(fine)
    row_low, col_low = rows.min(), cols.min()
    cells_y, cells_x = int(rows.max() - row_low + 1), int(cols.max() - col_low + 1)
    blocks_y, blocks_x = -(-cells_y // split.cells), -(-cells_x // split.cells)
    if blocks_y * blocks_x < split.folds:
        raise ConfigError(
            "Fewer spatial blocks than folds",
            expected=f"at least {split.folds} blocks",
            found=f"{blocks_y} × {blocks_x} blocks of {split.cells} coarse cells",
            remedy="choose smaller blocks or fewer folds",
        )
    rng = np.random.default_rng(split.seed)
    fold = rng.permutation(blocks_y * blocks_x) % split.folds
    others = np.flatnonzero(fold != split.fold)
    count = max(round(len(others) * split.validation_share), 1)
    chosen = np.zeros(fold.shape, dtype=bool)
    chosen[np.random.default_rng([split.seed, split.fold]).permutation(others)[:count]] = True
    block = (
        np.arange(cells_y)[:, None] // split.cells * blocks_x
        + np.arange(cells_x)[None, :] // split.cells
    )
    test, validation = (fold == split.fold)[block], chosen[block]
    pixel = np.ix_(rows - row_low, cols - col_low)
    return SpaceMasks(
        train=~_near(test | validation, split.buffer)[pixel],
        validation=(validation & ~_near(test, split.buffer))[pixel],
        test=test[pixel],
    )


def _near(cells: BoolArray, distance: int) -> BoolArray:
    """Cells at most ``distance`` cells away from the given ones, diagonals included."""
    return np.asarray(ndimage.binary_dilation(cells, np.ones((3, 3), bool), iterations=distance))
