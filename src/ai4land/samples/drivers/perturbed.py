"""Drivers that are wrong by so much: what a model is worth under forcing with errors."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from ai4land.allocation import draws
from ai4land.errors import SampleError
from ai4land.grid import Mesh, Window
from ai4land.samples.drivers.gridded import Described, GriddedDrivers
from ai4land.vocabulary import Kind, variable

__all__ = ["PerturbedDrivers"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]

_EDGE = 1e-12  # of a uniform number, so that its normal one is finite


class PerturbedDrivers(GriddedDrivers):
    """Serves other drivers with errors in what coarse fractions ask for.

    What is multiplied, class by class and cell by cell, with ``exp(error · z)``, z standard normal,
    is by default the **change** from each time to the next: the amounts are wrong by about that
    share, never their sign, and where nothing changes nothing is made up. That is an error of
    the scenario. What the shrinking classes lose the growing ones gain.

    With ``of="shares"`` it is the **shares** of each time on their own, relative to their sum: an
    error of the accounts, which asks for changes that never were, many times the true ones where
    little changes. (An error of the shares that stays the same is a bias: a demand counted from
    the map's own shares does not feel it.)

    A cell's total is kept. Of gross transitions every one between two classes is multiplied, and
    what stays is the rest.

    Args:
        inner: Where values come from.
        names: Fraction variables with errors; the others stay as they are.
        error: Standard deviation of the logarithm: 0.05 for 5 %.
        since: Time at which the fractions are still right: the initial map's, on their clock.
        of: What is wrong: ``change`` or ``shares``.
        seed: Another seed gives other errors; the same one the same, whatever is read and when.

    Raises:
        SampleError: If a variable holds no shares of classes, or the error is negative.
    """

    def __init__(
        self,
        inner: GriddedDrivers,
        names: Sequence[str],
        error: float,
        *,
        since: int,
        of: Literal["change", "shares"] = "change",
        seed: int = 0,
    ) -> None:
        super().__init__(inner.grid)
        self.inner, self.error, self.since, self.seed = inner, error, since, seed
        self.perturbed, self.of = tuple(names), of
        for name in names:
            about = inner.describe(name)
            if about.kind is not Kind.FRACTION or not about.components or error < 0:
                raise SampleError(
                    "Only the changes of class fractions can be made wrong",
                    where=name,
                    expected="shares of several classes, and an error of at least 0",
                    found=f"{about.kind.value}, {len(about.components)} classes, error {error:g}",
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that there are."""
        return self.inner.names

    def describe(self, name: str) -> Described:
        """What is known of a variable."""
        return self.inner.describe(name)

    def cells(self, name: str, tick: int, cells: Window) -> Array:
        """A variable on its own grid, ``(components, Y, X)``; missing beyond it."""
        if name not in self.perturbed or self.error == 0:
            return self.inner.cells(name, tick, cells)
        about = self.inner.describe(name)
        if variable(name).pairs_of:
            return self._transitions(about, tick, cells)
        if self.of == "shares" and tick != self.since:
            shares = self.inner.cells(name, tick, cells).astype(np.float64)
            wrong = shares * self._factors(about, tick, cells)
            return (wrong * _ratio(shares.sum(axis=0), wrong.sum(axis=0))).astype(np.float32)
        between = [t for t in about.ticks if min(tick, self.since) < t < max(tick, self.since)]
        path = sorted({self.since, *between, tick}, reverse=tick < self.since)
        right = [self.inner.cells(name, t, cells).astype(np.float64) for t in path]
        wrong = right[0]
        for when, (before, after) in zip(path[1:], itertools.pairwise(right), strict=True):
            change = (after - before) * self._factors(about, when, cells)
            moved = wrong + _closed(change, wrong, before, after)
            wrong = np.where(np.isfinite(moved), moved, after)
        return wrong.astype(np.float32)

    def _transitions(self, about: Described, tick: int, cells: Window) -> Array:
        """Gross transitions with errors in all that moves; rows keep their sums."""
        right = self.inner.cells(about.name, tick, cells).astype(np.float64)
        pairs = [layer.split("_to_") for layer in about.components]
        origins, stays = [one for one, _ in pairs], np.array([one == two for one, two in pairs])
        wrong = right * self._factors(about, tick, cells)
        for origin in dict.fromkeys(origins):
            row = np.array([o == origin for o in origins])
            moves, rest = row & ~stays, row & stays
            if rest.any():
                whole, moved = right[row].sum(axis=0), wrong[moves].sum(axis=0)
                wrong[moves] *= np.minimum(1.0, _ratio(whole, moved))
                wrong[rest] = whole - wrong[moves].sum(axis=0)
        return np.maximum(wrong, 0.0).astype(np.float32)

    def _factors(self, about: Described, tick: int, cells: Window) -> FloatArray:
        """Errors as factors, ``(components, Y, X)``: one a cell, layer and time."""
        mesh, own = Mesh(about.grid, about.grid), zlib.crc32(about.name.encode())
        seeds = self.seed * 65_537 + own + np.arange(len(about.components))
        uniform = np.stack([draws(mesh, cells, int(seed), tick) for seed in seeds])
        return np.asarray(np.exp(self.error * ndtri(uniform.clip(_EDGE, 1.0 - _EDGE))))


def _closed(
    change: FloatArray, held: FloatArray, before: FloatArray, after: FloatArray
) -> FloatArray:
    """A wrong change that takes no more than there is and keeps the total of the right one."""
    change = np.maximum(change, -held)
    gain, loss = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    gained, wanted = gain.sum(axis=0), loss.sum(axis=0) + (after - before).sum(axis=0)
    return np.asarray(gain * _ratio(np.maximum(wanted, 0.0), gained) - loss)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.asarray(np.divide(part, whole, out=np.ones_like(whole), where=whole > 0.0))
