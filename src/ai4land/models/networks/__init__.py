"""Networks (torch): encode → backbone → heads, and networks as a predictor."""

from ai4land.models.networks.backbones import BACKBONES, Backbone
from ai4land.models.networks.build import build, build_network
from ai4land.models.networks.cost import blank_inputs, flops_per_pixel
from ai4land.models.networks.loss_bias import LossBias, change_weights, unbiased
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
    "LossBias",
    "Network",
    "NetworkOptions",
    "NetworkPredictor",
    "Normaliser",
    "Transitions",
    "blank_inputs",
    "build",
    "build_network",
    "change_weights",
    "combine",
    "flops_per_pixel",
    "load_predictor",
    "tensors",
    "unbiased",
]
