"""Legends: what the codes of a categorical product mean, read from data files."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from ai4land.errors import VocabularyError
from ai4land.vocabulary.variables import nearest_name

__all__ = ["NO_DATA", "Legend", "LegendClass", "legend", "legend_names", "read_legend"]

NO_DATA = 255
"""The code of a missing class in every cube; files whose classes use it are stored recoded."""

_COLOUR = re.compile(r"#[0-9a-f]{6}\Z")
_KEYS = {"name", "title", "reference", "classes", "sea", "missing", "recoded"}
_LOWEST, _HIGHEST = -(1 << 15), (1 << 16) - 1  # what class maps of one or two bytes hold


@dataclass(frozen=True, slots=True)
class LegendClass:
    """One class: its code as stored, its name, and its colour ``#rrggbb``."""

    code: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class Legend:
    """The classes of one product, in the order in which networks and tables count them.

    Attributes:
        name: Short name, as recipes write it.
        title: One line for people.
        classes: The classes that are predicted and scored, in order.
        sea: Codes of open sea. A sea class may be among ``classes`` (the reference legend counts
            ocean); scores leave it out unless asked.
        missing: Codes in the files that mean "nothing known here"; stored as ``NO_DATA``.
        reference: The paper, product or page the codes come from.
        recoded: Pairs of a code in the files and the byte it is stored as, of classes and sea,
            where the files' codes do not fit 0…254; empty where they are stored as they are.
    """

    name: str
    title: str
    classes: tuple[LegendClass, ...]
    sea: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    reference: str = ""
    recoded: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Refuse duplicate or impossible codes, names and colours."""
        where = f"legend {self.name!r}"
        codes, names = self.codes, self.names
        if not codes:
            raise VocabularyError("A legend needs at least one class", where=where)
        if len(set(codes)) != len(codes) or len(set(names)) != len(names):
            raise VocabularyError("Codes and names must be unique", where=where, found=codes)
        for cls in self.classes:
            if not 0 <= cls.code < NO_DATA:
                raise VocabularyError(
                    "Class code out of range",
                    where=f"{where}, class {cls.name!r}",
                    expected=f"0…{NO_DATA - 1} ({NO_DATA} is kept for missing)",
                    found=cls.code,
                )
            if not _COLOUR.match(cls.colour):
                raise VocabularyError(
                    "Unreadable colour",
                    where=f"{where}, class {cls.name!r}",
                    expected="'#rrggbb', lower case, quoted",
                    found=repr(cls.colour),
                )
        if set(self.missing) & set(self.stored) or len(self.stored) < len(self.recoded):
            raise VocabularyError(
                "A code is both missing and a class or sea", where=where, found=self.missing
            )

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def codes(self) -> tuple[int, ...]:
        """Class codes in legend order."""
        return tuple(c.code for c in self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in legend order."""
        return tuple(c.name for c in self.classes)

    @property
    def colours(self) -> tuple[str, ...]:
        """Class colours in legend order."""
        return tuple(c.colour for c in self.classes)

    @property
    def stored(self) -> dict[int, int]:
        """Code in the files → code stored, of classes and sea."""
        return dict(self.recoded or ((code, code) for code in (*self.codes, *self.sea)))

    @property
    def land_codes(self) -> tuple[int, ...]:
        """Codes of the classes that are not sea."""
        return tuple(c for c in self.codes if c not in self.sea)

    def index(self, name: str) -> int:
        """Position of a class by name.

        Raises:
            VocabularyError: If the legend has no such class.
        """
        try:
            return self.names.index(name)
        except ValueError:
            close = nearest_name(name, self.names)
            raise VocabularyError(
                "Unknown class",
                where=f"legend {self.name!r}",
                found=repr(name),
                expected=f"one of {', '.join(self.names)}",
                remedy=f"did you mean {close!r}?" if close else None,
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """The legend as plain data, the inverse of ``Legend.from_dict``."""
        return {
            "name": self.name,
            "title": self.title,
            "reference": self.reference,
            "sea": list(self.sea),
            "missing": list(self.missing),
            "classes": [[c.code, c.name, c.colour] for c in self.classes],
            **({"recoded": [list(pair) for pair in self.recoded]} if self.recoded else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: object = "legend") -> Legend:
        """Build a legend from plain data.

        Codes beyond 0…254 (CORINE's 523, a class 255, signed bytes) are stored as 1, 2, 3 … in
        ascending order, and ``recoded`` says so.

        Raises:
            VocabularyError: If a key is unknown or missing, or the content is not a legend.
        """
        unknown = set(data) - _KEYS
        if unknown or not {"name", "classes"} <= set(data):
            raise VocabularyError(
                "Not a legend",
                where=where,
                expected="name, classes and optionally title, reference, sea, missing",
                found=", ".join(map(str, data)),
            )
        try:
            sea = tuple(operator.index(c) for c in data.get("sea", ()))
            rows = [(operator.index(code), *names) for code, *names in data["classes"]]
            recoded = tuple(
                (operator.index(a), operator.index(b)) for a, b in data.get("recoded", ())
            )
            if not recoded:
                recoded = _recoded([*(code for code, *_ in rows), *sea], where)
                bytes_of = dict(recoded)
                rows = [(bytes_of.get(code, code), *names) for code, *names in rows]
                sea = tuple(bytes_of.get(code, code) for code in sea)
            classes = tuple(
                LegendClass(code, _text(name), _text(colour).lower()) for code, name, colour in rows
            )
            return cls(
                name=str(data["name"]),
                title=str(data.get("title", data["name"])),
                classes=classes,
                sea=sea,
                missing=tuple(operator.index(c) for c in data.get("missing", ())),
                reference=str(data.get("reference", "")).strip(),
                recoded=recoded,
            )
        except (TypeError, ValueError) as error:
            raise VocabularyError(
                "Not a legend",
                where=where,
                expected="classes as rows [code, name, '#rrggbb']; sea and missing as lists",
                found=error,
            ) from error


def _recoded(codes: Sequence[int], where: object) -> tuple[tuple[int, int], ...]:
    """Pairs of code and byte, if a code is no byte below ``NO_DATA``."""
    different = sorted(set(codes))
    if not different or (different[0] >= 0 and different[-1] < NO_DATA):
        return ()
    if different[0] < _LOWEST or different[-1] > _HIGHEST or len(different) >= NO_DATA:
        raise VocabularyError(
            "Class codes out of range",
            where=where,
            expected=f"at most {NO_DATA - 1} different codes within {_LOWEST}…{_HIGHEST}",
            found=f"{len(different)} codes {different[0]}…{different[-1]}",
        )
    return tuple((code, byte) for byte, code in enumerate(different, start=1))


def _text(value: object) -> str:
    """A string as written; YAML reads a bare ``no`` as false and ``12`` as a number."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text; quote it")
    return value


def _folder() -> Path:
    return Path(str(resources.files("ai4land.vocabulary"))) / "data" / "legends"


def legend_names() -> tuple[str, ...]:
    """Names of the legends that come with AI4Land."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


@functools.cache
def legend(name: str) -> Legend:
    """One of the legends that come with AI4Land, by name.

    Raises:
        VocabularyError: If there is none of that name.
    """
    if name not in legend_names():
        close = nearest_name(name, legend_names())
        raise VocabularyError(
            "Unknown legend",
            found=repr(name),
            expected=f"one of {', '.join(legend_names())}, or the path of a legend file",
            remedy=f"did you mean {close!r}?" if close else None,
        )
    return read_legend(_folder() / f"{name}.yaml")


def read_legend(source: str | Path) -> Legend:
    """A legend by built-in name or from a YAML file of the same form.

    Raises:
        VocabularyError: If the file is absent or is not a legend.
    """
    path = Path(source)
    if path.suffix not in {".yaml", ".yml"}:
        return legend(str(source))
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise VocabularyError("Cannot read the legend file", where=path, found=error) from error
    if not isinstance(data, dict):
        raise VocabularyError("Not a legend", where=path, expected="a mapping", found=type(data))
    return Legend.from_dict(data, where=path)
