"""What the figures do not show, and where everything behind them comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ai4land.cube import Cube
from ai4land.report.evaluation import Evaluation
from ai4land.report.inspection import sources_table
from ai4land.report.tables import Table

__all__ = ["caveats", "provenance_tables"]

_FEW_YEARS = 10
_FILES = 60  # that a page lists


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
    if "Only the test blocks" not in evaluation.scored:
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
            ("weights SHA-256", str(checkpoint["weights_sha256"])),
            ("trained with", f"ai4land {card.get('code_version', 'unknown')}"),
            ("network", _pairs(card.get("architecture") or {})),
            ("forcing", ", ".join(_variables(card)) or "none"),
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


def _more(hashes: tuple[tuple[str, str], ...]) -> str:
    left = len(hashes) - _FILES
    return f"{left} more in the attributes of the reconstruction." if left > 0 else ""


def _variables(card: Mapping[str, Any]) -> list[str]:
    channels = card.get("inputs", {}).get("forcing", [])
    return list(dict.fromkeys(full.partition("/")[0] for full in channels))


def _span(years: Sequence[int] | None) -> str:
    return f"{years[0]}…{years[1]}" if years else "unknown"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in values.items()) or "none"
