"""Fractal noise on latitude–longitude grids: smooth octaves that do not depend on the pixel."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid

__all__ = ["fractal", "neighbour_sum", "smooth"]

FloatMap = npt.NDArray[np.float32]


def _taps(
    position: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """First lattice index and the four weights of the uniform cubic B-spline per position."""
    first = np.floor(position).astype(np.int64)
    t = position - first
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    )
    return first, (weights / 6).astype(np.float32)


def _octave(rng: np.random.Generator, grid: Grid, wavelength: float) -> FloatMap:
    """One octave: white noise on a lattice of the given spacing in degrees, spline-interpolated."""
    y = (float(grid.north) - grid.latitudes()) / wavelength
    count = math.ceil(float(grid.dx * grid.width) / wavelength)
    x = (grid.longitudes() - float(grid.west)) / (360.0 / count if grid.is_global else wavelength)
    rows, row_weights = _taps(y)
    cols, col_weights = _taps(x)
    width = count if grid.is_global else count + 4
    lattice = rng.standard_normal((math.ceil(y[-1]) + 4, width)).astype(np.float32)
    lines = np.zeros((grid.height, width), dtype=np.float32)
    for k in range(4):
        lines += row_weights[k][:, None] * lattice[rows + k]
    out = np.zeros(grid.shape, dtype=np.float32)
    for k in range(4):
        out += col_weights[k] * lines[:, (cols + k) % width]
    return out


def fractal(
    rng: np.random.Generator,
    grid: Grid,
    longest: float,
    shortest: float,
    roughness: float = 0.5,
) -> FloatMap:
    """Smooth random field of several octaves.

    Octaves are drawn from the longest to the shortest, so that a finer grid shows the same field
    with more detail. On a global grid the field closes around the globe.

    Args:
        rng: Source of randomness.
        grid: Where the field is wanted.
        longest: Lattice spacing of the first octave in degrees.
        shortest: No octave has a spacing below this, nor below one and a half pixels.
        roughness: Amplitude of each octave relative to the one before.

    Returns:
        Field of the grid's shape, mean 0 and standard deviation 1 over the grid.
    """
    field = np.zeros(grid.shape, dtype=np.float32)
    wavelength, amplitude = longest, 1.0
    while wavelength >= max(shortest, 1.5 * float(grid.dx)) or amplitude == 1.0:
        field += np.float32(amplitude) * _octave(rng, grid, wavelength)
        wavelength, amplitude = wavelength / 2, amplitude * roughness
    field -= field.mean(dtype=np.float64)
    spread = field.std(dtype=np.float64)
    return np.asarray(field / max(spread, 1e-6), dtype=np.float32)


def _edge(array: npt.NDArray[np.generic], radius: int, wrap: bool) -> npt.NDArray[np.generic]:
    tall = np.pad(array, ((radius, radius), (0, 0)), mode="edge")
    return np.pad(tall, ((0, 0), (radius, radius)), mode="wrap" if wrap else "edge")


def neighbour_sum(mask: npt.NDArray[np.bool_], radius: int, wrap: bool) -> npt.NDArray[np.uint8]:
    """Number of marked pixels in the square of ``2·radius + 1`` pixels around each pixel.

    Args:
        mask: Marked pixels, shape ``(y, x)``.
        radius: Half width of the square, 1 to 7.
        wrap: Whether the columns close around the globe; other borders repeat their last pixel.
    """
    height, width = mask.shape
    padded = _edge(mask, radius, wrap).astype(np.uint8)
    side = 2 * radius + 1
    lines = np.zeros((height, width + 2 * radius), dtype=np.uint8)
    for k in range(side):
        lines += padded[k : k + height]
    out = np.zeros(mask.shape, dtype=np.uint8)
    for k in range(side):
        out += lines[:, k : k + width]
    return out


def smooth(field: FloatMap, radius: int, wrap: bool) -> FloatMap:
    """Mean over the square of ``2·radius + 1`` pixels, by sums along each axis."""
    side = 2 * radius + 1
    out = np.asarray(_edge(field, radius, wrap), dtype=np.float64)
    for axis in (0, 1):
        total = np.cumsum(out, axis=axis)
        total = np.insert(total, 0, 0.0, axis=axis)
        out = (
            np.diff(
                np.stack(
                    [
                        total.take(range(total.shape[axis] - side), axis),
                        total.take(range(side, total.shape[axis]), axis),
                    ]
                ),
                axis=0,
            )[0]
            / side
        )
    return out.astype(np.float32)
