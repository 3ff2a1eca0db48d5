"""Details of an evaluation: intervals, skill, resolutions, forcing, regions, change in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ai4land.errors import SampleError
from ai4land.evaluation.regions.partition import Partition
from ai4land.evaluation.sums import FigureOfMeritSums, RolloutSums, TimeSums, joined
from ai4land.metrics import (
    SEAMS,
    Binned,
    ChangeRates,
    Flicker,
    Interval,
    Resampled,
    Skill,
    ThreeMaps,
    bootstrap,
    change_scores,
    classification_scores,
    mean_of,
    paired_difference,
)

__all__ = ["SAMPLES", "SPANS", "TRUTH", "Details", "Uncertainty", "uncertainty"]

SAMPLES = 400
"""Samples of the bootstrap."""

SPANS = ("first", "last", "pooled")
"""First time, last time, and all times together, blocks and times drawn apart."""

TRUTH = "truth"
"""How the rows of the labels themselves are called."""

Intervals = Mapping[str, Mapping[str, Interval | None]]


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """How sure figures of merit are.

    Attributes:
        side: Pixels along the side of a block.
        blocks: Number of blocks with a scored pixel.
        merit: Row → span → figure of merit with its interval.
        difference: Row → span → the model's figure of merit less the row's, on the same draws.
    """

    side: int
    blocks: int
    merit: Intervals
    difference: Intervals

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, ready for JSON."""

        def plain(rows: Intervals) -> dict[str, Any]:
            return {
                row: {span: None if i is None else i.scores() for span, i in spans.items()}
                for row, spans in rows.items()
            }

        return {
            "block_side": self.side,
            "blocks": self.blocks,
            "figure_of_merit": plain(self.merit),
            "model_minus_row": plain(self.difference),
        }


