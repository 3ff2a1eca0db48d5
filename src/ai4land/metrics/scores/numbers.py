"""Scores of numbers: how far predicted values lie from true ones."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from ai4land.metrics.tables.sums import Sums

__all__ = ["NumberSums"]

FloatArray = npt.NDArray[np.float64]

_ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class NumberSums(Sums):
    """What mean errors of a number are computed from; all sums over pixels, shape ``(6,)``.

    Attributes:
        sums: Weights, errors, absolute errors, squared errors, true values, squared true values.
        weighting: What a pixel counts: ``pixel`` or ``area``.
    """

    sums: FloatArray
    weighting: str = "pixel"

    @classmethod
    def of(
        cls,
        predicted: npt.NDArray[np.floating],
        truth: npt.NDArray[np.floating],
        mask: npt.NDArray[np.bool_],
        weights: FloatArray | None = None,
    ) -> NumberSums:
        """Count one map.

        Args:
            predicted: ``(y, x)`` in the units of the truth.
            truth: ``(y, x)``.
            mask: Pixels that are scored; both must be known there.
            weights: Areas in m², ``(y, x)``; without them pixels are counted.
        """
        real = truth[mask].astype(np.float64)
        error = predicted[mask].astype(np.float64) - real
        weight = np.ones(error.size) if weights is None else weights[mask]
        terms = (np.ones_like(error), error, np.abs(error), error**2, real, real**2)
        sums = np.array([float((weight * term).sum()) for term in terms])
        return cls(sums, "pixel" if weights is None else "area")

    @property
    def bias(self) -> float:
        """Mean of prediction minus truth."""
        return self._mean(1)

    @property
    def mean_absolute_error(self) -> float:
        """Mean distance from the truth."""
        return self._mean(2)

    @property
    def root_mean_square_error(self) -> float:
        """Root of the mean squared distance from the truth."""
        return math.sqrt(self._mean(3))

    @property
    def explained(self) -> float:
        """Share of the truth's variance that is explained, 1 − SSE / SST; NaN if it has none."""
        square = self._mean(5)
        spread = square - self._mean(4) ** 2
        # of a constant, a difference of large sums leaves rounding alone
        return 1.0 - self._mean(3) / spread if spread > _ROUNDING * square else float("nan")

    def to_dict(self) -> dict[str, float | None]:
        """All scores as plain data; ``None`` where undefined."""
        found = {
            "bias": self.bias,
            "mean_absolute_error": self.mean_absolute_error,
            "root_mean_square_error": self.root_mean_square_error,
            "explained_variance": self.explained,
        }
        return {name: value if math.isfinite(value) else None for name, value in found.items()}

    def _mean(self, term: int) -> float:
        total = float(self.sums[0])
        return float(self.sums[term]) / total if total > 0 else float("nan")
