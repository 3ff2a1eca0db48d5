"""Reader: one entry of the table of products, what a recipe may say and what opens the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ai4land.sources.options import Strict
from ai4land.sources.source import Source

__all__ = ["Certainty", "Reader"]


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
        open: Opens path and options for a variable; ``None`` if there are no files.
        title: Name of the product and its editions.
        files: Names of the files as they are downloaded.
        years: Years covered, in words.
        licence: Terms of use.
        citation: What to cite.
        certainty: How sure we are of the format.
        experimental: Whether it has read imitations of the product only, never a provider's file.
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
