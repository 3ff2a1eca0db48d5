"""Sums of what is kept under names, and of what may be absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ai4land.metrics import Adds

__all__ = ["both", "merged"]

K = TypeVar("K")
T = TypeVar("T", bound=Adds)


def merged(first: Mapping[K, Any], second: Mapping[K, Any]) -> dict[K, Any]:
    """The sums under each name; both hold the same names."""
    return {key: value + second[key] for key, value in first.items()}


def both(first: T | None, second: T | None) -> T | None:
    """The sum of two, absent if one of them is."""
    return None if first is None or second is None else first + second
