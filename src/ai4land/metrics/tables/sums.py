"""Sums that add: what every score is computed from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ai4land.errors import SampleError

__all__ = ["Counts", "Sums", "add_counts"]

Counts = NDArray[np.int64] | NDArray[np.float64]
Table = TypeVar("Table", bound="Sums")


@dataclasses.dataclass(frozen=True, eq=False)
class Sums:
    """A statistic: a few arrays of sums over pixels, and the facts they belong to.

    Scores are functions of sums; sums add. So tiles, years, regions, workers and the samples of a
    bootstrap are all reduced by the same ``+``, and ``sum(tables)`` works. In a subclass every
    field that is an array is a sum, every field that is (a tuple of) ``Sums`` is one in turn, and
    every other field is a fact, which two statistics must share before they add.
    """

    def parts(self) -> tuple[Counts, ...]:
        """All arrays of sums, those of inner statistics too, always in the same order."""
        return tuple(_arrays(self))

    def with_parts(self, parts: Sequence[Counts]) -> Self:
        """The same facts with other sums, in the order of ``parts``."""
        left = iter(parts)
        return _rebuilt(self, left)

    def zeroed(self) -> Self:
        """The same facts with nothing counted: neutral in sums."""
        return self.with_parts([np.zeros_like(part) for part in self.parts()])

    def __add__(self, other: Self) -> Self:
        """The statistic of both sets of pixels together.

        Raises:
            SampleError: If the two are of different kinds, legends, facts or weightings.
        """
        if type(self) is not type(other):
            return NotImplemented
        mine, theirs = _facts(self), _facts(other)
        if mine != theirs:
            differing = [key for key in mine if mine[key] != theirs.get(key)]
            raise SampleError(
                f"Scores of different {' and '.join(differing)} cannot be added",
                expected=", ".join(f"{key} {value}" for key, value in mine.items()),
                found=", ".join(f"{key} {value}" for key, value in theirs.items()),
            )
        pairs = zip(self.parts(), other.parts(), strict=True)
        return self.with_parts([add_counts(one, two) for one, two in pairs])

    def __radd__(self, other: int) -> Self:
        """``0 + statistic``, with which the built-in ``sum`` begins."""
        return self if other == 0 else NotImplemented


def add_counts(first: Counts, second: Counts) -> Counts:
    """The sum of two tables of one kind.

    Raises:
        SampleError: If they count different classes, or one counts pixels and one sums areas.
    """
    if first.shape != second.shape:
        raise SampleError(
            "Scores of different legends cannot be added", found=f"{first.shape} + {second.shape}"
        )
    # A table of nothing has no weighting yet: it is the neutral element of both.
    if first.dtype != second.dtype and first.any() and second.any():
        raise SampleError(
            "Scores per pixel and scores by area cannot be added",
            remedy="give weights to every tile, or to none",
        )
    total: Counts = first + second
    return total


def _values(table: Sums) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(table):
        yield field.name, getattr(table, field.name)


def _inner(value: object) -> tuple[Sums, ...] | None:
    """The statistics a field holds, or ``None`` if it holds none."""
    if isinstance(value, Sums):
        return (value,)
    if isinstance(value, tuple) and value and all(isinstance(item, Sums) for item in value):
        return value
    return None


def _arrays(table: Sums) -> Iterator[Counts]:
    for _, value in _values(table):
        if isinstance(value, np.ndarray):
            yield value
        else:
            for item in _inner(value) or ():
                yield from _arrays(item)


def _facts(table: Sums) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in _values(table):
        inner = _inner(value)
        if inner is not None:
            for n, item in enumerate(inner):
                facts |= {f"{name} {n} {key}": fact for key, fact in _facts(item).items()}
        elif not isinstance(value, np.ndarray):
            facts[name] = value
    return facts


def _rebuilt(table: Table, parts: Iterator[Counts]) -> Table:
    changes: dict[str, Any] = {}
    for name, value in _values(table):
        inner = _inner(value)
        if isinstance(value, np.ndarray):
            changes[name] = next(parts)
        elif inner is not None:
            built = tuple(_rebuilt(item, parts) for item in inner)
            changes[name] = built[0] if isinstance(value, Sums) else built
    return dataclasses.replace(table, **changes)
