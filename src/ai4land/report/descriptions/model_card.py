"""The card of a trained model, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai4land.checkpoint import Card, load_card
from ai4land.report.descriptions.inspection import Description, sources_table
from ai4land.report.tables.table import Table

__all__ = ["describe_checkpoint"]


def describe_checkpoint(path: Path) -> Description:
    """Say what a checkpoint is; a run of training stands for its checkpoint.

    Raises:
        MissingFileError: If there is no checkpoint.
        CheckpointError: If its card is damaged.
    """
    folder = path if (path / "card.json").is_file() else path / "checkpoint"
    card = load_card(folder)
    tables = [_model(card), _domain(card), _scores(card)]
    provenance = list(card.data.get("provenance", []))
    tables += [sources_table(provenance)] if provenance else []
    title = str(card.training.get("experiment", {}).get("title", card.data.get("title", "")))
    return Description("checkpoint", title, {"kind": "checkpoint", **card.to_dict()}, tuple(tables))


def _model(card: Card) -> Table:
    inputs = card.inputs
    static = [*inputs.static, *(name for name, _ in inputs.zones)]
    clock = card.task_of().clock
    options = {k: v for k, v in card.architecture.items() if k != "name"}
    rows = (
        ("task", f"{card.task}, one step of the clock {clock.value!r} at a time"),
        ("architecture", f"{card.architecture['name']}, {_pairs(options)}"),
        *((t.name, ", ".join(t.classes) or f"a number, by {t.clock.value}") for t in card.targets),
        ("forcing", ", ".join(inputs.told_variables) or "none"),
        *(
            (f"what {name} is", str(said["evidence"]))
            for name, said in card.variables.items()
            if said.get("evidence")
        ),
        ("static", ", ".join(static) or "none"),
        ("series", ", ".join(driver.name for driver in inputs.series) or "none"),
        ("decision", _pairs(card.decision)),
        ("code", f"ai4land {card.code_version}"),
        *((f"SHA-256 of {name}", digest) for name, digest in card.files.items()),
    )
    return Table("Model", ("", ""), rows, numeric=False)


def _domain(card: Card) -> Table:
    box = card.domain
    span = card.task_of().clock.span
    space, learned = card.split.space, card.training.get("experiment", {}).get("training", {})
    rows = [
        ("trained on", span(box.trained)),
        ("validated on", span(box.validated)),
        ("directions", ", ".join(card.directions)),
        ("strides", ", ".join(map(str, card.strides))),
        (
            "region",
            f"{box.west:.4g}…{box.east:.4g}° E, {box.south:.4g}…{box.north:.4g}° N",
        ),
        ("held out in space", "nothing" if space is None else _pairs(space.model_dump())),
        *((name, str(learned[name])) for name in ("members", "steps", "seed") if name in learned),
    ]
    rows += [(f"grid of {name}", g.describe()) for name, g in card.grids.items()]
    return Table("Where it is valid", ("", ""), tuple(rows), numeric=False)


def _scores(card: Card) -> Table:
    rows = tuple(
        (f"{split}: {name.replace('_', ' ')}", f"{value:.4f}")
        for split, values in card.scores.items()
        for name, value in values.items()
    )
    return Table("Scores, one step from the truth", ("", "value"), rows)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {_said(v)}" for k, v in values.items()) or "–"


def _said(value: object) -> str:
    """A value in words; what has parts of its own in brackets."""
    if isinstance(value, Mapping):
        return f"({_pairs(value)})"
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        return ", ".join(map(_said, value))
    return str(value)
