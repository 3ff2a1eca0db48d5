"""The assembler: the one place where maps and drivers become a model's inputs."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ai4land.cube import Field, State
from ai4land.errors import SampleError
from ai4land.grid import Mesh, Window
from ai4land.models import Inputs, InputSpec, Seen
from ai4land.samples.coding import ClassCoding, Coding, class_lookup
from ai4land.samples.coupling import CellShares, Coupling
from ai4land.samples.demand import Demand
from ai4land.samples.drivers import Drivers
from ai4land.samples.drivers.gridded import pixels_under
from ai4land.samples.flows import Flows
from ai4land.samples.spec import DEMAND, crosswalk_source
from ai4land.vocabulary import NO_DATA, Clock, Driver, Legend, Task

__all__ = ["Assembler", "Given", "Loop", "Shown", "see"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]


class Shown(NamedTuple):
    """One map as a model sees it: layers ``(…, K, y, x)``, and where it may be seen ``(…, y, x)``.

    What cannot be seen may hold anything.
    """

    layers: FloatArray
    visible: npt.NDArray[np.bool_]


class Given(NamedTuple):
    """What the drivers say of one step; as the fields of ``Inputs``."""

    forcing_prior: FloatArray
    forcing_target: FloatArray
    static: FloatArray
    zones: npt.NDArray[np.int64]
    series: FloatArray
    flows: FloatArray
    calendar: FloatArray


class Loop(NamedTuple):
    """What coarse cells hold by the map itself, and what a product of other classes wants."""

    own: CellShares
    wanted: CellShares | None


def see(maps: Sequence[Shown | None], domain: npt.NDArray[np.bool_], history: int) -> Seen[Array]:
    """What a model sees of one target, from its maps.

    Args:
        maps: The prior, then earlier maps, nearest first, ``None`` where there is none; all with
            the same leading axes.
        domain: ``(…, y, x)`` where the target exists at all.
        history: Earlier maps that the model looks at; what is more is left out.
    """
    prior = maps[0]
    assert prior is not None, "there is always a prior"
    blank = Shown(np.zeros_like(prior.layers), np.zeros_like(prior.visible))
    past = [found or blank for found in [*maps[1 : history + 1], *[None] * history][:history]]
    axis = prior.visible.ndim - 2
    empty = (*prior.visible.shape[:-2], 0)
    return Seen(
        prior=prior.layers,
        visible=prior.visible[..., None, :, :].astype(np.float32),
        domain=domain[..., None, :, :].astype(np.float32),
        history=np.stack([p.layers for p in past], axis)
        if past
        else np.empty((*empty, *prior.layers.shape[-3:]), np.float32),
        history_visible=np.stack([p.visible for p in past], axis).astype(np.float32)
        if past
        else np.empty((*empty, *prior.visible.shape[-2:]), np.float32),
    )


@dataclass(frozen=True)
class _Closure:
    """How the forcing is made of the bound target's own classes."""

    name: str  # of the forcing that is replaced by the map's own shares
    source: str  # of the variable whose cells and changes it is about


