"""Random numbers that belong to a place: one per pixel, the same however the map is cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from ai4land.grid import Mesh, Window

__all__ = ["draws", "gumbel_noise"]

Words = npt.NDArray[np.uint64]

_STRIDE = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ divided by the golden ratio, odd
_LEAST = 2.0**-54  # keeps a uniform number from being exactly 0
_ALWAYS = -(2**40)  # stands for all times; no clock counts so far
_FIELDS = 4099  # seeds of the fields of one member lie together, those of another far apart
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def draws(mesh: Mesh, window: Window, seed: int, tick: int) -> npt.NDArray[np.float64]:
    """A uniform random number for every pixel of a window.

    A hash of seed, time, coarse cell (by its place on the globe) and place in the cell, mixed as in
    SplitMix64 (Steele, Lea & Flood 2014, OOPSLA, doi:10.1145/2714064.2660195). No state is carried,
    so a cell has its numbers in whatever piece, order or process it is worked on.

    Args:
        mesh: The coarse cells.
        window: Pixels of the fine grid; may reach around a global one.
        seed: Another seed gives other numbers.
        tick: Another time as well.

    Returns:
        Numbers in 0…1, 1 excluded, ``(y, x)``.
    """
    (row, col), (cells, down, across) = mesh.coarse.anchor, mesh.cells(window)
    below, beside = mesh.offsets(window)
    cols = across + cells.col + col
    if mesh.coarse.circle is not None:
        cols = np.mod(cols, mesh.coarse.circle)
    # outside the coarse grid every pixel is of the one cell before the first
    cols, rows = np.where(across < 0, -1, cols), np.where(down < 0, -1, down + cells.row + row)
    # seeds lie far apart, so that none of them in one year is another one in the next
    state = _mixed(_words([seed]) * _STRIDE, _words([tick]))
    state = _mixed(_mixed(state, _words(rows))[:, None], _words(cols)[None])
    state = _mixed(_mixed(state, _words(below)[:, None]), _words(beside)[None])
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def gumbel_noise(
    mesh: Mesh,
    window: Window,
    seed: int,
    tick: int,
    layers: int,
    *,
    reach: float = 0.0,
    lasting: float = 0.0,
) -> npt.NDArray[np.float32]:
    """Standard Gumbel noise for every pixel of a window, correlated in space and time.

    White normal noise that belongs to its place, smoothed by a Gaussian kernel, is again standard
    normal when it is divided by the kernel's norm, and so is a weighted sum of one field of all
    times and one of its own; its quantiles are mapped to those of the Gumbel distribution. So every
    pixel keeps its distribution, and neighbours and years err together.

    Args:
        mesh: The coarse cells.
        window: Pixels of the fine grid; may reach around a global one.
        seed: Another seed gives another member.
        tick: Another time as well.
        layers: Number of independent fields K.
        reach: Standard deviation of the kernel in pixels; 0 leaves neighbours independent.
        lasting: Correlation of any two times, 0…1; 0 leaves them independent.

    Returns:
        ``(K, y, x)``.
    """
    found = np.empty((layers, *window.shape), np.float32)
    for layer in range(layers):
        own = seed * _FIELDS + layer
        if reach > 0.0 or lasting > 0.0:
            field = np.sqrt(1.0 - lasting) * _normal(mesh, window, own, tick, reach)
            if lasting > 0.0:
                field += np.sqrt(lasting) * _normal(mesh, window, own, _ALWAYS, reach)
            logs = special.log_ndtr(field)
        else:
            logs = np.log(draws(mesh, window, own, tick) + _LEAST)
        found[layer] = -np.log(np.maximum(-logs, 1e-30))
    return found


def _normal(
    mesh: Mesh, window: Window, seed: int, tick: int, reach: float
) -> npt.NDArray[np.float64]:
    """Standard normal numbers for every pixel of a window, ``(y, x)``."""
    halo = int(np.ceil(3.0 * reach))
    field = special.ndtri(draws(mesh, window.pad(halo) if halo else window, seed, tick) + _LEAST)
    if not halo:
        return np.asarray(field)
    kernel = np.exp(-0.5 * (np.arange(-halo, halo + 1) / reach) ** 2)
    kernel /= np.sqrt((kernel**2).sum())  # along each of two axes
    for axis in (0, 1):
        field = ndimage.correlate1d(field, kernel, axis=axis, mode="constant")
    return np.asarray(field[halo:-halo, halo:-halo])


def _words(values: object) -> Words:
    """Integers, negative ones as well, as 64-bit words."""
    return np.asarray(values, np.int64).astype(np.uint64)


def _mixed(state: Words, word: Words) -> Words:
    """Both together, every bit of either in every bit of the result."""
    mixed = (state ^ word) + _STRIDE
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)
