"""Scores of an arm on a case, pooled over folds and seeds, with intervals by block bootstrap."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace

import numpy as np

from ai4land.errors import SampleError
from ai4land.experiments.ledger import Ledger
from ai4land.experiments.plan import Plan, Run
from ai4land.experiments.sums import ROWS, Budget, CaseScores, Probable, Row
from ai4land.metrics import Interval, mean_defined, mean_of, paired_difference

__all__ = ["BASELINES", "RARE", "Pool", "pools", "unscored"]

BASELINES = "baselines"
"""The arm under which the rows of the baselines are pooled."""

RARE = 0.05
"""Share of the truth below which a class is rare."""

_SAMPLES = 1000
_SEED = 0
_URBAN = "urban"


@dataclass(frozen=True, eq=False)
class Pool:
    """All runs of an arm on a case.

    Attributes:
        case: Name of the case.
        arm: Name of the arm, or ``baselines``.
        runs: The runs that have scores; of baselines one for each fold.
        scores: Theirs.
        baselines: Of the same folds, run by run.
        minutes: Processor minutes of the trainings that are known.
    """

    case: str
    arm: str
    runs: tuple[Run, ...]
    scores: tuple[CaseScores, ...]
    baselines: tuple[CaseScores, ...]
    minutes: tuple[float, ...] = ()

    @property
    def ticks(self) -> tuple[int, ...]:
        """The times after the initial one."""
        return self.scores[0].ticks

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.scores[0].classes

    @property
    def seeds(self) -> list[int]:
        """The seeds."""
        return sorted({run.seed for run in self.runs})

    @property
    def names(self) -> list[str]:
        """Rows that every run has, in the order of tables."""
        return [n for n in ROWS if all(n in s.rows for s in self.scores)]

    def row(self, name: str, seed: int | None = None) -> Row | None:
        """A row of the model or of the baselines, all folds and seeds or one seed together."""
        parts = []
        for run, own, beside in zip(self.runs, self.scores, self.baselines, strict=True):
            if seed is None or run.seed == seed:
                parts.append(own.rows.get(name) or beside.rows.get(name))
        known = [part for part in parts if part is not None]
        return functools.reduce(operator.add, known) if parts and len(known) == len(parts) else None

    def last(self, name: str) -> Budget | None:
        """A row at the last step; ``None`` if some run lacks it."""
        row = self.row(name)
        return None if row is None else row.sums.leads[-1]

    def spread(self, name: str, score: Callable[[Row], float]) -> float | None:
        """Standard deviation of a score between seeds (n − 1); ``None`` of less than two."""
        rows = [self.row(name, seed) for seed in self.seeds]
        values = [score(row) for row in rows if row is not None]
        return float(np.std(values, ddof=1)) if len(values) > 1 else None

    def difference(
        self, name: str, other: str, score: Callable[[Budget], float], beside: Pool | None = None
    ) -> Interval | None:
        """A score of the last step less that of another row, on the same draws of blocks.

        Args:
            name: The row.
            other: The row that it is compared with.
            score: What is compared.
            beside: Another arm on the same case that holds the other row; default this one.

        Returns:
            With its 95 % interval; ``None`` if a row lacks or there are less than two blocks.
        """
        one, two = self.row(name), (beside or self).row(other)
        if one is None or two is None:
            return None
        rng = np.random.default_rng(_SEED)
        try:
            return paired_difference(one.blocks, two.blocks, score, rng, _SAMPLES).interval()
        except SampleError:
            return None

    def alike(self, other: Pool) -> tuple[Pool, Pool] | None:
        """Both arms on the folds and seeds that both have; ``None`` if there is none."""
        mine, theirs = ({(r.fold, r.seed) for r in pool.runs} for pool in (self, other))
        both = mine & theirs
        return (self._only(both), other._only(both)) if both else None

    def _only(self, wanted: Set[tuple[int | None, int]]) -> Pool:
        every = zip(self.runs, self.scores, self.baselines, strict=True)
        kept = [part for part in every if (part[0].fold, part[0].seed) in wanted]
        runs, scores, baselines = zip(*kept, strict=True)
        return replace(self, runs=runs, scores=scores, baselines=baselines)

    def probable(self, name: str) -> Probable | None:
        """What probabilities said, all runs together."""
        parts = [s.probable[name] for s in self.scores if name in s.probable]
        return sum(parts[1:], start=parts[0]) if parts else None

    def expected_excess(self, name: str) -> float | None:
        """Accuracy that was expected of a row at the last step, less what came."""
        row = self.row(name)
        if row is None or not row.sums.expected.size:
            return None
        last = row.sums.leads[-1]
        return float(row.sums.expected[-1]) / last.total - last.accuracy

    def unclosed(self, name: str) -> float | None:
        """Share of the change asked for at the last step that a row does not hold."""
        row = self.row(name)
        if row is None or not row.sums.closing.size or not row.sums.closing[-1, 1]:
            return None
        lacking, asked = row.sums.closing[-1]
        return float(lacking / asked)

    def curve(self) -> list[tuple[float, Budget]]:
        """Odds of ``likely`` and the budget under them, of all runs that drew the curve."""
        found: dict[float, Budget] = {}
        for scores in self.scores:
            for odds, one in scores.curve:
                found[odds] = found[odds] + one if odds in found else one
        return sorted(found.items(), reverse=True)

    def odds(self, name: str) -> list[float]:
        """The odds that were chosen for a decision, run by run."""
        return [s.odds[name] for s in self.scores if name in s.odds]

    def cost(self, name: str) -> float | None:
        """Mean of a cost over the runs that know it."""
        known = (s.cost.get(name) for s in self.scores)
        return mean_of(cost for cost in known if cost is not None)

    def reference(self, name: str) -> Mapping[str, Mapping[str, Mapping[str, float | None]]] | None:
        """A row's line as the reference system counts: the mean over runs."""
        lines = [s.reference[name] for s in self.scores if name in s.reference]
        return mean_defined(lines) if lines else None

    def rare_iou(self, name: str) -> tuple[float | None, float | None]:
        """Mean IoU of the last step over rare classes but the urban one, and that one's."""
        row = self.row(name)
        if row is None:
            return None, None
        last = row.sums.last
        urban = np.array([_URBAN in c for c in self.classes])
        iou = last.iou
        return mean_of(iou[last.rare(RARE) & ~urban].tolist()), mean_of(iou[urban].tolist())


