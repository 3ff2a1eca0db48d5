"""Multinomial logistic regression on neighbourhood features, for each class of the prior."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.errors import CheckpointError
from ai4land.models.class_options import class_options, class_target
from ai4land.models.inputs import InputSpec
from ai4land.models.markov import Markov
from ai4land.models.markov import load_predictor as load_chain
from ai4land.models.pixelwise import PixelOptions, PixelRows, PixelView, Pixelwise
from ai4land.models.predictor import Untrained
from ai4land.models.stack import mean_of

__all__ = ["Logistic", "LogisticOptions", "build", "combine", "load_predictor", "standardised"]

FloatArray = npt.NDArray[np.float32]
Positive = Annotated[int, Field(ge=1)]

FILE = "regression.json"
_FURTHEST = 10.0  # spreads from the mean beyond which a feature says no more


class LogisticOptions(PixelOptions):
    """Options of the regression, beside those of ``PixelOptions``.

    Attributes:
        penalties: Strengths of the quadratic penalty on the weights, of which the validation split
            chooses one for each class of the prior; 1 is a standard normal prior of independent
            pixels, of which real ones are far.
        iterations: Steps of L-BFGS at most, for each of them.
    """

    logs: ClassVar[bool] = True

    name: Literal["logistic"] = "logistic"
    pixels: Positive = 300_000
    penalties: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (
        *(1000.0, 100.0, 10.0),
    )
    iterations: Positive = 60


class Logistic(Pixelwise):
    """Log odds of the Markov chain, plus weights times standardised features.

    The weights are another's for each direction and each class of the prior, and for pixels whose
    prior is hidden. Where nothing was learned they are 0, and the chain stands.

    Args:
        view: Makes rows of pixels.
        mean: ``(F,)`` of the features in training.
        spread: ``(F,)`` standard deviations.
        weights: ``(2, K + 1, K, F + 1)``: direction, class of the prior or hidden, class after,
            features and a constant.
        options: Options.
    """

    def __init__(
        self,
        view: PixelView,
        mean: FloatArray,
        spread: FloatArray,
        weights: FloatArray,
        options: LogisticOptions | None = None,
    ) -> None:
        super().__init__(view, options or LogisticOptions())
        self.mean, self.spread, self.weights = mean, spread, weights

    def save(self, folder: Path) -> None:
        """Write weights and statistics, and the chain."""
        self.view.chain.save(folder)
        held = {name: getattr(self, name).tolist() for name in ("mean", "spread", "weights")}
        (folder / FILE).write_text(json.dumps(held) + "\n", encoding="utf-8")

    def probabilities(self, rows: PixelRows) -> FloatArray:
        """Class probabilities ``(N, K)`` of pixels."""
        logits, features = rows.start.copy(), standardised(rows.features, self.mean, self.spread)
        group = rows.backward * self.weights.shape[1] + rows.prior
        flat = self.weights.reshape(-1, *self.weights.shape[2:])
        for one in np.unique(group):
            (there,) = np.nonzero(group == one)
            logits[there] += features[there] @ flat[one].T
        logits -= logits.max(axis=1, keepdims=True)
        found = np.exp(logits)
        return np.asarray(found / found.sum(axis=1, keepdims=True))


def standardised(features: FloatArray, mean: FloatArray, spread: FloatArray) -> FloatArray:
    """Features ``(N, F)`` in spreads from their mean, missing ones at it, and a constant."""
    out = np.ones((len(features), len(mean) + 1), np.float32)
    scaled = np.divide(features - mean, spread, out=out[:, :-1])
    np.nan_to_num(scaled, copy=False)
    np.clip(scaled, -_FURTHEST, _FURTHEST, out=scaled)
    return out


def build(architecture: Mapping[str, Any], spec: InputSpec) -> Untrained:
    """What a regression would be.

    Raises:
        ConfigError: If an option is unknown or impossible, or there is no map of classes.
    """
    options = class_options(LogisticOptions, architecture)
    size = class_target(spec, "logistic").layers
    features = len(options.view(Markov(spec, {})).names)
    return Untrained(1, 2 * (size + 1) * size * (features + 1))


combine = mean_of


def load_predictor(
    architecture: Mapping[str, Any], spec: InputSpec, folder: Path, device: str = "cpu"
) -> Logistic:
    """Load what ``Logistic.save`` wrote.

    Raises:
        ConfigError: If an option is unknown or impossible.
        CheckpointError: If the weights are damaged or of other features.
    """
    options = class_options(LogisticOptions, architecture)
    view = options.view(load_chain({"name": "markov"}, spec, folder))
    size, count = view.target.layers, len(view.names)
    try:
        held = json.loads((folder / FILE).read_text(encoding="utf-8"))
        mean, spread, weights = (
            np.array(held[n], np.float32) for n in ("mean", "spread", "weights")
        )
        shapes = (mean.shape, spread.shape, weights.shape)
        if shapes != ((count,), (count,), (2, size + 1, size, count + 1)):
            raise ValueError(f"{count} features of {size} classes expected, found {shapes}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            "The weights do not fit the features", where=folder / FILE, found=error
        ) from error
    return Logistic(view, mean, spread, weights, options)
