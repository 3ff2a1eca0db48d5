"""Köppen-Geiger maps as Beck et al. (2023) publish them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.testing.formats.geotiff import Colours, write_geotiff
from ai4land.vocabulary import legend

__all__ = ["legend_text", "write_beck_2023", "write_legend_text"]

ClassMap = npt.NDArray[np.uint8]

_LETTERS = {
    "A": {"f": "rainforest", "m": "monsoon", "w": "savannah"},
    "B": {"W": "desert", "S": "steppe", "h": "hot", "k": "cold"},
    "C": {"s": "dry summer", "w": "dry winter", "f": "no dry season"},
    "E": {"T": "tundra", "F": "frost"},
    "heat": {"a": "hot summer", "b": "warm summer", "c": "cold summer", "d": "very cold winter"},
}
_ZONES = {"A": "Tropical", "B": "Arid", "C": "Temperate", "D": "Cold", "E": "Polar"}


def write_beck_2023(
    folder: Path, zones: ClassMap, grid: Grid, period: str, scenario: str | None, tag: str
) -> Path:
    """Write one map of 2023: tiled, LZW, with a palette, 0 at sea and no no-data tag.

    Args:
        folder: Where the folders of periods begin.
        zones: Codes of the legend ``koeppen_geiger``, 0 at sea, row 0 in the north, ``(y, x)``.
        grid: Their grid.
        period: Such as ``1991_2020``.
        scenario: Such as ``ssp245``, of a future period.
        tag: Resolution in the file's name, such as ``0p00833333``.
    """
    path = folder / period / (scenario or "") / f"koeppen_geiger_{tag}.tif"
    return write_geotiff(
        path,
        [zones],
        grid.transform,
        colours=_palette(),
        compress="lzw",
        tiled=True,
        blockxsize=256,
        blockysize=256,
        photometric="palette",
    )


def write_legend_text(folder: Path, *, encoding: str = "utf-8") -> Path:
    """Write ``legend.txt``; its ö is in whatever encoding the author's machine used."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "legend.txt"
    path.write_text(legend_text(), encoding=encoding)
    return path


def legend_text() -> str:
    """The provider's table of codes, classes, descriptions and colours."""
    lines = [
        "Legend linking the numeric values in the maps to the Köppen-Geiger classes.",
        "The RGB colors used in Beck et al. (2023) are provided between brackets.",
        "",
    ]
    for cls in legend("koeppen_geiger").classes:
        rgb = " ".join(map(str, _rgb(cls.colour)))
        lines.append(f"{cls.code:>5}:  {cls.name:<5}{_describe(cls.name):<38}[{rgb}]")
    return "\n".join(lines) + "\n"


def _describe(name: str) -> str:
    group, rest = name[0], name[1:]
    words = [_ZONES[group]]
    table = _LETTERS["C" if group == "D" else group]
    words.append(table[rest[0]])
    words += [_LETTERS["heat"][c] if group in "CD" else table[c] for c in rest[1:]]
    return ", ".join(words)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _palette() -> Colours:
    return {0: (255, 255, 255)} | {c.code: _rgb(c.colour) for c in legend("koeppen_geiger").classes}
