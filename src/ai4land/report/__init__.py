"""Showing what came out: scores as tables, maps and curves as pictures, what a file is.

Names are loaded when they are used, so that three rasters can be scored without a network library
and a table be printed without a plotting one.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai4land.report.cards import describe_checkpoint
    from ai4land.report.checking import Check, check_recipe_file
    from ai4land.report.evaluation import Evaluation, evaluate
    from ai4land.report.experiments import check_experiment_file
    from ai4land.report.explaining import Explanation, explain
    from ai4land.report.inspection import Description, describe
    from ai4land.report.kinds import PathKind, kind_of
    from ai4land.report.page import write_report
    from ai4land.report.products import (
        describe_download,
        describe_downloads,
        describe_source,
        describe_sources,
    )
    from ai4land.report.provenance import domain_warnings, prediction_attributes
    from ai4land.report.rasters import RasterScores, score_raster_files
    from ai4land.report.scoreboard import score_tables
    from ai4land.report.tables import Table, to_markdown
    from ai4land.report.weighting import Weighting

__all__ = [
    "Check",
    "Description",
    "Evaluation",
    "Explanation",
    "PathKind",
    "RasterScores",
    "Table",
    "Weighting",
    "check_experiment_file",
    "check_recipe_file",
    "describe",
    "describe_checkpoint",
    "describe_download",
    "describe_downloads",
    "describe_source",
    "describe_sources",
    "domain_warnings",
    "evaluate",
    "explain",
    "kind_of",
    "prediction_attributes",
    "score_raster_files",
    "score_tables",
    "to_markdown",
    "write_report",
]

_HOMES = MappingProxyType(
    {
        "Check": "checking",
        "Description": "inspection",
        "Evaluation": "evaluation",
        "Explanation": "explaining",
        "PathKind": "kinds",
        "RasterScores": "rasters",
        "Table": "tables",
        "Weighting": "weighting",
        "check_experiment_file": "experiments",
        "check_recipe_file": "checking",
        "describe": "inspection",
        "describe_checkpoint": "cards",
        "describe_download": "products",
        "describe_downloads": "products",
        "describe_source": "products",
        "describe_sources": "products",
        "domain_warnings": "provenance",
        "evaluate": "evaluation",
        "explain": "explaining",
        "kind_of": "kinds",
        "prediction_attributes": "provenance",
        "score_raster_files": "rasters",
        "score_tables": "scoreboard",
        "to_markdown": "tables",
        "write_report": "page",
    }
)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"ai4land.report.{_HOMES[name]}"), name)
