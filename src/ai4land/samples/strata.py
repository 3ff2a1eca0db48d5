"""Strata: where windows are drawn, by land, change and rare classes, with known chances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ai4land.errors import SampleError
from ai4land.grid import Grid, Window
from ai4land.samples.coding import ClassCoding
from ai4land.samples.labels import Labels
from ai4land.samples.options import SampleOptions
from ai4land.vocabulary import Clock

__all__ = ["Place", "Strata"]

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]

_BLOCK = 16  # side in pixels of the blocks by which change is counted and windows are placed


class Place(NamedTuple):
    """A window, and its chance among all land over that with which it was drawn.

    The mean over draws of anything times ``weight`` is its mean over windows drawn by land alone
    (importance sampling), whatever the strata.
    """

    window: Window
    weight: float


class _Blocks(NamedTuple):
    """Chance of all blocks ``(blocks,)`` in each stratum; sums of 1, or 0 where it is empty."""

    land: Array
    changed: Array
    rare: Array


class Strata:
    """Draws the places of windows in one split.

    Args:
        labels: Target → its maps.
        clock: Of the task.
        options: Shares of the strata.
        mask: ``(y, x)`` pixels of the split.
    """

    def __init__(
        self, labels: Mapping[str, Labels], clock: Clock, options: SampleOptions, mask: BoolArray
    ) -> None:
        self.labels = labels
        self.clock = clock
        self.options = options
        self.mask = mask
        self._counted: dict[tuple[int, int], _Blocks] = {}

    @property
    def grid(self) -> Grid:
        """The fine grid."""
        return next(iter(self.labels.values())).grid

    def draw(self, first: int, last: int, rng: np.random.Generator) -> Place:
        """A window centred in a block drawn by change, rare classes or land.

        Args:
            first: First time of the sample.
            last: Its last time.
            rng: Source of randomness.
        """
        shares = self.chances(first, last)
        cumulated = np.cumsum([share for share, _ in shares])
        chosen = int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))
        weights = shares[min(chosen, len(shares) - 1)][1]
        total = np.cumsum(weights)
        block = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        drawn = sum(share * stratum[block] for share, stratum in shares)
        row, col = divmod(block, -(-self.grid.width // _BLOCK))
        side = self.options.window
        jitter = rng.integers(0, _BLOCK, size=2)
        corner = (
            row * _BLOCK + int(jitter[0]) - side // 2,
            col * _BLOCK + int(jitter[1]) - side // 2,
        )
        window = self._inside(Window(*corner, side, side))
        return Place(window, float(shares[0][1][block] / drawn))

    def chances(self, first: int, last: int) -> list[tuple[float, Array]]:
        """Share of each stratum and the chances of its blocks, land first; empty ones left out."""
        blocks, options = self._blocks(first, last), self.options
        found = [(options.changed_share, blocks.changed), (options.rare_share, blocks.rare)]
        held = [(share, weights) for share, weights in found if share > 0 and weights.any()]
        return [(1.0 - sum(share for share, _ in held), blocks.land), *held]

    def _inside(self, window: Window) -> Window:
        """Move a window into the grid where the grid is large enough."""
        grid = self.grid
        row = int(np.clip(window.row, 0, max(grid.height - window.height, 0)))
        col = window.col
        if not grid.is_global:
            col = int(np.clip(col, 0, max(grid.width - window.width, 0)))
        return Window(row, col, window.height, window.width)

    def _blocks(self, first: int, last: int) -> _Blocks:
        """Weights of the blocks between two times.

        Land and change count pixels; change is that of the maps of classes, if there is one:
        numbers change everywhere. A pixel of a class counts for the rare in inverse proportion to
        the area of its class in the split, so that all classes have the same weight.
        """
        key = (min(first, last), max(first, last))
        if key not in self._counted:
            columns = np.arange(0, self.grid.width, _BLOCK)
            land, changed, classes = [], [], []
            for row in range(0, self.grid.height, _BLOCK):
                exists, differs, held = self._compared(key, self.grid.band(row, _BLOCK))
                land.append(np.add.reduceat(exists.sum(axis=0), columns))
                changed.append(np.add.reduceat(differs.sum(axis=0), columns))
                classes.append(np.add.reduceat(held, columns, axis=1))
            totals = np.concatenate(land).astype(np.float64)
            if not totals.any():
                raise SampleError("The split holds no land", where=f"times {key[0]} and {key[1]}")
            counts = np.concatenate(classes, axis=1).astype(np.float64)
            whole = counts.sum(axis=1, keepdims=True)
            rare = np.divide(counts, whole, out=np.zeros_like(counts), where=whole > 0).sum(axis=0)
            different = np.concatenate(changed).astype(np.float64)
            self._counted[key] = _Blocks(
                *(w / max(w.sum(), 1e-9) for w in (totals, different, rare))
            )
        return self._counted[key]

    def _compared(
        self, key: tuple[int, int], band: Window
    ) -> tuple[BoolArray, BoolArray, npt.NDArray[np.int64]]:
        """Where the targets exist at two times, where they differ, and classes ``(K, x)``."""
        looked = [v for v in self.labels.values() if v.target.categorical]
        exists = np.zeros(band.shape, dtype=bool)
        differs = np.zeros(band.shape, dtype=bool)
        held = [np.zeros((0, band.width), dtype=np.int64)]
        for labels in looked or self.labels.values():
            one, two = (labels.codes(self.clock.convert(t, labels.target.clock), band) for t in key)
            both = labels.domain(one) & labels.domain(two) & self.mask[band.slices]
            exists |= both
            differs |= both & (one != two)
            if self.options.rare_share > 0 and isinstance(labels.coding, ClassCoding):
                held.append(_by_class(labels.positions(one), both, labels.coding.layers))
        return exists, differs, np.concatenate(held)


def _by_class(positions: Array, used: BoolArray, classes: int) -> npt.NDArray[np.int64]:
    """Pixels of each class in each column, ``(K, x)``."""
    return np.stack([((positions == k) & used).sum(axis=0) for k in range(classes)])
