"""What a network costs: floating-point operations of a prediction."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ai4land.models import inputs
from ai4land.models.inputs import Inputs, InputSpec
from ai4land.models.networks.network import Network

__all__ = ["blank_inputs", "flops_per_pixel"]


def blank_inputs(spec: InputSpec, window: int, batch: int = 1) -> Inputs[Tensor]:
    """As ``models.inputs.blank_inputs``, in tensors."""
    return inputs.blank_inputs(spec, window, batch).map(torch.from_numpy)


def flops_per_pixel(network: Network, window: int = 64) -> float:
    """Floating-point operations of a prediction per pixel, a multiplication and an addition two.

    Matrix products, convolutions and attention are counted, not what is done pixel by pixel.

    Args:
        network: The network; left as it is.
        window: Side in pixels; attention costs more per pixel the larger it is.
    """
    device = next(network.parameters()).device
    blank = blank_inputs(network.spec, window).map(lambda part: part.to(device))
    training = network.training
    network.eval()
    try:
        # as plain matrix products, which every version counts
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as count:
            network(blank)
    finally:
        network.train(training)
    return float(count.get_total_flops()) / window**2
