"""Saving a rollout: a cube of the same schema as the labels it continues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ai4land.cube import Block, Cube, CubeSpec, CubeWriter, GroupSpec, State, Status, VariableSpec
from ai4land.errors import SampleError

__all__ = ["save_rollout"]


def save_rollout(
    states: Iterable[State],
    path: str | Path,
    *,
    like: Cube,
    target: str,
    ticks: Iterable[int],
    attributes: Mapping[str, Any],
    source: str,
    overwrite: bool = False,
) -> Cube:
    """Consume a rollout and write it as a cube that any reader of the labels can read.

    Steps are gathered into whole chunks. A run that was killed computes its states again and
    writes only what is missing.

    Args:
        states: The rollout, initial state first.
        path: Where the cube goes.
        like: The cube whose labels are continued; gives grid, legend and clock.
        target: The predicted variable.
        ticks: All times that ``states`` will visit, the initial one included, in any order.
        attributes: Provenance of the prediction: checkpoint, forcing, options.
        source: Name of the stepper, kept in the array's attributes.
        overwrite: Replace a store that is already there.

    Raises:
        SampleError: If the rollout visits a time that was not declared.
    """
    group = like.group(target)
    spec = VariableSpec(group.spec(target).variable, group.spec(target).legend, source)
    declared = GroupSpec(group.name, group.grid, group.clock, tuple(sorted(ticks)), (spec,))
    writer = CubeWriter(path, CubeSpec((declared,), dict(attributes)), overwrite=overwrite)
    waiting: dict[int, State] = {}
    pending = writer.pending()
    for state in states:
        if state.tick not in declared.ticks:
            raise SampleError(
                "The rollout visits a time that was not declared",
                expected=declared.ticks,
                found=state.tick,
            )
        waiting[state.tick] = state
        for block in [b for b in pending if all(t in waiting for t in b.ticks)]:
            _write(writer, block, waiting, target)
            pending.remove(block)
        needed = {t for b in pending for t in b.ticks}
        waiting = {t: s for t, s in waiting.items() if t in needed}
    writer.finish()
    return Cube(path)


def _write(writer: CubeWriter, block: Block, states: Mapping[int, State], target: str) -> None:
    rows, cols = block.window.slices
    values = np.stack([states[t][target].values[..., rows, cols] for t in block.ticks])
    status = {t: Status(states[t].status) for t in block.ticks}
    writer.write(block, values, status)
