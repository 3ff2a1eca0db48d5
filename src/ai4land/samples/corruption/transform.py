"""What a transform is, and the share of a sample that it damages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ai4land.models import InputSpec
from ai4land.samples.coding import Coding
from ai4land.samples.sample import Sample

__all__ = ["Share", "SharedTransform", "Subject", "Transform"]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Fraction | tuple[Fraction, Fraction]


class Subject(NamedTuple):
    """How a sample is read: the inputs of the model, and target → how its values are coded."""

    spec: InputSpec
    codings: Mapping[str, Coding]


class Transform(BaseModel):
    """Damage to what a model is shown.

    Attributes:
        name: How experiments call it.
        probability: Share of samples that it is applied to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    probability: Fraction = 1.0

    @abstractmethod
    def apply(
        self, sample: Sample, subject: Subject, rng: np.random.Generator, progress: float
    ) -> Sample:
        """The damaged sample, in new arrays.

        Args:
            sample: One sample, without a batch axis.
            subject: How it is read.
            rng: Source of randomness.
            progress: Share of the training that is done, 0…1.
        """


class SharedTransform(Transform):
    """A transform that damages a share of the pixels.

    Attributes:
        share: One number, or two: from the first to the second.
        over: What two numbers run over: ``training``, from its first step to its last, or
            ``samples``, of which each draws one in between.
    """

    share: Share
    over: Literal["training", "samples"] = "training"

    def drawn(self, rng: np.random.Generator, progress: float) -> float:
        """The share of one sample."""
        if not isinstance(self.share, tuple):
            return self.share
        first, last = self.share
        way = rng.random() if self.over == "samples" else min(max(progress, 0.0), 1.0)
        return first + (last - first) * float(way)
