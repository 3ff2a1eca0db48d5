from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import ConfigError
from ai4land.testing import Planet, PlanetSpec, PlanetYear, make_planet
from ai4land.testing.planet.cells import (
    CODES,
    CROPLAND,
    DYNAMIC,
    FOREST,
    GRASS,
    OCEAN,
    PASTURE,
    count,
    to_map,
)
from ai4land.testing.planet.noise import neighbour_sum
from ai4land.testing.planet.observe import flicker, move_at_random, shuffle, transitions

SPEC = PlanetSpec(
    seed=3, region=(0, 40, 5, 43), first_year=1985, last_year=2030, scenarios=("ssp126", "ssp370")
)


@pytest.fixture(scope="module")
def planet() -> Planet:
    return make_planet(SPEC)


@pytest.fixture(scope="module")
def history(planet: Planet) -> list[PlanetYear]:
    return list(planet.history())


@pytest.fixture(scope="module")
def placebo() -> list[PlanetYear]:
    return list(make_planet(replace(SPEC, placebo=True)).history())


def _digest(years: list[PlanetYear]) -> str:
    parts = [part for now in years for part in (now.seen, now.forcing.states)]
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_the_same_spec_gives_the_same_bytes(history: list[PlanetYear]) -> None:
    again = list(make_planet(SPEC).history())
    assert _digest(again) == _digest(history)
    other = next(make_planet(replace(SPEC, seed=4)).history())
    assert (other.seen != history[0].seen).mean() > 0.2


def test_years_are_complete_and_in_order(history: list[PlanetYear]) -> None:
    assert [now.year for now in history] == list(range(1985, 2020))


def test_codes_are_those_of_the_product(planet: Planet, history: list[PlanetYear]) -> None:
    labels = planet.labels(history[-1])
    assert labels.shape == SPEC.grid.shape
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) <= {0, 11, 22, 33, 44, 55, 66, 77, 99}
    assert {0, 11, 22, 33, 44, 55} <= set(np.unique(labels))


def test_sea_water_and_ice_never_change(history: list[PlanetYear]) -> None:
    first = history[0].seen
    for now in history[1:]:
        np.testing.assert_array_equal(now.seen >= DYNAMIC, first >= DYNAMIC)
        fixed = first >= DYNAMIC
        np.testing.assert_array_equal(now.seen[fixed], first[fixed])


def test_change_is_one_to_three_percent_a_year(history: list[PlanetYear]) -> None:
    land = np.count_nonzero(history[0].seen != OCEAN)
    gross, net = [], []
    for before, after in itertools.pairwise(history):
        gross.append(np.count_nonzero(before.seen != after.seen) / land)
        shift = count(after.land.cells) - count(before.land.cells)
        net.append(np.abs(shift).sum() / 2 / land)
    assert 0.015 < np.mean(gross) < 0.03
    assert min(gross) > 0.01
    assert max(gross) < 0.035  # a small region has years of many campaigns
    # gross change of the land itself, without flicker, is clearly more than its net change
    true = [
        np.count_nonzero(a.land.cells != b.land.cells) / land
        for a, b in itertools.pairwise(history)
    ]
    assert 1.4 < np.mean(true) / np.mean(net) < 2.5


def test_flicker_lasts_a_year_at_boundaries_of_open_land(history: list[PlanetYear]) -> None:
    now = history[5]
    wrong = now.seen != now.land.cells
    land = np.count_nonzero(now.seen != OCEAN)
    assert np.count_nonzero(wrong) == pytest.approx(0.003 * land, abs=1)
    assert set(np.unique(now.land.cells[wrong])) <= {CROPLAND, PASTURE, GRASS}
    assert set(np.unique(now.seen[wrong])) <= {CROPLAND, PASTURE, GRASS}
    again = history[6].seen[wrong] == now.land.cells[wrong]
    assert again.mean() > 0.9


def test_labels_show_what_truth_hides(planet: Planet, history: list[PlanetYear]) -> None:
    now = history[5]
    share = (planet.labels(now) != planet.truth(now)).mean()
    assert 0 < share < 0.004


def test_change_keeps_to_its_own_class(history: list[PlanetYear]) -> None:
    assert _contagion(history) > 6


