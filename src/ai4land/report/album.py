"""Maps of every year for a page: truth, reconstruction and difference, to be leafed through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.report.figures import BUDGET
from ai4land.report.png import data_uri, palette_png
from ai4land.vocabulary import NO_DATA, Legend, Task

__all__ = ["Album", "Frame", "Key", "album_of"]

ByteArray = npt.NDArray[np.uint8]

_MOST_PIXELS = 480  # of a side: what a page can show of a map
_MOST_FRAMES = 24
_CLEAR = "#00000000"
_PARTS = (
    "changed as it really did",
    "changed, but to another class than it really did",
    "really changed, left as it was",
    "changed, but really stayed",
    "left as it was, rightly",
)


@dataclass(frozen=True)
class Key:
    """A colour of a map and what it stands for."""

    colour: str
    name: str
    said: str = ""


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


@dataclass(frozen=True, eq=False)
class Album:
    """Maps of a reconstruction in its own order.

    Attributes:
        frames: One per time shown.
        classes: Key of the class maps.
        parts: Key of the difference.
        width: Pixels across.
        height: Pixels down.
        step: Every how many pixels one is shown.
        left_out: Times that are not shown.
    """

    frames: tuple[Frame, ...]
    classes: tuple[Key, ...]
    parts: tuple[Key, ...]
    width: int
    height: int
    step: int
    left_out: int


def album_of(prediction: Cube, truth: Cube | None, job: Task, ticks: Sequence[int]) -> Album | None:
    """Gather the maps of a reconstruction; ``None`` if it has no classes.

    Args:
        prediction: The reconstruction.
        truth: A cube with labels.
        job: What was predicted.
        ticks: Times in the order of the rollout, the initial one first.
    """
    legend = prediction.variable(job.target).legend
    if legend is None:
        return None
    shape = prediction.grid(job.target).shape
    step = max(1, -(-max(shape) // _MOST_PIXELS))
    labelled = set() if truth is None else set(truth.group(job.target).ticks)
    start = prediction.read(job.target, ticks[0])
    colours = [_CLEAR] * 256
    for cls in legend.classes:
        colours[cls.code] = cls.colour
    used: set[int] = set()
    frames = []
    shown = _evenly(ticks[1:])
    for tick in shown:
        own = prediction.read(job.target, tick)
        image = difference = said = ""
        if truth is not None and tick in labelled:
            real = truth.read(job.target, tick)
            image = _picture(real, step, colours)
            parts = budget_parts(start, real, own, legend)
            difference = _picture(parts, step, [*BUDGET.values(), _CLEAR])
            said = _shares(parts)
            used |= set(np.unique(real).tolist())
        used |= set(np.unique(own).tolist())
        frames.append(
            Frame(job.clock.label(tick), image, _picture(own, step, colours), difference, said)
        )
    keys = tuple(Key(c.colour, c.name.replace("_", " ")) for c in legend.classes if c.code in used)
    pairs = zip(BUDGET.items(), _PARTS, strict=True)
    parts_key = tuple(Key(colour, name, words) for (name, colour), words in pairs)
    height, width = start[::step, ::step].shape
    left = len(ticks) - 1 - len(shown)
    return Album(tuple(frames), keys, parts_key, width, height, step, left)


def budget_parts(initial: ByteArray, truth: ByteArray, own: ByteArray, legend: Legend) -> ByteArray:
    """Part of the three-map budget at each pixel, in the order of ``BUDGET``; 5 is not scored.

    Args:
        initial: Codes at the start, ``(y, x)``.
        truth: Codes at the end.
        own: Codes simulated for the end.
        legend: Their legend; its sea is not scored.
    """
    changed, moved, right = initial != truth, initial != own, truth == own
    found = np.where(
        changed, np.where(right, 0, np.where(moved, 1, 2)), np.where(moved, 3, 4)
    ).astype(np.uint8)
    outside = (*legend.sea, NO_DATA)
    found[np.isin(initial, outside) | np.isin(truth, outside)] = 5
    return found


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
