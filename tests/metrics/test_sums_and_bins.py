"""Statistics that add: by tile, region, block and worker the same sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from class_maps import NAMES, K, Maps, patchy, random_probability, three_class_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ai4land.errors import GridError, SampleError
from ai4land.grid import Grid
from ai4land.metrics import (
    Binned,
    Confusion,
    RolloutScores,
    Sums,
    ThreeMaps,
    by,
    change_rates,
    coarse_cells,
    complete_cells,
    confusion,
    edges,
    flicker,
    latitude_bands,
    operating,
    reach,
    reduce_blocks,
    reliability,
    resolutions,
    rollouts_by_region,
    score_step,
    squares,
    summarise,
    tally_rasters,
    three_maps,
    tolerant_change,
)
from ai4land.metrics.tables import counting
from ai4land.vocabulary import NO_DATA, Legend, LegendClass

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
MAPS = patchy(7)
SHAPE = MAPS[0].shape
ROWS = np.linspace(1.0, 2.0, SHAPE[0])[:, np.newaxis]


def same(one: Sums, two: Sums) -> None:
    for mine, theirs in zip(one.parts(), two.parts(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-9)


@QUICK
@given(three_class_maps(), st.integers(0, 3), st.booleans())
def test_regions_add_up_and_each_is_its_mask(maps: Maps, seed: int, weighted: bool) -> None:
    regions = np.random.default_rng(seed).integers(-1, 4, maps[0].shape)
    weights = 1.0 + np.arange(maps[0].shape[1]) if weighted else None
    if (regions < 0).all():
        return
    found = by(regions, three_maps, *maps, n_classes=K, weights=weights)
    assert list(found) == sorted(set(regions[regions >= 0].tolist()))
    for region, table in found.items():
        same(table, three_maps(*maps, K, weights, regions == region))
        same(table, found[region])
    same(found.total(), three_maps(*maps, K, weights, regions >= 0))


def test_every_statistic_of_pixels_can_be_binned() -> None:
    rng = np.random.default_rng(0)
    regions = squares((64, 96), 32).astype(np.int64) * 100_000  # labels beyond two bytes
    said = random_probability(rng, SHAPE)
    everywhere = regions >= 0
    calls: list[Callable[..., Any]] = [
        partial(by, regions, confusion, MAPS[1], MAPS[2], K),
        partial(by, regions, operating, MAPS[0], MAPS[1], said, K, weights=ROWS),
        partial(by, regions, reliability, MAPS[1], said, K, initial=MAPS[0]),
        partial(by, regions, flicker, np.stack([*MAPS, *MAPS]), K),
    ]
    wholes: list[Callable[..., Any]] = [
        partial(confusion, MAPS[1], MAPS[2], K),
        partial(operating, MAPS[0], MAPS[1], said, K, weights=ROWS),
        partial(reliability, MAPS[1], said, K, initial=MAPS[0]),
        partial(flicker, np.stack([*MAPS, *MAPS]), K),
    ]
    for binned, whole in zip(calls, wholes, strict=True):
        found = binned()
        assert len(found) == 6
        same(found.total(), whole())
        same(found[100_000], whole(mask=everywhere & (regions == 100_000)))


def test_leads_are_binned_like_anything_else() -> None:
    def step(lead: int, simulated: np.ndarray[Any, Any]) -> Binned[Any]:
        return by(
            squares((64, 96), 32),
            score_step,
            lead,
            2000 + lead,
            initial=MAPS[0],
            prior_truth=MAPS[0],
            truth=MAPS[1],
            own_prior=MAPS[0],
            prediction=simulated,
            n_classes=K,
        )

    first, second = step(1, MAPS[2]), step(2, MAPS[1])
    assert first[0].lead == 1
    regional = rollouts_by_region([first, second])
    assert sorted(regional) == list(range(6))
    assert regional[4].leads[1].confusion.total == second[4].confusion.total
    rollout = RolloutScores() + first.total() + second.total()
    assert [row["accuracy"] for row in summarise(rollout.leads, NAMES)["leads"]][1] == 1
    with pytest.raises(SampleError, match=r"lead 1, time 2001[\s\S]*lead 2, time 2002"):
        first + second


def test_bins_add_label_by_label() -> None:
    regions = squares((64, 96), 32)
    left, right = np.where(regions % 3 < 2, regions, -1), np.where(regions % 3 > 0, regions, -1)
    one = by(left, three_maps, *MAPS, n_classes=K)
    two = by(right, three_maps, *MAPS, n_classes=K)
    both = one + two
    assert list(both) == [0, 1, 2, 3, 4, 5]
    same(both[0], one[0])
    same(both[1], one[1] + two[1])
    same(both.total(), one.total() + two.total())
    same((one + one)[0], one[0] + one[0])
    twice = next(both.weighted(np.array([[2.0, 0, 0, 0, 0, 1]])))
    same(twice, both[0] + both[0] + both[5])
    assert both.scores(lambda t: t.total)[1] == one[1].total + two[1].total
    same(Binned.of({3: one[0], 1: two[1]}).total(), one[0] + two[1])
    with pytest.raises(SampleError, match=r"under this label[\s\S]*7"):
        both[7]
    with pytest.raises(SampleError, match="no statistic"):
        Binned.of({})


def test_tables_add_with_the_built_in_sum() -> None:
    tables = [three_maps(*MAPS, K, mask=squares((64, 96), 32) == n) for n in range(6)]
    same(sum(tables), three_maps(*MAPS, K))
    assert not tables[0].zeroed().counts.any()
    with pytest.raises(TypeError):
        tables[0] + confusion(MAPS[0], MAPS[1], K)  # type: ignore[operator]
    step = score_step(
        1,
        2001,
        initial=MAPS[0],
        prior_truth=MAPS[0],
        truth=MAPS[1],
        own_prior=MAPS[0],
        prediction=MAPS[2],
        n_classes=K,
    )
    assert (step + step.zeroed()).confusion.total == step.confusion.total
    with pytest.raises(SampleError, match="different time"):
        step + replace(step, time=2002)


def test_nothing_to_bin_is_refused() -> None:
    with pytest.raises(SampleError, match=r"Nothing to count[\s\S]*0 regions"):
        by(np.full(SHAPE, -1), three_maps, *MAPS, n_classes=K)
    with pytest.raises(GridError, match="one shape"):
        by(np.zeros((3, 3), np.int64), three_maps, *MAPS, n_classes=K)
    with pytest.raises(SampleError, match="Nothing to count"):
        by(np.zeros((3, 3), np.int64), Confusion.zero, K)


@pytest.mark.parametrize("scheduler", [None, "threads"])
def test_blocks_give_the_whole(scheduler: str | None, tmp_path: Path) -> None:
    store = zarr.create_array(
        tmp_path / "maps.zarr", shape=(3, *SHAPE), chunks=(1, 16, 32), dtype="u1"
    )
    store[:] = np.stack(MAPS)
    names = ("initial", "reference", "simulated")
    layers = {name: Layer(store, n) for n, name in enumerate(names)}
    run = partial(reduce_blocks, scheduler=scheduler, workers=2, n_classes=K)
    same(run(three_maps, layers, block=32), three_maps(*MAPS, K))
    with_areas = {**layers, "weights": ROWS}
    same(run(three_maps, with_areas, block=40), three_maps(*MAPS, K, ROWS))
    factors = (1, 2, 4, 8)
    found = run(resolutions, with_areas, block=24, factors=factors)
    same(found, resolutions(*MAPS, K, ROWS, factors=factors))
    found = run(tolerant_change, layers, block=20, halo=reach(1.5), sigma=1.5)
    same(found, tolerant_change(*MAPS, K, 1.5))
    sides = {"lengths": (3.0, 2.0), "weights": 6.0}
    found = run(edges, {"indices": layers["reference"]}, block=17, halo=1, **sides)
    same(found, edges(MAPS[1], K, (3.0, 2.0), 6.0))
    regions = squares((64, 96), 24)
    binned = run(binned_three, {**layers, "regions": regions}, block=16)
    same(binned.total(), three_maps(*MAPS, K))
    same(binned[5], three_maps(*MAPS, K, mask=regions == 5))


def binned_three(regions: NDArray[np.int32], **maps: object) -> Binned[ThreeMaps]:
    return by(regions, three_maps, **maps)


@dataclass(frozen=True)
class Layer:
    """One map of a stack that stays on disk."""

    store: zarr.Array[Any]
    place: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.store.shape[1:]

    def __getitem__(self, key: tuple[Any, ...]) -> object:
        """Read a block."""
        return self.store[(self.place, *key[1:])]


def test_blocks_of_codes_need_no_index_map_in_memory() -> None:
    legend = Legend(
        name="tens",
        title="Three classes",
        classes=tuple(LegendClass(10 * (n + 1), name, "#aaaaaa") for n, name in enumerate(NAMES)),
        sea=(0,),
        missing=(99,),
    )
    codes = np.array([10, 20, 30, *[0] * 253], np.uint8)
    layers = dict(zip(("initial", "reference", "simulated"), (codes[m] for m in MAPS), strict=True))
    found = reduce_blocks(tally_rasters, layers, block=30, legend=legend).whole.pixel
    same(found, three_maps(*MAPS, K))


def test_blocks_of_different_maps_are_refused() -> None:
    with pytest.raises(GridError, match=r"one shape[\s\S]*truth[\s\S]*64, 96\)"):
        reduce_blocks(confusion, {"truth": np.zeros((9, 96)), "predicted": MAPS[0]}, n_classes=K)
    with pytest.raises(GridError, match="no map"):
        reduce_blocks(confusion, {}, n_classes=K)


@QUICK
@given(three_class_maps(), st.sampled_from([None, "row", "pixel"]), st.booleans())
def test_the_loop_of_large_maps_counts_the_same(
    maps: Maps, weights: str | None, masked: bool
) -> None:
    rng = np.random.default_rng(maps[0].size)
    height, width = maps[0].shape
    areas = None if weights is None else rng.random((height, 1 if weights == "row" else width))
    mask = rng.random((height, width)) < 0.7 if masked else None
    full = None if areas is None else np.broadcast_to(areas, (height, width))
    expected = three_maps(*maps, K, areas, mask)
    pairs = confusion(maps[1], maps[2], K, areas, mask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_LARGE", 1)
        found = three_maps(*maps, K, areas, mask)
        assert found.counts.dtype == expected.counts.dtype
        flat = (None if layer is None else layer.ravel() for layer in (full, mask))
        turned = (None if layer is None else layer.T for layer in (full, mask))
        along = three_maps(*(m.ravel() for m in maps), K, *flat)
        across = three_maps(*(m.T for m in maps), K, *turned)
        for table in (found, along, across):
            np.testing.assert_allclose(table.counts, expected.counts, rtol=1e-12)
        again = confusion(maps[1], maps[2], K, areas, mask)
        np.testing.assert_allclose(again.counts, pairs.counts, rtol=1e-12)


def test_the_loop_of_large_maps_refuses_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_LARGE", 1)
    a, b = np.array([[0, 1, 7]], np.uint8), np.array([[0, 1, 1]], np.uint8)
    with pytest.raises(KeyError, match=r"truth[\s\S]*7"):
        three_maps(b, a, b, 2)
    with pytest.raises(KeyError, match=r"prediction[\s\S]*7"):
        confusion(b, a, 2)
    # what is not scored may hold anything
    mask = np.array([[True, True, False]])
    assert confusion(a, b, 2, mask=mask).total == 2
    hidden = np.array([[0, 1, NO_DATA]], np.uint8)
    assert three_maps(a, hidden, b, 2).total == 2


def test_bands_cells_and_squares() -> None:
    fine = Grid.regular(0, 50, 0.5, 0.5, (8, 6))
    bands = latitude_bands(fine, (50, 48.5, 47))
    assert bands[:, 0].tolist() == [0, 0, 0, 1, 1, 1, -1, -1]
    assert bands.shape == (8, 6)
    with pytest.raises(GridError, match="descending"):
        latitude_bands(fine, (47, 50))
    cells = coarse_cells(fine, Grid.regular(0, 50, 1, 1, (3, 3)))
    assert cells[0].tolist() == [0, 0, 1, 1, 2, 2]
    assert cells[5].tolist() == [6, 6, 7, 7, 8, 8]
    assert (cells[6:] == -1).all()
    assert squares((3, 5), 2).tolist() == [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]]


def test_cells_with_little_land_are_left_out() -> None:
    land = np.array([[1, 1, 0, 0], [1, 0, 0, 1]], bool)
    cells = np.array([[4, 4, 9, 9], [4, 4, 9, -1]])
    found = complete_cells(land, cells)
    assert found.cells.tolist() == [4, 9]
    assert found.share.tolist() == [0.75, 0.0]
    assert found.mask.tolist() == [[True, True, False, False], [True, True, False, False]]
    assert found.sentence() == "Coarse cells at least 50% land (1 of 2, 100% of the land)."
    heavy = complete_cells(land, cells, weights=[[1.0], [3.0]])
    assert heavy.share[0] == pytest.approx((1 + 1 + 3) / 8)
    assert not complete_cells(land, cells, least=0.8).mask.any()
    with pytest.raises(GridError, match="cells"):
        complete_cells(land, cells[:1])


def test_rates_of_tiles_add() -> None:
    series = [(2000 + n, layer) for n, layer in enumerate((*MAPS, MAPS[0]))]
    top = squares((64, 96), 32) < 3
    parts = [change_rates(series, K, ROWS, mask) for mask in (top, ~top)]
    same(parts[0] + parts[1], change_rates(series, K, ROWS))