def pools(plan: Plan, ledger: Ledger) -> list[Pool]:
    """What the ledger holds of a plan, by case: the baselines first, then each arm.

    Args:
        plan: What is compared.
        ledger: What is known; data and checkpoints are not looked at.
    """
    found = []
    every = plan.all_runs()
    for case in plan.cases:
        here = [r for r in every if r.case == case and ledger.holds("scores", r.name, None)]
        places = {run.place: run for run in here}
        if not places:
            continue
        beside = {place: ledger.baselines(place) for place in places}
        own = tuple(beside.values())
        found.append(Pool(case, BASELINES, tuple(places.values()), own, own))
        for arm in plan.arms:
            runs = tuple(run for run in here if run.arm == arm)
            if runs:
                scores = tuple(ledger.scores(run.name) for run in runs)
                minutes = [ledger.minutes(run.training) for run in runs]
                found.append(
                    Pool(
                        case,
                        arm,
                        runs,
                        scores,
                        tuple(beside[run.place] for run in runs),
                        tuple(m for m in minutes if m is not None),
                    )
                )
    return found


def unscored(plan: Plan, ledger: Ledger) -> list[Run]:
    """Runs of a plan that the ledger does not hold."""
    return [run for run in plan.all_runs() if not ledger.holds("scores", run.name, None)]
