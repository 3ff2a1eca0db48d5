"""A cache of arrays that is bounded and safe between threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import numpy.typing as npt

__all__ = ["ArrayCache"]

Array = npt.NDArray[Any]


class ArrayCache:
    """The arrays that were asked for last, up to a number of bytes.

    Args:
        limit: Bytes kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[Hashable, Array] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Array | None:
        """An array, if it is still here."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, values: Array) -> None:
        """Keep an array in place of those not asked for longest."""
        with self._lock:
            if key in self._kept or values.nbytes > self.limit:
                return
            self._kept[key] = values
            self._bytes += values.nbytes
            while self._bytes > self.limit:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes

    def __reduce__(self) -> tuple[type[ArrayCache], tuple[int]]:
        """Without its content: a copy in another process begins empty."""
        return ArrayCache, (self.limit,)
