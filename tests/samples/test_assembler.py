"""The assembler: what a model is shown of maps and drivers, on one fine window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from assemblers import assembler_of, cube_of

from ai4land.cube import Cube, Field, GroupSpec, State, VariableSpec
from ai4land.errors import CheckpointError, SampleError
from ai4land.grid import Grid, Window
from ai4land.rollout import cube_assembler, observed_state
from ai4land.samples import (
    Assembler,
    CellShares,
    ClassCoding,
    CubeDrivers,
    Labels,
    NumberCoding,
    Shown,
    class_forcing,
    class_lookup,
    coding_of,
    see,
)
from ai4land.vocabulary import LAND_USE, NO_DATA, Clock, Target, Task, legend, variable
from tiny_cubes import (
    COARSE,
    FINE,
    LANDUSE8,
    LEAF_AREA,
    YEARS,
    land_maps,
    write_cube,
    write_labels,
    write_leaf_cube,
)

FORCING = ("land_use_fractions", "luh2_states")
STATIC = ("elevation", "climate_zone", "slope")
LAND = LAND_USE.targets[0]


@pytest.fixture
def assembler(tiny_cube: Cube) -> Assembler:
    return assembler_of(tiny_cube, FORCING, STATIC)


def test_values_are_the_cubes_own(tiny_cube: Cube, assembler: Assembler) -> None:
    """Classes by position, drivers in physical units and in the order of the specification."""
    maps = land_maps()
    state = observed_state(tiny_cube, LAND_USE, 2004)
    loop = assembler.loop_of(state, 2006, FINE.window)
    found = assembler.inputs(state, 2006, FINE.window, loop)
    seen = found.targets[LAND.name]
    # landuse8 codes are positions
    assert (seen.prior.argmax(axis=0) == np.where(maps[2004] == NO_DATA, 0, maps[2004])).all()
    np.testing.assert_array_equal(seen.visible[0], maps[2004] != NO_DATA)
    np.testing.assert_array_equal(seen.domain[0], (maps[2004] != NO_DATA) & (maps[2004] != 0))
    for tick, forcing in ((2004, found.forcing_prior), (2006, found.forcing_target)):
        shares, states = (tiny_cube.read(name, tick) for name in FORCING)
        both = np.concatenate([shares, states]).repeat(8, axis=1).repeat(8, axis=2)
        np.testing.assert_allclose(forcing, both, atol=1e-6)
    assert len(assembler.spec.forcing) == 8 + 12
    row, col = np.mgrid[0:40, 0:48]
    np.testing.assert_allclose(found.static[0], 20.0 * row + 0.25 * col)
    # code 15 is the 15th class: position 14, and 0 is kept for the unknown
    assert set(np.unique(found.zones[0, :20])) == {15}
    assert set(np.unique(found.zones[0, 20:])) == {14}
    assert found.series.shape == (0, *FINE.shape)
    assert found.calendar.tolist() == [2.0]


def test_a_window_is_a_part_of_the_whole(tiny_cube: Cube, assembler: Assembler) -> None:
    state = observed_state(tiny_cube, LAND_USE, 2003)
    loop = assembler.loop_of(state, 2004, FINE.window)
    window = Window(7, 11, 16, 20)
    part = assembler.inputs(state, 2004, window, loop)
    whole = assembler.inputs(state, 2004, FINE.window, loop)

    def cut(values: np.ndarray) -> np.ndarray:
        return values if values.ndim < 2 else values[(..., *window.slices)]

    expected = whole.map(cut)
    for one, two in zip(part[1:], expected[1:], strict=True):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(part.targets[LAND.name], expected.targets[LAND.name], strict=True):
        np.testing.assert_array_equal(one, two)


def test_beyond_the_grid_nothing_exists(tiny_cube: Cube, assembler: Assembler) -> None:
    state = observed_state(tiny_cube, LAND_USE, 2000)
    found = assembler.inputs(state, 2001, Window(-4, 44, 8, 8))
    seen = found.targets[LAND.name]
    for layer in (seen.visible[0], seen.domain[0], found.zones[0]):
        assert not layer[:4].any()
        assert not layer[:, 4:].any()
    assert seen.domain[0, 4:, :4].all()
    assert np.isnan(found.static[:, :4]).all()
    assert np.isfinite(found.forcing_prior).all(), "the border stands in for coarse forcing"


def test_the_domain_is_neither_sea_nor_missing() -> None:
    coding = ClassCoding(LANDUSE8)
    codes = np.array([[0, 1, 7, NO_DATA]], np.uint8)
    assert coding.domain(codes).tolist() == [[False, True, True, False]]
    assert coding.known(coding.positions(codes)).tolist() == [[True, True, True, False]]
    assert coding.sea == [0]


def test_positions_follow_the_legend_and_lead_back() -> None:
    hilda = legend("hildaplus_v1")
    table = class_lookup(hilda)
    assert [int(table[code]) for code in hilda.codes] == list(range(len(hilda)))
    assert (table[[1, 12, 200, NO_DATA]] == NO_DATA).all()
    coding = ClassCoding(hilda)
    codes = np.array([[*hilda.codes, NO_DATA]], np.uint8)
    np.testing.assert_array_equal(coding.stored(coding.positions(codes)), codes)


def test_classes_are_one_hot_and_missing_is_nothing() -> None:
    coding = ClassCoding(LANDUSE8)
    positions = np.array([[0, 3], [NO_DATA, 7]], np.uint8)
    found = coding.encoded(positions)
    assert found.shape == (8, 2, 2)
    assert found.dtype == np.float32
    assert found.sum(axis=0).tolist() == [[1, 1], [0, 1]]
    assert found[3, 0, 1] == 1
    assert coding.encoded(np.stack([positions] * 5)).shape == (5, 8, 2, 2)


def test_numbers_are_themselves() -> None:
    coding = coding_of(LEAF_AREA.targets[0], None)
    assert isinstance(coding, NumberCoding)
    values = np.array([[1.5, np.nan]], np.float32)
    assert coding.positions(values) is coding.stored(values) is values
    assert coding.domain(values).tolist() == coding.known(values).tolist() == [[True, False]]
    np.testing.assert_array_equal(coding.encoded(values), values[None])
    with pytest.raises(SampleError, match=r"(?s)needs a legend.*land_use"):
        coding_of(LAND, None)


def test_the_specification_of_closed_and_open_loops(tiny_cube: Cube) -> None:
    closed = assembler_of(tiny_cube, ("luh2_states", "land_use_fractions"), STATIC)
    assert closed.spec.closed_loop
    assert closed.spec.bound == LAND.name
    assert closed.spec.static == ("elevation", "slope")
    assert closed.spec.zones == (("climate_zone", 31),)
    assert closed.spec.calendar == ("years",)
    assert not closed.needs_demand
    assert closed.loop_channels == slice(12, 20)
    undriven = assembler_of(tiny_cube, (), ("slope",))
    assert not undriven.spec.closed_loop
    assert undriven.spec.bound == ""
    assert undriven.coupling is undriven.demand is None
    assert undriven.loop_channels == slice(0, 0)
    assert undriven.loop_of(observed_state(tiny_cube, LAND_USE, 2000), 2001, FINE.window) is None


def test_forcing_of_other_classes_brings_the_books_of_the_own(tiny_cube: Cube) -> None:
    """The model is told what its own classes hold and should hold, beside the product."""
    assembler = assembler_of(tiny_cube, ("luh2_states",))
    spec = assembler.spec
    assert spec.closed_loop
    classes = spec.target(spec.bound).classes
    assert spec.forcing[12:] == tuple(f"demand/{name}" for name in classes)
    np.testing.assert_array_equal(spec.translation, np.hstack([np.zeros((8, 12)), np.eye(8)]))
    assert assembler.needs_demand
    assert assembler.coupling is not None
    assert assembler.coupling.mesh.coarse == COARSE
    assert assembler.loop_channels == slice(12, 20)
    own = np.random.default_rng(0).random((8, *COARSE.shape)).astype(np.float32)
    window = Window(5, 9, 16, 16)
    shares = CellShares(COARSE.window, own)
    given = assembler.forcing(2003, window, shares)
    np.testing.assert_array_equal(given[12:], assembler.upsampled(shares, window))
    plain = assembler_of(tiny_cube, FORCING).forcing(2003, window)
    np.testing.assert_array_equal(given[:12], plain[8:])


def test_own_shares_stand_in_for_the_forcing_made_of_them(assembler: Assembler) -> None:
    own = np.random.default_rng(0).random((8, *COARSE.shape)).astype(np.float32)
    window = Window(5, 9, 16, 16)
    given = assembler.forcing(2003, window, CellShares(COARSE.window, own))
    plain = assembler.forcing(2003, window)
    np.testing.assert_array_equal(given[8:], plain[8:])
    expected = own.repeat(8, axis=1).repeat(8, axis=2)[(slice(None), *window.slices)]
    np.testing.assert_array_equal(given[:8], expected)


def test_the_loop_is_the_states_own_map(tiny_cube: Cube, assembler: Assembler) -> None:
    """Its classes, or with fed-back probabilities their expectation."""
    state = observed_state(tiny_cube, LAND_USE, 2003)
    codes = state[LAND.name].values
    loop = assembler.loop_of(state, 2004, Window(9, 9, 3, 3))
    assert loop is not None
    assert loop.wanted is None
    assert loop.own.cells == Window(1, 1, 1, 1), "the cell that the window touches"
    stored = tiny_cube.read("land_use_fractions", 2003)[:, 1:2, 1:2]
    np.testing.assert_allclose(loop.own.values, stored, atol=1e-6)
    belief = np.zeros((8, *FINE.shape), np.float32)
    belief[4] = belief[2] = 0.5
    field = Field.of(variable(LAND.name), FINE, codes, LANDUSE8, belief)
    believing = State(state.clock, state.tick, {LAND.name: field})
    soft = assembler.loop_of(believing, 2004, Window(9, 9, 3, 3), "probabilities")
    assert soft is not None
    np.testing.assert_allclose(soft.own.values[[2, 4], 0, 0], 0.5, atol=1e-6)
    shown = assembler.inputs(believing, 2004, Window(8, 8, 8, 8), soft, "probabilities")
    np.testing.assert_array_equal(shown.targets[LAND.name].prior, belief[:, 8:16, 8:16])
    hard = assembler.inputs(believing, 2004, Window(8, 8, 8, 8), loop)
    assert hard.targets[LAND.name].prior.max() == 1.0


def test_what_is_not_seen_of_the_past_is_blank() -> None:
    layers = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    seen = np.ones((3, 4), dtype=bool)
    seen[0] = False
    prior, earlier = Shown(layers, seen), Shown(layers + 100, ~seen)
    domain = np.ones((3, 4), dtype=bool)
    found = see([prior, None, earlier, prior], domain, history=3)
    assert found.history.shape == (3, 2, 3, 4)
    np.testing.assert_array_equal(found.history, [np.zeros((2, 3, 4)), layers + 100, layers])
    np.testing.assert_array_equal(found.history_visible, [np.zeros((3, 4)), ~seen, seen])
    np.testing.assert_array_equal(found.prior, layers)
    np.testing.assert_array_equal(found.visible[0], seen)
    assert found.domain.shape == (1, 3, 4)
    short = see([prior], domain, history=2)
    assert short.history.shape == (2, 2, 3, 4)
    assert not short.history_visible.any()
    assert see([prior, earlier], domain, history=0).history.shape == (0, 2, 3, 4)
    batch = see([Shown(layers[None], seen[None])] * 2, domain[None], history=1)
    assert batch.history.shape == (1, 1, 2, 3, 4)
    assert batch.visible.shape == (1, 1, 3, 4)


def test_earlier_states_are_remembered_a_step_apart(tiny_cube: Cube) -> None:
    assembler = assembler_of(tiny_cube, history=2)
    window, series = (
        Window(4, 4, 16, 16),
        dict(zip(YEARS, tiny_cube.series("land_use"), strict=True)),
    )
    coding = ClassCoding(LANDUSE8)

    def part(year: int) -> np.ndarray:
        return coding.encoded(series[year][window.slices])

    state = observed_state(tiny_cube, LAND_USE, 2006, (2005, 2004, 2002))
    by_one = assembler.inputs(state, 2007, window).targets[LAND.name]
    np.testing.assert_array_equal(by_one.history, [part(2005), part(2004)])
    by_two = assembler.inputs(state, 2008, window).targets[LAND.name]
    np.testing.assert_array_equal(by_two.history, [part(2004), part(2002)])
    by_three = assembler.inputs(state, 2009, window).targets[LAND.name]
    assert not by_three.history_visible.any(), "what lies at another distance is not remembered"
    past = observed_state(tiny_cube, LAND_USE, 2006, (2007, 2008))
    backward = assembler.inputs(past, 2005, window)
    np.testing.assert_array_equal(backward.targets[LAND.name].history, [part(2007), part(2008)])
    assert backward.calendar.tolist() == [-1.0]
    assert not assembler.inputs(past, 2007, window).targets[LAND.name].history_visible.any()


def test_forcing_smaller_than_the_labels_is_refused(tmp_path: Path) -> None:
    small = Grid.regular(10.0, 50.0, 0.4, 0.4, (5, 5))
    maps = land_maps((2000, 2001))
    cube = write_labels(tmp_path / "c.zarr", maps, FINE, small)
    assembler = assembler_of(cube, ("land_use_fractions",))
    assembler.forcing(2000, Window(0, 0, 16, 16))
    with pytest.raises(SampleError, match=r"(?s)beyond the forcing.*land_use_fractions.*region"):
        assembler.forcing(2000, Window(0, 32, 16, 16))


def test_a_cube_without_the_models_fields_is_refused(tmp_path: Path, assembler: Assembler) -> None:
    poor = write_labels(tmp_path / "c.zarr", land_maps(YEARS[:2]), FINE, COARSE)
    with pytest.raises(CheckpointError, match=r"(?s)lack fields.*luh2_states/primf.*elevation"):
        cube_assembler(poor, LAND_USE, assembler.spec)


def test_a_cube_with_another_legend_is_refused(tmp_path: Path, tiny_cube: Cube) -> None:
    spec = assembler_of(tiny_cube, ("land_use_fractions",)).spec
    maps = {y: np.full((8, 8), 44, np.uint8) for y in (2000, 2001)}
    fine = Grid.regular(10, 50, 0.1, 0.1, (8, 8))
    other = write_labels(
        tmp_path / "c.zarr", maps, fine, fine.coarsen(4, 4), legend("hildaplus_v1")
    )
    with pytest.raises(CheckpointError, match=r"(?s)other classes.*grass_shrub.*sparse"):
        cube_assembler(other, LAND_USE, spec)


def test_targets_on_two_grids_are_refused(tmp_path: Path) -> None:
    other = Grid.regular(10.0, 50.0, 0.1, 0.1, (20, 24))
    leaf = Target("leaf_area_index", "softplus", Clock.YEAR)
    maps = land_maps((2000, 2001))
    groups = [
        GroupSpec(
            "a", FINE, Clock.YEAR, (2000, 2001), (VariableSpec(variable(LAND.name), LANDUSE8),)
        ),
        GroupSpec("b", other, Clock.YEAR, (2000, 2001), (VariableSpec(variable(leaf.name)),)),
    ]
    grown = {t: np.ones(other.shape, np.float32) for t in maps}
    cube = write_cube(tmp_path / "c.zarr", groups, {LAND.name: maps, leaf.name: grown})
    with pytest.raises(CheckpointError, match=r"(?s)one fine grid.*recipe"):
        assembler_of(cube, task=Task("both", (LAND, leaf), frozenset()))


def test_the_forcing_of_classes_is_found(tiny_cube: Cube) -> None:
    drivers = CubeDrivers(tiny_cube, FINE)
    assert class_forcing(drivers, LAND, LANDUSE8) == ("land_use_fractions", "luh2_states")
    preferred = class_forcing(drivers, LAND, LANDUSE8, ("luh2_states",))
    assert preferred == ("luh2_states", "land_use_fractions")
    assert class_forcing(drivers, LEAF_AREA.targets[0], None) == ()


def test_an_annual_driver_serves_a_monthly_task(tmp_path: Path) -> None:
    months = tuple(range(2000 * 12 + 9, 2000 * 12 + 16))
    assembler = assembler_of(
        write_leaf_cube(tmp_path / "c.zarr", months), ("population_density",), task=LEAF_AREA
    )
    (target,) = assembler.spec.targets
    assert target.classes == ()
    assert target.activation == "softplus"
    window = Window(0, 0, 8, 8)
    december, january = (assembler.forcing(t, window) for t in (2000 * 12 + 11, 2001 * 12))
    assert (december == 0.0).all()
    assert (january == 1.0).all()
    labels = Labels(cube_of(assembler), target)
    leaf = labels.codes(months[0], window)
    assert not labels.domain(leaf)[:, :4].any()
    assert labels.domain(leaf)[:, 4:].all()
    assert labels.positions(leaf) is leaf
    with pytest.raises(SampleError, match=r"(?s)maps of classes.*leaf_area_index"):
        _ = labels.classes


def test_a_driver_on_another_short_clock_is_refused(tmp_path: Path) -> None:
    months = tuple(range(2000 * 12, 2000 * 12 + 4))
    cube = write_leaf_cube(tmp_path / "c.zarr", months, Clock.EIGHT_DAYS)
    assembler = assembler_of(cube, ("population_density",), task=LEAF_AREA)
    with pytest.raises(SampleError, match=r"(?s)unrelated clock.*month or year.*8day.*series"):
        assembler.forcing(months[0], Window(0, 0, 8, 8))
