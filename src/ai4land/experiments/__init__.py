"""Experiments: arms trained and scored on cases, resumed from a ledger, pooled for tables.

Names are loaded when they are used, so that tables can be made of a ledger without a network
library.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai4land.experiments.ledger import Ledger
    from ai4land.experiments.plan import Batch, Case, Perturbed, Plan, Run, Standing, load_plan
    from ai4land.experiments.pooled import BASELINES, RARE, Pool, pools, unscored
    from ai4land.experiments.running import experiment_of, run_plan, survey
    from ai4land.experiments.scene import Scene, open_scene
    from ai4land.experiments.scoring import Judged, cut_at_random, score_baselines, score_model
    from ai4land.experiments.sums import (
        CUT,
        Budget,
        CaseScores,
        ClassSums,
        Probable,
        Row,
        RowSums,
        budget,
    )

__all__ = [
    "BASELINES",
    "CUT",
    "RARE",
    "Batch",
    "Budget",
    "Case",
    "CaseScores",
    "ClassSums",
    "Judged",
    "Ledger",
    "Perturbed",
    "Plan",
    "Pool",
    "Probable",
    "Row",
    "RowSums",
    "Run",
    "Scene",
    "Standing",
    "budget",
    "cut_at_random",
    "experiment_of",
    "load_plan",
    "open_scene",
    "pools",
    "run_plan",
    "score_baselines",
    "score_model",
    "survey",
    "unscored",
]

_HOMES = MappingProxyType(
    {
        "BASELINES": "pooled",
        "CUT": "sums",
        "RARE": "pooled",
        "Batch": "plan",
        "Budget": "sums",
        "Case": "plan",
        "CaseScores": "sums",
        "ClassSums": "sums",
        "Judged": "scoring",
        "Ledger": "ledger",
        "Perturbed": "plan",
        "Plan": "plan",
        "Pool": "pooled",
        "Probable": "sums",
        "Row": "sums",
        "RowSums": "sums",
        "Run": "plan",
        "Scene": "scene",
        "Standing": "plan",
        "budget": "sums",
        "cut_at_random": "scoring",
        "experiment_of": "running",
        "load_plan": "plan",
        "open_scene": "scene",
        "pools": "pooled",
        "run_plan": "running",
        "score_baselines": "scoring",
        "score_model": "scoring",
        "survey": "running",
        "unscored": "pooled",
    }
)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"ai4land.experiments.{_HOMES[name]}"), name)
