"""Reader: one entry of the table of products, what a recipe may say and what opens the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from ai4land.sources.source import Product, Source

__all__ = ["Certainty", "Cited", "Reader", "Side", "Strict", "side_of"]

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


class Certainty(StrEnum):
    """How sure we are of a product's file format."""

    BYTES = "real bytes"  #: files of the provider were read
    HEADERS = "real headers"  #: headers of the provider's files were seen
    CODE = "public code"  #: other public programs rely on it
    PAPER = "documentation"  #: only the provider's words


@dataclass(frozen=True, slots=True)
class Reader:
    """How the files of a product are opened, and what a person should know of them.

    Attributes:
        options: What a recipe may say.
        variables: Names of the variables it offers; empty if it takes any categorical one.
        open: Opens path and options for a variable; ``None`` if there are no files. It reads and
            checks headers only; see below for what it raises.
        title: Name of the product and its editions.
        files: Names of the files as they are downloaded.
        years: Years covered, in words.
        licence: Terms of use.
        citation: What to cite.
        certainty: How sure we are of the format.
        experimental: Whether it has read imitations of the product only, never a provider's file.

    Raises (``open``, of every product):
        MissingFileError: If there is nothing of the product, or not all that the options ask for.
        SourceError: If a file is damaged, laid out differently or not what the product promises, if
            files do not fit together, or if several could be meant.
        ConfigError: If the options contradict the files.
    """

    options: type[Strict]
    variables: tuple[str, ...]
    open: Callable[[Path, Any, str], Source] | None
    title: str
    files: tuple[str, ...] = ()
    years: str = ""
    licence: str = ""
    citation: str = ""
    certainty: Certainty = Certainty.PAPER
    experimental: bool = False

    @property
    def known_from(self) -> str:
        """How sure we are of the format, in words."""
        return self.certainty.value + (", experimental" if self.experimental else "")
