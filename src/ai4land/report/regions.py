"""A partition of a map into regions with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Regions"]


@dataclass(frozen=True, eq=False)
class Regions:
    """A partition of the map.

    Attributes:
        title: What it is, as a head of a table.
        labels: Region of each pixel, ``(y, x)``; negative in none.
        names: Region → name.
    """

    title: str
    labels: npt.NDArray[np.integer]
    names: Mapping[int, str]
