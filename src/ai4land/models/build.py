"""Building a network from plain data, as experiments and checkpoints name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai4land.errors import ConfigError
from ai4land.models.ensemble import Ensemble
from ai4land.models.inputs import InputSpec
from ai4land.models.unet import UNet, UNetOptions

__all__ = ["MODELS", "build_network", "build_predictor"]

MODELS = {"unet": (UNet, UNetOptions)}
"""Architectures by name: network class and options class."""


def build_network(architecture: Mapping[str, Any], spec: InputSpec) -> UNet:
    """Build an untrained network.

    Args:
        architecture: ``name`` and the options of that architecture.
        spec: The inputs it will take.

    Raises:
        ConfigError: If the architecture or one of its options is unknown.
    """
    options: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in architecture.items()
    }
    name = options.pop("name", None)
    if name not in MODELS:
        raise ConfigError("Unknown architecture", expected=", ".join(MODELS), found=name)
    network, options_class = MODELS[name]
    try:
        chosen = options_class(**options)
    except TypeError as error:
        raise ConfigError(
            "Impossible options of the network",
            where=f"architecture {name!r}",
            expected=", ".join(options_class.__dataclass_fields__),
            found=error,
        ) from error
    return network(spec, chosen)


def build_predictor(architecture: Mapping[str, Any], spec: InputSpec) -> UNet | Ensemble:
    """Build what a checkpoint holds: a network, or the ensemble that ``members`` counts.

    Raises:
        ConfigError: As ``build_network``.
    """
    single = dict(architecture)
    members = single.pop("members", None)
    if members is None:
        return build_network(single, spec)
    if not isinstance(members, int) or members < 1:
        raise ConfigError("Impossible ensemble", expected="a number of members", found=members)
    return Ensemble([build_network(single, spec) for _ in range(members)])
