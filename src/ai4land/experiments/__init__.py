"""Experiments: arms trained and scored on cases, resumed from a ledger, pooled for tables.

Names are loaded when they are used, so that tables can be made of a ledger without a network
library.
"""

from __future__ import annotations

import importlib
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

_MODULES = ("sums", "ledger", "plan", "pooled", "scene", "scoring", "running")  # the light first


def __getattr__(name: str) -> object:
    for module in _MODULES if name in __all__ else ():
        home = importlib.import_module(f"ai4land.experiments.{module}")
        if name in home.__all__:
            return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
