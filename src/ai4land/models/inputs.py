"""What a network takes: named groups of fields in physical units, never an anonymous stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ai4land.errors import CheckpointError

__all__ = ["InputSpec", "Inputs"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The fields a network was built for, by name and in order.

    Attributes:
        target: Name of the predicted variable.
        classes: Class names of a categorical target; empty for a continuous one.
        forcing: Names ``variable/component`` of the coarse forcing channels.
        static: Names of the continuous static channels.
        zones: Name and number of codes of each categorical static field.
        activation: How raw output becomes values, see ``Task.activation``.
        translation: ``(classes, forcing)`` matrix from forcing channels to shares of the target's
            classes (a crosswalk); empty where none is known.
        closed_loop: Whether the forcing is made of the target's own classes, so that the forcing
            at the prior time is the aggregate of the prior itself, observed or predicted.
        history: Number of maps before the prior that the network looks at.
    """

    target: str
    classes: tuple[str, ...]
    forcing: tuple[str, ...]
    static: tuple[str, ...]
    zones: tuple[tuple[str, int], ...]
    activation: str = "softmax"
    translation: tuple[tuple[float, ...], ...] = ()
    closed_loop: bool = False
    history: int = 0

    @property
    def layers(self) -> int:
        """Channels of the prior and of the output: one per class, or one number."""
        return max(len(self.classes), 1)

    def to_dict(self) -> dict[str, Any]:
        """The specification as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> InputSpec:
        """The inverse of ``to_dict``.

        Raises:
            CheckpointError: If a part is missing or unknown.
        """
        try:
            return cls(
                target=str(data["target"]),
                classes=tuple(data["classes"]),
                forcing=tuple(data["forcing"]),
                static=tuple(data["static"]),
                zones=tuple((str(name), int(count)) for name, count in data["zones"]),
                activation=str(data["activation"]),
                translation=tuple(tuple(map(float, row)) for row in data["translation"]),
                closed_loop=bool(data["closed_loop"]),
                history=int(data["history"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                "The list of a network's inputs is damaged",
                expected=", ".join(f.name for f in fields(cls)),
                found=data,
            ) from error


class Inputs(NamedTuple):
    """One batch of network inputs; B batch, C channels, Y × X pixels.

    Attributes:
        prior: ``(B, K, Y, X)`` class probabilities, or ``(B, 1, Y, X)`` values in physical units,
            at the prior time.
        visible: ``(B, 1, Y, X)`` 1 where the prior may be seen, 0 where it is hidden or unknown.
        domain: ``(B, 1, Y, X)`` 1 where the target exists at all (not sea, not outside).
        forcing_prior: ``(B, C, Y, X)`` coarse forcing at the prior time, physical units.
        forcing_target: ``(B, C, Y, X)`` coarse forcing at the target time, physical units.
        static: ``(B, S, Y, X)`` continuous static fields, physical units.
        zones: ``(B, Z, Y, X)`` integer codes of categorical static fields.
        history: ``(B, H, K, Y, X)`` as ``prior``, for the H maps before it, nearest first, one
            step length apart.
        history_visible: ``(B, H, Y, X)`` 1 where they may be seen.
        years: ``(B,)`` signed length of the step in years; negative backward.
    """

    prior: Tensor
    visible: Tensor
    domain: Tensor
    forcing_prior: Tensor
    forcing_target: Tensor
    static: Tensor
    zones: Tensor
    history: Tensor
    history_visible: Tensor
    years: Tensor

    def to(self, device: torch.device | str) -> Inputs:
        """The same batch on another device."""
        return Inputs(*(tensor.to(device) for tensor in self))
