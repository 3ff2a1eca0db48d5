"""What a worker does: steps a piece, writes whole files, and says what it wrote."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Block, BlockWriter, Cube, Field, State
from ai4land.rollout.run.branches import Branch, Job, Start, nothing_kept
from ai4land.rollout.run.manifest import digest_of
from ai4land.rollout.start import stored_field
from ai4land.rollout.stepper import Moved, next_state
from ai4land.rollout.unplaced import UNPLACED
from ai4land.samples import ClassCoding, NumberCoding, coding_of
from ai4land.vocabulary import Target
from ai4land.workers import Rest

__all__ = ["PIECE", "Bench"]

_DROPPED_BITS = 12  # of the 23 of a float32: eight classes then sum to 1 within 3e-4
_CACHE = 32 * 2**20  # bytes of decoded maps: a piece's own and its neighbours'
PIECE = 1 << 16  # pixels stepped at once

FloatArray = npt.NDArray[np.float32]


class Bench:
    """All that a process needs to work on the pieces of a run.

    Args:
        branches: Those of the run, their stores declared.
    """

    def __init__(self, branches: Sequence[Branch]) -> None:
        self.branches = {branch.name: branch for branch in branches}
        self._states: dict[tuple[str, int], tuple[int, State]] = {}
        self._lock = threading.RLock()

    @functools.cached_property
    def stores(self) -> dict[str, Cube]:
        """Name of a branch → its store, as far as it is written."""
        return {
            name: Cube(branch.path, allow_incomplete=True, cache=_CACHE)
            for name, branch in self.branches.items()
        }

    @functools.cached_property
    def _writers(self) -> dict[str, BlockWriter]:
        return {
            name: BlockWriter(branch.path, branch.spec.groups)
            for name, branch in self.branches.items()
        }

    def work(self, job: Job) -> Rest:
        """Compute a piece; what is left is to write it, which says how long its files are."""
        began = time.perf_counter()
        made = self.compute(job)
        return Rest(functools.partial(self._write, job, made, time.perf_counter() - began))

    def compute(self, job: Job) -> dict[tuple[str, int], npt.NDArray[Any]]:
        """Variable and its own time → the values of a piece."""
        compute = {"maps": self._maps, "areas": self._areas, "transitions": self._transitions}
        return compute[job.kind](job)

    def _write(
        self, job: Job, made: Mapping[tuple[str, int], npt.NDArray[Any]], seconds: float
    ) -> dict[str, Any]:
        """Write what was made and look at what lies on the disk."""
        branch, files = self.branches[job.branch], dict[str, tuple[int, str]]()
        began = time.perf_counter()
        for (name, tick), values in made.items():
            group = branch.spec.group_of(name)
            names = group.files(group.spec(name), tick, job.window)
            for file in names:  # a shard is written, never written into
                (branch.path / file).unlink(missing_ok=True)
            block = Block(group.name, name, (tick,), job.window)
            self._writers[job.branch].write(block, values[np.newaxis])
            files |= {file: digest_of(branch.path / file, durable=True) for file in names}
        seconds += time.perf_counter() - began
        return {"piece": job.key, "files": files, "seconds": round(seconds, 3)}

    def state(self, branch: str, leg: int, step: int) -> State:
        """The land after so many steps of a leg, read from the stores when it is asked for."""
        with self._lock:
            moves, held = self.branches[branch].legs[leg], self._states.get((branch, leg))
            if step == 0:
                return self._start(branch, leg)
            if held is None or held[0] > step:
                held = 0, self._start(branch, leg)
            number, state = held
            for tick in moves.ticks[number:step]:
                moving = self.branches[branch].task.moving(state.tick, tick)
                fields = {t.name: self.field(self.branches[branch], t, tick) for t in moving}
                state = next_state(moves.stepper, state, tick, {**state.fields, **fields})
            self._states[branch, leg] = step, state
            return state

    def _start(self, branch: str, leg: int) -> State:
        """The land before the first step of a leg."""
        start = self.branches[branch].legs[leg].start
        if isinstance(start, Start):
            return self.state(start.branch, start.leg, start.step)
        return start

    def field(self, branch: Branch, target: Target, tick: int) -> Field:
        """The map of a branch at a time, read when it is asked for."""
        belief = target.probability if branch.exact and target.categorical else None
        return stored_field(self.stores[branch.name], target.name, branch.own(tick, target), belief)

    def _maps(self, job: Job) -> dict[tuple[str, int], npt.NDArray[Any]]:
        """The maps of a piece, and their probabilities."""
        branch, window = self.branches[job.branch], job.window
        step, made = branch.steps[job.tick], dict[tuple[str, int], npt.NDArray[Any]]()
        if step.leg < 0:
            land = branch.observed[job.tick]
            moved = {t.name: Moved(land[t.name].read(window)) for t in branch.moving(job.tick)}
        else:
            land = self.state(job.branch, step.leg, step.number - 1)
            moved = self._moved(branch, land, step.leg, job)
        for target in branch.moving(job.tick):
            own, (values, said) = branch.own(job.tick, target), moved[target.name]
            made[target.name, own] = values
            if branch.keeps and target.categorical:
                if said is None:  # nothing is uncertain of an observed map, and nothing is said
                    layers = branch.spec.group_of(target.name).spec(target.probability).layers
                    said = np.full((layers, *window.shape), np.nan, np.float32)
                made[target.probability, own] = said if branch.exact else _rounded(said)
        return made

    def _moved(self, branch: Branch, land: State, leg: int, job: Job) -> dict[str, Moved]:
        """What a piece of the maps becomes: whole coarse cells are stepped, the piece cut out."""
        stepper, window, out = branch.legs[leg].stepper, job.window, dict[str, Moved]()
        codings = {t.name: _coding(land, t) for t in branch.moving(job.tick)}
        pieces = stepper.mesh.within(window, PIECE)
        # column by column: a stepper that remembers a little meets its neighbours again
        for piece in sorted(pieces, key=lambda p: (p.col, p.row)):
            prior = {name: land[name].read(piece) for name in codings}
            domain = {name: codings[name].domain(prior[name]) for name in codings}
            if any(d.any() for d in domain.values()):
                found = stepper.step_piece(land, job.tick, piece)
            else:  # open sea costs nothing: a stepper would give back what went in
                found = {n: Moved(v, _certain(v, codings[n])) for n, v in prior.items()}
            rows, cols = stepper.mesh.places(piece, window)
            down, across = np.ix_(rows >= 0, cols >= 0)
            row, col = np.ix_(rows[rows >= 0], cols[cols >= 0])
            for name, part in found.items():
                said = part.probabilities if branch.keeps else None
                if branch.keeps and said is None and isinstance(codings[name], ClassCoding):
                    raise nothing_kept(branch.task, job.tick)
                if name not in out:
                    out[name] = Moved(part.values, said).room(window.shape)
                values, kept = out[name]
                values[down, across] = part.values[row, col]
                if kept is not None and said is not None:
                    kept[:, down, across] = said[:, row, col]
        return out

    def _areas(self, job: Job) -> dict[tuple[str, int], npt.NDArray[Any]]:
        """The books of a map."""
        branch = self.branches[job.branch]
        books, step = branch.books, branch.steps[job.tick]
        assert books is not None
        target = books.demand.target
        field, own = self.field(branch, target, job.tick), branch.own(job.tick, target)
        begins = [leg for leg in range(len(branch.legs)) if branch.legs[leg].before == job.tick]
        asked = step.leg if step.leg >= 0 else (*begins, -1)[0]
        reference = self.state(job.branch, asked, 0).reference if asked >= 0 else None
        found = books.areas(field, own, job.window, reference, observed=step.leg < 0)
        skipped = {UNPLACED} if step.leg < 0 else set()
        return {(name, own): v for name, v in found.items() if name not in skipped}

    def _transitions(self, job: Job) -> dict[tuple[str, int], npt.NDArray[Any]]:
        """What moved between two maps, the first of which may lie in the branch before."""
        branch = self.branches[job.branch]
        books = branch.books
        assert books is not None
        target, own = books.demand.target, branch.own(job.tick, books.demand.target)
        home = branch
        if job.tick not in branch.steps:
            start = branch.legs[0].start
            assert isinstance(start, Start)
            home = self.branches[start.branch]
        before = self.field(home, target, job.tick)
        after = self.field(branch, target, job.after)
        return {(books.transitions, own): books.moved(before, after, job.window)}


def _coding(land: State, target: Target) -> ClassCoding | NumberCoding:
    return coding_of(target, land[target.name].legend)


def _certain(values: npt.NDArray[Any], coding: ClassCoding | NumberCoding) -> FloatArray | None:
    """Probabilities of what no model speaks of: sea is certain, the missing has none."""
    return coding.encoded(coding.positions(values)) if isinstance(coding, ClassCoding) else None


def _rounded(values: FloatArray) -> FloatArray:
    """The nearest numbers whose mantissa ends in zeros, which compress."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    unit = 2**_DROPPED_BITS
    return ((bits + np.uint32(unit // 2)) & np.uint32(2**32 - unit)).view(np.float32)
