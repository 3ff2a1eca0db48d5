"""Products that come as composites: how their files are named, and leaf area made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from ai4land.errors import MissingFileError, SourceError
from ai4land.formats import Layout
from ai4land.grid import Window
from ai4land.sources.file_source import check_one_grid, each_once
from ai4land.sources.lai.leaf_area import Composite, LeafArea
from ai4land.sources.periods import Period
from ai4land.sources.reader import Strict
from ai4land.sources.source import Product
from ai4land.vocabulary import Clock

__all__ = ["CompositeMap", "CompositeOptions", "Naming", "Rhythm", "leaf_area_of"]

Rhythm = Literal["8day", "10day", "month"]
Key = TypeVar("Key")


class CompositeOptions(Strict):
    """Options of every product that comes as composites.

    Attributes:
        clock: Clock of the values: ``8day``, ``10day`` or ``month``.
        partial: Offer periods of which the files cover only some days.
    """

    clock: Rhythm = "8day"
    partial: bool = False


@dataclass(frozen=True)
class Naming(Generic[Key]):
    """How the files of a product are named, and which of them belong together.

    Attributes:
        what: The product, for people.
        pattern: Of a name.
        ending: Of a name, for the search in a folder and its subfolders.
        example: Names, for people.
        of: What a file is of, by its name: a period, or a tile at a time.
        one: That, for people.
        twice: What to do about two files of the same.
        edition: Product and version, by the name.
        several: What to do about several editions; ``None`` if they may stand side by side.
    """

    what: str
    pattern: re.Pattern[str]
    ending: str
    example: str
    of: Callable[[re.Match[str], Path], Key]
    one: str
    twice: str
    edition: Callable[[re.Match[str]], str]
    several: str | None = None

    def files_in(self, folder: Path, product: str | None = None) -> tuple[dict[Key, Path], str]:
        """The files of a folder and its subfolders by what they are of, and their edition.

        Args:
            folder: The folder.
            product: First word of the edition, where only one product is wanted.

        Raises:
            MissingFileError: If there is none.
            SourceError: If there are several editions, or two files of the same.
        """
        files: list[tuple[Key, Path]] = []
        editions: set[str] = set()
        for file in sorted(folder.rglob(self.ending)):
            match = self.pattern.match(file.name)
            if match is None:
                continue
            key, edition = self.of(match, file), self.edition(match)
            if product in {None, edition.split()[0]}:
                files.append((key, file))
                editions.add(edition)
        if not files:
            raise MissingFileError(
                f"No {self.what} here",
                where=folder,
                expected=f"files named {self.example}",
                found="none in it or its subfolders" if folder.is_dir() else "no such folder",
                remedy="unpack the archives" if list(folder.glob("*.zip")) else None,
            )
        if len(editions) > 1 and self.several is not None:
            raise SourceError(
                "Several products or versions in the folder",
                where=folder,
                found=", ".join(sorted(editions)),
                remedy=self.several,
            )
        return each_once(files, self.one, self.twice), ", ".join(sorted(editions))


@dataclass(frozen=True, eq=False)
class CompositeMap:
    """One file of a product by latitude and longitude, whose header was read.

    Attributes:
        path: The file.
        layout: How its rows and columns lie.
        read: Leaf area of a window, ``(y, x)`` float32, NaN missing.
    """

    path: Path
    layout: Layout
    read: Callable[[Window], npt.NDArray[np.float32]]


def leaf_area_of(
    maps: Mapping[Period, CompositeMap],
    options: CompositeOptions,
    product: Product,
    notes: Mapping[str, Any],
) -> LeafArea:
    """Leaf area of maps by the days that they speak for.

    Args:
        maps: Period → its map.
        options: Clock, and whether periods may be incomplete.
        product: For provenance.
        notes: What a person should know of how values were made.

    Raises:
        SourceError: If the maps lie on different grids, or fill no period of the clock.
    """
    remedy = "keep files of one resolution in folders of their own"
    check_one_grid(((m.path, m.layout.grid) for m in maps.values()), remedy)
    return LeafArea(
        next(iter(maps.values())).layout.grid,
        [Composite(period, (one.path,), one.read) for period, one in maps.items()],
        Clock(options.clock),
        product,
        partial=options.partial,
        notes=notes,
    )
