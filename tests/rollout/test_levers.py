"""What must not happen does not, and the change that is asked for goes elsewhere in its cell."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.transform import from_origin

from ai4land.cube import Cube
from ai4land.errors import ConfigError, VocabularyError
from ai4land.rollout import (
    AllocationStepper,
    Faithful,
    LeverOptions,
    Likely,
    PredictorStepper,
    Sampled,
    Stepper,
    Tiling,
    demand_of,
    observed_state,
    reconstruct_run,
    rollout,
    verify_run,
)
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_predictor
from scenario_runs import run_options
from tiny_cubes import CROPLAND, FINE, FOREST, LANDUSE8
from tiny_rollouts import LAND, assembler_of

YEARS = tuple(range(2001, 2008))


@pytest.fixture(scope="module")
def parks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every second row of pixels is protected; a column is missing and so is not."""
    path = tmp_path_factory.mktemp("parks") / "parks.tif"
    values = np.zeros(FINE.shape, np.uint8)
    values[::2] = 1
    values[:, 20] = 255
    place = from_origin(10.0, 50.0, 0.05, 0.05)
    about = {"driver": "GTiff", "count": 1, "dtype": "uint8", "nodata": 255, "crs": "EPSG:4326"}
    height, width = FINE.shape
    with rasterio.open(path, "w", height=height, width=width, transform=place, **about) as file:
        file.write(values, 1)
    return path


def kernel(cube: Cube, levers: LeverOptions) -> Stepper:
    stepper = AllocationStepper("kernel", demand_of(cube, LAND))
    return stepper.with_levers(levers.opened(FINE, LANDUSE8))


def network(cube: Cube, levers: LeverOptions, decision: Faithful | Likely | Sampled) -> Stepper:
    assembler = assembler_of(cube, static=("slope",))
    stepper = PredictorStepper(
        lively_predictor(assembler.spec),
        assembler,
        tiling=Tiling(24, 8),
        decision=decision,
        demand=demand_of(cube, LAND),
    )
    return stepper.with_levers(levers.opened(FINE, LANDUSE8))


DECISIONS = [None, Faithful(forward=0.3), Likely(forward=0.1, balanced=True), Sampled(seed=3)]


@pytest.mark.parametrize("decision", DECISIONS, ids=["kernel", "faithful", "likely", "sampled"])
def test_levers_are_honoured_to_the_pixel(
    tiny_cube: Cube, parks: Path, decision: Faithful | Likely | Sampled | None
) -> None:
    levers = LeverOptions(
        protected=str(parks), frozen=("grass_shrub",), forbidden=(("forest", "cropland"),)
    )

    def broken(said: LeverOptions) -> tuple[int, int, int, int]:
        """Pixels changed in parks, of a frozen class, in a forbidden way; and all changed."""
        stepper = (
            kernel(tiny_cube, said) if decision is None else network(tiny_cube, said, decision)
        )
        counts = np.zeros(4, int)
        states = list(rollout(stepper, observed_state(tiny_cube, LAND_USE, 2000), YEARS))
        park = np.zeros(FINE.shape, bool)
        park[::2] = True
        park[:, 20] = False
        for before, after in itertools.pairwise(states):
            one, two = before["land_use"].values, after["land_use"].values
            new = one != two
            counts += [
                np.count_nonzero(new & park),
                np.count_nonzero(new & ((one == 5) | (two == 5))),
                np.count_nonzero((one == FOREST) & (two == CROPLAND)),
                np.count_nonzero(new),
            ]
        return tuple(counts.tolist())

    free, held = broken(LeverOptions()), broken(levers)
    assert all(free), "without levers all of it happens"
    assert held[:3] == (0, 0, 0)
    assert held[3] > 0 or decision is None, "what is allowed still changes"


@pytest.mark.parametrize("decision", [None, Faithful()], ids=["kernel", "faithful"])
def test_what_is_asked_goes_to_the_other_pixels(
    tiny_cube: Cube, parks: Path, decision: Faithful | None
) -> None:
    """Half of each cell may change: where that is enough, the areas are as without levers."""
    demand = demand_of(tiny_cube, LAND)
    start = observed_state(tiny_cube, LAND_USE, 2000)
    reference = demand.reference(start)
    every = demand.mesh.coarse.window
    levers = LeverOptions(protected=str(parks))
    if decision is None:
        stepper = kernel(tiny_cube, levers)
    else:
        stepper = network(tiny_cube, levers, decision)
    (_, state) = list(rollout(stepper, start, (2001,)))
    cells = np.arange(30).reshape(5, 6).repeat(8, 0).repeat(8, 1)

    def held(codes: npt.NDArray[np.uint8], used: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        groups = [[LANDUSE8.codes[i] for i in group] for group in demand.groups]
        counts = [np.bincount(cells[np.isin(codes, g) & used], minlength=30) for g in groups]
        return np.stack(counts)

    free = np.ones(FINE.shape, bool)
    free[::2] = False
    free[:, 20] = True
    asked, whole = demand.asked(reference, 2001, every), np.ones(FINE.shape, bool)
    loss = reference.counts.reshape(asked.shape) - asked
    enough = (loss <= held(start["land_use"].values, free)).all(axis=0)
    moves = (np.abs(loss).sum(axis=0) > 2.0) & enough
    assert moves.sum() > 5, "the forcing asks for something, and there is room for it"
    off = np.abs(held(state["land_use"].values, whole) - asked)
    np.testing.assert_array_less(off[:, moves], 1.0 + 1e-6)


def test_a_run_with_levers_is_verified(parks: Path, tmp_path: Path) -> None:
    """Its raster belongs to what decides the bytes."""
    levers = {"protected": str(parks), "frozen": ["water"]}
    options = run_options(tmp_path, levers=levers)
    run = reconstruct_run(options, tmp_path / "run")
    checks = {check.name: check for check in verify_run(run.folder)}
    assert checks["no step has done what the levers forbid"].passed
    assert checks["no step has done what the levers forbid"].looked == 4 * (4 + 3 + 3 + 3)
    assert run.cubes["low"].attributes["options"]["levers"] == levers
    without = options.model_copy(update={"levers": LeverOptions()})
    with pytest.raises(ConfigError, match=r"options\.levers"):
        reconstruct_run(without, tmp_path / "run")


def test_levers_that_cannot_be_are_refused() -> None:
    with pytest.raises(VocabularyError, match=r"(?s)Unknown class.*did you mean 'water'"):
        LeverOptions(frozen=("watter",)).opened(FINE, LANDUSE8)
    with pytest.raises(ConfigError, match="forbidden to stay"):
        LeverOptions(forbidden=(("urban", "urban"),)).opened(FINE, LANDUSE8)
    assert LeverOptions().opened(FINE, LANDUSE8) is None
