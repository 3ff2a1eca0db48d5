"""Baselines that place the coarse demand on the fine map by a rule."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ai4land.allocation import (
    Allocation,
    CoarseCells,
    allocate_kernel,
    allocate_random,
    draws,
    fit_flows,
    flow_targets,
    refined,
)
from ai4land.cube import State
from ai4land.grid import Mesh, Window
from ai4land.rollout.levers import Levers
from ai4land.rollout.stepper import Moved
from ai4land.samples import Demand, Flows
from ai4land.vocabulary import NO_DATA, single_task

__all__ = ["RULES", "AllocationStepper"]

RULES: dict[str, Callable[..., Allocation]] = {"kernel": allocate_kernel, "random": allocate_random}

_HALO = 1  # pixels around a piece that the kernel looks at


class AllocationStepper:
    """Places the coarse change by a simple rule: the floor and the kernel baseline.

    Args:
        rule: ``random`` (anywhere in the cell) or ``kernel`` (where the gaining class already is,
            3 × 3 neighbourhood).
        demand: What the coarse forcing asks for.
        seed: Of the ties, which are drawn anew in every step and belong to their places.
        flows: Gross transitions, of the demand's cells and groups; by default only the net change
            is placed.
    """

    history = 0
    reads_probabilities = False

    def __init__(
        self, rule: str, demand: Demand, *, seed: int = 0, flows: Flows | None = None
    ) -> None:
        self.name = rule if flows is None else f"{rule}, gross transitions"
        self.flows = flows
        self._rule = RULES[rule]
        self.demand = demand
        self.levers: Levers | None = None
        self.seed = seed
        self.task = single_task(demand.target)

    def with_levers(self, levers: Levers | None) -> AllocationStepper:
        """The same rule for maps in which some things must not happen."""
        other = copy.copy(self)
        other.levers = levers
        return other

    @property
    def mesh(self) -> Mesh:
        """The cells of the demand."""
        return self.demand.mesh

    def begin(self, state: State) -> State:
        """The state with what its map holds."""
        return replace(state, reference=self.demand.reference(state))

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        """The land at another time, with the cells' counts as the forcing wants them."""
        assert state.reference is not None, "begin comes before the first step"
        demand, coding = self.demand, self.demand.coding
        codes = state[demand.target.name].read(piece.pad(_HALO))
        inner = np.s_[_HALO:-_HALO, _HALO:-_HALO]
        domain, known = coding.domain(codes), coding.positions(codes)
        if self.levers is not None:
            domain &= ~self.levers.kept(known, piece.pad(_HALO))
        when = demand.tick_of(tick, demand.target.clock)
        change = demand.change(state.reference, when, piece, known[inner])
        cells, ties = CoarseCells.within(self.mesh, piece), draws(self.mesh, piece, self.seed, tick)
        if self.flows is not None:
            held, clock = demand.counts(known[inner], cells).astype(np.int64), demand.target.clock
            where = self.mesh.cells(piece)[0]
            gross = self.flows.shares(state.tick, tick, where, clock)
            moved, own = fit_flows(gross, held, held + change), np.arange(len(held))
            moved[own, own] -= held
            cells = refined(cells, known[inner], demand.groups)
            change = flow_targets(moved).astype(np.int32)
        placed = self._rule(
            np.where(domain, known, np.uint8(NO_DATA)),
            CoarseCells(np.pad(cells.index, _HALO, constant_values=-1), cells.count),
            change,
            demand.groups,
            np.pad(ties, _HALO),
        )
        values = np.where(domain, coding.stored(placed.map), codes)
        if self.levers is not None:
            broken = self.levers.broken(known, coding.positions(values))
            values = np.where(broken, codes, values)
        return {demand.target.name: Moved(values[inner])}
