"""Saving a rollout piece by piece: a cube of the same schema as the labels it continues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import (
    Block,
    Cube,
    CubeSpec,
    CubeWriter,
    Field,
    GroupSpec,
    Reference,
    State,
    Status,
    VariableSpec,
)
from ai4land.errors import ConfigError
from ai4land.grid import Window
from ai4land.rollout.start import stored_field
from ai4land.rollout.stepper import Moved, Stepper, begun, check_path, next_state
from ai4land.rollout.unplaced import UNPLACED, unplaced_change
from ai4land.samples import Demand
from ai4land.vocabulary import Task, variable

__all__ = ["save_rollout"]

_DROPPED_BITS = 12  # of the 23 of a float32: eight classes then sum to 1 within 3e-4
_BLOCK = 1 << 16  # pixels of a block, about: what is held in memory at once

_STRIP = 1024  # columns of blocks that are gone through from north to south before the next

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
    at, to the same bytes. Each target is written at its own times.

    Args:
        stepper: What moves the land.
        initial: Where it starts, see ``begun``.
        ticks: The times to visit after the initial one, all on one side of it and in order.
        path: Where the cube goes.
        like: The cube whose labels are continued; gives grid, legend and clock.
        attributes: Provenance of the prediction: checkpoint, forcing, options.
        source: Name kept in the arrays' attributes; default the stepper's.
        probabilities: Whether the probabilities of the classes are kept as well, to 11 bits of
            their mantissa unless the stepper reads them; missing at the initial time, where
            the map is observed.
        overwrite: Replace a store that is already there.
        progress: Called with the time, the blocks done and the blocks in all.

    Raises:
        SampleError: If the times do not run one way, or the task may not recurse that way.
        ConfigError: If probabilities are to be kept of a stepper that has none.
    """
    task, route = stepper.task, (initial.tick, *ticks)
    check_path(task, route)
    exact = stepper.reads_probabilities and any(t.categorical for t in task.targets)
    start = begun(stepper, initial)
    demand = None if start.reference is None else stepper.demand
    groups = _declared(like, task, route, source or stepper.name, probabilities or exact)
    if demand is not None:
        groups = (*groups, _books(demand, task, route))
    writer = CubeWriter(path, CubeSpec(groups, dict(attributes)), overwrite=overwrite, cells=_BLOCK)
    pending, total = _by_time(writer.pending(), task), len(list(writer.blocks()))
    done = total - sum(len(blocks) for places in pending.values() for blocks in places.values())
    store = Cube(path, allow_incomplete=True, cache=like.cache_limit)
    job, state = _Job(stepper, writer, exact, probabilities or exact, start.reference), start
    for before, tick in zip((None, *route), route, strict=False):
        moving = task.targets if before is None else task.moving(before, tick)
        own = {target.name: task.clock.convert(tick, target.clock) for target in moving}
        for window, blocks in _together(pending, own, task).items():
            job.write(state, tick, window, blocks)
            done += len(blocks)
            if progress is not None:
                progress(tick, done, total)
        if before is not None:
            fields: dict[str, Field] = {}
            for target in moving:
                belief = target.probability if exact and target.categorical else None
                fields[target.name] = stored_field(store, target.name, own[target.name], belief)
                if demand is not None and target.name == demand.target.name:
                    left = pending.pop((UNPLACED, own[target.name]), {})
                    job.write_unplaced(demand, fields[target.name], own[target.name], left)
                    done += sum(map(len, left.values()))
                    if left and progress is not None:
                        progress(tick, done, total)
            state = next_state(stepper, state, tick, {**state.fields, **fields})
    writer.finish()
    return Cube(path)


