"""Judging predicted numbers: against the labels, beside persistence and the same season before."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ai4land.cube import Cube
from ai4land.errors import SampleError
from ai4land.evaluation.stored import check_grids, path_of
from ai4land.evaluation.weighting import Weighting
from ai4land.grid import Mesh
from ai4land.metrics import NumberSums
from ai4land.samples import Labels
from ai4land.vocabulary import Target

__all__ = ["evaluate_numbers"]

_PIECE = 1 << 20  # pixels scored at once


def evaluate_numbers(
    prediction: Cube, truth: Cube, target: Target, weighting: Weighting = Weighting.PIXEL
) -> dict[str, Any]:
    """Score a predicted number at every time that has labels.

    Beside it stand persistence (the initial map) and, on clocks below the year, the labels of the
    same season in the last year that was known at the start. All are scored on the same pixels:
    those that the labels know at the time, at the start and in that season.

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
        GridError: If the two cubes do not lie on one grid.
        SampleError: If no time of it has labels, or a number is missing where labels are known.
    """
    check_grids(prediction, truth, target)
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
    beside = {"persistence": [initial] * len(times)}
    before = [_same_season(target, initial, tick) for tick in times]
    if target.clock.ticks_per_year > 1 and set(before) <= set(labels.ticks):
        beside["same season before"] = before
    rows: dict[str, list[NumberSums]] = {row: [] for row in (name, *beside)}
    for n, tick in enumerate(times):
        known = {row: ticks[n] for row, ticks in beside.items()}
        for row, sums in _summed(labels, said, name, tick, known, weighting).items():
            rows[row].append(sums)
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
        },
    }


def _same_season(target: Target, initial: int, tick: int) -> int:
    """The last time of the same season at or before the start of a projection (after, backward)."""
    year = target.clock.ticks_per_year
    return (
        initial - (initial - tick) % year if tick > initial else initial + (tick - initial) % year
    )


def _summed(
    labels: Labels,
    said: Labels,
    name: str,
    tick: int,
    beside: Mapping[str, int],
    weighting: Weighting,
) -> dict[str, NumberSums]:
    """Every row at one time, on the pixels that the truth and the maps beside it know."""
    grid, found, scored, missing = labels.grid, dict[str, list[NumberSums]](), 0, 0
    for piece in Mesh(grid, grid).pieces(_PIECE):
        truth, values = labels.codes(tick, piece), said.codes(tick, piece)
        maps = {row: labels.codes(known, piece) for row, known in beside.items()}
        mask = np.logical_and.reduce([labels.domain(m) for m in (truth, *maps.values())])
        scored += int(mask.sum())
        missing += int((mask & ~np.isfinite(values)).sum())
        if missing:
            continue  # the rest is only counted
        area = grid.cell_areas(piece) if weighting is Weighting.AREA else None
        for row, shown in {**maps, name: values}.items():
            found.setdefault(row, []).append(NumberSums.of(shown, truth, mask, area))
    if missing:
        raise SampleError(
            "The reconstruction is missing where it is to be scored",
            where=f"{labels.target.name}, {labels.target.clock.label(tick)}, {said.cube.path}",
            expected="a number wherever the labels are known",
            found=f"{missing} of {scored} pixels missing ({missing / scored:.2%})",
            remedy="score against the labels it started from, or reconstruct the missing pixels",
        )
    return {row: functools.reduce(lambda a, b: a + b, parts) for row, parts in found.items()}
