"""Crosswalks: how the classes of one legend translate into another's, as data with a source."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from ai4land.errors import VocabularyError
from ai4land.vocabulary.variables import nearest_name

__all__ = ["Crosswalk", "crosswalk", "crosswalk_names"]

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """A translation between two legends.

    Attributes:
        name: Short name, ``<source>_to_<target>``.
        source: Name of the legend or vector variable translated from.
        target: Name of the legend translated to.
        source_classes: Class names of the source, one per matrix row.
        target_classes: Class names of the target, one per matrix column.
        matrix: Shares of a source class that become each target class; each row sums to 1.
        shared: Groups of target classes whose area both legends express. Only on these groups
            may a coarse forcing bind a fine map; a group of one is a class that means the same.
        denominator: The area the source's fractions are shares of: ``cell`` or ``land``.
        reference: Where the translation comes from.
    """

    name: str
    source: str
    target: str
    source_classes: tuple[str, ...]
    target_classes: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    shared: tuple[tuple[str, ...], ...]
    denominator: str
    reference: str

    def __post_init__(self) -> None:
        """Refuse rows that lose or create area and groups of unknown classes."""
        where = f"crosswalk {self.name!r}"
        lengths = [len(row) for row in self.matrix]
        if lengths != [len(self.target_classes)] * len(self.source_classes):
            raise VocabularyError(
                "The matrix does not fit its classes",
                where=where,
                expected=f"{len(self.source_classes)} rows of {len(self.target_classes)} shares",
                found=f"rows of {lengths}",
            )
        for row_name, row in zip(self.source_classes, self.matrix, strict=True):
            if abs(sum(row) - 1.0) > _TOLERANCE or min(row) < 0:
                raise VocabularyError(
                    "A crosswalk row must be shares that sum to 1",
                    where=f"{where}, class {row_name!r}",
                    found=sum(row),
                )
        grouped = [c for group in self.shared for c in group]
        if len(set(grouped)) != len(grouped) or not all(self.shared):
            raise VocabularyError(
                "Shared groups must be non-empty and hold each class once",
                where=where,
                found=self.shared,
            )
        unknown = set(grouped) - set(self.target_classes)
        if unknown:
            raise VocabularyError("Unknown shared class", where=where, found=sorted(unknown))
        if self.denominator not in {"cell", "land"}:
            raise VocabularyError(
                "Unknown denominator", where=where, expected="cell or land", found=self.denominator
            )

    def lookup(self) -> dict[str, str]:
        """Source class → target class, where each source class becomes exactly one.

        Raises:
            VocabularyError: If a class is split, so that a map cannot be translated pixel by pixel.
        """
        table = {}
        for name, row in zip(self.source_classes, self.matrix, strict=True):
            if max(row) < 1.0 - _TOLERANCE:
                raise VocabularyError(
                    "A class is split between several, so single pixels cannot be translated",
                    where=f"crosswalk {self.name!r}, class {name!r}",
                    remedy="use it on area fractions, not on a class map",
                )
            table[name] = self.target_classes[row.index(max(row))]
        return table


def _matrix(
    rows: Mapping[str, str | Mapping[str, float]], target: tuple[str, ...]
) -> tuple[tuple[float, ...], ...]:
    shares = [{entry: 1.0} if isinstance(entry, str) else dict(entry) for entry in rows.values()]
    unknown = {name for row in shares for name in row} - set(target)
    if unknown:
        raise VocabularyError("Unknown target class", found=sorted(unknown), expected=target)
    return tuple(tuple(float(row.get(name, 0.0)) for name in target) for row in shares)


def _folder() -> Path:
    return Path(str(resources.files("ai4land.vocabulary"))) / "data" / "crosswalks"


def crosswalk_names() -> tuple[str, ...]:
    """Names of the crosswalks that come with AI4Land."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


@functools.cache
def crosswalk(source: str, target: str) -> Crosswalk:
    """The crosswalk between two legends.

    Raises:
        VocabularyError: If there is none.
    """
    name = f"{source}_to_{target}"
    if name not in crosswalk_names():
        close = nearest_name(name, crosswalk_names())
        raise VocabularyError(
            "No crosswalk between these legends",
            found=f"{source} → {target}",
            expected=f"one of {', '.join(crosswalk_names())}",
            remedy=f"did you mean {close!r}?" if close else None,
        )
    data: dict[str, Any] = yaml.safe_load((_folder() / f"{name}.yaml").read_text("utf-8"))
    target_classes = tuple(data["target_classes"])
    return Crosswalk(
        name=name,
        source=source,
        target=target,
        source_classes=tuple(data["rows"]),
        target_classes=target_classes,
        matrix=_matrix(data["rows"], target_classes),
        shared=tuple(tuple(group) for group in data["shared"]),
        denominator=str(data["denominator"]),
        reference=str(data["reference"]).strip(),
    )
