"""Chunks: read straight from the files of a store and kept a while, for windows that share them.

A random window of several years touches a few chunks and cuts a little out of each. The next
window, or the next year of the same one, touches many of them again. What zarr-python spends on a
chunk beside decoding it (a task, a buffer, a plan of the selection) costs more than the decoding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from numcodecs import zstd
from zarr.storage import LocalStore

from ai4land.cube.cache import ArrayCache

__all__ = ["ChunkedArray", "chunked"]

Array = npt.NDArray[Any]
Place = tuple[int, ...]
_ABSENT = 2**64 - 1  # offset in a shard's index of a chunk that holds nothing but fill


@dataclass
class ChunkedArray:
    """One array of a store as its files.

    Attributes:
        folder: Folder of the array.
        shape: Its shape.
        chunk: Shape of a chunk.
        shard: Shape of a shard, or ``None`` if every chunk is a file.
        dtype: Type of the values.
        fill: Value of what was never written.
        cache: Where decoded chunks are kept.
    """

    folder: Path
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    shard: tuple[int, ...] | None
    dtype: np.dtype[Any]
    fill: float
    cache: ArrayCache
    _indexes: dict[Place, Array | None] = field(default_factory=dict)

    def read(self, index: tuple[slice, ...]) -> Array:
        """Values of a rectangle inside the array, one slice with both ends per axis.

        Raises:
            OSError: If a file cannot be read.
            RuntimeError: If a chunk cannot be decoded.
            ValueError: If it decodes to something else.
        """
        spans = [
            range(s.start // c, -(-s.stop // c)) for s, c in zip(index, self.chunk, strict=True)
        ]
        out = np.empty([s.stop - s.start for s in index], dtype=self.dtype)
        size = math.prod(self.chunk) * self.dtype.itemsize * math.prod(len(s) for s in spans)
        keep = size <= self.cache.limit // 2  # a sweep over everything must not push all else out
        for place in itertools.product(*spans):
            chunk = self._chunk(place, keep)
            source, target = [], []
            for number, side, wanted in zip(place, self.chunk, index, strict=True):
                start = number * side
                low, high = max(start, wanted.start), min(start + side, wanted.stop)
                source.append(slice(low - start, high - start))
                target.append(slice(low - wanted.start, high - wanted.start))
            out[tuple(target)] = self.fill if chunk is None else chunk[tuple(source)]
        return out

    def _chunk(self, place: Place, keep: bool) -> Array | None:
        """A decoded chunk; ``None`` if it holds nothing but fill."""
        key = (str(self.folder), place)
        found = self.cache.get(key)
        if found is not None:
            return found
        raw = self._raw(place)
        if raw is None:
            return None
        chunk = np.empty(self.chunk, dtype=self.dtype)
        decoded = zstd.decompress(raw, chunk.reshape(-1).view(np.uint8))
        if np.asarray(decoded).nbytes != chunk.nbytes:
            raise ValueError(f"a chunk of {chunk.nbytes} bytes decodes to another size")
        chunk.flags.writeable = False
        if keep:
            self.cache.put(key, chunk)
        return chunk

    def _raw(self, place: Place) -> bytes | None:
        """The encoded bytes of a chunk."""
        if self.shard is None:
            path = self.folder.joinpath("c", *map(str, place))
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None
        per = [s // c for s, c in zip(self.shard, self.chunk, strict=True)]
        outer = tuple(p // n for p, n in zip(place, per, strict=True))
        path = self.folder.joinpath("c", *map(str, outer))
        index = self._index(outer, path, per)
        if index is None:
            return None
        offset, length = (
            int(v) for v in index[tuple(p % n for p, n in zip(place, per, strict=True))]
        )
        if offset == _ABSENT:
            return None
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def _index(self, outer: Place, path: Path, per: list[int]) -> Array | None:
        """Offset and length of each chunk of a shard ``(…, 2)``; ``None`` if there is no shard."""
        if outer not in self._indexes:
            count = math.prod(per) * 16
            try:
                with path.open("rb") as file:
                    file.seek(-(count + 4), 2)  # the index stands last, with a checksum of 4 bytes
                    raw = file.read(count)
                self._indexes[outer] = np.frombuffer(raw, dtype="<u8").reshape(*per, 2)
            except FileNotFoundError:
                self._indexes[outer] = None
        return self._indexes[outer]


def chunked(array: zarr.Array[Any], cache: ArrayCache) -> ChunkedArray | None:
    """The array as files, if it is laid out as this package lays arrays out; else ``None``."""
    data: Mapping[str, Any] = array.metadata.to_dict()
    store = array.store_path.store
    codecs = list(data.get("codecs", ()))
    shard = None
    chunk = tuple(data.get("chunk_grid", {}).get("configuration", {}).get("chunk_shape", ()))
    if codecs and codecs[0]["name"] == "sharding_indexed":
        inner = codecs[0]["configuration"]
        checks = [codec["name"] for codec in inner["index_codecs"]]
        if inner.get("index_location", "end") != "end" or checks != ["bytes", "crc32c"]:
            return None
        shard, chunk, codecs = chunk, tuple(inner["chunk_shape"]), list(inner["codecs"])
    names = [codec["name"] for codec in codecs]
    little = all(
        codec.get("configuration", {}).get("endian", "little") == "little"
        for codec in codecs
        if codec["name"] == "bytes"
    )
    keys = data.get("chunk_key_encoding", {})
    plain = keys.get("name") == "default" and keys["configuration"]["separator"] == "/"
    if not (isinstance(store, LocalStore) and names == ["bytes", "zstd"] and little and plain):
        return None
    return ChunkedArray(
        Path(store.root) / array.path,
        tuple(array.shape),
        chunk,
        shard,
        np.dtype(array.dtype).newbyteorder("<"),
        float(array.fill_value),
        cache,
    )
