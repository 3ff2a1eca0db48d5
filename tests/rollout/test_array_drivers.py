"""A run on arrays that a program hands over is the run on the cube, from many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from ai4land.cube import Cube, Field, State
from ai4land.errors import CheckpointError, SampleError
from ai4land.rollout import (
    AllocationStepper,
    Faithful,
    Likely,
    PredictorStepper,
    Tiling,
    cube_assembler,
    demand_of,
    observed_state,
    rollout,
)
from ai4land.samples import (
    ArrayDrivers,
    Assembler,
    CachedDrivers,
    CubeDrivers,
    DriverArray,
    input_spec,
)
from ai4land.vocabulary import LAND_USE, Clock
from network_inputs import lively_predictor
from tiny_cubes import FINE

PATH = (2006, 2007, 2008)
THREADS = 8


def arrays_of(cube: Cube, names: tuple[str, ...]) -> list[DriverArray]:
    """The values of a cube as a program would hold them."""
    drivers = CubeDrivers(cube, FINE)
    arrays = []
    for name in names:
        about = drivers.describe(name)
        ticks = (0,) if about.clock is Clock.STATIC else about.ticks
        values = {t: drivers.cells(name, t, about.grid.window).copy() for t in ticks}
        arrays.append(DriverArray(about, values))
    return arrays


def test_arrays_on_another_grid_are_refused(tiny_cube: Cube) -> None:
    spec = input_spec(tiny_cube, CubeDrivers(tiny_cube, FINE), LAND_USE, ("land_use_fractions",))
    shifted = replace(FINE, west=FINE.west + 20 * FINE.dx)
    elsewhere = ArrayDrivers(shifted, arrays_of(tiny_cube, ("land_use_fractions",)))
    with pytest.raises(CheckpointError, match=r"(?s)another grid.*expected.*found.*remedy"):
        cube_assembler(tiny_cube, LAND_USE, spec, elsewhere)


@pytest.mark.parametrize("gap", [2005, 2007])
def test_a_cell_that_loses_its_forcing_is_refused(tiny_cube: Cube, gap: int) -> None:
    """Missing at all times, nothing is asked of it; missing at one, what is asked is unknown."""
    (array,) = arrays_of(tiny_cube, ("land_use_fractions",))
    hole = {t: v.copy() for t, v in array.values.items()}
    hole[gap][:, 2, 3] = np.nan
    broken = ArrayDrivers(FINE, [replace(array, values=hole)])
    demand = demand_of(tiny_cube, LAND_USE.targets[0], drivers=broken)
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    with pytest.raises(SampleError, match=r"(?s)land_use_fractions, row 2, column 3.*remedy"):
        list(rollout(AllocationStepper("kernel", demand), initial, PATH))
    for values in hole.values():
        values[:, 2, 3] = np.nan
    cells, down, across = demand.mesh.cells(FINE.window)
    there = np.ix_(down + cells.row == 2, across + cells.col == 3)
    assert there[0].size > 1
    before = initial["land_use"].values
    for state in rollout(AllocationStepper("kernel", demand), initial, PATH):
        after = state["land_use"].values
        np.testing.assert_array_equal(after[there], before[there])
    assert (after != before).any()


@pytest.mark.parametrize("forcing", ["land_use_fractions", "luh2_states"])
@pytest.mark.parametrize("closed", [False, True])
def test_eight_threads_on_one_predictor(tiny_cube: Cube, forcing: str, closed: bool) -> None:
    static = ("slope", "climate_zone")
    spec = input_spec(tiny_cube, CubeDrivers(tiny_cube, FINE), LAND_USE, (forcing,), static)
    from_cube = cube_assembler(tiny_cube, LAND_USE, spec)
    predictor = lively_predictor(spec)
    decision = Faithful() if closed else Likely(0.8, balanced=True)

    def stepper(assembler: Assembler) -> PredictorStepper:
        return PredictorStepper(predictor, assembler, tiling=Tiling(24, 8), decision=decision)

    observed = observed_state(tiny_cube, LAND_USE, 2005)
    expected = [s["land_use"] for s in rollout(stepper(from_cube), observed, PATH)]
    arrays = ArrayDrivers(FINE, arrays_of(tiny_cube, (forcing, *static)))
    shared = stepper(Assembler(spec, LAND_USE, CachedDrivers(arrays, 1 << 16), from_cube.codings))
    field = observed["land_use"]
    memory = Field.of(field.variable, field.grid, field.values, field.legend)
    initial = State(Clock.YEAR, 2005, {"land_use": memory})

    def run(_: int) -> list[Field]:
        return [s["land_use"] for s in rollout(shared, initial, PATH)]

    with ThreadPoolExecutor(THREADS) as pool:
        runs = list(pool.map(run, range(THREADS)))
    assert (expected[1].values != expected[0].values).any()
    for found in runs:
        for one, two in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.values, two.values)
            if one.probabilities is not None and two.probabilities is not None:
                np.testing.assert_array_equal(one.probabilities, two.probabilities)
