"""What a map product sees of the land: flicker, and the random places of the placebo."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ai4land.testing.planet.cells import CLASSES, CROPLAND, GRASS, OCEAN, PASTURE

__all__ = ["flicker", "move_at_random", "shuffle", "transitions"]

ClassMap = npt.NDArray[np.uint8]

_FLICKER = 0.003  # of the land, every year
_OPEN = (CROPLAND, PASTURE, GRASS)


def flicker(
    classes: ClassMap, rng: np.random.Generator, wrap: bool, share: float = _FLICKER
) -> ClassMap:
    """The map with some pixels mistaken for a neighbour's class, for this year alone.

    Only pixels at a boundary between cropland, pasture and grass are mistaken.

    Args:
        classes: Positions in ``CLASSES``, shape ``(y, x)``.
        rng: Source of randomness.
        wrap: Whether the columns close around the globe.
        share: Mistaken pixels as a share of the land.
    """
    is_open = np.isin(classes, _OPEN)
    padded = np.pad(classes, 1, mode="edge")
    if wrap:
        padded[:, 0], padded[:, -1] = padded[:, -2], padded[:, 1]
    height, width = classes.shape
    side = rng.integers(0, 4, size=classes.shape, dtype=np.uint8)
    neighbour = np.empty_like(classes)
    for k, (dy, dx) in enumerate(((0, 1), (2, 1), (1, 0), (1, 2))):
        view = padded[dy : dy + height, dx : dx + width]
        np.copyto(neighbour, view, where=side == k)
    edge = np.flatnonzero(is_open & np.isin(neighbour, _OPEN) & (neighbour != classes))
    wanted = min(round(share * np.count_nonzero(classes != OCEAN)), edge.size)
    chosen = rng.choice(edge, wanted, replace=False)
    seen = classes.copy()
    seen.flat[chosen] = neighbour.flat[chosen]
    return seen


def shuffle(cells: ClassMap, rng: np.random.Generator) -> ClassMap:
    """The same classes at random places within each cell; the sea stays.

    Args:
        cells: Positions in ``CLASSES``, shape ``(cell, pixel)``.
        rng: Source of randomness.
    """
    blank = np.where(cells == OCEAN, np.uint8(OCEAN), np.uint8(0))
    return move_at_random(blank, transitions(blank, cells), rng)


def transitions(before: ClassMap, after: ClassMap) -> npt.NDArray[np.int64]:
    """Pixels from class to class in each cell, shape ``(cell, from, to)``."""
    size = len(CLASSES)
    cell = np.arange(len(before), dtype=np.int64)[:, None] * size**2
    code = cell + before.astype(np.int64) * size + after
    return np.bincount(code.ravel(), minlength=len(before) * size**2).reshape(-1, size, size)


def move_at_random(
    cells: ClassMap, moves: npt.NDArray[np.int64], rng: np.random.Generator
) -> ClassMap:
    """Carry out transitions on pixels drawn at random within each cell.

    Args:
        cells: Positions in ``CLASSES``, shape ``(cell, pixel)``.
        moves: Pixels from class to class, those that stay included, shape ``(cell, from, to)``;
            its sum over targets must be what ``cells`` holds.
        rng: Source of randomness.
    """
    size = len(CLASSES)
    order = np.argsort(cells + rng.random(cells.shape, dtype=np.float32), axis=1)
    # within a cell pixels now lie class by class, in random order within a class
    targets = np.tile(np.arange(size, dtype=np.uint8), len(cells) * size)
    sorted_after = np.repeat(targets, moves.ravel()).reshape(cells.shape)
    out = np.empty_like(cells)
    np.put_along_axis(out, order, sorted_after, axis=1)
    return out
