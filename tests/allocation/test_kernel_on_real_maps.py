"""The published floor and kernel figures on real HILDA+ and MapBiomas maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from ai4land.allocation import CoarseCells, allocate_kernel, allocate_random
from ai4land.grid import Grid
from ai4land.vocabulary import NO_DATA, crosswalk, legend

pytestmark = pytest.mark.realdata
EIGHT = legend("landuse8")


def read(path: Path, table: np.ndarray) -> tuple[np.ndarray, Grid]:
    with rasterio.open(path) as file:
        classes = table[file.read(1).astype(np.uint8)]
        t = file.transform
        return classes, Grid.regular(t.c, t.f, t.a, -t.e, classes.shape)


def uk(folder: Path, year: int) -> tuple[np.ndarray, Grid]:
    forest_types = legend("hildaplus_v1_f")
    target = crosswalk("hildaplus_v1_f", "landuse8").lookup()
    table = np.full(256, NO_DATA, np.uint8)
    for entry in forest_types.classes:
        table[entry.code] = EIGHT.index(target[entry.name])
    name = f"hilda_plus_{year}_states_GLOB-v1-0-f_uk-south.tif"
    return read(folder / "hilda_uk_south" / name, table)


def brazil(folder: Path, year: int) -> tuple[np.ndarray, Grid]:
    table = np.full(256, NO_DATA, np.uint8)
    table[list(legend("mapbiomas_v2_3").codes)] = np.arange(len(legend("mapbiomas_v2_3")))
    (path,) = (folder / "mapbiomas_brazil_5km").glob(f"*{year}.tif")
    return read(path, table)


def figure_of_merit(
    initial: np.ndarray, reference: np.ndarray, simulated: np.ndarray, land: np.ndarray
) -> float:
    q, r, s = initial[land], reference[land], simulated[land]
    hits = (q != r) & (r == s)
    return float(hits.sum() / ((q != r) | (q != s)).sum())


def both_figures(
    before: np.ndarray, after: np.ndarray, grid: Grid, factor: int, groups: list[tuple[int]]
) -> tuple[float, float]:
    """Figure of merit of random and of kernel allocation under the maps' own net change."""
    cells = CoarseCells.of(grid, grid.coarsen(factor, factor))
    members = [c for group in groups for c in group]
    land = np.isin(before, members) & np.isin(after, members)
    before = np.where(land, before, NO_DATA).astype(np.uint8)
    after = np.where(land, after, NO_DATA).astype(np.uint8)
    count = max(members) + 1
    change = (cells.counts(after, count) - cells.counts(before, count))[members]
    figures = []
    for allocate in (allocate_random, allocate_kernel):
        found = allocate(
            before, cells, change, groups, np.random.default_rng(0).random(before.shape)
        )
        assert not found.unplaced.any()
        np.testing.assert_array_equal(
            cells.counts(found.map, count)[members], cells.counts(after, count)[members]
        )
        figures.append(figure_of_merit(before, after, found.map, land))
    return figures[0], figures[1]


@pytest.mark.parametrize(("start", "end", "expected"), [(2009, 2012, 0.127), (2012, 2009, 0.153)])
def test_united_kingdom(realdata: Path, start: int, end: int, expected: float) -> None:
    before, grid = uk(realdata, start)
    after, _ = uk(realdata, end)
    groups = [(EIGHT.index(name),) for name in EIGHT.names if name != "ocean"]
    random, kernel = both_figures(before, after, grid, 25, groups)
    assert kernel == pytest.approx(expected, abs=0.01)
    assert random < kernel - 0.03


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(2007, 2008, 0.109), (2007, 2010, 0.130), (2003, 2000, 0.190)]
)
def test_brazil(realdata: Path, start: int, end: int, expected: float) -> None:
    before, grid = brazil(realdata, start)
    after, _ = brazil(realdata, end)
    groups = [(k,) for k in range(len(legend("mapbiomas_v2_3")))]
    random, kernel = both_figures(before, after, grid, 10, groups)
    assert kernel == pytest.approx(expected, abs=0.01)
    assert random < kernel - 0.02
