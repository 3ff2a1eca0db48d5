"""Three maps compared from pixels to ever coarser squares: how far off is what is misplaced?"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.changes.composite import Composite, cell_areas, composite_table
from ai4land.metrics.changes.three_maps import three_maps
from ai4land.metrics.scores.confusion import classification_scores
from ai4land.metrics.tables.counting import as_weights, check_shapes
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import reported
from ai4land.vocabulary import NO_DATA

__all__ = ["FACTORS", "Resolutions", "resolutions"]

FACTORS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Pixels along the side of a square, from one pixel on."""

_ROUNDING = 1e-12
"""Share of the whole below which two disagreements are one."""

_SIDE = 1 << 10
"""Pixels along the side of the pieces of a map that are worked on at once, about."""


@dataclass(frozen=True, eq=False)
class Resolutions(Sums):
    """The composite tables of three maps at several resolutions.

    Those of tiles add if the tiles are cut at multiples of the largest factor.

    Attributes:
        factors: Pixels along the side of a square, ascending.
        composites: The table of each factor.
    """

    factors: tuple[int, ...]
    composites: tuple[Composite, ...]

    @classmethod
    def zero(
        cls, n_classes: int, factors: Sequence[int] = FACTORS, weighting: str = "pixel"
    ) -> Resolutions:
        """The tables of no pixel, neutral in sums."""
        return cls(tuple(factors), tuple(Composite.zero(n_classes, weighting) for _ in factors))

    def __getitem__(self, factor: int) -> Composite:
        """The table of one factor.

        Raises:
            SampleError: If it is not among the factors.
        """
        if factor not in self.factors:
            raise SampleError("Not a resolution", expected=self.factors, found=factor)
        return self.composites[self.factors.index(factor)]

    @property
    def null_resolution(self) -> int | None:
        """The finest factor at which the simulation has less error than persistence.

        ``None`` if it has so at none.
        """
        for factor, table in zip(self.factors, self.composites, strict=True):
            if table.disagreement < table.null_disagreement - _ROUNDING:
                return factor
        return None

    def scores(self) -> dict[str, Any]:
        """All resolutions, ready for JSON.

        Returns:
            ``weighting``, ``null_resolution`` and ``rows``, one per factor: ``factor``,
            ``figure_of_merit`` (composite), ``disagreement`` of the simulation and
            ``null_disagreement`` of persistence (shares of the scored weight), and the parts of
            the disagreement at the finest factor that are ``quantity`` (amounts over the whole
            map), ``among`` squares of this size (major misplacement) and ``within`` them (minor);
            ``None`` where 0/0.
        """
        return {
            "weighting": self.composites[0].weighting,
            "null_resolution": self.null_resolution,
            "rows": list(self._rows()),
        }

    def _rows(self) -> Iterator[dict[str, Any]]:
        finest = self.composites[0]
        names = [str(n) for n in range(finest.counts.shape[0])]
        found = classification_scores(finest.three.reference_confusion, names)["quantity"]
        quantity = float("nan") if found is None else found
        for factor, table in zip(self.factors, self.composites, strict=True):
            among = np.maximum(0.0, table.disagreement - quantity)
            within = np.maximum(0.0, finest.disagreement - table.disagreement)
            yield {
                "factor": factor,
                **table.scores(),
                "quantity": reported(quantity),
                "among": reported(among),
                "within": reported(within),
            }


