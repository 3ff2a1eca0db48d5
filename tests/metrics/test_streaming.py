"""Maps in blocks, on every scheduler and from every store: the same table."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import dask.multiprocessing
import numpy as np
import pytest
import rasterio
import zarr
from class_maps import K, patchy
from numpy.typing import NDArray
from rasterio.transform import from_origin

from ai4land.errors import GridError, SampleError, SourceError, VocabularyError
from ai4land.evaluation.raster_files import open_class_maps
from ai4land.metrics import (
    Blockwise,
    by,
    codes_found,
    edges,
    reach,
    reduce_blocks,
    resolutions,
    squares,
    tally_rasters,
    three_maps,
    tolerant_change,
)
from ai4land.vocabulary import NO_DATA, Legend, LegendClass

SHAPE = (64, 96)
MAPS = patchy(3, SHAPE)
NAMES = ("initial", "reference", "simulated")
ROWS = np.linspace(1.0, 2.0, SHAPE[0])[:, np.newaxis]
LEGEND = Legend(
    "three", "", tuple(LegendClass(k, f"class {k}", "#000000") for k in range(K)), missing=(255,)
)
Layers = Mapping[str, Blockwise]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Layers]:
    """The same three maps in memory, in Zarr and in rasters."""
    folder = tmp_path_factory.mktemp("stores")
    profile: dict[str, Any] = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    profile |= {"height": SHAPE[0], "width": SHAPE[1], "transform": from_origin(5, 50, 0.1, 0.1)}
    arrays = {}
    for name, layer in zip(NAMES, MAPS, strict=True):
        arrays[name] = zarr.create_array(folder / f"{name}.zarr", data=layer, chunks=(16, 32))
        with rasterio.open(folder / f"{name}.tif", "w", **profile) as file:
            file.write(layer, 1)
    rasters, _ = open_class_maps([folder / f"{name}.tif" for name in NAMES])
    return {
        "numpy": dict(zip(NAMES, MAPS, strict=True)),
        "zarr": arrays,
        "rasters": dict(zip(NAMES, rasters, strict=True)),
    }


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two workers of Dask, the current client; other processes are the business of another."""
    distributed = pytest.importorskip("distributed", reason="the extra `scale` is missing")
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")  # on a busy machine it complains that starting is slow
        local = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        )
        stack.enter_context(local)
        stack.enter_context(distributed.Client(local, timeout="120s"))
        yield


@pytest.fixture(params=["threads", "processes", "distributed"])
def scheduler(request: pytest.FixtureRequest) -> str:
    if request.param == "distributed":
        request.getfixturevalue("cluster")
    return str(request.param)


def check(found: Any, whole: Any) -> None:  # noqa: ANN401
    for mine, theirs in zip(found.parts(), whole.parts(), strict=True):
        if mine.dtype.kind == "i":
            np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("store", ["numpy", "zarr", "rasters"])
def test_every_scheduler_gives_the_table_of_one_process(
    stores: dict[str, Layers], scheduler: str, store: str
) -> None:
    layers = stores[store]
    run = partial(reduce_blocks, scheduler=scheduler, workers=2)
    check(run(three_maps, layers, block=32, n_classes=K), three_maps(*MAPS, K))
    weighted = {**layers, "weights": ROWS}
    found = run(resolutions, weighted, block=(24, 48), n_classes=K, factors=(1, 2, 4, 8))
    check(found, resolutions(*MAPS, K, ROWS, factors=(1, 2, 4, 8)))
    near = run(tolerant_change, layers, block=40, halo=reach(1.0), n_classes=K, sigma=1.0)
    check(near, tolerant_change(*MAPS, K, 1.0))


def test_edges_with_a_halo_are_counted_once(stores: dict[str, Layers], scheduler: str) -> None:
    sides = {"n_classes": K, "lengths": (3.0, 2.0), "weights": 6.0}
    layer = {"indices": stores["rasters"]["reference"]}
    found = reduce_blocks(edges, layer, block=17, halo=1, scheduler=scheduler, workers=2, **sides)
    check(found, edges(MAPS[1], K, (3.0, 2.0), 6.0))


