"""Forcing of another product in the classes of a map: its change counts, its bias does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.errors import AI4LandError
from ai4land.grid import Window
from ai4land.rollout import observed_state
from ai4land.samples import AnchoredDrivers, ArrayDrivers, CubeDrivers, Demand, DriverArray
from ai4land.vocabulary import LAND_USE
from tiny_cubes import COARSE, FINE, LANDUSE8, write_land_cube

NAME, STATES = "land_use_fractions", "luh2_states"
(LAND,) = LAND_USE.targets


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    return write_land_cube(tmp_path_factory.mktemp("anchored") / "cube.zarr")


def anchored(cube: Cube, first: int = 0, bias: float = 0.0) -> AnchoredDrivers:
    """Drivers anchored in 2002 to the states from a column on, moved from grass to forest."""
    inner = CubeDrivers(cube, FINE)
    about = inner.describe(STATES)
    grid = COARSE.crop(Window(0, first, COARSE.height, COARSE.width - first))
    values = {t: inner.cells(STATES, t, COARSE.window)[..., first:] for t in about.ticks}
    secdf, secdn = (about.components.index(name) for name in ("secdf", "secdn"))
    for states in values.values():
        states[secdf] += bias
        states[secdn] -= bias
    given = ArrayDrivers(FINE, [DriverArray(replace(about, grid=grid), values)])
    demand = Demand(given, LAND, LANDUSE8, STATES)
    return AnchoredDrivers(given, NAME, demand, observed_state(cube, LAND_USE, 2002))


def test_it_begins_as_the_map_and_changes_as_the_product(cube: Cube) -> None:
    drivers = anchored(cube)
    assert drivers.names == (STATES, NAME)
    assert drivers.describe(NAME).components == LANDUSE8.names
    inland = Window(0, 1, 5, 5)
    begun = drivers.cells(NAME, 2002, inland)
    np.testing.assert_allclose(begun, cube.read(NAME, 2002, inland), atol=2e-3)
    np.testing.assert_allclose(begun.sum(axis=0), 1.0, atol=1e-6)
    change = drivers.cells(NAME, 2008, inland) - begun
    wanted = cube.read(NAME, 2008, inland) - cube.read(NAME, 2002, inland)
    assert np.abs(wanted).max() > 0.5
    groups = drivers.demand.groups
    for group in groups:  # the states know nine tenths of the forest
        members = list(group)
        np.testing.assert_allclose(
            change[members].sum(axis=0), wanted[members].sum(axis=0), atol=0.05
        )
    unbound = sorted(set(range(8)) - {k for group in groups for k in group})
    np.testing.assert_array_equal(change[unbound], 0.0)
    assert drivers.cells(STATES, 2008, inland).shape[0] == len(drivers.describe(STATES).components)


def test_a_difference_between_the_products_asks_for_nothing(cube: Cube) -> None:
    whole = COARSE.window
    plain, biased = anchored(cube), anchored(cube, bias=0.125)
    assert not np.allclose(plain.cells(STATES, 2002, whole), biased.cells(STATES, 2002, whole))
    for tick in (2000, 2002, 2008):
        found = biased.cells(NAME, tick, whole)
        np.testing.assert_allclose(found, plain.cells(NAME, tick, whole), atol=1e-6)


def test_beyond_the_product_the_map_stays(cube: Cube) -> None:
    drivers, whole = anchored(cube, first=2), anchored(cube)
    assert drivers.describe(NAME).grid == COARSE, "grown by the two columns that lack"
    with pytest.raises(AI4LandError, match="reach beyond the forcing"):
        drivers.inner.window(drivers.describe(STATES).channels, [2008], FINE.window)
    channels = drivers.describe(NAME).channels
    found, every = (d.window(channels, [2002, 2008], FINE.window) for d in (drivers, whole))
    np.testing.assert_allclose(found[0], every[0], atol=2e-3)
    np.testing.assert_array_equal(found[1][..., 16:], every[1][..., 16:])
    np.testing.assert_array_equal(found[1][..., :16], found[0][..., :16])
    assert np.abs(every[1] - every[0])[..., :16].max() > 0.1, "there is change to miss"
    outside = drivers.cells(NAME, 2008, COARSE.window.pad(1))
    assert np.isnan(outside[:, 0]).all()
    assert np.isfinite(outside[:, 1:-1, 1:-1]).all()
