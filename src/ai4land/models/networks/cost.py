"""What a network costs: floating-point operations of a prediction."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ai4land.models.inputs import Inputs, InputSpec, Seen
from ai4land.models.networks.network import Network

__all__ = ["blank_inputs", "flops_per_pixel"]


def blank_inputs(spec: InputSpec, window: int, batch: int = 1) -> Inputs[Tensor]:
    """Inputs of square windows in which everything is 0, and all of it visible."""

    def blank(*channels: int) -> Tensor:
        return torch.zeros(batch, *channels, window, window)

    def seen(layers: int) -> Seen[Tensor]:
        history = blank(spec.history, layers)
        return Seen(blank(layers), blank(1) + 1, blank(1) + 1, history, blank(spec.history) + 1)

    return Inputs(
        targets={target.name: seen(target.layers) for target in spec.targets},
        forcing_prior=blank(len(spec.forcing)),
        forcing_target=blank(len(spec.forcing)),
        static=blank(len(spec.static)),
        zones=blank(len(spec.zones)).long(),
        series=blank(len(spec.series_channels)),
        flows=blank(spec.flow_layers),
        calendar=torch.ones(batch, len(spec.calendar)),
    )


def flops_per_pixel(network: Network, window: int = 64) -> float:
    """Floating-point operations of a prediction per pixel, a multiplication and an addition two.

    Matrix products, convolutions and attention are counted, not what is done pixel by pixel.

    Args:
        network: The network; left as it is.
        window: Side in pixels; attention costs more per pixel the larger it is.
    """
    device = next(network.parameters()).device
    inputs = blank_inputs(network.spec, window).map(lambda part: part.to(device))
    training = network.training
    network.eval()
    try:
        # as plain matrix products, which every version counts
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as count:
            network(inputs)
    finally:
        network.train(training)
    return float(count.get_total_flops()) / window**2
