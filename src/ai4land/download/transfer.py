"""Transfer: one file over HTTP, resumed after every break, never a wrong byte kept."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ai4land.errors import MissingFileError, SourceError

if TYPE_CHECKING:
    import requests

__all__ = ["Progress", "Resuming", "partial", "sizes_of"]

_LOG = logging.getLogger(__name__)
_PIECE = 1 << 16  # bytes; what has arrived of one is lost when the connection breaks
_PATIENCE = (15.0, 120.0)  # seconds for a connection, and without a byte
_CURIOSITY = 5.0  # seconds for a question that can go unanswered
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_LOGINS = {
    "none": "look at the provider's page: it may ask for a licence or an account",
    "earthdata": "put `machine urs.earthdata.nasa.gov login NAME password WORD` into ~/.netrc, and "
    "accept the product's terms once on its page",
    "cds": "put url and key of your CDS profile into ~/.cdsapirc",
}

Progress = Callable[[str, int, int | None], None]


def sizes_of(urls: Sequence[str]) -> dict[str, int]:
    """Ask the servers how large some files are; those that do not say are left out.

    Nothing is fetched. The first server that cannot be reached ends the questions.
    """
    import requests.exceptions  # comes with an extra

    found = {}
    with requests.Session() as session:
        for url in urls:
            try:
                answer = session.head(url, allow_redirects=True, timeout=_CURIOSITY)
            except requests.exceptions.RequestException as error:
                _LOG.info("%s: %s", url, error)
                break
            length = answer.headers.get("Content-Length", "")
            if answer.ok and length.isdigit():
                found[url] = int(length)
    return found


def partial(path: Path) -> Path:
    """Where the part of a file lies that has arrived so far."""
    return path.with_name(path.name + ".part")


@dataclass
class Resuming:
    """Fetches a file; what has arrived stays beside it and is continued, by this call or the next.

    It has the shape of a downloader of ``pooch``.

    Attributes:
        target: Where the file will lie.
        credentials: Whose account the server wants, for error texts.
        progress: Called with name, bytes so far and bytes in all (``None`` if not said).
        attempts: Breaks in a row after which it gives up.
    """

    target: Path
    credentials: str = "none"
    progress: Progress | None = None
    attempts: int = 5

    def __call__(self, url: str, output_file: str | Path, _pooch: object) -> None:
        """Fetch ``url`` and put it at ``output_file``.

        Raises:
            MissingFileError: If the server does not have the file.
            SourceError: If it does not give it, or does not stop breaking off.
        """
        import requests.exceptions  # comes with an extra

        Path(output_file).unlink(missing_ok=True)  # nothing may be left if the process dies
        failures = 0
        with requests.Session() as session:
            while True:
                before = self._have()
                try:
                    if self._attempt(session, url):
                        break
                    found: object = "the server closed the connection early"
                except requests.exceptions.SSLError as error:
                    raise SourceError(
                        "The server's certificate cannot be verified",
                        where=url,
                        found=error,
                        remedy=f"fetch it with a browser and put it at {self.target}: its checksum "
                        "is recorded then; or name the provider's certificates in "
                        "REQUESTS_CA_BUNDLE",
                    ) from error
                except requests.exceptions.RequestException as error:
                    found = error
                failures = 1 if self._have() > before else failures + 1
                if failures >= self.attempts:
                    raise SourceError(
                        "The transfer keeps breaking off",
                        where=url,
                        found=found,
                        remedy=f"run the same command again: {self._have()} bytes are kept",
                    )
                _LOG.info("%s: %s; resuming at byte %d", self.target.name, found, self._have())
                time.sleep(min(2.0**failures, 60.0))
        os.replace(partial(self.target), output_file)
        self._stamp.unlink(missing_ok=True)

    @property
    def _stamp(self) -> Path:
        """What the server said of the version of the file that is being fetched."""
        return partial(self.target).with_name(partial(self.target).name + ".json")

    def _have(self) -> int:
        part = partial(self.target)
        return part.stat().st_size if part.exists() else 0

    def _attempt(self, session: requests.Session, url: str) -> bool:
        """Ask for what is missing and append it; whether the file is whole then."""
        have = self._have()
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if version := self._version():
                headers["If-Range"] = version
        with session.get(url, headers=headers, stream=True, timeout=_PATIENCE) as answer:
            self._refuse(answer, url)
            if answer.status_code == 416:  # nothing is left to send, or the file has changed
                total = answer.headers.get("Content-Range", "").rpartition("/")[2]
                if total == str(have):
                    return True
                partial(self.target).unlink()
                return False
            if answer.status_code in _PASSING:
                return False
            start, total_bytes = _extent(answer.status_code, answer.headers)
            if start not in {0, have}:
                raise SourceError(
                    "The server sends another part than it was asked for",
                    where=url,
                    expected=f"bytes from {have}",
                    found=answer.headers.get("Content-Range"),
                    remedy=f"remove {partial(self.target)} and try again",
                )
            self._remember(answer.headers)
            with _room(self.target), partial(self.target).open("r+b" if start else "wb") as out:
                out.seek(start)
                for piece in answer.iter_content(_PIECE):
                    out.write(piece)
                    if self.progress is not None:
                        self.progress(self.target.name, out.tell(), total_bytes)
            return total_bytes is None or self._have() == total_bytes

    def _version(self) -> str | None:
        """Strong ETag or date of the version of which a part is here."""
        with contextlib.suppress(OSError, ValueError):
            said = json.loads(self._stamp.read_text(encoding="utf-8"))
            return str(said["version"]) if said.get("version") else None
        return None

    def _remember(self, headers: Mapping[str, str]) -> None:
        tag = headers.get("ETag", "")
        version = headers.get("Last-Modified") if not tag or tag.startswith("W/") else tag
        with _room(self.target):
            self._stamp.write_text(json.dumps({"version": version}), encoding="utf-8")

    def _refuse(self, answer: requests.Response, url: str) -> None:
        """Turn an answer that will not change into an error."""
        code = answer.status_code
        if code < 400 or code in {416, *_PASSING}:
            return
        where = url if answer.url == url else f"{url}, redirected to {answer.url}"
        if code in {401, 403}:
            raise SourceError(
                "The server does not let us in",
                where=where,
                found=f"{code} {answer.reason}",
                remedy=_LOGINS[self.credentials],
            )
        raise MissingFileError(
            "The server does not have the file",
            where=where,
            found=f"{code} {answer.reason}",
            remedy="look at the provider's page: addresses change",
        )


def _extent(code: int, headers: Mapping[str, str]) -> tuple[int, int | None]:
    """First byte of an answer, and size of the whole file if it says."""
    if code == 206:
        span, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        start = span.partition("-")[0]
        if not start.isdigit():
            return -1, None
        return int(start), int(total) if total.isdigit() else None
    length = headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


@contextlib.contextmanager
def _room(path: Path) -> Iterator[None]:
    """Name a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise SourceError(
            "The disk is full",
            where=path.parent,
            found=error.strerror,
            remedy="free some space and run the same command again: it resumes where it stopped",
        ) from error
