"""Tables of an evaluation: the main scores, changes, classes, and the reference layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ai4land.evaluation import Evaluation
from ai4land.metrics import summarise, table_one
from ai4land.report.tables.details import ALL_CELLS, after_the_main, in_detail, with_interval
from ai4land.report.tables.table import Table, percent, score

__all__ = ["Cells", "counted", "score_tables", "stated"]

_MAIN = (("figure_of_merit", "FoM"), ("accuracy", "acc."), ("mean_iou", "mIoU"))
_BUDGET = ("hits", "wrong_hits", "misses", "false_alarms", "correct_rejections")
_HEADLINE = (
    ("accuracy", "accuracy"),
    ("macro_f1", "macro F1"),
    ("weighted_f1", "weighted F1"),
    ("mean_iou", "mIoU"),
)
_WORD = {"pixel": "every pixel counts 1", "area": "pixels count by their true area"}
_CELLS = {
    "headline": " of coarse cells at least half known land, the headline's",
    "all": " of all coarse cells",
}
_WHERE = {"land": "land pixels", "reference": "pixels of all classes, the sea's too"}

Cells = Literal["headline", "all"]


def score_tables(evaluation: Evaluation) -> tuple[Table, ...]:
    """The tables of an evaluation, the one to be read first leading."""
    names = evaluation.legend.names
    rows = {name: summarise(s.leads, names) for name, s in evaluation.scores.items()}
    every = {name: summarise(s.leads, names) for name, s in evaluation.all_cells.items()}
    tables = (
        _main(evaluation, rows),
        *after_the_main(evaluation),
        *((_all_cells(evaluation, every),) if every else ()),
        *(table(evaluation, rows) for table in (_budget, _changed, _classes)),
        *in_detail(evaluation, rows),
        _reference(evaluation),
    )
    return tuple(stated(table, evaluation) for table in tables)


def counted(evaluation: Evaluation, cells: Cells = "headline") -> str:
    """Which pixels are counted, and what each of them counts.

    Args:
        evaluation: The evaluation.
        cells: Whether of the headline's coarse cells, or of all.
    """
    where = _WHERE[evaluation.protocol]
    if evaluation.held_out:
        where += " of the blocks held out"
    if evaluation.all_cells:
        where += _CELLS[cells]
    return f"Counted: {where}; {_WORD[evaluation.weighting]}."


def stated(table: Table, evaluation: Evaluation) -> Table:
    """A table that says which pixels are counted and how, whatever it is torn from.

    Names of classes are written as people write them.
    """
    if "true area" not in table.note and "Counted:" not in table.note:
        said = counted(evaluation, "all" if table.title.endswith(ALL_CELLS) else "headline")
        table = replace(table, note=f"{table.note} {said}".strip())
    return _readable(table, evaluation.legend.names)


def _readable(table: Table, names: Sequence[str]) -> Table:
    """A table with the names of classes as people write them."""
    joined = [name for name in names if "_" in name]

    def plain(text: str) -> str:
        for name in joined:
            text = text.replace(name, name.replace("_", " "))
        return text

    rows = tuple(tuple(map(plain, row)) for row in table.rows)
    return replace(table, columns=tuple(map(plain, table.columns)), rows=rows)


def _spans(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Key and head of the last year, the mean, and the first year."""
    ticks = evaluation.ticks
    if len(ticks) == 1:
        return [("last", str(ticks[0]))]
    return [("last", str(ticks[-1])), ("mean", "mean"), ("first", str(ticks[0]))]


def _main(evaluation: Evaluation, rows: Mapping[str, Any]) -> Table:
    """What decides: figure of merit with its interval, skill, then what persistence does well."""
    spans, details = _spans(evaluation), evaluation.details
    skills = {row: _skills(evaluation, row) for row in rows}
    skilled = any(skills.values())
    sure = {} if details.uncertainty is None else details.uncertainty.merit
    heads: list[str] = []
    cells: dict[str, list[str]] = {row: [] for row in rows}
    for key, span in spans:
        shown = skilled and key != "first"  # the first year's stands in the table of skills
        heads += [f"FoM\n{span}", *([f"skill\n{span}"] if shown else [])]
        heads += [f"{short}\n{span}" for _, short in _MAIN[1:]]
        for row, found in rows.items():
            merit, *others = (score(found[key][field]) for field, _ in _MAIN)
            interval = sure.get(row, {}).get(key)
            if key == "last" and interval is not None and interval.low < interval.high:
                merit = with_interval(interval)
            cells[row] += [merit, *([score(skills[row][key])] if shown else []), *others]
    return Table(
        f"Scores, {evaluation.direction} from {evaluation.initial}",
        ("", *heads),
        tuple((row, *values) for row, values in cells.items()),
        " ".join(_told(evaluation, interval=bool(sure))),
    )


def _told(evaluation: Evaluation, *, interval: bool) -> Iterator[str]:
    """What must be known to read the main table."""
    last, years = evaluation.ticks[-1], len(evaluation.ticks)
    yield "FoM: figure of merit of the change since the initial map."
    if interval:
        yield f"Under that of {last} its 95 % interval."
    if years > 1:
        yield f"Mean: of the scores of {years} steps."
    yield evaluation.scored
    yield f"Counted: {_WHERE[evaluation.protocol]}; {_WORD[evaluation.weighting]}."
    if evaluation.ceiling is not None:
        yield f"{evaluation.ceiling:.0%} of the change until {last} is net change of a coarse cell."
    yield from evaluation.notes


def _skills(evaluation: Evaluation, row: str) -> dict[str, float | None]:
    """Skill of the last time and the mean; empty without a floor."""
    found = evaluation.details.skills(row)
    if not found:
        return {}
    last = found[evaluation.ticks[-1]].value
    return {"last": last, "mean": evaluation.details.mean_skill(row)}


def _all_cells(evaluation: Evaluation, rows: Mapping[str, Any]) -> Table:
    spans = _spans(evaluation)
    cells = tuple(
        (name, *(score(row[key][field]) for key, _ in spans for field, _ in _MAIN))
        for name, row in rows.items()
    )
    return Table(
        "All coarse cells, those at the coast too",
        ("", *(f"{short}\n{span}" for _, span in spans for _, short in _MAIN)),
        cells,
        counted(evaluation, "all"),
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
        detail=True,
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
