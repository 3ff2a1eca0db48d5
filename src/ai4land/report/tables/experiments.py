"""Tables of a comparison of arms: skill by decision, by year, calibration, cost, what lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from ai4land.experiments import (
    BASELINES,
    CUT,
    RARE,
    Budget,
    Ledger,
    Plan,
    Pool,
    Row,
    Run,
    Standing,
    pools,
    unscored,
)
from ai4land.metrics import Interval, mean_of
from ai4land.report.tables.table import Table, score

__all__ = ["experiment_tables", "plan_table"]

_YEARS = 8  # of a rollout that are shown
_DASH = "–"

Pools = Sequence[Pool]


def plan_table(title: str, standings: Iterable[Standing]) -> Table:
    """Every run with the minutes of its training, in the order in which they are run."""
    rows, counted, total = [], set(), 0.0
    for standing in standings:
        again = standing.run.training in counted
        minutes = _DASH if standing.minutes is None else f"{standing.minutes:.1f}"
        if not again and standing.state != "not run":
            counted.add(standing.run.training)
            total += standing.minutes or 0.0
        rows.append(
            (standing.run.name, standing.state, "shared" if again else minutes, standing.why)
        )
    note = (
        f"Processor minutes of training, known or as others of the arm took: {total:.1f} in all. "
        "A dash: nobody knows."
    )
    return Table(title, ("run", "", "minutes", ""), tuple(rows), note, numeric=False)


def experiment_tables(plan: Plan, ledger: Ledger) -> list[Table]:
    """Everything that a ledger holds of a plan, case by case, and what it does not hold."""
    every = pools(plan, ledger)
    found = []
    for case in plan.cases:
        here = [pool for pool in every if pool.case == case]
        if here:
            found += [_skill(here), *_by_year(here), _calibration(here), _reference(here)]
    models = [pool for pool in every if pool.arm != BASELINES]
    if models:
        found.append(_cost(models))
    return [*(table for table in found if table.rows), *_lacking(unscored(plan, ledger))]


def _rows(here: Pools) -> list[tuple[str, Pool, str]]:
    """Label, pool and name of every row of a case."""
    return [(_label(pool, name), pool, name) for pool in here for name in pool.names]


def _label(pool: Pool, name: str) -> str:
    if pool.arm == BASELINES:
        return name
    return f"kernel, cut to {pool.arm}" if name == CUT else f"{pool.arm}, {name}"


def _merit(found: Budget) -> float:
    return found.figure_of_merit


def _accuracy(found: Budget) -> float:
    return found.accuracy


def _skill(here: Pools) -> Table:
    """The last step of a case, a row for each baseline and for each arm by each decision."""
    head, *_ = here
    cells = []
    for label, pool, name in _rows(here):
        row = pool.row(name)
        assert row is not None
        last = row.sums.leads[-1]
        kernel, unclosed = pool.row("kernel"), pool.unclosed(name)
        beside = CUT if name == "likely" else "kernel"
        own, other = name != beside, pool.row(beside)
        times = None
        if own and other is not None:
            times = _over(_merit(last), _merit(other.sums.leads[-1]))
        rare, urban = pool.rare_iou(name)
        cells.append(
            (
                label,
                _spread(_merit(last), pool.spread(name, lambda r: _merit(_last(r)))),
                _DASH if times is None else f"{times:.2f}",
                _interval(pool.difference(name, "kernel", _merit) if kernel and own else None),
                _spread(last.accuracy, pool.spread(name, lambda r: _last(r).accuracy)),
                _signed(last.gain),
                _signed(min(lead.gain for lead in row.sums.leads)),
                _interval(pool.difference(name, "kernel", _accuracy) if kernel and own else None),
                score(mean_of(row.sums.last.iou)),
                score(rare),
                score(urban),
                _DASH if unclosed is None else f"{100 * unclosed:.1f}",
            )
        )
    heads = ["", "FoM", "×", "FoM − kernel", "accuracy", "− persist-\nence", "worst\nyear"]
    heads += ["accuracy − kernel", "mIoU", "rare\nIoU", "urban\nIoU", "unclosed\n%"]
    return Table(f"{head.case}: {head.ticks[-1]}", tuple(heads), tuple(cells), _skill_note(here))


def _skill_note(here: Pools) -> str:
    counts = "; ".join(
        f"{pool.arm}: {len(pool.seeds)} seeds, {len({r.fold for r in pool.runs})} folds"
        for pool in here[1:]
    )
    return (
        "Land in coarse cells at least half land, in the test blocks; sums of folds and seeds are "
        "pooled, ± is the standard deviation between seeds (n − 1). ×: figure of merit over the "
        f"kernel's; of `likely` over that of the kernel cut at random to as much change. "
        "Differences to the kernel with 95 % intervals by bootstrap over blocks, on the same "
        "draws. Worst year: least accuracy above persistence. Rare IoU: mean over classes below "
        f"{RARE:.0%} of the truth, but the urban one. Unclosed: of the change asked for. {counts}."
    )


def _last(row: Row) -> Budget:
    return row.sums.leads[-1]


def _by_year(here: Pools) -> list[Table]:
    """Figure of merit and accuracy above persistence by year; nothing of a single step."""
    ticks = here[0].ticks
    if len(ticks) < 2:
        return []
    step = (len(ticks) - 1) / (min(len(ticks), _YEARS) - 1)
    shown = sorted({round(n * step) for n in range(min(len(ticks), _YEARS))})

    def table(title: str, value: Callable[[Budget], str]) -> Table:
        cells = []
        for label, pool, name in _rows(here):
            row = pool.row(name)
            assert row is not None
            leads = row.sums.leads
            known = [value(leads[n]) if len(leads) == len(ticks) else _DASH for n in shown]
            if len(leads) != len(ticks):
                known[-1] = value(leads[-1])
            cells.append((label, *known))
        heads = ("", *(str(ticks[n]) for n in shown))
        return Table(f"{here[0].case}: {title} by year", heads, tuple(cells), detail=True)

    return [
        table("figure of merit", lambda lead: score(lead.figure_of_merit)),
        table("accuracy above persistence", lambda lead: _signed(lead.gain)),
    ]


def _calibration(here: Pools) -> Table:
    """What probabilities and decisions expected, and what came."""
    cells = []
    for pool in here[1:]:
        said = [pool.probable(name) for name in ("free first", "free last", "first", "last")]
        known = [s for s in said if s is not None]
        if len(known) < len(said):
            continue
        excess = [pool.expected_excess(name) for name in ("faithful", "likely", "sampled")]
        cells.append(
            (
                pool.arm,
                *(f"{100 * s.class_error:.2f}" for s in known),
                *(f"{100 * s.change_error:.2f}" for s in known),
                *(_DASH if math.isnan(s.change_ratio) else f"{s.change_ratio:.2f}" for s in known),
                *(_DASH if e is None else _signed(e) for e in excess),
                ", ".join(f"{odds:g}" for odds in pool.odds("likely")),
            )
        )
    parts = ("first", "last", "first,\nfitted", "last,\nfitted")
    heads = [
        f"{what}\n{part}" for what in ("class %", "change %", "expected\n÷ true") for part in parts
    ]
    heads += [f"expected −\ncame,\n{name}" for name in ("faithful", "likely", "sampled")]
    note = (
        "Class and change: calibration error of the most probable class and of change since the "
        "initial map, |said − came| in intervals of 5 %. Expected ÷ true: pixels of change. First "
        "and last step; fitted: after the probabilities were fitted to the forcing, as decisions "
        "have them. Expected − came: accuracy at the last step. Odds of `likely`, run by run, are "
        "chosen without labels."
    )
    return Table(
        f"{here[0].case}: calibration", ("", *heads, "odds"), tuple(cells), note, detail=True
    )


def _reference(here: Pools) -> Table:
    """The line of the reference system's Table 1 for every row, persistence beside."""
    cells = []
    for label, pool, name in _rows(here):
        line = pool.reference(name)
        if line is not None:
            cells.append(
                (
                    label,
                    *(
                        score(line[span][kind][key])
                        for kind in ("all", "changed_truth")
                        for span in ("first", "mean")
                        for key in ("accuracy", "macro_f1", "weighted_f1", "mean_iou")
                    ),
                )
            )
    keys = ("acc.", "macro\nF1", "weighted\nF1", "mIoU")
    heads = [
        f"{kind}\n{span}\n{key}"
        for kind in ("all", "changed")
        for span in ("1", "mean")
        for key in keys
    ]
    count = len(here[0].ticks)
    note = (
        "As the reference system counts: all pixels of the test blocks that have a class, sea "
        f"included; the first step, and the mean over {count} of them. Changed: since the step "
        "before, in the truth. Means over folds and seeds."
    )
    return Table(f"{here[0].case}: the reference's line", ("", *heads), tuple(cells), note)


