"""The census of a cube against the same figures computed from whole arrays, cell by cell."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from cube_specs import LANDUSE8, cube_spec
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.cube import Cube, CubeWriter, GroupSpec, Status, VariableCensus, VariableSpec, census
from ai4land.grid import Grid
from ai4land.vocabulary import NO_DATA, Clock, Legend, LegendClass, variable

WIDE = Grid.regular(-10, 70, 0.1, 0.2, (300, 520))  # more than one chunk both ways
SMALL = Grid.regular(-180, 90, 30, 30, (6, 12))


def written(
    path: Path,
    group: GroupSpec,
    values: Mapping[str, npt.NDArray[np.generic]],
    dropped: frozenset[int] = frozenset(),
) -> Cube:
    """A cube of one group; ``values`` have a time axis first unless the group is static."""
    writer = CubeWriter(path, cube_spec(group))
    for block in writer.pending():
        whole = values[block.variable][..., *block.window.slices]
        part = whole
        if block.ticks:
            first = group.time_index(block.ticks[0])
            part = whole[first : first + len(block.ticks)]
        status = {t: Status.DROPPED if t in dropped else Status.OBSERVED for t in block.ticks}
        writer.write(block, part, status)
    writer.finish()
    return Cube(path)


def annual_classes(classes: Legend) -> VariableSpec:
    return VariableSpec(variable("land_use"), classes)


def the_one(cube: Cube) -> VariableCensus:
    (found,) = census(cube)
    return found


def test_numbers_over_several_windows_and_chunks_of_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = rng.gamma(2.0, 1.0, (20, *WIDE.shape)).astype(np.float32).clip(0, 10)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[7] = np.nan
    group = GroupSpec(
        "g",
        WIDE,
        Clock.MONTH,
        tuple(range(24000, 24020)),
        (VariableSpec(variable("leaf_area_index")),),
    )
    found = the_one(written(tmp_path / "c.zarr", group, {"leaf_area_index": values}))
    area = np.broadcast_to(WIDE.cell_areas(), values.shape)
    known = ~np.isnan(values)
    assert found.layers == ("leaf_area_index",)
    assert found.lowest == np.nanmin(values)
    assert found.highest == np.nanmax(values)
    np.testing.assert_allclose(
        found.mean, np.average(values[known], weights=area[known]), rtol=1e-9
    )
    for i in range(20):
        share = area[i][~known[i]].sum() / area[i].sum()
        np.testing.assert_allclose(found.missing[i], share, rtol=1e-12)
    assert np.isnan(found.means[7])
    assert found.missing[7] == 1.0
    year = np.average(values[12:][known[12:]], weights=area[12:][known[12:]])
    assert found.years == (2000, 2001)
    np.testing.assert_allclose(found.yearly[1], year, rtol=1e-9)


def test_classes_over_several_windows_and_chunks_of_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    codes = np.array([*LANDUSE8.codes, NO_DATA], np.uint8)
    values = codes[rng.integers(0, len(codes) - 2, (11, *WIDE.shape))]
    values[rng.random(values.shape) < 0.1] = NO_DATA
    group = GroupSpec(
        "g",
        WIDE,
        Clock.YEAR,
        tuple(range(1990, 2001)),
        (VariableSpec(variable("land_use"), LANDUSE8),),
    )
    found = the_one(written(tmp_path / "c.zarr", group, {"land_use": values}))
    area = np.broadcast_to(WIDE.cell_areas(), values.shape)
    known = values != NO_DATA
    assert found.layers == LANDUSE8.names
    for i, code in enumerate(LANDUSE8.codes):
        share = area[values == code].sum() / area[known].sum()
        np.testing.assert_allclose(found.mean[i], share, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.means.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(
        found.missing[3], area[3][~known[3]].sum() / area[3].sum(), rtol=1e-12
    )


def test_sea_that_is_no_class_is_a_layer_of_its_own(tmp_path: Path) -> None:
    land = (LegendClass(3, "wood", "#00ff00"), LegendClass(5, "field", "#ffff00"))
    classes = Legend("two", "", land, sea=(9,))
    values = np.full((1, *SMALL.shape), 9, np.uint8)
    values[0, 0] = 3  # the row at the pole
    group = GroupSpec("g", SMALL, Clock.YEAR, (2000,), (annual_classes(classes),))
    found = the_one(written(tmp_path / "c.zarr", group, {"land_use": values}))
    assert found.layers == ("wood", "field", "sea 9")
    cap = SMALL.row_areas()[0] / SMALL.row_areas().sum()
    np.testing.assert_allclose(found.mean, [cap, 0.0, 1 - cap], rtol=1e-12)
    assert cap < 1 / 12, "a row at a pole is small"


def test_times_that_were_left_empty_do_not_count(tmp_path: Path) -> None:
    values = np.ones((4, *SMALL.shape), np.float32)
    values[[0, 2]] = np.nan
    spec = VariableSpec(variable("leaf_area_index"))
    group = GroupSpec("g", SMALL, Clock.YEAR, (2000, 2001, 2002, 2003), (spec,))
    path = tmp_path / "c.zarr"
    found = the_one(written(path, group, {"leaf_area_index": values}, frozenset({2000, 2002})))
    assert found.ticks == (2001, 2003)
    assert (found.missing == 0.0).all()


@given(data=st.data(), layers=st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_shares_of_a_static_vector(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, layers: int
) -> None:
    """Missing and known make the whole, and the mean lies between the smallest and the largest."""
    cells = st.sampled_from([0.0, 0.25, 1.0, float("nan")])
    shape = (8, *SMALL.shape)
    flat = data.draw(st.lists(cells, min_size=layers, max_size=layers))
    values = np.resize(np.array(flat, np.float32), shape)
    spec = VariableSpec(variable("land_use_fractions"), LANDUSE8)
    group = GroupSpec("g", SMALL, Clock.STATIC, (), (spec,))
    path = tmp_path_factory.mktemp("census") / "c.zarr"
    found = the_one(written(path, group, {"land_use_fractions": values}))
    area = SMALL.cell_areas()
    for i, layer in enumerate(values):
        known = ~np.isnan(layer)
        assert found.missing[0, i] == pytest.approx(area[~known].sum() / area.sum())
        if known.any():
            assert found.mean[i] == pytest.approx(np.average(layer[known], weights=area[known]))
            assert (found.lowest[i], found.highest[i]) == (layer[known].min(), layer[known].max())
        else:
            assert np.isnan([found.mean[i], found.lowest[i], found.highest[i]]).all()


def test_what_is_held_does_not_grow_with_the_cube(tmp_path: Path) -> None:
    """96 MB of values in 6000 rows; no window of more than 16 MiB is read, with its temporaries."""
    tall = Grid.regular(0, 60, 0.02, 0.02, (6000, 4000))
    group = GroupSpec("g", tall, Clock.STATIC, (), (VariableSpec(variable("elevation")),))
    writer = CubeWriter(tmp_path / "c.zarr", cube_spec(group))
    for block in writer.pending():
        writer.write(block, np.full(block.window.shape, 7.0, np.float32), {})
    writer.finish()
    cube = Cube(tmp_path / "c.zarr", cache=1 << 20)
    told: list[tuple[str, int, int]] = []
    tracemalloc.start()
    (found,) = census(cube, lambda *done: told.append(done))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.mean == pytest.approx(7.0)
    assert told[-1] == ("elevation", len(told), len(told))
    assert peak < 60e6
