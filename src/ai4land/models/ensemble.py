"""Ensembles: networks trained from different seeds, whose mean prediction decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models.inputs import Inputs
from ai4land.models.unet import UNet

__all__ = ["Ensemble"]


class Ensemble(nn.Module):
    """The mean of several networks of one architecture on the same inputs.

    It averages what the activation returns (probabilities or physical values), never logits. It
    predicts only; members are trained one by one.
    """

    def __init__(self, members: Sequence[UNet]) -> None:
        super().__init__()
        if len({str((m.spec, m.options)) for m in members}) != 1:
            raise ConfigError(
                "An ensemble needs members of one architecture and the same inputs",
                found=f"{len(members)} members",
            )
        self.networks = nn.ModuleList(members)
        self.spec = members[0].spec
        self.options = members[0].options

    @property
    def members(self) -> list[UNet]:
        """The networks."""
        return [cast("UNet", network) for network in self.networks]

    def to_dict(self) -> dict[str, Any]:
        """Architecture, options and number of members as plain data."""
        return {**self.members[0].to_dict(), "members": len(self.networks)}

    def predict(self, inputs: Inputs) -> Tensor:
        """Mean prediction ``(B, K, Y, X)``: class probabilities, or a number in physical units."""
        return torch.stack([member.predict(inputs) for member in self.members]).mean(dim=0)
