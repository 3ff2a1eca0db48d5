"""Sums of a comparison, small enough to be kept in a file: they add over folds and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.metrics import Binned, Reliability, Sums, quotient, ratio

__all__ = [
    "CUT",
    "ROWS",
    "Budget",
    "CaseScores",
    "ClassSums",
    "Probable",
    "Row",
    "RowSums",
    "budget",
]

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CUT = "kernel, cut at random"
"""The row of the kernel's map with as much change left, at random, as ``likely`` makes."""

ROWS = (
    *("persistence", "kernel", "kernel, one jump", "random"),
    *("faithful", "likely", CUT, "sampled"),
)
"""Rows of baselines and decisions in the order of tables."""


@dataclass(frozen=True, eq=False)
class Budget(Sums):
    """Three maps in five numbers (Pontius et al. 2008, doi:10.1007/s00168-007-0138-2).

    Attributes:
        counts: Pixels of hits, wrong hits, misses, false alarms and correct rejections, ``(5,)``.
    """

    counts: IntArray | FloatArray

    @property
    def total(self) -> float:
        """Scored pixels."""
        return float(self.counts.sum())

    @property
    def observed(self) -> float:
        """Pixels that changed."""
        return float(self.counts[:3].sum())

    @property
    def simulated(self) -> float:
        """Pixels that were said to change."""
        return float(self.counts[[0, 1, 3]].sum())

    @property
    def figure_of_merit(self) -> float:
        """Hits per observed or simulated change; NaN if there is neither."""
        return ratio(self.counts[0], self.counts[:4].sum())

    @property
    def accuracy(self) -> float:
        """Share of pixels of the right class; NaN if nothing was scored."""
        return ratio(self.counts[0] + self.counts[4], self.total)

    @property
    def gain(self) -> float:
        """Accuracy above that of no change."""
        return self.accuracy - (1.0 - ratio(self.observed, self.total))


def budget(
    initial: ByteArray,
    truth: ByteArray,
    own: ByteArray,
    mask: npt.NDArray[np.bool_] | None = None,
) -> Budget:
    """Compare three maps of class positions, of any shape.

    Args:
        initial: Before.
        truth: After.
        own: As simulated; 255 is a wrong class.
        mask: True where a pixel is scored; everywhere if left out.
    """
    changed, said, right = truth != initial, own != initial, truth == own
    parts = (
        changed & right,
        changed & said & ~right,
        changed & ~said,
        ~changed & said,
        ~changed & ~said,
    )
    counts = [np.count_nonzero(p if mask is None else p & mask) for p in parts]
    return Budget(np.array(counts, np.int64))


@dataclass(frozen=True, eq=False)
class ClassSums(Sums):
    """How often each class was right, was true and was predicted.

    Attributes:
        right: Pixels of the class in both maps, ``(K,)``.
        support: In the truth.
        predicted: In the prediction.
    """

    right: IntArray
    support: IntArray
    predicted: IntArray

    @classmethod
    def of(cls, truth: ByteArray, own: ByteArray, classes: int) -> ClassSums:
        """Count flat maps of class positions."""
        counts = [
            np.bincount(part, minlength=256)[:classes] for part in (truth[truth == own], truth, own)
        ]
        return cls(*(c.astype(np.int64) for c in counts))

    @property
    def iou(self) -> FloatArray:
        """Intersection over union of each class, ``(K,)``; NaN where the truth has none."""
        union = self.support + self.predicted - self.right
        return quotient(self.right, np.where(self.support > 0, union, 0))

    @property
    def f1(self) -> FloatArray:
        """F1 of each class, ``(K,)``; NaN where the truth has none."""
        both = self.support + self.predicted
        return quotient(2 * self.right, np.where(self.support > 0, both, 0))

    def rare(self, least: float) -> npt.NDArray[np.bool_]:
        """Classes of the truth with less than a share of it, ``(K,)``."""
        return np.asarray((self.support > 0) & (self.support < least * self.support.sum()))


@dataclass(frozen=True, eq=False)
class Probable(Sums):
    """What probabilities said of change and of the class, against what came.

    Attributes:
        change: Of change since the initial map by interval of probability: pixels, sum of the
            probability, pixels that changed, ``(B, 3)``.
        top: Likewise of the most probable class and whether it was right.
    """

    change: FloatArray
    top: FloatArray

    @classmethod
    def of(cls, change: Reliability, classes: Reliability) -> Probable:
        """The tables of two reliabilities, the first of stay (0) and change (1)."""
        return cls(change.classes[1], classes.top)

    @property
    def change_error(self) -> float:
        """Mean of |said − came| of change over the intervals, by pixels."""
        return _calibration_error(self.change)

    @property
    def class_error(self) -> float:
        """The same of the most probable class."""
        return _calibration_error(self.top)

    @property
    def change_ratio(self) -> float:
        """Expected over observed change; NaN without any."""
        _, said, came = self.change.sum(axis=0)
        return ratio(said, came)


