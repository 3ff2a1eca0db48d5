"""Networks: named inputs in physical units, normalised inside, change relative to the prior."""

from ai4land.models.build import MODELS, build_network, build_predictor
from ai4land.models.ensemble import Ensemble
from ai4land.models.inputs import Inputs, InputSpec
from ai4land.models.normaliser import Normaliser
from ai4land.models.unet import UNet, UNetOptions

__all__ = [
    "MODELS",
    "Ensemble",
    "InputSpec",
    "Inputs",
    "Normaliser",
    "UNet",
    "UNetOptions",
    "build_network",
    "build_predictor",
]