class Assembler:
    """Makes the inputs of a model from states and drivers, for training, rollout and emulator.

    Args:
        spec: The inputs.
        task: What is predicted.
        drivers: What is given.
        codings: Target → how its values are read.
    """

    def __init__(
        self, spec: InputSpec, task: Task, drivers: Drivers, codings: Mapping[str, Coding]
    ) -> None:
        self.spec = spec
        self.task = task
        self.drivers = drivers
        self.codings = codings

    @property
    def legend(self) -> Legend | None:
        """The legend of the bound target."""
        coding = self.codings.get(self.spec.bound)
        return coding.legend if isinstance(coding, ClassCoding) else None

    @functools.cached_property
    def _closure(self) -> _Closure | None:
        if not self.spec.closed_loop or self.legend is None:
            return None
        names = self.spec.forcing_variables
        stored = [self.drivers.describe(name) for name in names if name != DEMAND]
        if DEMAND in names:
            source = next(a.name for a in stored if crosswalk_source(a, self.legend))
            return _Closure(DEMAND, source)
        own = next(a.name for a in stored if a.components == self.legend.names)
        return _Closure(own, own)

    @property
    def needs_demand(self) -> bool:
        """Whether the model is told what a product of other classes asks for."""
        return self._closure is not None and self._closure.name == DEMAND

    @property
    def loop_channels(self) -> slice:
        """Forcing channels made of the bound target's classes, in their order; empty if none."""
        if self._closure is None or self.legend is None:
            return slice(0, 0)
        start = self.spec.forcing.index(f"{self._closure.name}/{self.legend.names[0]}")
        return slice(start, start + len(self.legend))

    @functools.cached_property
    def coupling(self) -> Coupling | None:
        """Sums the bound target over the cells of its forcing; ``None`` without a closed loop."""
        if self._closure is None or self.legend is None:
            return None
        coarse = self.drivers.describe(self._closure.source).grid
        return Coupling(Mesh(self.drivers.grid, coarse), len(self.legend))

    @functools.cached_property
    def demand(self) -> Demand | None:
        """What the forcing of the closed loop asks of the bound target."""
        if self._closure is None or self.legend is None:
            return None
        target = self.spec.target(self.spec.bound)
        return Demand(self.drivers, target, self.legend, self._closure.source)

    @functools.cached_property
    def flows(self) -> Flows | None:
        """Gross transitions between the groups of the closed loop, where the model is told them.

        Raises:
            SampleError: If they are of other cells or groups than the forcing of the loop.
        """
        if not self.spec.flows or self.demand is None or self.legend is None:
            return None
        found = Flows(self.drivers, self.legend, self.spec.flows, self.spec.trust)
        if found.groups != self.demand.groups or found.mesh.coarse != self.demand.mesh.coarse:
            raise SampleError(
                "The gross transitions are not those of the fractions beside them",
                where=found.name,
                expected=f"classes and cells of {self.demand.forcing}: "
                f"{self.demand.mesh.coarse.describe()}",
                found=found.mesh.coarse.describe(),
                remedy=f"take both from one product on one grid; it goes with {found.states}",
            )
        return found

    def inputs(
        self, state: State, tick: int, window: Window, loop: Loop | None = None, feedback: str = ""
    ) -> Inputs[Array]:
        """One window as inputs, without a batch axis.

        Args:
            state: The land before; the bound target's shares in coarse cells come from ``loop``.
            tick: The time to reach.
            window: Pixels of the fine grid.
            loop: What the coarse cells under the window hold, see ``loop_of``.
            feedback: ``probabilities`` shows the state's probabilities in place of its classes.
        """
        given = self.given(state.tick, tick, window, loop)
        seen = {
            target.name: self._seen(state, tick, target.name, window, feedback == "probabilities")
            for target in self.spec.targets
        }
        return Inputs(seen, *given)

    def given(self, before: int, after: int, window: Window, loop: Loop | None = None) -> Given:
        """What the drivers say of a step in a window.

        Args:
            before: The prior time on the task's clock.
            after: The target time.
            window: Pixels of the fine grid.
            loop: As for ``inputs``.
        """
        own = wanted = None
        if loop is not None:
            own, wanted = loop.own, loop.wanted
        return Given(
            self.forcing(before, window, own),
            self.forcing(after, window, wanted),
            self._channels(self.spec.static, before, window),
            self._zones(before, window),
            self._series(after, window),
            self._flows(before, after, window, own),
            self.calendar(before, after),
        )

    def forcing(self, tick: int, window: Window, shares: CellShares | None = None) -> FloatArray:
        """Coarse forcing at a time ``(C, y, x)``, the loop's channels replaced by given shares."""
        channels = self.loop_channels
        stored = [n for n in self.spec.forcing if not n.startswith(f"{DEMAND}/")]
        found = self._channels(stored, tick, window)
        if self.needs_demand:
            assert shares is not None, "what is asked for is stored nowhere"
            size = (channels.stop - channels.start, *window.shape)
            found = np.concatenate([found, np.zeros(size, np.float32)])
        if shares is not None:
            found[channels] = self.upsampled(shares, window)
        return found

    def upsampled(self, shares: CellShares, window: Window) -> FloatArray:
        """Shares in the cells of the loop, on a fine window ``(K, y, x)``."""
        assert self.coupling is not None
        mesh = self.coupling.mesh
        rows, cols = pixels_under(mesh.fine, mesh.coarse, window)
        rows, cols = rows - shares.cells.row, cols - shares.cells.col
        cols = np.mod(cols, mesh.coarse.width) if mesh.coarse.is_global else cols
        return np.take(np.take(shares.values, cols, axis=-1), rows, axis=-2)

    def calendar(self, before: int, after: int) -> FloatArray:
        """Features of the calendar of a step, ``(F,)``."""
        clock, found = self.task.clock, []
        for name in self.spec.calendar:
            kind, _, of = name.partition("/")
            if kind == "years":
                target = self.task.target(of) if of else self.task.targets[0]
                one, two = (clock.convert(t, target.clock) for t in (before, after))
                found.append(target.clock.years(two - one))
            else:
                angle = 2.0 * np.pi * clock.season(after)
                found.append(float(np.cos(angle) if name == "season_cos" else np.sin(angle)))
        return np.array(found, dtype=np.float32)

    def loop_of(self, state: State, tick: int, around: Window, feedback: str = "") -> Loop | None:
        """What whole coarse cells hold by a state's own map, and should hold at another time.

        Args:
            state: The land before.
            tick: The time to reach.
            around: Any window; the cells that it touches are summed.
            feedback: As for ``inputs``.

        Returns:
            ``None`` without a closed loop.
        """
        coupling = self.coupling
        if coupling is None:
            return None
        field, coding = state[self.spec.bound], self.codings[self.spec.bound]
        around = coupling.mesh.whole(around)
        codes = field.read(around)
        domain = coding.domain(codes)
        if feedback == "probabilities" and field.belief is not None:
            own = coupling.expected_shares(around, field.belief.read(around), domain)
        else:
            own = coupling.shares(around, coding.positions(codes), domain)
        if not self.needs_demand:
            return Loop(own, None)
        assert self.demand is not None
        assert state.reference is not None, "begin comes before the first step"
        after = self.demand.tick_of(tick, self.task.clock)
        return Loop(own, self.demand.class_shares(state.reference, after, own))

    def shown(self, field: Field, name: str, window: Window, believed: bool = False) -> Shown:
        """A map of a target as a model sees it, visible where it is known and not hidden."""
        coding = self.codings[name]
        positions = coding.positions(field.read(window))
        known = coding.known(positions)
        if field.visible is not None:
            known &= field.seen(window)
        if believed and field.belief is not None:
            return Shown(np.asarray(field.belief.read(window)), known)
        return Shown(coding.encoded(positions), known)

    def _seen(
        self, state: State, tick: int, name: str, window: Window, believed: bool
    ) -> Seen[Array]:
        """Prior and history of a target; a map at another distance is not remembered."""
        target, clock = self.task.target(name), self.task.clock
        own, reached = (clock.convert(t, target.clock) for t in (state.tick, tick))
        jump = reached - own or (1 if tick > state.tick else -1)
        maps: list[Shown | None] = [None] * (1 + self.spec.history)
        maps[0] = self.shown(state[name], name, window, believed)
        for earlier in state.past:
            back, rest = divmod(own - clock.convert(earlier.tick, target.clock), jump)
            held = rest == 0 and name in earlier.fields
            if held and 1 <= back < len(maps) and maps[back] is None:
                maps[back] = self.shown(earlier[name], name, window, believed)
        domain = self.codings[name].domain(state[name].read(window))
        return see(maps, domain, self.spec.history)

    def _channels(self, names: Sequence[str], tick: int, window: Window) -> FloatArray:
        """Channels at a time of the task's clock, ``(C, y, x)``, each variable read once."""
        out = np.empty((len(names), *window.shape), dtype=np.float32)
        of: dict[str, list[int]] = {}
        for place, full in enumerate(names):
            of.setdefault(full.partition("/")[0], []).append(place)
        for name, places in of.items():
            when = self._own_tick(self.drivers.describe(name).clock, tick, name)
            out[places] = self.drivers.window([names[p] for p in places], [when], window)[0]
        return out

    def _zones(self, tick: int, window: Window) -> npt.NDArray[np.int64]:
        """Codes of categorical slow fields ``(Z, y, x)``: legend position + 1, 0 unknown."""
        out = np.zeros((len(self.spec.zones), *window.shape), dtype=np.int64)
        for i, (name, _) in enumerate(self.spec.zones):
            about = self.drivers.describe(name)
            if about.legend is None:
                raise SampleError("A zone variable needs a legend", where=name)
            when = self._own_tick(about.clock, tick, name)
            codes = self.drivers.window([name], [when], window)[0, 0]
            positions = class_lookup(about.legend)[codes]
            out[i] = np.where(positions == NO_DATA, 0, positions.astype(np.int64) + 1)
        return out

    def _series(self, tick: int, window: Window) -> FloatArray:
        """Drivers at lags before a time, ``(L, y, x)``."""
        parts = [self._lagged(driver, tick, window) for driver in self.spec.series]
        if not parts:
            return np.empty((0, *window.shape), dtype=np.float32)
        return np.concatenate(parts)

    def _lagged(self, driver: Driver, tick: int, window: Window) -> FloatArray:
        """One driver at all its lags, ``(lags · components, y, x)``, means over its ticks."""
        about = self.drivers.describe(driver.name)
        begins = self.task.clock.convert(tick, about.clock)
        layers = []
        for lag in driver.lags:
            ticks = [begins - lag - k for k in range(driver.mean)]
            layers.append(self.drivers.window(about.channels, ticks, window).mean(axis=0))
        return np.concatenate(layers).astype(np.float32)

    def _flows(self, before: int, after: int, window: Window, own: CellShares | None) -> FloatArray:
        """Chances that classes become others in a step, ``(K·K, y, x)``, see ``Inputs.flows``.

        What comes to a group of several classes is dealt in the proportions that they have in the
        cell, equal ones where there is none of them.
        """
        flows, layers = self.flows, self.spec.flow_layers
        if flows is None or self.coupling is None:
            return np.empty((layers, *window.shape), dtype=np.float32)
        mesh, size = flows.mesh, len(flows.groups)
        cells = mesh.cells(mesh.whole(window))[0]
        rates = flows.rates(before, after, cells, self.task.clock).astype(np.float32)
        rates = rates.reshape(size * size, *cells.shape)
        fine = self.upsampled(CellShares(cells, rates), window).reshape(size, size, *window.shape)
        classes = self.coupling.classes
        out = np.zeros((classes, classes, *window.shape), dtype=np.float32)
        held = None if own is None else self.upsampled(own, window)
        for h, group in enumerate(flows.groups):
            parts = [np.ones(window.shape) if held is None else held[k] for k in group]
            whole = functools.reduce(np.add, parts)
            for k, part in zip(group, parts, strict=True):
                even = np.full(window.shape, 1.0 / len(group))
                share = np.divide(part, whole, out=even, where=whole > 0)
                for g, origin in enumerate(flows.groups):
                    for j in origin:
                        out[j, k] = fine[g, h] * (share if g != h else float(j == k))
        return out.reshape(layers, *window.shape)

    def reaches(self, tick: int) -> bool:
        """Whether the drivers hold all lags before a time."""
        return all(
            begins - lag - k in about.ticks
            for driver in self.spec.series
            if (about := self.drivers.describe(driver.name)).clock is not Clock.STATIC
            for begins in [self.task.clock.convert(tick, about.clock)]
            for lag in driver.lags
            for k in range(driver.mean)
        )

    def _own_tick(self, clock: Clock, tick: int, name: str) -> int:
        """A tick of the task on a driver's own clock: its year where that one is annual."""
        own = self.task.clock
        if clock is Clock.STATIC or clock is own or clock is Clock.YEAR:
            return own.convert(tick, clock)
        raise SampleError(
            "A driver on a finer or unrelated clock is told at lags, not at one time",
            where=name,
            expected=f"{own.value} or {Clock.YEAR.value}",
            found=clock.value,
            remedy="list it under `series` with its lags",
        )
