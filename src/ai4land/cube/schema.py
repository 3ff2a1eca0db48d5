"""The schema of a cube: which variables stand on which grid and clock, declared before any data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from ai4land.errors import CubeError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import NO_DATA, Clock, Kind, Legend, Variable, variable

__all__ = ["SCHEMA_VERSION", "CubeSpec", "GroupSpec", "Status", "VariableSpec", "whole_shard"]

SCHEMA_VERSION = 1

_CHUNK_SIDE = 256
_CHUNK_TICKS = 8  # measured best for random 256² windows of several years, benchmarks/README.md
_SHARD_SIDE = 1024  # keeps a global 0.01° series at about 10⁴ files
_PRODUCT_CHUNK = 600  # of maps that are written year by year: a tile server reads it in 3 ms
_BLOCK_BYTES = 384 * 2**20  # of one unit of writing: eight years of a row of shards of the globe


class Status(IntEnum):
    """Where the values of one time come from, kept beside the values."""

    OBSERVED = 0  #: given by the product for this time
    BACK_CAST = 1  #: given by the product, but reconstructed, not observed
    HELD = 2  #: outside the product's years; the nearest year was held
    DROPPED = 3  #: outside the product's years and left empty
    PREDICTED = 4  #: computed by a model


@dataclass(frozen=True, slots=True)
class VariableSpec:
    """One array of a cube.

    Attributes:
        variable: Its entry in the vocabulary.
        legend: Meaning of the codes; required for categorical variables, and for class fractions,
            whose components are the legend's classes.
        source: Product the values come from.
    """

    variable: Variable
    legend: Legend | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse classes without a legend."""
        if self.variable.kind is Kind.CATEGORICAL and self.legend is None:
            raise CubeError("A categorical variable needs a legend", where=self.variable.name)

    @property
    def name(self) -> str:
        """Name in the vocabulary and in the store."""
        return self.variable.name

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the layers; empty for a scalar variable."""
        return self.variable.layers(() if self.legend is None else self.legend.names)

    @property
    def layers(self) -> int:
        """Number of layers, 1 for a scalar variable."""
        return max(len(self.components), 1)

    @property
    def dtype(self) -> str:
        """``uint8`` for class codes, else ``float32``."""
        return "uint8" if self.variable.kind is Kind.CATEGORICAL else "float32"

    @property
    def fill(self) -> int | float:
        """The missing value: ``NO_DATA`` for codes, NaN for numbers."""
        return NO_DATA if self.variable.kind is Kind.CATEGORICAL else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The specification as plain data."""
        return {
            "variable": self.name,
            "legend": None if self.legend is None else self.legend.to_dict(),
            "source": self.source,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VariableSpec:
        """The inverse of ``to_dict``."""
        legend = data["legend"]
        return cls(
            variable(data["variable"]),
            None if legend is None else Legend.from_dict(legend),
            data["source"],
        )


def whole_shard(shape: tuple[int, int], most: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of files that cut a grid evenly, each of whole chunks.

    Args:
        shape: Of the grid.
        most: Rows and columns of a file at most, about: a file may end a few beyond the grid.
    """

    def side(length: int, most: int) -> int:
        part = -(-length // -(-length // most))
        chunks = -(-part // _PRODUCT_CHUNK)
        return -(-part // chunks) * chunks

    return side(shape[0], most[0]), side(shape[1], most[1])


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """Variables that share one native grid and one clock.

    Attributes:
        name: Name of the Zarr group.
        grid: The native grid.
        clock: The rhythm; static groups have no time axis.
        ticks: Times as ticks of the clock, ascending, evenly spaced or not; empty if static.
        variables: The arrays.
        chunk_ticks: Times in one chunk at most. A series that is read by windows of several times
            has several; one that is written time after time, each standing on the one before, has
            one.
        shard: Rows and columns of a file, which is then the unit of writing, of one time; see
            ``whole_shard``. Default: by the size of the grid, for random windows.
    """

    name: str
    grid: Grid
    clock: Clock
    ticks: tuple[int, ...]
    variables: tuple[VariableSpec, ...]
    chunk_ticks: int = _CHUNK_TICKS
    shard: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse disordered times and duplicate variables."""
        where = f"group {self.name!r}"
        if list(self.ticks) != sorted(set(self.ticks)):
            raise CubeError("Times must ascend without repeats", where=where, found=self.ticks)
        if (self.clock is Clock.STATIC) != (not self.ticks):
            raise CubeError(
                "A static group has no times, any other has at least one",
                where=where,
                found=f"clock {self.clock.value}, {len(self.ticks)} times",
            )
        names = [v.name for v in self.variables]
        if len(set(names)) != len(names) or not names:
            raise CubeError("A group needs variables, each once", where=where, found=names)

    def spec(self, name: str) -> VariableSpec:
        """The specification of one variable."""
        return next(v for v in self.variables if v.name == name)

    def time_index(self, tick: int) -> int:
        """Position of a tick on the time axis.

        Raises:
            CubeError: If the group has no such time.
        """
        try:
            return self.ticks.index(tick)
        except ValueError:
            raise CubeError(
                "The cube has no such time",
                where=f"group {self.name!r} ({', '.join(v.name for v in self.variables)})",
                expected=f"{self.clock.label(self.ticks[0])}…{self.clock.label(self.ticks[-1])}"
                if self.ticks
                else "no time: static",
                found=self.clock.label(tick) if self.ticks else tick,
            ) from None

    def shape(self, spec: VariableSpec) -> tuple[int, ...]:
        """Array shape ``(time?, component?, y, x)``; axes that a variable lacks are left out."""
        time = (len(self.ticks),) if self.ticks else ()
        layers = (spec.layers,) if spec.components else ()
        return (*time, *layers, *self.grid.shape)

    def block_ticks(self) -> int:
        """Times in one chunk, and so in one unit of writing."""
        return min(self.chunk_ticks, max(len(self.ticks), 1))

    @property
    def sharded(self) -> bool:
        """Whether chunks are gathered into larger files."""
        if self.shard is not None:
            return any(side > _PRODUCT_CHUNK for side in self.shard)
        return max(self.grid.shape) > 2 * _SHARD_SIDE

    def chunks(self, spec: VariableSpec) -> tuple[int, ...]:
        """Chunk shape: several years and all components of one window together."""
        side, sides = _CHUNK_SIDE, tuple[int, ...]()
        if self.shard is not None:
            sides = tuple(length // -(-length // _PRODUCT_CHUNK) for length in self.shard)
        elif self.sharded:
            sides = (side, side)
        else:
            sides = tuple(min(side, length) for length in self.grid.shape)
        time = (self.block_ticks(),) if self.ticks else ()
        return (*time, *((spec.layers,) if spec.components else ()), *sides)

    def shards(self, spec: VariableSpec) -> tuple[int, ...] | None:
        """Shard shape, or ``None`` where files are few enough without."""
        if not self.sharded:
            return None
        return (*self.chunks(spec)[:-2], *(self.shard or (_SHARD_SIDE, _SHARD_SIDE)))

    def files(self, spec: VariableSpec, tick: int | None, window: Window) -> list[str]:
        """The files of a variable that hold a unit of writing, relative to the store.

        Args:
            spec: The variable.
            tick: A time; ``None`` if static.
            window: One of ``block_windows``.
        """
        rows, cols = (self.shards(spec) or self.chunks(spec))[-2:]
        time = [] if tick is None else [self.time_index(tick) // self.block_ticks()]
        lead = [*time, *([0] if spec.components else [])]
        down, across = (
            range(s.start // side, -(-s.stop // side))
            for s, side in zip(window.slices, (rows, cols), strict=True)
        )
        places = ((*lead, row, col) for row in down for col in across)
        return [f"{self.name}/{spec.name}/c/{'/'.join(map(str, place))}" for place in places]

    def block_windows(self, spec: VariableSpec, cells: int | None = None) -> Iterator[Window]:
        """Rows and columns of the units of writing: whole chunks or shards, of bounded size.

        Units are as wide as can be, for files that are stored row by row.

        Args:
            spec: The variable.
            cells: Cells of a unit, about; default: what fits the memory of a build.
        """
        height, width = self.grid.shape
        rows, step = self.shard or self._strips(spec, cells)
        for row in range(0, height, rows):
            for col in range(0, width, step):
                yield Window(row, col, min(rows, height - row), min(step, width - col))

    def _strips(self, spec: VariableSpec, cells: int | None) -> tuple[int, int]:
        """Rows and columns of the units of writing where files do not say them."""
        rows, cols = (self.shards(spec) or self.chunks(spec))[-2:]
        width = self.grid.width
        item = np.dtype(spec.dtype).itemsize * spec.layers * self.block_ticks()
        most = max(_BLOCK_BYTES // item if cells is None else cells, 1)
        step = width
        if rows * width > most:
            strips = -(-width // cols)
            parts = -(-strips // max(most // (rows * cols), 1))
            step = -(-strips // parts) * cols
        elif not self.sharded:
            rows *= max(most // (rows * width), 1)
        return rows, step

    def to_dict(self) -> dict[str, Any]:
        """The specification as plain data."""
        return {
            "name": self.name,
            "grid": self.grid.to_dict(),
            "clock": self.clock.value,
            "ticks": list(self.ticks),
            "variables": [v.to_dict() for v in self.variables],
            **({} if self.chunk_ticks == _CHUNK_TICKS else {"chunk_ticks": self.chunk_ticks}),
            **({} if self.shard is None else {"shard": list(self.shard)}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GroupSpec:
        """The inverse of ``to_dict``."""
        return cls(
            data["name"],
            Grid.from_dict(data["grid"]),
            Clock(data["clock"]),
            tuple(data["ticks"]),
            tuple(VariableSpec.from_dict(v) for v in data["variables"]),
            data.get("chunk_ticks", _CHUNK_TICKS),
            (*data["shard"],) if "shard" in data else None,
        )


@dataclass(frozen=True, slots=True)
class CubeSpec:
    """A whole cube, declared.

    Attributes:
        groups: One per native grid and clock.
        attributes: Title, provenance (file names, SHA-256, versions, licences), resolved recipe.
            Plain JSON data.
    """

    groups: tuple[GroupSpec, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two groups of one name, and one variable in two groups."""
        names = [g.name for g in self.groups]
        variables = [v.name for g in self.groups for v in g.variables]
        for kind, found in (("groups", names), ("variables", variables)):
            if len(set(found)) != len(found):
                raise CubeError(f"The {kind} of a cube must have different names", found=found)

    def group_of(self, name: str) -> GroupSpec:
        """The group that holds a variable.

        Raises:
            CubeError: If the cube has no such variable.
        """
        for group in self.groups:
            if any(v.name == name for v in group.variables):
                return group
        raise CubeError(
            "The cube has no such variable",
            found=repr(name),
            expected=f"one of {', '.join(v.name for g in self.groups for v in g.variables)}",
        )

    def to_dict(self) -> dict[str, Any]:
        """The specification as plain data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "groups": [g.to_dict() for g in self.groups],
            "attributes": dict(self.attributes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CubeSpec:
        """The inverse of ``to_dict``.

        Raises:
            CubeError: If the schema version is not this one.
        """
        if data.get("schema_version") != SCHEMA_VERSION:
            raise CubeError(
                "The cube has another schema version",
                expected=SCHEMA_VERSION,
                found=data.get("schema_version"),
                remedy="build it again from its recipe",
            )
        return cls(tuple(GroupSpec.from_dict(g) for g in data["groups"]), data["attributes"])
