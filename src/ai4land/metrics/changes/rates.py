"""Change per step and class, and whether it breaks where two sources of forcing meet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.scores.confusion import check_names
from ai4land.metrics.tables.counting import tabulate
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import quotient, ratio, reported

__all__ = ["SEAMS", "ChangeRates", "change_rates"]

FloatArray = NDArray[np.float64]

SEAMS: Mapping[str, int] = MappingProxyType({"start of labels": 1899, "history to scenario": 2015})
"""Last year before a seam: labels begin in 1899/1900, scenarios replace history after 2015."""

_AROUND = 3
"""Steps beside the one across a seam, at least."""


@dataclass(frozen=True, eq=False)
class ChangeRates(Sums):
    """What every class gains and loses from each time to the next.

    Attributes:
        areas: Shape (T, K): weight of each class at each time, where both neighbours in time are
            known.
        gains: Shape (T − 1, K): what became the class in a step.
        losses: Shape (T − 1, K): what ceased to be it.
        times: The T times, in the order of the maps.
        weighting: What a pixel counts: ``pixel`` or ``area``.
    """

    areas: FloatArray
    gains: FloatArray
    losses: FloatArray
    times: tuple[int, ...]
    weighting: str

    @property
    def gross(self) -> FloatArray:
        """Shape (T − 1,): share of all land that changes per unit of time."""
        spans = np.abs(np.diff(self.times))
        return quotient(self.gains.sum(axis=1), self.areas[:-1].sum(axis=1)) / spans

    @property
    def net(self) -> FloatArray:
        """Shape (T − 1, K): net gain of each class per unit of time, as share of all land."""
        whole = self.areas[:-1].sum(axis=1)[:, np.newaxis]
        change = self.gains - self.losses
        spans = np.abs(np.diff(self.times))[:, np.newaxis]
        return quotient(change, np.broadcast_to(whole, change.shape)) / spans

    def seam(self, last: int, reach: int = 10) -> dict[str, Any]:
        """Compare the step across a seam with the steps on both sides of it.

        Args:
            last: The last time before the seam.
            reach: Steps on each side that make up the spread; fewer where there are fewer.

        Returns:
            ``from``, ``to``, ``steps`` (how many make up the spread), and for ``gross`` and each
            class's ``net`` by index: ``seam``, ``mean``, ``spread`` (standard deviation) and
            ``jump`` = |seam − mean| / spread; ``None`` where 0/0. A jump beyond 3 is a break that
            the years around it do not know.

        Raises:
            SampleError: If the times do not hold both sides of the seam, or too few steps.
        """
        pairs = list(zip(self.times, self.times[1:], strict=False))
        at = next((n for n, pair in enumerate(pairs) if min(pair) <= last < max(pair)), None)
        if at is None:
            raise SampleError(
                "No step crosses the seam", expected=f"{last} to {last + 1}", found=self.times
            )
        around = [n for n in range(at - reach, at + reach + 1) if 0 <= n < len(pairs) and n != at]
        if len(around) < _AROUND:
            raise SampleError(
                "Too few steps around the seam for a spread", expected=_AROUND, found=len(around)
            )
        net = self.net
        return {
            "from": self.times[at],
            "to": self.times[at + 1],
            "steps": len(around),
            "gross": _jump(self.gross, at, around),
            "net": [_jump(net[:, k], at, around) for k in range(net.shape[1])],
        }

    def scores(self, names: Sequence[str], seams: Mapping[str, int] = SEAMS) -> dict[str, Any]:
        """Rates of every step, and of every seam that the times cross, ready for JSON.

        Raises:
            SampleError: If there is not one name per class.
        """
        check_names(names, self.gains.shape[1])
        first, final = min(self.times), max(self.times)
        enough = len(self.gains) > _AROUND
        crossed = {name: last for name, last in seams.items() if enough and first <= last < final}
        net = self.net
        return {
            "weighting": self.weighting,
            "times": list(self.times),
            "gross": [reported(value) for value in self.gross],
            "net": {n: [reported(v) for v in net[:, k]] for k, n in enumerate(names)},
            "seams": {name: self._named(last, names) for name, last in crossed.items()},
        }

    def _named(self, last: int, names: Sequence[str]) -> dict[str, Any]:
        found = self.seam(last)
        return {**found, "net": dict(zip(names, found["net"], strict=True))}


def change_rates(
    maps: Iterable[tuple[int, NDArray[np.uint8]]],
    n_classes: int,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> ChangeRates:
    """Count gains and losses between successive maps; two maps are held at a time.

    Args:
        maps: Times, ascending or descending, with class indices 0…K−1, uint8; 255 is missing: a
            pixel missing at either end of a step does not count in it.
        n_classes: Number of classes K.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.

    Raises:
        GridError: If shapes differ.
        SampleError: If there are less than two maps, or their times do not run one way.
    """
    times: list[int] = []
    tables: list[FloatArray] = []
    previous: NDArray[np.uint8] | None = None
    for time, layer in maps:
        if previous is not None:
            table = tabulate([previous], layer, n_classes, weights, mask)
            tables.append(table[:, :-1].astype(np.float64))
        previous = layer
        times.append(int(time))
    steps = np.diff(times)
    if not tables or not ((steps > 0).all() or (steps < 0).all()):
        raise SampleError("Rates need two maps or more, in order of time", found=times)
    stayed = np.stack([np.diagonal(table) for table in tables])
    before = np.stack([table.sum(axis=1) for table in tables])
    after = np.stack([table.sum(axis=0) for table in tables])
    areas = np.concatenate([before, after[-1:]])
    weighting = "pixel" if weights is None else "area"
    return ChangeRates(areas, after - stayed, before - stayed, tuple(times), weighting)


def _jump(values: FloatArray, at: int, around: Sequence[int]) -> dict[str, float | None]:
    near = values[list(around)]
    mean, spread = float(near.mean()), float(near.std(ddof=1))
    seam = float(values[at])
    jump = ratio(abs(seam - mean), spread) if not math.isnan(seam) else math.nan
    named = {"seam": seam, "mean": mean, "spread": spread, "jump": jump}
    return {key: reported(value) for key, value in named.items()}
