"""A predictor as a stepper: tiles of the globe, predictions averaged, sea untouched."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells
from ai4land.cube import Field, State, Status
from ai4land.errors import ConfigError
from ai4land.grid import Mesh, Window
from ai4land.models import Calibration, Inputs, Predictor, stack_inputs
from ai4land.rollout.decisions import Asked, Decision, Likely, Undecided
from ai4land.rollout.levers import Levers, asked_of_the_rest
from ai4land.rollout.stepper import Moved
from ai4land.rollout.tiling import Tile, TileMemory, Tiling, blended
from ai4land.samples import Assembler, ClassCoding, Demand
from ai4land.vocabulary import NO_DATA, Target, Task

__all__ = ["PredictorStepper"]

FloatArray = npt.NDArray[np.float32]


class PredictorStepper:
    """Steps a state with a trained model.

    Args:
        predictor: The model.
        assembler: Makes its inputs of states and drivers.
        tiling: How the globe is cut.
        decision: How probabilities become a map.
        feedback: What the next step takes as its prior: ``classes`` or ``probabilities``.
        demand: What the coarse forcing asks for; needed by decisions that honour it, default that
            of the assembler's closed loop.
        calibration: Target → how its probabilities are scaled before anything is decided.

    Raises:
        ConfigError: If the tile does not fit the model, or a demand is needed and missing.
    """

    def __init__(
        self,
        predictor: Predictor,
        assembler: Assembler,
        *,
        tiling: Tiling | None = None,
        decision: Decision | None = None,
        feedback: str = "classes",
        demand: Demand | None = None,
        calibration: Mapping[str, Calibration] | None = None,
    ) -> None:
        self.predictor = predictor
        self.assembler = assembler
        self.tiling = tiling or Tiling()
        self.decision = decision or Likely()
        self.feedback = feedback
        self.demand = demand or assembler.demand
        self.calibration = dict(calibration or {})
        self._check_demand()
        if self.tiling.tile % predictor.multiple:
            raise ConfigError(
                "The tile does not fit the network",
                expected=f"a multiple of {predictor.multiple} pixels",
                found=self.tiling.tile,
            )
        self.ahead = 1
        self.levers: Levers | None = None
        self._memory = TileMemory()
        self._start: Mapping[str, Field] | None = None
        self._first: dict[tuple[int, int, Window, Tiling], Undecided] = {}

    def _check_demand(self) -> None:
        if self.demand is None and self.decision.needs_demand:
            raise ConfigError(
                "The decision needs to know what the coarse forcing asks for",
                where=f"decision {self.decision.name!r}",
                expected="coarse fractions that translate into the map's classes",
                found="none",
                remedy=f"decide {Likely.name!r} without balance, or add such fractions",
            )

    def with_decision(self, decision: Decision) -> PredictorStepper:
        """The same stepper with another decision; both remember the tiles either predicted."""
        other = copy.copy(self)
        other.decision = decision
        other._check_demand()
        return other

    def with_levers(self, levers: Levers | None) -> PredictorStepper:
        """The same stepper for maps of classes in which some things must not happen."""
        if levers is self.levers:
            return self
        other = copy.copy(self)
        other.levers, other._first = levers, {}
        return other

    def remembering(self, start: State) -> PredictorStepper:
        """The same stepper for many rollouts from one state, whose first step is predicted once.

        What the model says of each piece of the map is kept for it and its copies with other
        decisions (of a task of one target).
        """
        if self._start is start.fields:
            return self
        other = copy.copy(self)
        other._start, other._first = start.fields, {}
        return other

    def around(self, piece: Window) -> PredictorStepper:
        """The same stepper with one tile around a piece; a piece beyond a tile is tiled as ever.

        It looks a little less far around the piece than a mean over tiles and predicts each pixel
        once. For samples of the land, not for maps that are put together.
        """
        tile, (row, col) = self.tiling.tile, self.assembler.drivers.grid.anchor
        if max(piece.shape) > tile:
            return self
        row += piece.row - (tile - piece.height) // 2
        col += piece.col - (tile - piece.width) // 2
        other = copy.copy(self)
        other.tiling, other._memory = Tiling(tile, 0, origin=(row, col)), TileMemory()
        return other

    def with_ahead(self, steps: int) -> PredictorStepper:
        """The same stepper, each of whose passes predicts several steps of one map.

        A pass begins at an observed map, and at times that so many steps divide; in between, the
        map that it began with is what is seen, and what decisions compare with. Odds are still
        searched in the recursive rollout, see ``choose_odds``.

        Args:
            steps: Steps of a pass; 1 for the recursive rollout.

        Raises:
            ConfigError: If the predictor does not look so far ahead.
        """
        if steps == self.ahead:
            return self
        most = int(self.predictor.to_dict().get("ahead", 1))
        if not 1 <= steps <= most:
            raise ConfigError(
                "The model does not look so many steps ahead",
                expected=f"1 to {most}, as its option `ahead` says",
                found=steps,
            )
        other = copy.copy(self)
        other.ahead, other._memory = steps, TileMemory()
        return other

    @property
    def name(self) -> str:
        """How tables and attributes call it."""
        if not any(target.categorical for target in self.task.targets):
            return "model"
        return f"model, {self.decision.name.replace('_', ' ')}"

    @property
    def task(self) -> Task:
        """What the model predicts."""
        return self.assembler.task

    @functools.cached_property
    def mesh(self) -> Mesh:
        """The cells of the demand; single pixels if there is none."""
        grid = self.assembler.drivers.grid
        return Mesh(grid, grid) if self.demand is None else self.demand.mesh

    @property
    def history(self) -> int:
        """States before the one it is given that it looks at, on the clock of its steps."""
        return self._remembered + self.ahead - 1

    @property
    def _remembered(self) -> int:
        """States before the one with which a pass begins that the model looks at."""
        clock = self.task.clock.ticks_per_year
        steps = max(-(-clock // t.clock.ticks_per_year) for t in self.task.targets)
        return self.predictor.spec.history * steps

    def looks_at(self, path: Sequence[int]) -> list[int]:
        """Times before a path that its first step looks at, nearest first."""
        start, jump = path[0], path[1] - path[0]
        return [start - jump * (k + 1) for k in range(self._remembered)]

    @property
    def reads_probabilities(self) -> bool:
        """Whether the next step reads beliefs, not only values."""
        return self.feedback == "probabilities"

    def _asks(self, state: State) -> bool:
        """Whether the decision, or any with which what is said of a state is shared, may ask."""
        return self.decision.needs_demand or self._start is state.fields

    def begin(self, state: State) -> State:
        """The state with what its map holds, if anything is asked of it."""
        if self.demand is None or not (self._asks(state) or self.assembler.needs_demand):
            return state
        return replace(state, reference=self.demand.reference(state))

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        """The targets of a piece that move, as the model sees them."""
        moving = self.task.moving(state.tick, tick)
        place = (state.tick, tick, piece, self.tiling)
        kept = self._start is state.fields and len(self.task.targets) == 1
        if kept and place in self._first:
            return {moving[0].name: self._decided(state, moving[0].name, self._first[place])}
        values, found = self._blended(state, tick, piece), dict[str, Moved]()
        state = self._begun(state, tick)[0]
        for target in moving:
            name, coding = target.name, self.assembler.codings[target.name]
            if isinstance(coding, ClassCoding):
                undecided = self._undecided(state, tick, piece, target, coding, values[name])
                found[name] = self._decided(state, name, undecided)
                if kept:
                    self._first[place] = undecided
            else:
                stored = state[name].read(piece)
                held = np.clip(values[name][0], *target.variable.bounds)  # one side is open
                found[name] = Moved(np.where(coding.domain(stored), held, stored))
        return found

    def _begun(self, state: State, tick: int) -> tuple[State, list[int]]:
        """The map with which the pass that reaches a time began, and the times since then."""
        path, jump = [state, *state.past], tick - state.tick
        for back, held in enumerate(path[: self.ahead]):
            if tick - held.tick != jump * (back + 1):
                break  # no state of this path
            if held.status is not Status.PREDICTED or held.tick // jump % self.ahead == 0:
                ticks = [held.tick + jump * (k + 1) for k in range(back + 1)]
                return replace(held, past=tuple(path[back + 1 :])), ticks
        return state, [tick]

    def _decided(self, state: State, target: str, piece: Undecided) -> Moved:
        """A target of a piece after its classes are chosen; sea and missing pixels as they were."""
        coding, stored = self.assembler.codings[target], state[target].read(piece.piece)
        found = self.decision.decide(piece)
        chosen = found.positions
        if (
            self.levers is not None
        ):  # areas are closed by what must not happen if nothing else is left
            chosen = np.where(self.levers.broken(piece.prior, chosen), piece.prior, chosen)
        return Moved(
            np.where(piece.domain, coding.stored(chosen), stored),
            np.where(piece.domain, found.probabilities, coding.encoded(coding.positions(stored))),
        )

    def _undecided(
        self,
        state: State,
        tick: int,
        piece: Window,
        target: Target,
        coding: ClassCoding,
        values: FloatArray,
    ) -> Undecided:
        """Calibrated probabilities of a piece, and what is asked of it."""
        stored = state[target.name].read(piece)
        values = coding.on_land(values)
        # what the model must not see, its decision must not see either
        seen = state[target.name].seen(piece)
        prior = np.where(seen, coding.positions(stored), np.uint8(NO_DATA))
        if target.name in self.calibration:
            scaling = self.calibration[target.name].of(tick - state.tick)
            values = scaling.applied(values, prior)
        domain, asked = coding.domain(stored), self._asked(state, tick, piece, target)
        if self.levers is not None:
            values = self.levers.allowed(values, prior)
            kept = self.levers.kept(prior, piece)
            if asked is not None and kept.any():
                asked = asked_of_the_rest(asked, prior, domain, kept, coding.layers)
            domain &= ~kept
        return Undecided(
            probabilities=values,
            prior=prior,
            domain=domain,
            ticks=tick - state.tick,
            tick=tick,
            mesh=self.mesh,
            piece=piece,
            asked=asked,
        )

    def _asked(self, state: State, tick: int, piece: Window, target: Target) -> Asked | None:
        """What the forcing asks of the cells of a piece."""
        demand = self.demand
        if demand is None or not self._asks(state) or demand.target.name != target.name:
            return None
        assert state.reference is not None, "begin comes before the first step"
        when, cells = demand.tick_of(tick, self.task.clock), demand.mesh.cells(piece)[0]
        shares = demand.shares(state.reference, when, cells)
        flows = self.assembler.flows if demand is self.assembler.demand else None
        gross = None
        if flows is not None:
            gross = flows.shares(state.tick, tick, cells, self.task.clock)
        return Asked(CoarseCells.within(demand.mesh, piece), demand.groups, shares, gross)

    def _blended(self, state: State, tick: int, piece: Window) -> dict[str, FloatArray]:
        """What the model says of a piece, target → ``(layers, y, x)``."""
        grid, memory = self.assembler.drivers.grid, self._memory.of(state, tick)
        tiles = list(self.tiling.meeting(grid, piece))
        missing = [tile for tile, _ in tiles if memory.get(tile) is None]
        fresh = self._predicted(state, tick, missing, piece)
        for tile, values in fresh.items():
            memory.put(tile, values)

        def layers_of(tile: Tile) -> FloatArray:
            found = fresh.get(tile)
            found = memory.get(tile) if found is None else found
            if found is None:  # pushed out by the fresh ones
                found = self._predicted(state, tick, [tile], piece)[tile]
            return np.asarray(found, np.float32)

        every = blended(tiles, piece, self.tiling.weights(), layers_of)
        sizes = np.cumsum([t.layers for t in self.predictor.spec.targets])[:-1]
        parts = np.split(every, sizes)
        return {t.name: p for t, p in zip(self.predictor.spec.targets, parts, strict=True)}

    def _predicted(
        self, state: State, tick: int, tiles: Sequence[Tile], near: Window
    ) -> dict[Tile, FloatArray]:
        """Predictions of tiles, all targets' layers together, and of all batched with them."""
        grid = self.assembler.drivers.grid
        batches = dict.fromkeys(tuple(self.tiling.together(grid, tile)) for tile in tiles)
        windows = {t: self.tiling.place(grid, t, near) for batch in batches for t in batch}
        found: dict[Tile, FloatArray] = {}
        start, ticks = self._begun(state, tick)
        if windows:
            around = _around(list(windows.values()))
            loops = {t: self.assembler.loop_of(start, t, around, self.feedback) for t in ticks}
        for batch in batches:
            each = [
                [
                    self.assembler.inputs(start, t, windows[tile], loops[t], self.feedback)
                    for tile in batch
                ]
                for t in ticks
            ]
            parts = each[0]
            land = [any(seen.domain.any() for seen in part.targets.values()) for part in parts]
            layers = sum(t.layers for t in self.predictor.spec.targets)
            out = np.zeros((len(batch), layers, *windows[batch[0]].shape), np.float32)
            if any(land):  # tiles of open sea have nothing to say
                more = self.tiling.batch - len(batch)
                said = self._said([stack_inputs([*p, *[p[0]] * more]) for p in each])
                every = [said[t.name] for t in self.predictor.spec.targets]
                out[land] = np.concatenate(every, axis=1)[: len(batch)][land]
            found |= dict(zip(batch, out, strict=True))
        return found

    def _said(self, inputs: Sequence[Inputs[npt.NDArray[Any]]]) -> dict[str, FloatArray]:
        """What the model says after the last of some steps of one pass."""
        if len(inputs) == 1:
            return self.predictor.predict(inputs[0])
        found: list[dict[str, FloatArray]] = self.predictor.predict_ahead(inputs)  # type: ignore[attr-defined]
        return found[-1]


def _around(windows: Sequence[Window]) -> Window:
    """The smallest window that holds all of some windows."""
    top, left = min(w.row for w in windows), min(w.col for w in windows)
    bottom = max(w.row + w.height for w in windows)
    right = max(w.col + w.width for w in windows)
    return Window(top, left, bottom - top, right - left)
