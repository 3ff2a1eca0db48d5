"""Scoring of reconstructions and rasters: what is scored where, baselines, sums, intervals.

Names are loaded when they are used, so that three rasters can be scored without a network library.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai4land.evaluation.comparison import Comparison, comparable, compare
    from ai4land.evaluation.details import SPANS, Uncertainty
    from ai4land.evaluation.evaluation import Evaluation, evaluate
    from ai4land.evaluation.explanation import Explanation, PixelStep, explain
    from ai4land.evaluation.held_out import forcing_used, held_out_blocks
    from ai4land.evaluation.numbers import evaluate_numbers
    from ai4land.evaluation.probability_scores import ProbabilityScores
    from ai4land.evaluation.raster_scores import score_raster_files
    from ai4land.evaluation.stored import path_of, predicted_targets, stored_states
    from ai4land.evaluation.weighting import Weighting

__all__ = [
    "SPANS",
    "Comparison",
    "Evaluation",
    "Explanation",
    "PixelStep",
    "ProbabilityScores",
    "Uncertainty",
    "Weighting",
    "comparable",
    "compare",
    "evaluate",
    "evaluate_numbers",
    "explain",
    "forcing_used",
    "held_out_blocks",
    "path_of",
    "predicted_targets",
    "score_raster_files",
    "stored_states",
]

_HOMES = MappingProxyType(
    {
        "SPANS": "details",
        "Comparison": "comparison",
        "Evaluation": "evaluation",
        "Explanation": "explanation",
        "PixelStep": "explanation",
        "ProbabilityScores": "probability_scores",
        "Uncertainty": "details",
        "Weighting": "weighting",
        "comparable": "comparison",
        "compare": "comparison",
        "evaluate": "evaluation",
        "evaluate_numbers": "numbers",
        "explain": "explanation",
        "forcing_used": "held_out",
        "held_out_blocks": "held_out",
        "path_of": "stored",
        "predicted_targets": "stored",
        "score_raster_files": "raster_scores",
        "stored_states": "stored",
    }
)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"ai4land.evaluation.{_HOMES[name]}"), name)
