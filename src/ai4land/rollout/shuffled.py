"""The shuffled twin of a rollout: its amounts in every coarse cell, at random places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells, draws, shuffle
from ai4land.cube import Field, State, View
from ai4land.grid import Mesh, Window
from ai4land.samples import Labels

__all__ = ["shuffled"]


@dataclass(frozen=True, eq=False)
class _ShuffledView:
    """A map whose changes since the initial one are dealt anew when it is read."""

    initial: Field
    later: View
    labels: Labels
    mesh: Mesh
    seed: int
    tick: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.later.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the codes."""
        return self.later.dtype

    def read(self, window: Window) -> npt.NDArray[Any]:
        """Codes of a window ``(y, x)``; outside the grid they are missing, and nothing is dealt."""
        whole = self.mesh.whole(window)
        start, end = self.initial.read(whole), self.later.read(whole)
        cells = CoarseCells.within(self.mesh, whole)
        ties = draws(self.mesh, whole, self.seed, self.tick)
        dealt = shuffle(start, end, cells, self.labels.domain(start), ties)
        out = self.later.read(window).copy()
        rows, cols = self.mesh.places(whole, window)
        inside = np.ix_(rows >= 0, cols >= 0)
        out[inside] = dealt[np.ix_(rows[rows >= 0], cols[cols >= 0])]
        return out


def shuffled(
    states: Iterable[State], labels: Labels, mesh: Mesh, *, seed: int = 0
) -> Iterator[State]:
    """Deal every map of a rollout anew, see ``shuffle``.

    Args:
        states: The rollout, initial state first.
        labels: Knows where the target exists.
        mesh: The coarse cells.
        seed: Of the places; combined with the time.

    Yields:
        The initial state, then the dealt ones, without probabilities; dealing happens when a
        window is read.
    """
    name = labels.target.name
    initial: State | None = None
    for state in states:
        if initial is None:
            initial = state
            yield state
            continue
        view = _ShuffledView(initial[name], state[name].view, labels, mesh, seed, state.tick)
        dealt = replace(state[name], view=view, belief=None)
        yield replace(state, fields={**state.fields, name: dealt})
