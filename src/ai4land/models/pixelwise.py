"""Learners of single pixels: a Markov chain's probabilities, corrected by what lies around."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.models.class_options import ClassModelOptions
from ai4land.models.inputs import Inputs, InputSpec
from ai4land.models.markov import Markov
from ai4land.models.neighbourhood import MAX_REACH, RADII, Neighbourhood

__all__ = ["PixelOptions", "PixelRows", "PixelView", "Pixelwise"]

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


_LEAST = 1e-6  # probability of the chain below which its logarithm does not go


class PixelOptions(ClassModelOptions):
    """What learners of single pixels may be asked alike.

    Attributes:
        radii: Half sides in pixels of the squares in which densities are counted.
        reach: Pixels at which distances are capped.
        pixels: Pixels to learn from at most.
    """

    logs: ClassVar[bool] = False  # as of ``Neighbourhood``

    radii: tuple[int, ...] = RADII
    reach: int = MAX_REACH
    pixels: Annotated[int, Field(ge=1)]

    def view(self, chain: Markov) -> PixelView:
        """What it looks at."""
        around = Neighbourhood(chain.spec, self.radii, self.reach, logs=self.logs)
        return PixelView(chain, around)


@dataclass(frozen=True, slots=True)
class PixelRows:
    """Pixels as a learner takes them.

    Attributes:
        features: ``(N, F)`` float32, see ``PixelView.names``; missing drivers are NaN.
        start: ``(N, K)`` log probabilities of the Markov chain, which the learner corrects.
        prior: ``(N,)`` class of the prior; K where it is hidden.
        backward: ``(N,)`` whether the step goes backward.
    """

    features: FloatArray
    start: FloatArray
    prior: npt.NDArray[np.uint8]
    backward: BoolArray

    def taken(self, which: npt.NDArray[Any]) -> PixelRows:
        """Some of the pixels, by number or mask."""
        return PixelRows(
            self.features[which], self.start[which], self.prior[which], self.backward[which]
        )


class PixelView:
    """Makes rows of pixels of inputs.

    Args:
        chain: The Markov chain that is corrected.
        neighbourhood: What is looked at around a pixel.
    """

    def __init__(self, chain: Markov, neighbourhood: Neighbourhood) -> None:
        self.chain = chain
        self.neighbourhood = neighbourhood
        self.target = chain.target
        self.possible = np.asarray(chain.followers(self.target.name), np.float32)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return (*self.neighbourhood.names, *(f"{c} by the chain" for c in self.target.classes))

    def rows(self, inputs: Inputs[Array], chain: FloatArray, where: BoolArray) -> PixelRows:
        """The pixels of a batch that are asked for.

        Args:
            inputs: The batch.
            chain: ``(B, K, Y, X)`` what the chain says of it.
            where: ``(B, Y, X)`` which pixels.
        """
        seen, size = inputs.targets[self.target.name], self.target.layers
        start = np.log(np.maximum(_picked(chain, where), np.float32(_LEAST)))
        around = _picked(self.neighbourhood.layers(inputs), where)
        visible = seen.visible[:, 0] > 0
        held = np.where(visible[:, None], np.nan_to_num(seen.prior), 0.0).argmax(axis=1)
        backward = np.broadcast_to((inputs.calendar[:, 0] < 0)[:, None, None], where.shape)
        return PixelRows(
            np.concatenate([around, start], axis=1),
            start,
            np.where(visible, held, size)[where].astype(np.uint8),
            backward[where],
        )

    def may_follow(self, rows: PixelRows, classes: npt.NDArray[np.uint8]) -> BoolArray:
        """Whether a class may follow what is seen of each pixel, ``(N,)``."""
        hidden = rows.prior == self.target.layers
        seen = np.where(hidden, 0, rows.prior)
        may = self.possible[rows.backward.astype(int), seen, classes] > 0
        return np.asarray(may | hidden)

    def allowed(self, inputs: Inputs[Array]) -> FloatArray:
        """How far each class may follow what is seen, ``(B, K, Y, X)``; all where it is hidden."""
        seen = inputs.targets[self.target.name]
        prior = np.where(seen.visible > 0, np.nan_to_num(seen.prior), 0.0).astype(np.float32)
        possible = self.possible[(inputs.calendar[:, 0] < 0).astype(int)]
        known = np.einsum("bjyx,bjk->bkyx", prior, possible)
        return np.asarray(known + (seen.visible <= 0), np.float32)


class Pixelwise(abc.ABC):
    """A predictor that corrects a Markov chain pixel by pixel, from neighbourhood features.

    Pixels outside the domain, and those whose class nothing but itself ever followed, are left to
    the chain. What never followed a class in training gets no probability.

    Args:
        view: Makes rows of pixels.
        options: Options of the learner.
    """

    multiple = 1

    def __init__(self, view: PixelView, options: PixelOptions) -> None:
        self.view, self.options = view, options

    def to_dict(self) -> dict[str, Any]:
        """Options as plain data."""
        return self.options.model_dump(mode="json")

    @property
    def spec(self) -> InputSpec:
        """The inputs it takes."""
        return self.view.chain.spec

    def members(self) -> tuple[Pixelwise, ...]:
        """Itself."""
        return (self,)

    def followers(self, target: str) -> BoolArray | None:
        """Which class was seen to follow which, ``(2, K, K)`` forward and backward."""
        return self.view.chain.followers(target)

    def predict(self, inputs: Inputs[Array]) -> dict[str, FloatArray]:
        """Class probabilities ``(B, K, Y, X)``."""
        name = self.view.target.name
        found = self.view.chain.predict(inputs)[name]
        allowed = self.view.allowed(inputs)
        where = (inputs.targets[name].domain[:, 0] > 0) & ((allowed > 0).sum(axis=1) > 1)
        if not where.any():
            return {name: found}
        kept = self.probabilities(self.view.rows(inputs, found, where)) * _picked(allowed, where)
        total = kept.sum(axis=1, keepdims=True)
        chain = np.moveaxis(found, 1, -1)  # a view: what is written there is written in ``found``
        chain[where] = np.where(total > 1e-6, kept / np.maximum(total, 1e-6), chain[where])
        return {name: found}

    @abc.abstractmethod
    def save(self, folder: Path) -> None:
        """Write what was learned, and the chain."""

    @abc.abstractmethod
    def probabilities(self, rows: PixelRows) -> FloatArray:
        """Class probabilities ``(N, K)`` of pixels."""


def _picked(layers: FloatArray, where: BoolArray) -> FloatArray:
    """Layers ``(B, C, Y, X)`` at some pixels, ``(N, C)``."""
    parts = [part[:, there].T for part, there in zip(layers, where, strict=True)]
    return np.ascontiguousarray(np.concatenate(parts))
