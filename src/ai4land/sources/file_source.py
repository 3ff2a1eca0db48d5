"""FileSource: what all readers of files share, so that a reader says only what is its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ai4land.errors import MissingFileError, SourceError
from ai4land.formats import same_grid
from ai4land.grid import Grid, Window
from ai4land.sources.source import (
    Array,
    Fields,
    Notes,
    Product,
    Provenance,
    SourceField,
    Ticks,
    checked,
    provenance_of,
    raised,
)
from ai4land.vocabulary import Variable

__all__ = [
    "FileSource",
    "check_bounds",
    "check_one_grid",
    "check_one_series",
    "check_whole_cells",
    "each_once",
    "gaps_in",
    "joined",
    "listing",
    "nothing_here",
]

Key = TypeVar("Key")
Value = TypeVar("Value")


class FileSource:
    """A source of files; a reader gives its fields, reads values and names the files behind them.

    Every request is checked before ``_values`` sees it; ``inspect`` says which flags are raised and
    what ``_found`` adds; ``provenance`` hashes each file of ``_files`` once.

    Args:
        fields: Variable name → what the source offers.
        product: What the files belong to; ``_product_of`` may tell one by one.
        absent: Variable name → why the source does not hold it.
    """

    def __init__(
        self,
        fields: Mapping[str, SourceField],
        product: Product,
        absent: Mapping[str, str] | None = None,
    ) -> None:
        self.fields: Mapping[str, SourceField] = Fields(fields, absent)
        self._product = product

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Values of a window at a time; see ``Source.read``."""
        return self._values(checked(self.fields, variable, tick, window), tick, window)

    def inspect(self, variable: str, ticks: Ticks, window: Window) -> Notes:
        """What the reader finds in the data, and the flags that concern times and window."""
        entry = checked(self.fields, variable, ticks[0] if ticks else None, window)
        return {**self._found(entry, ticks, window), **raised(entry, ticks, window)}

    def provenance(
        self, ticks: Collection[int] | None = None, variables: Collection[str] | None = None
    ) -> list[Provenance]:
        """The files behind some times of some variables (default: all), each hashed once."""
        files: dict[Path, None] = {}
        for name, entry in self.fields.items():
            if variables is not None and name not in variables:
                continue
            for tick in entry.ticks or (None,):
                if ticks is None or tick is None or tick in ticks:
                    files |= dict.fromkeys(self._files(entry, tick))
        return [provenance_of(path, self._product_of(path)) for path in files]

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Values of a request that was checked."""
        raise NotImplementedError

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """What headers do not tell: by default nothing."""
        return {}

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        """Files behind a variable at a time."""
        raise NotImplementedError

    def _product_of(self, path: Path) -> Product:
        """What a file belongs to."""
        return self._product


def check_one_grid(
    places: Iterable[tuple[object, Grid]],
    remedy: str = "keep files of one product, resolution and crop in a folder",
) -> None:
    """Refuse files of a series that do not lie on the grid of the first.

    Args:
        places: Files and the grids that they lie on.
        remedy: What to do about it.

    Raises:
        SourceError: Naming the first file that lies elsewhere.
    """
    first: tuple[object, Grid] | None = None
    for where, grid in places:
        first = first or (where, grid)
        if same_grid(first[1], grid):
            continue
        turned = grid.shape == first[1].shape[::-1] and grid.height != grid.width
        raise SourceError(
            "A file of the series lies on another grid",
            where=where,
            expected=f"{first[1].describe()} as {getattr(first[0], 'name', first[0])}",
            found=grid.describe(),
            remedy="rows and columns are swapped: write it again with latitude as rows"
            if turned
            else remedy,
        )


def each_once(
    files: Iterable[tuple[Key, Path]], what: str, remedy: str = "keep one of them in the folder"
) -> dict[Key, Path]:
    """Files by what each is of.

    Args:
        files: What a file is of, and the file.
        what: That in words, such as ``year``.
        remedy: What to do about two files.

    Raises:
        SourceError: If two files are of the same.
    """
    found: dict[Key, Path] = {}
    for key, file in files:
        if found.setdefault(key, file) != file:
            raise SourceError(
                f"Two files for one {what}",
                where=file.parent,
                found=f"{found[key].name} and {file.name}",
                remedy=remedy,
            )
    return found


def gaps_in(ticks: Collection[int], why: str | Callable[[int], str]) -> dict[int, str]:
    """The times that a series lacks between its first and its last, and why."""
    return {
        t: why if isinstance(why, str) else why(t)
        for t in range(min(ticks), max(ticks))
        if t not in ticks
    }


def joined(earlier: Mapping[int, Value], later: Mapping[int, Value], last: int) -> dict[int, Value]:
    """History and scenario as one series: the earlier up to and with ``last``, then the later."""
    series = [(t, v) for t, v in earlier.items() if t <= last]
    return dict(sorted(series + [(t, v) for t, v in later.items() if t > last]))


def check_one_series(path: Path, scenario: str | None) -> None:
    """Refuse one file where a scenario is to continue a history.

    Raises:
        SourceError: If a scenario is asked for.
    """
    if scenario is not None:
        raise SourceError(
            "One file cannot be history and scenario",
            where=path,
            remedy="give the folder that holds both files as path",
        )


def check_whole_cells(missing: npt.NDArray[np.bool_], what: str, where: object) -> None:
    """Refuse cells that have some of their parts and lack others.

    Args:
        missing: Where nothing is known, ``(part, y, x)``.
        what: The parts in words.
        where: File and place, for the error text.

    Raises:
        SourceError: If there are such cells.
    """
    torn = int((missing.any(axis=0) & ~missing.all(axis=0)).sum())
    if torn:
        raise SourceError(
            f"A cell lacks some of its {what}",
            where=where,
            expected=f"all {len(missing)} or none",
            found=f"{torn} cells",
        )


def check_bounds(
    values: Array,
    variable: Variable,
    where: object,
    remedy: str,
    *,
    below: float = 0.0,
    above: float = 0.0,
) -> None:
    """Refuse numbers that the vocabulary says cannot be; NaN is none.

    Args:
        values: Any shape, in the vocabulary's units.
        variable: The variable.
        where: File and place, for the error text.
        remedy: What to do about it.
        below: How far below the lower bound rounding may take a number.
        above: How far above the upper one.

    Raises:
        SourceError: Naming the first of them.
    """
    low, high = variable.bounds
    least, most = (-np.inf if low is None else low), (np.inf if high is None else high)
    beyond = (values < least - below) | (values > most + above)
    if beyond.any():
        raise SourceError(
            f"The values are not {variable.name} in {variable.units}",
            where=where,
            expected=f"{least:g}…{most:g} {variable.units}".replace("inf", "∞"),
            found=f"{values[beyond].ravel()[0]:g} in {int(beyond.sum())} cells",
            remedy=remedy,
        )


def nothing_here(
    what: str, folder: Path, expected: str, remedy: str | None = None
) -> MissingFileError:
    """The error that a folder holds nothing of a product, with what is in it.

    Args:
        what: The product's files in words.
        folder: The folder.
        expected: Names of such files.
        remedy: What to do, unless there are archives to unpack.
    """
    packed = folder.is_dir() and any(folder.glob("*.zip"))
    return MissingFileError(
        f"No {what} here",
        where=folder,
        expected=expected,
        found=listing(folder),
        remedy="unpack the archives" if packed else remedy,
    )


def listing(folder: Path) -> str:
    """What is in a folder where something else was expected, for error texts."""
    if not folder.is_dir():
        return "no such folder"
    return ", ".join(sorted(f.name for f in folder.iterdir())[:3]) or "an empty folder"
