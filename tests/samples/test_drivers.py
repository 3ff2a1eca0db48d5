"""Drivers keep one contract: from a cube, from arrays, or kept a while in front of either."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import GroupSpec, VariableSpec
from ai4land.errors import SampleError
from ai4land.grid import Grid, Window
from ai4land.samples import (
    ArrayDrivers,
    CachedDrivers,
    CubeDrivers,
    Described,
    DriverArray,
    GriddedDrivers,
    PerturbedDrivers,
)
from ai4land.testing.contracts.drivers import DriversContract, MakeDrivers
from ai4land.vocabulary import Clock, Kind, legend, variable
from tiny_cubes import write_cube

Array = npt.NDArray[Any]


def cube_drivers(path: Path, grid: Grid, arrays: Sequence[DriverArray]) -> CubeDrivers:
    """The arrays written as a cube, a group each."""
    groups, values = [], {}
    for array in arrays:
        about = array.about
        spec = VariableSpec(variable(about.name), about.legend)
        ticks = () if about.clock is Clock.STATIC else tuple(array.values)
        groups.append(GroupSpec(f"of_{about.name}", about.grid, about.clock, ticks, (spec,)))
        layered = {t: v if about.components else v[0] for t, v in array.values.items()}
        values[about.name] = layered if ticks else layered[0]
    return CubeDrivers(write_cube(path, groups, values), grid)


class TestCubeDrivers(DriversContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeDrivers:
        number = itertools.count()
        return lambda grid, arrays: cube_drivers(tmp_path / f"{next(number)}.zarr", grid, arrays)


class TestArrayDrivers(DriversContract):
    @pytest.fixture
    def make(self) -> MakeDrivers:
        return ArrayDrivers


class TestPerturbedDrivers(DriversContract):
    """What is not named, and what has no error, comes as it is."""

    @pytest.fixture
    def make(self) -> MakeDrivers:
        def made(grid: Grid, arrays: Sequence[DriverArray]) -> PerturbedDrivers:
            inner = ArrayDrivers(grid, arrays)
            names = [name for name in inner.names if name == "luh2_states"]
            return PerturbedDrivers(inner, names, 0.0, since=2000)

        return made


class TestErrorsOfForcing:
    """What is wrong, by how much, and what is kept."""

    GRID = Grid.regular(0, 10, 0.25, 0.25, (30, 40))
    STATES = variable("luh2_states").components

    @pytest.fixture
    def inner(self) -> ArrayDrivers:
        """Shares that wander from year to year; the last class never changes."""
        rng = np.random.default_rng(1)
        now = rng.dirichlet(np.ones(11), self.GRID.shape).transpose(2, 0, 1) * 0.9
        values = {}
        for year in range(2000, 2005):
            still = np.full((1, *self.GRID.shape), 0.05)
            values[year] = np.concatenate([now, still]).astype(np.float32)
            values[year][:, 0, 0] = np.nan
            moved = 0.02 * now[rng.permutation(11)]
            now = np.maximum(now - moved + moved[rng.permutation(11)], 0.0)
        about = Described("luh2_states", self.GRID, Clock.YEAR, Kind.FRACTION, self.STATES)
        gross = variable("luh2_transitions").components
        flows = {y: rng.random((108, *self.GRID.shape)).astype(np.float32) * 1e-3 for y in values}
        going = Described("luh2_transitions", self.GRID, Clock.YEAR, Kind.FRACTION, gross)
        return ArrayDrivers(self.GRID, [DriverArray(about, values), DriverArray(going, flows)])

    @pytest.mark.parametrize("error", [0.01, 0.05, 0.2])
    @pytest.mark.parametrize(("since", "tick"), [(2001, 2002), (2003, 2002)])
    def test_changes_are_wrong_by_the_error(
        self, inner: ArrayDrivers, error: float, since: int, tick: int
    ) -> None:
        drivers = PerturbedDrivers(inner, ["luh2_states"], error, since=since)
        whole = self.GRID.window
        first, right, wrong = (
            d.cells("luh2_states", t, whole).astype(np.float64)
            for d, t in ((inner, since), (inner, tick), (drivers, tick))
        )
        np.testing.assert_array_equal(drivers.cells("luh2_states", since, whole), first)
        loses = (right - first < -1e-3) & (wrong > 1e-6)
        factor = np.log((wrong - first)[loses] / (right - first)[loses])
        assert factor.std() == pytest.approx(error, rel=0.1)
        assert abs(np.median(factor)) < 0.2 * error
        np.testing.assert_allclose(np.nansum(wrong, 0), np.nansum(right, 0), atol=1e-5)
        np.testing.assert_array_equal(wrong[-1], right[-1])  # no change is made up
        assert np.nanmin(wrong) >= 0
        assert np.isnan(wrong[:, 0, 0]).all()

    def test_shares_of_each_time_can_be_wrong_on_their_own(self, inner: ArrayDrivers) -> None:
        drivers = PerturbedDrivers(inner, ["luh2_states"], 0.05, since=2000, of="shares")
        whole = self.GRID.window
        first, right, wrong = (
            d.cells("luh2_states", t, whole).astype(np.float64)
            for d, t in ((drivers, 2000), (inner, 2001), (drivers, 2001))
        )
        np.testing.assert_array_equal(first, inner.cells("luh2_states", 2000, whole))
        spread = np.log(wrong[-1] / right[-1])  # a small class hardly moves the sum
        assert np.nanstd(spread) == pytest.approx(0.05, rel=0.15)
        np.testing.assert_allclose(np.nansum(wrong, 0), np.nansum(right, 0), atol=1e-6)
        later = drivers.cells("luh2_states", 2002, whole)[-1]
        assert abs(np.corrcoef(spread[np.isfinite(spread)], later[np.isfinite(later)])[0, 1]) < 0.15

    def test_the_same_errors_whatever_is_read(self, inner: ArrayDrivers) -> None:
        drivers = PerturbedDrivers(inner, ["luh2_states"], 0.2, since=2000, seed=3)
        whole = drivers.cells("luh2_states", 2004, self.GRID.window)
        part = drivers.cells("luh2_states", 2004, Window(4, 7, 3, 5))
        np.testing.assert_array_equal(part, whole[:, 4:7, 7:12])
        again = PerturbedDrivers(inner, ["luh2_states"], 0.2, since=2000, seed=3)
        np.testing.assert_array_equal(again.cells("luh2_states", 2004, self.GRID.window), whole)
        other = PerturbedDrivers(inner, ["luh2_states"], 0.2, since=2000, seed=4)
        assert not np.array_equal(other.cells("luh2_states", 2004, self.GRID.window), whole)
        fine = drivers.window(["luh2_states/urban"], [2004], Window(0, 0, 5, 5))[0, 0]
        np.testing.assert_array_equal(fine, whole[self.STATES.index("urban"), :5, :5])

    def test_errors_of_transitions(self, inner: ArrayDrivers) -> None:
        drivers = PerturbedDrivers(inner, ["luh2_transitions"], 0.2, since=2000)
        right, wrong = (
            d.cells("luh2_transitions", 2002, self.GRID.window) for d in (inner, drivers)
        )
        factor = np.log(wrong[right > 1e-6] / right[right > 1e-6])
        assert factor.std() == pytest.approx(0.2, rel=0.05)
        kept = drivers.cells("luh2_states", 2002, self.GRID.window)
        np.testing.assert_array_equal(kept, inner.cells("luh2_states", 2002, self.GRID.window))

    def test_rows_of_transitions_between_labels_keep_their_sums(self) -> None:
        """No more moves than there is, and what does not move stays."""
        classes = legend("landuse8")
        layers = variable("land_use_gross_transitions").layers(classes.names)
        table = np.random.default_rng(2).random((8, 8, *self.GRID.shape)) ** 4
        table[3, 3] = 0.0
        values = (table / table.sum(axis=(0, 1))).astype(np.float32).reshape(64, *self.GRID.shape)
        about = Described(
            "land_use_gross_transitions", self.GRID, Clock.YEAR, Kind.FRACTION, layers, classes
        )
        inner = ArrayDrivers(self.GRID, [DriverArray(about, {2000: values})])
        drivers = PerturbedDrivers(inner, ["land_use_gross_transitions"], 0.5, since=2000)
        wrong = drivers.cells("land_use_gross_transitions", 2000, self.GRID.window)
        rows = [v.reshape(8, 8, *self.GRID.shape).sum(axis=1) for v in (values, wrong)]
        np.testing.assert_allclose(rows[1], rows[0], atol=1e-6)
        assert wrong.min() >= 0
        assert not np.allclose(wrong, values, atol=1e-3)

    def test_only_class_fractions_can_be_wrong(self, inner: ArrayDrivers) -> None:
        with pytest.raises(SampleError, match="handed over"):
            PerturbedDrivers(inner, ["land_use_fractions"], 0.1, since=2000)
        with pytest.raises(SampleError, match="error -0"):
            PerturbedDrivers(inner, ["luh2_states"], -0.1, since=2000)


class TestCachedDrivers(DriversContract):
    """With room for everything."""

    @pytest.fixture
    def make(self) -> MakeDrivers:
        return lambda grid, arrays: CachedDrivers(ArrayDrivers(grid, arrays))


class TestCachedDriversOfACube(DriversContract):
    """With room for next to nothing, so that reading and forgetting take turns."""

    @pytest.fixture
    def make(self, tmp_path: Path) -> MakeDrivers:
        number = itertools.count()
        return lambda grid, arrays: CachedDrivers(
            cube_drivers(tmp_path / f"{next(number)}.zarr", grid, arrays), limit=700
        )


class Counting(GriddedDrivers):
    """Counts what is read of other drivers."""

    def __init__(self, inner: GriddedDrivers) -> None:
        super().__init__(inner.grid)
        self.inner = inner
        self.read = 0

    @property
    def names(self) -> tuple[str, ...]:
        return self.inner.names

    def describe(self, name: str) -> Described:
        return self.inner.describe(name)

    def cells(self, name: str, tick: int, cells: Window) -> Array:
        self.read += 1
        return self.inner.cells(name, tick, cells)


FINE = Grid.regular(0, 60, 0.1, 0.1, (300, 560))


@pytest.fixture(scope="module")
def heights() -> DriverArray:
    """More than one kept square in both directions, of five bytes a number of its own."""
    values = np.arange(FINE.height * FINE.width, dtype=np.float32).reshape(1, *FINE.shape)
    about = Described("population_density", FINE, Clock.YEAR, Kind.CONTINUOUS)
    return DriverArray(about, {2000: values, 2001: values + 0.5})


WINDOWS = [
    Window(0, 0, 10, 10),
    Window(250, 250, 20, 20),
    Window(200, 200, 90, 350),
    Window(-5, 500, 20, 80),
    FINE.window,
]


@pytest.mark.parametrize("limit", [0, 300_000, 2**30])
def test_the_cache_changes_nothing_and_keeps_its_limit(heights: DriverArray, limit: int) -> None:
    plain = ArrayDrivers(FINE, [heights])
    cached = CachedDrivers(plain, limit)
    for window, tick in itertools.product(WINDOWS * 2, (2000, 2001)):
        names = ("population_density",)
        found = cached.window(names, [tick], window)
        np.testing.assert_array_equal(found, plain.window(names, [tick], window))
        kept = list(cached._kept._kept.values())
        assert sum(values.nbytes for values in kept) <= limit
        for values in kept:  # a small view would hold on to a large array
            base = values.base
            assert base is None or base.nbytes == values.nbytes
    assert bool(kept) == (limit > 0)


def test_a_second_look_reads_nothing(heights: DriverArray) -> None:
    counting = Counting(ArrayDrivers(FINE, [heights]))
    cached = CachedDrivers(counting)
    for window in WINDOWS[:3]:
        cached.window(("population_density",), [2000], window)
    assert counting.read == 6, "one reading a square"
    for window in WINDOWS[:3]:
        cached.window(("population_density",), [2000], window)
    assert counting.read == 6
    cached.window(("population_density",), [2001], WINDOWS[0])
    assert counting.read == 7


def test_values_must_lie_on_their_grid() -> None:
    about = Described("population_density", FINE, Clock.YEAR, Kind.CONTINUOUS)
    with pytest.raises(SampleError, match=r"(?s)do not lie.*population_density, time 2000.*\(3, 4"):
        DriverArray(about, {2000: np.zeros((3, 4), np.float32)})


def test_what_was_not_handed_over_is_named(heights: DriverArray) -> None:
    drivers = ArrayDrivers(FINE, [heights])
    with pytest.raises(SampleError, match=r"(?s)not handed over.*did you mean 'population_dens"):
        drivers.describe("population_densty")
    with pytest.raises(SampleError, match=r"(?s)this time.*2009.*2000, 2001.*every step"):
        drivers.window(("population_density",), [2009], WINDOWS[0])
    empty = ArrayDrivers(FINE, [DriverArray(heights.about)])
    with pytest.raises(SampleError, match="no time"):
        empty.window(("population_density",), [2000], WINDOWS[0])
