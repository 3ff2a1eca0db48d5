"""Years in names: which file, and which band of a stack, belongs to which year."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ai4land.errors import ConfigError
from ai4land.sources.file_source import each_once, nothing_here

__all__ = ["annual_files", "bands_by_year"]

_YEAR = "{year}"
_FOUR = r"(\d{4})"
_ALONE = re.compile(rf"(?<!\d){_FOUR}(?!\d)")


def annual_files(folder: Path, pattern: str) -> dict[int, Path]:
    """The files of a series by the year in their names.

    Args:
        folder: Where they are, without subfolders.
        pattern: File name with ``{year}`` where its four digits stand; ``*`` stands for anything,
            ``?`` for one character, and everything else for itself.

    Raises:
        ConfigError: If the pattern has no place for the year, or two years of a name fit it.
        MissingFileError: If no file fits.
        SourceError: If two files are of one year.
    """
    if pattern.count(_YEAR) != 1:
        raise ConfigError(
            "The pattern needs one place for the year",
            where="option pattern",
            expected="a file name such as map_{year}.tif or *_{year}*.tif",
            found=pattern,
        )
    names = sorted(f for f in folder.iterdir() if f.is_file()) if folder.is_dir() else []
    found = [(year, file) for file in names if (year := _year_in(file.name, pattern)) is not None]
    if not found:
        raise nothing_here("files of this name", folder, pattern)
    return each_once(sorted(found), "year", "write a pattern that only one of them fits")


def _year_in(name: str, pattern: str) -> int | None:
    """The year of a name that fits a pattern."""
    before, after = (
        re.escape(part).replace(r"\*", ".*").replace(r"\?", ".") for part in pattern.split(_YEAR)
    )
    fits = re.compile(rf"{before}\Z"), re.compile(rf"{after}\Z")
    fitting = {
        n: int(name[n : n + 4])
        for n in range(len(name) - 3)
        if re.fullmatch(_FOUR, name[n : n + 4], re.ASCII)
        and fits[0].match(name[:n])
        and fits[1].match(name[n + 4 :])
    }
    alone = {m.start() for m in _ALONE.finditer(name)} & set(fitting)
    if len({fitting[n] for n in alone}) > 1:
        raise ConfigError(
            "Two years of a file's name fit the pattern",
            where=name,
            expected="one",
            found=", ".join(str(fitting[n]) for n in sorted(alone)),
            remedy=f"say in the pattern what stands around the year: {pattern} leaves it open",
        )
    places = alone or set(fitting)  # of 20010131 the first four digits
    return fitting[min(places)] if places else None


def bands_by_year(descriptions: Sequence[str | None], first: int | None, path: Path) -> list[int]:
    """The year of each band of a stack.

    Args:
        descriptions: What the file calls its bands.
        first: Year of the first band, if the bands are of consecutive years.
        path: The file, for the error.

    Raises:
        ConfigError: If there is no first year and the descriptions name none.
    """
    if first is not None:
        return list(range(first, first + len(descriptions)))
    years = [_ALONE.findall(re.sub(r"[_\W]", " ", text or "")) for text in descriptions]
    if all(len(found) == 1 for found in years) and len({y[0] for y in years}) == len(years):
        return [int(found[0]) for found in years]
    raise ConfigError(
        "The file does not say which band is of which year",
        where=path,
        expected="bands described by a year each, such as classification_1985",
        found=", ".join(str(text or "nothing") for text in descriptions[:4]),
        remedy="say the year of the first band, `first_year: 1985`, or name one band, `band: 1`",
    )
