"""Reading a cube: named variables, times and windows, as plain arrays in physical units."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import zarr
from zarr.errors import GroupNotFoundError

from ai4land.cube.cache import ArrayCache
from ai4land.cube.chunks import ChunkedArray, chunked
from ai4land.cube.recoding import Recoding, recodings
from ai4land.cube.schema import CubeSpec, GroupSpec, Status, VariableSpec
from ai4land.errors import CubeError, MissingFileError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import Clock, Legend

__all__ = ["ATTRIBUTE", "Cube", "status_name", "time_name"]

ATTRIBUTE = "ai4land"
"""Root attribute that holds the cube's specification."""

Array = npt.NDArray[Any]
_CACHE = 128 * 2**20


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

    Args:
        path: Folder of the store.
        allow_incomplete: Open a store that is still being written.
        cache: Bytes of decoded chunks that are kept for the next windows.
    """

    def __init__(
        self, path: str | Path, *, allow_incomplete: bool = False, cache: int = _CACHE
    ) -> None:
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
        self._corners: dict[str, tuple[int, int]] = {}
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._files: dict[str, ChunkedArray | None] = {}
        self._cache = ArrayCache(cache)
        self._recodings: dict[str, Recoding] = {}

    @property
    def cache_limit(self) -> int:
        """Bytes of decoded chunks that are kept."""
        return self._cache.limit

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
        if group.ticks and tick is None:
            raise CubeError("A time is needed", where=f"variable {name!r}", found=None)
        if not group.ticks:
            return self._window(group, name, slice(0, 0), window)
        first = group.time_index(cast("int", tick))
        values: Array = self._window(group, name, slice(first, first + 1), window)[0]
        return values

    def series(
        self, name: str, window: Window | None = None, ticks: Sequence[int] | None = None
    ) -> Array:
        """Several times of a variable in a window, each chunk decoded once.

        Args:
            name: Name of the variable.
            window: As for ``read``.
            ticks: Times, in any order; default: all.

        Returns:
            ``(time, [component,] y, x)``; without the time axis if the variable is static.
        """
        group = self.group(name)
        if not group.ticks:
            return self.read(name, window=window)
        if ticks is None:
            return self._window(group, name, slice(0, len(group.ticks)), window)
        runs: list[slice] = []
        for index in (group.time_index(tick) for tick in ticks):
            if runs and runs[-1].stop == index:
                runs[-1] = slice(runs[-1].start, index + 1)
            else:
                runs.append(slice(index, index + 1))
        parts = [self._window(group, name, run, window) for run in runs]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def within(self, bounds: Grid) -> Cube:
        """The same cube, cut on every grid to the cells in which a cell of ``bounds`` lies.

        Args:
            bounds: A part of a grid of the cube. A grid that it does not meet stays whole.

        Returns:
            A cube that shares the open store and the cache, and knows nothing outside the cut.
        """
        part = copy.copy(self)
        windows = {group.name: _met(group.grid, bounds) for group in self.spec.groups}
        groups = (
            replace(group, grid=group.grid.crop(windows[group.name])) for group in self.spec.groups
        )
        part.spec = replace(self.spec, groups=tuple(groups))
        part._corners = {
            name: (above + window.row, left + window.col)
            for name, window in windows.items()
            for above, left in [self._corners.get(name, (0, 0))]
        }
        return part

    def in_legend(self, classes: Legend) -> Cube:
        """The same cube with all that is said in classes said in those of one legend.

        Maps of classes are translated pixel by pixel, shares of classes added up, each by the
        crosswalk from its own legend; variables without one stay as they are.

        Args:
            classes: A legend that crosswalks lead to.

        Returns:
            A cube that shares the open store and the cache; itself if nothing is to be translated.

        Raises:
            CubeError: If no map of the cube has the legend, or a crosswalk to it.
            VocabularyError: If a class of a map would be split between several.
        """
        found = recodings(self.spec, classes)
        if not found and all(self.variable(n).legend != classes for n in self.variables):
            have = {v.legend.name for n in self.variables if (v := self.variable(n)).legend}
            raise CubeError(
                "Nothing in the cube can be said in the classes of this legend",
                where=self.path,
                expected=f"a crosswalk to {classes.name!r}",
                found=", ".join(sorted(have)) or "no classes at all",
                remedy="add a crosswalk, or build the cube with this legend",
            )
        if not found:
            return self
        part = copy.copy(self)
        part._recodings = {**self._recodings, **found}
        groups = (
            replace(
                group,
                variables=tuple(
                    found[v.name].spec if v.name in found else v for v in group.variables
                ),
            )
            for group in self.spec.groups
        )
        part.spec = replace(self.spec, groups=tuple(groups))
        return part

    def _window(self, group: GroupSpec, name: str, when: slice, window: Window | None) -> Array:
        """A window at consecutive times, ``(time?, component?, y, x)``."""
        recoding = self._recodings.get(name)
        if recoding is None:
            return self._stored(group, group.spec(name), when, window)
        return recoding.translated(self._stored(group, recoding.stored, when, window))

    def _stored(
        self, group: GroupSpec, spec: VariableSpec, when: slice, window: Window | None
    ) -> Array:
        """A window at consecutive times as it is stored."""
        name = spec.name
        window = window or group.grid.window
        time = (when.stop - when.start,) if group.ticks else ()
        layers = (spec.layers,) if spec.components else ()
        leading = ((when,) if group.ticks else ()) + tuple(slice(0, count) for count in layers)
        pieces = group.grid.pieces(window)
        shape = (*time, *layers, *window.shape)
        whole = len(pieces) == 1 and pieces[0].target == (
            slice(0, window.height),
            slice(0, window.width),
        )
        values = None if whole else np.full(shape, spec.fill, dtype=spec.dtype)
        for piece in pieces:
            try:
                found = self._rectangle(group, name, (*leading, *piece.source))
            except (RuntimeError, ValueError, OSError) as error:
                label = group.clock.span(group.ticks[when]) if group.ticks else "static"
                raise CubeError(
                    "A chunk of the cube cannot be decoded",
                    where=f"{self.path}, {name}, {label}, rows and columns {piece.source}",
                    found=error,
                    remedy="the store is damaged: build it again",
                ) from error
            if values is None:
                return found
            values[(..., *piece.target)] = found
        assert values is not None
        return values

    def _rectangle(self, group: GroupSpec, name: str, index: tuple[slice, ...]) -> Array:
        """Values of a rectangle inside an array, from its files where they can be read directly."""
        corner = self._corners.get(group.name, (0, 0))
        sides = zip(index[-2:], corner, strict=True)
        index = (*index[:-2], *(slice(s.start + by, s.stop + by) for s, by in sides))
        key = f"{group.name}/{name}"
        if key not in self._files:
            self._files[key] = chunked(self._array(group, name), self._cache)
        files = self._files[key]
        return np.asarray(self._array(group, name)[index]) if files is None else files.read(index)

    def _array(self, group: GroupSpec, name: str) -> zarr.Array[Any]:
        key = f"{group.name}/{name}"
        if key not in self._arrays:
            self._arrays[key] = cast("zarr.Array[Any]", self._root[key])
        return self._arrays[key]


def _met(grid: Grid, bounds: Grid) -> Window:
    """The smallest window that holds the cells in which centres of another grid lie."""
    spans = []
    for places, length in zip(grid.nearest(bounds), grid.shape, strict=True):
        met = places[places >= 0]
        spans.append((int(met.min()), int(met.max()) + 1) if met.size else (0, length))
    (top, bottom), (left, right) = spans
    return Window(top, left, bottom - top, right - left)
