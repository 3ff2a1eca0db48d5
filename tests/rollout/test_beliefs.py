"""What a saved run hands from step to step: beliefs where the stepper reads them, or values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai4land.cube import Cube, State
from ai4land.errors import ConfigError
from ai4land.grid import Window
from ai4land.rollout import (
    Moved,
    Persistence,
    PredictorStepper,
    Stepper,
    Tiling,
    observed_state,
    rollout,
    save_rollout,
)
from ai4land.testing.contracts.stepper import StepperContract
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_predictor
from tiny_cubes import CROPLAND, FINE, GRASS, LANDUSE8, LEAF_AREA, write_leaf_cube
from tiny_rollouts import assembler_of

MONTHS = tuple(range(24008, 24016))


class Doubting(Persistence):
    """Believes nothing at first; where it was told what it believed before, grass is sown."""

    name = "doubting"
    reads_probabilities = True

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        field = state["land_use"]
        codes = field.read(piece)
        land = np.array([code not in LANDUSE8.sea for code in LANDUSE8.codes], np.float32)
        said = np.tile((land / land.sum())[:, None, None], (1, *piece.shape))
        if field.belief is not None:
            codes = np.where(codes == GRASS, np.uint8(CROPLAND), codes)
        return {"land_use": Moved(codes, said)}


class TestDoubting(StepperContract):
    """Not told of its belief, the store would hand on none and the grass would stay."""

    @pytest.fixture
    def stepper(self) -> Stepper:
        return Doubting(LAND_USE, FINE)

    @pytest.fixture
    def initial(self, tiny_cube: Cube) -> State:
        return observed_state(tiny_cube, LAND_USE, 2005)

    @pytest.fixture
    def journeys(self) -> list[tuple[int, ...]]:
        return [(2006, 2007), (2004, 2003)]

    def test_a_belief_makes_a_difference(self, stepper: Stepper, initial: State) -> None:
        _, first, second = rollout(stepper, initial, (2006, 2007))
        assert (first["land_use"].values != second["land_use"].values).any()


class Silent(Doubting):
    """Reads beliefs but does not say so."""

    reads_probabilities = False


def test_who_reads_beliefs_must_say_so(tiny_cube: Cube, tmp_path: Path) -> None:
    start = observed_state(tiny_cube, LAND_USE, 2005)
    check = StepperContract().test_a_saved_run_is_one_in_memory
    check(Doubting(LAND_USE, FINE), start, [(2006, 2007)], tmp_path / "one")
    with pytest.raises(AssertionError):
        check(Silent(LAND_USE, FINE), start, [(2006, 2007)], tmp_path / "two")


class TestNumbersAlone(StepperContract):
    """A model told to feed back probabilities, which numbers do not have."""

    @pytest.fixture(scope="class")
    def leaf_cube(self, tmp_path_factory: pytest.TempPathFactory) -> Cube:
        return write_leaf_cube(tmp_path_factory.mktemp("leaf") / "cube.zarr", MONTHS)

    @pytest.fixture
    def stepper(self, leaf_cube: Cube) -> Stepper:
        assembler = assembler_of(leaf_cube, ("population_density",), task=LEAF_AREA)
        return PredictorStepper(
            lively_predictor(assembler.spec),
            assembler,
            tiling=Tiling(24, 8),
            feedback="probabilities",
        )

    @pytest.fixture
    def initial(self, leaf_cube: Cube) -> State:
        return observed_state(leaf_cube, LEAF_AREA, MONTHS[0])

    @pytest.fixture
    def journeys(self) -> list[tuple[int, ...]]:
        return [MONTHS[1:4]]

    def test_it_is_saved_unless_probabilities_are_asked_for(
        self, stepper: Stepper, initial: State, leaf_cube: Cube, tmp_path: Path
    ) -> None:
        more: dict[str, Any] = {"like": leaf_cube, "attributes": {}}
        found = save_rollout(stepper, initial, MONTHS[1:3], tmp_path / "p.zarr", **more)
        assert found.variables == ("leaf_area_index",)
        with pytest.raises(ConfigError, match="no probabilities to keep"):
            save_rollout(
                *(stepper, initial, MONTHS[1:3], tmp_path / "q.zarr"), probabilities=True, **more
            )