@dataclass(frozen=True)
class _Job:
    """One piece at one time, stepped and written."""

    stepper: Stepper
    writer: CubeWriter
    exact: bool
    kept: bool
    reference: Reference | None

    def write(self, state: State, tick: int, window: Window, blocks: Sequence[Block]) -> None:
        """Write the blocks of all variables at one place and time."""
        task, owner = self.stepper.task, _owners(self.stepper.task)
        initial = tick == state.tick
        moved = _read(state, task, window) if initial else self._moved(state, tick, window)
        for block in blocks:
            name = owner[block.variable]
            if block.variable == name:
                values: npt.NDArray[Any] = moved[name].values
            else:
                values = self._probabilities(task, moved[name], tick, block, initial)
            status = state.status if initial else Status.PREDICTED
            self.writer.write(block, values[np.newaxis], {block.ticks[0]: status})

    def write_unplaced(self, demand: Demand, field: Field, tick: int, left: Places) -> None:
        """Write what a finished map lacks of what was asked for, where that is not there yet."""
        if not left:
            return
        assert self.reference is not None
        when = demand.tick_of(tick, demand.target.clock)
        found = unplaced_change(demand, self.reference, field, when)
        for window, blocks in left.items():
            for block in blocks:
                self.writer.write(block, found[window.slices][None], {tick: Status.PREDICTED})

    def _moved(self, state: State, tick: int, window: Window) -> dict[str, Moved]:
        """What a block of the map becomes."""
        mesh, out = self.stepper.mesh, dict[str, Moved]()
        for piece in mesh.within(window, _BLOCK):
            found = self.stepper.step_piece(state, tick, piece)
            rows, cols = mesh.places(piece, window)
            down, across = np.ix_(rows >= 0, cols >= 0)
            row, col = np.ix_(rows[rows >= 0], cols[cols >= 0])
            for name, part in found.items():
                if name not in out:
                    held = part if self.kept else Moved(part.values)
                    out[name] = held.room(window.shape)
                values, said = out[name]
                values[down, across] = part.values[row, col]
                if said is not None and part.probabilities is not None:
                    said[:, down, across] = part.probabilities[:, row, col]
        return out

    def _probabilities(
        self, task: Task, moved: Moved, tick: int, block: Block, initial: bool
    ) -> FloatArray:
        """What is written of probabilities, ``(class, y, x)``; nothing is uncertain at first."""
        if moved.probabilities is not None:
            return moved.probabilities if self.exact else _rounded(moved.probabilities)
        if not initial:
            raise _nothing_kept(task, tick)
        spec = next(
            v for g in self.writer.spec.groups for v in g.variables if v.name == block.variable
        )
        return np.full((spec.layers, *block.window.shape), np.nan, np.float32)


def _read(state: State, task: Task, window: Window) -> dict[str, Moved]:
    """A block of the initial maps."""
    return {t.name: Moved(state[t.name].read(window)) for t in task.targets}


def _declared(
    like: Cube, task: Task, route: Sequence[int], source: str, probabilities: bool
) -> tuple[GroupSpec, ...]:
    """The groups that a rollout fills, one per clock, a chunk a time."""
    found: dict[str, GroupSpec] = {}
    for target in task.targets:
        group = like.group(target.name)
        names = [target.name]
        if probabilities and target.categorical:
            names.append(target.probability)
        legend = group.spec(target.name).legend
        specs = tuple(VariableSpec(variable(name), legend, source) for name in names)
        if group.name in found:
            specs = (*found[group.name].variables, *specs)
        ticks = sorted({task.clock.convert(t, target.clock) for t in route})
        found[group.name] = GroupSpec(group.name, group.grid, group.clock, tuple(ticks), specs, 1)
    if probabilities and not any(t.categorical for t in task.targets):
        raise _nothing_kept(task, route[0])
    return tuple(found.values())


def _books(demand: Demand, task: Task, route: Sequence[int]) -> GroupSpec:
    """The group of what could not be placed, on the coarse grid, at all times but the first."""
    clock = demand.target.clock
    ticks = sorted({task.clock.convert(t, clock) for t in route})
    ticks.remove(task.clock.convert(route[0], clock))
    specs = (VariableSpec(variable(UNPLACED), source=demand.forcing),)
    return GroupSpec("books", demand.mesh.coarse, clock, tuple(ticks), specs, 1)


def _nothing_kept(task: Task, tick: int) -> ConfigError:
    classes = [t.name for t in task.targets if t.categorical]
    return ConfigError(
        "This rollout has no probabilities to keep",
        where=f"{', '.join(t.name for t in task.targets)}, {task.clock.label(tick)}",
        expected="steps of a model that predicts classes",
        found="classes alone" if classes else "numbers",
    )


Places = dict[Window, list[Block]]


def _owners(task: Task) -> dict[str, str]:
    """Variable → the target whose values or probabilities it holds."""
    said = {target.probability: target.name for target in task.targets if target.categorical}
    return said | {target.name: target.name for target in task.targets} | {UNPLACED: UNPLACED}


def _by_time(blocks: Iterable[Block], task: Task) -> dict[tuple[str, int], Places]:
    """Target and its own time → place → the blocks there, of probabilities as well."""
    found: dict[tuple[str, int], Places] = {}
    owner = _owners(task)
    for block in blocks:
        key = owner[block.variable], block.ticks[0]
        found.setdefault(key, {}).setdefault(block.window, []).append(block)
    return found


def _together(
    pending: Mapping[tuple[str, int], Places], own: Mapping[str, int], task: Task
) -> Places:
    """The blocks of all targets that move at a time, by place."""
    found: Places = {}
    for target in task.targets:
        if target.name in own:
            for window, blocks in pending.get((target.name, own[target.name]), {}).items():
                found.setdefault(window, []).extend(blocks)
    # column by column: a stepper that remembers a little meets its neighbours again
    return dict(sorted(found.items(), key=lambda item: (item[0].col // _STRIP, item[0])))


def _rounded(values: FloatArray) -> FloatArray:
    """The nearest numbers whose mantissa ends in zeros, which compress."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    unit = 2**_DROPPED_BITS
    return ((bits + np.uint32(unit // 2)) & np.uint32(2**32 - unit)).view(np.float32)
