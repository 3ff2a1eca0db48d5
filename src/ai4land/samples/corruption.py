"""Corruption of the prior: hidden blocks and class noise, before anything is derived from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.samples.options import Corruption

__all__ = ["corrupt"]

BoolArray = npt.NDArray[np.bool_]


def corrupt(
    prior: npt.NDArray[Any], visible: BoolArray, options: Corruption, rng: np.random.Generator
) -> tuple[npt.NDArray[Any], BoolArray]:
    """Hide blocks of a prior and replace some of its values.

    Noise takes the value of another visible pixel of the same window, so that it stays within
    what the window holds and needs no legend.

    Args:
        prior: ``(y, x)`` class positions or numbers.
        visible: ``(y, x)`` where the prior may be seen at all.
        options: How much damage.
        rng: Source of randomness.

    Returns:
        The damaged prior and its visibility, new arrays.
    """
    prior, visible = prior.copy(), visible.copy()
    if options.noise > 0:
        hit = np.flatnonzero(visible & (rng.random(prior.shape) < options.noise))
        donors = np.flatnonzero(visible)
        if hit.size:
            prior.flat[hit] = prior.flat[rng.choice(donors, hit.size)]
    if rng.random() < options.hide_probability:
        side = options.block
        blocks = rng.random(tuple(-(-length // side) for length in prior.shape))
        hidden = np.kron(blocks < options.hide_share, np.ones((side, side), dtype=bool))
        visible &= ~hidden[: prior.shape[0], : prior.shape[1]]
    return prior, visible
