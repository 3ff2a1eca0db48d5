"""What the coarse forcing asks for, in whole pixels, and maps that honour it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.allocation import CoarseCells
from ai4land.cube import Cube, GroupSpec, State, VariableSpec
from ai4land.errors import ConfigError, VocabularyError
from ai4land.grid import Grid
from ai4land.rollout import (
    AllocationStepper,
    Faithful,
    PredictorStepper,
    Tiling,
    observed_state,
    rollout,
    step,
)
from ai4land.samples import CubeDrivers, Demand
from ai4land.vocabulary import LAND_USE, LUH2_STATES, NO_DATA, Clock, legend, variable
from network_inputs import lively_predictor
from tiny_cubes import COARSE, FINE, LANDUSE8, land_maps, write_cube, write_labels
from tiny_rollouts import LAND, assembler_of

CELL = Grid.regular(0, 10, 0.1, 0.1, (10, 10))
WHOLE = CELL.coarsen(10, 10)
URBAN, CROP, PASTURE, FOREST, NON_FOREST = range(5)  # groups that LUH2 and landuse8 share


def one_cell(
    path: Path, land: npt.NDArray[np.uint8], states: Mapping[int, dict[str, float]]
) -> Cube:
    """One coarse cell of 10 × 10 pixels under LUH2 states; the map never changes."""
    ticks = tuple(states)
    values: dict[int, npt.NDArray[Any]] = {}
    for tick, given in states.items():
        layers = np.zeros((12, 1, 1), np.float32)
        for name, share in given.items():
            layers[LUH2_STATES.index(name)] = share
        values[tick] = layers
    groups = [
        GroupSpec("fine", CELL, Clock.YEAR, ticks, (VariableSpec(variable("land_use"), LANDUSE8),)),
        GroupSpec("coarse", WHOLE, Clock.YEAR, ticks, (VariableSpec(variable("luh2_states")),)),
    ]
    return write_cube(path, groups, {"land_use": dict.fromkeys(ticks, land), "luh2_states": values})


def landscape(sea: int = 0) -> npt.NDArray[np.uint8]:
    """50 forest, 30 cropland, 10 grass and 10 water pixels; some of the forest may be sea."""
    codes = np.repeat(np.array([4, 2, 5, 7], np.uint8), [50, 30, 10, 10])
    codes[:sea] = 0
    return codes.reshape(10, 10)


@dataclass
class Asking:
    """A demand on the whole map of a cube, counted from one of its times."""

    demand: Demand
    state: State

    @cached_property
    def cells(self) -> CoarseCells:
        return CoarseCells.of(self.demand.mesh.fine, self.demand.mesh.coarse)

    def positions(self, state: State) -> npt.NDArray[np.uint8]:
        return self.demand.coding.positions(state["land_use"].values)

    def counts(self, state: State) -> npt.NDArray[np.int32]:
        return self.demand.counts(self.positions(state), self.cells)

    def bound_pixels(self, state: State) -> npt.NDArray[np.int32]:
        return np.asarray(self.counts(state).sum(axis=0))

    def wanted(self, tick: int, pixels: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        assert self.state.reference is not None
        coarse = self.demand.mesh.coarse.window
        return self.demand.wanted(self.state.reference, tick, coarse, pixels)

    def change(self, state: State, tick: int) -> npt.NDArray[np.int32]:
        assert self.state.reference is not None
        whole = self.demand.mesh.fine.window
        return self.demand.change(self.state.reference, tick, whole, self.positions(state))


def demand_of(cube: Cube, forcing: str, tick: int) -> tuple[Asking, State]:
    legend = cube.variable("land_use").legend
    assert legend is not None
    demand = Demand(CubeDrivers(cube, cube.grid("land_use")), LAND, legend, forcing)
    state = observed_state(cube, LAND_USE, tick)
    state = replace(state, reference=demand.reference(state))
    return Asking(demand, state), state


def test_luh2_asks_for_what_changed(tmp_path: Path) -> None:
    """Forest loses 7 %, two kinds of cropland gain it; the disagreement at the start is kept."""
    states = {
        2000: {"secdf": 0.3, "primf": 0.1, "secdn": 0.2, "c3ann": 0.3, "pastr": 0.1},
        2001: {
            "secdf": 0.23,
            "primf": 0.1,
            "secdn": 0.2,
            "c3ann": 0.35,
            "c4ann": 0.02,
            "range": 0.1,
        },
    }
    cube = one_cell(tmp_path / "c.zarr", landscape(), states)
    demand, state = demand_of(cube, "luh2_states", 2000)
    assert demand.counts(state)[:, 0].tolist() == [0, 30, 0, 50, 10]
    pixels = demand.bound_pixels(state)
    assert pixels.tolist() == [90], "water is not bound"
    assert demand.wanted(2000, pixels)[:, 0].tolist() == [0, 30, 0, 50, 10]
    assert demand.wanted(2001, pixels)[:, 0].tolist() == [0, 37, 0, 43, 10]
    assert demand.change(state, 2001)[:, 0].tolist() == [0, 7, 0, -7, 0]
    assert not demand.change(state, 2000).any()


def test_shares_of_the_cell_count_its_sea(tmp_path: Path) -> None:
    states = {2000: {"secdf": 0.3, "c3ann": 0.3}, 2001: {"secdf": 0.2, "c3ann": 0.4}}
    cube = one_cell(tmp_path / "c.zarr", landscape(sea=20), states)
    demand, state = demand_of(cube, "luh2_states", 2000)
    # a tenth of a cell of 100 pixels, 20 of them sea
    assert demand.change(state, 2001)[:, 0].tolist() == [0, 10, 0, -10, 0]


def test_small_changes_add_up(tmp_path: Path) -> None:
    """0.4 pixels a year are one pixel after two years and two after five, in small steps too."""
    states = {
        y: {"secdf": 0.5 - 0.004 * (y - 2000), "c3ann": 0.3 + 0.004 * (y - 2000)}
        for y in range(2000, 2006)
    }
    cube = one_cell(tmp_path / "c.zarr", landscape(), states)
    demand, state = demand_of(cube, "luh2_states", 2000)
    stepper = AllocationStepper("kernel", demand.demand)
    crops = [
        int((s["land_use"].values == 2).sum())
        for s in rollout(stepper, state, (2001, 2002, 2003, 2004, 2005))
    ]
    assert crops == [30, 30, 31, 31, 32, 32]


def test_a_demand_for_less_than_nothing_is_cut(tmp_path: Path) -> None:
    """Cropland that LUH2 loses but the map does not have is not owed."""
    states = {2000: {"c3ann": 0.6, "secdf": 0.1}, 2001: {"c3ann": 0.2, "secdf": 0.5}}
    cube = one_cell(tmp_path / "c.zarr", landscape(), states)
    demand, _ = demand_of(cube, "luh2_states", 2000)
    wanted = demand.wanted(2001, np.array([90]))[:, 0]
    assert wanted.sum() == 90
    # asked: crop 30 − 40 → 0, forest 50 + 40 = 90, grass 10; scaled to the 90 there are
    assert wanted.tolist() == [0, 0, 0, 81, 9]


def test_fractions_of_the_labels_are_shares_of_the_land(tmp_path: Path) -> None:
    before, after = landscape(sea=20), landscape(sea=20)
    after.flat[20:28] = 2
    cube = write_labels(tmp_path / "c.zarr", {2000: before, 2001: after}, CELL, WHOLE)
    demand, state = demand_of(cube, "land_use_fractions", 2000)
    assert demand.demand.groups == tuple((i,) for i in range(1, 8)), (
        "all classes but the sea are bound"
    )
    assert demand.change(state, 2001)[:, 0].tolist() == [0, 8, 0, -8, 0, 0, 0]


@pytest.mark.parametrize("tick", [2000, 2009, 2011])
def test_fractions_of_the_labels_ask_for_the_labels(tiny_cube: Cube, tick: int) -> None:
    """Perfect forcing: what is asked of the map of 2005 is the counts of the true map."""
    demand, state = demand_of(tiny_cube, "land_use_fractions", 2005)
    wanted = demand.wanted(tick, demand.bound_pixels(state))
    counts = demand.counts(observed_state(tiny_cube, LAND_USE, tick))
    assert np.abs(wanted - counts).max() <= 1
    # rows of a cell differ in area by a fraction of a per cent: hardly any cell is off
    assert (wanted != counts).mean() < 0.05


def closed(cube: Cube, forcing: str) -> tuple[PredictorStepper, Asking]:
    assembler = assembler_of(cube, (forcing,), ("slope",))
    demand, _ = demand_of(cube, forcing, 2005)
    stepper = PredictorStepper(
        lively_predictor(assembler.spec),
        assembler,
        tiling=Tiling(48, 8),
        decision=Faithful(),
        demand=demand.demand,
    )
    assert stepper.name == "model, faithful"
    return stepper, demand


@pytest.mark.parametrize("ticks", [(2006, 2008, 2011), (2004, 2000)], ids=["forward", "backward"])
def test_books_close_to_one_pixel(tiny_cube: Cube, ticks: tuple[int, ...]) -> None:
    stepper, demand = closed(tiny_cube, "land_use_fractions")
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    reference = demand.counts(initial).astype(float)
    land = reference.sum(axis=0)
    shares = {t: tiny_cube.read("land_use_fractions", t).reshape(8, -1)[1:] for t in (2005, *ticks)}
    open_gap = 0.0
    for state in list(rollout(stepper, initial, ticks))[1:]:
        asked = reference + land * (shares[state.tick] - shares[2005])
        found = demand.counts(state)
        assert np.abs(found - asked).max() <= 1.0 + 1e-3
        np.testing.assert_array_equal(found.sum(axis=0), land)
        likely = most_likely(state)
        open_gap = max(open_gap, np.abs(demand.counts(likely) - asked).max())
    assert open_gap > 5, "the network alone does not close them"


def most_likely(state: State) -> State:
    """The state as the probabilities alone would have it; codes are positions in this legend."""
    field = state["land_use"]
    assert field.probabilities is not None
    likely = field.replaced(field.probabilities.argmax(axis=0).astype(np.uint8))
    return replace(state, fields={"land_use": likely})


def test_closing_moves_few_pixels_of_low_confidence(tiny_cube: Cube) -> None:
    stepper, demand = closed(tiny_cube, "land_use_fractions")
    after = step(stepper, observed_state(tiny_cube, LAND_USE, 2005), 2006)
    state = after["land_use"]
    assert state.probabilities is not None
    likely = state.probabilities.argmax(axis=0)
    moved = (state.values != likely) & (likely > 0)
    surplus = np.maximum(demand.counts(most_likely(after)) - demand.counts(after), 0).sum()
    assert moved.sum() >= surplus > 0
    assert moved.sum() <= 1.5 * surplus, "hardly more pixels move than must"
    gap = np.sort(state.probabilities, axis=0)
    doubt = gap[-1] - gap[-2]
    assert doubt[moved].mean() < doubt[~moved & (likely > 0)].mean()


def test_books_need_a_demand(tiny_cube: Cube) -> None:
    free = assembler_of(tiny_cube, ())
    with pytest.raises(ConfigError, match=r"(?s)what the coarse forcing asks for"):
        PredictorStepper(lively_predictor(free.spec), free, decision=Faithful())


@pytest.mark.parametrize("rule", ["kernel", "random"])
@pytest.mark.parametrize("forcing", ["land_use_fractions", "luh2_states"])
def test_allocation_meets_the_demand(tiny_cube: Cube, rule: str, forcing: str) -> None:
    demand, initial = demand_of(tiny_cube, forcing, 2005)
    stepper = AllocationStepper(rule, demand.demand, seed=1)
    assert stepper.name == rule
    for ticks in ((2006, 2009, 2011), (2004, 2000)):
        for state in list(rollout(stepper, initial, ticks))[1:]:
            wanted = demand.wanted(state.tick, demand.bound_pixels(state))
            np.testing.assert_array_equal(demand.counts(state), wanted)


def test_the_kernel_places_better_than_chance(tiny_cube: Cube) -> None:
    demand, initial = demand_of(tiny_cube, "land_use_fractions", 2005)
    truth = land_maps()[2007]
    hits = {}
    for rule in ("kernel", "random"):
        found = step(AllocationStepper(rule, demand.demand), initial, 2007)["land_use"].values
        changed = truth != initial["land_use"].values
        hits[rule] = int((changed & (found == truth)).sum())
    assert hits["kernel"] > hits["random"] > 0


def test_without_a_crosswalk_nothing_can_be_asked(tmp_path: Path) -> None:
    maps = {y: np.full(CELL.shape, 15, np.uint8) for y in (2000, 2001)}
    brazil = legend("mapbiomas_v2_3")
    states = {y: np.full((12, 1, 1), 1 / 12, np.float32) for y in (2000, 2001)}
    groups = [
        GroupSpec(
            "fine", CELL, Clock.YEAR, (2000, 2001), (VariableSpec(variable("land_use"), brazil),)
        ),
        GroupSpec(
            "coarse", WHOLE, Clock.YEAR, (2000, 2001), (VariableSpec(variable("luh2_states")),)
        ),
    ]
    cube = write_cube(tmp_path / "c.zarr", groups, {"land_use": maps, "luh2_states": states})
    with pytest.raises(VocabularyError, match=r"(?s)No crosswalk.*luh2_states → mapbiomas_v2_3"):
        demand_of(cube, "luh2_states", 2000)


def test_pixels_outside_the_coarse_grid_are_free(tmp_path: Path) -> None:
    small = Grid.regular(10.0, 50.0, 0.4, 0.4, (5, 4))
    maps = land_maps((2000, 2001, 2005))
    cube = write_labels(tmp_path / "c.zarr", maps, FINE, small)
    demand, state = demand_of(cube, "land_use_fractions", 2000)
    after = step(AllocationStepper("kernel", demand.demand), state, 2005)["land_use"].values
    np.testing.assert_array_equal(after[:, 32:], maps[2000][:, 32:])
    assert (after[:, :32] != maps[2000][:, :32]).any()
    assert demand.counts(state).shape == (7, 20)
    assert COARSE.width == 6
    assert NO_DATA in after
