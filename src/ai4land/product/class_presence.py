"""One Cloud-Optimized GeoTIFF a year and class: where the class is, for models of species."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.grid import Window
from ai4land.product.attributes import global_attributes
from ai4land.product.cog import write_cog
from ai4land.product.folder import Planned
from ai4land.product.maps import Maps
from ai4land.product.release import Release
from ai4land.vocabulary import NO_DATA, LegendClass

__all__ = ["class_presence"]

_ABSENT = "#f0f0f0"


def class_presence(release: Release) -> Iterator[Planned]:
    """One file for each scenario, year and class."""
    for maps in release.scenarios.values():
        for year in maps.years:
            for one in maps.classes:
                yield Planned(
                    release.file(maps, f"classes/{one.name}", f"{one.name}_{year}", ".tif"),
                    release.made_from(maps, year, one.code, release.options.compression),
                    partial(_write, release, maps, year, one),
                )


def _write(release: Release, maps: Maps, year: int, one: LegendClass, path: Path) -> None:
    identifier = release.stem(maps, f"{one.name}_{year}")
    what = f"presence of {one.name}"
    said = global_attributes(release, maps, what, (year,), maps.grid, identifier)
    presence = (LegendClass(1, one.name, one.colour), LegendClass(0, "absent", _ABSENT))
    write_cog(
        path,
        maps,
        partial(_presence, maps, year, one.code),
        presence,
        said,
        release.options.compression,
    )


def _presence(maps: Maps, year: int, code: int, window: Window) -> npt.NDArray[np.uint8]:
    """1 where a class is, 0 where another one is, ``NO_DATA`` where nothing is known."""
    table = np.zeros(256, np.uint8)
    table[code], table[NO_DATA] = 1, NO_DATA
    return table[maps.read(year, window)]
