"""Three categorical maps in, one report out: what ``ai4land score`` prints."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.change import ThreeMaps, change_scores, three_maps
from ai4land.metrics.confusion import classification_scores
from ai4land.metrics.counting import check_shapes
from ai4land.metrics.domain import Protocol, index_map, valid_mask
from ai4land.metrics.resolutions import resolutions
from ai4land.vocabulary import Legend

__all__ = ["score_rasters", "three_code_maps"]


def score_rasters(
    initial: NDArray[Any],
    reference: NDArray[Any],
    simulated: NDArray[Any],
    legend: Legend,
    weights: ArrayLike | None = None,
    protocol: Protocol = Protocol.LAND,
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
    start, truth, result = (index_map(codes, legend) for codes in (initial, reference, simulated))
    check_shapes(start.shape, reference=truth, simulated=result)
    mask = valid_mask(start, legend, protocol) & valid_mask(truth, legend, protocol)
    by_pixel = three_maps(start, truth, result, len(legend), mask=mask)
    if by_pixel.total == 0:
        raise SampleError(
            "No pixel is left to score",
            where=f"legend {legend.name!r}, protocol {protocol}",
            expected="pixels that hold an admitted class in the initial and the reference map",
            remedy="check the legend's sea and missing codes, or use --protocol reference",
        )
    by_area = None
    if weights is not None:
        by_area = three_maps(start, truth, result, len(legend), weights, mask)
    found = None
    if start.ndim == 2:
        found = resolutions(start, truth, result, len(legend), weights, mask).scores()
    return {
        "protocol": str(protocol),
        "legend": legend.name,
        "classes": list(legend.names),
        "weighting": "pixel" if by_area is None else "area",
        "resolutions": found,
        "pixel": _rows(by_pixel, legend),
        "area": None if by_area is None else _rows(by_area, legend),
    }


def three_code_maps(
    initial: NDArray[Any],
    reference: NDArray[Any],
    simulated: NDArray[Any],
    legend: Legend,
    weights: ArrayLike | None = None,
    protocol: Protocol = Protocol.LAND,
) -> ThreeMaps:
    """Count how three maps of class codes meet where a protocol scores them.

    What ``score_rasters`` counts, as one statistic that adds: for ``reduce_blocks``.

    Args:
        initial: Class codes of ``legend`` at the initial time, any shape, integer; 255 missing.
        reference: The truth at the simulated time, same shape.
        simulated: The simulation, same shape.
        legend: The legend of all three.
        weights: Cell areas in m², broadcastable to the maps; without them pixels are counted.
        protocol: Land only, or all classes as the reference system counts.

    Raises:
        VocabularyError: If a map holds a code the legend does not explain.
        GridError: If shapes differ or weights are unusable.
    """
    start, truth, result = (index_map(codes, legend) for codes in (initial, reference, simulated))
    check_shapes(start.shape, reference=truth, simulated=result)
    mask = valid_mask(start, legend, protocol) & valid_mask(truth, legend, protocol)
    return three_maps(start, truth, result, len(legend), weights, mask)


def _rows(three: ThreeMaps, legend: Legend) -> dict[str, Any]:
    return {
        name: {
            **classification_scores(table.reference_confusion, legend.names),
            "changed": classification_scores(table.changed, legend.names),
            "change": change_scores(table, legend.names),
        }
        for name, table in (("simulated", three), ("persistence", three.persistence))
    }