def _contagion(years: list[PlanetYear]) -> float:
    """How much more cropland than its cell's peers a new cropland pixel had around it, in z."""
    excess, variance = 0.0, 0.0
    for before, after in itertools.pairwise(years):
        near = neighbour_sum(to_map(before.seen, SPEC) == CROPLAND, 1, False)
        near_cells = _cells(near)
        for source in (PASTURE, FOREST, GRASS):
            pool = before.seen == source
            new = pool & (after.seen == CROPLAND)
            size, taken = pool.sum(axis=1), new.sum(axis=1)
            use = (taken > 0) & (taken < size)
            mean = (near_cells * pool).sum(axis=1)[use] / size[use]
            square = (near_cells**2 * pool).sum(axis=1)[use] / size[use] - mean**2
            excess += float(((near_cells * new).sum(axis=1)[use] - taken[use] * mean).sum())
            # variance of a sum drawn without replacement
            share = (size[use] - taken[use]) / np.maximum(size[use] - 1, 1)
            variance += float((taken[use] * square * share).sum())
    return float(excess / np.sqrt(variance))


def _cells(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    ratio = SPEC.ratio
    height, width = array.shape
    blocks = array.reshape(height // ratio, ratio, width // ratio, ratio).swapaxes(1, 2)
    return blocks.reshape(-1, ratio * ratio).astype(np.float64)


def test_placebo_repeats_every_transition_of_every_cell(
    history: list[PlanetYear], placebo: list[PlanetYear]
) -> None:
    np.testing.assert_array_equal(count(history[0].seen, 9), count(placebo[0].seen, 9))
    pairs = zip(history, history[1:], placebo, placebo[1:], strict=False)
    for before, after, random_before, random_after in pairs:
        np.testing.assert_array_equal(
            transitions(random_before.seen, random_after.seen),
            transitions(before.seen, after.seen),
        )
        assert random_after.forcing.states.tobytes() == after.forcing.states.tobytes()


def test_placebo_change_does_not_know_its_neighbours(placebo: list[PlanetYear]) -> None:
    assert abs(_contagion(placebo)) < 3.5


def test_placebo_maps_do_not_know_the_terrain(
    planet: Planet, history: list[PlanetYear], placebo: list[PlanetYear]
) -> None:
    relief = _cells_float(planet.terrain.relief)

    def valley(cells: npt.NDArray[np.uint8]) -> float:
        land = cells < DYNAMIC
        mean = (relief * land).sum(axis=1) / np.maximum(land.sum(axis=1), 1)
        return float((relief - mean[:, None])[cells == CROPLAND].mean())

    assert valley(history[-1].seen) < -0.2
    assert abs(valley(placebo[0].seen)) < 0.03
    assert abs(valley(placebo[-1].seen)) < 0.03


def _cells_float(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    ratio = SPEC.ratio
    height, width = array.shape
    blocks = array.reshape(height // ratio, ratio, width // ratio, ratio).swapaxes(1, 2)
    return blocks.reshape(-1, ratio * ratio).astype(np.float64)


def test_placebo_leaves_the_sea_alone(placebo: list[PlanetYear]) -> None:
    sea = placebo[0].seen == OCEAN
    assert all(np.array_equal(now.seen == OCEAN, sea) for now in placebo)


def test_coarse_states_fill_what_is_not_ice_or_water(
    planet: Planet, history: list[PlanetYear]
) -> None:
    states = planet.states(history[7])
    total = states.astype(np.float64).sum(axis=0).ravel()
    land = planet.ice_water < 1
    np.testing.assert_allclose(total[land], 1 - planet.ice_water[land], atol=1e-6)
    assert np.isnan(total[~land]).all()
    assert (~land).any()
    assert float(np.nanmin(states)) >= 0


def test_coarse_change_follows_fine_change(planet: Planet, history: list[PlanetYear]) -> None:
    fine = [planet.forcing.fractions(now.land.cells)[:, CROPLAND] for now in history]
    coarse = [now.forcing.states[5:10].sum(axis=0) for now in history]
    fine_steps, coarse_steps = np.diff(fine, axis=0).ravel(), np.diff(coarse, axis=0).ravel()
    assert np.corrcoef(fine_steps, coarse_steps)[0, 1] > 0.9
    # … but the products do not agree on how much there is
    crops = fine[-1] > 0.1
    ratio = coarse[-1][crops] / fine[-1][crops]
    assert ratio.std() > 0.01
    assert np.abs(ratio - 1).max() > 0.05


def test_scenarios_fork_from_history(planet: Planet, history: list[PlanetYear]) -> None:
    fork = next(now for now in history if now.year == 2015)
    ends = {}
    for name in SPEC.scenarios:
        years = list(planet.projection(name, fork))
        assert [now.year for now in years] == list(range(2015, 2031))
        np.testing.assert_array_equal(years[0].seen, fork.seen)
        jump = np.abs(years[0].forcing.states - fork.forcing.states).max(axis=1)
        assert (jump[:4] > 1e-3).any()
        assert jump.max() < 0.06
        ends[name] = count(years[-1].land.cells).sum(axis=0)
    assert ends["ssp370"][CROPLAND] > 1.1 * ends["ssp126"][CROPLAND]
    assert ends["ssp126"][FOREST] > 1.1 * ends["ssp370"][FOREST]


def test_a_scenario_finds_its_own_fork(planet: Planet, history: list[PlanetYear]) -> None:
    fork = next(now for now in history if now.year == 2015)
    given = next(planet.projection("ssp126", fork))
    found = next(planet.projection("ssp126"))
    assert given.forcing.states.tobytes() == found.forcing.states.tobytes()
    with pytest.raises(ConfigError, match=r"no such scenario[\s\S]*ssp126, ssp370"):
        next(planet.projection("ssp245"))


def test_zones_follow_warming_and_height(planet: Planet) -> None:
    zones = planet.climate_zones("1961_1990")
    assert set(np.unique(zones)) <= set(range(31))
    np.testing.assert_array_equal(zones == 0, planet.terrain.sea)
    polar = [
        np.isin(planet.climate_zones(period, name), (29, 30)).sum()
        for period, name in (("1901_1930", None), ("1991_2020", None), ("2071_2099", "ssp370"))
    ]
    assert polar[0] >= polar[1] >= polar[2]
    with pytest.raises(ConfigError, match=r"climate period[\s\S]*1991_2020"):
        planet.climate_zones("2071_2099")


def test_population_grows_and_gathers_in_cities(planet: Planet) -> None:
    early, late = planet.population(1900), planet.population(2015)
    assert early.sum() < 0.6 * late.sum()
    assert planet.population(2030, "ssp370").sum() > planet.population(2030, "ssp126").sum()
    top = np.sort(late.ravel())[::-1]
    assert top[: top.size // 100].sum() > 0.2 * top.sum()


def test_shuffle_and_moves_keep_their_counts() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 9, (7, 50)).astype(np.uint8)
    mixed = shuffle(before, rng)
    np.testing.assert_array_equal(count(mixed, 9), count(before, 9))
    np.testing.assert_array_equal(mixed == OCEAN, before == OCEAN)
    assert (mixed != before).mean() > 0.5
    after = before.copy()
    after[:, :10] = CROPLAND
    moves = transitions(before, after)
    moved = move_at_random(mixed, moves, rng)
    np.testing.assert_array_equal(transitions(mixed, moved), moves)


def test_flicker_without_open_land_does_nothing() -> None:
    still = np.full((20, 30), FOREST, dtype=np.uint8)
    still[:, :15] = PASTURE
    np.testing.assert_array_equal(flicker(still, np.random.default_rng(0), False, 0.5), still)
    assert CODES[FOREST] == 44


def test_a_globe_closes_and_a_sea_planet_lives() -> None:
    globe = PlanetSpec(
        region=(-180, -90, 180, 90),
        fine_step=1,
        coarse_step=5,
        first_year=2013,
        last_year=2016,
        scenarios=(),
    )
    planet = make_planet(globe)
    years = list(planet.history())
    assert [now.year for now in years] == [2013, 2014, 2015, 2016]
    assert planet.labels(years[0]).shape == (180, 360)
    assert set(np.unique(planet.labels(years[0]))) >= {0, 22, 33, 44, 55, 99}
