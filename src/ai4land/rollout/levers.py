"""Levers: what a run is not to do, whatever the forcing asks for; honoured to the pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from ai4land.allocation import group_sums, target_counts
from ai4land.errors import ConfigError
from ai4land.formats import Raster, RasterGrid, open_raster
from ai4land.grid import Grid, Window
from ai4land.rollout.decisions import Asked
from ai4land.vocabulary import NO_DATA, Legend

__all__ = ["LeverOptions", "Levers", "asked_of_the_rest"]

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


class LeverOptions(BaseModel):
    """What a user holds fast, as a run file says it.

    Attributes:
        protected: A raster in which pixels that are neither 0 nor missing keep the class they have;
            of any grid and system, the nearest pixel counts.
        frozen: Classes that are neither lost nor gained anywhere.
        forbidden: Pairs of classes of which the first never becomes the second in one step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protected: str | None = None
    frozen: tuple[str, ...] = ()
    forbidden: tuple[tuple[str, str], ...] = ()

    def opened(self, grid: Grid, legend: Legend) -> Levers | None:
        """The levers of a map; ``None`` if there are none.

        Raises:
            VocabularyError: If a class is unknown.
            SourceError: If the raster cannot be read.
            ConfigError: If a class is forbidden to stay.
        """
        if self == LeverOptions():
            return None
        raster = None
        if self.protected is not None:
            raster = open_raster(Path(self.protected))
            if raster.grid != RasterGrid.of(grid):
                raster = raster.onto(grid, "nearest")
        forbidden = np.zeros((len(legend), len(legend)), bool)
        frozen = [legend.index(name) for name in self.frozen]
        forbidden[:, frozen] = forbidden[frozen] = True
        for before, after in self.forbidden:
            if before == after:
                raise ConfigError(
                    "A class cannot be forbidden to stay what it is",
                    found=f"{before} → {after}",
                    remedy="name it under `frozen` to keep it as it is",
                )
            forbidden[legend.index(before), legend.index(after)] = True
        np.fill_diagonal(forbidden, val=False)
        return Levers(grid, raster, forbidden, frozenset(frozen))


@dataclass(frozen=True, eq=False)
class Levers:
    """What may not happen to a map of classes.

    Attributes:
        grid: Grid of the map.
        protected: Says by values that are neither 0 nor missing where nothing changes.
        forbidden: Class positions before and after, ``(K, K)``: whether the one never becomes the
            other.
        frozen: Positions of classes that keep their pixels.
    """

    grid: Grid
    protected: Raster | None
    forbidden: BoolArray
    frozen: frozenset[int] = frozenset()

    def kept(self, prior: ByteArray, piece: Window) -> BoolArray:
        """Pixels of a piece that keep their class, from class positions ``(y, x)``."""
        found = np.isin(prior, [*self.frozen])
        if self.protected is not None:
            for part in self.grid.pieces(piece):
                values, missing = self.protected.read(*part.source)
                held = values != 0
                found[part.target] |= held if missing is None else held & ~missing
        return found

    def broken(self, prior: ByteArray, after: ByteArray) -> BoolArray:
        """Where one class has become another that it must not become."""
        known = (prior != NO_DATA) & (after != NO_DATA)
        count = len(self.forbidden)
        one, two = (np.minimum(v, count - 1) for v in (prior, after))
        return np.asarray(known & self.forbidden[one, two])

    def allowed(self, probabilities: FloatArray, prior: ByteArray) -> FloatArray:
        """Probabilities ``(K, y, x)`` without those of what must not happen."""
        never = np.zeros(probabilities.shape, bool)
        for before, row in enumerate(self.forbidden):
            if row.any():
                never |= row[:, None, None] & (prior == before)
        if not never.any():
            return probabilities
        left = np.where(never, np.float32(0.0), probabilities)
        total = left[0].copy()
        for layer in left[1:]:  # in one order, whatever the shape
            total += layer
        stays = prior == np.arange(len(left), dtype=np.uint8)[:, None, None]
        certain = np.divide(left, total, out=stays.astype(np.float32), where=total > 0)
        return np.where(never.any(axis=0), certain, probabilities)


def asked_of_the_rest(
    asked: Asked, prior: ByteArray, domain: BoolArray, kept: BoolArray, layers: int
) -> Asked:
    """What is asked of a piece's pixels that may change, when the others hold what they hold.

    Args:
        asked: Of all pixels.
        prior: Class positions ``(y, x)``.
        domain: Where the map exists.
        kept: Where it does not change.
        layers: Number of classes.
    """

    def held(used: BoolArray) -> npt.NDArray[np.int64]:
        counted = np.where(used, prior, NO_DATA).astype(np.uint8)
        return group_sums(asked.cells.counts(counted, layers), asked.groups)

    every, fixed = held(domain), held(domain & kept)
    wanted = target_counts(asked.shares, every.sum(axis=0)) - fixed
    left = np.maximum(wanted, 0).astype(np.float64)
    total = left.sum(axis=0)
    shares = np.divide(left, total, out=np.zeros_like(left), where=total > 0)
    return replace(asked, shares=shares)
