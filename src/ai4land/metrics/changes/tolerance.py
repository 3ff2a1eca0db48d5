"""Change that is nearly in the right place: blurred gains and losses compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.scores.confusion import check_names
from ai4land.metrics.tables.counting import as_weights, check_shapes
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import quotient, ratio, reported
from ai4land.vocabulary import NO_DATA

__all__ = ["TolerantChange", "reach", "tolerant_change"]

FloatArray = NDArray[np.float64]
Interior = tuple[slice, slice]

_REACH = 4.0
"""Standard deviations at which the blur is cut off."""


@dataclass(frozen=True, eq=False)
class TolerantChange(Sums):
    """Blurred expansion and contraction of every class, simulated against observed.

    Attributes:
        differences: Shape (K, 2): expansion and contraction, sums of weight × |blur(simulated) −
            blur(observed)|.
        observed: Shape (K, 2): sums of weight × blur(observed).
        simulated: Shape (K, 2): sums of weight × blur(simulated).
        sigma: Standard deviation of the Gaussian in pixels.
        weighting: What a pixel counts: ``pixel`` or ``area``.
    """

    differences: FloatArray
    observed: FloatArray
    simulated: FloatArray
    sigma: float
    weighting: str

    @property
    def loss(self) -> float:
        """All differences together, in pixels or m²; the loss some models are calibrated on."""
        return float(self.differences.sum())

    @property
    def relative(self) -> float:
        """The loss as share of observed and simulated change: 0 alike, 1 nowhere near."""
        return ratio(self.loss, float(self.observed.sum() + self.simulated.sum()))

    @property
    def persistence_loss(self) -> float:
        """The loss of saying that nothing changes."""
        return float(self.observed.sum())

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """Loss beside persistence's, relative loss, and the latter by class, ready for JSON.

        Raises:
            SampleError: If there is not one name per class.
        """
        check_names(names, len(self.differences))
        relative = quotient(self.differences, self.observed + self.simulated)
        return {
            "weighting": self.weighting,
            "sigma": self.sigma,
            "loss": self.loss,
            "persistence_loss": self.persistence_loss,
            "relative": reported(self.relative),
            "classes": {
                name: {
                    "expansion": reported(relative[k, 0]),
                    "contraction": reported(relative[k, 1]),
                }
                for k, name in enumerate(names)
            },
        }


def reach(sigma: float) -> int:
    """Pixels over which the blur spreads: the halo that a block needs."""
    return int(_REACH * sigma + 0.5)


def tolerant_change(
    initial: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    simulated: NDArray[np.uint8],
    n_classes: int,
    sigma: float = 2.0,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
    interior: Interior | None = None,
) -> TolerantChange:
    """Compare where classes expand and contract, tolerating shifts of a few pixels.

    Expansion of a class is 1 where it came, contraction 1 where it went; both are blurred by a
    Gaussian before their difference is taken. Beyond the map and where nothing is scored there is
    no change.

    Args:
        initial: Class indices 0…K−1, uint8, ``(y, x)``; 255 is missing, left out.
        reference: The truth at the later step, likewise.
        simulated: Its simulation; 255 is a loss of what was there.
        n_classes: Number of classes K.
        sigma: Standard deviation of the blur in pixels.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.
        interior: Rows and columns that are summed, all others being halo; give blocks a halo of
            ``reach(sigma)`` and they add up to the whole.

    Raises:
        GridError: If shapes differ.
        SampleError: If the blur is not positive, or the maps are no maps.
    """
    if sigma <= 0 or initial.ndim != 2:
        raise SampleError(
            "A blur needs maps and a width",
            expected="(y, x), sigma > 0",
            found=f"{initial.shape}, sigma {sigma}",
        )
    check_shapes(initial.shape, reference=reference, simulated=simulated)
    scored = (initial != NO_DATA) & (reference != NO_DATA)
    if mask is not None:
        check_shapes(initial.shape, mask=mask)
        scored &= mask
    areas = np.ones(initial.shape) if weights is None else as_weights(weights, initial.shape)
    own = interior or (slice(None), slice(None))
    areas = np.where(scored, areas, 0.0)[own]
    sums = np.zeros((3, n_classes, 2))
    for k in range(n_classes):
        before = initial == k
        for n, sign in enumerate((1, -1)):
            blurred = []
            for later in (simulated, reference):
                now = later == k
                moved = scored & (now & ~before if sign > 0 else before & ~now)
                blurred.append(_blur(moved, sigma)[own])
            said, seen = blurred
            layers = (np.abs(said - seen), seen, said)
            sums[:, k, n] = [float((areas * layer).sum()) for layer in layers]
    weighting = "pixel" if weights is None else "area"
    return TolerantChange(sums[0], sums[1], sums[2], float(sigma), weighting)


def _blur(moved: NDArray[np.bool_], sigma: float) -> FloatArray:
    from scipy import ndimage  # loads slowly, and no other score needs it

    if not moved.any():
        return np.zeros(moved.shape)
    blurred: FloatArray = ndimage.gaussian_filter(
        moved.astype(np.float64), sigma, mode="constant", truncate=_REACH
    )
    return blurred
