"""The file names of HILDA+: edition, kind and year, from the name alone.

Winkler et al. 2021, Nature Communications 12, 2501; data doi:10.1594/PANGAEA.921846 (v1) and
doi:10.1594/PANGAEA.974335 (v2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ai4land.errors import SourceError
from ai4land.sources.source import Product

__all__ = ["EDITIONS", "Edition", "HildaFile", "HildaVersion", "files_in", "refuse_other"]

HildaVersion = Literal["v1", "v1-f", "v2", "v2.1-crop"]
_V1 = "Winkler et al. 2021, doi:10.1594/PANGAEA.921846"
_V2 = "Winkler et al., doi:10.1594/PANGAEA.974335"


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of the product.

    Attributes:
        legend: Legend of its states.
        product: For provenance.
    """

    legend: str
    product: Product


EDITIONS: Mapping[str, Edition] = MappingProxyType(
    {
        "v1": Edition("hildaplus_v1", Product("HILDA+", "v1.0", "CC BY 4.0", _V1)),
        "v1-f": Edition("hildaplus_v1_f", Product("HILDA+", "v1.0-f", "CC BY 4.0", _V1)),
        "v2": Edition("hildaplus_v2", Product("HILDA+", "v2.0", "see the data page", _V2)),
        "v2.1-crop": Edition(
            "hildaplus_v2_1_crop", Product("HILDA+", "v2.1-crop", "see the data page", _V2)
        ),
    }
)
"""The editions; the same code means another class in another one."""

_STATES = re.compile(
    r"hilda_?plus_(?:(?P<a>\d{4})_states|states_(?P<b>\d{4}))"
    r"_GLOB-(?P<stamp>v\d+(?:[-.]\d+)?(?:-f)?)(?P<rest>[_.].*)\.tiff?\Z",
    re.IGNORECASE,
)
# The stamp of transition files is a date, v20-11-29, and says nothing of the edition.
_TRANSITIONS = re.compile(
    r"hilda_?plus_(?:transitions_)?(?P<year>\d{4})-(?P<before>\d{4})(?:_transitions)?"
    r"_GLOB-.*\.tiff?\Z",
    re.IGNORECASE,
)
_NETCDF = re.compile(
    r"hilda_?plus_v?GLOB-(?P<number>\d[.-]\d)(?P<tail>-f|-crop)?_states\.nc4?\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class HildaFile:
    """What a file is.

    Attributes:
        path: The file.
        kind: ``states``, ``transitions`` or ``netcdf`` (all years of the states).
        version: Edition; ``None`` where the name does not say.
        year: Year of the states, later year of a transition; ``None`` of NetCDF.
    """

    path: Path
    kind: Literal["states", "transitions", "netcdf"]
    version: str | None
    year: int | None

    @classmethod
    def of(cls, path: Path) -> HildaFile | None:
        """What a file is, ``None`` if its name is none of the product's.

        Raises:
            SourceError: If a transition is not between a year and the year before.
        """
        match = _STATES.search(path.name)
        if match is not None:
            return cls(
                path,
                "states",
                _version(match["stamp"].lower(), match["rest"].lower()),
                int(match["a"] or match["b"]),
            )
        match = _TRANSITIONS.search(path.name)
        if match is not None:
            year, before = int(match["year"]), int(match["before"])
            if before != year - 1:
                raise SourceError(
                    "A transition of HILDA+ is not between neighbouring years",
                    where=path,
                    expected=f"{year}-{year - 1}",
                    found=f"{year}-{before}",
                )
            return cls(path, "transitions", None, year)
        match = _NETCDF.search(path.name)
        if match is not None:
            number, tail = match["number"].replace("-", "."), (match["tail"] or "").lower()
            return cls(path, "netcdf", _version(f"v{number}{tail}", ""), None)
        return None


def _version(stamp: str, rest: str) -> str:
    """The edition, by the stamp and by what follows it: v2.1-crop carries the stamp of v2."""
    if stamp.startswith("v2"):
        return "v2.1-crop" if "crop" in stamp + rest else "v2"
    return "v1-f" if stamp.endswith("-f") else "v1"


def files_in(folder: Path) -> list[HildaFile]:
    """The files of the product in a folder and its subfolders, by name."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".tif", ".tiff", ".nc"})
    return [file for path in paths if (file := HildaFile.of(path)) is not None]


def refuse_other(file: HildaFile, version: str) -> None:
    """Refuse a file whose name says another edition than the recipe.

    Raises:
        SourceError: If it does.
    """
    if file.version in {None, version}:
        return
    raise SourceError(
        "The file is of another version of HILDA+",
        where=file.path,
        expected=version,
        found=f"{file.version} by its name",
        remedy=f"set `version: {file.version}` in the recipe's options",
    )
