"""The tables of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ai4land.metrics import summarise, table_one
from ai4land.report.detail_tables import after_the_main, in_detail
from ai4land.report.evaluation import Evaluation
from ai4land.report.tables import Table, percent, score

__all__ = ["score_tables"]

_MAIN = (("accuracy", "acc."), ("mean_iou", "mIoU"), ("figure_of_merit", "FoM"))
_BUDGET = ("hits", "wrong_hits", "misses", "false_alarms", "correct_rejections")
_HEADLINE = (
    ("accuracy", "accuracy"),
    ("macro_f1", "macro F1"),
    ("weighted_f1", "weighted F1"),
    ("mean_iou", "mIoU"),
)
_WORD = {"pixel": "every pixel counts 1", "area": "pixels count by their true area"}


def score_tables(evaluation: Evaluation) -> tuple[Table, ...]:
    """The tables of an evaluation, the one to be read first leading."""
    names = evaluation.legend.names
    rows = {name: summarise(s.leads, names) for name, s in evaluation.scores.items()}
    tables = [_main(evaluation, rows)]
    if evaluation.all_cells:
        every = {name: summarise(s.leads, names) for name, s in evaluation.all_cells.items()}
        tables.append(_main(evaluation, every, "All coarse cells, those at the coast too", note=""))
    details = (_budget, _changed, _classes)
    others = (
        *after_the_main(evaluation),
        *tables[1:],
        *(table(evaluation, rows) for table in details),
        *in_detail(evaluation, rows),
        _reference(evaluation),
    )
    return (tables[0], *(_stated(table, evaluation) for table in others))


def _stated(table: Table, evaluation: Evaluation) -> Table:
    """A table that says how pixels are counted, whatever it is torn from."""
    if "true area" in table.note:
        return table
    said = f"Protocol {evaluation.protocol}; {_WORD[evaluation.weighting]}."
    return replace(table, note=f"{table.note} {said}".strip())


def _spans(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Key and head of the first year, the mean, and the last year."""
    ticks = evaluation.ticks
    if len(ticks) == 1:
        return [("first", str(ticks[0]))]
    mean = "mean"
    return [("first", str(ticks[0])), ("mean", mean), ("last", str(ticks[-1]))]


def _main(
    evaluation: Evaluation,
    rows: Mapping[str, Any],
    title: str | None = None,
    note: str | None = None,
) -> Table:
    spans = _spans(evaluation)
    heads = [f"{short}\n{span}" for _, short in _MAIN for _, span in spans]
    cells = [
        (name, *(score(row[key][field]) for field, _ in _MAIN for key, _ in spans))
        for name, row in rows.items()
    ]
    years = len(evaluation.ticks)
    said = [f"Scored in {years} steps:" if years > 1 else "Scored:", evaluation.scored]
    said.append(f"Protocol {evaluation.protocol}; {_WORD[evaluation.weighting]}.")
    if evaluation.ceiling is not None:
        said.append(
            f"{evaluation.ceiling:.0%} of the change until {evaluation.ticks[-1]} is net change "
            "of a coarse cell."
        )
    said += evaluation.notes
    return Table(
        title or f"{evaluation.direction.capitalize()} from {evaluation.initial}",
        ("", *heads),
        tuple(cells),
        " ".join(said) if note is None else note,
    )


def _budget(evaluation: Evaluation, rows: Mapping[str, Any]) -> Table:
    cells = []
    for name, row in rows.items():
        last = row["last"]
        total = last["total"]
        cells.append(
            (
                name,
                *(percent(last[part], total) for part in _BUDGET),
                score(last["producers_accuracy"]),
                score(last["users_accuracy"]),
                score(last["kappa_simulation"]),
            )
        )
    return Table(
        f"Change from {evaluation.initial} to {evaluation.ticks[-1]}, percent of what is scored",
        (
            "",
            "hits",
            "wrong\nhits",
            "misses",
            "false\nalarms",
            "rightly\nleft",
            "producer's\nacc.",
            "user's\nacc.",
            "kappa\nsim.",
        ),
        tuple(cells),
        "Figure of merit (FoM) = hits / (hits + wrong hits + misses + false alarms).",
    )


def _changed(evaluation: Evaluation, rows: Mapping[str, Any]) -> Table:
    senses = (("truth", "truth before"), ("prior", "own prior"), ("initial", "initial map"))
    cells = [
        (
            name,
            *(
                score(row["mean"]["changed"][sense][field])
                for sense, _ in senses
                for field in ("accuracy", "mean_iou")
            ),
        )
        for name, row in rows.items()
    ]
    heads = [f"{what}\n{field}" for _, what in senses for field in ("acc.", "mIoU")]
    return Table(
        f"Changed pixels alone, mean of {len(evaluation.ticks)} years, changed against …",
        ("", *heads),
        tuple(cells),
        "These do not see false alarms: whoever changes everything does well here.",
    )


def _classes(evaluation: Evaluation, rows: Mapping[str, Any]) -> Table:
    names = evaluation.legend.names
    first = next(iter(rows.values()))["last"]
    held = [n for n in names if first["per_class"][n]["support"] > 0]
    share = (
        "share of truth, %",
        *(percent(first["per_class"][n]["support"], first["total"]) for n in held),
    )
    cells = [
        (name, *(score(row["last"]["per_class"][n]["iou"]) for n in held))
        for name, row in rows.items()
    ]
    return Table(
        f"IoU by class in {evaluation.ticks[-1]}", ("", *held), (share, *cells), detail=True
    )


def _reference(evaluation: Evaluation) -> Table:
    """The layout of the reference system's Table 1."""
    names = evaluation.legend.names
    cells = []
    for name, scores in evaluation.scores.items():
        table = table_one(scores.leads, names)
        for span in ("first", "mean"):
            for kind in ("all", "changed_initial"):
                label = f"{name}, {span}, {'all' if kind == 'all' else 'changed'}"
                cells.append((label, *(score(table[span][kind][key]) for key, _ in _HEADLINE)))
    return Table(
        "Four scores of the first year and of the mean, all and changed pixels",
        ("", *(head for _, head in _HEADLINE)),
        tuple(cells),
        "Changed: against the initial map.",
        detail=True,
    )
