"""Reading a cube: named variables, times and windows, as plain arrays in physical units."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import zarr
from zarr.errors import GroupNotFoundError

from ai4land.cube.schema import CubeSpec, GroupSpec, Status, VariableSpec
from ai4land.errors import CubeError, MissingFileError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import Clock

__all__ = ["ATTRIBUTE", "Cube", "status_name", "time_name"]

ATTRIBUTE = "ai4land"
"""Root attribute that holds the cube's specification."""

Array = npt.NDArray[Any]


def time_name(clock: Clock) -> str:
    """Name of a clock's dimension: plain integers are ``year``, dates are ``time``."""
    return "year" if clock is Clock.YEAR else "time"


def status_name(variable: str) -> str:
    """Name of the array that says where each time of a variable comes from."""
    return f"{variable}_status"


class Cube:
    """A finished multi-resolution store, open for reading.

    Values come as the store has them: class codes ``uint8`` with ``NO_DATA`` = 255 missing,
    numbers ``float32`` in the vocabulary's units with NaN missing.
    """

    def __init__(self, path: str | Path, *, allow_incomplete: bool = False) -> None:
        self.path = Path(path)
        try:
            self._root = zarr.open_group(str(self.path), mode="r", zarr_format=3)
        except (GroupNotFoundError, FileNotFoundError) as error:
            raise MissingFileError(
                "There is no cube here",
                where=self.path,
                remedy="build one with `ai4land build RECIPE`",
            ) from error
        except (json.JSONDecodeError, ValueError, KeyError) as error:
            raise CubeError("The store's metadata is damaged", where=self.path) from error
        data = self._root.attrs.asdict().get(ATTRIBUTE)
        if not isinstance(data, dict):
            raise CubeError(
                "This Zarr store is not an AI4Land cube",
                where=self.path,
                expected=f"root attribute {ATTRIBUTE!r}",
                found=", ".join(self._root.attrs.asdict()) or "no attributes",
            )
        self.spec = CubeSpec.from_dict(data)
        if not data.get("complete") and not allow_incomplete:
            raise CubeError(
                "The cube is not finished",
                where=self.path,
                remedy="run the command that was writing it again: it resumes where it stopped",
            )
        self._arrays: dict[str, zarr.Array[Any]] = {}

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Title, provenance and resolved recipe."""
        return self.spec.attributes

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables."""
        return tuple(v.name for g in self.spec.groups for v in g.variables)

    def group(self, name: str) -> GroupSpec:
        """The group that holds a variable; raises ``CubeError`` if none does."""
        return self.spec.group_of(name)

    def grid(self, name: str) -> Grid:
        """The native grid of a variable."""
        return self.group(name).grid

    def variable(self, name: str) -> VariableSpec:
        """The specification of a variable."""
        return self.group(name).spec(name)

    def status(self, name: str) -> dict[int, Status]:
        """Tick → where its values come from; empty for a static variable."""
        group = self.group(name)
        if not group.ticks:
            return {}
        values = np.asarray(self._array(group, status_name(name))[:])
        return {t: Status(int(v)) for t, v in zip(group.ticks, values, strict=True)}

    def read(self, name: str, tick: int | None = None, window: Window | None = None) -> Array:
        """Read a window of a variable at one time.

        Args:
            name: Name of the variable.
            tick: Time as a tick of the variable's clock; ``None`` for a static variable.
            window: Window on the variable's native grid; it may reach beyond the grid, and around
                a global one. What lies outside is missing. Default: all.

        Returns:
            ``(component, y, x)`` for a vector variable, else ``(y, x)``.
        """
        group = self.group(name)
        spec = group.spec(name)
        window = window or group.grid.window
        leading: tuple[Any, ...] = ()
        if group.ticks:
            if tick is None:
                raise CubeError("A time is needed", where=f"variable {name!r}", found=None)
            leading = (group.time_index(tick),)
        layers = (spec.layers,) if spec.components else ()
        values = np.full((*layers, *window.shape), spec.fill, dtype=spec.dtype)
        array = self._array(group, name)
        for piece in group.grid.pieces(window):
            inner = (slice(None),) * len(layers)
            try:
                values[(..., *piece.target)] = array[(*leading, *inner, *piece.source)]
            except (RuntimeError, ValueError, OSError) as error:
                raise CubeError(
                    "A chunk of the cube cannot be decoded",
                    where=f"{self.path}, {name}, {tick}, rows and columns {piece.source}",
                    found=error,
                    remedy="the store is damaged: build it again",
                ) from error
        return values

    def series(self, name: str, window: Window | None = None) -> Array:
        """All times of a variable in a window inside its grid, ``(time, [component,] y, x)``."""
        group = self.group(name)
        window = window or group.grid.window
        if not group.ticks:
            return self.read(name, window=window)
        return np.stack([self.read(name, tick, window) for tick in group.ticks])

    def _array(self, group: GroupSpec, name: str) -> zarr.Array[Any]:
        key = f"{group.name}/{name}"
        if key not in self._arrays:
            self._arrays[key] = cast("zarr.Array[Any]", self._root[key])
        return self._arrays[key]
