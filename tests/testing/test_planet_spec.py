from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ai4land.errors import ConfigError
from ai4land.testing import PlanetSpec, make_planet
from ai4land.testing.planet.cells import count, to_cells, to_map
from ai4land.testing.planet.noise import fractal, neighbour_sum, smooth


def test_grids_nest_exactly_and_keep_a_margin() -> None:
    spec = PlanetSpec(region=(2, 40, 5, 42), fine_step=0.025)
    assert spec.ratio == 10
    assert spec.grid.shape == (80, 120)
    assert spec.coarse.shape == (10, 14)
    assert spec.domain.shape == (100, 140)
    assert spec.grid.dx == Fraction(1, 40)
    assert (float(spec.grid.west), float(spec.grid.north)) == (2.0, 42.0)
    assert (spec.coarse.west, spec.coarse.north) == (Fraction(7, 4), Fraction(169, 4))


def test_the_whole_globe_has_no_margin() -> None:
    spec = PlanetSpec(region=(-180, -90, 180, 90), fine_step=1, coarse_step=5)
    assert spec.grid == spec.domain
    assert spec.coarse.shape == (36, 72)
    assert spec.domain.is_global


def test_a_region_at_the_date_line_has_no_margin_beyond_it() -> None:
    spec = PlanetSpec(region=(178, 60, 180, 62))
    assert float(spec.coarse.east) == 180
    assert spec.window.col == spec.ratio


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fine_step": "0.1"}, "do not fill"),
        ({"fine_step": "0.25"}, "do not fill"),
        ({"region": (0, 40, 8.1, 45)}, "cuts coarse cells"),
        ({"region": (0, 45, 8, 40)}, "not on the globe"),
        ({"region": (170, 40, 190, 45)}, "not on the globe"),
        ({"first_year": 2016}, "years"),
        ({"last_year": 1850}, "years"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_planets_are_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        PlanetSpec(**change)


def test_unknown_scenario_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Unknown scenario[\s\S]*ssp370"):
        make_planet(PlanetSpec(region=(0, 40, 1, 41), scenarios=("rcp85",)))


def test_cells_and_map_are_each_others_inverse() -> None:
    spec = PlanetSpec(region=(0, 40, 1, 41), fine_step="0.125")
    array = np.arange(spec.domain.height * spec.domain.width).reshape(spec.domain.shape)
    cells = to_cells(array, spec.ratio)
    assert cells.shape == (36, 4)
    np.testing.assert_array_equal(cells[0], array[:2, :2].ravel())
    np.testing.assert_array_equal(to_map(cells, spec), array)
    np.testing.assert_array_equal(
        count(np.array([[0, 0, 5], [1, 2, 8]], np.uint8))[:, :3], [[2, 0, 0], [0, 1, 1]]
    )


@pytest.mark.parametrize("wrap", [False, True])
def test_neighbour_sum_counts_the_square(wrap: bool) -> None:
    mask = np.random.default_rng(1).random((9, 11)) < 0.4
    found = neighbour_sum(mask, 2, wrap)
    tall = np.pad(mask, ((2, 2), (0, 0)), mode="edge")
    wide = np.pad(tall, ((0, 0), (2, 2)), mode="wrap" if wrap else "edge")
    for y, x in ((0, 0), (4, 5), (8, 10), (0, 10)):
        assert found[y, x] == wide[y : y + 5, x : x + 5].sum()


def test_smooth_is_the_mean_of_the_square() -> None:
    field = np.random.default_rng(1).random((9, 11)).astype(np.float32)
    assert smooth(field, 1, False)[4, 5] == pytest.approx(field[3:6, 4:7].mean(), rel=1e-5)
    np.testing.assert_allclose(smooth(np.ones_like(field), 3, True), 1, rtol=1e-6)


def test_noise_keeps_its_shape_when_the_grid_is_refined() -> None:
    coarse = PlanetSpec(region=(0, 40, 4, 44), fine_step="0.125").domain
    fine = PlanetSpec(region=(0, 40, 4, 44), fine_step="0.0625").domain
    one = fractal(np.random.default_rng(3), coarse, 2.0, 0.5)
    other = fractal(np.random.default_rng(3), fine, 2.0, 0.5)
    means = other.reshape(coarse.height, 2, coarse.width, 2).mean(axis=(1, 3))
    assert np.corrcoef(one.ravel(), means.ravel())[0, 1] > 0.99
    assert abs(float(one.mean())) < 1e-5
    assert float(one.std()) == pytest.approx(1, abs=1e-4)


def test_noise_closes_around_the_globe() -> None:
    grid = PlanetSpec(region=(-180, -90, 180, 90), fine_step=1, coarse_step=5).domain
    field = fractal(np.random.default_rng(3), grid, 40.0, 10.0)
    seam = np.abs(field[:, 0] - field[:, -1]).mean()
    assert seam < 1.5 * np.abs(np.diff(field, axis=1)).mean()
