"""Cut as you like: a rollout has the same bytes in one piece, in many, in any order, by anybody."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai4land.cube import Cube, State
from ai4land.grid import Grid, Mesh, Window
from ai4land.rollout import (
    AllocationStepper,
    Faithful,
    Likely,
    Moved,
    Persistence,
    PredictorStepper,
    Sampled,
    Stepper,
    Tiling,
    demand_of,
    observed_state,
    rollout,
    shuffled,
    step,
)
from ai4land.samples import Labels
from ai4land.vocabulary import LAND_USE, LUH2_STATES, Clock, variable
from network_inputs import lively_predictor
from tiny_cubes import LANDUSE8 as LEGEND
from tiny_cubes import GroupSpec, VariableSpec, fractions, land_maps, luh2_like, write_cube
from tiny_rollouts import LAND, assembler_of

START, PATH = 2005, (2006, 2007, 2008)
EARTHS = {
    # the whole globe: pieces meet at the date line and end at the poles
    "globe": (Grid.regular(-180, 90, 9, 9, (20, 40)), Grid.regular(-180, 90, 36, 36, (5, 10))),
    # cells that reach around the seam of the map
    "seam": (
        Grid.regular(-180, 90, 9, 9, (20, 40)),
        Grid.regular(-198, 90, 36, 36, (5, 10)),
    ),
    # a region across the date line, and pixels that do not fill cells
    "odd": (
        Grid.regular(170, 60, "1.3", "1.3", (21, 33)),
        Grid.regular(-180, 90, 9, 9, (20, 40)),
    ),
    # pixels that do not close around the globe, and a cell that holds both their ends
    "nearly global": (
        Grid.regular(-180, 90, 9, 9, (20, 39)),
        Grid.regular(-198, 90, 36, 18, (10, 10)),
    ),
}
Make = Callable[[Cube], Stepper]


def model(
    cube: Cube,
    forcing: str = "land_use_fractions",
    feedback: str = "classes",
    decision: Likely | Faithful | Sampled | None = None,
    history: int = 1,
    batch: int = 1,
) -> PredictorStepper:
    assembler = assembler_of(cube, (forcing,), ("slope",), history)
    return PredictorStepper(
        lively_predictor(assembler.spec),
        assembler,
        tiling=Tiling(16, 4, batch),
        decision=decision or Likely(0.8, 0.8, balanced=True),
        feedback=feedback,
    )


def rule(cube: Cube, name: str, forcing: str) -> AllocationStepper:
    return AllocationStepper(name, demand_of(cube, LAND, (forcing,)), seed=4)


STEPPERS: dict[str, Make] = {
    "persistence": lambda cube: Persistence(LAND_USE, cube.grid("land_use")),
    "kernel": functools.partial(rule, name="kernel", forcing="land_use_fractions"),
    "random": functools.partial(rule, name="random", forcing="luh2_states"),
    "balanced": model,
    "balanced, other classes": functools.partial(model, forcing="luh2_states"),
    "probabilities fed back": functools.partial(model, feedback="probabilities"),
    "faithful": functools.partial(model, decision=Faithful(0.7, 0.7, balanced=True)),
    "sampled": functools.partial(model, decision=Sampled(seed=3, reach=1.5, balanced=True)),
    "in batches": functools.partial(model, batch=3),
}


@pytest.fixture(scope="module", params=EARTHS)
def earth(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Cube:
    fine, coarse = EARTHS[request.param]
    years = (2004, START, *PATH)
    maps = land_maps(years, fine.shape)
    group = functools.partial(GroupSpec, clock=Clock.YEAR, ticks=years)
    slope = np.random.default_rng(0).random(fine.shape).astype(np.float32)
    groups = [
        group("fine", fine, variables=(VariableSpec(variable("land_use"), LEGEND),)),
        group(
            "coarse",
            coarse,
            variables=(
                VariableSpec(variable("land_use_fractions"), LEGEND),
                VariableSpec(variable("luh2_states")),
            ),
        ),
        GroupSpec("static", fine, Clock.STATIC, (), (VariableSpec(variable("slope")),)),
    ]
    values = {
        "land_use": maps,
        "land_use_fractions": fractions(maps, fine, coarse),
        "luh2_states": luh2_like(maps, fine, coarse),
        "slope": slope,
    }
    assert len(LUH2_STATES) == 12
    return write_cube(tmp_path_factory.mktemp(request.param) / "c.zarr", groups, values)


def start(cube: Cube) -> State:
    return observed_state(cube, LAND_USE, START, past=(2004,))


def same(one: State, two: State) -> None:
    a, b = one["land_use"], two["land_use"]
    np.testing.assert_array_equal(a.values, b.values)
    if a.probabilities is not None and b.probabilities is not None:
        np.testing.assert_array_equal(a.probabilities, b.probabilities)


@functools.cache
def whole(cube: Cube, name: str) -> tuple[State, ...]:
    """The rollout in one piece."""
    return tuple(rollout(STEPPERS[name](cube), start(cube), PATH))


@pytest.mark.parametrize("name", STEPPERS)
@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([1, 40, 150]))
@settings(
    derandomize=True,
    deadline=None,
    max_examples=2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_pieces_in_any_order(earth: Cube, name: str, seed: int, most: int) -> None:
    stepper = STEPPERS[name](earth)
    state, rng = stepper.begin(start(earth)), np.random.default_rng(seed)
    for tick, expected in zip(PATH, whole(earth, name)[1:], strict=True):
        pieces = stepper.mesh.pieces(most)
        assert len(pieces) > 4
        state = step(stepper, state, tick, [pieces[i] for i in rng.permutation(len(pieces))])
        same(state, expected)


def some_pieces(
    make: str, path: Path, state: State, tick: int, pieces: Sequence[Window]
) -> list[dict[str, Moved]]:
    """What another process makes of some pieces, with a stepper of its own."""
    stepper = STEPPERS[make](Cube(path))
    return [stepper.step_piece(state, tick, piece) for piece in pieces]


class _Given(Persistence):
    """Hands out pieces that were computed elsewhere."""

    def __init__(self, inner: Stepper, found: dict[Window, dict[str, Moved]]) -> None:
        super().__init__(LAND_USE, inner.mesh.fine)
        self.found, self.history = found, inner.history
        self._mesh: Mesh = inner.mesh

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        return self.found[piece]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kernel", "random", "balanced, other classes", "faithful"])
def test_two_processes(earth: Cube, name: str, pool: ProcessPoolExecutor) -> None:
    stepper = STEPPERS[name](earth)
    state = stepper.begin(start(earth))
    for tick, expected in zip(PATH, whole(earth, name)[1:], strict=True):
        pieces = stepper.mesh.pieces(100)
        halves = [pieces[::2], pieces[1::2]]
        run = functools.partial(some_pieces, name, earth.path, state, tick)
        found = {
            piece: moved
            for half, part in zip(halves, pool.map(run, halves), strict=True)
            for piece, moved in zip(half, part, strict=True)
        }
        state = step(_Given(stepper, found), state, tick, pieces)
        same(state, expected)


def test_the_shuffled_twin_in_any_window(earth: Cube) -> None:
    """Dealt anew when it is read: every window shows the same deal."""
    stepper = STEPPERS["kernel"](earth)
    assert isinstance(stepper, AllocationStepper)
    labels = Labels(earth, LAND)
    dealt = list(shuffled(whole(earth, "kernel"), labels, stepper.mesh, seed=3))
    fine = earth.grid("land_use")
    for state, plain in zip(dealt[1:], whole(earth, "kernel")[1:], strict=True):
        every = state["land_use"].values
        assert (every != plain["land_use"].values).any()
        for window in (Window(3, 5, 9, 17), Window(-2, -4, 12, 20), Window(20, 30, 40, 60)):
            found = state["land_use"].read(window)
            for part in fine.pieces(window):
                np.testing.assert_array_equal(found[part.target], every[part.source])


def test_a_cut_cube_steps_as_the_whole_one(earth: Cube) -> None:
    """Draws and cells belong to the globe: random places in a part are those of the whole."""
    stepper = STEPPERS["random"](earth)
    piece = stepper.mesh.pieces(120)[5]
    if piece.col + piece.width > stepper.mesh.fine.width:
        pytest.skip("a cube is not cut across its own seam")
    cut = earth.within(stepper.mesh.fine.crop(piece))
    found = step(STEPPERS["random"](cut), start(cut), PATH[0])["land_use"].values
    np.testing.assert_array_equal(found, whole(earth, "random")[1]["land_use"].values[piece.slices])
