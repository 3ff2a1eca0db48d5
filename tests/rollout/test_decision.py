"""Decisions: directions apart, balanced probabilities honour the demand, damage is refused."""

from __future__ import annotations

import numpy as np
import pytest

from ai4land.allocation import CoarseCells
from ai4land.cube import Cube
from ai4land.errors import CheckpointError, ConfigError
from ai4land.rollout import (
    ClosedBooks,
    MostLikely,
    NetworkStepper,
    Tiling,
    decision_data,
    decision_of,
    observed_state,
    step,
)
from ai4land.samples import Demand, WindowReader, input_spec
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_network


def test_a_decision_survives_its_card() -> None:
    decision = MostLikely(0.1, -0.2, balanced=True)
    assert decision_of(decision_data(decision)) == decision
    assert (decision.stay(3), decision.stay(-1)) == (0.1, -0.2)
    assert decision_of(decision_data(ClosedBooks(balanced=True))) == ClosedBooks(balanced=True)
    assert decision_of({}) == MostLikely()
    for damage in ({"stay": 0.1}, {"forward": "much"}, {"forward": None}):
        with pytest.raises(CheckpointError, match=r"(?s)damaged.*most_likely"):
            decision_of(damage)
    with pytest.raises(CheckpointError, match=r"(?s)Unknown decision.*most_likely.*at_random"):
        decision_of({"name": "at_random"})


@pytest.mark.parametrize("forcing", ["land_use_fractions", "luh2_states"])
def test_balanced_probabilities_add_up_to_the_demand(tiny_cube: Cube, forcing: str) -> None:
    spec = input_spec(tiny_cube, LAND_USE, (forcing,), ())
    reader = WindowReader(tiny_cube, LAND_USE, spec)
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    demand = Demand(reader, forcing)
    reference = demand.reference(initial)
    cells = CoarseCells.of(reader.grid, demand.mesh.coarse)
    found = {}
    for balanced in (False, True):
        stepper = NetworkStepper(
            lively_network(spec),
            reader,
            tiling=Tiling(48, 0),
            decision=MostLikely(balanced=balanced),
            demand=demand,
        )
        probability = step(stepper, initial, 2008)["land_use"].probabilities
        assert probability is not None
        domain = reader.domain(initial["land_use"].values)
        cell = cells.index[domain]
        mass = np.stack(
            [
                np.bincount(cell, probability[list(g)].sum(axis=0)[domain], cells.count)
                for g in demand.groups
            ]
        )
        asked = demand.shares(reference, 2008, demand.mesh.coarse.window)
        used = (asked.sum(axis=0) > 0) & (mass.sum(axis=0) > 0)
        off = np.abs(mass - asked * mass.sum(axis=0))[:, used]
        found[balanced] = off.max()
    assert found[True] < 1.0, "pixels"
    assert found[False] > 10 * found[True]


def test_a_network_that_needs_the_demand_says_so(tiny_cube: Cube) -> None:
    driven = input_spec(tiny_cube, LAND_USE, ("luh2_states",), ())
    reader = WindowReader(tiny_cube, LAND_USE, driven)
    with pytest.raises(ConfigError, match=r"(?s)what the coarse forcing asks for"):
        NetworkStepper(lively_network(driven), reader, tiling=Tiling(48, 0))
    own = input_spec(tiny_cube, LAND_USE, ("land_use_fractions",), ())
    reader = WindowReader(tiny_cube, LAND_USE, own)
    NetworkStepper(lively_network(own), reader, tiling=Tiling(48, 0))
    with pytest.raises(ConfigError, match=r"(?s)what the coarse forcing asks for"):
        NetworkStepper(
            lively_network(own), reader, tiling=Tiling(48, 0), decision=MostLikely(balanced=True)
        )


def test_class_shares_keep_proportions_and_free_classes(tiny_cube: Cube) -> None:
    """Of a group the classes keep their proportions; what is in no group keeps its share."""
    spec = input_spec(tiny_cube, LAND_USE, ("luh2_states",), ())
    reader = WindowReader(tiny_cube, LAND_USE, spec)
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    demand = Demand(reader, "luh2_states")
    reference = demand.reference(initial)
    assert reader.coupling is not None
    codes, whole = initial["land_use"].values, reader.grid.window
    held = reader.coupling.shares(whole, reader.positions(codes), reader.domain(codes))
    own = held.values
    same = demand.class_shares(reference, 2005, held).values
    # areas against pixels: rows of a cell differ by a fraction of a per cent
    np.testing.assert_allclose(same, own, atol=0.005)
    later = demand.class_shares(reference, 2009, held).values
    np.testing.assert_allclose(later.sum(axis=0), own.sum(axis=0), atol=1e-5)
    free = sorted(set(range(8)) - {k for g in demand.groups for k in g})
    np.testing.assert_allclose(later[free], own[free])
    wanted = demand.shares(reference, 2009, held.cells).reshape(len(demand.groups), *own.shape[1:])
    bound = sum(own[list(g)].sum(axis=0) for g in demand.groups)
    for share, group in zip(wanted, demand.groups, strict=True):
        np.testing.assert_allclose(later[list(group)].sum(axis=0), share * bound, atol=1e-5)
        if len(group) == 2:
            one, two = group
            both = (own[one] > 0) & (own[two] > 0) & (later[two] > 1e-6) & (own[two] > 1e-6)
            found, before = later[one][both] / later[two][both], own[one][both] / own[two][both]
            np.testing.assert_allclose(found, before, rtol=1e-3)
    assert np.abs(later - own).max() > 0.01
