"""The contract that all drivers keep; a kind of them is done when its tests inherit this suite."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import AI4LandError
from ai4land.grid import Grid, Window
from ai4land.samples import Described, DriverArray, Drivers
from ai4land.vocabulary import NO_DATA, Clock, Kind, legend, variable

__all__ = ["DriversContract", "MakeDrivers"]

Array = npt.NDArray[Any]
MakeDrivers = Callable[[Grid, Sequence[DriverArray]], Drivers]

_THREADS = 8
_YEARS, _MONTHS = (2000, 2001, 2002), tuple(range(2000 * 12, 2000 * 12 + 4))
_MISSING = ("luh2_states", "climate_zone")  # have holes

_REGION = Grid.regular(20.013, 40.02, 0.0599886, 0.0599886, (13, 18))
_PLANET = Grid.regular(-180, 90, 5, 5, (36, 72))
_PAIRS = [
    pytest.param(_REGION, Grid.regular(20, 40.25, 0.25, 0.25, (8, 8)), id="any ratio"),
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
    pytest.param(_PLANET, Grid.regular(0, 90, 20, 20, (9, 18)), id="the globe"),
]
_EVERY_PAIR = pytest.mark.parametrize(("fine", "coarse"), _PAIRS)


class DriversContract:
    """Inherit it and override the fixture ``make``."""

    @pytest.fixture
    def make(self) -> MakeDrivers:
        """Makes drivers of a fine grid that serve given arrays."""
        raise NotImplementedError

    @pytest.fixture
    def arrays(self) -> list[DriverArray]:
        """What the drivers of ``drivers`` serve."""
        return _arrays(_REGION, Grid.regular(20, 40.25, 0.25, 0.25, (8, 8)))

    @pytest.fixture
    def drivers(self, make: MakeDrivers, arrays: list[DriverArray]) -> Drivers:
        """Drivers of a region."""
        return make(_REGION, arrays)

    def test_they_say_what_they_have(self, drivers: Drivers, arrays: list[DriverArray]) -> None:
        """Name, grid, clock, components and legend of every variable."""
        assert drivers.grid == _REGION
        assert set(drivers.names) == {array.about.name for array in arrays}
        for array in arrays:
            about = drivers.describe(array.about.name)
            assert replace(about, ticks=()) == replace(array.about, ticks=())
            static = about.clock is Clock.STATIC
            assert static or about.ticks == tuple(sorted(array.values))

    @_EVERY_PAIR
    def test_a_pixel_gets_the_cell_in_which_its_centre_lies(
        self, make: MakeDrivers, fine: Grid, coarse: Grid
    ) -> None:
        """In windows inside the grid, on every grid and clock."""
        arrays = _arrays(fine, coarse)
        drivers = make(fine, arrays)
        for window in (fine.window, Window(2, 3, 6, 7), Window(fine.height - 1, 0, 1, 1)):
            for array in arrays:
                for tick in array.values:
                    found = drivers.window(array.about.channels, [tick], window)
                    np.testing.assert_array_equal(found, [_expected(array, tick, fine, window)])

    @_EVERY_PAIR
    def test_beyond_the_grid_the_border_stands_in(
        self, make: MakeDrivers, fine: Grid, coarse: Grid
    ) -> None:
        """For what lies on other grids; a global grid goes around, the fine grid itself ends."""
        arrays = _arrays(fine, coarse)
        drivers = make(fine, arrays)
        for window in (
            Window(-3, -4, 8, 9),
            Window(fine.height - 4, fine.width - 5, 9, 11),
            fine.window.pad(2),
        ):
            for array in arrays:
                tick = max(array.values)
                found = drivers.window(array.about.channels, [tick], window)
                np.testing.assert_array_equal(found[0], _expected(array, tick, fine, window))

    def test_channels_come_as_they_are_asked_for(
        self, drivers: Drivers, arrays: list[DriverArray]
    ) -> None:
        """Chosen, reordered, of several variables, and more than once."""
        window = Window(1, 2, 9, 7)
        held = {
            a.about.name: _expected(a, 2001, _REGION, window) for a in arrays if 2001 in a.values
        }
        for names in (
            ["luh2_states/secdf"],
            ["luh2_states/secdf", "luh2_states/primf", "luh2_states/secdf"],
            ["luh2_states/urban", "population_density", "luh2_states/primf"],
            ["population_density", "population_density"],
            list(reversed(drivers.describe("luh2_states").channels)),
        ):
            expected = []
            for full in names:
                variable_name, _, component = full.partition("/")
                components = drivers.describe(variable_name).components
                expected.append(
                    held[variable_name][components.index(component) if component else 0]
                )
            np.testing.assert_array_equal(drivers.window(names, [2001], window)[0], expected)

    def test_several_times_are_the_times_one_by_one(self, drivers: Drivers) -> None:
        """In the order asked for, also twice."""
        window = Window(0, 1, 5, 6)
        for name, ticks in (
            ("population_density", [2002, 2000, 2002]),
            ("air_temperature", list(_MONTHS[::-1])),
        ):
            found = drivers.window([name], ticks, window)
            one_by_one = [drivers.window([name], [tick], window)[0] for tick in ticks]
            np.testing.assert_array_equal(found, one_by_one)
            assert not np.array_equal(found[0], found[1])

    def test_what_never_changes_ignores_the_time(self, drivers: Drivers) -> None:
        """One copy a time that is asked for, also beside variables that do change."""
        window = Window(0, 1, 5, 6)
        found = drivers.window(["elevation"], [2000, -7], window)
        assert found.shape == (2, 1, 5, 6)
        np.testing.assert_array_equal(found[0], found[1])
        both = drivers.window(["population_density", "elevation"], [2001], window)[0]
        np.testing.assert_array_equal(both[1], found[0, 0])

    def test_missing_stays_missing(self, drivers: Drivers, arrays: list[DriverArray]) -> None:
        """NaN in ``float32``, 255 in ``uint8`` codes."""
        for array in arrays:
            about = array.about
            found = drivers.window(about.channels, [max(array.values)], _REGION.window)
            if about.kind is Kind.CATEGORICAL:
                assert found.dtype == np.uint8
                holes = found == NO_DATA
            else:
                assert found.dtype == np.float32
                holes = np.isnan(found)
            assert holes.any() == (about.name in _MISSING)
            assert not holes.all()

    def test_whole_cells_are_the_native_values(
        self, drivers: Drivers, arrays: list[DriverArray]
    ) -> None:
        """On the variable's own grid; missing beyond it."""
        for array in arrays:
            about, tick = array.about, max(array.values)
            whole = drivers.cells(about.name, tick, about.grid.window)
            np.testing.assert_array_equal(whole, array.values[tick])
            wide = drivers.cells(about.name, tick, about.grid.window.pad(1))
            np.testing.assert_array_equal(wide[:, 1:-1, 1:-1], whole)
            fill = NO_DATA if about.kind is Kind.CATEGORICAL else np.nan
            np.testing.assert_array_equal(wide[:, 0], np.full_like(wide[:, 0], fill))
            np.testing.assert_array_equal(wide[:, :, -1], np.full_like(wide[:, :, -1], fill))

    def test_what_is_not_there_is_one_clear_error(self, drivers: Drivers) -> None:
        """Unknown variables, unknown channels, and times that are not held, by name."""
        window = Window(0, 0, 4, 4)
        for names, tick, said in (
            (["rainfall"], 2000, "rainfall"),
            (["population_density"], 2099, "2099"),
            (["air_temperature"], 2099 * 12 + 1, "2099-02"),
            (["luh2_states/moss"], 2000, "luh2_states/moss"),
            (["luh2_states"], 2000, "luh2_states"),
        ):
            with pytest.raises(AI4LandError, match=said):
                drivers.window(names, [tick], window)
        with pytest.raises(AI4LandError, match="rainfall"):
            drivers.describe("rainfall")

    def test_a_grid_that_reaches_beyond_the_drivers_is_refused(self, make: MakeDrivers) -> None:
        """Where the window does; elsewhere they serve."""
        small = Grid.regular(20, 40.25, 0.25, 0.25, (8, 3))
        drivers = make(_REGION, [a for a in _arrays(_REGION, small) if a.about.grid == small])
        assert drivers.window(["population_density"], [2000], Window(0, 0, 4, 4)).shape[2:] == (
            4,
            4,
        )
        with pytest.raises(AI4LandError, match=r"(?s)beyond the forcing.*population_density"):
            drivers.window(["population_density"], [2000], Window(0, 10, 4, 4))

    def test_nobody_writes_into_them(self, drivers: Drivers, arrays: list[DriverArray]) -> None:
        """What a caller does to what it was given reaches no later answer."""
        window, few = Window(0, 0, 6, 7), Window(0, 0, 2, 3)
        for array in arrays:
            about, tick = array.about, max(array.values)
            for _ in range(2):
                first = drivers.window(about.channels, [tick], window)
                _overwrite(first)
                expected = _expected(array, tick, _REGION, window)
                again = drivers.window(about.channels, [tick], window)
                np.testing.assert_array_equal(again[0], expected)
                _overwrite(drivers.cells(about.name, tick, few))
                native = drivers.cells(about.name, tick, few)
                np.testing.assert_array_equal(native, array.values[tick][:, :2, :3])

    def test_many_threads_may_read_at_once(
        self, drivers: Drivers, arrays: list[DriverArray]
    ) -> None:
        """Each gets what it would get alone."""
        rng = np.random.default_rng(4)
        questions = [
            (array.about.channels, [tick], Window(int(rng.integers(-3, 9)), 2, 7, 8))
            for array in arrays
            for tick in array.values
            for _ in range(3)
        ]
        with ThreadPoolExecutor(_THREADS) as pool:
            answers = list(pool.map(lambda q: drivers.window(*q), questions))
        for question, answer in zip(questions, answers, strict=True):
            np.testing.assert_array_equal(answer, drivers.window(*question))

    def test_another_process_may_have_a_copy(self, drivers: Drivers) -> None:
        """Workers that load samples get theirs by pickle."""
        copy = pickle.loads(pickle.dumps(drivers))
        window = Window(1, 1, 8, 9)
        for name, tick in (("population_density", 2001), ("air_temperature", _MONTHS[1])):
            one, two = (d.window([name], [tick], window) for d in (drivers, copy))
            np.testing.assert_array_equal(one, two)


