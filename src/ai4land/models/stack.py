"""Stacks: the weighted mean of predictors of any families."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.errors import CheckpointError, ConfigError
from ai4land.models.class_options import ClassModelOptions, class_options
from ai4land.models.inputs import Inputs, InputSpec
from ai4land.models.predictor import Predictor, Untrained, family_of, open_predictor

__all__ = ["Stack", "StackOptions", "build", "combine", "load_predictor", "mean_of"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]

FILE = "stack.json"


class StackOptions(ClassModelOptions):
    """Options of a stack.

    Attributes:
        members: Architecture of each member, with its options.
        weights: ``mean``, or ``fitted`` on the validation split for each direction.
    """

    name: Literal["stack"] = "stack"
    members: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]
    weights: Literal["mean", "fitted"] = "fitted"


class Stack:
    """The mean of what predictors of the same inputs say, weighted for each direction.

    It averages probabilities, or values in physical units, never logits. A mixture of calibrated
    forecasts with weights fitted by likelihood is Bayesian model averaging (Raftery et al. 2005).

    Args:
        predictors: At least one.
        weights: ``(2, M)`` weights of the members in steps forward and backward, sums of 1;
            ``None`` for a plain mean.

    Raises:
        ConfigError: If the members take other inputs, or there is not a weight for each.
    """

    def __init__(
        self, predictors: Sequence[Predictor], weights: npt.NDArray[np.float64] | None = None
    ) -> None:
        self.predictors = tuple(predictors)
        if not predictors or any(p.spec != predictors[0].spec for p in predictors):
            raise ConfigError(
                "A stack needs members that take the same inputs",
                found=f"{len(predictors)} members",
            )
        count = len(predictors)
        plain = np.full((2, count), 1.0 / count)
        self.weights = plain if weights is None else np.asarray(weights, np.float64)
        fair = self.weights.shape == plain.shape and self.weights.min() >= 0.0
        if not fair or not np.allclose(self.weights.sum(axis=1), 1.0):
            raise ConfigError(
                "Impossible weights of a stack",
                expected=f"2 × {count} weights of 0 or more, sums of 1",
                found=self.weights.tolist(),
            )
        self._fitted = weights is not None

    @property
    def spec(self) -> InputSpec:
        """The inputs it takes."""
        return self.predictors[0].spec

    @property
    def multiple(self) -> int:
        """Height and width of its inputs must be multiples of this."""
        return int(np.lcm.reduce([p.multiple for p in self.predictors]))

    def to_dict(self) -> dict[str, Any]:
        """Architectures of the members, and how they are weighted."""
        return {
            "name": "stack",
            "members": [p.to_dict() for p in self.predictors],
            "weights": "fitted" if self._fitted else "mean",
        }

    def predict(self, inputs: Inputs[Array]) -> dict[str, FloatArray]:
        """The weighted mean ``(B, K, Y, X)`` of each target; what weighs nothing is not asked."""
        lengths = [i for i, n in enumerate(self.spec.calendar) if n.startswith("years")]
        ways = (inputs.calendar[:, lengths] < 0).any(axis=1)  # what moves moves the same way
        weights = self.weights[ways.astype(int)].astype(np.float32)
        total: dict[str, FloatArray] = {}
        for predictor, weight in zip(self.predictors, weights.T, strict=True):
            if not weight.any():
                continue
            for name, values in predictor.predict(inputs).items():
                part = values * weight[:, None, None, None]
                total[name] = total[name] + part if name in total else part
        return total

    def save(self, folder: Path) -> None:
        """Write the weights, and each member into a folder of its own."""
        text = json.dumps(self.weights.tolist())
        (folder / FILE).write_text(text + "\n", encoding="utf-8")
        for number, predictor in enumerate(self.predictors):
            own = folder / f"member{number}"
            own.mkdir()
            predictor.save(own)

    def members(self) -> tuple[Predictor, ...]:
        """Those whose plain mean it is; itself if they weigh differently."""
        return (self,) if self._fitted or len(self.predictors) == 1 else self.predictors

    def followers(self, target: str) -> npt.NDArray[np.bool_] | None:
        """Which class was seen to follow which in the training of any member."""
        found = [p.followers(target) for p in self.predictors]
        known = [f for f in found if f is not None]
        return np.logical_or.reduce(known) if len(known) == len(found) else None


def mean_of(predictors: Sequence[Predictor]) -> Predictor:
    """The plain mean of several predictors; a single one stays what it is."""
    return predictors[0] if len(predictors) == 1 else Stack(predictors)


def build(architecture: Mapping[str, Any], spec: InputSpec) -> Untrained:
    """What a stack would be.

    Raises:
        ConfigError: If an option of it or of a member is unknown or impossible.
    """
    options = class_options(StackOptions, architecture)
    parts = [family_of(member).build(member, spec) for member in options.members]
    return Untrained(
        int(np.lcm.reduce([p.multiple for p in parts])), sum(p.parameters for p in parts)
    )


combine = mean_of


def load_predictor(
    architecture: Mapping[str, Any], spec: InputSpec, folder: Path, device: str = "cpu"
) -> Stack:
    """Load what ``Stack.save`` wrote.

    Raises:
        ConfigError: If an option is unknown or impossible.
        CheckpointError: If weights or a member are damaged.
    """
    options = class_options(StackOptions, architecture)
    try:
        weights = np.array(json.loads((folder / FILE).read_text(encoding="utf-8")), np.float64)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            "The weights of the stack are damaged", where=folder / FILE, found=error
        ) from error
    predictors = [
        open_predictor(member, spec, folder / f"member{number}", device)
        for number, member in enumerate(options.members)
    ]
    return Stack(predictors, weights if options.weights == "fitted" else None)
