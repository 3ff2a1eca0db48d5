"""Odds without labels: what a model expects of its own maps, and what it must not fall behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ai4land.cube import Cube, State
from ai4land.grid import Grid, Mesh, Window
from ai4land.rollout import (
    ODDS,
    AllocationStepper,
    Decision,
    Faithful,
    Likely,
    PredictorStepper,
    Sampled,
    Tiling,
    choose_odds,
    observed_state,
    rollout,
    step,
)
from ai4land.rollout.expectation import sample_pieces
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_predictor
from tiny_cubes import FINE
from tiny_rollouts import assembler_of

LARGE = ((0.05, (400, 400)), (0.4, (50, 50)))


@pytest.fixture(scope="module")
def initial(tiny_cube: Cube) -> State:
    return observed_state(tiny_cube, LAND_USE, 2005)


def stepper_of(cube: Cube, decision: Decision, strength: float = 20.0) -> PredictorStepper:
    assembler = assembler_of(cube)
    model = lively_predictor(assembler.spec, strength=strength)
    stepper = PredictorStepper(model, assembler, tiling=Tiling(48, 0), decision=decision)
    return stepper.around(FINE.window)  # the map in one tile, as the sample sees it


def judged(stepper: PredictorStepper, initial: State, later: State) -> tuple[float, ...]:
    """Hits, false alarms, changed, simulated, right and total as one step's probabilities say."""
    said = step(stepper.with_decision(Likely(balanced=True)), initial, later.tick)["land_use"]
    assert said.probabilities is not None
    coding = stepper.assembler.codings["land_use"]
    one, two = (coding.positions(s["land_use"].values) for s in (initial, later))
    used = coding.domain(initial["land_use"].values)
    chance = said.probabilities[:, used]
    one, two, n = one[used], two[used], np.arange(used.sum())
    new = one != two
    stay, right = chance[one, n], chance[two, n]
    return (
        right[new].sum(), stay[new].sum(), (1 - stay).sum(), new.sum(), right.sum(), used.sum(),
    )  # fmt: skip


@pytest.mark.parametrize("made", [Likely, Faithful])
def test_expected_scores_are_those_of_the_probabilities(
    tiny_cube: Cube, initial: State, made: type[Likely | Faithful]
) -> None:
    stepper = stepper_of(tiny_cube, made(balanced=True))
    best, found = choose_odds(stepper, initial, (2007,))
    for odds, expected in found.items():
        later = step(stepper.with_decision(made(odds, odds, balanced=True)), initial, 2007)
        hits, alarms, changed, simulated, right, total = judged(stepper, initial, later)
        assert expected.hits == pytest.approx(hits, rel=2e-3)  # half precision
        assert expected.false_alarms == pytest.approx(alarms, rel=2e-3)
        assert (expected.simulated, expected.total) == (simulated, total)
        assert expected.figure_of_merit == pytest.approx(hits / (changed + alarms), rel=5e-3)
        assert expected.accuracy == pytest.approx(right / total, rel=2e-3)
    assert isinstance(best.decision, Likely | Faithful)
    chosen = best.decision.forward
    assert best.decision.backward == 1.0, "only the direction of the path"
    merit = found[chosen].figure_of_merit if chosen in found else 0.0
    if made is Likely:
        assert found[chosen].gain >= 0.0
        allowed = [e.figure_of_merit for o, e in found.items() if e.gain >= 0.0 and o <= 1.0]
        assert merit == max(allowed)


