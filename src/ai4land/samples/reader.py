"""Reading windows for a network: labels as class indices, coarse forcing upsampled on the fly."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, VariableSpec
from ai4land.errors import CheckpointError, SampleError
from ai4land.grid import Grid, Mesh, Window
from ai4land.models import InputSpec
from ai4land.samples.coupling import CellShares, Coupling
from ai4land.vocabulary import (
    NO_DATA,
    Clock,
    Kind,
    Legend,
    Task,
    crosswalk_names,
)

__all__ = ["DEMAND", "WindowReader", "class_lookup", "crosswalk_source", "input_spec"]

Array = npt.NDArray[Any]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

DEMAND = "demand"
"""Forcing that no cube holds: the classes' shares in the map, and what a product wants of them."""

_MEMORY = 4 * 2**30  # bytes of cube values kept in memory; larger variables are read by window


def class_lookup(legend: Legend) -> ByteArray:
    """Table ``(256,)`` from class codes to positions in the legend; all else is ``NO_DATA``."""
    table = np.full(256, NO_DATA, dtype=np.uint8)
    table[list(legend.codes)] = np.arange(len(legend), dtype=np.uint8)
    return table


def crosswalk_source(spec: VariableSpec, legend: Legend) -> str | None:
    """By which name a fraction variable leads to a legend's classes; ``None`` if by none.

    Fractions of the classes of another legend go by that legend, a product's own states (LUH2) by
    the name of the variable.
    """
    name = spec.name if spec.legend is None else spec.legend.name
    return name if f"{name}_to_{legend.name}" in crosswalk_names() else None


def input_spec(
    cube: Cube, task: Task, forcing: tuple[str, ...], static: tuple[str, ...], history: int = 0
) -> InputSpec:
    """The inputs a network must be built for, from the variables of a cube.

    Args:
        cube: The cube.
        task: What is predicted.
        forcing: Variables that are known at prior and target time.
        static: Slow variables, taken at the prior time; categorical ones become zones.
        history: Maps before the prior that the network looks at.
    """
    channels = []
    for name in forcing:
        components = cube.variable(name).components
        channels += [f"{name}/{c}" for c in components] if components else [name]
    zones, numbers = [], []
    for name in static:
        spec = cube.variable(name)
        if spec.variable.kind is Kind.CATEGORICAL and spec.legend is not None:
            zones.append((name, len(spec.legend) + 1))
        else:
            numbers += [f"{name}/{c}" for c in spec.components] if spec.components else [name]
    legend = cube.variable(task.target).legend
    classes = legend.names if legend is not None and task.categorical else ()
    translated, translation = (
        _translation(cube, forcing, legend) if legend and classes else ("", ())
    )
    own = bool(translated) and cube.variable(translated).components == classes
    if translated and not own:
        # a product of other classes: the network is given the classes' own books as well
        blank = (0.0,) * len(channels)
        channels += [f"{DEMAND}/{name}" for name in classes]
        translation = tuple(
            (*blank, *(float(i == j) for j in range(len(classes)))) for i in range(len(classes))
        )
    return InputSpec(
        target=task.target,
        classes=classes,
        forcing=tuple(channels),
        static=tuple(numbers),
        zones=tuple(zones),
        activation=task.activation,
        translation=translation,
        closed_loop=bool(translated),
        history=history,
    )


def _translation(
    cube: Cube, forcing: tuple[str, ...], legend: Legend
) -> tuple[str, tuple[tuple[float, ...], ...]]:
    """The variable that leads to the classes, and the matrix from all channels to them.

    One made of the classes themselves if there is one, else the first with a crosswalk.
    """
    components = {name: cube.variable(name).components for name in forcing}
    own = next((n for n in forcing if components[n] == legend.names), "")
    walked = next((n for n in forcing if crosswalk_source(cube.variable(n), legend)), "")
    if not (own or walked):
        return "", ()
    columns = [
        tuple(float(name == own and i == j) for j in range(len(legend)))
        for name in forcing
        for i in range(len(components[name]) or 1)
    ]
    return own or walked, tuple(zip(*columns, strict=True))


