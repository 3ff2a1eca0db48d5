"""Kappa simulation that forgives small shifts in place."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ai4land.errors import SampleError
from ai4land.metrics.tables.counting import check_shapes
from ai4land.metrics.tables.undefined import ratio
from ai4land.vocabulary import NO_DATA

__all__ = ["fuzzy_kappa_simulation"]

FloatArray = NDArray[np.float64]


def fuzzy_kappa_simulation(
    initial: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    simulated: NDArray[np.uint8],
    n_classes: int,
    halving: float = 2.0,
    mask: NDArray[np.bool_] | None = None,
) -> float:
    """Agreement of transitions beyond chance, where near places count in part.

    Van Vliet, Hagen-Zanker, Hurkens and van Delden (2013, doi:10.1016/j.ecolmodel.2013.03.019).
    Two transitions are alike if both are persistence of one class, or both change to one class.
    A pixel agrees with the other map as much as the nearest like transition there is near:
    2^(−distance / halving); the two maps agree at a pixel by the lesser of both looks. Chance is
    what this gives if, for a given initial class, the transitions of the two maps fell
    independently; so persistence scores 0. With ``halving`` towards 0 it becomes kappa simulation.

    It looks at all distances and therefore does not add over tiles: score a whole region at once.

    Args:
        initial: Class indices 0…K−1, uint8, ``(y, x)``; 255 is missing, left out.
        reference: The truth at the later step, likewise.
        simulated: Its simulation; 255 agrees with nothing.
        n_classes: Number of classes K.
        halving: Distance in pixels at which likeness halves; 0 for none but the pixel itself.
        mask: True where a pixel is scored.

    Returns:
        At most 1; NaN where 0/0.

    Raises:
        GridError: If shapes differ.
        SampleError: If the maps are no maps, or the distance is negative.
    """
    if initial.ndim != 2 or halving < 0:
        raise SampleError("Distances need maps", expected="(y, x), halving >= 0")
    check_shapes(initial.shape, reference=reference, simulated=simulated)
    scored = (initial != NO_DATA) & (reference != NO_DATA)
    if mask is not None:
        check_shapes(initial.shape, mask=mask)
        scored &= mask
    if not scored.any():
        return math.nan
    seen, said = (_kinds(initial, later, n_classes) for later in (reference, simulated))
    near_seen, near_said = (_nearness(kinds, n_classes, scored, halving) for kinds in (seen, said))
    seen, said = seen[scored], said[scored]
    pixel = np.arange(seen.size)
    # Row 2K of both, transitions to none of the classes, is 0 everywhere.
    agreed = np.minimum(near_seen[said, pixel], near_said[seen, pixel]).mean()
    chance = _chance(initial[scored], (seen, said), (near_seen, near_said))
    return ratio(float(agreed) - chance, 1.0 - chance, scale=1.0)


def _kinds(
    initial: NDArray[np.uint8], later: NDArray[np.uint8], n_classes: int
) -> NDArray[np.int64]:
    """Transition of each pixel: k stayed k, K + k became k, 2K none of the classes."""
    kinds = np.where(initial == later, 0, n_classes) + later.astype(np.int64)
    return np.where(later < n_classes, kinds, 2 * n_classes)


def _nearness(
    kinds: NDArray[np.int64], n_classes: int, scored: NDArray[np.bool_], halving: float
) -> FloatArray:
    """Shape (2K + 1, n): at every scored pixel, how near each transition is: 0 never, 1 here."""
    from scipy import ndimage  # loads slowly, and no other score needs it

    near = np.zeros((2 * n_classes + 1, int(scored.sum())))
    for kind in range(2 * n_classes):
        here = scored & (kinds == kind)
        if here.any():
            away = ndimage.distance_transform_edt(~here)[scored]
            near[kind] = 2.0 ** (-away / halving) if halving else away == 0
    return near


def _chance(
    initial: NDArray[np.uint8],
    kinds: tuple[NDArray[np.int64], NDArray[np.int64]],
    near: tuple[FloatArray, FloatArray],
) -> float:
    """Expected agreement if transitions fell independently, given the initial class."""
    seen, said = kinds
    near_seen, near_said = near
    total = 0.0
    for start in np.unique(initial):
        of = initial == start
        share = float(of.sum())
        for one in np.unique(seen[of]):
            here = near_said[one, :]
            for two in np.unique(said[of]):
                # What the truth's map says of transition two where the truth did transition one,
                # and the other way round, over all pixels that started alike.
                first = near_seen[two, of & (seen == one)]
                second = here[of & (said == two)]
                total += len(first) * len(second) / share * _mean_minimum(first, second)
    return total / len(initial)


def _mean_minimum(first: FloatArray, second: FloatArray) -> float:
    """Mean of the lesser of two independent draws, one from each sample."""
    ordered = np.sort(second)
    below = np.concatenate([[0.0], np.cumsum(ordered)])
    place = np.searchsorted(ordered, first)
    sums = below[place] + first * (len(ordered) - place)
    return float(sums.mean()) / len(ordered)
