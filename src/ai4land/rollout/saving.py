"""Saving a rollout piece by piece: a cube of the same schema as the labels it continues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Block, Cube, CubeSpec, CubeWriter, GroupSpec, State, Status, VariableSpec
from ai4land.errors import ConfigError
from ai4land.grid import Window
from ai4land.rollout.start import stored_field
from ai4land.rollout.stepper import Moved, Stepper, check_path, next_state
from ai4land.vocabulary import Task, variable

__all__ = ["save_rollout"]

_DROPPED_BITS = 12  # of the 23 of a float32: eight classes then sum to 1 within 3e-4
_BLOCK = 1 << 16  # pixels of a block, about: what is held in memory at once

FloatArray = npt.NDArray[np.float32]
Progress = Callable[[int, int, int], None]


def save_rollout(
    stepper: Stepper,
    initial: State,
    ticks: Sequence[int],
    path: str | Path,
    *,
    like: Cube,
    attributes: Mapping[str, Any],
    source: str | None = None,
    probabilities: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Cube:
    """Step a state along a path and write every map as a cube that any reader of labels can read.

    The unit of work is a block of the store at one time: the whole coarse cells that cover it are
    stepped and the block is cut out of them, so that maps of any size need the memory of one. The
    next step reads its prior from the store. A run that was killed goes on at the block it stood
    at, to the same bytes.

    Args:
        stepper: What moves the land.
        initial: Where it starts.
        ticks: The times to visit after the initial one, all on one side of it and in order.
        path: Where the cube goes.
        like: The cube whose labels are continued; gives grid, legend and clock.
        attributes: Provenance of the prediction: checkpoint, forcing, options.
        source: Name kept in the array's attributes; default the stepper's.
        probabilities: Whether the probabilities of the classes are kept as well, to 11 bits of
            their mantissa unless the stepper feeds them back; missing at the initial time, where
            the map is observed.
        overwrite: Replace a store that is already there.
        progress: Called with the time, the blocks done and the blocks in all.

    Raises:
        SampleError: If the times do not run one way, or the task may not recurse that way.
        ConfigError: If probabilities are to be kept of a stepper that has none.
    """
    task = stepper.task
    check_path(task, [initial.tick, *ticks])
    exact = getattr(stepper, "feedback", "classes") == "probabilities"
    kept = probabilities or exact
    group = _declared(like, task, (initial.tick, *ticks), source or stepper.name, kept)
    classes = group.variables[-1].layers
    spec = CubeSpec((group,), dict(attributes))
    writer = CubeWriter(path, spec, overwrite=overwrite, cells=_BLOCK)
    pending, total = _by_time(writer.pending()), len(list(writer.blocks()))
    done = total - sum(len(blocks) for places in pending.values() for blocks in places.values())
    store = Cube(path, allow_incomplete=True, cache=like.cache_limit)
    state = stepper.begin(initial)
    for tick in (initial.tick, *ticks):
        for window, blocks in pending.get(tick, {}).items():
            moved = _moved(stepper, state, tick, window)
            if kept and moved.probabilities is None and tick != initial.tick:
                raise _nothing_kept(task, tick)
            for block in blocks:
                values = _values(block, moved, task, classes, exact)
                status = initial.status if tick == initial.tick else Status.PREDICTED
                writer.write(block, values[np.newaxis], {tick: status})
            done += len(blocks)
            if progress is not None:
                progress(tick, done, total)
        if tick != initial.tick:
            belief = task.probability if exact else None
            fields = {task.target: stored_field(store, task.target, tick, belief)}
            state = next_state(stepper, state, tick, {**state.fields, **fields})
    writer.finish()
    return Cube(path)


def _declared(
    like: Cube, task: Task, ticks: Sequence[int], source: str, probabilities: bool
) -> GroupSpec:
    """The group that a rollout fills, a chunk a time."""
    group = like.group(task.target)
    legend = group.spec(task.target).legend
    if probabilities and legend is None:
        raise _nothing_kept(task, ticks[0])
    names = (task.target, task.probability) if probabilities else (task.target,)
    specs = tuple(VariableSpec(variable(name), legend, source) for name in names)
    return GroupSpec(group.name, group.grid, group.clock, tuple(sorted(ticks)), specs, 1)


def _nothing_kept(task: Task, tick: int) -> ConfigError:
    return ConfigError(
        "This rollout has no probabilities to keep",
        where=f"{task.target}, {task.clock.label(tick)}",
        expected="steps of a network that predicts classes",
        found="classes alone" if task.categorical else "numbers",
    )


def _by_time(blocks: Iterable[Block]) -> dict[int, dict[Window, list[Block]]]:
    """Time → place → the blocks of all variables there."""
    found: dict[int, dict[Window, list[Block]]] = {}
    for block in blocks:
        (tick,) = block.ticks
        found.setdefault(tick, {}).setdefault(block.window, []).append(block)
    return found


def _moved(stepper: Stepper, state: State, tick: int, window: Window) -> Moved:
    """A block of the map at a time: stepped to, or the initial one as it is."""
    target = stepper.task.target
    if tick == state.tick:  # the map is observed: nothing is uncertain
        return Moved(state[target].read(window))
    piece = stepper.mesh.whole(window)
    values, said = stepper.step_piece(state, tick, piece)[target]
    rows, cols = np.ix_(*stepper.mesh.places(piece, window))
    return Moved(values[rows, cols], None if said is None else said[:, rows, cols])


def _values(block: Block, moved: Moved, task: Task, classes: int, exact: bool) -> npt.NDArray[Any]:
    """What is written of a block of one variable, ``([class,] y, x)``."""
    if block.variable == task.target:
        return moved.values
    if moved.probabilities is None:
        return np.full((classes, *block.window.shape), np.nan, np.float32)
    return moved.probabilities if exact else _rounded(moved.probabilities)


def _rounded(values: FloatArray) -> FloatArray:
    """The nearest numbers whose mantissa ends in zeros, which compress."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    unit = 2**_DROPPED_BITS
    return ((bits + np.uint32(unit // 2)) & np.uint32(2**32 - unit)).view(np.float32)
