"""Download: a product's files into a folder, each checked, and its checksum kept beside it."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ai4land.download.addresses import Dataset, RemoteFile, Request
from ai4land.download.transfer import Progress, Resuming, partial, sizes_of
from ai4land.errors import ConfigError, SourceError

__all__ = ["CHECKSUMS", "Item", "fetch", "links_in", "measured", "wanted"]

CHECKSUMS = "checksums.json"
"""Beside the files: name → SHA-256, bytes and address, written when a file first arrives."""


@dataclass(frozen=True)
class Item:
    """One file that is wanted.

    Attributes:
        name: Name on disk.
        path: Where it goes.
        remote: Its address; ``None`` if it is requested from the Climate Data Store.
        year: Year of a request.
        have: Bytes that are here already.
        whole: Whether that is all of it.
    """

    name: str
    path: Path
    remote: RemoteFile | None
    year: int | None
    have: int
    whole: bool

    @property
    def size(self) -> float | None:
        """Bytes of the file; ``None`` if unknown."""
        if self.whole:
            return self.have
        return None if self.remote is None else self.remote.size

    @property
    def missing(self) -> float | None:
        """Bytes that are still to come; ``None`` if unknown."""
        return None if self.size is None else max(self.size - self.have, 0.0)


def wanted(
    source: Dataset,
    folder: Path,
    *,
    only: str = "*",
    years: tuple[int, int] | None = None,
    links: Sequence[str] = (),
) -> tuple[Item, ...]:
    """The files of a product that a person wants, and how much of them is here already.

    Args:
        source: The product.
        folder: Where they go.
        only: Pattern of the names that are wanted, such as ``*ssp245*``.
        years: First and last year, of a product that is requested by the year.
        links: Addresses, of a product whose files are chosen on the provider's page.

    Raises:
        ConfigError: If nothing is left, or the years cannot be requested.
    """
    remote = (*source.remote, *(RemoteFile(url=url, sure=True) for url in links))
    items = [_item(folder, r.file_name, r, None) for r in remote]
    if source.request is not None and source.years is not None:
        first, last = years or source.years
        if not source.years[0] <= first <= last <= source.years[1]:
            raise ConfigError(
                "These years cannot be requested",
                expected=f"within {source.years[0]}…{source.years[1]}",
                found=f"{first}…{last}",
            )
        name = source.request.name
        items += [_item(folder, name.format(year=y), None, y) for y in range(first, last + 1)]
    found = tuple(i for i in items if fnmatch.fnmatch(i.name, only))
    if not found and not source.by_hand:
        raise ConfigError(
            "No file of the product has such a name",
            where="--only",
            expected=", ".join(i.name for i in items[:6]),
            found=only,
        )
    return found


def measured(items: Sequence[Item]) -> tuple[Item, ...]:
    """The same files with the sizes that their servers tell, where none is known."""
    unknown = [i.remote.url for i in items if i.remote and i.size is None]
    told = sizes_of(unknown)
    return tuple(
        replace(i, remote=i.remote.model_copy(update={"about": float(told[i.remote.url])}))
        if i.remote and i.size is None and i.remote.url in told
        else i
        for i in items
    )


def links_in(path: Path) -> tuple[str, ...]:
    """Addresses in a text file, one a line; empty lines and ``#`` comments are skipped.

    Raises:
        ConfigError: If the file cannot be read or holds something else.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("Cannot read the list of links", where=path, found=error) from error
    kept = tuple(line for line in lines if line and not line.startswith("#"))
    other = [line for line in kept if not line.startswith(("http://", "https://"))]
    if other or not kept:
        raise ConfigError(
            "The list holds something that is no address",
            where=path,
            expected="one http(s) address a line",
            found=other[0] if other else "no address",
        )
    return kept


def _item(folder: Path, name: str, remote: RemoteFile | None, year: int | None) -> Item:
    path = folder / name
    for file, whole in ((path, True), (partial(path), False)):
        if file.exists():
            return Item(name, path, remote, year, file.stat().st_size, whole)
    return Item(name, path, remote, year, 0, whole=False)


