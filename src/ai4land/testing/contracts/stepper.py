"""The contract that every stepper keeps; one is done when its tests inherit this suite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import Cube, CubeSpec, CubeWriter, Field, GroupSpec, State, Status, VariableSpec
from ai4land.rollout import Stepper, rollout, save_rollout, step
from ai4land.vocabulary import NO_DATA, VARIABLES, Kind

__all__ = ["StepperContract"]


class StepperContract:
    """Inherit it and override the fixtures ``stepper``, ``initial`` and ``journeys``."""

    @pytest.fixture
    def stepper(self) -> Stepper:
        """The stepper, with drivers for all journeys."""
        raise NotImplementedError

    @pytest.fixture
    def initial(self) -> State:
        """A state with land, sea (if its legend has any) and missing pixels."""
        raise NotImplementedError

    @pytest.fixture
    def journeys(self) -> list[tuple[int, ...]]:
        """Ticks to visit from ``initial``, one journey per direction that the stepper serves."""
        raise NotImplementedError

    def test_it_is_a_stepper(self, stepper: Stepper, initial: State) -> None:
        """It has a name and a task, and the state holds the task's target."""
        assert isinstance(stepper, Stepper)
        assert stepper.name
        assert _target(stepper) in initial.fields
        assert initial.clock is stepper.task.clock
        domain = _domain(initial[_target(stepper)])
        assert domain.any()
        assert not domain.all(), "a contract without sea or missing pixels proves little"

    def test_both_directions_are_tried(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]]
    ) -> None:
        """Each direction in which the task recurses has a journey of several steps."""
        signs = {journey[-1] > initial.tick for journey in journeys if len(journey) > 1}
        assert signs == {direction.sign > 0 for direction in stepper.task.recursive}

    def test_the_clock_runs(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]]
    ) -> None:
        """A step ends at the tick asked for, on the same clock and grid, as a prediction."""
        before = initial[_target(stepper)]
        for journey in journeys:
            for tick in journey:
                state = step(stepper, initial, tick)
                after = state[_target(stepper)]
                assert state.tick == tick
                assert state.clock is initial.clock
                assert state.status is Status.PREDICTED
                assert after.grid == before.grid
                assert after.variable == before.variable
                assert after.legend == before.legend
                assert after.values.dtype == before.values.dtype

    def test_sea_and_missing_pixels_stay(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]]
    ) -> None:
        """What is not land, or not known, comes back as it went in."""
        before = initial[_target(stepper)]
        outside = ~_domain(before)
        for journey in journeys:
            for state in rollout(stepper, initial, journey):
                after = state[_target(stepper)].values
                np.testing.assert_array_equal(after[..., outside], before.values[..., outside])

    def test_land_stays_land(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]]
    ) -> None:
        """Land becomes neither sea nor unknown, and numbers stay within their bounds."""
        land = _domain(initial[_target(stepper)])
        for journey in journeys:
            for state in rollout(stepper, initial, journey):
                after = state[_target(stepper)]
                np.testing.assert_array_equal(_domain(after), land)
                low, high = VARIABLES[after.variable.name].bounds
                if after.variable.kind is not Kind.CATEGORICAL:
                    assert low is None or after.values[..., land].min() >= low
                    assert high is None or after.values[..., land].max() <= high

    def test_probabilities_are_probabilities(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]]
    ) -> None:
        """Where a stepper tells its belief, it sums to 1 on land, and none of it is sea's."""
        for journey in journeys:
            field = step(stepper, initial, journey[0])[_target(stepper)]
            if field.probabilities is None or field.legend is None:
                continue
            land = _domain(field)
            assert field.probabilities.dtype == np.float32
            assert field.probabilities.min() >= 0.0
            sums = field.probabilities[:, land].sum(axis=0)
            np.testing.assert_allclose(sums, 1.0, atol=1e-5)
            sea = [i for i, code in enumerate(field.legend.codes) if code in field.legend.sea]
            assert not field.probabilities[sea][:, land].any()

    def test_the_state_is_not_changed(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]]
    ) -> None:
        """A state may be stepped from again: no array of it is written to."""
        field = initial[_target(stepper)]
        copy = field.values.copy()
        for journey in journeys:
            assert next(rollout(stepper, initial, journey)).fields == initial.fields
            first = step(stepper, initial, journey[0])
            kept = first[_target(stepper)].values.copy()
            for tick in journey[1:]:
                step(stepper, first, tick)
            np.testing.assert_array_equal(first[_target(stepper)].values, kept)
        np.testing.assert_array_equal(field.values, copy)
        assert initial[_target(stepper)] is field

    def test_the_same_question_has_the_same_answer(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]]
    ) -> None:
        """Nothing is remembered between calls: other steps in between change no answer."""
        answers = [step(stepper, initial, journey[0]) for journey in journeys]
        again = [step(stepper, initial, journey[0]) for journey in reversed(journeys)][::-1]
        for one, two in zip(answers, again, strict=True):
            _same(one[_target(stepper)], two[_target(stepper)])

    def test_a_rollout_is_step_after_step(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]]
    ) -> None:
        """A rollout yields what stepping by hand gives, the initial state first."""
        for journey in journeys:
            states = list(rollout(stepper, initial, journey))
            assert [s.tick for s in states] == [initial.tick, *journey]
            by_hand = initial
            for state, tick in zip(states[1:], journey, strict=True):
                by_hand = step(stepper, by_hand, tick)
                _same(state[_target(stepper)], by_hand[_target(stepper)])

    def test_a_saved_run_is_one_in_memory(
        self, stepper: Stepper, initial: State, journeys: list[tuple[int, ...]], tmp_path: Path
    ) -> None:
        """The store hands on what memory would: beliefs, if the stepper says that it reads them."""
        like, task = _written(stepper, initial, tmp_path / "like.zarr"), stepper.task
        for n, journey in enumerate(journeys):
            path = tmp_path / f"{n}.zarr"
            found = save_rollout(stepper, initial, journey, path, like=like, attributes={})
            for state in rollout(stepper, initial, journey):
                for target in task.targets:
                    saved = found.read(target.name, task.clock.convert(state.tick, target.clock))
                    np.testing.assert_array_equal(saved, state[target.name].values)


def _written(stepper: Stepper, state: State, path: Path) -> Cube:
    """A cube of the state alone."""
    task = stepper.task
    groups = tuple(
        GroupSpec(
            f"of_{target.name}",
            state[target.name].grid,
            target.clock,
            (task.clock.convert(state.tick, target.clock),),
            (VariableSpec(state[target.name].variable, state[target.name].legend),),
        )
        for target in task.targets
    )
    writer = CubeWriter(path, CubeSpec(groups, {}))
    for block in writer.pending():
        values = state[block.variable].read(block.window)
        writer.write(block, values[np.newaxis], {block.ticks[0]: state.status})
    writer.finish()
    return Cube(path)


def _target(stepper: Stepper) -> str:
    """The first thing it predicts, by which it is judged here."""
    return stepper.task.targets[0].name


def _domain(field: Field) -> npt.NDArray[np.bool_]:
    """Where a field is known and not sea, ``(y, x)``."""
    if field.legend is None:
        return field.known
    return np.asarray(~np.isin(field.values, [NO_DATA, *field.legend.sea]))


def _same(one: Field, two: Field) -> None:
    np.testing.assert_array_equal(one.values, two.values)
    assert (one.probabilities is None) == (two.probabilities is None)
    if one.probabilities is not None and two.probabilities is not None:
        np.testing.assert_array_equal(one.probabilities, two.probabilities)
