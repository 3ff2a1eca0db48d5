"""Several steps of one map: each is told of its own time, and sees nothing of those between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import ArrayView, Cube, State
from ai4land.errors import ConfigError
from ai4land.models import Inputs
from ai4land.rollout import (
    Likely,
    PredictorStepper,
    Tiling,
    choose_odds,
    observed_state,
    rollout,
    step,
)
from ai4land.vocabulary import LAND_USE, NO_DATA
from network_inputs import OPTIONS, lively_predictor
from predictors import Spy
from tiny_cubes import FINE
from tiny_rollouts import LAND, assembler_of

AHEAD = {**OPTIONS, "ahead": 3}
PATH = (2004, 2005, 2006, 2007, 2008)  # passes begin in 2004, observed, and in 2007


class Far(Spy):
    """Keeps the inputs of each pass as well."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401
        super().__init__(inner)
        self.passes: list[Sequence[Inputs[Any]]] = []

    def predict_ahead(
        self, inputs: Sequence[Inputs[Any]]
    ) -> list[dict[str, npt.NDArray[np.float32]]]:
        self.passes.append(inputs)
        found: list[dict[str, npt.NDArray[np.float32]]] = self.inner.predict_ahead(inputs)  # type: ignore[attr-defined]
        return found


def stepper_of(cube: Cube, history: int = 1) -> PredictorStepper:
    assembler = assembler_of(cube, history=history)
    predictor = Far(lively_predictor(assembler.spec, AHEAD))
    return PredictorStepper(predictor, assembler, tiling=Tiling(32, 8))


def start(cube: Cube) -> State:
    return observed_state(cube, LAND_USE, PATH[0], [PATH[0] - 1])


def same(one: State, two: State) -> bool:
    return bool((one[LAND.name].values == two[LAND.name].values).all())


def altered(state: State) -> State:
    """The same with all land of one class."""
    field = state[LAND.name]
    codes = np.where(field.values == field.values.max(), field.values, field.values.min())
    other = replace(field, view=ArrayView(codes.astype(np.uint8), FINE, NO_DATA), belief=None)
    return replace(state, fields={LAND.name: other})


def test_a_pass_sees_the_map_with_which_it_began_and_no_other(tiny_cube: Cube) -> None:
    recursive = stepper_of(tiny_cube)
    ahead = recursive.with_ahead(3)
    assert (recursive.history, ahead.history) == (1, 3)
    own, far = (list(rollout(s, start(tiny_cube), PATH[1:])) for s in (recursive, ahead))
    assert same(own[1], far[1]), "the first step is that of the recursive rollout"
    assert not same(own[2], far[2])
    for place, seen in ((1, False), (2, False), (3, True)):
        given, expected = far[place], far[place + 1]
        assert same(step(ahead, altered(given), PATH[place + 1]), expected) != seen
        assert not same(step(recursive, altered(own[place]), PATH[place + 1]), own[place + 1])


def test_each_step_of_a_pass_is_told_of_its_own_time(tiny_cube: Cube) -> None:
    stepper = stepper_of(tiny_cube).with_ahead(3)
    assert isinstance(stepper.predictor, Far)
    list(rollout(stepper, start(tiny_cube), PATH[1:4]))
    lengths = {tuple(float(i.calendar[0, 0]) for i in given) for given in stepper.predictor.passes}
    assert lengths == {(1.0, 2.0), (1.0, 2.0, 3.0)}
    for given in stepper.predictor.passes:
        first = given[0].targets[LAND.name]
        assert first.history_visible.any()
        for other in given[1:]:
            np.testing.assert_array_equal(other.targets[LAND.name].prior, first.prior)
            np.testing.assert_array_equal(other.forcing_prior, given[0].forcing_prior)
    told = stepper.predictor.passes
    assert any((given[0].forcing_target != given[-1].forcing_target).any() for given in told)


def test_the_cut_changes_no_pass(tiny_cube: Cube) -> None:
    stepper = stepper_of(tiny_cube).with_ahead(2)
    states = list(rollout(stepper, start(tiny_cube), PATH[1:3]))
    pieces = list(stepper.mesh.pieces(64))
    assert len(pieces) > 4
    assert same(step(stepper, states[1], PATH[2], pieces), states[2])


def test_odds_are_searched_in_the_recursive_rollout(tiny_cube: Cube) -> None:
    stepper = stepper_of(tiny_cube).with_decision(Likely())
    one, tried = choose_odds(stepper, start(tiny_cube), PATH[1:3])
    two, again = choose_odds(stepper.with_ahead(3), start(tiny_cube), PATH[1:3])
    assert one.decision == two.decision
    assert tried == again
    assert (one.ahead, two.ahead) == (1, 3)


def test_a_model_that_does_not_look_so_far_is_refused(tiny_cube: Cube) -> None:
    stepper = stepper_of(tiny_cube)
    for steps in (0, 4):
        with pytest.raises(ConfigError, match="does not look so many steps ahead"):
            stepper.with_ahead(steps)
    assembler = assembler_of(tiny_cube)
    plain = PredictorStepper(lively_predictor(assembler.spec), assembler, tiling=Tiling(32, 8))
    with pytest.raises(ConfigError, match="1 to 1"):
        plain.with_ahead(2)
