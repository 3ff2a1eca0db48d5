"""What a baseline makes of a tiny cube, saved as if a model had made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ai4land.cube import Cube
from ai4land.rollout import (
    AllocationStepper,
    baseline_reader,
    demand_since,
    observed_state,
    prediction_attributes,
    rollout,
    save_rollout,
)
from ai4land.vocabulary import LAND_USE


def saved_rollout(
    cube: Cube,
    path: Path,
    ticks: Sequence[int],
    rule: str = "kernel",
    seed: int = 0,
    stepper: str = "mine",
) -> Cube:
    """A rollout of the kernel or of random places, its row called ``mine``."""
    start = observed_state(cube, LAND_USE, ticks[0])
    demand = demand_since(start, baseline_reader(cube, LAND_USE))
    return save_rollout(
        rollout(AllocationStepper(rule, demand, seed=seed), start, ticks[1:]),
        path,
        like=cube,
        job=LAND_USE,
        ticks=ticks,
        attributes=prediction_attributes(stepper, cube, ticks, {"seed": seed}, None),
        source="mine",
    )
