"""From samples to inputs, and what coarse cells look like by the model's own map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from assemblers import assembler_of, sampler_of

from ai4land.cube import Cube
from ai4land.grid import Grid, Mesh, Window, overlap
from ai4land.regrid import class_fractions
from ai4land.rollout import observed_state
from ai4land.samples import (
    Assembler,
    ClassCoding,
    Coupling,
    NumberCoding,
    Sample,
    SampleOptions,
    TargetSample,
    own_shares_of,
    stack,
    step_inputs,
)
from ai4land.vocabulary import NO_DATA
from tiny_cubes import COARSE, FINE, LANDUSE8, land_maps, write_labels

K = len(LANDUSE8)
CODING = ClassCoding(LANDUSE8)
LAND = "land_use"
YEARS = (2000, 2001, 2002)
Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def assembler(tiny_cube: Cube) -> Assembler:
    return assembler_of(tiny_cube, ("luh2_states", "land_use_fractions"))


def read(
    assembler: Assembler,
    window: Window,
    mask: npt.NDArray[np.bool_] | None = None,
) -> Sample:
    """A batch of one undamaged sample of two steps."""
    options = SampleOptions(window=16, recursion=2)
    return stack([sampler_of(assembler, options, (2000, 2011), mask).read(YEARS, window)])


def fed_back(assembler: Assembler, batch: Sample, own: Array) -> Array:
    """The forcing of the second step, as the own classes ``(y, x)`` at its prior time make it."""
    target = batch.targets[LAND]
    truth = CODING.encoded(target.targets[:, 0])
    forcing = batch.given(1).forcing_prior
    seen, channels = target.valid[:, 0], assembler.loop_channels
    kept = forcing.copy()
    found = own_shares_of(forcing, batch, truth, CODING.encoded(own[None]), seen, channels)
    np.testing.assert_array_equal(forcing, kept, err_msg="the input is not written to")
    return found


def another_map(seed: int) -> npt.NDArray[np.uint8]:
    """The land of 2001 with other classes; sea and missing pixels as they are."""
    maps = land_maps()
    land = (maps[2001] != 0) & (maps[2001] != NO_DATA)
    drawn = np.random.default_rng(seed).integers(1, K, FINE.shape)
    return np.where(land, drawn, maps[2001]).astype(np.uint8)


def shares_of(assembler: Assembler, codes: npt.NDArray[np.uint8]) -> Array:
    """Aggregate of a map in the cells of the loop, on fine pixels."""
    assert assembler.coupling is not None
    shares = assembler.coupling.shares(FINE.window, codes, CODING.domain(codes)).values
    return shares.repeat(8, axis=1).repeat(8, axis=2)


@pytest.mark.parametrize(("rows", "cols"), [(8, 8), (5, 4), (40, 48)])
def test_shares_equal_the_fractions_that_a_recipe_derives(rows: int, cols: int) -> None:
    coarse = FINE.coarsen(rows, cols)
    codes = land_maps()[2003]
    domain = (codes != 0) & (codes != NO_DATA)
    found = Coupling(Mesh(FINE, coarse), K).shares(FINE.window, codes, domain).values
    expected = class_fractions(codes, K, overlap(FINE, coarse), ignore=[0]).fractions
    np.testing.assert_allclose(found, expected, atol=1e-6)
    total = found.sum(axis=0)
    assert np.isclose(total, 1.0, atol=1e-6).sum() == (total > 0).sum()


def test_a_cell_of_sea_has_no_shares() -> None:
    codes = np.zeros(FINE.shape, np.uint8)
    codes[:8, :8] = 4
    shares = Coupling(Mesh(FINE, COARSE), K).shares(FINE.window, codes, codes != 0).values
    assert shares[4, 0, 0] == 1.0
    assert shares.sum() == 1.0


def test_pixels_count_with_their_true_area() -> None:
    """Half the pixels of a tall cell are not half its area."""
    fine = Grid.regular(0, 80, 1, 1, (40, 4))
    coarse = Grid.regular(0, 80, 4, 40, (1, 1))
    codes = np.full(fine.shape, 4, np.uint8)
    codes[:20] = 2
    shares = Coupling(Mesh(fine, coarse), K).shares(fine.window, codes, codes > 0).values
    areas = fine.cell_areas()
    assert shares[2, 0, 0] == pytest.approx(areas[:20].sum() / areas.sum(), abs=1e-6)
    assert shares[2, 0, 0] < 0.42


def test_feed_back_is_exact_where_whole_cells_are_seen(assembler: Assembler) -> None:
    """True forcing, corrected by the own map, is the aggregate of the own map."""
    batch = read(assembler, FINE.window)
    own = another_map(1)
    found = fed_back(assembler, batch, own)
    expected = shares_of(assembler, own)
    np.testing.assert_allclose(found[0, assembler.loop_channels], expected, atol=2e-5)
    # other drivers are not the model's to change
    np.testing.assert_array_equal(found[:, :12], batch.forcing[:, 1, :12])


def test_feed_back_of_the_truth_changes_nothing(assembler: Assembler) -> None:
    window = Window(5, 3, 16, 16)
    batch = read(assembler, window)
    found = fed_back(assembler, batch, batch.targets[LAND].targets[0, 0])
    np.testing.assert_array_equal(found, batch.forcing[:, 1])


def test_feed_back_of_a_cut_cell_tells_what_the_window_holds(assembler: Assembler) -> None:
    """Outside the window the truth stands in."""
    window = Window(4, 20, 16, 16)
    own = another_map(2)
    mixed = land_maps()[2001].copy()
    mixed[window.slices] = own[window.slices]
    found = fed_back(assembler, read(assembler, window), own[window.slices])
    expected = shares_of(assembler, mixed)[(slice(None), *window.slices)]
    np.testing.assert_allclose(found[0, assembler.loop_channels], expected, atol=2e-5)


def test_feed_back_learns_nothing_of_the_held_out_truth(assembler: Assembler) -> None:
    mask = np.ones(FINE.shape, dtype=bool)
    mask[:, 24:] = False
    batch = read(assembler, FINE.window, mask)
    changed = batch.targets[LAND].targets.copy()
    changed[:, :, :, 24:] = 1
    own = another_map(3)
    one = fed_back(assembler, batch, own)
    two = fed_back(assembler, batch.with_target(LAND, targets=changed), own)
    np.testing.assert_array_equal(one, two)
    forcing = batch.forcing[:, 1]
    np.testing.assert_array_equal(
        one[..., 24:], forcing[..., 24:], err_msg="held-out cells keep the true forcing"
    )
    assert not np.array_equal(one[..., :24], forcing[..., :24])


def test_cells_of_a_window_around_the_globe(tmp_path: Path) -> None:
    fine = Grid.regular(-180, 90, 5, 5, (36, 72))
    maps = {y: np.full(fine.shape, 4, np.uint8) for y in (2000, 2001)}
    cube = write_labels(tmp_path / "c.zarr", maps, fine, fine.coarsen(4, 4))
    sampler = sampler_of(
        assembler_of(cube, ("land_use_fractions",)), SampleOptions(window=16), (2000, 2011)
    )
    sample = sampler.read((2000, 2001), Window(8, -4, 8, 8))
    assert len(np.unique(sample.cell)) == 4
    sums = np.bincount(sample.cell.ravel(), sample.cell_share.ravel())
    np.testing.assert_allclose(sums, 1.0, rtol=1e-5)


def test_inputs_of_the_first_step_are_the_sample(assembler: Assembler) -> None:
    sampler = sampler_of(assembler, SampleOptions(window=16, recursion=2), (2000, 2011))
    batch = stack([sampler.draw(np.random.default_rng(s)) for s in range(3)])
    hidden = batch.targets[LAND].visible.copy()
    hidden[:, 4:8] = False
    batch = batch.with_target(LAND, visible=hidden)
    inputs = step_inputs(batch, 0, {LAND: CODING}, 0)
    seen = inputs.targets[LAND]
    np.testing.assert_array_equal(seen.prior, CODING.encoded(batch.targets[LAND].prior))
    np.testing.assert_array_equal(seen.visible[:, 0], hidden)
    np.testing.assert_array_equal(seen.domain[:, 0], batch.targets[LAND].domain)
    np.testing.assert_array_equal(inputs.forcing_prior, batch.forcing[:, 0])
    np.testing.assert_array_equal(inputs.forcing_target, batch.forcing[:, 1])
    np.testing.assert_array_equal(inputs.calendar, batch.calendar[:, 0])


@pytest.mark.parametrize("forcing", [("land_use_fractions",), ("luh2_states",)])
@pytest.mark.parametrize("window", [Window(8, 8, 16, 16), Window(5, 9, 16, 16)], ids=str)
def test_training_and_rollout_see_the_same(
    tiny_cube: Cube, forcing: tuple[str, ...], window: Window
) -> None:
    """The first step of a sample is what the assembler makes of the observed state."""
    assembler = assembler_of(tiny_cube, forcing, ("slope", "climate_zone"), history=1)
    sampler = sampler_of(assembler, SampleOptions(window=16, recursion=1), (2000, 2011))
    batch = stack([sampler.read((2004, 2005), window)])
    trained = step_inputs(batch, 0, {LAND: CODING}, 1).map(lambda part: part[0])
    state = observed_state(tiny_cube, assembler.task, 2004, (2003,))
    if assembler.demand is not None:
        state = replace(state, reference=assembler.demand.reference(state))
    rolled = assembler.inputs(state, 2005, window, assembler.loop_of(state, 2005, FINE.window))
    for one, two in zip(trained.targets[LAND], rolled.targets[LAND], strict=True):
        np.testing.assert_array_equal(one, two)
    for name in ("forcing_prior", "forcing_target", "static", "zones", "series", "calendar"):
        np.testing.assert_allclose(
            getattr(trained, name), getattr(rolled, name), atol=1e-6, err_msg=name
        )


def test_inputs_of_a_later_step_are_the_networks_own(tiny_cube: Cube) -> None:
    assembler = assembler_of(tiny_cube, ("land_use_fractions",), history=2)
    options = SampleOptions(window=16, recursion=3, history=2)
    sample = sampler_of(assembler, options, (2000, 2011)).read(
        (2004, 2005, 2006, 2007), Window(0, 0, 16, 16)
    )
    target = sample.targets[LAND]
    seen = target.visible.copy()
    seen[:4] = False
    noisy = np.where(target.domain & seen, 2, target.prior).astype(np.uint8)
    batch = stack([sample.with_target(LAND, visible=seen, prior=noisy)])
    rng = np.random.default_rng(0)
    one, two = (rng.random((1, K, 16, 16)).astype(np.float32) for _ in range(2))
    sea, shown = CODING.encoded(target.before[None]), CODING.encoded(noisy[None])
    first_own, second_own = (np.where(target.domain, own, sea) for own in (one, two))

    first = step_inputs(batch, 1, {LAND: CODING}, 2, {LAND: [one]})
    given = first.targets[LAND]
    np.testing.assert_array_equal(given.prior, first_own)
    np.testing.assert_array_equal(given.visible[0, 0], target.before != NO_DATA)
    # its history is the first prior as it was shown, then the map before it
    np.testing.assert_array_equal(given.history[:, 0], shown)
    np.testing.assert_array_equal(given.history_visible[0, 0], seen)
    np.testing.assert_array_equal(given.history[:, 1], CODING.encoded(target.history[None, 0]))
    np.testing.assert_array_equal(first.forcing_prior[0], sample.forcing[1])
    np.testing.assert_array_equal(first.forcing_target[0], sample.forcing[2])

    second = step_inputs(batch, 2, {LAND: CODING}, 2, {LAND: [one, two]}).targets[LAND]
    np.testing.assert_array_equal(second.prior, second_own)
    np.testing.assert_array_equal(second.history[:, 0], first_own)
    np.testing.assert_array_equal(second.history[:, 1], shown)
    np.testing.assert_array_equal(second.history_visible[0, 1], seen)


def test_a_sample_of_numbers() -> None:
    values = np.array([[[0.5, np.nan], [2.0, 3.0]]], np.float32)
    known = np.isfinite(values)
    leaf = TargetSample(
        prior=values,
        visible=known,
        domain=known,
        before=values,
        history=np.zeros((1, 0, 2, 2), np.float32),
        history_visible=np.zeros((1, 0, 2, 2), dtype=bool),
        targets=np.stack([values, values], axis=1),
        valid=np.stack([known, known], axis=1),
        moves=np.ones((1, 2), dtype=bool),
    )
    sample = Sample(
        targets={"leaf_area_index": leaf},
        forcing=np.zeros((1, 3, 1, 2, 2), np.float32),
        wanted=np.zeros((1, 2, 0, 2, 2), np.float32),
        static=np.zeros((1, 2, 0, 2, 2), np.float32),
        zones=np.zeros((1, 2, 0, 2, 2), np.int64),
        series=np.zeros((1, 2, 0, 2, 2), np.float32),
        flows=np.zeros((1, 2, 0, 2, 2), np.float32),
        calendar=np.full((1, 2, 3), 1 / 12, np.float32),
        cell=np.zeros((1, 2, 2), np.int64),
        cell_share=np.zeros((1, 2, 2), np.float32),
    )
    assert sample.steps == 2
    codings = {"leaf_area_index": NumberCoding()}
    seen = step_inputs(sample, 0, codings, 0).targets["leaf_area_index"]
    assert seen.prior.shape == (1, 1, 2, 2)
    assert seen.visible[0, 0].tolist() == [[1.0, 0.0], [1.0, 1.0]]
    own = np.full((1, 1, 2, 2), 7.0, np.float32)
    later = step_inputs(sample, 1, codings, 0, {"leaf_area_index": [own]})
    seen = later.targets["leaf_area_index"]
    assert seen.prior[0, 0, 0, 0] == 7.0
    assert np.isnan(seen.prior[0, 0, 0, 1]), "what does not exist is not predicted"
    assert seen.visible[0, 0].tolist() == [[1.0, 0.0], [1.0, 1.0]]
