"""The recursion: which way time runs, and which state each step sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import Cube, State, Status
from ai4land.errors import CubeError, SampleError
from ai4land.grid import Window
from ai4land.models import Inputs, Predictor, Seen
from ai4land.rollout import (
    Faithful,
    Likely,
    Moved,
    Persistence,
    PredictorStepper,
    Tiling,
    observed_state,
    rollout,
    step,
)
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_predictor
from predictors import Spy
from tiny_cubes import FINE, LEAF_AREA, land_maps
from tiny_rollouts import assembler_of

Array = npt.NDArray[Any]


class Counting(Persistence):
    """Notes every step, so that each state tells its path."""

    name = "counting"

    def __init__(self) -> None:
        super().__init__(LAND_USE, FINE)
        self.seen: list[tuple[int, int]] = []

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        self.seen.append((state.tick, tick))
        return super().step_piece(state, tick, piece)


class Stubborn(Persistence):
    """Moves nothing at all, whatever its task is about."""

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        return {}


@pytest.fixture
def initial(tiny_cube: Cube) -> State:
    return observed_state(tiny_cube, LAND_USE, 2005)


@pytest.mark.parametrize("ticks", [(2006, 2007, 2009), (2004, 2001, 2000), (2010,), ()])
def test_each_state_is_the_prior_of_the_next(initial: State, ticks: Sequence[int]) -> None:
    stepper = Counting()
    states = list(rollout(stepper, initial, ticks))
    assert states[0].fields == initial.fields
    assert [s.tick for s in states] == [2005, *ticks]
    assert stepper.seen == list(zip([2005, *ticks][:-1], ticks, strict=True))


def test_a_rollout_computes_only_what_is_asked_for(initial: State) -> None:
    stepper = Counting()
    states = rollout(stepper, initial, (2006, 2007, 2008))
    next(states)
    assert not stepper.seen
    next(states)
    assert stepper.seen == [(2005, 2006)]


@pytest.mark.parametrize(
    "ticks", [(2006, 2004), (2006, 2008, 2007), (2005,), (2006, 2006), (2004, 2006)]
)
def test_time_runs_one_way(initial: State, ticks: Sequence[int]) -> None:
    stepper = Counting()
    with pytest.raises(SampleError, match=r"(?s)must run one way.*\[2005, "):
        rollout(stepper, initial, ticks)
    assert not stepper.seen, "refused before anything is computed"


def test_a_task_that_does_not_recurse_backward_is_refused(initial: State) -> None:
    stepper = Stubborn(LEAF_AREA, FINE)
    list(rollout(stepper, initial, (2006, 2007)))
    list(rollout(stepper, initial, (2004,)))  # one step from an observed prior is no recursion
    with pytest.raises(SampleError, match=r"(?s)own predictions.*forward.*found: backward"):
        rollout(stepper, initial, (2004, 2003))


def test_the_observed_state_is_the_cubes(tiny_cube: Cube) -> None:
    state = observed_state(tiny_cube, LAND_USE, 2003, past=(2002, 2001, 1999, 2000))
    np.testing.assert_array_equal(state["land_use"].values, land_maps()[2003])
    assert state.status is Status.OBSERVED
    assert [s.tick for s in state.past] == [2002, 2001, 2000], "what the cube holds of them"
    assert all(not s.past for s in state.past)
    with pytest.raises(CubeError, match=r"(?s)no such time.*2000…2011.*1999"):
        observed_state(tiny_cube, LAND_USE, 1999)
    with pytest.raises(SampleError, match=r"(?s)does not hold.*land_use.*land_cover"):
        state["land_cover"]


def spied(
    cube: Cube, feedback: str, history: int = 0, closed: bool = False
) -> tuple[PredictorStepper, list[Inputs[Array]]]:
    """A stepper over the whole map at once, and the inputs that its predictor is shown."""
    assembler = assembler_of(cube, history=history)
    spy = Spy(lively_predictor(assembler.spec))
    stepper = PredictorStepper(
        spy,
        assembler,
        tiling=Tiling(tile=48, overlap=0, origin=FINE.anchor),
        decision=Faithful() if closed else None,
        feedback=feedback,
    )
    return stepper, spy.shown


def seen(inputs: Inputs[Array]) -> Seen[Array]:
    """What a predictor saw of land use, on the pixels of the map."""
    return Seen(*(part[..., :40, :48] for part in inputs.targets["land_use"]))


def one_hot(codes: Array) -> Array:
    """Codes of this legend, which are positions, as layers ``(K, y, x)``; missing gives zeros."""
    return np.asarray(codes == np.arange(8)[:, None, None], np.float32)


def test_a_spy_is_a_predictor(tiny_cube: Cube) -> None:
    stepper, _ = spied(tiny_cube, "classes")
    assert isinstance(stepper.predictor, Spy)
    assert isinstance(stepper.predictor, Predictor)
    assert stepper.name == "model, likely"


@pytest.mark.parametrize("feedback", ["classes", "probabilities"])
def test_the_model_sees_its_own_map_and_its_shares(tiny_cube: Cube, feedback: str) -> None:
    """From the second step on, prior and forcing at the prior time are those of the own map."""
    stepper, shown = spied(tiny_cube, feedback)
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    states = list(rollout(stepper, initial, (2006, 2007)))
    own = states[1]["land_use"]
    second = shown[1]
    prior = seen(second).prior[0]
    if feedback == "classes":
        np.testing.assert_array_equal(prior, one_hot(own.values))
    else:
        np.testing.assert_array_equal(prior, own.probabilities)
    domain = (own.values != 0) & (own.values != 255)
    weight = np.where(domain, stepper.assembler.drivers.grid.cell_areas(), 0.0)
    cells = (prior * weight).reshape(8, 5, 8, 6, 8).sum(axis=(2, 4))
    total = cells.sum(axis=0)
    shares = np.divide(cells, total, out=np.zeros_like(cells), where=total > 0)
    expected = shares.repeat(8, axis=1).repeat(8, axis=2)
    np.testing.assert_allclose(second.forcing_prior[0, :, :40, :48], expected, atol=1e-5)
    truth = tiny_cube.read("land_use_fractions", 2006).repeat(8, axis=1).repeat(8, axis=2)
    assert np.abs(truth - expected).max() > 0.05, "the own map is not the truth"
    target = tiny_cube.read("land_use_fractions", 2007).repeat(8, axis=1).repeat(8, axis=2)
    np.testing.assert_array_equal(second.forcing_target[0, :, :40, :48], target)
    assert second.calendar.tolist() == [[1.0]]
    assert stepper.assembler.spec.calendar == ("years",)


@pytest.mark.parametrize("jump", [1, -1, 2, -2])
def test_the_model_remembers_the_path(tiny_cube: Cube, jump: int) -> None:
    """History holds the maps one step length apart along the path, nearest first."""
    stepper, shown = spied(tiny_cube, "classes", history=2)
    initial = observed_state(tiny_cube, LAND_USE, 2005, past=(2005 - jump,))
    states = list(rollout(stepper, initial, (2005 + jump, 2005 + 2 * jump)))
    observed = one_hot(tiny_cube.read("land_use", 2005 - jump))
    first, second = map(seen, shown)
    np.testing.assert_array_equal(first.history[0, 0], observed)
    assert not first.history_visible[0, 1].any(), "two steps back nothing is known"
    np.testing.assert_array_equal(second.history[0, 0], one_hot(initial["land_use"].values))
    np.testing.assert_array_equal(second.history[0, 1], observed)
    assert second.history_visible[0, :, 30, 20].all()
    assert [s.tick for s in states[2].past] == [2005 + jump, 2005]


def test_a_map_at_another_distance_is_not_remembered(tiny_cube: Cube) -> None:
    stepper, shown = spied(tiny_cube, "classes", history=1)
    initial = observed_state(tiny_cube, LAND_USE, 2005, past=(2004,))
    list(rollout(stepper, initial, (2007, 2008)))
    assert not seen(shown[0]).history_visible.any(), "2004 is one year back, the step has two"
    assert not seen(shown[1]).history_visible.any(), "2005 is two years back, the step has one"


def test_closed_books_do_not_forget(tiny_cube: Cube) -> None:
    stepper, shown = spied(tiny_cube, "classes", history=1, closed=True)
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    states = list(rollout(stepper, initial, (2006, 2007, 2008)))
    for k in (1, 2):
        remembered = seen(shown[k])
        before = one_hot(states[k - 1]["land_use"].values)
        np.testing.assert_array_equal(remembered.history[0, 0], before)
        assert remembered.history_visible.any()


def test_staying_is_preferred_by_so_much(tiny_cube: Cube) -> None:
    assembler = assembler_of(tiny_cube)
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    predictor = lively_predictor(assembler.spec)
    changed = []
    for odds in (0.0, 1.0, 1e9):
        stepper = PredictorStepper(
            predictor, assembler, tiling=Tiling(48, 0), decision=Likely(odds, odds)
        )
        after = step(stepper, initial, 2006)["land_use"]
        changed.append(int((after.values != initial["land_use"].values).sum()))
    domain = assembler.codings["land_use"].domain(initial["land_use"].values)
    assert changed[2] == 0, "nothing outweighs certainty"
    assert changed[0] == domain.sum(), "and nothing stays against it"
    assert 0 < changed[1] < domain.sum()
