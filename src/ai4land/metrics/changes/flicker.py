"""Changes that are soon undone: A → B → A."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.scores.confusion import check_names
from ai4land.metrics.tables.counting import as_weights, check_shapes
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import quotient, ratio, reported, reported_weight
from ai4land.vocabulary import NO_DATA

__all__ = ["Flicker", "flicker"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Flicker(Sums):
    """How much of the change from a class is undone within a few steps.

    A change is counted for a window of n steps if the map n steps after the last one with the
    old class is there too. It is undone if the pixel is of the old class again in one of these n
    maps, whatever it was between.

    Attributes:
        changes: Shape (windows, K): weight × steps of changes from a class that are followed for
            the window.
        returns: Shape (windows, K): of those, undone within it.
        windows: Steps from the last map of the old class to the last map looked at.
        weighting: What a pixel counts: ``pixel`` or ``area``.
    """

    changes: FloatArray
    returns: FloatArray
    windows: tuple[int, ...]
    weighting: str

    def share(self, window: int) -> float:
        """Share of all change that is undone within a window; NaN without change.

        Raises:
            SampleError: If it is not among the windows.
        """
        if window not in self.windows:
            raise SampleError("Not a window of this table", expected=self.windows, found=window)
        n = self.windows.index(window)
        return ratio(float(self.returns[n].sum()), float(self.changes[n].sum()))

    def scores(self, names: Sequence[str]) -> dict[str, Any]:
        """Change, return and their ratio for every window, all and by class, ready for JSON.

        Raises:
            SampleError: If there is not one name per class.
        """
        check_names(names, self.changes.shape[1])
        share = quotient(self.returns, self.changes)
        return {
            "weighting": self.weighting,
            "windows": {
                str(window): {
                    "changes": reported_weight(float(self.changes[n].sum()), self.weighting),
                    "returns": reported_weight(float(self.returns[n].sum()), self.weighting),
                    "share": reported(self.share(window)),
                    "classes": {name: reported(share[n, k]) for k, name in enumerate(names)},
                }
                for n, window in enumerate(self.windows)
            },
        }


def flicker(
    maps: Iterable[NDArray[np.uint8]],
    n_classes: int,
    windows: Sequence[int] = (3, 5),
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> Flicker:
    """Count changes and how many of them are soon undone.

    Maps are taken one by one, as many held as the longest window needs.

    Args:
        maps: Class indices 0…K−1 at successive times, uint8, all of one shape; 255 is missing: a
            change with a missing map in its window is not counted for it.
        n_classes: Number of classes K.
        windows: Steps from the last map of the old class, at least 2 each.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.

    Raises:
        GridError: If shapes differ.
        SampleError: If a window is too short for a return.
    """
    if not windows or min(windows) < 2:
        raise SampleError("A return takes two steps", expected="windows >= 2", found=tuple(windows))
    changes, returns = (np.zeros((len(windows), n_classes)) for _ in range(2))
    held: deque[NDArray[np.uint8]] = deque(maxlen=max(windows) + 1)
    areas: FloatArray | None = None
    for layer in maps:
        if held:
            check_shapes(held[0].shape, map=layer)
        elif weights is not None:
            areas = as_weights(weights, layer.shape)
        held.append(layer)
        for n, window in enumerate(windows):
            if len(held) > window:
                found = _followed(list(held)[-window - 1 :], n_classes, areas, mask)
                changes[n] += found[0]
                returns[n] += found[1]
    weighting = "pixel" if weights is None else "area"
    return Flicker(changes, returns, tuple(windows), weighting)


def _followed(
    maps: Sequence[NDArray[np.uint8]],
    n_classes: int,
    areas: FloatArray | None,
    mask: NDArray[np.bool_] | None,
) -> tuple[FloatArray, FloatArray]:
    """Changes between the first two maps by class, and those undone in one of the others."""
    old = maps[0]
    left = (old != maps[1]) & (old < n_classes)
    if mask is not None:
        left = left & mask
    back = np.zeros(old.shape, np.bool_)
    for layer in maps[1:]:
        left = left & (layer != NO_DATA)
        back |= layer == old
    sums = []
    for chosen in (left, left & back):
        weight = None if areas is None else areas[chosen]
        sums.append(np.bincount(old[chosen], weight, n_classes).astype(np.float64))
    return sums[0], sums[1]
