"""A predictor that keeps what it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.models import Inputs, InputSpec, Predictor

Array = npt.NDArray[Any]


class Spy:
    """Passes inputs on to another predictor and keeps them.

    Args:
        inner: What predicts.
    """

    def __init__(self, inner: Predictor) -> None:
        self.inner = inner
        self.shown: list[Inputs[Array]] = []

    @property
    def spec(self) -> InputSpec:
        return self.inner.spec

    @property
    def multiple(self) -> int:
        return self.inner.multiple

    def to_dict(self) -> dict[str, Any]:
        return self.inner.to_dict()

    def predict(self, inputs: Inputs[Array]) -> dict[str, npt.NDArray[np.float32]]:
        self.shown.append(inputs)
        return self.inner.predict(inputs)

    def save(self, folder: Path) -> None:
        self.inner.save(folder)

    def members(self) -> tuple[Predictor, ...]:
        return (self,)

    def followers(self, target: str) -> npt.NDArray[np.bool_] | None:
        return self.inner.followers(target)
