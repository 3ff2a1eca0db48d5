"""Decisions: directions apart, balanced probabilities honour the demand, damage is refused."""

from __future__ import annotations

import numpy as np
import pytest

from ai4land.allocation import CoarseCells
from ai4land.cube import Cube
from ai4land.errors import CheckpointError, ConfigError
from ai4land.rollout import (
    Faithful,
    Likely,
    PredictorStepper,
    Tiling,
    decision_data,
    decision_of,
    demand_of,
    observed_state,
    step,
)
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_predictor
from tiny_rollouts import LAND, assembler_of


def test_a_decision_survives_its_card() -> None:
    decision = Likely(1.2, 0.7, balanced=True)
    assert decision_of(decision_data(decision)) == decision
    assert (decision.odds(3), decision.odds(-1)) == (1.2, 0.7)
    assert decision_of(decision_data(Faithful(balanced=True))) == Faithful(balanced=True)
    assert decision_of({}) == Likely()
    for damage in ({"stay": 0.1}, {"forward": "much"}, {"forward": None}):
        with pytest.raises(CheckpointError, match=r"(?s)damaged.*likely"):
            decision_of(damage)
    with pytest.raises(CheckpointError, match=r"(?s)Unknown decision.*likely.*at_random"):
        decision_of({"name": "at_random"})


@pytest.mark.parametrize("forcing", ["land_use_fractions", "luh2_states"])
def test_balanced_probabilities_add_up_to_the_demand(tiny_cube: Cube, forcing: str) -> None:
    assembler = assembler_of(tiny_cube, (forcing,))
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    demand = demand_of(tiny_cube, LAND, (forcing,))
    reference = demand.reference(initial)
    cells = CoarseCells.of(demand.mesh.fine, demand.mesh.coarse)
    found = {}
    for balanced in (False, True):
        stepper = PredictorStepper(
            lively_predictor(assembler.spec),
            assembler,
            tiling=Tiling(48, 0),
            decision=Likely(balanced=balanced),
            demand=demand,
        )
        probability = step(stepper, initial, 2008)["land_use"].probabilities
        assert probability is not None
        domain = demand.coding.domain(initial["land_use"].values)
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


def test_a_decision_that_needs_a_demand_finds_it_or_says_so(tiny_cube: Cube) -> None:
    """The assembler's closed loop knows what is asked for; without one nobody does."""
    decision = Likely(balanced=True)
    for forcing in ("land_use_fractions", "luh2_states"):
        looped = assembler_of(tiny_cube, (forcing,))
        model = lively_predictor(looped.spec)
        stepper = PredictorStepper(model, looped, tiling=Tiling(48, 0), decision=decision)
        assert stepper.demand is not None
        assert stepper.demand is looped.demand
        assert stepper.demand.forcing == forcing
    free = assembler_of(tiny_cube, ())
    PredictorStepper(lively_predictor(free.spec), free, tiling=Tiling(48, 0))
    with pytest.raises(ConfigError, match=r"(?s)what the coarse forcing asks for"):
        PredictorStepper(lively_predictor(free.spec), free, tiling=Tiling(48, 0), decision=decision)


def test_class_shares_keep_proportions_and_free_classes(tiny_cube: Cube) -> None:
    """Of a group the classes keep their proportions; what is in no group keeps its share."""
    assembler = assembler_of(tiny_cube, ("luh2_states",))
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    demand = assembler.demand
    assert demand is not None
    reference = demand.reference(initial)
    assert assembler.coupling is not None
    codes, coding = initial["land_use"].values, demand.coding
    whole = demand.mesh.fine.window
    held = assembler.coupling.shares(whole, coding.positions(codes), coding.domain(codes))
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
