"""Map frames of a page: truth, reconstruction and difference of every year, as small pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.grid import Grid
from ai4land.report.pictures.figures import BUDGET, budget_parts, judged
from ai4land.report.pictures.thinning import read_thinned, thinning
from ai4land.report.png import data_uri, palette_png
from ai4land.vocabulary import Legend, Target

__all__ = ["Frame", "FrameLayout", "Key", "MapFrames", "map_frames"]

ByteArray = npt.NDArray[np.uint8]

_MOST_PIXELS = 480  # of a side: what a page can show of a map
_MOST_FRAMES = 24
_CLEAR = "#00000000"
_PARTS = (
    ("changed as it really did", "M5 2.2a2.8 2.8 0 1 0 .01 0z"),
    ("changed, but to another class than it really did", "M2.5 2.5L7.5 7.5M7.5 2.5L2.5 7.5"),
    ("really changed, left as it was", "M2 5H8"),
    ("changed, but really stayed", "M2 5H8M5 2V8"),
    ("left as it was, rightly", ""),
)


@dataclass(frozen=True)
class Key:
    """A colour of a map and what it stands for.

    Attributes:
        colour: ``#rrggbb``.
        name: What it stands for.
        said: The same in a few words more.
        mark: A path in a square of 10 that tells it without colour.
    """

    colour: str
    name: str
    said: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Frame:
    """The maps of one time, as addresses that are their own content.

    Attributes:
        time: The time as a person says it.
        truth: Labels; empty without.
        own: The reconstruction.
        difference: Parts of the three-map budget; empty without labels.
        said: Shares of the parts in words.
    """

    time: str
    truth: str
    own: str
    difference: str
    said: str


@dataclass(frozen=True)
class FrameLayout:
    """Where the pictures lie.

    Attributes:
        width: Pixels across.
        height: Pixels down.
        step: Every how many pixels of the map one is shown.
        thinned: Every how many pixels one is counted; 1 unless the map is very large.
        west: Western edge in degrees.
        north: Northern edge in degrees.
        across: Degrees from one shown pixel to the next.
        down: Degrees from one shown pixel to the one below.
    """

    width: int
    height: int
    step: int
    thinned: int
    west: float
    north: float
    across: float
    down: float

    @classmethod
    def of(cls, grid: Grid) -> FrameLayout:
        """Pictures of a grid that are no larger than a page can show."""
        thinned = thinning(grid)
        step = thinned * max(1, -(-max(grid.shape) // (thinned * _MOST_PIXELS)))
        height, width = (-(-side // step) for side in grid.shape)
        edges = float(grid.west), float(grid.north)
        sizes = float(grid.dx) * step, float(grid.dy) * step
        return cls(width, height, step, thinned, *edges, *sizes)

    @property
    def aspect(self) -> float:
        """Width over height on the ground, in the middle of the map."""
        middle = math.radians(self.north - self.down * self.height / 2.0)
        wide = self.width * self.across * max(math.cos(middle), 0.1)
        return round(wide / (self.height * self.down), 4)


@dataclass(frozen=True, eq=False)
class MapFrames:
    """Maps of a reconstruction in its own order.

    Attributes:
        initial: The map it started from, as an address.
        frames: One per time shown.
        classes: Key of the class maps.
        parts: Key of the difference.
        layout: Where the pictures lie.
        left_out: Times that are not shown.
    """

    initial: str
    frames: tuple[Frame, ...]
    classes: tuple[Key, ...]
    parts: tuple[Key, ...]
    layout: FrameLayout
    left_out: int


def map_frames(
    prediction: Cube, truth: Cube | None, target: Target, ticks: Sequence[int]
) -> MapFrames | None:
    """Gather the maps of a reconstruction; ``None`` if it has no classes.

    Args:
        prediction: The reconstruction.
        truth: A cube with labels.
        target: What was predicted.
        ticks: Times in the order of the rollout, the initial one first.
    """
    legend = prediction.variable(target.name).legend
    if legend is None:
        return None
    layout = FrameLayout.of(prediction.grid(target.name))
    labelled = set() if truth is None else set(truth.group(target.name).ticks)
    start = read_thinned(prediction, target.name, ticks[0], layout.thinned)
    beyond = layout.step // layout.thinned
    colours = [_CLEAR] * 256
    for cls in legend.classes:
        colours[cls.code] = cls.colour

    def picture(codes: ByteArray) -> str:
        return _picture(codes, beyond, colours)

    used = set(np.unique(start).tolist())
    frames = []
    shown = _evenly(ticks[1:])
    for tick in shown:
        own = read_thinned(prediction, target.name, tick, layout.thinned)
        image = difference = said = ""
        if truth is not None and tick in labelled:
            real = read_thinned(truth, target.name, tick, layout.thinned)
            image = picture(real)
            parts = budget_parts(start, real, own, judged(start, real, legend))
            difference = _picture(parts, beyond, [*BUDGET.values(), _CLEAR])
            said = _shares(parts)
            used |= set(np.unique(real).tolist())
        used |= set(np.unique(own).tolist())
        frames.append(Frame(target.clock.label(tick), image, picture(own), difference, said))
    pairs = zip(BUDGET.items(), _PARTS, strict=True)
    key = tuple(Key(colour, name, *told) for (name, colour), told in pairs)
    left = len(ticks) - 1 - len(shown)
    return MapFrames(picture(start), tuple(frames), _class_key(legend, used), key, layout, left)


def _class_key(legend: Legend, used: set[int]) -> tuple[Key, ...]:
    """Colour and name of the classes that occur; those of one colour share a line."""
    names: dict[str, list[str]] = {}
    for cls in legend.classes:
        if cls.code in used:
            names.setdefault(cls.colour.lower(), []).append(cls.name.replace("_", " "))
    return tuple(Key(colour, " / ".join(alike)) for colour, alike in names.items())


def _evenly(ticks: Sequence[int]) -> list[int]:
    """All times, or as many as a page can hold, the first and last among them."""
    if len(ticks) <= _MOST_FRAMES:
        return list(ticks)
    places: Iterable[int] = np.linspace(0, len(ticks) - 1, _MOST_FRAMES).round().astype(int)
    return [ticks[n] for n in places]


def _picture(values: ByteArray, step: int, colours: Sequence[str]) -> str:
    return data_uri(palette_png(values[::step, ::step], colours))


def _shares(parts: ByteArray) -> str:
    counts = np.bincount(parts.ravel(), minlength=6)[:5]
    total = counts.sum()
    if not total:
        return "nothing to judge"
    pairs = zip(BUDGET, counts, strict=True)
    return ", ".join(f"{name} {100 * count / total:.1f} %" for name, count in pairs)
