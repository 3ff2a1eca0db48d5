"""Trees (XGBoost, from the extra ``trees``): gradient boosting on neighbourhood features."""

from ai4land.models.trees.boosting import (
    Boosting,
    BoostingOptions,
    build,
    combine,
    load_predictor,
    reached,
)
from ai4land.models.trees.library import xgboost

__all__ = [
    "Boosting",
    "BoostingOptions",
    "build",
    "combine",
    "load_predictor",
    "reached",
    "xgboost",
]
