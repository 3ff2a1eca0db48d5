"""Tiles: overlapping windows anchored to the globe, whose predictions are averaged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.cube import ArrayCache, State
from ai4land.errors import GridError
from ai4land.grid import Grid, Window

__all__ = ["Tile", "TileMemory", "Tiling", "blended"]

FloatArray = npt.NDArray[np.float32]

_EDGE = 1e-3  # least weight, so that the border of the domain, seen once, divides safely
_MEMORY = 24 * 2**20  # bytes of predicted tiles kept for the next piece


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile of the globe: its row and column among all tiles, counted from the anchor."""

    row: int
    col: int


@dataclass(frozen=True, slots=True)
class Tiling:
    """How the globe is cut into tiles; the same tiles meet a pixel in every cut of a grid.

    Attributes:
        tile: Side of a tile in pixels.
        overlap: Pixels shared by neighbouring tiles.
        batch: Tiles predicted at once: neighbours from west to east, always the same ones.
        origin: Row and column of the globe at which the tiles begin; default its north-western
            corner, half an overlap north of the pole. From another origin tiles do not close
            around the globe. A grid that begins before the first tile has tiles before it,
            numbered from −1 down.
    """

    tile: int = 128
    overlap: int = 32
    batch: int = 1
    origin: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse tiles that would leave gaps."""
        if not 0 <= self.overlap < self.tile or self.batch < 1:
            raise GridError(
                "Impossible tiling",
                expected="0 ≤ overlap < tile and at least one tile a batch",
                found=f"tile {self.tile}, overlap {self.overlap}, batch {self.batch}",
            )

    @property
    def stride(self) -> int:
        """Pixels from one tile to the next."""
        return self.tile - self.overlap

    def meeting(self, grid: Grid, piece: Window) -> Iterator[tuple[Tile, list[Window]]]:
        """Tiles that share a pixel with a piece, in the order in which they are added up.

        Args:
            grid: The grid of the piece.
            piece: A window, which may reach around the globe.

        Yields:
            A tile and where it lies, in the counting of the piece: once, or twice if it is so wide
            that it meets both ends of a piece around the globe.
        """
        row, col = self._corner(grid)
        circle = self._circle(grid)
        rows = self._along(piece.row + row, piece.height, None, before=row < 0)
        cols = self._along(piece.col + col, piece.width, circle, before=col < 0)
        for (down, tops), (across, lefts) in itertools.product(sorted(rows), sorted(cols)):
            yield (
                Tile(down, across),
                [Window(t - row, v - col, self.tile, self.tile) for t in tops for v in lefts],
            )

    def together(self, grid: Grid, tile: Tile) -> list[Tile]:
        """The tiles of a batch: the same for each of them, from west to east."""
        first = tile.col // self.batch * self.batch
        stop = first + self.batch
        if (circle := self._circle(grid)) is not None:
            stop = min(stop, -(-circle // self.stride))
        return [Tile(tile.row, col) for col in range(first, stop)]

    def place(self, grid: Grid, tile: Tile, near: Window) -> Window:
        """Where a tile lies, as near to a window as the turns of the globe allow."""
        row, col = self._corner(grid)
        left = tile.col * self.stride - col
        if (circle := self._circle(grid)) is not None:
            middle = near.col + near.width // 2 - self.tile // 2
            left += round((middle - left) / circle) * circle
        return Window(tile.row * self.stride - row, left, self.tile, self.tile)

    def _circle(self, grid: Grid) -> int | None:
        """Pixels around the globe, if tiles close there."""
        return grid.circle if self.origin is None else None

    def _corner(self, grid: Grid) -> tuple[int, int]:
        """Row and column of a grid's first pixel, counted from the first tile's."""
        row, col = grid.anchor
        if self.origin is None:
            return row + self.overlap // 2, col
        return row - self.origin[0], col - self.origin[1]

    def _along(
        self, start: int, length: int, circle: int | None, *, before: bool
    ) -> Iterator[tuple[int, list[int]]]:
        """Numbers and first pixels of the tiles that meet a stretch, all counted from the anchor.

        Where tiles close around a circle a number has the first pixels of every turn that meets;
        elsewhere there are tiles before the first only if the grid begins ``before`` it.
        """
        if circle is None:
            first = (start - self.tile) // self.stride + 1
            first = first if before else max(first, 0)
            for number in range(first, (start + length - 1) // self.stride + 1):
                yield number, [number * self.stride]
            return
        for number in range(-(-circle // self.stride)):
            place = number * self.stride
            first = (start - self.tile - place) // circle + 1
            turns = range(first, (start + length - 1 - place) // circle + 1)
            if turns:
                yield number, [place + turn * circle for turn in turns]

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


def blended(
    tiles: Sequence[tuple[Tile, list[Window]]],
    piece: Window,
    weights: FloatArray,
    predicted: Callable[[Tile], FloatArray],
) -> FloatArray:
    """The weighted mean of all tiles that meet a piece.

    Tiles are added in the order given, so that a pixel has the same bytes in whatever piece.

    Args:
        tiles: From ``Tiling.meeting``.
        piece: The piece.
        weights: From ``Tiling.weights``.
        predicted: Tile → ``(layers, tile, tile)``, what the activation returns.

    Returns:
        ``(layers, y, x)``.

    Raises:
        GridError: If a pixel of the piece lies in no tile.
    """
    mass = np.zeros(piece.shape, np.float32)
    total: FloatArray | None = None
    for tile, windows in tiles:
        values = predicted(tile)
        total = np.zeros((len(values), *piece.shape), np.float32) if total is None else total
        for window in windows:
            here, there = zip(*(_shared(piece, window, axis) for axis in (0, 1)), strict=True)
            total[(slice(None), *here)] += values[(slice(None), *there)] * weights[there]
            mass[here] += weights[there]
    if total is None or not mass.all():
        row, col = np.argwhere(mass == 0)[0]
        raise GridError(
            "The tiles do not cover the piece",
            where=f"row {piece.row + row}, column {piece.col + col}",
            expected="every pixel in a tile",
            found=f"{np.count_nonzero(mass == 0)} of {mass.size} pixels in none",
            remedy="take all tiles of Tiling.meeting for this grid and this piece",
        )
    total /= mass
    return total


def _shared(piece: Window, window: Window, axis: int) -> tuple[slice, slice]:
    """What two windows share along an axis, counted in each of them."""
    one, two = ((w.row, w.height) if axis == 0 else (w.col, w.width) for w in (piece, window))
    low, high = max(one[0], two[0]), min(one[0] + one[1], two[0] + two[1])
    return slice(low - one[0], high - one[0]), slice(low - two[0], high - two[0])


class TileMemory:
    """The tiles of the step that is being computed, for the pieces that share them.

    It holds results of a pure function of state, time and tile, so what is forgotten is computed
    again; a thread that is at another step begins a memory of its own.
    """

    def __init__(self) -> None:
        self._held: tuple[State, int, ArrayCache] | None = None

    def of(self, state: State, tick: int) -> ArrayCache:
        """The tiles of a step that are still here."""
        held = self._held
        if held is None or held[0] is not state or held[1] != tick:
            held = self._held = (state, tick, ArrayCache(_MEMORY))
        return held[2]

    def __reduce__(self) -> tuple[type[TileMemory], tuple[()]]:
        """Without its content: a copy in another process begins empty."""
        return TileMemory, ()
