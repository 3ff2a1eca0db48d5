"""Orientation: whether a map of a series is the mirror image of its neighbours in time.

A file may be written upside down under a georeference that is not. Alone it cannot be told from a
right one; beside its neighbours in time it can, because classes rarely change and a mirror image
agrees with a map by chance only.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources.reader import Strict
from ai4land.sources.source import Array

__all__ = [
    "Mirrored",
    "Orientation",
    "OrientationOptions",
    "checked_orientation",
    "find_mirrored",
    "probed",
]

Orientation = Literal["checked", "as_stored"]

_ROWS = 48  # of a window that are compared, with their mirror images
_LEAST = 0.05  # share of cells by which a mirror image leads at least
# Standard errors by which it leads, as if cells were independent. They lie in patches: of honest
# neighbours in slices of HILDA+, 6 to 80 pixels wide, 1899-2000, the chance lead reaches 5.1.
_ERRORS, _ERRORS_ALONE = 5.0, 10.0
_TURNS = {
    "upside down": (slice(None, None, -1), slice(None)),
    "reversed east–west": (slice(None), slice(None, None, -1)),
}


class OrientationOptions(Strict):
    """What a series of class maps says of its orientation.

    Attributes:
        orientation: ``checked`` refuses a map that is the mirror image of its neighbours in time;
            ``as_stored`` takes it as it is, and notes in the cube what it looks like.
    """

    orientation: Orientation = "checked"


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A map that looks like the mirror image of its neighbours.

    Attributes:
        before: Name of the map before it.
        name: Its own name.
        how: ``upside down`` or ``reversed east–west``.
        straight: Share of cells that agree with the map before as stored.
        turned: Share of cells that agree with the mirror image of the map before.
    """

    before: object
    name: object
    how: str
    straight: float
    turned: float


@dataclass(frozen=True, slots=True)
class _Likeness:
    """Cells of two maps that agree as stored, with one of them turned, and in one way only."""

    cells: int
    straight: int
    turned: int
    telling: int

    def leads(self, errors: float) -> bool:
        """Whether the turned map agrees better than chance could make it (McNemar 1947)."""
        margin = max(_LEAST * self.cells, errors * math.sqrt(self.telling))
        return self.turned - self.straight > margin


def checked_orientation(
    maps: Iterable[tuple[object, Array]], orientation: Orientation
) -> dict[str, Any]:
    """Refuse or note a map that looks like the mirror image of its neighbours.

    Args:
        maps: Name and probed cells ``(y, x)`` of each map, in order of time; see ``probed``.
        orientation: Whether such a map is refused.

    Returns:
        ``orientation``: what was found and taken as it is; else empty.

    Raises:
        SourceError: If there is such a map and it is not taken as it is.
    """
    found = find_mirrored(maps)
    if found is None:
        return {}
    shares = (
        f"{found.turned:.0%} of probed cells agree when mirrored, {found.straight:.0%} as stored"
    )
    if orientation == "as_stored":
        return {"orientation": f"as stored; {found.name} looks {found.how}: {shares}"}
    raise SourceError(
        f"A file of the series looks {found.how}",
        where=found.name,
        expected=f"the orientation of {found.before}",
        found=shares,
        remedy="write the file again with row 0 in the north and column 0 in the west; if it is "
        "right as it is, set the option `orientation: as_stored`",
    )


def find_mirrored(maps: Iterable[tuple[object, Array]]) -> Mirrored | None:
    """The first map that looks like the mirror image of those before it, ``None`` without one.

    The mirror image must agree with the map before better than the map itself, by a margin that
    grows as the window shrinks. It is twice as wide where the mirror image agrees less than
    neighbours of the series usually do, or where there are no others. One pair does not decide if
    there are more maps: another pair with one of the two must say the same.
    """
    names: list[object] = []
    near: list[dict[str, _Likeness]] = []  # n: maps n and n + 1
    far: list[dict[str, _Likeness]] = []  # n: maps n and n + 2
    last: deque[Array] = deque(maxlen=2)
    for name, values in maps:
        names.append(name)
        if last:
            near.append({how: _compared(last[-1], values, how) for how in _TURNS})
        if len(last) == 2:
            far.append({how: _compared(last[0], values, how) for how in _TURNS})
        last.append(values)
    for n, how in itertools.product(range(len(near)), _TURNS):
        pair, others = near[n][how], [p[how].straight for p in near[:n] + near[n + 1 :]]
        usual = bool(others) and pair.turned >= np.median(others)
        second = [*far[max(n - 1, 0) : n + 1], *near[max(n - 1, 0) : n], *near[n + 1 : n + 2]]
        seconded = not second or any(other[how].leads(_ERRORS) for other in second)
        if seconded and pair.leads(_ERRORS if usual else _ERRORS_ALONE):
            shares = pair.straight / pair.cells, pair.turned / pair.cells
            return Mirrored(names[n], names[n + 1], how, *shares)
    return None


def _compared(before: Array, now: Array, how: str) -> _Likeness:
    straight, turned = before == now, before[_TURNS[how]] == now
    return _Likeness(
        now.size, int(straight.sum()), int(turned.sum()), int((straight != turned).sum())
    )


def probed(window: Window) -> list[Window]:
    """Some rows of a window, chosen so that their mirror images are among them."""
    half = np.linspace(0, window.height - 1, min(_ROWS, window.height)).round().astype(int)
    rows = np.unique(np.concatenate([half, window.height - 1 - half]))
    return [Window(window.row + int(row), window.col, 1, window.width) for row in rows]
