"""Building a network from plain data, as experiments and checkpoints name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai4land.errors import ConfigError
from ai4land.models.inputs import InputSpec
from ai4land.models.networks.backbones import BACKBONES
from ai4land.models.networks.network import Network, NetworkOptions
from ai4land.models.predictor import FAMILIES, Untrained

__all__ = ["build", "build_network"]


def build_network(architecture: Mapping[str, Any], spec: InputSpec) -> Network:
    """Build an untrained network.

    Args:
        architecture: ``name`` of the backbone, and options of both backbone and network.
        spec: The inputs it will take.

    Raises:
        ConfigError: If the backbone or one of the options is unknown.
    """
    options: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in architecture.items()
    }
    name = options.pop("name", None)
    if name not in BACKBONES:
        names = ", ".join((*BACKBONES, *FAMILIES))
        raise ConfigError("Unknown architecture", expected=names, found=name)
    backbone, shape_class = BACKBONES[name]
    own = {k: options.pop(k) for k in shape_class.__dataclass_fields__ if k in options}
    try:
        return Network(spec, backbone, shape_class(**own), NetworkOptions(**options), name)
    except TypeError as error:
        known = (*shape_class.__dataclass_fields__, *NetworkOptions.__dataclass_fields__)
        raise ConfigError(
            "Impossible options of the network",
            where=f"architecture {name!r}",
            expected=", ".join(known),
            found=error,
        ) from error


def build(architecture: Mapping[str, Any], spec: InputSpec) -> Untrained:
    """What a network of an architecture would be.

    Raises:
        ConfigError: As ``build_network``.
    """
    network = build_network(architecture, spec)
    return Untrained(network.multiple, sum(p.numel() for p in network.parameters()))