class WindowReader:
    """Serves the named input groups of one network for any window of the fine grid.

    The same object feeds training and rollout, so that both see the same bytes. Variables that
    fit are kept in memory; larger ones are read window by window.

    Args:
        cube: Where values come from.
        task: What is predicted; its target gives the fine grid.
        spec: The network's inputs.
        memory: Bytes that may be kept in memory.

    Raises:
        CheckpointError: If the cube cannot serve a network of this ``spec``.
    """

    def __init__(self, cube: Cube, task: Task, spec: InputSpec, *, memory: int = _MEMORY) -> None:
        self.cube = cube
        self.task = task
        self.spec = spec
        self.group = cube.group(task.target)
        self.grid: Grid = self.group.grid
        self.legend = cube.variable(task.target).legend
        self._lookup = class_lookup(self.legend) if self.legend and task.categorical else None
        self._sea = list(self.legend.sea) if self.legend else []
        self._budget = memory
        self._kept: dict[tuple[str, int | None], Array] = {}
        self._keep: dict[str, bool] = {}
        self._nearest: dict[Grid, tuple[Array, Array]] = {}
        self._check()

    def codes(self, tick: int, window: Window) -> Array:
        """Target values as the cube stores them, ``(y, x)``; outside the grid missing."""
        return self._read(self.task.target, tick, window)

    def target(self, tick: int, window: Window) -> Array:
        """Target ``(y, x)``: class positions ``uint8``/255, or ``float32``/NaN."""
        return self.positions(self.codes(tick, window))

    def positions(self, codes: Array) -> Array:
        """Stored values as the network counts them: class positions; numbers unchanged."""
        return codes if self._lookup is None else self._lookup[codes]

    def codes_of(self, positions: ByteArray) -> ByteArray:
        """Class positions as stored codes, the inverse of ``positions``; all else ``NO_DATA``."""
        table = np.full(256, NO_DATA, dtype=np.uint8)
        if self.legend is not None:
            table[: len(self.legend)] = self.legend.codes
        return np.asarray(table[positions])

    def domain(self, codes: Array) -> npt.NDArray[np.bool_]:
        """Where the target exists, ``(y, x)``: known and not sea, from stored values."""
        if self._lookup is None:
            return np.isfinite(codes)
        return np.asarray((codes != NO_DATA) & ~np.isin(codes, self._sea))

    def land(self, tick: int) -> npt.NDArray[np.bool_]:
        """Where the target exists on the whole fine grid at one time, ``(y, x)``."""
        return self.domain(self.codes(tick, self.grid.window))

    def forcing(self, tick: int, window: Window, own: CellShares | None = None) -> FloatArray:
        """Coarse forcing at a target tick on the fine window, ``(C, y, x)``, physical units.

        Args:
            tick: Time of the target's clock.
            window: Window on the fine grid.
            own: Shares of the classes in all coarse cells under the window, to stand in for the
                forcing that is made of them (see ``coupling``); ``DEMAND`` has no other.
        """
        given = {} if own is None or self.loop is None else {self.loop: own}
        return self._stack(self.spec.forcing, tick, window, given)

    @property
    def sea(self) -> list[int]:
        """Positions of sea classes among the classes."""
        codes = self.legend.codes if self.legend is not None else ()
        return [i for i, code in enumerate(codes) if code in self._sea]

    @property
    def loop(self) -> str | None:
        """The forcing variable made of the target's own classes, if there is one."""
        if not self.spec.closed_loop:
            return None
        names = dict.fromkeys(full.partition("/")[0] for full in self.spec.forcing)
        if DEMAND in names:
            return DEMAND
        return next(n for n in names if self.cube.variable(n).components == self.spec.classes)

    @functools.cached_property
    def loop_source(self) -> str | None:
        """The variable of the cube whose cells and whose changes the loop is about."""
        if self.loop != DEMAND or self.legend is None:
            return self.loop
        names = dict.fromkeys(full.partition("/")[0] for full in self.spec.forcing)
        return next(n for n in names if crosswalk_source(self.cube.variable(n), self.legend))

    def mesh(self, forcing: str) -> Mesh:
        """The cells of a coarse variable on the fine grid."""
        return Mesh(self.grid, self.cube.grid(forcing))

    @property
    def loop_channels(self) -> slice:
        """Forcing channels of ``loop``, in class order; empty if there is none."""
        if self.loop is None:
            return slice(0, 0)
        start = self.spec.forcing.index(f"{self.loop}/{self.spec.classes[0]}")
        return slice(start, start + len(self.spec.classes))

    @functools.cached_property
    def coupling(self) -> Coupling | None:
        """Sums a fine map over the cells of ``loop``; ``None`` without a closed loop."""
        if self.loop_source is None:
            return None
        return Coupling(self.mesh(self.loop_source), len(self.spec.classes))

    def upsampled(self, shares: CellShares, window: Window) -> FloatArray:
        """Shares in the cells of the loop, on a fine window ``(K, y, x)``."""
        assert self.loop_source is not None
        return np.asarray(self._upsampled(self.loop_source, None, window, shares), dtype=np.float32)

    def static(self, window: Window, tick: int | None = None) -> FloatArray:
        """Continuous slow fields on the fine window, ``(S, y, x)``, physical units.

        Args:
            window: Window on the fine grid.
            tick: The prior time, for fields that are not constant (annual climate zones).
        """
        return self._stack(self.spec.static, tick, window)

    def zones(self, window: Window, tick: int | None = None) -> npt.NDArray[np.int64]:
        """Codes of categorical slow fields, ``(Z, y, x)``: legend position + 1, 0 unknown.

        Args:
            window: Window on the fine grid.
            tick: As for ``static``.
        """
        out = np.zeros((len(self.spec.zones), *window.shape), dtype=np.int64)
        for i, (name, _) in enumerate(self.spec.zones):
            legend = self.cube.variable(name).legend
            if legend is None:
                raise SampleError("A zone variable needs a legend", where=name)
            positions = class_lookup(legend)[self._upsampled(name, tick, window)[0]]
            out[i] = np.where(positions == NO_DATA, 0, positions.astype(np.int64) + 1)
        return out

    def _check(self) -> None:
        """Refuse a cube that lacks what the network was built for."""
        legend = self.legend
        classes = legend.names if legend is not None and self.task.categorical else ()
        if self.spec.target != self.task.target or self.spec.classes != classes:
            raise CheckpointError(
                "The network predicts other classes than the cube holds",
                where=str(self.cube.path),
                expected=f"{self.spec.target}: {', '.join(self.spec.classes)}",
                found=f"{self.task.target}: {', '.join(classes)}",
                remedy="build the cube with the legend of the network",
            )
        have: set[str] = set()
        for name in self.cube.variables:
            components = self.cube.variable(name).components
            have |= {f"{name}/{c}" for c in components} if components else {name}
        stored = [n for n in self.spec.forcing if not n.startswith(f"{DEMAND}/")]
        need = [*stored, *self.spec.static, *(name for name, _ in self.spec.zones)]
        missing = [name for name in need if name not in have]
        if missing:
            raise CheckpointError(
                "The cube lacks fields that the network needs",
                where=str(self.cube.path),
                expected=", ".join(missing),
                found=", ".join(sorted(have)),
                remedy="add them to the recipe and build the cube again",
            )

    def _stack(
        self,
        names: tuple[str, ...],
        tick: int | None,
        window: Window,
        given: Mapping[str, CellShares] | None = None,
    ) -> FloatArray:
        """Named channels on the fine window, each variable read once; ``given`` ones not at all."""
        out = np.empty((len(names), *window.shape), dtype=np.float32)
        layers: dict[str, Array] = {}
        wanted: dict[str, list[tuple[int, int]]] = {}
        for i, full in enumerate(names):
            name, _, component = full.partition("/")
            if name not in layers:
                own = (given or {}).get(name)
                held = self.loop_source if name == DEMAND else name
                assert held is not None
                assert own is not None or name != DEMAND, "the demand is not stored anywhere"
                layers[name] = self._upsampled(held, tick, window, own)
            components = (
                self.spec.classes if name == DEMAND else self.cube.variable(name).components
            )
            place = components.index(component) if component else 0
            wanted.setdefault(name, []).append((i, place))
        for name, pairs in wanted.items():
            if pairs == [(i, i) for i in range(len(names))] and len(layers[name]) == len(names):
                return np.asarray(layers[name], dtype=np.float32)
            for i, place in pairs:
                out[i] = layers[name][place]
        return out

    def _upsampled(
        self, name: str, tick: int | None, window: Window, own: CellShares | None = None
    ) -> Array:
        """A variable on the fine window by the cell in which each pixel centre lies."""
        group = self.cube.group(name)
        when = None if own is not None else self._own_tick(group.clock, tick)
        layered = own is not None or bool(self.cube.variable(name).components)
        if group.grid == self.grid and own is None:
            values = self._read(name, when, window)
            return values if layered else values[None]
        rows, cols = self._cells(name, group.grid, window)
        if own is not None:
            block, coarse = own.values, group.grid
            rows, cols = rows - own.cells.row, cols - own.cells.col
            cols = np.mod(cols, coarse.width) if coarse.is_global else cols
        elif self._may_keep(name):
            block = self._whole(name, when)
        else:
            low, left = int(rows.min()), int(cols.min())
            shape = int(rows.max()) - low + 1, int(cols.max()) - left + 1
            block = self.cube.read(name, when, Window(low, left, *shape))
            rows, cols = rows - low, cols - left
        # columns first: ten times faster than both at once
        values = np.take(np.take(block, cols, axis=-1), rows, axis=-2)
        return values if layered else values[None]

    def _cells(self, name: str, grid: Grid, window: Window) -> tuple[Array, Array]:
        """Rows and columns of a coarse grid under the pixels of a fine window."""
        if grid not in self._nearest:
            self._nearest[grid] = grid.nearest(self.grid)
        all_rows, all_cols = self._nearest[grid]
        # beyond the fine grid the nearest border pixel stands in; the domain hides it anyway
        down = np.arange(window.row, window.row + window.height).clip(0, len(all_rows) - 1)
        across = np.arange(window.col, window.col + window.width)
        across = across % len(all_cols) if self.grid.is_global else across
        rows, cols = all_rows[down], all_cols[across.clip(0, len(all_cols) - 1)]
        if rows.min() < 0 or cols.min() < 0:
            raise SampleError(
                "The labels reach beyond the forcing",
                where=f"variable {name!r}",
                expected=f"cover of {self.grid.describe()}",
                found=grid.describe(),
                remedy="choose a smaller region in the recipe",
            )
        return rows, cols

    def _own_tick(self, clock: Clock, tick: int | None) -> int | None:
        """A target tick on another variable's clock: its year where that one is annual."""
        if clock is Clock.STATIC or tick is None:
            return None
        if clock is self.task.clock:
            return tick
        if clock is Clock.YEAR:
            return tick // self.task.clock.ticks_per_year
        raise SampleError(
            "A driver on a finer or unrelated clock cannot serve this task",
            expected=f"{self.task.clock.value} or {Clock.YEAR.value}",
            found=clock.value,
        )

    def _may_keep(self, name: str) -> bool:
        if name not in self._keep:
            group = self.cube.group(name)
            spec = group.spec(name)
            size = int(np.prod(group.shape(spec))) * np.dtype(spec.dtype).itemsize
            self._keep[name] = size <= self._budget
            self._budget -= size if self._keep[name] else 0
        return self._keep[name]

    def _whole(self, name: str, tick: int | None) -> Array:
        key = (name, tick)
        if key not in self._kept and tick is None:
            self._kept[key] = self.cube.read(name)
        elif key not in self._kept and tick is not None:
            # times that share a chunk are decoded together, whoever is asked for first
            together = self.cube.neighbours(name, tick)
            for one, values in zip(together, self.cube.series(name, ticks=together), strict=True):
                self._kept[name, one] = values
        return self._kept[key]

    def _read(self, name: str, tick: int | None, window: Window) -> Array:
        """A window on the variable's own grid, from memory where it is kept."""
        if not self._may_keep(name):
            return self.cube.read(name, tick, window)
        whole = self._whole(name, tick)
        spec = self.cube.variable(name)
        out = np.full((*whole.shape[:-2], *window.shape), spec.fill, dtype=spec.dtype)
        for piece in self.cube.grid(name).pieces(window):
            out[(..., *piece.target)] = whole[(..., *piece.source)]
        return out
