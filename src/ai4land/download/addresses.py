"""Addresses: where the providers keep the files of their products."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ai4land.sources import Strict
from ai4land.vocabulary import check_name, read_yaml, validated

__all__ = ["Dataset", "RemoteFile", "Request", "dataset", "datasets"]

Credentials = Literal["none", "cds", "earthdata"]


class RemoteFile(Strict):
    """One file on a provider's server.

    Attributes:
        url: Its address.
        name: Name on disk; default: the last part of the address.
        bytes: Exact size, where it is known.
        about: Rough size, where only that is.
        hash: Checksum that the provider publishes, as ``md5:…`` or ``sha256:…``.
        sure: Whether the address itself was seen in use.
    """

    url: str
    name: str = ""
    bytes: int | None = None
    about: float | None = None
    hash: Annotated[str, Field(pattern=r"^(md5|sha256):[0-9a-f]+$")] | None = None
    sure: bool = False

    @property
    def file_name(self) -> str:
        """Name on disk."""
        return self.name or self.url.partition("?")[0].rstrip("/").rpartition("/")[2]

    @property
    def size(self) -> float | None:
        """Bytes, exact or rough; ``None`` if unknown."""
        return self.bytes if self.bytes is not None else self.about


class Request(Strict):
    """What the Climate Data Store is asked for, once a year.

    Attributes:
        dataset: Its name there.
        name: Name on disk, with ``{year}``.
        body: The request without the year.
    """

    dataset: str
    name: str
    body: dict[str, Any]


class _Expand(Strict):
    """Addresses with places ``{0}`` and ``{1}`` that are filled from each entry of a table."""

    folder: list[list[str]]
    url: list[str]


class Dataset(Strict):
    """A product, or an edition of one, as its provider offers it.

    Attributes:
        title: One line for people.
        page: The provider's page.
        licence: Terms of use.
        citation: What to cite.
        reader: Name of the reader in recipes.
        note: What must be known.
        credentials: Whose account is needed; it is read from the provider's own configuration.
        files: Direct addresses; without them and a request, the files are fetched by hand.
        expand: More direct addresses, by a pattern.
        request: What the Climate Data Store is asked for.
        years: Years that can be requested.
    """

    title: str
    page: str
    licence: str
    citation: str
    reader: str | None = None
    note: str = ""
    credentials: Credentials = "none"
    files: tuple[RemoteFile, ...] = ()
    expand: _Expand | None = None
    request: Request | None = None
    years: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _request_has_years(self) -> Dataset:
        if (self.request is None) != (self.years is None):
            raise ValueError("a request needs years, and years a request")
        return self

    @property
    def remote(self) -> tuple[RemoteFile, ...]:
        """All direct addresses."""
        if self.expand is None:
            return self.files
        made = [
            RemoteFile(url=url.format(*parts))
            for parts in self.expand.folder
            for url in self.expand.url
        ]
        return (*self.files, *made)

    @property
    def by_hand(self) -> bool:
        """Whether a person has to fetch the files on the page."""
        return not self.remote and self.request is None


class _Registry(Strict):
    """The whole table."""

    datasets: dict[str, Dataset]


@cache
def datasets() -> Mapping[str, Dataset]:
    """Name → what is known of where a product can be had."""
    path = Path(str(resources.files("ai4land.download"))) / "data" / "downloads.yaml"
    data, place = read_yaml(path)
    return validated({"datasets": data}, _Registry, place).datasets


def dataset(name: str) -> Dataset:
    """Look a product's addresses up.

    Raises:
        ConfigError: If there is none of that name; it names the nearest.
    """
    known = datasets()
    check_name(name, known, "Unknown product", remedy="see `ai4land download`")
    return known[name]
