"""Tables of the scores of three rasters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai4land.report.tables.table import Table, percent, score

__all__ = ["raster_tables"]

_BUDGET = ("hits", "wrong_hits", "misses", "false_alarms", "correct_rejections")


def raster_tables(report: Mapping[str, Any]) -> tuple[Table, ...]:
    """Tables of what ``score_raster_files`` reports."""
    scores = report[report["weighting"]]
    return (
        _scores(report, scores),
        _budget(scores),
        *(_by_region(part, report) for part in report["regions"]),
        _places(scores),
        *_squares(report["resolutions"]),
    )


def _scores(report: Mapping[str, Any], scores: Mapping[str, Any]) -> Table:
    main = ("accuracy", "macro_f1", "weighted_f1", "mean_iou", "kappa")
    rows = tuple(
        (
            name,
            *(score(row[key]) for key in main),
            score(row["change"]["figure_of_merit"]),
            score(row["changed"]["accuracy"]),
        )
        for name, row in scores.items()
    )
    word = "every pixel counts 1" if report["weighting"] == "pixel" else "pixels count by area"
    return Table(
        "Scores",
        ("", "accuracy", "macro F1", "weighted F1", "mIoU", "kappa", "FoM", "acc. changed"),
        rows,
        f"Protocol {report['protocol']}; legend {report['legend']}; {word}.",
    )


def _budget(scores: Mapping[str, Any]) -> Table:
    return Table(
        "Change, percent of what is scored",
        ("", "hits", "wrong hits", "misses", "false alarms", "rightly left"),
        tuple(
            (name, *(percent(row["change"][part], row["total"]) for part in _BUDGET))
            for name, row in scores.items()
        ),
        "Figure of merit (FoM) = hits / (hits + wrong hits + misses + false alarms).",
    )


def _by_region(part: Mapping[str, Any], report: Mapping[str, Any]) -> Table:
    whole = report[report["weighting"]]["simulated"]["total"]
    heads = (
        *("", "scored\n%", "FoM", "accuracy\nsimulated", "accuracy\npersistence"),
        *("mIoU\nsimulated", "mIoU\npersistence", "change\nobserved %", "change\nsimulated %"),
    )
    rows = tuple(
        (
            row["name"],
            percent(row["total"], whole),
            score(row["simulated"]["figure_of_merit"]),
            *(score(row[kind]["accuracy"]) for kind in ("simulated", "persistence")),
            *(score(row[kind]["mean_iou"]) for kind in ("simulated", "persistence")),
            percent(row["observed_change"], row["total"]),
            percent(row["simulated_change"], row["total"]),
        )
        for row in part["rows"]
    )
    note = "Scored: share of all scored weight; change: share of the region's own."
    return Table(f"Regions of {part['file']}", heads, rows, note)


def _places(scores: Mapping[str, Any]) -> Table:
    parts = ("quantity", "allocation", "exchange", "shift")
    kappas = ("kappa_simulation", "kappa_transition", "kappa_transloc")
    rows = tuple(
        (
            name,
            *(percent(row[key], 1.0) for key in parts),
            *(score(row["change"][key]) for key in kappas),
        )
        for name, row in scores.items()
    )
    heads = ("", *(f"{part}\n%" for part in parts), *(kappa.replace("_", "\n") for kappa in kappas))
    return Table("Amounts and places", heads, rows, detail=True)


def _squares(found: Mapping[str, Any]) -> tuple[Table, ...]:
    rows = tuple(
        (
            f"{row['factor']} px",
            score(row["figure_of_merit"]),
            percent(row["disagreement"], 1.0),
            percent(row["null_disagreement"], 1.0),
        )
        for row in found["rows"]
    )
    null = found["null_resolution"]
    said = "none" if null is None else f"{null} px"
    heads = ("", "composite\nFoM", "disagreement\n%", "persistence\n%")
    note = f"Null resolution, the finest with less error than persistence: {said}."
    return (Table("Squares of several sizes", heads, rows, note, detail=True),)
