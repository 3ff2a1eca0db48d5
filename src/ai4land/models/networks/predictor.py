"""Networks as a predictor: arrays in, the mean of one or several networks out."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ai4land.errors import CheckpointError, ConfigError
from ai4land.models.inputs import Inputs, InputSpec, join_inputs
from ai4land.models.networks.build import build_network
from ai4land.models.networks.cost import flops_per_pixel
from ai4land.models.networks.network import Network

__all__ = ["NetworkPredictor", "combine", "load_predictor", "tensors"]

_WEIGHTS = "model.safetensors"
Array = npt.NDArray[Any]


class NetworkPredictor:
    """The mean of networks of one architecture, trained from different seeds, on the same inputs.

    It averages what the activation returns (probabilities or physical values), never logits.

    Args:
        networks: At least one; put into evaluation mode.
        device: Where they compute.

    Raises:
        ConfigError: If they are not of one architecture and the same inputs.
    """

    def __init__(self, networks: Sequence[Network], device: str = "cpu") -> None:
        if len({str((n.spec, n.to_dict())) for n in networks}) != 1:
            raise ConfigError(
                "An ensemble needs members of one architecture and the same inputs",
                found=f"{len(networks)} members",
            )
        self.networks = [network.eval() for network in networks]
        self.device = device
        self._ready = [_prepared(network).to(torch.device(device)) for network in self.networks]

    @property
    def spec(self) -> InputSpec:
        """The inputs it takes."""
        return self.networks[0].spec

    @property
    def multiple(self) -> int:
        """Height and width of its inputs must be multiples of this."""
        return self.networks[0].multiple

    def to_dict(self) -> dict[str, Any]:
        """Architecture, options and number of members as plain data."""
        count = len(self.networks)
        return {**self.networks[0].to_dict(), **({"members": count} if count > 1 else {})}

    def predict(self, inputs: Inputs[Array]) -> dict[str, npt.NDArray[np.float32]]:
        """Values ``(B, K, Y, X)`` of each target: class probabilities, or physical units."""
        batch = tensors(inputs, self.device)
        with torch.inference_mode():
            found = [network.values(batch) for network in self._ready]
            return {name: _mean([f[name] for f in found]).cpu().numpy() for name in found[0]}

    @property
    def parameters(self) -> int:
        """Number of fitted constants of all members."""
        return sum(p.numel() for network in self.networks for p in network.parameters())

    @property
    def operations(self) -> float:
        """Floating-point operations of a prediction per pixel, of all members."""
        return sum(flops_per_pixel(network) for network in self.networks)

    def predict_ahead(
        self, inputs: Sequence[Inputs[Array]]
    ) -> list[dict[str, npt.NDArray[np.float32]]]:
        """Values as ``predict`` after each of several steps, from one pass of the backbone.

        Args:
            inputs: One batch a step, nearest first, of the same windows and priors; each told of
                its own target time. At most as many as the networks' option ``ahead``.

        Raises:
            ConfigError: If they are more.
        """
        batch, steps = tensors(join_inputs(inputs), self.device), len(inputs)
        with torch.inference_mode():
            found = [network.values(batch, steps) for network in self._ready]
            mean = {name: _mean([f[name] for f in found]).cpu().numpy() for name in found[0]}
        parts = {name: np.split(values, steps) for name, values in mean.items()}
        return [{name: values[step] for name, values in parts.items()} for step in range(steps)]

    def save(self, folder: Path) -> None:
        """Write the weights of all members."""
        save_file(
            {
                f"{number}.{key}": value.detach().cpu().contiguous()
                for number, network in enumerate(self.networks)
                for key, value in network.state_dict().items()
            },
            str(folder / _WEIGHTS),
        )

    def members(self) -> tuple[NetworkPredictor, ...]:
        """One predictor a network."""
        if len(self.networks) == 1:
            return (self,)
        return tuple(NetworkPredictor([network], self.device) for network in self.networks)

    def followers(self, target: str) -> npt.NDArray[np.bool_] | None:
        """Which class was seen to follow which in the training of any member."""
        found = [n.transitions()[target] for n in self.networks if target in n.transitions()]
        if not found:
            return None
        every = np.logical_or.reduce([f.possible().cpu().numpy() for f in found])
        return np.asarray(every, dtype=bool)


def combine(predictors: Sequence[NetworkPredictor]) -> NetworkPredictor:
    """The mean of several predictors, as one."""
    return NetworkPredictor([n for p in predictors for n in p.networks], predictors[0].device)


def load_predictor(
    architecture: Mapping[str, Any], spec: InputSpec, folder: Path, device: str = "cpu"
) -> NetworkPredictor:
    """Load networks from the folder that ``NetworkPredictor.save`` filled.

    Raises:
        ConfigError: If the architecture or one of its options is unknown.
        CheckpointError: If the weights do not fit it.
    """
    single = dict(architecture)
    count = single.pop("members", 1)
    if not isinstance(count, int) or count < 1:
        raise ConfigError("Impossible ensemble", expected="a number of members", found=count)
    networks = [build_network(single, spec) for _ in range(count)]
    try:
        held = load_file(str(folder / _WEIGHTS))
        for number, network in enumerate(networks):
            own = f"{number}."
            network.load_state_dict(
                {k.removeprefix(own): v for k, v in held.items() if k.startswith(own)}
            )
    except (RuntimeError, OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            "The weights do not fit the architecture", where=folder, found=error
        ) from error
    return NetworkPredictor(networks, device)


def tensors(inputs: Inputs[Array], device: torch.device | str = "cpu") -> Inputs[Tensor]:
    """A batch of arrays as tensors on a device."""
    return inputs.map(lambda part: torch.from_numpy(np.ascontiguousarray(part)).to(device))


def _mean(values: Sequence[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(list(values)).mean(dim=0)


def _prepared(network: Network) -> Network:
    """A copy for prediction: batch norms folded into their convolutions, channels last."""
    ready = copy.deepcopy(network)
    for module in ready.modules():
        if isinstance(module, nn.Sequential):
            _fold(module)
    return ready.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _fold(block: nn.Sequential) -> None:
    """Fold each batch norm that directly follows a convolution into it."""
    for place in range(len(block) - 1):
        first, second = block[place], block[place + 1]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            block[place] = fuse_conv_bn_eval(first, second)
            block[place + 1] = nn.Identity()
