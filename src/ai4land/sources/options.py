"""Options: what a recipe may say, strictly checked."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from ai4land.sources.source import Product

__all__ = ["Cited", "Side", "Strict", "side_of"]

_LARGEST = 30


class Strict(BaseModel):
    """Frozen, and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cited(Strict):
    """What a recipe says of files that do not say whose they are.

    Attributes:
        product: Name for provenance.
        version: Version for provenance.
        licence: Terms for provenance.
        citation: What to cite.
    """

    product: str = ""
    version: str = ""
    licence: str = ""
    citation: str = ""

    @property
    def cited(self) -> Product:
        """The product of the files."""
        return Product(self.product, self.version, self.licence, self.citation)


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
