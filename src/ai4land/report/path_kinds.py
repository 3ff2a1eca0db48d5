"""Kinds of path that a user hands to a command: cube, checkpoint, run, recipe, experiment."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import yaml

from ai4land.errors import ConfigError, MissingFileError

__all__ = ["PathKind", "kind_of"]

_RECIPE = {"years", "region", "variables"}
_EXPERIMENT = {"cube", "task", "forcing", "static", "split", "samples", "model", "training"}


class PathKind(StrEnum):
    """What a path holds."""

    CUBE = "cube"
    CHECKPOINT = "checkpoint"
    RUN = "run"
    RECIPE = "recipe"
    EXPERIMENT = "experiment"


def kind_of(path: Path) -> PathKind:
    """What a path holds, from the least look at it.

    Raises:
        MissingFileError: If there is nothing, or nothing of AI4Land.
        ConfigError: If a YAML file is neither a recipe nor an experiment.
    """
    if path.is_file() and path.suffix in {".yaml", ".yml"}:
        return _document(path)
    for file, kind in (
        ("zarr.json", PathKind.CUBE),
        ("card.json", PathKind.CHECKPOINT),
        ("experiment.json", PathKind.RUN),
    ):
        if (path / file).is_file():
            return kind
    raise MissingFileError(
        "Nothing here that AI4Land knows",
        where=path,
        expected="a cube, a checkpoint, a run of `ai4land train`, a recipe or experiment (.yaml)",
        found="another kind of file or folder" if path.exists() else "no such file or folder",
    )


def _document(path: Path) -> PathKind:
    """A YAML file by the keys that it shares with a recipe and with an experiment."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("The file is not readable YAML", where=path, found=error) from error
    keys = set(data) if isinstance(data, dict) else set()
    recipe, experiment = len(keys & _RECIPE), len(keys & _EXPERIMENT)
    if recipe == experiment:
        raise ConfigError(
            "Neither a recipe nor an experiment",
            where=path,
            expected="a recipe (title, years, region, variables) or an experiment "
            "(title, cube, forcing, split, samples, model, training)",
            found=", ".join(map(str, keys)) or "no keys",
        )
    return PathKind.RECIPE if recipe > experiment else PathKind.EXPERIMENT
