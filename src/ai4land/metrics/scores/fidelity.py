"""Does the fine map hold what the coarse forcing asked for? The area that is left unclosed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4land.errors import GridError, SampleError
from ai4land.metrics.scores.confusion import check_names
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import quotient, ratio, reported

__all__ = ["THRESHOLDS", "Fidelity", "fidelity", "unclosed_area"]

FloatArray = NDArray[np.float64]

THRESHOLDS = (0.001, 0.01, 0.05)
"""Unclosed shares of a cell's land above which cells are counted."""

_KM2 = 1e-6


@dataclass(frozen=True, eq=False)
class Fidelity(Sums):
    """Area of a map against a coarse forcing, cell by cell, class by class.

    The unclosed area of a cell is ½ Σ |map − forcing| over the classes: what would have to change
    hands for the map to be what was asked for. Years and disjoint cells add.

    Attributes:
        asked: Shape (K,): area the forcing asks for, m².
        mapped: Shape (K,): area the map holds, m².
        error: Shape (K,): sum over cells of |map − forcing|, m².
        land: Shape (1,): area of the cells' land, m².
        cells: Shape (1,): number of cells (and years) with land.
        beyond: Shape (thresholds,): of those, cells whose unclosed share is larger.
        thresholds: Unclosed shares of a cell's land.
    """

    asked: FloatArray
    mapped: FloatArray
    error: FloatArray
    land: FloatArray
    cells: NDArray[np.int64]
    beyond: NDArray[np.int64]
    thresholds: tuple[float, ...]

    @property
    def unclosed(self) -> float:
        """Unclosed area of all cells, m²."""
        return 0.5 * float(self.error.sum())

    @property
    def unclosed_share(self) -> float:
        """The same as share of the land."""
        return ratio(self.unclosed, float(self.land[0]))

    @property
    def imbalance(self) -> float:
        """What stays unclosed in the sum over all cells, as share of the land.

        Less than ``unclosed_share`` as far as errors of cells cancel.
        """
        return ratio(0.5 * float(np.abs(self.mapped - self.asked).sum()), float(self.land[0]))

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """Unclosed area in km² and in percent, all and by class, ready for JSON.

        Returns:
            ``unclosed_km2``, ``unclosed_percent`` and ``imbalance_percent`` (of the land),
            ``cells``, ``cells_beyond`` (threshold in percent → share of cells) and ``classes``:
            name → ``asked_km2``, ``mapped_km2``, ``error_km2`` (sum over cells of |map −
            forcing|) and ``error_percent`` of what was asked for.

        Raises:
            SampleError: If there is not one name per class.
        """
        check_names(names, len(self.asked))
        relative = quotient(self.error, self.asked)
        beyond = {
            f"{100 * limit:g}": reported(ratio(float(count), float(self.cells[0])))
            for limit, count in zip(self.thresholds, self.beyond, strict=True)
        }
        return {
            "unclosed_km2": self.unclosed * _KM2,
            "unclosed_percent": reported(100 * self.unclosed_share),
            "imbalance_percent": reported(100 * self.imbalance),
            "cells": int(self.cells[0]),
            "cells_beyond": beyond,
            "classes": {
                name: {
                    "asked_km2": float(self.asked[k]) * _KM2,
                    "mapped_km2": float(self.mapped[k]) * _KM2,
                    "error_km2": float(self.error[k]) * _KM2,
                    "error_percent": reported(100 * float(relative[k])),
                }
                for k, name in enumerate(names)
            },
        }


def fidelity(
    mapped: NDArray[np.floating[Any]],
    asked: NDArray[np.floating[Any]],
    mask: NDArray[np.bool_] | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Fidelity:
    """Compare the class areas of a map with those of its forcing.

    Only classes (or groups of them) that both express are compared.

    Args:
        mapped: Area of each class in each cell of the map, m², ``(K, …)``, the other axes being
            cells and, if wanted, years.
        asked: The same of the forcing.
        mask: True where a cell counts, ``(…)``; cells without land never do.
        thresholds: Shares of a cell's land above which the unclosed area is counted.

    Raises:
        GridError: If shapes differ.
        SampleError: If an area is missing or negative where a cell counts.
    """
    share, land = _shares(mapped, asked)
    used = np.ones(land.shape, np.bool_) if mask is None else mask
    if used.shape != land.shape:
        raise GridError("The mask does not fit the cells", expected=land.shape, found=used.shape)
    kept = [np.where(used, areas, 0.0).reshape(len(areas), -1) for areas in (mapped, asked)]
    for name, areas in zip(("mapped", "asked"), kept, strict=True):
        if not (areas >= 0).all():
            raise SampleError("An area is missing or negative", where=name)
    used = used & (land > 0)
    return Fidelity(
        asked=kept[1].sum(axis=1),
        mapped=kept[0].sum(axis=1),
        error=np.abs(kept[0] - kept[1]).sum(axis=1),
        land=np.array([land[used].sum()]),
        cells=np.array([used.sum()], np.int64),
        beyond=np.array([(share[used] > limit).sum() for limit in thresholds], np.int64),
        thresholds=tuple(thresholds),
    )


def unclosed_area(
    mapped: NDArray[np.floating[Any]], asked: NDArray[np.floating[Any]]
) -> FloatArray:
    """Map of the unclosed area of every cell, ½ Σ |map − forcing| over classes.

    Args:
        mapped: Area of each class in each cell, m², ``(K, …)``.
        asked: The same of the forcing.

    Returns:
        m², ``(…)``; NaN where either is.

    Raises:
        GridError: If shapes differ.
    """
    if mapped.shape != asked.shape:
        raise GridError(
            "Areas that are compared must have one shape", expected=mapped.shape, found=asked.shape
        )
    return np.asarray(0.5 * np.abs(mapped.astype(np.float64) - asked).sum(axis=0))


def _shares(
    mapped: NDArray[np.floating[Any]], asked: NDArray[np.floating[Any]]
) -> tuple[FloatArray, FloatArray]:
    """Unclosed share of each cell, and its land: the larger of what either map knows, m²."""
    unclosed = unclosed_area(mapped, asked)
    land = np.maximum(mapped.sum(axis=0), asked.sum(axis=0)).astype(np.float64)
    return np.divide(unclosed, land, out=np.zeros_like(land), where=land > 0), land