@dataclass(frozen=True, eq=False)
class Details:
    """What an evaluation knows beside the scores by year.

    Attributes:
        rollouts: Row → sums of its rollout.
        truth: What the labels themselves do in time.
        ceilings: Time → share of the change that is net change of a coarse cell; empty without
            a forcing.
        groups: Names of the groups of classes that forcing and labels both express.
        partitions: By what regions the sums are told apart.
        before: Rates of the labels before the initial map, up to it; ``None`` if there are none.
        seams: Name → last time before a seam.
        uncertainty: Intervals; ``None`` with less than two blocks.
    """

    rollouts: Mapping[str, RolloutSums]
    truth: TimeSums
    ceilings: Mapping[int, float]
    groups: tuple[str, ...]
    partitions: tuple[Partition, ...]
    before: ChangeRates | None
    seams: Mapping[str, int]
    uncertainty: Uncertainty | None

    @property
    def time_sums(self) -> dict[str, TimeSums]:
        """Sums over time of the truth, then of every row."""
        return {TRUTH: self.truth, **{name: t.time for name, t in self.rollouts.items()}}

    def skills(self, row: str) -> dict[int, Skill]:
        """Figure of merit between floor and ceiling, by time; empty without a forcing."""
        if not self.ceilings or "random" not in self.rollouts:
            return {}
        floor, kernel = self._figures_of_merit("random"), self._figures_of_merit("kernel")
        return {
            time: Skill(value, floor[time], self.ceilings[time], kernel[time])
            for time, value in self._figures_of_merit(row).items()
        }

    def mean_skill(self, row: str) -> float | None:
        """Mean of the skill over the times at which it is defined; ``None`` if at none."""
        return mean_of(s.value for s in self.skills(row).values())

    def rates(self, row: str) -> ChangeRates | None:
        """Rates of a row, behind those of the labels that came before."""
        own = self.time_sums[row].rates
        return joined(self.before, own) if self.before and own else own

    def region(self, row: str, partition: int) -> dict[int, tuple[ThreeMaps, ThreeMaps]]:
        """Region → table of the headline's pixels, table of all pixels."""
        stored = self.rollouts[row].regions[partition]
        tables, kind = dict(stored.items()), stored.kind
        found = {}
        for number in sorted({label // 2 for label in tables}):
            headline = tables.get(2 * number, kind)
            found[number] = headline, headline + tables.get(2 * number + 1, kind)
        return found

    def to_dict(self, names: tuple[str, ...]) -> dict[str, Any]:
        """All of it as plain data, ready for JSON."""
        last = {row: t.zones[0].leads[-1].three for row, t in self.rollouts.items()}
        return {
            "skill": {
                row: [{"time": time, **s.scores()} for time, s in self.skills(row).items()]
                for row in self.rollouts
            },
            "mean_skill": {row: self.mean_skill(row) for row in self.rollouts},
            "uncertainty": self.uncertainty.to_dict() if self.uncertainty else None,
            "resolutions": {row: t.resolutions.scores() for row, t in self.rollouts.items()},
            "transitions": {
                row: change_scores(three, names)["transitions"] for row, three in last.items()
            },
            "fidelity": {row: self._fidelity(sums) for row, sums in self.time_sums.items()},
            "flicker": {
                row: {str(w): _undone(f, names) for w, f in sums.flicker.items()}
                for row, sums in self.time_sums.items()
            },
            "rates": {row: self._rates(row, names) for row in self.time_sums},
            "regions": [self._regions(n, part, names) for n, part in enumerate(self.partitions)],
            "probabilities": {
                row: t.probabilities.to_dict(names) for row, t in self.rollouts.items()
            },
        }

    def _figures_of_merit(self, row: str) -> dict[int, float]:
        leads = self.rollouts[row].zones[0].leads
        return {step.time: step.three.figure_of_merit for step in leads}

    def _fidelity(self, sums: TimeSums) -> dict[str, Any] | None:
        if not sums.fidelity:
            return None
        rows = {time: f.scores(self.groups) for time, f in sums.fidelity.items()}
        return {
            "last": list(rows.values())[-1],
            "unclosed_percent": {str(t): row["unclosed_percent"] for t, row in rows.items()},
        }

    def _rates(self, row: str, names: tuple[str, ...]) -> dict[str, Any] | None:
        rates = self.rates(row)
        return None if rates is None else rates.scores(names, {**SEAMS, **self.seams})

    def _regions(self, n: int, part: Partition, names: tuple[str, ...]) -> dict[str, Any]:
        return {
            "partition": part.title,
            "rows": {
                row: [
                    {
                        "region": part.names.get(number, str(number)),
                        "headline": _of_region(headline, names),
                        "all": _of_region(every, names),
                    }
                    for number, (headline, every) in self.region(row, n).items()
                ]
                for row in self.rollouts
            },
        }


def uncertainty(
    rollouts: Mapping[str, RolloutSums], model: str, side: int, rng: np.random.Generator
) -> Uncertainty | None:
    """Resample blocks (and times) of all rows; ``None`` with less than two blocks."""
    tables = {row: _spans(sums) for row, sums in rollouts.items()}
    blocks = len(tables[model]["last"])
    if blocks < 2:
        return None
    merit: dict[str, dict[str, Interval | None]] = {row: {} for row in tables}
    difference: dict[str, dict[str, Interval | None]] = {row: {} for row in tables if row != model}
    for span in SPANS:
        seed = int(rng.integers(2**32))  # all rows on the same draws
        for row, spans in tables.items():
            draws = np.random.default_rng(seed)
            merit[row][span] = _interval(bootstrap(spans[span], _merit, draws, SAMPLES))
            if row != model:
                draws = np.random.default_rng(seed)
                mine = tables[model][span]
                difference[row][span] = _interval(
                    paired_difference(mine, spans[span], _merit, draws, SAMPLES)
                )
    return Uncertainty(side, blocks, merit, difference)


def _spans(sums: RolloutSums) -> dict[str, Any]:
    """Span → blocks, or time → blocks."""
    years: list[Binned[FigureOfMeritSums]] = list(sums.blocks.values())
    return {"first": years[0], "last": years[-1], "pooled": dict(sums.blocks)}


def _merit(table: FigureOfMeritSums) -> float:
    return table.figure_of_merit


def _interval(found: Resampled) -> Interval | None:
    try:
        interval = found.interval()
    except SampleError:  # defined in no sample: nothing changed
        return None
    return interval if np.isfinite(interval.value) else None


def _undone(found: Flicker, names: tuple[str, ...]) -> dict[str, Any]:
    (window,) = found.windows
    return dict(found.scores(names)["windows"][str(window)])


def _of_region(table: ThreeMaps, names: tuple[str, ...]) -> dict[str, Any]:
    two = classification_scores(table.reference_confusion, names)
    change = change_scores(table, names)
    kept = ("figure_of_merit", "observed_change", "simulated_change", "hits")
    return {
        "total": two["total"],
        "accuracy": two["accuracy"],
        "mean_iou": two["mean_iou"],
        **{key: change[key] for key in kept},
    }
