"""Saving a rollout: a cube of the same schema as the labels it continues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Block, Cube, CubeSpec, CubeWriter, GroupSpec, State, Status, VariableSpec
from ai4land.errors import ConfigError, SampleError
from ai4land.vocabulary import Task, variable

__all__ = ["save_rollout"]

_DROPPED_BITS = 12  # of the 23 of a float32: eight classes then sum to 1 within 3e-4

FloatArray = npt.NDArray[np.float32]


def save_rollout(
    states: Iterable[State],
    path: str | Path,
    *,
    like: Cube,
    job: Task,
    ticks: Iterable[int],
    attributes: Mapping[str, Any],
    source: str,
    probabilities: bool = False,
    overwrite: bool = False,
) -> Cube:
    """Consume a rollout and write it as a cube that any reader of the labels can read.

    Steps are gathered into whole chunks. A run that was killed computes its states again and
    writes only what is missing.

    Args:
        states: The rollout, initial state first.
        path: Where the cube goes.
        like: The cube whose labels are continued; gives grid, legend and clock.
        job: What was predicted.
        ticks: All times that ``states`` will visit, the initial one included, in any order.
        attributes: Provenance of the prediction: checkpoint, forcing, options.
        source: Name of the stepper, kept in the array's attributes.
        probabilities: Whether the probabilities of the classes are kept as well, to 11 bits of
            their mantissa; missing at the initial time, where the map is observed.
        overwrite: Replace a store that is already there.

    Raises:
        SampleError: If the rollout visits a time that was not declared.
        ConfigError: If probabilities are to be kept of a rollout that has none.
    """
    group = like.group(job.target)
    legend = group.spec(job.target).legend
    names = (job.target, job.probability) if probabilities else (job.target,)
    specs = tuple(VariableSpec(variable(name), legend, source) for name in names)
    declared = GroupSpec(group.name, group.grid, group.clock, tuple(sorted(ticks)), specs)
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
            _write(writer, block, waiting, job)
            pending.remove(block)
        needed = {t for b in pending for t in b.ticks}
        waiting = {t: s for t, s in waiting.items() if t in needed}
    writer.finish()
    return Cube(path)


def _write(writer: CubeWriter, block: Block, states: Mapping[int, State], job: Task) -> None:
    rows, cols = block.window.slices
    take = _classes if block.variable == job.target else _probabilities
    values = np.stack([take(states[t], job)[..., rows, cols] for t in block.ticks])
    status = {t: Status(states[t].status) for t in block.ticks}
    writer.write(block, values, status)


def _classes(state: State, job: Task) -> npt.NDArray[Any]:
    return state[job.target].values


def _probabilities(state: State, job: Task) -> FloatArray:
    """Probabilities with short mantissas, which compress; NaN for a map that was observed."""
    field = state[job.target]
    if field.probabilities is not None:
        return _rounded(field.probabilities)
    if state.status is Status.PREDICTED or field.legend is None:
        raise ConfigError(
            "This rollout has no probabilities to keep",
            where=f"{job.target}, {job.clock.label(state.tick)}",
            expected="steps of a network that predicts classes",
            found="classes alone" if field.legend else "numbers",
        )
    return np.full((len(field.legend), *field.grid.shape), np.nan, dtype=np.float32)


def _rounded(values: FloatArray) -> FloatArray:
    """The nearest numbers whose mantissa ends in zeros."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    unit = 2**_DROPPED_BITS
    return ((bits + np.uint32(unit // 2)) & np.uint32(2**32 - unit)).view(np.float32)
