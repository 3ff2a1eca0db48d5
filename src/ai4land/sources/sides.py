"""Sides of grid cells as a recipe writes them, kept exact: ``0.25``, ``"1/120"``."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator

__all__ = ["Side", "side_of"]

_LARGEST = 30


def _written(value: object) -> str:
    """A number or fraction as text, checked."""
    text = str(value).strip()
    try:
        side = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError("write a number of degrees, or a fraction such as '1/120'") from error
    if isinstance(value, bool) or not 0 < side <= _LARGEST:
        raise ValueError(f"a cell side must lie in 0…{_LARGEST} degrees")
    return text


Side = Annotated[str, BeforeValidator(_written)]
"""Side of a cell in degrees: a decimal number, or a fraction in quotes."""


def side_of(written: str) -> Fraction:
    """The exact side in degrees of a checked ``Side``."""
    return Fraction(written)
