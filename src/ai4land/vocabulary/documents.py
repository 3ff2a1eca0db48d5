"""Strict YAML: one file, one frozen model, and errors that name the line and the nearest key."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from ai4land.errors import ConfigError, MissingFileError
from ai4land.vocabulary.variables import nearest_name

__all__ = ["Place", "load_strict", "read_yaml", "validated"]

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]

_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Place:
    """Where things stand in a YAML file.

    Args:
        path: The file.
        lines: Location of each key → its line, counted from 1.
    """

    def __init__(self, path: Path | str, lines: Mapping[Location, int] | None = None) -> None:
        self.path = path
        self.lines = dict(lines or {})

    def at(self, location: Location) -> str:
        """``file, line n: a.b.c`` of the nearest key that the file really has."""
        known = location
        while known and known not in self.lines:
            known = known[:-1]
        line = f", line {self.lines[known]}" if known else ""
        dotted = ".".join(map(str, location))
        return f"{self.path}{line}{': ' + dotted if dotted else ''}"

    def resolve(self, written: str, location: Location = ()) -> Path:
        """A path as the file writes it: ``${VAR}`` expanded, relative to the file's folder.

        Raises:
            ConfigError: If it names an environment variable that is not set.
        """
        for name in _VARIABLE.findall(written):
            if name not in os.environ:
                raise ConfigError(
                    "The environment variable is not set",
                    where=self.at(location),
                    expected=f"a folder in {name}",
                    found=written,
                    remedy=f"run `export {name}=…` first",
                )
        expanded = _VARIABLE.sub(lambda match: os.environ[match[1]], written)
        return Path(self.path).parent / Path(expanded).expanduser()


def read_yaml(path: Path) -> tuple[dict[str, Any], Place]:
    """Read a mapping and the lines of its keys.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If it is not YAML, not a mapping, or gives a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MissingFileError("Cannot read the file", where=path, found=error) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(
            "The file is not YAML",
            where=path,
            found=" ".join(str(error).split()),
            remedy="quote values with ${…} inside braces, and indent with spaces",
        ) from error
    if not isinstance(data, dict) or node is None:
        raise ConfigError("The file is not a mapping", where=path, found=type(data).__name__)
    lines: dict[Location, int] = {}
    _walk(node, (), lines, path)
    return data, Place(path, lines)


def _walk(node: yaml.Node, at: Location, lines: dict[Location, int], path: Path) -> None:
    """Collect the line of every key; refuse a key given twice, of which YAML keeps the last."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            location = (*at, key.value)
            if location in lines:
                raise ConfigError(
                    "A key is given twice",
                    where=Place(path, {location: key.start_mark.line + 1}).at(location),
                    found=f"first on line {lines[location]}",
                )
            lines[location] = key.start_mark.line + 1
            _walk(value, location, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            lines[(*at, i)] = item.start_mark.line + 1
            _walk(item, (*at, i), lines, path)


def load_strict(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into a model that refuses what it does not know.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If the content does not fit; it names the line and the nearest known key.
    """
    data, place = read_yaml(path)
    return validated(data, model, place)


def validated(data: object, model: type[Model], place: Place, at: Location = ()) -> Model:
    """Validate plain data, reporting the first mistake in the words of a recipe.

    Args:
        data: Plain data.
        model: The model.
        place: The file, for the error text.
        at: Where in the file the data stands.

    Raises:
        ConfigError: If the data does not fit the model.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        mistakes = error.errors()
    # an unknown key is usually the cause of a missing one: name it first
    mistake = next((m for m in mistakes if m["type"] == "extra_forbidden"), mistakes[0])
    location: Location = tuple(mistake["loc"])
    where = place.at((*at, *location))
    if mistake["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        close = nearest_name(str(location[-1]), known)
        raise ConfigError(
            "Unknown key",
            where=where,
            expected=f"one of {', '.join(known)}",
            found=repr(location[-1]),
            remedy=f"did you mean {close!r}?" if close else None,
        )
    if mistake["type"] == "missing":
        raise ConfigError("A key is missing", where=where, expected=repr(location[-1]))
    raise ConfigError(
        "A value does not fit",
        where=where,
        expected=mistake["msg"].removeprefix("Value error, "),
        found=repr(mistake["input"]),
    )


def _known_keys(model: type[BaseModel], location: Location) -> Iterable[str]:
    """Keys that the model knows at a location."""
    current: Any = model
    for part in location:
        models = [a for a in (current, *get_args(current)) if _is_model(a)]
        if models and part in models[0].model_fields:
            current = models[0].model_fields[str(part)].annotation
        elif get_origin(current) is not None:
            current = [a for a in get_args(current) if a is not Ellipsis][-1]
    models = [a for a in (current, *get_args(current)) if _is_model(a)]
    return list(models[0].model_fields) if models else []


def _is_model(candidate: object) -> bool:
    return inspect.isclass(candidate) and issubclass(candidate, BaseModel)
