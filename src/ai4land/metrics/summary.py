"""From the tables of a rollout to reports: first step, mean over the steps, last, and Table 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai4land.errors import SampleError
from ai4land.metrics.changes.three_maps import change_scores
from ai4land.metrics.leads import LeadScores
from ai4land.metrics.scores.confusion import classification_scores
from ai4land.metrics.tables.undefined import mean_defined

__all__ = ["summarise", "table_one"]

_HEADLINE = ("accuracy", "macro_f1", "weighted_f1", "mean_iou")
_CHANGED = ("truth", "prior", "initial")


def summarise(leads: Sequence[LeadScores], names: Sequence[str]) -> dict[str, Any]:
    """All scores of a rollout, ready for JSON.

    A mean is the average of the yearly scores, not the score of the pooled pixels; a step at
    which a score is 0/0 (``None``) is left out of that score's mean.

    Args:
        leads: The steps, in any order, no lead twice.
        names: Class names in legend order.

    Returns:
        ``leads``: one row per step; ``first`` and ``last``: the outermost of them; ``mean``: the
        average row; ``n_leads``, ``weighting`` (``pixel`` or ``area``) and ``classes``. A row
        holds the scores of ``classification_scores`` (its classes as ``per_class``), those of
        ``change_scores`` but the transitions, ``changed`` → ``truth``, ``prior``, ``initial`` →
        scores on pixels that changed in that sense, and ``persistence``: what the initial map
        scores on the same pixels.

    Raises:
        SampleError: If there is no step, a step twice, or steps of different weighting.
    """
    rows = [_row(step, names) for step in _ordered(leads)]
    values = [
        {key: row[key] for key in row if key not in {"lead", "time", "weighting"}} for row in rows
    ]
    return {
        "first": rows[0],
        "mean": mean_defined(values),
        "last": rows[-1],
        "leads": rows,
        "n_leads": len(rows),
        "weighting": rows[0]["weighting"],
        "classes": list(names),
    }


def table_one(leads: Sequence[LeadScores], names: Sequence[str]) -> dict[str, Any]:
    """The reference system's Table 1: four scores on all and on changed pixels.

    The reference reports accuracy, macro F1, weighted F1 and mean IoU of the first year and of
    the average over the years, on all pixels and on changed pixels. It does not say what a change
    is measured against, so all three readings are given.

    Args:
        leads: The steps of a rollout on its own predictions.
        names: Class names in legend order.

    Returns:
        ``first`` and ``mean``, each with ``all``, ``changed_truth``, ``changed_prior`` and
        ``changed_initial`` → the four scores and the weight they rest on (``total``), ``None``
        where 0/0; ``n_leads`` and ``weighting``.

    Raises:
        SampleError: If there is no step, a step twice, or steps of different weighting.
    """
    ordered = _ordered(leads)
    rows = [
        {"all": _headline(classification_scores(step.confusion, names))}
        | {f"changed_{k}": _headline(v) for k, v in _changed(step, names).items()}
        for step in ordered
    ]
    return {
        "first": rows[0],
        "mean": mean_defined(rows),
        "n_leads": len(rows),
        "weighting": ordered[0].confusion.weighting,
    }


def _ordered(leads: Sequence[LeadScores]) -> list[LeadScores]:
    ordered = sorted(leads, key=lambda step: step.lead)
    numbers = [step.lead for step in ordered]
    if not ordered or len(set(numbers)) != len(numbers):
        raise SampleError(
            "A rollout's scores need at least one step, and each step once",
            found=f"leads {numbers}",
            remedy="add the tiles of a step before summarising",
        )
    if len({step.confusion.weighting for step in ordered}) > 1:
        raise SampleError("Some steps are scored per pixel and some by area")
    return ordered


def _row(step: LeadScores, names: Sequence[str]) -> dict[str, Any]:
    scores = classification_scores(step.confusion, names)
    per_class = scores.pop("classes")
    change = change_scores(step.three, names)
    change.pop("transitions")  # rows of their own per step: they have no mean
    persistence = classification_scores(step.three.persistence.reference_confusion, names)
    return {
        "lead": step.lead,
        "time": step.time,
        **scores,
        **change,
        "per_class": per_class,
        "changed": {
            kind: {**_headline(values), "mean_iou_frequent": values["mean_iou_frequent"]}
            for kind, values in _changed(step, names).items()
        },
        "persistence": {
            **_headline(persistence),
            "mean_iou_frequent": persistence["mean_iou_frequent"],
        },
    }


def _changed(step: LeadScores, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    tables = (step.changed_truth, step.changed_prior, step.changed_initial)
    return {
        kind: classification_scores(table, names)
        for kind, table in zip(_CHANGED, tables, strict=True)
    }


def _headline(scores: dict[str, Any]) -> dict[str, Any]:
    return {key: scores[key] for key in (*_HEADLINE, "total")}
