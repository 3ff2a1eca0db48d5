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
from ai4land.metrics import mean_of
from ai4land.report.tables.summary import ablation_table, interval_text, summary_tables
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
    found = [*summary_tables(every), ablation_table(every, next(iter(plan.arms)))]
    for case in plan.cases:
        here = [pool for pool in every if pool.case == case]
        if here:
            found += [_skill(here), _classes(here), *_by_year(here), _calibration(here)]
            found += _reference(here)
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


def _skill(here: Pools) -> Table:
    """Change at the last step, a row for each baseline and for each arm by each decision."""
    cells = []
    for label, pool, name in _rows(here):
        row = pool.row(name)
        assert row is not None
        merit, unclosed = _last(row).figure_of_merit, pool.unclosed(name)
        against = CUT if name == "likely" else "kernel"
        beside = None if name == against else pool.row(against)
        times = math.nan if beside is None else merit / (_last(beside).figure_of_merit or math.nan)
        cells.append(
            (
                label,
                _spread(merit, pool.spread(name, lambda r: _last(r).figure_of_merit)),
                _DASH if math.isnan(times) else f"{times:.2f}",
                _against_kernel(pool, name, lambda b: b.figure_of_merit),
                _DASH if unclosed is None else f"{100 * unclosed:.1f}",
            )
        )
    counts = "; ".join(
        f"{pool.arm} {len(pool.seeds)} × {len({r.fold for r in pool.runs})}" for pool in here[1:]
    )
    note = (
        "Land in coarse cells at least half land, in the test blocks; sums of folds and seeds are "
        "pooled, ± is the standard deviation between seeds (n − 1). ×: over the kernel's; of "
        "`likely` over that of the kernel cut at random to as much change. Differences to the "
        "kernel with 95 % intervals by bootstrap over blocks, on the same draws. Unclosed: of the "
        f"change asked for. Seeds × folds: {counts}."
    )
    heads = ("", "FoM", "×", "FoM − kernel", "unclosed\n%")
    return Table(f"{here[0].case}: change until {here[0].ticks[-1]}", heads, tuple(cells), note)


def _classes(here: Pools) -> Table:
    """Accuracy and classes at the last step."""
    cells = []
    for label, pool, name in _rows(here):
        row = pool.row(name)
        assert row is not None
        rare, urban = pool.rare_iou(name)
        cells.append(
            (
                label,
                _spread(_last(row).accuracy, pool.spread(name, lambda r: _last(r).accuracy)),
                _signed(_last(row).gain),
                _signed(min(lead.gain for lead in row.sums.leads)),
                _against_kernel(pool, name, lambda b: b.accuracy),
                score(mean_of(row.sums.last.iou)),
                score(rare),
                score(urban),
            )
        )
    heads = ["", "accuracy", "− persis-\ntence", "worst\nyear", "accuracy − kernel"]
    heads += ["mIoU", "rare\nIoU", "urban\nIoU"]
    note = (
        "The same pixels. Worst year: least accuracy above persistence. Rare: mean over classes "
        f"below {RARE:.0%} of the truth, but the urban one."
    )
    title = f"{here[0].case}: classes in {here[0].ticks[-1]}"
    return Table(title, tuple(heads), tuple(cells), note)


def _against_kernel(pool: Pool, name: str, value: Callable[[Budget], float]) -> str:
    """The pooled difference to the kernel with its interval."""
    return interval_text(None if name == "kernel" else pool.difference(name, "kernel", value))


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


def _reference(here: Pools) -> list[Table]:
    """The lines of the reference system's Table 1 for every row, persistence beside."""
    known = [(label, line) for label, pool, name in _rows(here) if (line := pool.reference(name))]
    keys = ("accuracy", "macro_f1", "weighted_f1", "mean_iou")
    spans = {"first": "first"} if len(here[0].ticks) == 1 else {"first": "first", "mean": "mean"}
    heads = [
        f"{what}\n{said}"
        for said in spans.values()
        for what in ("accuracy", "macro F1", "weighted F1", "mIoU")
    ]
    note = (
        "As the reference system counts: all pixels of the test blocks that have a class, sea "
        f"included; the first step, and the mean over {len(here[0].ticks)}. Changed: since the "
        "step before, in the truth. Means over folds and seeds."
    )
    return [
        Table(
            f"{here[0].case}: the reference's line, {title}",
            ("", *heads),
            tuple(
                (label, *(score(line[span][kind][key]) for span in spans for key in keys))
                for label, line in known
            ),
            note if kind == "all" else "",
        )
        for kind, title in (("all", "all pixels"), ("changed_truth", "changed pixels"))
    ]


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


def _signed(value: float) -> str:
    return _DASH if math.isnan(value) else f"{value:+.4f}"


def _spread(value: float, deviation: float | None) -> str:
    shown = score(value)
    return shown if deviation is None else f"{shown} ± {deviation:.3f}"
