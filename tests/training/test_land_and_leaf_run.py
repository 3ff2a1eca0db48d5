"""Two targets on two clocks go the whole way: samples, training, rollout, one cube, scores."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.checkpoint import Card, load_card, load_checkpoint
from ai4land.cube import Block, BlockWriter, Cube, State, Status
from ai4land.errors import SampleError
from ai4land.evaluation import evaluate, held_out_blocks, path_of
from ai4land.rollout import (
    BOOKS,
    Likely,
    Outlook,
    PredictorStepper,
    Tiling,
    demand_of,
    domain_warnings,
    observed_state,
    open_model,
    prediction_attributes,
    rollout,
    save_rollout,
    score_rollout,
    step,
)
from ai4land.samples import Labels, Sampler
from ai4land.training import Experiment, assembled, prepare, train
from ai4land.vocabulary import TASKS, Clock, Direction
from experiments import SMALL
from predictors import Spy
from tiny_cubes import FINE, LAND_AND_LEAF, LANDUSE8, write_land_and_leaf_cube

YEARS = tuple(range(2000, 2006))
LAND, LEAF = LAND_AND_LEAF.targets
START = 2003 * 12 + 10  # November: the path passes two Januaries
PATH = tuple(range(START + 1, START + 16))


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    return write_land_and_leaf_cube(tmp_path_factory.mktemp("two") / "cube.zarr", YEARS)


@pytest.fixture(scope="module", autouse=True)
def known_task() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, LAND_AND_LEAF.name, LAND_AND_LEAF)
        yield


def experiment_on(cube: Cube, **changes: object) -> Experiment:
    return Experiment.model_validate(
        {
            **SMALL,
            "cube": str(cube.path),
            "task": LAND_AND_LEAF.name,
            "forcing": ["land_use_fractions"],
            "static": [],
            "series": {"air_temperature": {"lags": [0, 1, 12], "mean": 2}},
            "split": {
                "train": [2000 * 12, 2003 * 12 + 11],
                "validation": [2003 * 12 + 11, 2004 * 12 + 1],
            },
            "samples": {"window": 16, "recursion": 2, "history": 1, "moving_share": 0.5},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def checkpoint(cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(experiment_on(cube), tmp_path_factory.mktemp("trained") / "run")


@pytest.fixture(scope="module")
def opened(checkpoint: Path, cube: Cube) -> tuple[PredictorStepper, State, Card]:
    return open_model(checkpoint, cube, (START, *PATH), tiling=Tiling(16, 4))


@pytest.fixture(scope="module")
def states(opened: tuple[PredictorStepper, State, Card]) -> list[State]:
    """The rollout in memory."""
    stepper, initial, _ = opened
    return list(rollout(stepper, initial, PATH))


def save(opened: tuple[PredictorStepper, State, Card], cube: Cube, path: Path) -> Cube:
    stepper, initial, card = opened
    said = prediction_attributes("model", cube, (START, *PATH), {}, card, LAND_AND_LEAF.clock)
    return save_rollout(
        stepper, initial, PATH, path, like=cube, attributes=said, probabilities=True
    )


@pytest.fixture(scope="module")
def saved(
    opened: tuple[PredictorStepper, State, Card],
    cube: Cube,
    tmp_path_factory: pytest.TempPathFactory,
) -> Cube:
    return save(opened, cube, tmp_path_factory.mktemp("saved") / "p.zarr")


def every_byte(store: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()
    }


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9])
def test_so_many_samples_move_every_target(cube: Cube, share: float) -> None:
    experiment = experiment_on(cube, samples={"window": 16, "moving_share": share})
    assembler, labels = assembled(experiment, cube)
    everywhere = np.ones(FINE.shape, dtype=bool)
    sampler = Sampler(assembler, labels, experiment.samples, experiment.split.train, everywhere)
    rng, moved, count = np.random.default_rng(0), 0, 120
    names = assembler.spec.calendar
    assert names == ("years/land_use", "years/leaf_area_index", "season_cos", "season_sin")
    for _ in range(count):
        sample = sampler.draw(rng)
        first = bool(sample.targets[LAND.name].moves[0])
        assert sample.targets[LEAF.name].moves.all()
        assert sample.calendar[0, 0] == float(first)
        np.testing.assert_allclose(sample.calendar[:, 1], 1 / 12, rtol=1e-6)
        moved += first
        if first:  # to January
            np.testing.assert_allclose(sample.calendar[0, 2], np.cos(np.pi / 12), rtol=1e-6)
    assert moved / count == pytest.approx(share, abs=0.12)


def test_the_card_names_both(opened: tuple[PredictorStepper, State, Card], cube: Cube) -> None:
    stepper, _, card = opened
    assert [target.name for target in card.targets] == [LAND.name, LEAF.name]
    assert [target.clock for target in card.targets] == [Clock.YEAR, Clock.MONTH]
    assert card.task_of() == LAND_AND_LEAF == stepper.task
    assert card.recursive == (Direction.FORWARD,)
    assert card.legends == {LAND.name: LANDUSE8}
    assert card.grids[LAND.name] == card.grids[LEAF.name] == FINE
    assert {LAND.name, LEAF.name, "air_temperature"} <= set(card.variables)
    assert [driver.lags for driver in card.inputs.series] == [(0, 1, 12)]
    assert set(card.normaliser) >= {"series", LEAF.name}
    scores = card.scores["validation"]
    assert {"land_use_accuracy", "leaf_area_index_mean_square"} <= set(scores)
    assert "rollout_faithful_forward_figure_of_merit" in scores
    assert card.domain.trained == (2000 * 12, 2003 * 12 + 11)
    assert cube.group(LEAF.name).ticks[0] == 2000 * 12


def test_leaving_the_training_is_said_in_months(
    opened: tuple[PredictorStepper, State, Card], cube: Cube
) -> None:
    _, _, card = opened
    (outside,) = domain_warnings(card, cube, (START, *PATH))
    assert "14 of 15 steps go to months outside the training (2000-01…2003-12)" in outside
    assert outside.endswith("2004-01…2005-02.")
    said = prediction_attributes("model", cube, (START, *PATH), {}, card, LAND_AND_LEAF.clock)
    assert said["title"].endswith("2003-11 → 2005-02 by model")


def test_both_learn(checkpoint: Path, cube: Cube, tmp_path: Path) -> None:
    """Each head's weights move away from where they began."""
    predictor, _ = load_checkpoint(checkpoint)
    other, _ = load_checkpoint(
        train(
            experiment_on(cube, training={**SMALL["training"], "steps": 1}),  # type: ignore[dict-item]
            tmp_path / "run",
        )
    )
    for name in (LAND.name, LEAF.name):
        one, two = (p.networks[0].heads[name].state_dict() for p in (predictor, other))  # type: ignore[attr-defined]
        assert any((one[key] != two[key]).any() for key in one), name