def fetch(
    source: Dataset, items: Sequence[Item], folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Fetch files that are missing, and check those that are there.

    The checksum of a file is kept in ``checksums.json`` beside it when it first arrives; ever
    after, another checksum is an error. Accounts are never asked for and never stored: they come
    from the provider's own configuration (``~/.netrc``, ``~/.cdsapirc``).

    Args:
        source: The product.
        items: What ``wanted`` gave.
        folder: Where the files go.
        progress: Called with name, bytes so far and bytes in all (``None`` if not said).

    Returns:
        The files, all whole.

    Raises:
        SourceError: If a checksum is wrong, a server refuses, or the disk is full.
        MissingFileError: If the server does not have a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    need = sum(item.missing or 0.0 for item in items)
    free = shutil.disk_usage(folder).free
    if need > free:
        raise SourceError(
            "The files do not fit on the disk",
            where=folder,
            expected=f"{need / 1e9:.1f} GB free",
            found=f"{free / 1e9:.1f} GB",
        )
    ledger = _read_ledger(folder)
    for item in items:
        known = ledger.get(item.name, {}).get("sha256")
        if item.path.exists():
            _check_local(item, known, folder)
        elif item.remote is None:
            assert source.request is not None
            assert item.year is not None
            _request(source.request, item, folder)
        else:
            _fetch(item, item.remote, known, source.credentials, progress)
        if known is None:
            address = item.remote.url if item.remote else f"cds:{source.page.rpartition('/')[2]}"
            ledger = _record(folder, item, address)
    return [item.path for item in items]


def _fetch(
    item: Item,
    remote: RemoteFile,
    known: str | None,
    credentials: str,
    progress: Progress | None,
) -> None:
    """Fetch one file and put it in place only if its checksum is the known one."""
    import pooch  # an extra

    expected = f"sha256:{known}" if known else remote.hash
    transfer = Resuming(item.path, credentials, progress)
    try:
        pooch.retrieve(
            remote.url, expected, fname=item.name, path=item.path.parent, downloader=transfer
        )
    except ValueError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(
            "The checksum of the file is wrong, so it was not kept",
            where=remote.url,
            expected=expected,
            found=error,
            remedy="try again; if it stays, the provider has replaced the file: "
            + (f"remove its entry from {CHECKSUMS} to accept it" if known else "look at its page"),
        ) from error
    _check_size(item, remote)


def _check_size(item: Item, remote: RemoteFile) -> None:
    """Refuse a file of another size than the provider says."""
    found = item.path.stat().st_size
    if remote.bytes not in {None, found}:
        raise SourceError(
            "The file has another size than the provider says",
            where=item.path,
            expected=f"{remote.bytes} bytes",
            found=f"{found} bytes",
            remedy="remove it and try again; if it stays, the provider has replaced it: look at "
            "its page",
        )


def _check_local(item: Item, known: str | None, folder: Path) -> None:
    """Refuse a file that is not the one that once arrived, or not the provider's."""
    checks = [("sha256", known, f"as in {folder / CHECKSUMS}")] if known else []
    if item.remote is not None and item.remote.hash is not None:
        algorithm, _, published = item.remote.hash.partition(":")
        checks.append((algorithm, published, "as published"))
    for algorithm, expected, source in checks:
        found = hash_of(item.path, algorithm)
        if found != expected:
            raise SourceError(
                "The checksum of the file is wrong",
                where=item.path,
                expected=f"{algorithm}:{expected} {source}",
                found=f"{algorithm}:{found}",
                remedy="remove the file and run the same command again",
            )
    if item.remote is not None:
        _check_size(item, item.remote)


def hash_of(path: Path, algorithm: str) -> str:
    """Checksum of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _request(request: Request, item: Item, folder: Path) -> None:
    """Have a file made by the Climate Data Store; its own client knows the account."""
    import cdsapi  # an extra

    part = partial(item.path)
    try:
        client: Any = cdsapi.Client(quiet=True)
        body = {**request.body, "year": [str(item.year)]}
        client.retrieve(request.dataset, body, str(part))
    except Exception as error:  # the client raises bare exceptions for everything
        raise SourceError(
            "The Climate Data Store did not give the file",
            where=f"{request.dataset}, {item.year}",
            found=error,
            remedy="put url and key of your profile into ~/.cdsapirc, accept the licence of the "
            "data set on its page, and try again",
        ) from error
    os.replace(part, item.path)


def _read_ledger(folder: Path) -> dict[str, dict[str, Any]]:
    """The checksums of a folder.

    Raises:
        SourceError: If the file of checksums is damaged.
    """
    path = folder / CHECKSUMS
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(
            "The file of checksums is damaged",
            where=path,
            found=error,
            remedy="remove it if you trust the files beside it: they are recorded anew",
        ) from error
    return {str(name): dict(entry) for name, entry in found.items()}


def _record(folder: Path, item: Item, address: str) -> dict[str, dict[str, Any]]:
    """Keep the checksum of a file that arrived; the ledger is replaced whole."""
    entry: Mapping[str, Any] = {
        "sha256": hash_of(item.path, "sha256"),
        "bytes": item.path.stat().st_size,
        "url": address,
    }
    ledger = {**_read_ledger(folder), item.name: dict(entry)}
    path = folder / CHECKSUMS
    text = json.dumps(dict(sorted(ledger.items())), indent=1) + "\n"
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
    return ledger
