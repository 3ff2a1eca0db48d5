"""Networks (torch): encode → backbone → heads, and networks as a predictor."""

from ai4land.models.networks.backbones import BACKBONES, Backbone, UNet, UNetOptions
from ai4land.models.networks.build import build, build_network
from ai4land.models.networks.network import Network, NetworkOptions
from ai4land.models.networks.normaliser import Normaliser
from ai4land.models.networks.predictor import (
    NetworkPredictor,
    combine,
    load_predictor,
    tensors,
)
from ai4land.models.networks.transitions import Transitions

__all__ = [
    "BACKBONES",
    "Backbone",
    "Network",
    "NetworkOptions",
    "NetworkPredictor",
    "Normaliser",
    "Transitions",
    "UNet",
    "UNetOptions",
    "build",
    "build_network",
    "combine",
    "load_predictor",
    "tensors",
]
