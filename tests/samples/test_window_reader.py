"""Reading windows: coarse fields under fine pixels, the same bytes from memory or disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.errors import CheckpointError, SampleError
from ai4land.grid import Grid, Window
from ai4land.samples import CellShares, WindowReader, class_lookup, input_spec
from ai4land.vocabulary import LAND_USE, NO_DATA, Clock, legend, variable
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
WINDOWS = [
    FINE.window,
    Window(3, 5, 16, 16),
    Window(17, 30, 9, 11),
    Window(-6, -7, 24, 24),
    Window(30, 40, 32, 32),
]


@pytest.fixture
def reader(tiny_cube: Cube) -> WindowReader:
    return WindowReader(tiny_cube, LAND_USE, input_spec(tiny_cube, LAND_USE, FORCING, STATIC))


def under(fine: Grid, coarse: Grid, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Coarse values at the centre of each fine pixel, one pixel at a time."""
    out = np.empty((*values.shape[:-2], *fine.shape), values.dtype)
    for i, lat in enumerate(fine.latitudes()):
        row = int((float(coarse.north) - lat) // float(coarse.dy))
        for j, lon in enumerate(fine.longitudes()):
            col = int(((lon - float(coarse.west)) % 360.0) // float(coarse.dx))
            out[..., i, j] = values[..., row, col]
    return out


def people_cube(path: Path, fine: Grid, coarse: Grid) -> tuple[Cube, npt.NDArray[np.float32]]:
    """Labels over a driver whose every cell has another value."""
    maps = {2000: np.full(fine.shape, 4, np.uint8), 2001: np.full(fine.shape, 2, np.uint8)}
    people = np.arange(coarse.height * coarse.width, dtype=np.float32).reshape(coarse.shape)
    groups = [
        GroupSpec(
            "fine",
            fine,
            Clock.YEAR,
            (2000, 2001),
            (VariableSpec(variable("land_use"), LANDUSE8),),
        ),
        GroupSpec(
            "coarse",
            coarse,
            Clock.YEAR,
            (2000, 2001),
            (VariableSpec(variable("population_density")),),
        ),
    ]
    cube = write_cube(
        path, groups, {"land_use": maps, "population_density": {2000: people, 2001: people + 0.5}}
    )
    return cube, people


@pytest.mark.parametrize(
    ("fine", "coarse"),
    [
        pytest.param(
            Grid.regular(20.013, 40.02, 0.0099886, 0.0099886, (61, 83)),
            Grid.regular(20, 40.25, 0.25, 0.25, (6, 6)),
            id="ratio that is no number",
        ),
        pytest.param(
            Grid.regular(20.1, 40.1, 0.3, 0.4, (10, 12)),
            Grid.regular(20, 41, 0.7, 0.9, (8, 9)),
            id="cells cut by pixels",
        ),
        pytest.param(
            Grid.regular(176, 10, 0.5, 0.5, (12, 20)),
            Grid.regular(-180, 90, 2, 2, (90, 180)),
            id="region across the date line",
        ),
        pytest.param(
            Grid.regular(-4, 10, 0.5, 0.5, (12, 20)),
            Grid.regular(0, 90, 2, 2, (90, 180)),
            id="region across the edge of 0…360° data",
        ),
    ],
)
@pytest.mark.parametrize("memory", [2**30, 0])
def test_a_pixel_gets_the_cell_in_which_its_centre_lies(
    tmp_path: Path, fine: Grid, coarse: Grid, memory: int
) -> None:
    cube, people = people_cube(tmp_path / "c.zarr", fine, coarse)
    spec = input_spec(cube, LAND_USE, ("population_density",), ())
    reader = WindowReader(cube, LAND_USE, spec, memory=memory)
    expected = under(fine, coarse, people)
    np.testing.assert_array_equal(reader.forcing(2000, fine.window)[0], expected)
    np.testing.assert_array_equal(reader.forcing(2001, fine.window)[0], expected + 0.5)
    part = Window(2, 3, 6, 7)
    np.testing.assert_array_equal(reader.forcing(2000, part)[0], expected[part.slices])


@pytest.mark.parametrize("memory", [2**30, 0])
def test_a_window_goes_around_the_globe(tmp_path: Path, memory: int) -> None:
    fine = Grid.regular(-180, 90, 5, 5, (36, 72))
    coarse = Grid.regular(0, 90, 20, 20, (9, 18))
    cube, people = people_cube(tmp_path / "c.zarr", fine, coarse)
    spec = input_spec(cube, LAND_USE, ("population_density",), ())
    reader = WindowReader(cube, LAND_USE, spec, memory=memory)
    rolled = np.roll(under(fine, coarse, people), 5, axis=1)
    around = Window(4, -5, 10, 12)
    np.testing.assert_array_equal(reader.forcing(2000, around)[0], rolled[4:14, :12])
    east = Window(4, 67, 10, 12)
    np.testing.assert_array_equal(reader.forcing(2000, east)[0], rolled[4:14, :12])
    assert (reader.codes(2000, around) == 4).all()


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_reading_by_window_equals_reading_from_memory(
    tiny_cube: Cube, reader: WindowReader, window: Window
) -> None:
    lean = WindowReader(tiny_cube, LAND_USE, reader.spec, memory=0)
    for tick in (2000, 2007):
        np.testing.assert_array_equal(lean.codes(tick, window), reader.codes(tick, window))
        np.testing.assert_array_equal(lean.forcing(tick, window), reader.forcing(tick, window))
    np.testing.assert_array_equal(lean.static(window), reader.static(window))
    np.testing.assert_array_equal(lean.zones(window), reader.zones(window))


def test_a_window_is_a_part_of_the_whole(reader: WindowReader) -> None:
    window = Window(7, 11, 16, 20)
    whole = FINE.window
    for read in (
        lambda w: reader.target(2003, w),
        lambda w: reader.forcing(2003, w),
        reader.static,
        reader.zones,
    ):
        np.testing.assert_array_equal(read(window), read(whole)[(..., *window.slices)])


def test_values_are_the_cubes_own(tiny_cube: Cube, reader: WindowReader) -> None:
    """Classes by position, drivers in physical units and in the order of the specification."""
    maps = land_maps()
    codes = reader.codes(2004, FINE.window)
    np.testing.assert_array_equal(codes, maps[2004])
    positions = reader.target(2004, FINE.window)
    np.testing.assert_array_equal(positions, maps[2004])  # landuse8 codes are positions
    forcing = reader.forcing(2004, FINE.window)
    shares, states = (tiny_cube.read(name, 2004) for name in FORCING)
    both = np.concatenate([shares, states]).repeat(8, axis=1).repeat(8, axis=2)
    np.testing.assert_array_equal(forcing, both)
    assert len(reader.spec.forcing) == 8 + 12
    row, col = np.mgrid[0:40, 0:48]
    np.testing.assert_allclose(reader.static(FINE.window)[0], 20.0 * row + 0.25 * col)
    zones = reader.zones(FINE.window)[0]
    # code 15 is the 15th class: position 14, and 0 is kept for the unknown
    assert set(np.unique(zones[:20])) == {15}
    assert set(np.unique(zones[20:])) == {14}


def test_beyond_the_grid_nothing_exists(reader: WindowReader) -> None:
    window = Window(-4, 44, 8, 8)
    assert (reader.target(2000, window)[:4] == NO_DATA).all()
    assert (reader.target(2000, window)[:, 4:] == NO_DATA).all()
    assert (reader.zones(window)[0, :4] == 0).all()
    assert not reader.domain(reader.codes(2000, window))[:4].any()
    assert reader.domain(reader.codes(2000, window))[4:, :4].all()


def test_the_domain_is_neither_sea_nor_missing(reader: WindowReader) -> None:
    codes = np.array([[0, 1, 7, NO_DATA]], np.uint8)
    assert reader.domain(codes).tolist() == [[False, True, True, False]]
    assert reader.sea == [0]


def test_positions_follow_the_legend() -> None:
    hilda = legend("hildaplus_v1")
    table = class_lookup(hilda)
    assert [int(table[code]) for code in hilda.codes] == list(range(len(hilda)))
    assert (table[[1, 12, 200, NO_DATA]] == NO_DATA).all()


def test_the_specification_of_closed_and_open_loops(tiny_cube: Cube) -> None:
    closed = input_spec(tiny_cube, LAND_USE, ("luh2_states", "land_use_fractions"), STATIC)
    assert closed.closed_loop
    assert closed.static == ("elevation", "slope")
    assert closed.zones == (("climate_zone", 31),)
    reader = WindowReader(tiny_cube, LAND_USE, closed)
    assert reader.loop == "land_use_fractions"
    assert reader.loop_channels == slice(12, 20)
    undriven = input_spec(tiny_cube, LAND_USE, (), ("slope",))
    assert not undriven.closed_loop
    reader = WindowReader(tiny_cube, LAND_USE, undriven)
    assert reader.loop is reader.loop_source is reader.coupling is None
    assert reader.loop_channels == slice(0, 0)


def test_forcing_of_other_classes_brings_the_books_of_the_own(tiny_cube: Cube) -> None:
    """The network is told what its own classes hold and should hold, beside the product."""
    spec = input_spec(tiny_cube, LAND_USE, ("luh2_states",), ())
    assert spec.closed_loop
    assert spec.forcing[12:] == tuple(f"demand/{name}" for name in spec.classes)
    np.testing.assert_array_equal(spec.translation, np.hstack([np.zeros((8, 12)), np.eye(8)]))
    reader = WindowReader(tiny_cube, LAND_USE, spec)
    assert (reader.loop, reader.loop_source) == ("demand", "luh2_states")
    assert reader.loop_channels == slice(12, 20)
    own = np.random.default_rng(0).random((8, *COARSE.shape)).astype(np.float32)
    window = Window(5, 9, 16, 16)
    shares = CellShares(COARSE.window, own)
    given = reader.forcing(2003, window, shares)
    np.testing.assert_array_equal(given[12:], reader.upsampled(shares, window))
    stored = input_spec(tiny_cube, LAND_USE, ("land_use_fractions", "luh2_states"), ())
    plain = WindowReader(tiny_cube, LAND_USE, stored).forcing(2003, window)
    np.testing.assert_array_equal(given[:12], plain[8:])


def test_own_shares_stand_in_for_the_forcing_made_of_them(
    tiny_cube: Cube, reader: WindowReader
) -> None:
    own = np.random.default_rng(0).random((8, *COARSE.shape)).astype(np.float32)
    window = Window(5, 9, 16, 16)
    given = reader.forcing(2003, window, CellShares(COARSE.window, own))
    plain = reader.forcing(2003, window)
    np.testing.assert_array_equal(given[8:], plain[8:])
    expected = own.repeat(8, axis=1).repeat(8, axis=2)[(slice(None), *window.slices)]
    np.testing.assert_array_equal(given[:8], expected)


def test_forcing_smaller_than_the_labels_is_refused(tmp_path: Path) -> None:
    small = Grid.regular(10.0, 50.0, 0.4, 0.4, (5, 5))
    maps = land_maps((2000, 2001))
    cube = write_labels(tmp_path / "c.zarr", maps, FINE, small)
    reader = WindowReader(cube, LAND_USE, input_spec(cube, LAND_USE, ("land_use_fractions",), ()))
    reader.forcing(2000, Window(0, 0, 16, 16))
    with pytest.raises(SampleError, match=r"(?s)beyond the forcing.*land_use_fractions.*region"):
        reader.forcing(2000, Window(0, 32, 16, 16))


def test_a_cube_without_the_networks_fields_is_refused(tmp_path: Path, tiny_cube: Cube) -> None:
    spec = input_spec(tiny_cube, LAND_USE, FORCING, STATIC)
    poor = write_labels(tmp_path / "c.zarr", land_maps(YEARS[:2]), FINE, COARSE)
    with pytest.raises(CheckpointError, match=r"(?s)lacks fields.*luh2_states/primf.*elevation"):
        WindowReader(poor, LAND_USE, spec)


def test_a_cube_with_another_legend_is_refused(tmp_path: Path, tiny_cube: Cube) -> None:
    spec = input_spec(tiny_cube, LAND_USE, ("land_use_fractions",), ())
    maps = {y: np.full((8, 8), 44, np.uint8) for y in (2000, 2001)}
    fine = Grid.regular(10, 50, 0.1, 0.1, (8, 8))
    other = write_labels(
        tmp_path / "c.zarr", maps, fine, fine.coarsen(4, 4), legend("hildaplus_v1")
    )
    with pytest.raises(CheckpointError, match=r"(?s)other classes.*grass_shrub.*sparse"):
        WindowReader(other, LAND_USE, spec)


def test_an_annual_driver_serves_a_monthly_task(tmp_path: Path) -> None:
    months = range(2000 * 12 + 9, 2000 * 12 + 16)
    cube = write_leaf_cube(tmp_path / "c.zarr", tuple(months))
    spec = input_spec(cube, LEAF_AREA, ("population_density",), ())
    assert spec.classes == ()
    assert spec.activation == "softplus"
    reader = WindowReader(cube, LEAF_AREA, spec)
    window = Window(0, 0, 8, 8)
    december, january = (reader.forcing(t, window) for t in (2000 * 12 + 11, 2001 * 12))
    assert (december == 0.0).all()
    assert (january == 1.0).all()
    leaf = reader.codes(months[0], window)
    assert not reader.domain(leaf)[:, :4].any()
    assert reader.domain(leaf)[:, 4:].all()
    assert reader.positions(leaf) is leaf


def test_a_driver_on_another_short_clock_is_refused(tmp_path: Path) -> None:
    months = tuple(range(2000 * 12, 2000 * 12 + 4))
    cube = write_leaf_cube(tmp_path / "c.zarr", months, Clock.EIGHT_DAYS)
    spec = input_spec(cube, LEAF_AREA, ("population_density",), ())
    reader = WindowReader(cube, LEAF_AREA, spec)
    with pytest.raises(SampleError, match=r"(?s)unrelated clock.*month or year.*8day"):
        reader.forcing(months[0], Window(0, 0, 8, 8))
