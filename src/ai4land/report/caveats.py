"""What the figures show and do not show, and where everything behind them comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ai4land.cube import Cube
from ai4land.evaluation import Evaluation
from ai4land.metrics import Interval, summarise
from ai4land.report.descriptions.inspection import sources_table
from ai4land.report.tables.table import Table, score

__all__ = ["brief", "caveats", "provenance_tables", "row_notes"]

_FEW_YEARS = 10
_FILES = 60  # that a page lists


_ROWS = {
    "persistence": "the initial map, unchanged",
    "kernel": "the net change of every coarse cell, placed by the neighbours in 3 × 3 pixels",
    "random": "the net change of every coarse cell, placed at random: the floor",
}


def brief(evaluation: Evaluation) -> list[str]:
    """What the scores say, in sentences that their intervals allow."""
    model, leads = evaluation.model, evaluation.scores[evaluation.model].leads
    last, sure = evaluation.ticks[-1], evaluation.details.uncertainty
    three = leads[-1].three
    said = [
        f"Of what really changed from {evaluation.initial} to {last}, {model} changed "
        f"{_share(three.hits, three.observed_change)} rightly; of what it changed, "
        f"{_share(three.hits, three.simulated_change)} is right. Figure of merit "
        f"{score(three.figure_of_merit)}."
    ]
    if sure is None:
        said.append("There are too few blocks to say how sure this is.")
    else:
        twin = f"{model}, shuffled"
        found = {
            "its shuffled twin" if row == twin else row: spans["last"]
            for row, spans in sure.difference.items()
        }
        said.append(f"Figure of merit in {last}, 95 % intervals: {_against(found)}.")
    skill = evaluation.details.mean_skill(model)
    if skill is not None:
        said.append(
            f"Skill, mean of the years: {score(skill)}, where 0 is random and 1 is all that the "
            "net change of the coarse cells tells."
        )
    if "persistence" in evaluation.scores and model != "persistence":
        rows = {row: _means(evaluation, row) for row in (model, "persistence")}
        said.append(
            "Mean of the years, persistence in brackets: "
            + ", ".join(
                f"{name} {score(rows[model][key])} ({score(rows['persistence'][key])})"
                for key, name in (("accuracy", "accuracy"), ("mean_iou", "mean IoU"))
            )
            + "."
        )
    return said


def row_notes(evaluation: Evaluation) -> list[str]:
    """What the rows of the tables are."""
    said = []
    for row in evaluation.scores:
        if row == evaluation.model:
            what = "what is judged"
        elif row in _ROWS:
            what = _ROWS[row]
        else:
            what = (
                "the same changes of each coarse cell and initial class, dealt to random places "
                "in it: what the amounts are worth without the places"
            )
        said.append(f"{row}: {what}.")
    return said


def caveats(evaluation: Evaluation) -> list[str]:
    """What a reader of the scores must not conclude from them."""
    said = [
        "Agreement with the labels is not agreement with the land: the labels are a product with "
        "errors of its own, and its flicker counts here as change.",
        "A figure of merit depends on how much changes: those of other periods, step lengths and "
        "regions do not compare.",
        "Intervals come from resampled places (and years) of this run. They do not hold what "
        "another training of the same model, another seed or another product would give.",
        "The ceiling is that of an allocator that knows the net change of every coarse cell and "
        "nothing else. A model that sees more may pass it, and then its skill is above 1.",
    ]
    if evaluation.ceiling is not None and evaluation.all_cells:
        said.append(
            "The forcing is made from the labels: it knows the amounts that really came about. "
            "With a forcing from a scenario the scores will be lower."
        )
    if not evaluation.held_out:
        said.append(
            "No block was held out in space: the model has seen these places in other years."
        )
    if len(evaluation.ticks) < _FEW_YEARS:
        said.append(f"Only {len(evaluation.ticks)} years are scored: errors grow with the lead.")
    return [*said, *evaluation.notes]


def provenance_tables(cube: Cube, labels: Cube | None) -> list[Table]:
    """How a reconstruction was made, and the files behind it with their hashes."""
    attributes = cube.attributes
    rows = [
        ("reconstruction", str(attributes.get("title", cube.path.name))),
        ("made by", str(attributes.get("stepper", "unknown"))),
        ("options", _pairs(attributes.get("options") or {})),
    ]
    if labels is not None:
        rows.append(("judged by", str(labels.attributes.get("title", labels.path.name))))
    checkpoint = attributes.get("checkpoint")
    if checkpoint:
        card = checkpoint["card"]
        domain = card.get("domain", {})
        rows += [
            *((f"SHA-256 of {name}", digest) for name, digest in checkpoint["files"].items()),
            ("trained with", f"ai4land {card.get('code_version', 'unknown')}"),
            ("network", _pairs(card.get("architecture") or {})),
            ("forcing", ", ".join(_variables(card)) or "none"),
            *((f"what {name} is", said) for name, said in _evidence(attributes).items()),
            ("years trained", _span(domain.get("trained"))),
            ("years validated", _span(domain.get("validated"))),
            ("licences of the inputs", ", ".join(card.get("licences") or ()) or "unknown"),
        ]
    tables = [Table("How it was made", ("", ""), tuple(rows), numeric=False)]
    files = list(attributes.get("provenance") or [])
    if files:
        tables.append(sources_table(files))
        hashes = tuple((str(f.get("name", "?")), str(f.get("sha256", "unknown"))) for f in files)
        tables.append(
            Table(
                "Files and their hashes",
                ("file", "SHA-256"),
                hashes[:_FILES],
                _more(hashes),
                numeric=False,
                detail=True,
            )
        )
    return tables


def _against(found: Mapping[str, Interval | None]) -> str:
    """Rows that are passed, those that pass, and those that cannot be told apart."""
    known = {row: interval for row, interval in found.items() if interval is not None}
    groups = (
        ("above", [row for row, i in known.items() if i.low > 0]),
        ("not told apart from", [row for row, i in known.items() if i.low <= 0 <= i.high]),
        ("below", [row for row, i in known.items() if i.high < 0]),
    )
    said = [f"{what} {_listed(rows)}" for what, rows in groups if rows]
    return "; ".join(said) or "defined in no sample"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _means(evaluation: Evaluation, row: str) -> Mapping[str, Any]:
    mean: Mapping[str, Any] = summarise(evaluation.scores[row].leads, evaluation.legend.names)[
        "mean"
    ]
    return mean


def _share(part: float, whole: float) -> str:
    return f"{100.0 * part / whole:.1f} %" if whole else "nothing"


def _more(hashes: tuple[tuple[str, str], ...]) -> str:
    left = len(hashes) - _FILES
    return f"{left} more in the attributes of the reconstruction." if left > 0 else ""


def _variables(card: Mapping[str, Any]) -> list[str]:
    inputs = card.get("inputs", {})
    told = [*inputs.get("forcing", []), *filter(None, [inputs.get("flows")])]
    return list(dict.fromkeys(full.partition("/")[0] for full in told))


def _evidence(attributes: Mapping[str, Any]) -> Mapping[str, str]:
    return dict(attributes.get("evidence") or {})


def _span(years: Sequence[int] | None) -> str:
    return f"{years[0]}…{years[1]}" if years else "unknown"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in values.items()) or "none"
