"""The report as one file of HTML that holds its pictures, styles and script in itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from ai4land.report.album import Album
from ai4land.report.charts import DASHES, Chart, row_number
from ai4land.report.png import data_uri
from ai4land.report.tables import Table

__all__ = [
    "Chapter",
    "Charts",
    "Key",
    "Maps",
    "Part",
    "Picture",
    "Tables",
    "Text",
    "write_page",
]


@dataclass(frozen=True)
class Text:
    """A paragraph, or a list if it has several lines."""

    title: str
    lines: tuple[str, ...]
    kind: str = "text"


@dataclass(frozen=True)
class Tables:
    """Tables, under a line that opens them if ``folded`` says one.

    Attributes:
        tables: The tables.
        model: Name of the rows that are set off.
        folded: The line; empty to show them at once.
        open: Whether they are open at first.
    """

    tables: tuple[Table, ...]
    model: str = ""
    folded: str = ""
    open: bool = False
    kind: str = "tables"


@dataclass(frozen=True)
class Key:
    """How the curve of a row looks."""

    name: str
    number: int
    dash: str


@dataclass(frozen=True)
class Charts:
    """Curves with one key for all."""

    charts: tuple[Chart, ...]
    key: tuple[Key, ...]
    said: str
    kind: str = "charts"

    @classmethod
    def of(cls, charts: Sequence[Chart], rows: Sequence[str], said: str) -> Charts:
        """Charts of the rows of an evaluation, and of the truth."""
        key = []
        for row in (*rows, "truth"):
            number = row_number(row, rows)
            key.append(Key(row, number, DASHES[number % len(DASHES)] if number > 1 else ""))
        return cls(tuple(charts), tuple(key), said)


@dataclass(frozen=True)
class Maps:
    """An album of maps.

    Attributes:
        album: The maps.
        name: What made the reconstruction.
        initial: The time of the initial map as a person says it.
    """

    album: Album
    name: str
    initial: str
    kind: str = "album"

    @property
    def frames(self) -> str:
        """The maps as JSON that may stand in a page."""
        text = json.dumps([asdict(frame) for frame in self.album.frames])
        return text.replace("<", "\\u003c")


@dataclass(frozen=True)
class Picture:
    """A picture, held by the page itself."""

    source: str
    caption: str
    kind: str = "picture"

    @classmethod
    def of(cls, path: Path, caption: str) -> Picture:
        """A PNG file as a part of the page."""
        return cls(data_uri(path.read_bytes()), caption)


Part = Text | Tables | Charts | Maps | Picture


@dataclass
class Chapter:
    """A heading and what stands under it."""

    title: str
    parts: list[Part] = field(default_factory=list)


def write_page(title: str, chapters: Sequence[Chapter], path: Path) -> Path:
    """Write the page; the same chapters give the same bytes.

    Args:
        title: Title of the page.
        chapters: What stands on it.
        path: File to write.
    """
    from jinja2 import Environment, StrictUndefined  # only pages need it

    folder = files("ai4land.report") / "templates"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    text = page.render(
        title=title,
        chapters=chapters,
        css=(folder / "report.css").read_text(encoding="utf-8"),
        script=(folder / "report.js").read_text(encoding="utf-8"),
        version=version("ai4land"),
    )
    path.write_text(text + "\n", encoding="utf-8")
    return path
