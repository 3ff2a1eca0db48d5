"""Three categorical maps in, one report out: what ``ai4land score`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.changes.composite import Composite
from ai4land.metrics.changes.resolutions import FACTORS, Resolutions, resolutions
from ai4land.metrics.changes.three_maps import ThreeMaps, change_scores, three_maps
from ai4land.metrics.scores.confusion import classification_scores
from ai4land.metrics.tables.binned import Binned, by
from ai4land.metrics.tables.counting import as_weights, check_shapes
from ai4land.metrics.tables.domain import ScoredClasses, index_map, valid_mask
from ai4land.metrics.tables.sums import Sums
from ai4land.vocabulary import NO_DATA, Legend

__all__ = [
    "CodesFound",
    "RasterSums",
    "RasterTally",
    "codes_found",
    "score_rasters",
    "tally_rasters",
]

Indices = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class CodesFound:
    """Which class codes occur in some maps, ascending."""

    codes: tuple[int, ...]

    def __add__(self, other: CodesFound) -> CodesFound:
        """The codes of both sets of maps together."""
        return CodesFound(tuple(sorted({*self.codes, *other.codes})))


def codes_found(**maps: NDArray[np.integer[Any]]) -> CodesFound:
    """The codes of maps of any shape, without 255 of bytes; for ``reduce_blocks``."""
    found = {code for codes in maps.values() for code in np.unique(codes).tolist()}
    stored = all(codes.dtype == np.uint8 for codes in maps.values())
    return CodesFound(tuple(sorted(found - {NO_DATA} if stored else found)))


@dataclass(frozen=True, eq=False)
class RasterSums(Sums):
    """All sums of three maps that a report needs.

    Attributes:
        pixel: The three maps, every pixel counting 1.
        area: The same weighted by area; ``None`` without weights.
        squares: The maps at several resolutions, weighted as the headline; ``None`` of what is
            no map.
    """

    pixel: ThreeMaps
    area: ThreeMaps | None
    squares: Resolutions | None

    @property
    def headline(self) -> ThreeMaps:
        """By area if there are areas."""
        return self.pixel if self.area is None else self.area


@dataclass(frozen=True, eq=False)
class RasterTally:
    """What is counted of three maps in one pass; tallies of blocks add.

    Blocks must be cut at multiples of the largest factor of ``FACTORS``.

    Attributes:
        whole: Of all scored pixels.
        regions: Name of a partition → the headline's table by region.
    """

    whole: RasterSums
    regions: Mapping[str, Binned[ThreeMaps]]

    def __add__(self, other: RasterTally) -> RasterTally:
        """The tally of both sets of pixels together.

        Raises:
            SampleError: If the two differ in legend, weighting or partitions.
        """
        if self.regions.keys() != other.regions.keys():
            raise SampleError(
                "Scores of different regions cannot be added",
                expected=", ".join(self.regions),
                found=", ".join(other.regions),
            )
        regions = {name: table + other.regions[name] for name, table in self.regions.items()}
        return RasterTally(self.whole + other.whole, regions)

    def report(self, legend: Legend, protocol: ScoredClasses) -> dict[str, Any]:
        """The scores, ready for JSON; see ``score_rasters``.

        Args:
            legend: The legend by which was counted.
            protocol: The protocol likewise.

        Raises:
            SampleError: If no pixel was scored.
        """
        pixel, area, squares = self.whole.pixel, self.whole.area, self.whole.squares
        if pixel.total == 0:
            raise SampleError(
                "No pixel is left to score",
                where=f"legend {legend.name!r}, protocol {protocol}",
                expected="pixels that hold an admitted class in the initial and the reference map",
                remedy="check the legend's sea and missing codes, or use --protocol reference",
            )
        return {
            "protocol": str(protocol),
            "legend": legend.name,
            "classes": list(legend.names),
            "weighting": self.whole.headline.weighting,
            "resolutions": None if squares is None else squares.scores(),
            "pixel": _rows(pixel, legend),
            "area": None if area is None else _rows(area, legend),
        }


def tally_rasters(
    initial: NDArray[Any],
    reference: NDArray[Any],
    simulated: NDArray[Any],
    legend: Legend,
    weights: ArrayLike | None = None,
    protocol: ScoredClasses = ScoredClasses.LAND,
    **regions: NDArray[np.integer[Any]],
) -> RasterTally:
    """Count everything about three maps of class codes that a report needs: for ``reduce_blocks``.

    Args:
        initial: Class codes of ``legend`` at the initial time, any shape, integer; 255 missing.
        reference: The truth at the simulated time, same shape.
        simulated: The simulation, same shape.
        legend: The legend of all three.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        protocol: Land only, or all classes as the reference system counts.
        **regions: Partitions of the map: region of each pixel, same shape; negative in none.

    Raises:
        VocabularyError: If a map holds a code the legend does not explain.
        GridError: If shapes differ or weights are unusable.
    """
    maps, mask = _scored(initial, reference, simulated, legend, protocol)
    areas = None if weights is None else as_weights(weights, mask.shape)
    k = len(legend)
    pixel = three_maps(*maps, k, mask=mask)
    area = None if areas is None else three_maps(*maps, k, areas, mask)
    whole = RasterSums(pixel, area, None)
    if mask.ndim == 2:
        whole = RasterSums(pixel, area, _squares(maps, areas, mask, whole.headline))
    parts = {
        name: _by_region(np.where(mask, labels, np.int32(-1)), maps, areas, whole.headline.zeroed())
        for name, labels in regions.items()
    }
    return RasterTally(whole, parts)


def score_rasters(
    initial: NDArray[Any],
    reference: NDArray[Any],
    simulated: NDArray[Any],
    legend: Legend,
    weights: ArrayLike | None = None,
    protocol: ScoredClasses = ScoredClasses.LAND,
) -> dict[str, Any]:
    """Score a simulated map against a reference map, with persistence beside it.

    A pixel is scored where the initial and the reference map hold a class that the protocol
    admits. What the simulation says there never decides whether it counts: sea or missing on land
    is an error (reported as ``outside`` where it is no class of the legend).

    Args:
        initial: Class codes of ``legend`` at the initial time, any shape, integer; 255 missing.
        reference: The truth at the simulated time, same shape.
        simulated: The simulation, same shape.
        legend: The legend of all three.
        weights: Cell areas in m², broadcastable to the maps; adds the area-weighted scores.
        protocol: Land only, or all classes as the reference system counts.

    Returns:
        ``protocol``, ``legend``, ``classes``, ``weighting`` (which of the two is the headline:
        ``area`` if weights were given), ``resolutions`` (those of ``Resolutions.scores`` with the
        headline's weights, ``None`` unless the codes are maps), ``pixel`` and ``area`` (``None``
        without weights), each with ``simulated`` and ``persistence``: the scores of
        ``classification_scores``, ``changed`` (the same on pixels that changed from initial to
        reference) and ``change`` (those of ``change_scores``). 0/0 is ``None``.

    Raises:
        VocabularyError: If a map holds a code the legend does not explain.
        GridError: If shapes differ or weights are unusable.
        SampleError: If no pixel is left to score.
    """
    tally = tally_rasters(initial, reference, simulated, legend, weights, protocol)
    return tally.report(legend, protocol)


def _scored(
    initial: NDArray[Any],
    reference: NDArray[Any],
    simulated: NDArray[Any],
    legend: Legend,
    protocol: ScoredClasses,
) -> tuple[Indices, NDArray[np.bool_]]:
    """Class indices of the three maps, and where they are scored."""
    start, truth, result = (index_map(codes, legend) for codes in (initial, reference, simulated))
    check_shapes(start.shape, reference=truth, simulated=result)
    mask = valid_mask(start, legend, protocol) & valid_mask(truth, legend, protocol)
    return (start, truth, result), mask


def _squares(
    maps: Indices,
    areas: NDArray[np.float64] | None,
    mask: NDArray[np.bool_],
    finest: ThreeMaps,
) -> Resolutions:
    """All resolutions, the finest of which was counted already."""
    if finest.total == 0:
        return Resolutions.zero(finest.n_classes, FACTORS, "pixel" if areas is None else "area")
    coarser = resolutions(*maps, finest.n_classes, areas, mask, FACTORS[1:])
    return Resolutions(FACTORS, (Composite.of_pixels(finest), *coarser.composites))


def _by_region(
    labels: NDArray[np.integer[Any]],
    maps: Indices,
    areas: NDArray[np.float64] | None,
    nothing: ThreeMaps,
) -> Binned[ThreeMaps]:
    """A table per region that has a scored pixel."""
    if (labels < 0).all():
        empty = tuple(np.zeros((0, *part.shape), part.dtype) for part in nothing.parts())
        return Binned(np.zeros(0, np.int64), nothing, empty)
    return by(labels, three_maps, *maps, nothing.n_classes, weights=areas)


def _rows(three: ThreeMaps, legend: Legend) -> dict[str, Any]:
    return {
        name: {
            **classification_scores(table.reference_confusion, legend.names),
            "changed": classification_scores(table.changed, legend.names),
            "change": change_scores(table, legend.names),
        }
        for name, table in (("simulated", three), ("persistence", three.persistence))
    }
