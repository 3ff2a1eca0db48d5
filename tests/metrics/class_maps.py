"""Three class maps drawn at random, for the tests of the scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from ai4land.vocabulary import NO_DATA

K = 3
NAMES = ("a", "b", "c")
Map = NDArray[np.uint8]
Maps = tuple[Map, Map, Map]

INDEX = st.sampled_from([*range(K), NO_DATA])


@st.composite
def three_class_maps(draw: st.DrawFn, multiple: int = 1, most: int = 10) -> Maps:
    """Initial, reference and simulated map; sides are multiples of a number."""
    sides = st.integers(1, most // multiple).map(lambda n: n * multiple)
    shape = draw(st.tuples(sides, sides))
    one = npst.arrays(np.uint8, shape, elements=INDEX)
    return draw(one), draw(one), draw(one)


def patchy(seed: int, shape: tuple[int, int] = (64, 96), classes: int = K) -> Maps:
    """Maps of patches with a little change, and a sea of missing pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (shape[0] // 8, shape[1] // 8), dtype=np.uint8)
    initial = np.kron(coarse, np.ones((8, 8), np.uint8))
    initial[: shape[0] // 4, : shape[1] // 5] = NO_DATA
    maps = [initial]
    for _ in range(2):
        later = initial.copy()
        changed = (rng.random(shape) < 0.1) & (initial != NO_DATA)
        later[changed] = rng.integers(0, classes, int(changed.sum()), dtype=np.uint8)
        maps.append(later)
    return maps[0], maps[1], maps[2]


def random_probability(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Probabilities of all classes at every pixel, ``(K, …)``."""
    drawn = rng.dirichlet(np.ones(K), shape)
    return np.moveaxis(drawn, -1, 0)


def in_tiles(shape: tuple[int, ...], side: int) -> Iterator[tuple[slice, slice]]:
    """Windows that cover a map."""
    for row in range(0, shape[0], side):
        for col in range(0, shape[1], side):
            yield slice(row, row + side), slice(col, col + side)
