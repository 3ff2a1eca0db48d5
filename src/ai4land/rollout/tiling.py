"""Sliding windows over a grid: overlapping predictions averaged in row bands, never all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError
from ai4land.grid import Grid, Window

__all__ = ["Tiling", "sweep"]

FloatArray = npt.NDArray[np.float32]

_EDGE = 1e-3  # least weight, so that the border of the domain, seen once, divides safely


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a domain is cut.

    Attributes:
        tile: Side of a tile in pixels.
        overlap: Pixels shared by neighbouring tiles.
        batch: Tiles predicted at once.
    """

    tile: int = 128
    overlap: int = 32
    batch: int = 8

    def __post_init__(self) -> None:
        """Refuse tiles that would leave gaps."""
        if not 0 <= self.overlap < self.tile or self.batch < 1:
            raise GridError(
                "Impossible tiling",
                expected="0 ≤ overlap < tile and at least one tile a batch",
                found=f"tile {self.tile}, overlap {self.overlap}, batch {self.batch}",
            )

    def starts(self, length: int, *, closed: bool) -> list[int]:
        """First pixels of the tiles along an axis.

        An open axis is padded by half an overlap on both sides, so that every pixel is away
        from a tile's border; a closed one (a global circle of columns) wraps.
        """
        stride = self.tile - self.overlap
        if closed:
            return list(range(0, length, stride))
        first = -(self.overlap // 2)
        return list(
            range(first, max(length - self.tile + self.overlap // 2, first) + stride, stride)
        )

    def weights(self) -> FloatArray:
        """Weight of each pixel of a tile ``(tile, tile)``: flat, falling off in the overlap."""
        ramp = np.ones(self.tile)
        if self.overlap:
            k = (np.arange(self.overlap) + 0.5) / self.overlap
            rise = np.sin(0.5 * np.pi * k) ** 2
            ramp[: self.overlap] = rise
            ramp[-self.overlap :] *= rise[::-1]
        ramp = np.maximum(ramp, _EDGE)
        return np.outer(ramp, ramp).astype(np.float32)


def sweep(
    grid: Grid,
    tiling: Tiling,
    layers: int,
    predict: Callable[[Sequence[Window]], FloatArray],
) -> Iterator[tuple[int, FloatArray]]:
    """Predict a whole grid tile by tile and average where tiles overlap.

    Only the rows that a later tile can still touch are held in memory; the order of additions is
    fixed, so that the same tiles give the same bytes.

    Args:
        grid: The domain; a global one wraps at the date line.
        tiling: How it is cut.
        layers: Channels of a prediction.
        predict: Windows → ``(n, layers, tile, tile)``, what the activation returns.

    Yields:
        First row and ``(layers, rows, width)`` of each finished band, from north to south.
    """
    weights = tiling.weights()
    rows = tiling.starts(grid.height, closed=False)
    cols = tiling.starts(grid.width, closed=grid.is_global)
    top = 0  # first row of the band in memory
    total = np.zeros((layers, 0, grid.width), np.float32)
    mass = np.zeros((0, grid.width), np.float32)
    for index, row in enumerate(rows):
        bottom = min(row + tiling.tile, grid.height)
        grow = bottom - (top + mass.shape[0])
        total = np.concatenate([total, np.zeros((layers, grow, grid.width), np.float32)], axis=1)
        mass = np.concatenate([mass, np.zeros((grow, grid.width), np.float32)])
        windows = [Window(row, col, tiling.tile, tiling.tile) for col in cols]
        for start in range(0, len(windows), tiling.batch):
            part = windows[start : start + tiling.batch]
            for window, values in zip(part, predict(part), strict=True):
                for piece in grid.pieces(window):
                    r, c = piece.source
                    band = slice(r.start - top, r.stop - top)
                    share = weights[piece.target]
                    total[:, band, c] += values[(slice(None), *piece.target)] * share
                    mass[band, c] += share
        done = (max(rows[index + 1], 0) if index + 1 < len(rows) else grid.height) - top
        if done > 0:
            yield top, total[:, :done] / mass[:done]
            total, mass, top = total[:, done:], mass[done:], top + done