def test_land_use_moves_in_january_alone(states: list[State], cube: Cube) -> None:
    sea = cube.read(LAND.name, 2003)
    away = (sea == 0) | (sea == 255)
    changed = []
    for before, after in itertools.pairwise(states):
        one, two = before[LAND.name].values, after[LAND.name].values
        if after.tick % 12:
            assert after[LAND.name] is before[LAND.name], "handed on untouched"
        changed.append(bool((one != two).any()))
        np.testing.assert_array_equal(two[away], sea[away])
        leaf, leaves = before[LEAF.name].values, after[LEAF.name].values
        np.testing.assert_array_equal(np.isnan(leaves), away)
        assert (leaves[~away] >= 0).all()
        assert (leaf[~away] != leaves[~away]).any()
    assert [s.tick for s, moved in zip(states[1:], changed, strict=True) if moved] == [
        2004 * 12,
        2005 * 12,
    ]


def test_change_is_expected_in_january_alone(
    opened: tuple[PredictorStepper, State, Card],
) -> None:
    """None before the first, and no more in the months between two: their map is the same."""
    stepper, initial, _ = opened
    decided = stepper.with_decision(Likely())
    changed = [lead.changed for lead in Outlook(stepper, initial, PATH).expected(decided)]
    assert changed[0] == 0.0
    assert 0.0 < changed[1] < changed[13]
    assert set(changed[1:13]) == {changed[1]}
    assert changed[14] == changed[13]


