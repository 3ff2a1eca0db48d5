"""Area fractions: true areas of land, in every kind of coarse cells."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from product_runs import YEARS, files_of, rough_map, write_run
from product_runs import Maps as Codes

from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.grid import Grid, Window
from ai4land.product import Maps, Options, coarse_cells, open_maps, write_product
from tiny_cubes import COARSE, FINE, LANDUSE8

LAND = [c for c in LANDUSE8.classes if c.code not in LANDUSE8.sea]


def shares(path: Path) -> tuple[xr.Dataset, np.ndarray]:
    """The file, and the fractions of land ``(class, time, y, x)``."""
    with xr.open_dataset(path) as data:
        data.load()
    return data, np.stack([data[f"{one.name}_fraction"].values for one in LAND])


def test_every_year_in_one_file_and_true_areas(product: Path, maps: Codes) -> None:
    (path,) = files_of(product / "past" / "fractions", ".nc")
    assert path.name == "tiny_land_use_past_fractions_2010-2012.nc"
    data, found = shares(path)
    assert data["time"].dt.year.values.tolist() == list(YEARS)
    np.testing.assert_allclose(data["cell_area"], COARSE.row_areas())
    assert found.shape[2:] == COARSE.shape, "cells of 0.4° counted from 180° W and 90° N"
    area = FINE.cell_areas()
    for t, codes in enumerate(maps.values()):
        for y, x in np.ndindex(*COARSE.shape):
            part = np.s_[8 * y : 8 * y + 8, 8 * x : 8 * x + 8]
            each = [area[part][codes[part] == one.code].sum() for one in LAND]
            np.testing.assert_allclose(
                data["land_share"][t, y, x], sum(each) / area[part].sum(), rtol=1e-6
            )
            if sum(each):
                np.testing.assert_allclose(found[:, t, y, x], np.array(each) / sum(each), rtol=1e-5)


def test_years_that_are_done_are_not_done_again(
    run: Cube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that was stopped in the last year goes on there, to the same bytes."""
    years, real = [], Maps.read

    def counted(self: Maps, year: int, window: Window) -> npt.NDArray[np.uint8]:
        years.append(year)
        if len(years) == 3:
            raise KeyboardInterrupt
        return real(self, year, window)

    def deliver(out: str) -> bytes:
        write_product({"a": run}, tmp_path / out, formats=["fractions"])
        (path,) = files_of(tmp_path / out, ".nc")
        return path.read_bytes()

    monkeypatch.setattr(Maps, "read", counted)
    with pytest.raises(KeyboardInterrupt):
        deliver("stopped")
    assert not files_of(tmp_path / "stopped", ".nc")
    stopped, done = deliver("stopped"), len(years)
    assert years == [2010, 2011, 2012, 2012]
    assert deliver("undisturbed") == stopped
    assert years[done:] == list(YEARS)
    left = [p for p in tmp_path.rglob("*") if p.name.startswith(".")]
    assert not left, "nothing is left over"


@settings(max_examples=12, deadline=None)
@given(cells=st.sampled_from(["0.25", "1", "7px", "3px", "0.3", "0.05"]), seed=st.integers(0, 9))
def test_fractions_sum_to_one_over_land(
    tmp_path_factory: pytest.TempPathFactory, cells: str, seed: int
) -> None:
    """And their areas to that of the land, at any ratio of pixels and cells."""
    folder = tmp_path_factory.mktemp("sums")
    grid = Grid.regular(10.03, 50.01, 0.03, 0.03, (101, 203))
    codes = rough_map(grid.shape, seed)
    cube = write_run(folder / "run.zarr", {2000: codes}, grid, None)
    write_product({"a": cube}, folder / "out", formats=["fractions"], options=Options(cells=cells))
    (path,) = files_of(folder / "out", ".nc")
    data, found = shares(path)
    land = data["land_share"].values
    np.testing.assert_allclose(found.sum(axis=0)[land > 0], 1.0, atol=1e-6)
    assert np.isnan(found[:, land == 0]).all()
    assert (found[:, land > 0] >= 0).all()
    area = data["cell_area"].values[:, None] * land[0].astype(np.float64)
    for one, share in zip(LAND, found[:, 0], strict=True):
        expected = grid.cell_areas()[codes == one.code].sum()
        np.testing.assert_allclose(np.nansum(area * share), expected, rtol=1e-5)


def test_cells_are_those_that_are_asked_for(run: Cube) -> None:
    maps = open_maps({"a": run})["a"]
    assert coarse_cells(maps, "forcing") == COARSE
    assert coarse_cells(maps, "8px") == COARSE
    quarter = coarse_cells(maps, "0.25")
    assert quarter.dx == Fraction(1, 4)
    assert (quarter.west + 180) / quarter.dx % 1 == (90 - quarter.north) / quarter.dy % 1 == 0
    assert quarter.west <= FINE.west
    assert quarter.east >= FINE.east
    assert quarter.south <= FINE.south
    assert coarse_cells(maps, "180").shape == (1, 1)


@pytest.mark.parametrize("cells", ["0.01", "0.7", "px", "0px", "-1", "1/0", "wide"])
def test_cells_that_cannot_be_are_refused(run: Cube, cells: str) -> None:
    with pytest.raises(ConfigError, match=r"(?s)cannot hold area fractions.*--cells"):
        coarse_cells(open_maps({"a": run})["a"], cells)


def test_a_run_without_forcing_says_so(tmp_path: Path, maps: Codes) -> None:
    cube = write_run(tmp_path / "a.zarr", maps, FINE, None)
    with pytest.raises(ConfigError, match="on which cells its forcing lies"):
        coarse_cells(open_maps({"a": cube})["a"], "forcing")
