"""Noise: wrong values in the prior, so that a model learns not to believe every pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.errors import ConfigError
from ai4land.samples.coding import ClassCoding, Coding
from ai4land.samples.corruption.transform import Share, SharedTransform, Subject
from ai4land.samples.sample import Sample

__all__ = ["Noise"]

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
Weight = Annotated[float, Field(ge=0.0)]


class Noise(SharedTransform):
    """Replaces the values of a share of the visible prior.

    Attributes:
        share: Share of visible pixels replaced (the reference system: 0.10).
        by: What stands there then. ``window``: the value of another visible pixel of the window,
            for classes and numbers alike. ``uniform``: any class that is not sea. A confusion
            matrix: class → other class → weight, as a product's validation gives it; classes
            without a row stay, and only maps whose classes it names are touched.
    """

    name: Literal["noise"] = "noise"
    share: Share = 0.1
    by: Literal["window", "uniform"] | dict[str, dict[str, Weight]] = "window"

    def apply(
        self, sample: Sample, subject: Subject, rng: np.random.Generator, progress: float
    ) -> Sample:
        """The sample with another prior; what may not be seen stays as it was."""
        share = self.drawn(rng, progress)
        for name, target in sample.targets.items():
            hit = target.visible & (rng.random(target.prior.shape) < share)
            if not hit.any():
                continue
            prior = target.prior.copy()
            prior[hit] = self._values(prior, hit, target.visible, subject.codings[name], rng)
            sample = sample.with_target(name, prior=prior)
        return sample

    def _values(
        self,
        prior: Array,
        hit: BoolArray,
        visible: BoolArray,
        coding: Coding,
        rng: np.random.Generator,
    ) -> Array:
        """What comes in place of the values that are hit."""
        if self.by == "window":
            return np.asarray(rng.choice(prior[visible], np.count_nonzero(hit)))
        if not isinstance(coding, ClassCoding):
            return np.asarray(prior[hit])
        count = coding.layers
        if isinstance(self.by, str):
            land = [k for k in range(count) if k not in coding.sea]
            matrix = np.zeros((count, count))
            matrix[:, land] = 1.0
        else:
            matrix = _matrix(self.by, coding)
        return _drawn(prior[hit], matrix, rng)


def _matrix(rows: Mapping[str, Mapping[str, float]], coding: ClassCoding) -> Array:
    """Weights of the classes that come in place of each class ``(K, K)``."""
    names = coding.legend.names
    unknown = {n for row, others in rows.items() for n in (row, *others)} - set(names)
    if unknown:
        raise ConfigError(
            "The confusion matrix names unknown classes",
            where="samples.corruption, noise",
            expected=", ".join(names),
            found=", ".join(sorted(unknown)),
        )
    matrix = np.eye(coding.layers)
    for name, others in rows.items():
        row = np.array([others.get(other, 0.0) for other in names])
        matrix[names.index(name)] = row if row.any() else matrix[names.index(name)]
    return matrix


def _drawn(classes: Array, matrix: Array, rng: np.random.Generator) -> Array:
    """One class for each, drawn from the row of its own; unknown ones stay."""
    count = len(matrix)
    chance = np.cumsum(matrix, axis=1)
    chance /= chance[:, -1:]
    own = np.minimum(classes, count - 1).astype(np.int64)
    found = (rng.random(classes.shape)[:, None] >= chance[own]).sum(axis=1)
    return np.where(classes < count, found, classes).astype(classes.dtype)
