"""Models: named inputs in physical units, and the predictors that take them.

NumPy alone: networks live in ``ai4land.models.networks`` and are imported when one is opened.
"""

from ai4land.models.calibration import Calibration, Scaling
from ai4land.models.inputs import Inputs, InputSpec, Seen, join_inputs, stack_inputs
from ai4land.models.predictor import FAMILIES, Predictor, Untrained, family_of, open_predictor

__all__ = [
    "FAMILIES",
    "Calibration",
    "InputSpec",
    "Inputs",
    "Predictor",
    "Scaling",
    "Seen",
    "Untrained",
    "family_of",
    "join_inputs",
    "open_predictor",
    "stack_inputs",
]