def _cost(models: Pools) -> Table:
    cells = []
    for pool in models:
        parameters, operations = pool.cost("parameters"), pool.cost("operations")
        pixels, windows = pool.cost("pixels_a_second"), pool.cost("windows_a_second")
        memory = pool.cost("memory")
        minutes = sum(pool.minutes) / len(pool.minutes) if pool.minutes else None
        cells.append(
            (
                f"{pool.case}, {pool.arm}",
                _DASH if parameters is None else f"{parameters:,.0f}",
                _DASH if operations is None else f"{operations / 1000:.1f}",
                _DASH if pixels is None else f"{pixels / 1e6:.3f}",
                _DASH if windows is None else f"{windows:.1f}",
                _DASH if memory is None else f"{memory:.0f}",
                _DASH if minutes is None else f"{minutes:.1f}",
            )
        )
    heads = ["", "parameters", "kFLOP\na pixel", "Mpixel\na second", "windows\na second"]
    heads += ["peak\nMiB", "training\nminutes"]
    note = (
        "Operations of convolutions and matrix products of a prediction, a dash where they are not "
        "counted. Rates of predictions alone, without input. Peak of resident memory while a model "
        "is scored. Processor minutes of a training."
    )
    return Table("Cost", tuple(heads), tuple(cells), note)


def _lacking(runs: Sequence[Run]) -> list[Table]:
    if not runs:
        return []
    rows = tuple((run.name,) for run in runs)
    return [Table("Not run", ("run",), rows, "Of the plan, not in the ledger.", numeric=False)]


def _over(one: float, two: float) -> float | None:
    found = one / two if two else math.nan
    return found if math.isfinite(found) else None


def _signed(value: float) -> str:
    return _DASH if math.isnan(value) else f"{value:+.4f}"


def _spread(value: float, deviation: float | None) -> str:
    shown = score(value)
    return shown if deviation is None else f"{shown} ± {deviation:.3f}"


def _interval(found: Interval | None) -> str:
    if found is None:
        return _DASH
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
