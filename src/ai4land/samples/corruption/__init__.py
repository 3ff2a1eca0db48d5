"""Corruption: transforms that damage what a model is shown in training, applied in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, SerializeAsAny, ValidationError

from ai4land.samples.corruption.drop import Drop
from ai4land.samples.corruption.hide import Hide
from ai4land.samples.corruption.noise import Noise
from ai4land.samples.corruption.transform import Share, Subject, Transform
from ai4land.samples.sample import Sample
from ai4land.vocabulary import nearest_name

__all__ = [
    "TRANSFORMS",
    "Corruption",
    "Drop",
    "Hide",
    "Noise",
    "Share",
    "Subject",
    "Transform",
    "corrupted",
]

TRANSFORMS: dict[str, type[Transform]] = {"hide": Hide, "noise": Noise, "drop": Drop}
"""Transforms by the name that experiments use."""


def _transform(data: Any) -> Transform:  # noqa: ANN401
    """A transform from plain data: its ``name`` and its options."""
    if isinstance(data, Transform):
        return data
    options = dict(data) if isinstance(data, Mapping) else {}
    name = options.pop("name", None)
    if name not in TRANSFORMS:
        close = nearest_name(str(name), tuple(TRANSFORMS))
        hint = f"; did you mean {close!r}?" if close else ""
        raise ValueError(f"a transform named one of {', '.join(TRANSFORMS)}{hint}")
    known = [key for key in TRANSFORMS[name].model_fields if key != "name"]
    for key in options:
        if key not in known:
            close = nearest_name(str(key), known)
            hint = f"; did you mean {close!r}?" if close else ""
            raise ValueError(f"options of {name!r} among {', '.join(known)}, not {key!r}{hint}")
    try:
        return TRANSFORMS[name].model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


Corruption = tuple[SerializeAsAny[Annotated[Transform, BeforeValidator(_transform)]], ...]
"""Transforms of an experiment, in the order in which they are applied."""


def corrupted(
    sample: Sample,
    transforms: Sequence[Transform],
    subject: Subject,
    rng: np.random.Generator,
    progress: float = 0.0,
) -> Sample:
    """A sample after all transforms; the truth that the loss sees is never touched.

    Args:
        sample: One sample, without a batch axis.
        transforms: Applied one after the other.
        subject: How the sample is read.
        rng: Source of randomness; the same state gives the same damage.
        progress: Share of the training that is done, 0…1.
    """
    for transform in transforms:
        if rng.random() < transform.probability:
            sample = transform.apply(sample, subject, rng, progress)
    return sample
