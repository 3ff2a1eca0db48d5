"""What networks of about equal size cost: weights, operations a pixel, samples a second.

    python benchmarks/network_speed.py                       # here, in float32
    python benchmarks/network_speed.py --window 256 --window 512 --batch 8 --device cuda --bf16

Eight classes under their own coarse shares, with terrain and climate zones. Each backbone is as
wide as gives it the number of weights of the default U-Net; where MONAI can be imported, its
``BasicUNet`` and ``UNet`` stand beside, between the same encoder and heads. A prediction goes from
arrays to probabilities, a training step from tensors to gradients. The order of turns is shuffled,
and the median of the turns is printed; on a CPU a second is one of processor time, so that it does
not matter what else a machine does.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor

from ai4land.models import Inputs, InputSpec
from ai4land.models.networks import (
    BACKBONES,
    Backbone,
    Network,
    NetworkPredictor,
    blank_inputs,
    build_network,
    flops_per_pixel,
)
from ai4land.vocabulary import LAND_USE

CLASSES = tuple(f"class_{number}" for number in range(8))
TARGET = LAND_USE.targets[0].with_classes(CLASSES)
SPEC = InputSpec(
    targets=(TARGET,),
    forcing=tuple(f"land_use_fractions/{name}" for name in CLASSES),
    static=("elevation", "slope"),
    zones=(("climate_zone", 31),),
    bound=TARGET.name,
    translation=tuple(tuple(float(i == j) for j in range(8)) for i in range(8)),
    closed_loop=True,
)


@dataclass(frozen=True)
class MonaiOptions:
    """Width of MONAI's networks at the top."""

    width: int = 16


class MonaiBasicUNet(Backbone):
    """MONAI's ``BasicUNet``: four levels down, double convolutions with instance norm."""

    multiple = 16

    def __init__(self, channels: int, step_channels: int, options: MonaiOptions) -> None:
        super().__init__(channels, step_channels, options)
        nets = importlib.import_module("monai.networks.nets")
        self.features = w = options.width
        self.net = nets.BasicUNet(2, channels, w, features=(w, w, 2 * w, 4 * w, 8 * w, w))

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """``(B, C, Y, X)`` → ``(B, width, Y, X)``; the step is not looked at."""
        return self.net(features)


class MonaiUNet(Backbone):
    """MONAI's ``UNet``: three levels by strided convolutions, two residual units each."""

    multiple = 4

    def __init__(self, channels: int, step_channels: int, options: MonaiOptions) -> None:
        super().__init__(channels, step_channels, options)
        nets = importlib.import_module("monai.networks.nets")
        self.features = w = options.width
        self.net = nets.UNet(
            2, channels, w, channels=(w, 2 * w, 4 * w), strides=(2, 2), num_res_units=2
        )

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """``(B, C, Y, X)`` → ``(B, width, Y, X)``; the step is not looked at."""
        return self.net(features)


FAMILIES: dict[str, Callable[[int], Mapping[str, Any]]] = {
    "unet": lambda w: {"name": "unet", "widths": (w, 2 * w, 4 * w)},
    "cnn": lambda w: {"name": "cnn", "width": w},
    "vit": lambda w: {"name": "vit", "width": 4 * w, "heads": 4, "features": 24},
}


def add_monai() -> bool:
    """Enter MONAI's networks, if there are any."""
    try:
        importlib.import_module("monai.networks.nets")
    except ImportError:
        return False
    for name, backbone in (("monai BasicUNet", MonaiBasicUNet), ("monai UNet", MonaiUNet)):
        BACKBONES[name] = (backbone, MonaiOptions)
        FAMILIES[name] = lambda w, name=name: {"name": name, "width": w}
    return True


def weights_of(network: Network) -> int:
    """Number of weights."""
    return sum(p.numel() for p in network.parameters())


def equal_network(name: str, size: int) -> Network:
    """The network of a family whose number of weights comes nearest to a size."""
    found = build_network(FAMILIES[name](4), SPEC)
    for width in range(5, 200):
        other = build_network(FAMILIES[name](width), SPEC)
        if abs(weights_of(other) - size) < abs(weights_of(found) - size):
            found = other
        if weights_of(other) > size:
            break
    return found


def filled_inputs(window: int, batch: int) -> Inputs[Tensor]:
    """Inputs of random numbers, so that no denormal or empty one is fast by luck."""
    rng = torch.Generator().manual_seed(0)
    blank = blank_inputs(SPEC, window, batch)
    filled = blank.map(lambda p: torch.rand(p.shape, generator=rng) if p.ndim > 2 else p)
    return filled._replace(zones=blank.zones)


def seconds(work: Callable[[], object], device: str) -> float:
    """Of one turn: of the processor on a CPU, of the clock elsewhere."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return clock() - start


def prediction(
    network: Network, inputs: Inputs[Tensor], device: str, bf16: bool
) -> Callable[[], object]:
    """From arrays to probabilities."""
    predictor = NetworkPredictor([network], device)
    arrays = inputs.map(lambda p: p.numpy())

    def predict() -> None:
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=bf16):
            predictor.predict(arrays)

    return predict


def training_step(
    network: Network, inputs: Inputs[Tensor], device: str, bf16: bool
) -> Callable[[], object]:
    """From tensors to gradients."""
    learner = build_network(network.to_dict(), SPEC).to(device).train()
    there = inputs.map(lambda p: p.to(device))

    def learn() -> None:
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=bf16):
            raw = learner(there)[TARGET.name]
        raw.float().logsumexp(dim=1).mean().backward()
        learner.zero_grad()

    return learn


def main(
    window: Annotated[list[int] | None, typer.Option(help="Sides in pixels.")] = None,
    batch: Annotated[int, typer.Option(help="Windows at once.")] = 4,
    turns: Annotated[int, typer.Option(help="Turns of each, after one to warm up.")] = 5,
    device: Annotated[str, typer.Option(help="Where they compute.")] = "cpu",
    bf16: Annotated[bool, typer.Option(help="Products in bfloat16.")] = False,
) -> None:
    """Print the table."""
    if not add_monai():
        print("MONAI cannot be imported: its networks are left out")
    size = weights_of(build_network({"name": "unet"}, SPEC))
    networks = {name: equal_network(name, size) for name in FAMILIES}
    print(
        f"{device}, {torch.get_num_threads()} threads, batches of {batch}, "
        f"{'bf16' if bf16 else 'float32'}, torch {torch.__version__}"
    )
    print(f"{'':16} window   weights  kFLOP/px  predicted/s  trained/s")
    rng = np.random.default_rng(0)
    for side in window or (64, 128):
        inputs = filled_inputs(side, batch)
        work = [
            (name, kind, make(network, inputs, device, bf16))
            for name, network in networks.items()
            for kind, make in (("predict", prediction), ("learn", training_step))
        ]
        took: dict[tuple[str, str], list[float]] = {}
        for turn in range(turns + 1):
            for place in rng.permutation(len(work)):
                name, kind, function = work[place]
                spent = seconds(function, device)
                if turn:
                    took.setdefault((name, kind), []).append(spent)
        for name, network in networks.items():
            rates = [batch / float(np.median(took[name, kind])) for kind in ("predict", "learn")]
            print(
                f"{name:16} {side:6d} {weights_of(network):9d} "
                f"{flops_per_pixel(network, side) / 1e3:9.1f} {rates[0]:12.1f} {rates[1]:10.1f}"
            )


if __name__ == "__main__":
    typer.run(main)
