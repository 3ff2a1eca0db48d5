"""Tables as plain text cells, for a console, a Markdown page and a test alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Table", "duration", "percent", "score", "size", "to_markdown"]

_DASH = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A table for people.

    Attributes:
        title: One line above it.
        columns: Heads, of one or two lines; the first column names the rows.
        rows: Cells, as many as heads in each row.
        note: What must be known to read it.
        numeric: Whether the columns after the first are numbers.
        detail: Whether a first look can do without it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    numeric: bool = True
    detail: bool = False


def to_markdown(table: Table) -> str:
    """The table as Markdown, with its title as a heading of level 3."""
    rule = "--:" if table.numeric else "---"
    lines = [
        f"### {table.title}",
        "",
        _line(table.columns),
        _line(("---", *(rule for _ in table.columns[1:]))),
        *(_line(row) for row in table.rows),
        "",
    ]
    if table.note:
        lines += [table.note, ""]
    return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def score(value: float | None) -> str:
    """A score between 0 and 1 with three decimals; a dash where it is undefined."""
    if value is None or not math.isfinite(value):
        return _DASH
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text


def percent(part: float, whole: float) -> str:
    """A share as percent with two decimals; a dash of nothing."""
    return _DASH if whole == 0 else f"{100.0 * part / whole:.2f}"


def size(count: float) -> str:
    """A number of bytes as people write it."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """A length of time as people say it, no finer than it can be known in advance."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
