"""Baselines and constraints that place the coarse demand on the fine map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ai4land.allocation import (
    Allocation,
    CoarseCells,
    allocate_kernel,
    allocate_random,
    close_books,
)
from ai4land.cube import Field, State, Status
from ai4land.errors import SampleError
from ai4land.rollout.stepper import Stepper
from ai4land.samples import Demand
from ai4land.vocabulary import NO_DATA, Legend, Task

__all__ = ["AllocationStepper", "ClosedBooks"]

Rule = Callable[
    [
        npt.NDArray[np.uint8],
        CoarseCells,
        npt.NDArray[np.int32],
        tuple[tuple[int, ...], ...],
        np.random.Generator,
    ],
    Allocation,
]

RULES: dict[str, Rule] = {"kernel": allocate_kernel, "random": allocate_random}


class AllocationStepper:
    """Places the coarse net change by a simple rule: the floor and the kernel baseline.

    Args:
        rule: ``random`` (anywhere in the cell) or ``kernel`` (where the gaining class already is,
            3 × 3 neighbourhood).
        demand: What the coarse forcing asks for.
        seed: Of the ties; combined with the time, so that every step draws anew.
    """

    def __init__(self, rule: str, demand: Demand, *, seed: int = 0) -> None:
        self.name = rule
        self._rule = RULES[rule]
        self.demand = demand
        self.seed = seed

    @property
    def task(self) -> Task:
        """What the demand is about."""
        return self.demand.reader.task

    def step(self, state: State, tick: int) -> State:
        """The land at another time, with the cells' counts as the forcing wants them."""
        field = state[self.task.target]
        domain = self.demand.reader.domain(field.values)
        change = self.demand.change(field, tick)
        positions = np.where(domain, self.demand.positions(field), NO_DATA)
        rng = np.random.default_rng([self.seed, tick])
        placed = self._rule(positions, self.demand.cells, change, self.demand.groups, rng)
        return replace(_with_positions(state, self.task.target, tick, domain, placed.map), past=())


class ClosedBooks:
    """Wraps a stepper that gives probabilities so that its maps honour the coarse demand.

    The correction is the smallest that closes the books of every coarse cell to one pixel, and
    binds only the groups of classes that forcing and labels both express.

    Args:
        inner: A stepper whose states carry probabilities.
        demand: What the coarse forcing asks for.
    """

    def __init__(self, inner: Stepper, demand: Demand) -> None:
        self.inner = inner
        self.demand = demand
        self.name = f"{inner.name}, closed books"

    @property
    def task(self) -> Task:
        """What the inner stepper predicts."""
        return self.inner.task

    def step(self, state: State, tick: int) -> State:
        """The inner stepper's land, with its cells' counts as the forcing wants them."""
        found = self.inner.step(state, tick)
        field = found[self.task.target]
        if field.probabilities is None:
            raise SampleError(
                "Books can only be closed on probabilities",
                where=f"stepper {self.inner.name!r}",
                remedy="wrap a network",
            )
        domain = self.demand.reader.domain(field.values)
        pixels = self.demand.bound_pixels(state[self.task.target])
        counts = self.demand.wanted(tick, pixels)
        log_probability = np.log(np.maximum(field.probabilities, np.float32(1e-9)))
        closed = close_books(log_probability, self.demand.cells, counts, self.demand.groups, domain)
        probabilities = field.probabilities
        closed_state = _with_positions(found, self.task.target, tick, domain, closed.map)
        kept = replace(closed_state[self.task.target], probabilities=probabilities)
        return replace(closed_state, fields={**closed_state.fields, self.task.target: kept})


def _with_positions(
    state: State,
    name: str,
    tick: int,
    domain: npt.NDArray[np.bool_],
    positions: npt.NDArray[np.uint8],
) -> State:
    """A predicted state whose classes in the domain are given by position."""
    field = state[name]
    legend = field.legend
    if legend is None:
        raise SampleError("Only maps of classes can be allocated", where=name)
    codes = _codes(legend)[positions]
    values = np.where(domain, codes, field.values)
    changed = Field(field.variable, field.grid, values, legend)
    fields = {**state.fields, name: changed}
    return replace(state, tick=tick, fields=fields, status=Status.PREDICTED)


def _codes(legend: Legend) -> npt.NDArray[np.uint8]:
    """Table ``(256,)`` from class positions to codes."""
    table = np.full(256, NO_DATA, dtype=np.uint8)
    table[: len(legend)] = legend.codes
    return table
