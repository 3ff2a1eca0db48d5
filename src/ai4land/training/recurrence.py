"""How change strikes again where it has struck, from the labels of training and validation."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import optimize

from ai4land.rollout import Outlook, Recurrence
from ai4land.samples import Labels
from ai4land.vocabulary import NO_DATA

__all__ = ["fit_recurrence", "share_back"]

_MOST_FADE = 2.0
_FEWEST = 100  # pixels that have changed, below which nothing is fitted


def fit_recurrence(outlooks: Sequence[tuple[Outlook, Labels]], back: float) -> Recurrence:
    """The fade with which as much change is expected after each step as the labels then have.

    Args:
        outlooks: Along validation times, each with the labels of the same map.
        back: Chance of going back, see ``share_back``.

    Returns:
        None at all where the times allow one step only, or where hardly anything changed.
    """
    true = _together([_changed(outlook, labels) for outlook, labels in outlooks])
    if len(true) < 2 or true[-1] < _FEWEST:
        return Recurrence()

    def off(fade: float) -> float:
        said = _together([o.changed(Recurrence(fade, back)) for o, _ in outlooks])
        return float((np.log(np.maximum(said, 1.0) / np.maximum(true, 1.0))[1:] ** 2).sum())

    fade = optimize.minimize_scalar(
        off, bounds=(0.0, _MOST_FADE), method="bounded", options={"xatol": 0.01}
    ).x
    fade = fade if off(fade) < off(0.0) else 0.0
    return Recurrence(round(float(fade), 3), round(back, 4))


def _together(paths: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
    """Sums over paths step by step, as far as the longest goes."""
    return np.array([sum(step) for step in itertools.zip_longest(*paths, fillvalue=0.0)])


def _changed(outlook: Outlook, labels: Labels) -> list[int]:
    """Pixels of an outlook's sample that differ from the start at each of its times."""
    own = outlook.stepper.task.clock, labels.target.clock
    found = []
    for tick in outlook.ticks:
        pieces = zip(outlook.pieces, outlook.before, outlook.domain, strict=True)
        truth = own[0].convert(tick, own[1])
        found.append(sum(_differ(labels.at(truth, p), b, d) for p, b, d in pieces))
    return found


def _differ(
    after: npt.NDArray[np.uint8], before: npt.NDArray[np.uint8], used: npt.NDArray[np.bool_]
) -> int:
    return int(np.count_nonzero((after != before) & used))


def share_back(splits: Iterable[tuple[Labels, Sequence[int], npt.NDArray[np.bool_]]]) -> float:
    """The share of pixels away from their first class that are back a step later.

    Args:
        splits: Maps of classes, labelled times in steps as the model takes them, and the pixels
            that count, ``(y, x)``.

    Returns:
        0…1; 0 where hardly any pixel is ever away.
    """
    away = back = 0
    for labels, path, mask in splits:
        first = labels.at(path[0])
        for one, two in itertools.pairwise(path[1:]):
            earlier, later = labels.at(one), labels.at(two)
            known = mask & (first != NO_DATA) & (earlier != NO_DATA) & (later != NO_DATA)
            gone = known & (earlier != first)
            away += int(np.count_nonzero(gone))
            back += int(np.count_nonzero(gone & (later == first)))
    return back / away if away >= _FEWEST else 0.0
