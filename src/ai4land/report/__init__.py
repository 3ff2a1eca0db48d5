"""Tables, pictures and pages of what came out, and descriptions of what a file is.

Names are loaded when they are used, so that a table can be printed without a plotting library.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai4land.report.checks.experiment import check_experiment_file
    from ai4land.report.checks.recipe import Check, check_recipe_file
    from ai4land.report.descriptions.datasets import (
        describe_download,
        describe_downloads,
        describe_source,
        describe_sources,
    )
    from ai4land.report.descriptions.inspection import Description, describe
    from ai4land.report.descriptions.model_card import describe_checkpoint
    from ai4land.report.descriptions.values import describe_values
    from ai4land.report.page import write_report
    from ai4land.report.path_kinds import PathKind, kind_of
    from ai4land.report.pictures.experiments import draw_experiments
    from ai4land.report.tables.experiments import experiment_tables, plan_table
    from ai4land.report.tables.explanation import explanation_tables
    from ai4land.report.tables.numbers import number_table
    from ai4land.report.tables.raster_scores import raster_tables
    from ai4land.report.tables.scores import score_tables
    from ai4land.report.tables.table import Table, to_markdown

__all__ = [
    "Check",
    "Description",
    "PathKind",
    "Table",
    "check_experiment_file",
    "check_recipe_file",
    "describe",
    "describe_checkpoint",
    "describe_download",
    "describe_downloads",
    "describe_source",
    "describe_sources",
    "describe_values",
    "draw_experiments",
    "experiment_tables",
    "explanation_tables",
    "kind_of",
    "number_table",
    "plan_table",
    "raster_tables",
    "score_tables",
    "to_markdown",
    "write_report",
]

_HOMES = MappingProxyType(
    {
        "Check": "checks.recipe",
        "Description": "descriptions.inspection",
        "PathKind": "path_kinds",
        "Table": "tables.table",
        "check_experiment_file": "checks.experiment",
        "check_recipe_file": "checks.recipe",
        "describe": "descriptions.inspection",
        "describe_checkpoint": "descriptions.model_card",
        "describe_download": "descriptions.datasets",
        "describe_downloads": "descriptions.datasets",
        "describe_source": "descriptions.datasets",
        "describe_sources": "descriptions.datasets",
        "describe_values": "descriptions.values",
        "draw_experiments": "pictures.experiments",
        "experiment_tables": "tables.experiments",
        "explanation_tables": "tables.explanation",
        "kind_of": "path_kinds",
        "number_table": "tables.numbers",
        "plan_table": "tables.experiments",
        "raster_tables": "tables.raster_scores",
        "score_tables": "tables.scores",
        "to_markdown": "tables.table",
        "write_report": "page",
    }
)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"ai4land.report.{_HOMES[name]}"), name)
