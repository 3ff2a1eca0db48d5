"""Calibration: predicted class probabilities scaled to what came on data held out from training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, TypeAdapter

from ai4land.errors import CheckpointError

__all__ = ["Calibration", "Scaling"]

FloatArray = npt.NDArray[np.float32]

STRICT = ConfigDict(extra="forbid")
_LEAST = np.float32(1e-12)


@dataclass(frozen=True, slots=True)
class Scaling:
    """Probabilities raised to a power, the prior's class and each other favoured by a constant.

    ``softmax(log p / temperature + classes + stay · [class is the prior's])``: temperature scaling
    and the bias part of vector scaling (Guo et al. 2017, arXiv:1706.04599), with one more constant
    for what land-change models get wrong first, how much changes at all.

    Attributes:
        temperature: Above 0; above 1 the probabilities become less certain.
        stay: Added to the log probability of the prior's class.
        classes: Added to that of each class, in legend order; empty for nothing.
    """

    __pydantic_config__ = STRICT

    temperature: Annotated[float, Field(gt=0)] = 1.0
    stay: float = 0.0
    classes: tuple[float, ...] = ()

    def applied(self, probability: FloatArray, prior: npt.NDArray[np.uint8]) -> FloatArray:
        """Scaled probabilities; what is 0 stays 0.

        Args:
            probability: ``(K, …)``, sums of 1.
            prior: Class positions before the step ``(…)``; 255, unknown, favours no class.
        """
        if self == Scaling():
            return probability
        layers = len(probability)
        rest = (1,) * (probability.ndim - 1)
        logs = np.log(np.maximum(probability, _LEAST)) / np.float32(self.temperature)
        if self.classes:
            logs += np.asarray(self.classes, np.float32).reshape(layers, *rest)
        classes = np.arange(layers, dtype=np.uint8).reshape(layers, *rest)
        logs += np.float32(self.stay) * (prior == classes)
        scaled = np.where(probability > 0.0, np.exp(logs - logs.max(axis=0)), np.float32(0.0))
        total = scaled[0].copy()
        for layer in scaled[1:]:  # in one order, whatever the shape
            total += layer
        return np.asarray(scaled / np.maximum(total, _LEAST), np.float32)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the probabilities of one target are scaled, in each direction.

    Attributes:
        forward: In steps forward.
        backward: In steps backward.
    """

    __pydantic_config__ = STRICT

    forward: Scaling = Scaling()
    backward: Scaling = Scaling()

    def of(self, ticks: int) -> Scaling:
        """The scaling of a step of so many ticks."""
        return self.forward if ticks > 0 else self.backward

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """The inverse of ``to_dict``; what is not said does nothing.

        Raises:
            CheckpointError: If a constant is unknown or impossible.
        """
        try:
            return TypeAdapter(cls).validate_python(dict(data))
        except ValueError as error:
            raise CheckpointError(
                "The calibration of a checkpoint is damaged", found=error
            ) from error
