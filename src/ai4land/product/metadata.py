"""What people must know of a product and no run can tell: who made it, under which licence."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ai4land.vocabulary import load_strict

__all__ = ["NOT_STATED", "Metadata", "Party", "load_metadata"]

NOT_STATED = "not stated"
"""What a file says where nobody said anything."""

_SPDX = re.compile(r"[A-Za-z0-9.+-]+\Z")


class Party(BaseModel):
    """Who made or publishes a product.

    Attributes:
        name: Name of the person or institution.
        email: Address for questions.
        url: Page about them, or an ORCID.
        type: What kind of party (ACDD 1.3).
        institution: Where a person works.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = NOT_STATED
    email: str = NOT_STATED
    url: str = NOT_STATED
    type: Literal["person", "group", "institution", "position"] = "institution"
    institution: str = NOT_STATED


class Metadata(BaseModel):
    """The metadata file of a product, ``product.yaml``; what is not given says that it is not.

    Attributes:
        name: Short name, with which the names of files begin.
        title: One line; default: the title of the run.
        summary: A paragraph for the pages and the attribute ``summary``.
        notice: A warning that stands in every title, every file and on the first page, such as
            ``TEST PATTERN``; empty for none.
        version: Version of the product.
        creator: Who made it.
        publisher: Who publishes it; default: the creator.
        contributors: Further authors for the citation.
        project: Project or programme.
        licence: SPDX identifier where there is one, such as ``CC-BY-4.0``.
        doi: DOI of the product, without ``https://doi.org/``.
        naming_authority: Who keeps the identifiers unique, as a reversed domain name.
        keywords: Words to be found by.
        acknowledgement: Who is thanked for data and money.
        references: Papers that describe the product.
        processing_level: As archives ask for it.
        date: When it was made; default: when the run was finished.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("ai4land", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    title: str = ""
    summary: str = ""
    notice: str = ""
    version: str = "0"
    creator: Party = Party()
    publisher: Party | None = None
    contributors: tuple[Party, ...] = ()
    project: str = NOT_STATED
    licence: str = NOT_STATED
    doi: str = ""
    naming_authority: str = NOT_STATED
    keywords: tuple[str, ...] = ("land use", "land cover", "land use change", "annual maps")
    acknowledgement: str = ""
    references: str = ""
    processing_level: str = "Level 4: model output"
    date: dt.datetime | None = None

    def titled(self, text: str) -> str:
        """A title with the notice before it."""
        return f"{self.notice}: {text}" if self.notice else text

    @property
    def spdx(self) -> str | None:
        """The licence where it reads like an SPDX identifier."""
        return self.licence if _SPDX.match(self.licence) else None

    @property
    def published_by(self) -> Party:
        """Who publishes the product."""
        return self.publisher or self.creator


def load_metadata(path: str | Path | None) -> Metadata:
    """Read a metadata file; without one, all that is not known is said to be so.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If a key is unknown or a value does not fit.
    """
    return Metadata() if path is None else load_strict(Path(path), Metadata)
