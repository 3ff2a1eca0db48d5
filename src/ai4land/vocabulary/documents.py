"""Strict documents: a YAML file as a frozen pydantic model, or one error that names the place."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ai4land.errors import ConfigError, MissingFileError
from ai4land.vocabulary.variables import nearest_name

__all__ = ["parse_document", "read_document"]

Model = TypeVar("Model", bound=BaseModel)


def read_document(path: str | Path, model: type[Model]) -> Model:
    """Read a YAML file into a model.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If it is not YAML, or holds an unknown key or an impossible value; the error
            names the key, and for a misspelt one the nearest known key.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError("There is no such file", where=path) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("The file is not readable YAML", where=path, found=error) from error
    return parse_document(data, model, where=path)


def parse_document(data: object, model: type[Model], where: object) -> Model:
    """Plain data as a model; raises ``ConfigError`` as ``read_document`` does."""
    if not isinstance(data, dict):
        raise ConfigError(
            "The document is not a mapping of keys",
            where=where,
            expected=", ".join(model.model_fields),
            found=type(data).__name__,
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        if first["type"] == "extra_forbidden":
            known = _known_keys(model, first["loc"][:-1])
            close = nearest_name(str(first["loc"][-1]), known)
            raise ConfigError(
                f"Unknown key{more}",
                where=f"{where}: {at}",
                expected=f"one of {', '.join(known)}",
                found=repr(first["loc"][-1]),
                remedy=f"did you mean {close!r}?" if close else None,
            ) from None
        raise ConfigError(
            f"Impossible value{more}",
            where=f"{where}: {at}",
            expected=first["msg"],
            found=repr(first.get("input"))[:200],
        ) from None


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Keys that the part of a model at ``path`` knows."""
    current: type[BaseModel] = model
    for part in path:
        field = current.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field is not None else None
        # a step into a mapping or list names no field: the model stays that of its values
        current = inner or current
    return list(current.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The first pydantic model inside a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        for argument in typing.get_args(annotation):
            found = _model_in(argument)
            if found is not None:
                return found
    return None
