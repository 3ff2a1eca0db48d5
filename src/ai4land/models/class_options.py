"""What the families that are no networks have in common: strict options, one map of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from ai4land.errors import ConfigError
from ai4land.models.inputs import InputSpec
from ai4land.vocabulary import Place, Target, validated

__all__ = ["ClassModelOptions", "class_options", "class_target"]


class ClassModelOptions(BaseModel):
    """Options of a family, as ``model`` of an experiment gives them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str


Options = TypeVar("Options", bound=ClassModelOptions)


def class_options(kind: type[Options], architecture: Mapping[str, Any]) -> Options:
    """The options of an architecture.

    Raises:
        ConfigError: If one is unknown or does not fit; it names the nearest that is known.
    """
    return validated(dict(architecture), kind, Place("model"))


def class_target(spec: InputSpec, family: str) -> Target:
    """The one map of classes that a family predicts.

    Raises:
        ConfigError: If there are other targets, or none of classes.
    """
    if len(spec.targets) != 1 or not spec.targets[0].categorical:
        raise ConfigError(
            f"The family {family!r} predicts one map of classes and no numbers",
            where="task",
            expected="one target of classes, such as land_use",
            found=", ".join(target.name for target in spec.targets),
            remedy="take a network for this task",
        )
    return spec.targets[0]
