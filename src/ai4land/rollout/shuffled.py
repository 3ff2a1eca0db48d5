"""The shuffled twin of a rollout: its amounts in every coarse cell, at random places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from ai4land.allocation import CoarseCells, shuffle
from ai4land.cube import State
from ai4land.samples import WindowReader

__all__ = ["shuffled"]


def shuffled(
    states: Iterable[State], reader: WindowReader, cells: CoarseCells, *, seed: int = 0
) -> Iterator[State]:
    """Deal every map of a rollout anew, see ``shuffle``.

    Args:
        states: The rollout, initial state first.
        reader: Knows where the target exists.
        cells: Coarse cell of each pixel.
        seed: Of the places; combined with the time.

    Yields:
        The initial state, then the dealt ones, without probabilities.
    """
    name = reader.task.target
    initial: State | None = None
    for state in states:
        if initial is None:
            initial = state
            yield state
            continue
        start, field = initial[name].values, state[name]
        values = shuffle(
            start,
            field.values,
            cells,
            reader.domain(start),
            np.random.default_rng([seed, state.tick]),
        )
        dealt = replace(field, values=values, probabilities=None)
        yield replace(state, fields={**state.fields, name: dealt})
