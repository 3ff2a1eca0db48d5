"""The table of classes that comes with Köppen-Geiger maps, held against the built-in legend."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterable
from pathlib import Path

from ai4land.errors import SourceError
from ai4land.vocabulary import Legend

__all__ = ["check_legend_table", "check_legend_text"]

_LOG = logging.getLogger(__name__)
_LINE = re.compile(r"\s*(\d+)\s*:?\s+([A-Z][A-Za-z]{1,2})\b")


def check_legend_text(folder: Path, legend: Legend) -> None:
    """Hold ``legend.txt`` of a folder against the legend that its maps are read with.

    The file names Köppen with an umlaut in whatever encoding its author's machine used, so bytes
    that are no UTF-8 are passed over; codes and classes are plain ASCII. Without the file there is
    nothing to hold; a file in which no class is recognised is only logged.

    Raises:
        SourceError: If a code means another class.
    """
    path = folder / "legend.txt"
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [(int(m[1]), m[2]) for line in lines if (m := _LINE.match(line))]
    if not found:
        _LOG.warning("%s: no class recognised; the codes are read with %s", path, legend.name)
        return
    _check_classes(found, legend, path)


def check_legend_table(path: Path, legend: Legend) -> None:
    """Hold a table ``,kg_zone,zoneNum`` against the legend that its map is read with.

    Raises:
        SourceError: If it has other columns, or a code means another class.
    """
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        found = [(int(row["zoneNum"]), row["kg_zone"].strip()) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            "The table of zones is not understood",
            where=path,
            expected="columns kg_zone and zoneNum",
            found=error,
            remedy=f"remove it to read the codes with the legend {legend.name}",
        ) from error
    _check_classes(found, legend, path)


def _check_classes(found: Iterable[tuple[int, str]], legend: Legend, path: Path) -> None:
    """Refuse a table of classes that contradicts a legend.

    Args:
        found: Code and class of each line of the table.
        legend: The legend; its sea codes may have any name.
        path: The table's file, for the error text.

    Raises:
        SourceError: If a code means another class, or a class is missing.
    """
    known = dict(zip(legend.codes, legend.names, strict=True))
    said = {code: name for code, name in found if code not in legend.sea}
    wrong = sorted(c for c in {*known, *said} if known.get(c) != said.get(c))
    if wrong:
        code = wrong[0]
        raise SourceError(
            "The maps' own table gives a code another meaning",
            where=f"{path}, code {code}",
            expected=f"{known.get(code, 'no class')}, as in the legend {legend.name}",
            found=f"{said.get(code, 'no class')}; {len(wrong)} codes differ",
            remedy="this is another edition: write a legend file and use `geotiff_series`",
        )
