"""A comparison at a glance: every arm on every case, and what each differs from the first by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ai4land.experiments import BASELINES, CUT, Budget, Pool
from ai4land.metrics import Interval
from ai4land.report.tables.table import Table

__all__ = ["ablation_table", "interval_text", "summary_tables"]

_DASH = "–"

Score = Callable[[Budget], float]


def summary_tables(pools: Sequence[Pool]) -> list[Table]:
    """For ``faithful`` and ``likely``, a row for each case and a column for each arm.

    Args:
        pools: As of ``experiments.pools``.
    """
    cases = list(dict.fromkeys(pool.case for pool in pools))
    arms = list(dict.fromkeys(pool.arm for pool in pools if pool.arm != BASELINES))
    at = {(pool.arm, pool.case): pool for pool in pools}

    def table(title: str, note: str, own: str, *rows: str) -> Table:
        cells = [
            (
                case,
                _scored(at.get((BASELINES, case)), own),
                *(_beside(at.get((arm, case)), *rows) for arm in arms),
            )
            for case in cases
        ]
        return Table(
            title, ("", own, *(arm.replace("_", "\n", 1) for arm in arms)), tuple(cells), note
        )

    return [
        table(
            "faithful: × the kernel's figure of merit (accuracy − kernel's)",
            "Kernel: its figure of merit (accuracy). At the last step.",
            "kernel",
            *("faithful", "kernel", "kernel"),
        ),
        table(
            "likely: × the cut kernel's figure of merit (accuracy − persistence's)",
            "Persistence: its accuracy. The kernel's map is cut at random to as much change as an "
            "arm makes; a dash: that is none.",
            "persistence",
            *("likely", CUT, "persistence"),
        ),
    ]


def _scored(pool: Pool | None, name: str) -> str:
    last = None if pool is None else pool.last(name)
    if last is None:
        return _DASH
    merit = f"{last.figure_of_merit:.3f} " if last.figure_of_merit else ""
    return f"{merit}({last.accuracy:.3f})"


def _beside(pool: Pool | None, name: str, merit: str, accuracy: str) -> str:
    """Times the figure of merit of a row, and how much more accurate than another."""
    if pool is None:
        return _DASH
    own, one, two = (pool.last(n) for n in (name, merit, accuracy))
    if own is None or one is None or two is None:
        return _DASH
    times = own.figure_of_merit / one.figure_of_merit if one.figure_of_merit else math.nan
    said = _DASH if math.isnan(times) else f"{times:.2f}"
    return f"{said} ({own.accuracy - two.accuracy:+.4f})"


def ablation_table(pools: Sequence[Pool], first: str) -> Table:
    """What every other arm differs by from the first, on the folds and seeds that both have.

    Args:
        pools: As of ``experiments.pools``.
        first: Name of the arm that the others are compared with.
    """
    default = {pool.case: pool for pool in pools if pool.arm == first}
    rows = []
    for pool in pools:
        if pool.arm in {BASELINES, first} or pool.case not in default:
            continue
        both = pool.alike(default[pool.case])
        if both is not None:
            own, other = both
            cells = [
                interval_text(own.difference(name, name, score, other))
                for name in ("faithful", "likely")
                for score in (_merit, _accuracy)
            ]
            rows.append((f"{pool.arm}, {pool.case}", *cells))
    heads = [f"{what},\n{name}" for name in ("faithful", "likely") for what in ("FoM", "accuracy")]
    note = (
        "At the last step, on the folds and seeds that both have, with 95 % intervals by bootstrap "
        f"over blocks on the same draws. Positive: better than {first}."
    )
    title = f"What differs from {first}"
    return Table(title, ("", *heads), tuple(sorted(rows, key=lambda row: row[0])), note)


def interval_text(found: Interval | None) -> str:
    """A difference with its interval; a dash where there is none."""
    return _DASH if found is None else f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _merit(one: Budget) -> float:
    return one.figure_of_merit


def _accuracy(one: Budget) -> float:
    return one.accuracy