def _calibration_error(table: FloatArray) -> float:
    return ratio(np.abs(table[:, 1] - table[:, 2]).sum(), table[:, 0].sum())


@dataclass(frozen=True, eq=False)
class RowSums(Sums):
    """The sums of one rollout, or of several that were added.

    Attributes:
        leads: After each step.
        first: Classes after the first step.
        last: Classes after the last.
        expected: Pixels that the probabilities expect to be right after each step; empty where
            nobody knows.
        closing: Pixels of change that the forcing asked for and the map does not hold, and that
            it asked for, after each step, ``(steps, 2)``; empty without a forcing.
    """

    leads: tuple[Budget, ...]
    first: ClassSums
    last: ClassSums
    expected: FloatArray
    closing: FloatArray


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a table: its sums, and those of the last step by block of space.

    Attributes:
        sums: The sums.
        blocks: Block → budget of the last step.
    """

    sums: RowSums
    blocks: Binned[Budget]

    def __add__(self, other: Row) -> Row:
        """Both together."""
        return Row(self.sums + other.sums, self.blocks + other.blocks)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        sums = self.sums
        return {
            "leads": [lead.counts.tolist() for lead in sums.leads],
            "first": [part.tolist() for part in sums.first.parts()],
            "last": [part.tolist() for part in sums.last.parts()],
            "expected": np.round(sums.expected, 2).tolist(),
            "closing": np.round(sums.closing, 2).tolist(),
            "blocks": {
                "labels": self.blocks.labels.tolist(),
                "counts": self.blocks.stacks[0].tolist(),
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        """The inverse of ``to_dict``."""
        leads = tuple(Budget(np.array(counts, np.int64)) for counts in data["leads"])
        blocks = data["blocks"]
        sums = RowSums(
            leads,
            ClassSums(*(np.array(part, np.int64) for part in data["first"])),
            ClassSums(*(np.array(part, np.int64) for part in data["last"])),
            np.array(data["expected"], np.float64),
            np.array(data["closing"], np.float64).reshape(-1, 2),
        )
        stack = np.array(blocks["counts"], np.int64).reshape(-1, 5)
        labels = np.array(blocks["labels"], np.int64)
        return cls(sums, Binned(labels, leads[0].zeroed(), (stack,)))


@dataclass(frozen=True, eq=False)
class CaseScores:
    """What is kept of a model, or of the baselines, on one case and fold.

    Attributes:
        ticks: The times after the initial one.
        classes: Names in legend order.
        rows: Decision or baseline → sums.
        probable: ``first`` and ``last`` step → what the probabilities said, as the decisions see
            them (fitted to the forcing); with ``free`` before it as the model says them.
        reference: Row → the reference system's line: all pixels with a class, first year and mean
            over the years, see ``metrics.table_one``.
        curve: Odds of ``likely`` and the budget of the last step under them.
        odds: Decision → odds chosen without labels.
        cost: Parameters, operations a pixel, pixels and windows a second, memory.
    """

    ticks: tuple[int, ...]
    classes: tuple[str, ...]
    rows: Mapping[str, Row]
    probable: Mapping[str, Probable] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    curve: tuple[tuple[float, Budget], ...] = ()
    odds: Mapping[str, float] = field(default_factory=dict)
    cost: Mapping[str, float | None] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "ticks": list(self.ticks),
            "classes": list(self.classes),
            "rows": {name: row.to_dict() for name, row in self.rows.items()},
            "probable": {
                name: [np.round(part, 1).tolist() for part in said.parts()]
                for name, said in self.probable.items()
            },
            "reference": dict(self.reference),
            "curve": [[odds, found.counts.tolist()] for odds, found in self.curve],
            "odds": dict(self.odds),
            "cost": dict(self.cost),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CaseScores:
        """The inverse of ``to_dict``."""
        return cls(
            tuple(data["ticks"]),
            tuple(data["classes"]),
            {name: Row.from_dict(row) for name, row in data["rows"].items()},
            {
                name: Probable(*(np.array(part, np.float64) for part in said))
                for name, said in data["probable"].items()
            },
            data["reference"],
            tuple((odds, Budget(np.array(counts, np.int64))) for odds, counts in data["curve"]),
            data["odds"],
            data["cost"],
        )
