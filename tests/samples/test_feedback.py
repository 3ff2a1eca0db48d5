"""From samples to tensors, and what coarse cells look like by the model's own map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ai4land.cube import Cube
from ai4land.grid import Grid, Mesh, Window, overlap
from ai4land.regrid import class_fractions
from ai4land.samples import (
    Coupling,
    Sample,
    SampleOptions,
    Sampler,
    WindowReader,
    feed_back,
    input_spec,
    probabilities,
    stack,
    to_inputs,
)
from ai4land.vocabulary import LAND_USE, NO_DATA
from tiny_cubes import COARSE, FINE, LANDUSE8, land_maps, write_labels

K = len(LANDUSE8)


@pytest.fixture(scope="module")
def reader(tiny_cube: Cube) -> WindowReader:
    spec = input_spec(tiny_cube, LAND_USE, ("luh2_states", "land_use_fractions"), ())
    return WindowReader(tiny_cube, LAND_USE, spec)


def sampler(reader: WindowReader, mask: npt.NDArray[np.bool_] | None = None) -> Sampler:
    everywhere = np.ones(reader.grid.shape, dtype=bool)
    options = SampleOptions(window=16, recursion=2)
    return Sampler(reader, options, (2000, 2011), everywhere if mask is None else mask)


def another_map(seed: int) -> npt.NDArray[np.uint8]:
    """The land of 2001 with other classes; sea and missing pixels as they are."""
    maps = land_maps()
    land = (maps[2001] != 0) & (maps[2001] != NO_DATA)
    drawn = np.random.default_rng(seed).integers(1, K, FINE.shape)
    return np.where(land, drawn, maps[2001]).astype(np.uint8)


def test_probabilities_are_one_hot_and_missing_is_nothing() -> None:
    positions = np.array([[0, 3], [NO_DATA, 7]], np.uint8)
    found = probabilities(positions, K)
    assert found.shape == (K, 2, 2)
    assert found.sum(dim=0).tolist() == [[1, 1], [0, 1]]
    assert found[3, 0, 1] == 1
    batch = probabilities(np.stack([positions] * 5), K)
    assert batch.shape == (5, K, 2, 2)


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


def test_feed_back_is_exact_where_whole_cells_are_seen(reader: WindowReader) -> None:
    """True forcing, corrected by the own map, is the aggregate of the own map."""
    batch = stack([sampler(reader).read((2000, 2001, 2002), FINE.window)])
    own = another_map(1)
    forcing = torch.from_numpy(batch.forcing[:, 1])
    found = feed_back(forcing, batch, 1, probabilities(own[None], K), reader.loop_channels)
    coupling = reader.coupling
    assert coupling is not None
    shares = coupling.shares(reader.grid.window, own, reader.domain(own)).values
    expected = shares.repeat(8, axis=1).repeat(8, axis=2)
    np.testing.assert_allclose(found[0, reader.loop_channels], expected, atol=2e-5)
    # other drivers are not the model's to change
    assert torch.equal(found[:, :12], forcing[:, :12])
    assert torch.equal(forcing, torch.from_numpy(batch.forcing[:, 1])), "the input is a copy"


def test_feed_back_of_the_truth_changes_nothing(reader: WindowReader) -> None:
    batch = stack([sampler(reader).read((2000, 2001, 2002), Window(5, 3, 16, 16))])
    truth = probabilities(batch.targets[:, 0], K)
    forcing = torch.from_numpy(batch.forcing[:, 1])
    found = feed_back(forcing, batch, 1, truth, reader.loop_channels)
    assert torch.equal(found, forcing)


def test_feed_back_of_a_cut_cell_tells_what_the_window_holds(reader: WindowReader) -> None:
    """Outside the window the truth stands in."""
    window = Window(4, 20, 16, 16)
    batch = stack([sampler(reader).read((2000, 2001, 2002), window)])
    own = another_map(2)
    mixed = land_maps()[2001].copy()
    mixed[window.slices] = own[window.slices]
    found = feed_back(
        torch.from_numpy(batch.forcing[:, 1]),
        batch,
        1,
        probabilities(own[window.slices][None], K),
        reader.loop_channels,
    )
    coupling = reader.coupling
    assert coupling is not None
    shares = coupling.shares(reader.grid.window, mixed, reader.domain(mixed)).values
    expected = shares.repeat(8, axis=1).repeat(8, axis=2)[(slice(None), *window.slices)]
    np.testing.assert_allclose(found[0, reader.loop_channels], expected, atol=2e-5)


def test_feed_back_learns_nothing_of_the_held_out_truth(reader: WindowReader) -> None:
    mask = np.ones(FINE.shape, dtype=bool)
    mask[:, 24:] = False
    batch = stack([sampler(reader, mask).read((2000, 2001, 2002), FINE.window)])
    own = probabilities(another_map(3)[None], K)
    changed = batch.targets.copy()
    changed[:, :, :, 24:] = 1
    altered = replace(batch, targets=changed)
    forcing = torch.from_numpy(batch.forcing[:, 1])
    one = feed_back(forcing, batch, 1, own, reader.loop_channels)
    two = feed_back(forcing, altered, 1, own, reader.loop_channels)
    assert torch.equal(one, two)
    assert torch.equal(one[..., 24:], forcing[..., 24:]), "held-out cells keep the true forcing"
    assert not torch.equal(one[..., :24], forcing[..., :24])


def test_cells_of_a_window_around_the_globe(tmp_path: Path) -> None:
    fine = Grid.regular(-180, 90, 5, 5, (36, 72))
    maps = {y: np.full(fine.shape, 4, np.uint8) for y in (2000, 2001)}
    cube = write_labels(tmp_path / "c.zarr", maps, fine, fine.coarsen(4, 4))
    spec = input_spec(cube, LAND_USE, ("land_use_fractions",), ())
    reader = WindowReader(cube, LAND_USE, spec)
    sample = sampler(reader).read((2000, 2001), Window(8, -4, 8, 8))
    assert len(np.unique(sample.cell)) == 4
    sums = np.bincount(sample.cell.ravel(), sample.cell_share.ravel())
    np.testing.assert_allclose(sums, 1.0, rtol=1e-5)


def test_inputs_of_the_first_step_are_the_sample(reader: WindowReader) -> None:
    batch = stack([sampler(reader).draw(np.random.default_rng(s)) for s in range(3)])
    hidden = batch.visible.copy()
    hidden[:, 4:8] = False
    batch = replace(batch, visible=hidden)
    inputs = to_inputs(batch, 0, K)
    assert torch.equal(inputs.prior, probabilities(batch.prior, K))
    np.testing.assert_array_equal(inputs.visible[:, 0], hidden)
    np.testing.assert_array_equal(inputs.forcing_prior, batch.forcing[:, 0])
    np.testing.assert_array_equal(inputs.forcing_target, batch.forcing[:, 1])
    assert inputs.years.tolist() == batch.years[:, 0].tolist()


def test_inputs_of_a_later_step_are_the_networks_own(tiny_cube: Cube) -> None:
    spec = input_spec(tiny_cube, LAND_USE, ("land_use_fractions",), (), 2)
    reader = WindowReader(tiny_cube, LAND_USE, spec)
    options = SampleOptions(window=16, recursion=3, history=2)
    whole = np.ones(FINE.shape, dtype=bool)
    sample = Sampler(reader, options, (2000, 2011), whole).read(
        (2004, 2005, 2006, 2007), Window(0, 0, 16, 16)
    )
    seen = sample.visible.copy()
    seen[:4] = False
    noisy = np.where(sample.domain & seen, 2, sample.prior).astype(np.uint8)
    batch = stack([replace(sample, visible=seen, prior=noisy)])
    rng = torch.Generator().manual_seed(0)
    one, two = (torch.rand(1, K, 16, 16, generator=rng) for _ in range(2))
    exists = torch.from_numpy(sample.domain)[None, None]
    sea = probabilities(sample.before[None], K)
    first = to_inputs(batch, 1, K, [one])
    assert torch.equal(first.prior, torch.where(exists, one, sea))
    np.testing.assert_array_equal(first.visible[0, 0], sample.before != NO_DATA)
    # its history is the first prior as it was shown, then the map before it
    assert torch.equal(first.history[:, 0], probabilities(noisy[None], K))
    np.testing.assert_array_equal(first.history_visible[0, 0], seen)
    assert torch.equal(first.history[:, 1], probabilities(sample.history[None, 0], K))
    np.testing.assert_array_equal(first.forcing_prior[0], sample.forcing[1])
    np.testing.assert_array_equal(first.forcing_target[0], sample.forcing[2])
    second = to_inputs(batch, 2, K, [one, two])
    assert torch.equal(second.prior, torch.where(exists, two, sea))
    assert torch.equal(second.history[:, 0], torch.where(exists, one, sea))
    assert torch.equal(second.history[:, 1], probabilities(noisy[None], K))
    np.testing.assert_array_equal(second.history_visible[0, 1], seen)


def test_a_sample_of_numbers(tmp_path: Path) -> None:
    values = np.array([[[0.5, np.nan], [2.0, 3.0]]], np.float32)
    grid = np.ones((1, 2, 2), dtype=bool)
    known = np.isfinite(values)
    sample = Sample(
        prior=values,
        visible=known,
        domain=known,
        forcing=np.zeros((1, 3, 1, 2, 2), np.float32),
        wanted=np.zeros((1, 2, 0, 2, 2), np.float32),
        static=np.zeros((1, 0, 2, 2), np.float32),
        zones=np.zeros((1, 0, 2, 2), np.int64),
        targets=np.stack([values, values], axis=1),
        before=values,
        history=np.zeros((1, 0, 2, 2), np.float32),
        history_visible=np.zeros((1, 0, 2, 2), dtype=bool),
        valid=np.stack([known, known], axis=1),
        cell=np.zeros(grid.shape, np.int64),
        cell_share=np.zeros(grid.shape, np.float32),
        years=np.full((1, 2), 1 / 12, np.float32),
    )
    inputs = to_inputs(sample, 0, 0)
    assert inputs.prior.shape == (1, 1, 2, 2)
    assert inputs.visible[0, 0].tolist() == [[1.0, 0.0], [1.0, 1.0]]
    own = torch.full((1, 1, 2, 2), 7.0)
    later = to_inputs(sample, 1, 0, [own])
    assert later.prior[0, 0, 0, 0] == 7.0
    assert torch.isnan(later.prior[0, 0, 0, 1]), "what does not exist is not predicted"
    assert later.visible[0, 0].tolist() == [[1.0, 0.0], [1.0, 1.0]]
