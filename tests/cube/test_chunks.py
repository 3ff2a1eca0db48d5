from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from cube_specs import LANDUSE8, cube_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, ZstdCodec
from zarr.storage import MemoryStore

from ai4land.cube import ArrayCache, Cube, CubeWriter, GroupSpec, Status, VariableSpec
from ai4land.cube.chunks import ChunkedArray, chunked
from ai4land.errors import CubeError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import Clock, variable

Array = npt.NDArray[Any]
SHAPE = (11, 3, 23, 31)
LAYOUTS = {"chunks": None, "shards": (4, 3, 16, 16)}


@pytest.fixture(scope="module", params=LAYOUTS)
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[zarr.Array[Any], Array]:
    """An array with holes that were never written, and its values."""
    rng = np.random.default_rng(0)
    values = rng.random(SHAPE).astype(np.float32)
    values[:, :, 8:16, 0:16] = np.nan
    values[4:8] = np.nan
    array = zarr.create_array(
        str(tmp_path_factory.mktemp("chunks") / "a.zarr"),
        shape=SHAPE,
        dtype="float32",
        chunks=(4, 3, 8, 8),
        shards=LAYOUTS[request.param],
        compressors=ZstdCodec(level=3),
        fill_value=float("nan"),
    )
    array[:] = values
    return array, values


def ranges(length: int) -> st.SearchStrategy[slice]:
    ends = st.tuples(st.integers(0, length - 1), st.integers(1, length))
    return ends.filter(lambda e: e[0] < e[1]).map(lambda e: slice(*e))


def opened(array: zarr.Array[Any], limit: int = 10**6) -> ChunkedArray:
    found = chunked(array, ArrayCache(limit))
    assert found is not None
    return found


@given(index=st.tuples(*(ranges(length) for length in SHAPE)))
@settings(max_examples=60, deadline=None)
def test_any_rectangle_is_what_zarr_reads(
    stored: tuple[zarr.Array[Any], Array], index: tuple[slice, ...]
) -> None:
    array, values = stored
    found = opened(array).read(index)
    assert np.array_equal(found, values[index], equal_nan=True)
    assert found.dtype == np.float32
    assert found.flags.writeable


@pytest.mark.parametrize("limit", [0, 4 * 3 * 8 * 8 * 4, 10**7])
def test_the_cache_changes_nothing_and_keeps_its_limit(
    stored: tuple[zarr.Array[Any], Array], limit: int
) -> None:
    array, values = stored
    files = opened(array, limit)
    for row in (0, 3, 9, 3):
        index = (slice(0, 2), slice(0, 3), slice(row, row + 6), slice(2, 7))
        assert np.array_equal(files.read(index), values[index], equal_nan=True)
    kept = list(files.cache._kept.values())
    assert sum(chunk.nbytes for chunk in kept) <= limit
    assert bool(kept) == (limit >= 2 * 4 * 3 * 8 * 8 * 4)


def test_a_second_look_needs_no_file(tmp_path: Path) -> None:
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    array = zarr.create_array(
        str(tmp_path / "a"), shape=(8, 8), dtype="uint8", chunks=(4, 4), compressors=ZstdCodec()
    )
    array[:] = values
    files = opened(array)
    index = (slice(1, 3), slice(1, 3))
    first = files.read(index)
    for path in (tmp_path / "a" / "c").rglob("*"):
        if path.is_file():
            path.unlink()
    assert np.array_equal(files.read(index), first)
    first[:] = 0  # what a caller does to its values does not reach the cache
    assert np.array_equal(files.read(index), values[index])
    assert (files.read((slice(5, 6), slice(5, 6))) == 0).all()  # a chunk that is not there is fill


def test_what_is_laid_out_otherwise_is_left_to_zarr(tmp_path: Path) -> None:
    blosc = zarr.create_array(
        str(tmp_path / "b"), shape=(8,), dtype="uint8", chunks=(4,), compressors=BloscCodec()
    )
    memory = zarr.create_array(MemoryStore(), shape=(8,), dtype="uint8", compressors=ZstdCodec())
    big = zarr.create_array(
        str(tmp_path / "c"),
        shape=(8,),
        dtype=">f4",
        chunks=(4,),
        serializer=zarr.codecs.BytesCodec(endian="big"),
        compressors=ZstdCodec(),
    )
    for array in (blosc, memory, big):
        assert chunked(array, ArrayCache(100)) is None


def test_a_copy_in_another_process_begins_empty() -> None:
    cache = ArrayCache(1000)
    cache.put(("a", (0,)), np.zeros(10))
    copy = pickle.loads(pickle.dumps(cache))
    assert copy.limit == 1000
    assert copy.get(("a", (0,))) is None


def test_what_was_asked_for_longest_ago_is_forgotten_first() -> None:
    cache = ArrayCache(3 * 80)
    arrays = {name: np.full(10, float(ord(name))) for name in "abcd"}
    for name in "abc":
        cache.put(name, arrays[name])
    assert cache.get("a") is arrays["a"]
    cache.put("d", arrays["d"])
    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]
    cache.put("large", np.zeros(31))
    assert cache.get("large") is None, "what does not fit pushes nothing out"
    assert cache.get("a") is arrays["a"]


def test_many_threads_share_a_cache_within_its_limit() -> None:
    cache = ArrayCache(5 * 80)
    rng = np.random.default_rng(0)

    def use(key: int) -> bool:
        found = cache.get(key)
        if found is None:
            cache.put(key, np.full(10, float(key)))
        return found is None or bool((found == key).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, rng.integers(0, 12, 4000).tolist()))
    assert cache._bytes == sum(values.nbytes for values in cache._kept.values()) <= 5 * 80


@pytest.fixture
def sharded(tmp_path: Path) -> Cube:
    """Twelve years of 2100 × 300 pixels, in shards."""
    grid = Grid.regular(0, 80, "1/100", "1/100", (2100, 300))
    group = GroupSpec(
        "fine",
        grid,
        Clock.YEAR,
        tuple(range(2000, 2012)),
        (VariableSpec(variable("land_use"), LANDUSE8),),
    )
    writer = CubeWriter(tmp_path / "c.zarr", cube_spec(group))
    for block in writer.pending():
        rows, cols = block.window.slices
        place = (
            np.arange(rows.start, rows.stop)[:, None] // 7 + np.arange(cols.start, cols.stop) // 5
        )
        values = np.stack([(place + tick) % 8 for tick in block.ticks]).astype(np.uint8)
        writer.write(block, values, dict.fromkeys(block.ticks, Status.OBSERVED))
    writer.finish()
    return Cube(tmp_path / "c.zarr")


def test_several_times_at_once_are_the_times_one_by_one(sharded: Cube) -> None:
    window = Window(1000, -3, 60, 50)
    for ticks in ((2003, 2004, 2005), (2011, 2000), (2007,), (2006, 2007, 2008, 2009, 2010, 2001)):
        found = sharded.series("land_use", window, ticks)
        one_by_one = np.stack([sharded.read("land_use", t, window) for t in ticks])
        assert np.array_equal(found, one_by_one)
    assert np.array_equal(sharded.series("land_use")[5], sharded.read("land_use", 2005))


def test_a_damaged_shard_names_variable_and_place(sharded: Cube) -> None:
    shard = sharded.path / "fine" / "land_use" / "c" / "0" / "0" / "0"
    data = bytearray(shard.read_bytes())
    data[:200] = bytes(200)
    shard.write_bytes(bytes(data))
    with pytest.raises(CubeError, match=r"(?s)cannot be decoded.*land_use, 2000.*build it again"):
        sharded.read("land_use", 2000, Window(0, 0, 20, 20))
