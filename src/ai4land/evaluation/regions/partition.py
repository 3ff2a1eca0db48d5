"""A partition of a map into regions with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Partition", "Regions"]


@dataclass(frozen=True)
class Partition:
    """What regions are called.

    Attributes:
        title: What they are, as a head of a table.
        names: Region → name.
    """

    title: str
    names: Mapping[int, str]

    def __add__(self, other: Partition) -> Partition:
        """The same partition with the names of both parts of a map."""
        return Partition(self.title, {**self.names, **other.names})


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

    @property
    def partition(self) -> Partition:
        """What the regions are called, without their pixels."""
        return Partition(self.title, self.names)