def test_an_error_in_a_worker_is_the_error(stores: dict[str, Layers], scheduler: str) -> None:
    two = Legend("two", "", LEGEND.classes[:2])
    with pytest.raises(VocabularyError) as caught:
        reduce_blocks(
            tally_rasters, stores["zarr"], block=32, scheduler=scheduler, workers=2, legend=two
        )
    assert type(caught.value) is VocabularyError
    assert caught.value.where == "legend 'two'"
    assert "2 (" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_worker_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> NoReturn:
        raise BrokenProcessPool("a process was terminated abruptly")

    monkeypatch.setattr(dask.multiprocessing, "get_async", die)
    with pytest.raises(SampleError, match=r"(?s)died.*abruptly.*fewer workers"):
        reduce_blocks(codes_found, {"a": MAPS[0]}, block=32, scheduler="processes", workers=2)


def test_only_its_part_of_an_array_is_given_to_a_block() -> None:
    seen: list[tuple[int, ...]] = []

    def watch(codes: NDArray[np.uint8], weights: NDArray[np.float64]) -> Any:  # noqa: ANN401
        seen.append((*codes.shape, *weights.shape))
        return codes_found(codes=codes)

    reduce_blocks(watch, {"codes": MAPS[0], "weights": ROWS}, block=(40, 96))
    assert seen == [(40, 96, 40, 1), (24, 96, 24, 1)]


def test_codes_are_found_in_all_maps() -> None:
    a, b = np.array([[0, 7, 255]], np.uint8), np.array([[7, 254, 255]], np.uint8)
    found = codes_found(a=a) + codes_found(b=b)
    assert found.codes == (0, 7, 254)
    assert found.pixels[7] == 2


def test_tallies_of_blocks_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    shape = (520, 300)
    maps = [rng.integers(0, K, shape, dtype=np.uint8) for _ in NAMES]
    maps[0][:300, :200] = NO_DATA  # one block without a pixel that is scored
    regions = np.where(rng.random(shape) < 0.1, -1, squares(shape, 130) * 1000)
    regions[maps[0] == NO_DATA] = 77  # and a region without one
    layers = {**dict(zip(NAMES, maps, strict=True)), "weights": np.ones((520, 1))}
    layers["r"] = regions
    found = reduce_blocks(tally_rasters, layers, block=256, legend=LEGEND)
    whole = tally_rasters(*maps, LEGEND, np.ones((520, 1)), r=regions)
    check(found.whole, whole.whole)
    assert found.whole.pixel.total == (maps[0] != NO_DATA).sum()
    assert list(found.regions["r"]) == list(whole.regions["r"])
    assert 77 not in found.regions["r"].labels
    mask = maps[0] != NO_DATA
    expected = by(np.where(mask, regions, -1), three_maps, *maps, n_classes=K, weights=np.ones(1))
    for label, table in found.regions["r"].items():
        check(table, expected[label])
    # what every square of one pixel says is what the pixels say
    merit = found.whole.headline.figure_of_merit
    assert found.whole.squares is not None
    assert found.whole.squares[1].figure_of_merit == pytest.approx(merit, rel=1e-14)


def test_tallies_of_other_regions_do_not_add() -> None:
    one = tally_rasters(*MAPS, LEGEND, countries=squares(SHAPE, 20))
    two = tally_rasters(*MAPS, LEGEND, biomes=squares(SHAPE, 20))
    with pytest.raises(SampleError, match=r"(?s)different regions.*countries.*biomes"):
        one + two
    with pytest.raises(SampleError, match="cannot be added"):
        tally_rasters(*MAPS, LEGEND) + tally_rasters(*MAPS, LEGEND, ROWS)


def test_unsigned_regions_stay_what_they_are() -> None:
    regions = squares(SHAPE, 20).astype(np.uint8) + np.uint8(200)
    found = tally_rasters(*MAPS, LEGEND, r=regions).regions["r"]
    scored = (MAPS[0] != NO_DATA) & (MAPS[1] != NO_DATA)
    assert list(found) == np.unique(regions[scored]).tolist()


def test_a_raster_that_cannot_be_read_there(tmp_path: Path, stores: dict[str, Layers]) -> None:
    raster: Any = stores["rasters"]["initial"]
    gone = type(raster)(tmp_path / "gone.tif", raster.grid, raster.nodata, raster.tile)
    with pytest.raises((SourceError, FileNotFoundError), match=r"gone\.tif"):
        reduce_blocks(codes_found, {"a": gone}, scheduler="threads", workers=2)


def test_maps_of_other_shape_are_refused(stores: dict[str, Layers]) -> None:
    with pytest.raises(GridError, match=r"(?s)one shape.*b.*64, 96"):
        reduce_blocks(codes_found, {"a": stores["zarr"]["initial"], "b": MAPS[0][:9]})
