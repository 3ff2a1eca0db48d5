"""Models: named inputs in physical units, and the predictors that take them.

NumPy and SciPy alone: networks live in ``ai4land.models.networks`` and are imported when one is
opened, and so is the library of the trees.
"""

from ai4land.models.calibration import Calibration, Scaling
from ai4land.models.class_options import ClassModelOptions, class_options, class_target
from ai4land.models.expectation import expected_classes, log_odds
from ai4land.models.inputs import Inputs, InputSpec, Seen, join_inputs, stack_inputs
from ai4land.models.logistic import Logistic, LogisticOptions, standardised
from ai4land.models.markov import Markov, MarkovOptions, fitted_rows
from ai4land.models.neighbourhood import Neighbourhood, densities, distances
from ai4land.models.pixelwise import PixelRows, PixelView
from ai4land.models.predictor import FAMILIES, Predictor, Untrained, family_of, open_predictor
from ai4land.models.stack import Stack, StackOptions, mean_of
from ai4land.models.trees import Boosting, BoostingOptions, reached, xgboost

__all__ = [
    "FAMILIES",
    "Boosting",
    "BoostingOptions",
    "Calibration",
    "ClassModelOptions",
    "InputSpec",
    "Inputs",
    "Logistic",
    "LogisticOptions",
    "Markov",
    "MarkovOptions",
    "Neighbourhood",
    "PixelRows",
    "PixelView",
    "Predictor",
    "Scaling",
    "Seen",
    "Stack",
    "StackOptions",
    "Untrained",
    "class_options",
    "class_target",
    "densities",
    "distances",
    "expected_classes",
    "family_of",
    "fitted_rows",
    "join_inputs",
    "log_odds",
    "mean_of",
    "open_predictor",
    "reached",
    "stack_inputs",
    "standardised",
    "xgboost",
]