def test_what_is_said_of_the_first_step_is_asked_for_once(
    tiny_cube: Cube, initial: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maps of a stepper that remembers are those of one that does not, by every decision."""
    forgetful = stepper_of(tiny_cube, Likely())
    asked: list[int] = []
    predict = forgetful.predictor.predict

    def counted(inputs: Any) -> Any:  # noqa: ANN401
        asked.append(1)
        return predict(inputs)

    monkeypatch.setattr(forgetful.predictor, "predict", counted)
    keen = forgetful.remembering(initial)
    assert keen.remembering(initial) is keen
    decisions = (Likely(), Faithful(0.3), Likely(balanced=True), Sampled(seed=1))
    for number, decision in enumerate(decisions):
        states = list(rollout(keen.with_decision(decision), initial, (2006, 2007)))
        spent, fresh = len(asked), rollout(forgetful.with_decision(decision), initial, (2006, 2007))
        for state, plain in zip(states, fresh, strict=True):
            np.testing.assert_array_equal(state["land_use"].values, plain["land_use"].values)
        whole = len(asked) - spent
        assert spent == (whole if number == 0 else whole // 2)
        asked.clear()


def test_a_margin_makes_it_timid(tiny_cube: Cube, initial: State) -> None:
    stepper = stepper_of(tiny_cube, Likely(balanced=True))
    chosen = []
    for margin in (0.0, 0.01, 0.5):
        best, _ = choose_odds(stepper, initial, (2007,), margin=margin)
        assert isinstance(best.decision, Likely)
        chosen.append(best.decision.forward)
    assert chosen[0] <= chosen[1] <= chosen[2]
    assert chosen[2] > 1.0, "what cannot be promised is not tried"


def test_longer_paths_are_judged_at_every_step(tiny_cube: Cube, initial: State) -> None:
    stepper = stepper_of(tiny_cube, Likely(balanced=True))
    told: list[tuple[int, int]] = []
    best, found = choose_odds(
        stepper, initial, (2006, 2007, 2008), progress=lambda d, n, _: told.append((d, n))
    )
    assert found
    assert [d for d, _ in told] == list(range(1, len(found) + 1))
    assert all(n == len(ODDS) for _, n in told)
    again, _ = choose_odds(stepper, initial, (2006, 2007, 2008))
    assert again.decision == best.decision
    one_step, _ = choose_odds(stepper, initial, (2006,))
    changed = [e.changed for e in found.values()]
    assert max(changed) - min(changed) < 1e-9, "one truth judges all candidates"
    assert isinstance(one_step.decision, Likely)


def test_faithful_is_held_against_the_kernel(tiny_cube: Cube, initial: State) -> None:
    stepper = stepper_of(tiny_cube, Faithful(balanced=True))
    best, found = choose_odds(stepper, initial, (2007,))
    assert isinstance(best.decision, Faithful)
    assert stepper.demand is not None
    kernel = step(AllocationStepper("kernel", stepper.demand), initial, 2007)
    *_, changed, _, right, total = judged(stepper, initial, kernel)
    least = (right - (total - judged(stepper, initial, kernel)[2])) / total
    assert changed > 0
    allowed = [o for o, e in found.items() if e.gain >= min(least, 0.0) - 1e-3]
    assert best.decision.forward in allowed or best.decision.forward == 1.0


def test_other_decisions_and_wishes_need_no_search(
    tiny_cube: Cube, initial: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = stepper_of(tiny_cube, Sampled())
    same, found = choose_odds(drawn, initial, (2006,))
    assert same is drawn
    assert found == {}


def test_the_sample_depends_on_the_grid_alone(tiny_cube: Cube) -> None:
    mesh = stepper_of(tiny_cube, Likely(balanced=True)).mesh
    pieces = sample_pieces(mesh, 1, 16)
    assert pieces == sample_pieces(mesh, 3, 16)
    assert sum(p.height * p.width for p in pieces) == FINE.height * FINE.width
    for piece in pieces:
        assert mesh.whole(piece) == piece
    assert all(max(piece.shape) <= 16 for piece in pieces)
    grids = (Grid.regular(10.0, 50.0, step, step, shape) for step, shape in LARGE)
    (one,) = sample_pieces(Mesh(*grids), 1 << 20, 200)
    assert one == Window(200, 0, 200, 200), "from the middle, no corner"


def test_pieces_of_the_sample_are_seen_in_one_tile(
    tiny_cube: Cube, initial: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    assembler = assembler_of(tiny_cube)
    model = lively_predictor(assembler.spec)
    stepper = PredictorStepper(model, assembler, tiling=Tiling(32, 16), decision=Likely())
    seen, domain = [], assembler.codings["land_use"].domain
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda inputs: seen.append(1) or predict(inputs))
    start = stepper.begin(initial)
    for piece in sample_pieces(stepper.mesh, 1, stepper.tiling.stride):
        seen.clear()
        near = stepper.around(piece).step_piece(start, 2006, piece)["land_use"].probabilities
        assert len(seen) <= 1, "none if there is no land"
        wide = stepper.step_piece(start, 2006, piece)["land_use"].probabilities
        assert near is not None
        assert wide is not None
        # a little less is seen around the piece, which changes little
        land = domain(start["land_use"].read(piece))
        assert np.abs(near - wide)[:, land].mean() < 0.02
    assert stepper.around(stepper.mesh.fine.window) is stepper, "more than a tile holds"
