"""Judging predicted numbers: against the labels, beside persistence and the same season before."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.errors import SampleError
from ai4land.evaluation.stored import path_of
from ai4land.evaluation.weighting import Weighting
from ai4land.grid import Mesh, Window
from ai4land.metrics import NumberSums
from ai4land.samples import Labels
from ai4land.vocabulary import Target

__all__ = ["evaluate_numbers"]

_PIECE = 1 << 20  # pixels scored at once

Read = Callable[[Window], npt.NDArray[Any]]


def evaluate_numbers(
    prediction: Cube, truth: Cube, target: Target, weighting: Weighting = Weighting.PIXEL
) -> dict[str, Any]:
    """Score a predicted number at every time that has labels.

    Beside it stand persistence (the initial map) and, on clocks below the year, the labels of the
    same season in the last year that was known at the start.

    Args:
        prediction: What was reconstructed.
        truth: The cube with the labels.
        target: The number.
        weighting: Whether a pixel counts 1 or its area.

    Returns:
        Plain data: ``target``, ``units``, ``initial``, ``times``, and for each row its scores at
        every time and ``all`` times together.

    Raises:
        CubeError: If the reconstruction has no observed initial map.
        SampleError: If no time of it has labels.
    """
    labels, said = Labels(truth, target), Labels(prediction, target)
    initial, path = path_of(prediction, target)
    times = [tick for tick in path if tick in labels.ticks]
    if not times:
        raise SampleError(
            "No time of the reconstruction has labels to be judged by",
            where=str(truth.path),
            expected=target.clock.span(path),
            found=target.clock.span(labels.ticks),
        )
    name = str(prediction.variable(target.name).source or "reconstruction")
    rows: dict[str, list[NumberSums]] = {}
    for tick in times:
        maps: dict[str, Read] = {
            name: functools.partial(said.codes, tick),
            "persistence": functools.partial(labels.codes, initial),
        }
        before = _same_season(target, initial, tick)
        if target.clock.ticks_per_year > 1 and before in labels.ticks:
            maps["same season before"] = functools.partial(labels.codes, before)
        for row, read in maps.items():
            found = _summed(labels, tick, initial, read, weighting)
            rows.setdefault(row, []).append(found)
    label = target.clock.label
    return {
        "target": target.name,
        "units": target.variable.units,
        "weighting": weighting.value,
        "initial": label(initial),
        "times": [label(tick) for tick in times],
        "rows": {
            row: {
                "times": [sums.to_dict() for sums in found],
                "all": functools.reduce(lambda a, b: a + b, found).to_dict(),
            }
            for row, found in rows.items()
            if len(found) == len(times)
        },
    }


def _same_season(target: Target, initial: int, tick: int) -> int:
    """The last time of the same season at or before the start of a projection (after, backward)."""
    year = target.clock.ticks_per_year
    return (
        initial - (initial - tick) % year if tick > initial else initial + (tick - initial) % year
    )


def _summed(
    labels: Labels, tick: int, initial: int, read: Read, weighting: Weighting
) -> NumberSums:
    """One map against the truth, where the initial map and the truth are known."""
    grid, found = labels.grid, []
    for piece in Mesh(grid, grid).pieces(_PIECE):
        truth, values = labels.codes(tick, piece), read(piece)
        mask = labels.domain(truth) & labels.domain(labels.codes(initial, piece))
        mask &= np.isfinite(values)
        area = grid.cell_areas(piece) if weighting is Weighting.AREA else None
        found.append(NumberSums.of(values, truth, mask, area))
    return functools.reduce(lambda a, b: a + b, found)
