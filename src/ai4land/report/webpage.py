"""The report as one file of HTML that holds its pictures, styles and script in itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from ai4land.report.charts.plots import DASHES
from ai4land.report.charts.scores import Chart, row_number
from ai4land.report.map_frames import MapFrames
from ai4land.report.png import data_uri, png_size
from ai4land.report.tables.table import Table

__all__ = [
    "BASELINES",
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


BASELINES = ("persistence", "kernel", "random")
"""Rows that every model must beat."""

_LONG = 20  # rows of words that are not read but looked up


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
        model: Name of the rows that are set off; empty if none are.
        folded: The line; empty to show them at once.
        open: Whether they are open at first.
    """

    tables: tuple[Table, ...]
    model: str = ""
    folded: str = ""
    open: bool = False
    kind: str = "tables"

    def row_kind(self, name: str) -> str:
        """``model``, ``control`` (its shuffled twin), ``baseline``, or nothing."""

        def of(whose: str) -> bool:
            return name == whose or name.startswith(f"{whose}, ")

        if not self.model:
            return ""
        if of(f"{self.model}, shuffled"):
            return "control"
        if of(self.model):
            return "model"
        return "baseline" if any(map(of, BASELINES)) else ""

    def tag(self, name: str) -> str:
        """What is written behind the name of a row, unless it goes on to say more."""
        twin = f"{self.model}, shuffled"
        return self.row_kind(name) if name in {twin, *BASELINES} - {self.model} else ""

    @staticmethod
    def starts(table: Table) -> list[int]:
        """Columns with which another group of columns begins: other second lines of the heads."""
        last = [head.rpartition("\n")[2] for head in table.columns]
        found = [n for n in range(1, len(last)) if last[n] != last[n - 1]]
        return found if 2 * len(found) <= len(last) else []

    @staticmethod
    def is_long(table: Table) -> bool:
        """Whether it is folded by itself."""
        return not table.numeric and len(table.rows) > _LONG


@dataclass(frozen=True)
class Key:
    """How the curve of a row looks."""

    name: str
    number: int
    dash: str


@dataclass(frozen=True)
class Charts:
    """Curves and their values.

    Attributes:
        charts: The curves.
        key: One for all of them; empty if they need none.
        said: What must be known to read them.
        title: What they show.
    """

    charts: tuple[Chart, ...]
    key: tuple[Key, ...]
    said: str
    title: str = "Year by year"
    kind: str = "charts"

    @property
    def values(self) -> Tables:
        """The tables of the values, as the page shows tables."""
        return Tables(tuple(chart.values for chart in self.charts))

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
    """Maps of a reconstruction, time by time.

    Attributes:
        maps: The maps.
        name: What made the reconstruction.
        initial: The time of the initial map as a person says it.
    """

    maps: MapFrames
    name: str
    initial: str
    kind: str = "maps"

    @property
    def data(self) -> str:
        """What the script needs, as JSON that may stand in a page."""
        frames = [asdict(frame) for frame in self.maps.frames]
        text = json.dumps({"layout": asdict(self.maps.layout), "frames": frames})
        return text.replace("<", "\\u003c")


@dataclass(frozen=True)
class Picture:
    """A picture, held by the page itself.

    Attributes:
        source: Its address, which is its content.
        caption: What it shows.
        width: Pixels across.
        height: Pixels down.
    """

    source: str
    caption: str
    width: int
    height: int
    kind: str = "picture"

    @classmethod
    def of(cls, path: Path, caption: str) -> Picture:
        """A PNG file as a part of the page."""
        content = path.read_bytes()
        return cls(data_uri(content), caption, *png_size(content))


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