def test_the_model_is_told_how_far_each_moves(
    opened: tuple[PredictorStepper, State, Card], cube: Cube
) -> None:
    """And remembers each at its own pace: leaf area a month back, land use a year."""
    stepper, initial, _ = opened
    spy = Spy(stepper.predictor)
    moved = PredictorStepper(spy, stepper.assembler, tiling=Tiling(48, 0, origin=FINE.anchor))
    assert moved.history == 12
    assert [s.tick for s in initial.past] == [START - k for k in range(1, 13)]
    list(rollout(moved, initial, PATH[:2]))
    december, january = spy.shown
    np.testing.assert_allclose(december.calendar[0, :2], [0, 1 / 12], rtol=1e-6)
    np.testing.assert_allclose(january.calendar[0, :2], [1, 1 / 12], rtol=1e-6)
    past = january.targets[LAND.name].history[0, 0, :, :40, :48]
    codes = cube.read(LAND.name, 2002)
    np.testing.assert_array_equal(past.argmax(axis=0)[codes != 255], codes[codes != 255])
    leaf = january.targets[LEAF.name].history[0, 0, 0, :40, :48]
    np.testing.assert_array_equal(leaf, cube.read(LEAF.name, START))


def test_one_cube_holds_both_at_their_own_times(saved: Cube, states: list[State]) -> None:
    maps = (LAND.name, f"{LAND.name}_probability", LEAF.name)
    assert tuple(v for v in saved.variables if v not in BOOKS)[:3] == maps
    assert saved.group("unplaced_change").ticks == saved.group(LAND.name).ticks[1:]
    years, months = saved.group(LAND.name), saved.group(LEAF.name)
    assert (years.clock, years.ticks) == (Clock.YEAR, (2003, 2004, 2005))
    assert (months.clock, months.ticks) == (Clock.MONTH, (START, *PATH))
    assert years.grid == months.grid == FINE
    for state in states:
        np.testing.assert_array_equal(saved.read(LEAF.name, state.tick), state[LEAF.name].values)
        np.testing.assert_array_equal(
            saved.read(LAND.name, state.tick // 12), state[LAND.name].values
        )
    for name, first in ((LAND.name, 2003), (LEAF.name, START)):
        status = saved.status(name)
        assert status.pop(first) is Status.OBSERVED
        assert set(status.values()) == {Status.PREDICTED}
    again = observed_state(saved, LAND_AND_LEAF, PATH[-1])
    assert again.status is Status.PREDICTED, "the next run may start from it"


class _Killed(Exception):
    pass


@pytest.mark.parametrize("survived", [0, 1, 4, 5, 6, 7, 19])
def test_a_killed_run_goes_on_to_the_same_bytes(
    opened: tuple[PredictorStepper, State, Card],
    cube: Cube,
    saved: Cube,
    survived: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also between the two targets of one January, which are then written again, and no others."""
    path, real = tmp_path / "p.zarr", BlockWriter.write
    written: list[tuple[str, tuple[int, ...]]] = []

    def write(writer: BlockWriter, block: Block, values: npt.NDArray[np.generic]) -> None:
        if len(written) == survived:
            raise _Killed
        written.append((block.variable, block.ticks))
        real(writer, block, values)

    with monkeypatch.context() as patch:
        patch.setattr(BlockWriter, "write", write)
        with pytest.raises(_Killed):
            save(opened, cube, path)
        kept = list(written)
        written.clear()
        survived = -1
        save(opened, cube, path)
    assert len({ticks for _, ticks in set(kept) & set(written)}) <= 2, "one job, its targets' times"
    books = 3 * 3 + 2 + 2  # areas of each year, what is not placed, transitions
    assert len(set(kept) | set(written)) == 3 + 3 + 16 + books
    assert every_byte(path) == every_byte(saved.path)


@pytest.mark.parametrize("seed", [0, 1])
def test_pieces_in_any_order(
    opened: tuple[PredictorStepper, State, Card], states: list[State], seed: int
) -> None:
    stepper, initial, _ = opened
    state, rng = stepper.begin(initial), np.random.default_rng(seed)
    for expected in states[1:4]:
        pieces = stepper.mesh.pieces(70)
        assert len(pieces) > 4
        order = [pieces[i] for i in rng.permutation(len(pieces))]
        state = step(stepper, state, expected.tick, order)
        for target in LAND_AND_LEAF.targets:
            one, two = state[target.name], expected[target.name]
            np.testing.assert_array_equal(one.values, two.values)
            assert (one.probabilities is None) == (two.probabilities is None)
            if one.probabilities is not None and two.probabilities is not None:
                np.testing.assert_array_equal(one.probabilities, two.probabilities)


def test_a_year_of_months_is_scored_by_its_maps(states: list[State], cube: Cube) -> None:
    labels = Labels(cube, LAND)
    first, second = score_rollout(states, labels).leads
    truth = {y: cube.read(LAND.name, y) for y in (2003, 2004, 2005)}
    land = (truth[2003] != 0) & (truth[2003] != 255)
    by_year = {s.tick // 12: s[LAND.name].values for s in states}
    for lead, year in ((first, 2004), (second, 2005)):
        right = (by_year[year] == truth[year])[land].mean()
        assert lead.confusion.accuracy == pytest.approx(right)
        assert lead.three.observed_change == ((truth[year] != truth[2003]) & land).sum()
    told = [observed_state(cube, LAND_AND_LEAF, tick) for tick in (START, *PATH[:14:2], PATH[-1])]
    assert [s.three.figure_of_merit for s in score_rollout(told, labels).leads] == [1.0, 1.0]
    with pytest.raises(SampleError, match="Only maps of classes"):
        score_rollout(states, Labels(cube, LEAF))


def test_the_saved_land_use_is_evaluated(saved: Cube, cube: Cube) -> None:
    assert path_of(saved, LAND) == (2003, (2004, 2005))
    found = evaluate(saved, cube)
    assert found.ticks == (2004, 2005)
    assert list(found.scores) == [
        *("model, faithful", "model, faithful, shuffled", "persistence", "kernel", "random"),
    ]
    assert found.details.rollouts["model, faithful"].probabilities


def test_blocks_held_out_of_months_are_held_out_of_years(cube: Cube, tmp_path: Path) -> None:
    """The same blocks are scored that training dealt, whatever the clock of what is judged."""
    span = [YEARS[0] * 12, YEARS[-1] * 12 + 11]
    space = {"cells": 1, "folds": 5, "validation_share": 0.2}
    experiment = experiment_on(
        cube,
        split={"train": span, "validation": [2003 * 12 + 9, 2004 * 12 + 1], "space": space},
        training={"steps": 1, "batch": 1, "accelerator": "cpu"},
    )
    card = load_card(train(experiment, tmp_path / "run"))
    found = held_out_blocks({"checkpoint": {"card": card.to_dict()}}, Labels(cube, LAND))
    np.testing.assert_array_equal(found, prepare(experiment).regions[0].masks.test)


def test_what_the_forcing_asks_is_met_in_january(checkpoint: Path, cube: Cube) -> None:
    """Closed books: land use honours the coarse demand of its year, leaf area is left alone."""
    stepper, initial, _ = open_model(
        checkpoint, cube, (START, *PATH), tiling=Tiling(16, 4), decision="faithful"
    )
    assert stepper.name == "model, faithful"
    demand = demand_of(cube, LAND)
    *_, december, january = rollout(stepper, initial, PATH[:2])
    assert january.reference is not None
    asked = demand.change(
        january.reference,
        2004,
        FINE.window,
        demand.coding.positions(january[LAND.name].values),
    )
    assert not asked.any(), "nothing is left to ask for"
    before = demand.coding.positions(december[LAND.name].values)
    assert demand.change(january.reference, 2004, FINE.window, before).any()


def test_it_does_not_run_backward(opened: tuple[PredictorStepper, State, Card]) -> None:
    stepper, initial, _ = opened
    with pytest.raises(SampleError, match=r"(?s)own predictions.*found: backward"):
        rollout(stepper, initial, (START - 1, START - 2))
