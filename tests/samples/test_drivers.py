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
)
from ai4land.testing.contracts.drivers import DriversContract, MakeDrivers
from ai4land.vocabulary import Clock, Kind, variable
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
