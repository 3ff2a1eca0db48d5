"""The predictor: anything that turns inputs into predictions, whatever it was learned with."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ai4land.models.inputs import Inputs, InputSpec

__all__ = ["FAMILIES", "Predictor", "Untrained", "family_of", "open_predictor"]

Array = npt.NDArray[Any]

_NETWORKS = "ai4land.models.networks"


@runtime_checkable
class Predictor(Protocol):
    """A trained model, immutable: many threads may predict with one."""

    @property
    def spec(self) -> InputSpec:
        """The inputs it takes."""

    @property
    def multiple(self) -> int:
        """Height and width of its inputs must be multiples of this."""

    def to_dict(self) -> dict[str, Any]:
        """Architecture and options as plain data, with its ``name``."""

    def predict(self, inputs: Inputs[Array]) -> dict[str, npt.NDArray[np.float32]]:
        """Values ``(B, K, Y, X)`` of each target: class probabilities, or physical units."""

    def save(self, folder: Path) -> None:
        """Write the weights into a folder, nothing that can run code."""

    def members(self) -> tuple[Predictor, ...]:
        """The predictors whose mean this is, itself alone if it is none."""

    def followers(self, target: str) -> npt.NDArray[np.bool_] | None:
        """Which class was seen to follow which, ``(2, K, K)`` forward and backward."""


@dataclass(frozen=True, slots=True)
class Untrained:
    """What a model of an architecture would be, before it is trained.

    Attributes:
        multiple: Height and width of its inputs must be multiples of this.
        parameters: Number of weights.
    """

    multiple: int
    parameters: int


FAMILIES: dict[str, str] = {
    "markov": "ai4land.models.markov",
    "logistic": "ai4land.models.logistic",
    "boosting": "ai4land.models.trees",
    "stack": "ai4land.models.stack",
}
"""Architecture that is no network → the module that builds and loads it, imported when asked for.

All other names are backbones of networks, see ``models.networks.BACKBONES``.
"""


def family_of(architecture: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The module of an architecture."""
    return importlib.import_module(FAMILIES.get(str(architecture.get("name")), _NETWORKS))


def open_predictor(
    architecture: Mapping[str, Any], spec: InputSpec, folder: Path, device: str = "cpu"
) -> Predictor:
    """Load the predictor that a folder keeps the weights of.

    Raises:
        ConfigError: If the architecture or one of its options is unknown.
        CheckpointError: If the weights do not fit it.
    """
    found: Predictor = family_of(architecture).load_predictor(architecture, spec, folder, device)
    return found
