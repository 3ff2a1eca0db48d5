"""What a model costs: parameters, operations, rates and memory, measured while it is scored."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.models import Inputs, Predictor

__all__ = ["Metered", "forget_peak", "peak_memory"]

Array = npt.NDArray[Any]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Metered:
    """A predictor that counts what it predicts and how long that takes.

    Args:
        predictor: What predicts.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._warm = False
        self._windows, self._pixels, self._seconds = 0, 0, 0.0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the predictor has
        """All else is the predictor's."""
        return getattr(self._predictor, name)

    def predict(self, inputs: Inputs[Array]) -> dict[str, npt.NDArray[np.float32]]:
        """As the predictor says, counted."""
        before = time.perf_counter()
        found = self._predictor.predict(inputs)
        if self._warm:  # the first one warms up
            self._seconds += time.perf_counter() - before
            batch, _, height, width = next(iter(found.values())).shape
            self._windows += batch
            self._pixels += batch * height * width
        self._warm = True
        return found

    def cost(self) -> dict[str, float | None]:
        """Parameters, operations a pixel, and rates; ``None`` where it is not known."""
        parameters = getattr(self._predictor, "parameters", None)
        operations = getattr(self._predictor, "operations", None)
        rate = None if not self._seconds else self._pixels / self._seconds
        windows = None if not self._seconds else self._windows / self._seconds
        return {
            "parameters": parameters if isinstance(parameters, int) else None,
            "operations": operations if isinstance(operations, float) else None,
            "pixels_a_second": rate,
            "windows_a_second": windows,
        }


def forget_peak() -> None:
    """Begin to count the peak of memory anew, where the system can."""
    if _RESET.exists():
        _RESET.write_text("5", encoding="ascii")  # proc(5): resets the peak resident set size


def peak_memory() -> float | None:
    """Peak of the resident memory of this process in MiB since ``forget_peak``."""
    if not _STATUS.exists():
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    return None if found is None else int(found[1]) / 1024
