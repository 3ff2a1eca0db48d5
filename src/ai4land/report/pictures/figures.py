"""What all pictures share: the plotting library, colours that everybody can tell apart, axes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid, Window
from ai4land.vocabulary import NO_DATA, Legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BUDGET",
    "LINES",
    "budget_map",
    "budget_parts",
    "class_image",
    "extent",
    "figure",
    "judged",
    "legend_below",
    "save",
]

BUDGET: MappingProxyType[str, str] = MappingProxyType(
    {
        "hit": "#008a64",
        "wrong hit": "#bd679b",
        "miss": "#025cad",
        "false alarm": "#db4a00",
        "rightly left as it was": "#c8c4ba",
    }
)
"""Parts of the three-map budget and their colours.

The hues of Okabe and Ito (2008), moved apart until every kind of sight tells any two of them, and
each from a white and from a black page.
"""

LINES: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "network": ("#000000", "-"),
        "persistence": ("#999999", "--"),
        "kernel": ("#e69f00", "-"),
        "random": ("#56b4e9", "-"),
    }
)
"""Row of the score table → colour and dash of its curve; others take the spare colours."""

_NOT_SCORED = "#ffffff"
_DPI = 150


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """A figure of a size in inches, drawn without any display, with this project's style."""
    import matplotlib  # heavy: only pictures need it
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = {  # matplotlib types its keys one by one
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "figure.facecolor": "white",
    }
    with matplotlib.rc_context(style):
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn


def save(drawn: Figure, path: Path) -> Path:
    """Write a figure as PNG; the same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn.savefig(path, dpi=_DPI, metadata={"Software": None})
    return path


def extent(grid: Grid, window: Window | None = None) -> tuple[float, float, float, float]:
    """West, east, south and north edges in degrees, as ``imshow`` wants them."""
    part = grid if window is None else grid.crop(window)
    return float(part.west), float(part.east), float(part.south), float(part.north)


def class_image(codes: npt.NDArray[np.uint8], legend: Legend) -> npt.NDArray[np.uint8]:
    """Codes ``(y, x)`` in the legend's colours, ``(y, x, 3)``; missing is white."""
    table = np.full((256, 3), 255, dtype=np.uint8)
    for cls in legend.classes:
        table[cls.code] = _rgb(cls.colour)
    return table[codes]


def judged(
    initial: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8], legend: Legend
) -> npt.NDArray[np.bool_]:
    """Where both maps hold a class on land, ``(y, x)``."""
    outside = (*legend.sea, NO_DATA)
    return np.asarray(~(np.isin(initial, outside) | np.isin(truth, outside)))


def budget_parts(
    initial: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.uint8],
    simulated: npt.NDArray[np.uint8],
    scored: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """Part of the three-map budget at each pixel, in the order of ``BUDGET``; 5 is not scored.

    Args:
        initial: Codes at the start, ``(y, x)``.
        truth: Codes at the end.
        simulated: Codes that were simulated for the end.
        scored: Where the pixel is judged.
    """
    changed, moved, right = initial != truth, initial != simulated, truth == simulated
    found = np.where(
        changed, np.where(right, 0, np.where(moved, 1, 2)), np.where(moved, 3, 4)
    ).astype(np.uint8)
    found[~scored] = len(BUDGET)
    return found


def budget_map(
    initial: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.uint8],
    simulated: npt.NDArray[np.uint8],
    scored: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """The same in colours, ``(y, x, 3)``; white where the pixel is not judged."""
    colours = np.array([_rgb(colour) for colour in (*BUDGET.values(), _NOT_SCORED)], np.uint8)
    return colours[budget_parts(initial, truth, simulated, scored)]


def legend_below(drawn: Figure, colours: Mapping[str, str], *, columns: int | None = None) -> None:
    """Patches with names under all panels."""
    from matplotlib.patches import Patch

    patches = [
        Patch(facecolor=colour, edgecolor="#555555", linewidth=0.4, label=name.replace("_", " "))
        for name, colour in colours.items()
    ]
    drawn.legend(
        handles=patches,
        loc="outside lower center",
        ncols=columns or min(len(patches), 8),
        handlelength=1.2,
        handleheight=1.0,
        columnspacing=1.4,
    )


def style_map(axes: Axes, grid: Grid, title: str) -> None:
    """Title and degrees on a map; degrees of longitude as long as they are on the ground."""
    axes.set_title(title)
    middle = float(grid.north + grid.south) / 2.0
    axes.set_aspect(1.0 / max(float(np.cos(np.radians(middle))), 0.1))
    axes.locator_params(nbins=5)
    axes.tick_params(length=2)
    axes.xaxis.set_major_formatter(lambda x, _: f"{abs(x):g}°{'E' if x >= 0 else 'W'}")
    axes.yaxis.set_major_formatter(lambda y, _: f"{abs(y):g}°{'N' if y >= 0 else 'S'}")


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def ordered(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and dash of each row of a score table; colours come again with another dash."""
    colours = ("#009e73", "#cc79a7", "#0072b2", "#d55e00", "#f0e442")
    spare = itertools.cycle((colour, dash) for dash in ("-", "--", ":") for colour in colours)
    return {name: LINES[name] if name in LINES else next(spare) for name in names}