def _overwrite(values: Array) -> None:
    """What a careless caller does."""
    if values.flags.writeable:
        values[:] = 0


def _arrays(fine: Grid, coarse: Grid) -> list[DriverArray]:
    """One variable a kind, grid and clock, each cell and time another value."""
    rng = np.random.default_rng(0)
    states = variable("luh2_states").components
    koeppen = legend("koeppen_geiger")
    people = np.arange(coarse.height * coarse.width, dtype=np.float32).reshape(1, *coarse.shape)
    share = {y: rng.random((len(states), *coarse.shape)).astype(np.float32) for y in _YEARS}
    zones = rng.choice(np.array(koeppen.codes, np.uint8), (1, *coarse.shape))
    zones[0, ::2, 1::2] = NO_DATA
    for values in share.values():
        values[:, 1::3, ::2] = np.nan
    height = rng.uniform(0, 4000, (1, *fine.shape)).astype(np.float32)
    warmth = {t: rng.uniform(250, 300, (1, *coarse.shape)).astype(np.float32) for t in _MONTHS}

    def about(name: str, grid: Grid, clock: Clock) -> Described:
        entry = variable(name)
        meaning = koeppen if entry.kind is Kind.CATEGORICAL else None
        return Described(name, grid, clock, entry.kind, entry.components, meaning)

    return [
        DriverArray(
            about("population_density", coarse, Clock.YEAR),
            {year: people + np.float32(0.25 * i) for i, year in enumerate(_YEARS)},
        ),
        DriverArray(about("luh2_states", coarse, Clock.YEAR), share),
        DriverArray(about("air_temperature", coarse, Clock.MONTH), warmth),
        DriverArray(about("climate_zone", coarse, Clock.STATIC), {0: zones}),
        DriverArray(about("elevation", fine, Clock.STATIC), {0: height}),
    ]


def _expected(array: DriverArray, tick: int, fine: Grid, window: Window) -> Array:
    """A window by plain arithmetic, one row and one column at a time."""
    about, values = array.about, array.values[tick]
    rows, cols = np.arange(window.height) + window.row, np.arange(window.width) + window.col
    inside_rows, inside_cols = (rows >= 0) & (rows < fine.height), (cols >= 0) & (cols < fine.width)
    cols = cols % fine.width if fine.is_global else cols.clip(0, fine.width - 1)
    rows, latitude, longitude = rows.clip(0, fine.height - 1), fine.latitudes(), fine.longitudes()
    own, grid = np.empty((len(values), *window.shape), values.dtype), about.grid
    for i, lat in enumerate(latitude[rows]):
        row = int((float(grid.north) - lat) // float(grid.dy))
        for j, lon in enumerate(longitude[cols]):
            col = int(((lon - float(grid.west)) % 360.0) // float(grid.dx))
            own[:, i, j] = values[:, row, col]
    if grid == fine:
        fill = NO_DATA if about.kind is Kind.CATEGORICAL else np.nan
        own[:, ~inside_rows] = fill
        if not fine.is_global:
            own[:, :, ~inside_cols] = fill
    return own
