"""Which class follows which in the training split, counted for models of any family."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from ai4land.grid import Window
from ai4land.samples import Labels, Sampler, SampleSource

__all__ = ["transition_counts"]

_ROWS = 512  # of the map counted at once

IntArray = npt.NDArray[np.int64]


def transition_counts(sampler: SampleSource, name: str) -> dict[tuple[int, int], IntArray]:
    """Pixels by class before and after, of all steps of a split in one pass.

    Every process counts the same, and nothing depends on which windows are drawn.

    Args:
        sampler: Knows the steps, the maps and the pixels of the split, of one region or several.
        name: A map of classes.

    Returns:
        Times before and after, on the map's own clock → ``(K, K)``.
    """
    found: dict[tuple[int, int], IntArray] = {}
    for part in sampler.parts:
        clock, labels = part.assembler.task.clock, part.labels[name]
        own = [tuple(clock.convert(t, labels.target.clock) for t in run) for run in part.steps]
        pairs = {pair for run in own for pair in itertools.pairwise(run) if pair[0] != pair[1]}
        for pair in sorted(pairs):
            found[pair] = found.get(pair, 0) + _followers(labels, *pair, part)
    return found


def _followers(labels: Labels, before: int, after: int, sampler: Sampler) -> IntArray:
    """Pixels of the split by class before and after, ``(K, K)``."""
    grid, classes = labels.grid, len(labels.classes)
    found = np.zeros(classes * classes, np.int64)
    for row in range(0, grid.height, _ROWS):
        band: Window = grid.band(row, _ROWS)
        one, two = labels.codes(before, band), labels.codes(after, band)
        valid = labels.domain(one) & labels.domain(two) & sampler.mask[band.slices]
        key = labels.positions(one)[valid].astype(np.int64) * classes
        found += np.bincount(key + labels.positions(two)[valid], minlength=found.size)
    return found.reshape(classes, classes)