def resolutions(
    initial: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    simulated: NDArray[np.uint8],
    n_classes: int,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
    factors: Sequence[int] = FACTORS,
) -> Resolutions:
    """Compare three maps in squares of several sizes.

    Squares are counted from the north-western corner; those at the other borders may be cut
    short. A square counts by what is scored in it.

    Args:
        initial: Class indices 0…K−1, uint8, ``(y, x)``; 255 is missing, left out.
        reference: The truth at the later step, likewise.
        simulated: Its simulation; 255 counts as wrong change.
        n_classes: Number of classes K.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        mask: True where a pixel is scored.
        factors: Pixels along the side of a square, ascending, each a multiple of the one before.

    Returns:
        A table per factor.

    Raises:
        GridError: If shapes differ, or a weight is negative or not finite.
        SampleError: If the factors are no such sequence, or the maps are no maps.
    """
    _check_factors(factors)
    if initial.ndim != 2:
        raise SampleError("Squares need maps", expected="(y, x)", found=initial.shape)
    check_shapes(initial.shape, reference=reference, simulated=simulated)
    areas = None if weights is None else as_weights(weights, initial.shape)
    step = factors[-1] * max(1, _SIDE // factors[-1])
    total = Resolutions.zero(n_classes, factors, "pixel" if areas is None else "area")
    for row in range(0, initial.shape[0], step):
        for col in range(0, initial.shape[1], step):
            part = slice(row, row + step), slice(col, col + step)
            maps = [layer[part] for layer in (initial, reference, simulated)]
            scored = (maps[0] != NO_DATA) & (maps[1] != NO_DATA)
            scored = scored if mask is None else scored & mask[part]
            if not scored.any():
                continue
            total += _piece(
                maps, n_classes, None if areas is None else areas[part], scored, factors
            )
    return total


def _check_factors(factors: Sequence[int]) -> None:
    pairs = itertools.pairwise(factors)
    if not factors or factors[0] < 1 or any(two <= one or two % one for one, two in pairs):
        raise SampleError(
            "Not a sequence of resolutions",
            expected="ascending factors, each a multiple of the one before",
            found=tuple(factors),
        )


def _piece(
    maps: Sequence[NDArray[np.uint8]],
    n_classes: int,
    areas: NDArray[np.float64] | None,
    scored: NDArray[np.bool_],
    factors: Sequence[int],
) -> Resolutions:
    weighting = "pixel" if areas is None else "area"
    tables = []
    layers: list[NDArray[np.float64]] = []
    for n, factor in enumerate(factors):
        if factor == 1:
            three = three_maps(maps[0], maps[1], maps[2], n_classes, areas, scored)
            tables.append(Composite.of_pixels(three))
            continue
        if layers:
            layers = [_coarser(layer, factor // factors[n - 1]) for layer in layers]
        else:
            layers = [_squares(layer, factor, n_classes, areas, scored) for layer in maps]
        flat = [layer.reshape(-1, n_classes + 1) for layer in layers]
        tables.append(composite_table(flat[0][:, :-1], flat[1][:, :-1], flat[2], weighting))
    return Resolutions(tuple(factors), tuple(tables))


def _squares(
    layer: NDArray[np.uint8],
    factor: int,
    n_classes: int,
    areas: NDArray[np.float64] | None,
    scored: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Shape (Y, X, K + 1): the area of each class in each square."""
    height, width = (-(-side // factor) for side in layer.shape)
    rows, cols = np.arange(layer.shape[0]) // factor, np.arange(layer.shape[1]) // factor
    cell = (rows[:, np.newaxis] * width + cols)[scored]
    weights = None if areas is None else areas[scored]
    sums = cell_areas(layer[scored], cell, height * width, n_classes, weights)
    return sums.reshape(height, width, n_classes + 1)


def _coarser(layer: NDArray[np.float64], ratio: int) -> NDArray[np.float64]:
    """Sums of ``ratio × ratio`` squares of (Y, X, K)."""
    height, width, _ = layer.shape
    full = layer
    if height % ratio or width % ratio:
        full = np.pad(layer, ((0, -height % ratio), (0, -width % ratio), (0, 0)))
    # Adding whole rows, then columns, is several times faster than summing over two short axes.
    rows = functools.reduce(np.add, (full[n::ratio] for n in range(ratio)))
    return functools.reduce(np.add, (rows[:, n::ratio] for n in range(ratio)))
