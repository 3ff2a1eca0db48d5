"""What the probabilities of a reconstruction are worth: are they true, do they rank the gains?"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.metrics import Operating, Reliability, operating, reliability
from ai4land.report.adding import merged
from ai4land.report.tables import Table, percent, score

__all__ = ["Beliefs", "belief_tables"]

FloatArray = npt.NDArray[np.floating[Any]]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Beliefs:
    """How probabilities meet the truth, by time; empty if the maps come without any.

    Attributes:
        reliability: Time → what was said against what came.
        gains: Time → how the gain of each class since the initial map is ranked.
    """

    reliability: Mapping[int, Reliability] = field(default_factory=dict)
    gains: Mapping[int, Operating] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is any probability."""
        return bool(self.reliability)

    def __add__(self, other: Beliefs) -> Beliefs:
        """Those on both sets of pixels."""
        return Beliefs(merged(self.reliability, other.reliability), merged(self.gains, other.gains))

    def with_time(
        self,
        time: int,
        maps: tuple[ByteArray, ByteArray],
        probability: FloatArray,
        weights: npt.NDArray[np.float64] | None,
        mask: npt.NDArray[np.bool_],
    ) -> Beliefs:
        """These and those of one more time.

        Args:
            time: The time.
            maps: Class positions of the initial map and of the truth, ``(y, x)``, 255 missing.
            probability: ``(class, y, x)``.
            weights: Areas in m²; without them pixels are counted.
            mask: True where a pixel is scored.
        """
        initial, truth = maps
        classes = len(probability)
        one = reliability(truth, probability, classes, initial, weights, mask)
        two = operating(initial, truth, probability, classes, weights, mask)
        return Beliefs({**self.reliability, time: one}, {**self.gains, time: two})

    @property
    def pooled(self) -> Reliability:
        """Reliability of all times together."""
        return functools.reduce(operator.add, self.reliability.values())

    def spans(self) -> dict[str, Reliability]:
        """What a table shows: first time, all times, last time."""
        times = list(self.reliability)
        if len(times) == 1:
            return {str(times[0]): self.reliability[times[0]]}
        first, last = times[0], times[-1]
        return {
            str(first): self.reliability[first],
            "all years": self.pooled,
            str(last): self.reliability[last],
        }

    def to_dict(self, names: Sequence[str]) -> dict[str, Any] | None:
        """All of it as plain data, ready for JSON; ``None`` without probabilities."""
        if not self:
            return None
        return {
            "times": {
                str(time): {
                    "reliability": found.scores(names),
                    "gains": self.gains[time].scores(names),
                }
                for time, found in self.reliability.items()
            },
            "pooled": self.pooled.scores(names),
            "curve": {
                span: [
                    {"said": said, "came": came, "weight": weight}
                    for said, came, weight in zip(*map(_listed, found.curve()), strict=True)
                    if weight > 0
                ]
                for span, found in self.spans().items()
            },
        }


def belief_tables(
    beliefs: Beliefs,
    names: Sequence[str],
    model: str,
    certain: Mapping[str, Mapping[int, float]],
) -> list[Table]:
    """Brier scores, calibration and the ranking of gains; nothing without probabilities.

    Args:
        beliefs: Of the model.
        names: The classes.
        model: Name of the model's row.
        certain: Row → time → accuracy of its map, which as a certainty has the Brier score
            2 × (1 − accuracy).
    """
    if not beliefs:
        return []
    spans = beliefs.spans()
    rows = [(f"{model}, probabilities", *(f"{found.brier:.4f}" for found in spans.values()))]
    for row, accuracy in certain.items():
        known = [accuracy[time] for time in beliefs.reliability]
        values = [known[0]] if len(known) == 1 else [known[0], float(np.mean(known)), known[-1]]
        rows.append((f"{row}, as a certainty", *(f"{2 * (1 - value):.4f}" for value in values)))
    rows += [
        ("skill over persistence", *(score(f.brier_skill) for f in spans.values())),
        ("calibration error, %", *(percent(f.calibration_error, 1.0) for f in spans.values())),
    ]
    note = (
        "Brier score: mean over pixels of Σ over classes of (probability − truth)², 0 best, 2 "
        "worst; a map taken as certain has 2 × (1 − accuracy). Calibration error: |probability − "
        "share that came true| of the most probable class, in intervals of 5 %. Every step takes "
        "the model's own last map for true, so later years are surer than they should be."
    )
    first = Table("Probabilities", ("", *spans), tuple(rows), note)
    return [first, _by_class(beliefs, names)]


def _by_class(beliefs: Beliefs, names: Sequence[str]) -> Table:
    times = list(beliefs.reliability)
    ends = [times[0]] if len(times) == 1 else [times[0], times[-1]]
    last, curves = beliefs.reliability[times[-1]], beliefs.gains
    parts, error = last.decomposition(), last.class_calibration_error
    cells = []
    for k, name in enumerate(names):
        gains = [curves[time].curve(k) for time in ends]
        cells.append(
            (
                name,
                *(percent(c.presence, c.extent) for c in gains),
                *(score(None if np.isnan(c.auc) else c.auc) for c in gains),
                percent(error[k], 1.0),
                *(f"{parts[key][k]:.4f}" for key in ("reliability", "resolution", "uncertainty")),
            )
        )
    heads = [f"gained\nby {time}, %" for time in ends] + [f"AUC\n{time}" for time in ends]
    heads += ["calibration\nerror, %", "relia-\nbility", "reso-\nlution", "uncer-\ntainty"]
    return Table(
        "Probabilities by class",
        ("", *heads),
        tuple(cells),
        "AUC: area under the total operating characteristic of a gain among the pixels that were "
        "another class at the start, ½ knows nothing. Gained: percent of those pixels. Brier score "
        f"of a class in {times[-1]} = reliability − resolution + uncertainty (Murphy 1973).",
        detail=True,
    )


def _listed(values: npt.NDArray[np.float64]) -> list[float]:
    return [float(value) for value in values]
