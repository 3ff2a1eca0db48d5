"""The network as a stepper: tiles of the globe, probabilities averaged, sea untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from ai4land.allocation import CoarseCells
from ai4land.cube import State
from ai4land.errors import ConfigError
from ai4land.grid import Mesh, Window
from ai4land.models import Ensemble, Inputs, UNet
from ai4land.rollout.decisions import Asked, Decision, MostLikely, Undecided
from ai4land.rollout.stepper import Moved
from ai4land.rollout.tiling import Tile, TileMemory, Tiling, blended
from ai4land.samples import DEMAND, CellShares, Demand, WindowReader, probabilities
from ai4land.vocabulary import NO_DATA, Task

__all__ = ["NetworkStepper"]

FloatArray = npt.NDArray[np.float32]


class NetworkStepper:
    """Steps a state with a trained network.

    Args:
        network: In evaluation mode.
        reader: Serves forcing and static fields of the cube that drives the rollout.
        tiling: How the globe is cut.
        decision: How probabilities become a map.
        feedback: What the next step takes as its prior: ``classes`` or ``probabilities``.
        demand: What the coarse forcing asks for; needed by decisions that honour it, and by
            networks whose forcing has other classes than their map.
        device: Where the network computes.

    Raises:
        ConfigError: If the tile does not fit the network, or a demand is needed and missing.
    """

    def __init__(
        self,
        network: UNet | Ensemble,
        reader: WindowReader,
        *,
        tiling: Tiling | None = None,
        decision: Decision | None = None,
        feedback: str = "classes",
        demand: Demand | None = None,
        device: str = "cpu",
    ) -> None:
        tiling = tiling or Tiling()
        decision = decision or MostLikely()
        if demand is None and (decision.needs_demand or reader.loop == DEMAND):
            raise ConfigError(
                "The network needs to know what the coarse forcing asks for",
                expected="a demand on the map's classes",
                found="none",
            )
        if tiling.tile % network.options.multiple:
            raise ConfigError(
                "The tile does not fit the network",
                expected=f"a multiple of {network.options.multiple} pixels",
                found=tiling.tile,
            )
        self.network = network
        self.reader = reader
        self.tiling = tiling
        self.decision = decision
        self.feedback = feedback
        self.demand = demand
        self.device = device
        self._weights = tiling.weights()
        self._memory = TileMemory()

    @property
    def name(self) -> str:
        """How tables and attributes call it."""
        if self.decision.name == MostLikely.name:
            return "network"
        return f"network, {self.decision.name.replace('_', ' ')}"

    @property
    def task(self) -> Task:
        """What the network predicts."""
        return self.reader.task

    @property
    def mesh(self) -> Mesh:
        """The cells that are balanced or summed over; single pixels if there are none."""
        if self.demand is not None:
            return self.demand.mesh
        coupling = self.reader.coupling
        return Mesh(self.reader.grid, self.reader.grid) if coupling is None else coupling.mesh

    @property
    def history(self) -> int:
        """States before the one it is given that it looks at."""
        return self.network.spec.history

    def begin(self, state: State) -> State:
        """The state with what its map holds, if anything is asked of it."""
        if self.demand is None:
            return state
        return replace(state, reference=self.demand.reference(state))

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        """The land of a piece at another time, as the network sees it."""
        field = state[self.task.target]
        values = self._blended(state, tick, piece)
        codes = field.read(piece)
        domain = self.reader.domain(codes)
        if not self.task.categorical or field.legend is None:
            return {self.task.target: Moved(np.where(domain, values[0], codes))}
        values[self.reader.sea] = 0.0  # land does not become sea
        values /= np.maximum(_added(values), np.float32(1e-12))
        prior, step = self.reader.positions(codes), tick - state.tick
        found = self.decision.decide(
            Undecided(values, prior, domain, step, self._asked(state, tick, piece))
        )
        kept = probabilities(prior, len(field.legend)).numpy()
        return {
            self.task.target: Moved(
                np.where(domain, self.reader.codes_of(found.positions), codes),
                np.where(domain, found.probabilities, kept),
            )
        }

    def _asked(self, state: State, tick: int, piece: Window) -> Asked | None:
        """What the forcing asks of the cells of a piece."""
        demand = self.demand
        if demand is None or not self.decision.needs_demand:
            return None
        assert state.reference is not None, "begin comes before the first step"
        shares = demand.shares(state.reference, tick, demand.mesh.cells(piece)[0])
        return Asked(CoarseCells.within(demand.mesh, piece), demand.groups, shares)

    def _blended(self, state: State, tick: int, piece: Window) -> FloatArray:
        """What the network says of a piece, ``(layers, y, x)``."""
        tiles = list(self.tiling.meeting(self.reader.grid, piece))
        missing = [t for t, _ in tiles if self._memory.get((state, tick), t) is None]
        fresh = self._predicted(state, tick, missing, piece)
        for tile, values in fresh.items():
            self._memory.put((state, tick), tile, values)

        def values_of(tile: Tile) -> FloatArray:
            found = fresh.get(tile)
            found = self._memory.get((state, tick), tile) if found is None else found
            # forgotten meanwhile: another step came between
            return self._predicted(state, tick, [tile], piece)[tile] if found is None else found

        return blended(tiles, piece, self._weights, values_of)

    def _predicted(
        self, state: State, tick: int, tiles: Sequence[Tile], near: Window
    ) -> dict[Tile, FloatArray]:
        """Predictions of tiles, and of all that are batched with them."""
        grid = self.reader.grid
        batches = dict.fromkeys(tuple(self.tiling.together(grid, tile)) for tile in tiles)
        windows = {t: self.tiling.place(grid, t, near) for batch in batches for t in batch}
        if not windows:
            return {}
        own, wanted = self._shares(state, tick, list(windows.values()))
        found: dict[Tile, FloatArray] = {}
        for batch in batches:
            parts = [self._inputs(state, tick, windows[t], own, wanted) for t in batch]
            found |= dict(zip(batch, self._predict(parts), strict=True))
        return found

    def _predict(self, parts: Sequence[dict[str, torch.Tensor]]) -> FloatArray:
        """One batch of full size, ``(n, layers, y, x)``; a tile of open sea has nothing to say."""
        land = [bool(part["domain"].any()) for part in parts]
        shape = (len(parts), self.network.spec.layers, self.tiling.tile, self.tiling.tile)
        if not any(land):
            return np.zeros(shape, np.float32)
        full = [*parts, *[parts[0]] * (self.tiling.batch - len(parts))]
        batch = Inputs(*(torch.stack([part[name] for part in full]) for name in Inputs._fields))
        with torch.inference_mode():
            out = self.network.predict(batch.to(self.device)).cpu().numpy()[: len(land)]
        out[~np.array(land)] = 0.0
        return np.asarray(out)

    def _shares(
        self, state: State, tick: int, windows: Sequence[Window]
    ) -> tuple[CellShares | None, CellShares | None]:
        """What the coarse cells under some tiles hold by the state's own map, and should hold."""
        coupling, field = self.reader.coupling, state[self.task.target]
        if coupling is None or field.legend is None:
            return None, None
        around = coupling.mesh.whole(_around(windows))
        codes = field.read(around)
        domain = self.reader.domain(codes)
        if self.feedback == "probabilities" and field.belief is not None:
            own = coupling.expected_shares(around, field.belief.read(around), domain)
        else:
            own = coupling.shares(around, self.reader.positions(codes), domain)
        if self.demand is None or self.reader.loop != DEMAND:
            return own, None
        assert state.reference is not None, "begin comes before the first step"
        return own, self.demand.class_shares(state.reference, tick, own)

    def _inputs(
        self,
        state: State,
        tick: int,
        window: Window,
        own: CellShares | None,
        wanted: CellShares | None,
    ) -> dict[str, torch.Tensor]:
        """One window as network inputs."""
        reader = self.reader
        prior, visible, domain = self._map(state, window)
        past = self._past(state, tick, window, prior)
        years = self.task.clock.years(tick - state.tick)
        return {
            "prior": prior,
            "visible": visible[None],
            "domain": domain[None],
            "history": torch.stack([p for p, _ in past]) if past else prior[None][:0],
            "history_visible": torch.stack([v for _, v in past]) if past else visible[None][:0],
            "forcing_prior": torch.from_numpy(reader.forcing(state.tick, window, own)),
            "forcing_target": torch.from_numpy(reader.forcing(tick, window, wanted)),
            "static": torch.from_numpy(reader.static(window, state.tick)),
            "zones": torch.from_numpy(reader.zones(window, state.tick)),
            "years": torch.tensor(years, dtype=torch.float32),
        }

    def _map(self, state: State, window: Window) -> tuple[torch.Tensor, ...]:
        """A state's values ``(K, y, x)``, where they are known and where they exist."""
        field = state[self.task.target]
        values = field.read(window)
        domain = torch.from_numpy(self.reader.domain(values)).float()
        if not self.task.categorical or field.legend is None:
            return torch.from_numpy(values)[None].float(), domain, domain
        positions = self.reader.positions(values)
        visible = torch.from_numpy(positions != NO_DATA).float()
        if self.feedback == "probabilities" and field.belief is not None:
            return torch.from_numpy(field.belief.read(window)), visible, domain
        return probabilities(positions, len(field.legend)), visible, domain

    def _past(
        self, state: State, tick: int, window: Window, like: torch.Tensor
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Earlier maps and where they are seen; a map at another distance is not."""
        blank = torch.zeros_like(like), torch.zeros(window.shape)
        past = [blank] * self.network.spec.history
        jump = tick - state.tick
        for earlier in state.past:
            back, rest = divmod(state.tick - earlier.tick, jump)
            if rest == 0 and 1 <= back <= len(past):
                values, visible, _ = self._map(earlier, window)
                past[back - 1] = values, visible
        return past


def _around(windows: Sequence[Window]) -> Window:
    """The smallest window that holds all of some windows."""
    top, left = min(w.row for w in windows), min(w.col for w in windows)
    bottom = max(w.row + w.height for w in windows)
    right = max(w.col + w.width for w in windows)
    return Window(top, left, bottom - top, right - left)


def _added(values: FloatArray) -> FloatArray:
    """The sum over classes, class after class, whatever the shape."""
    total = values[0].copy()
    for layer in values[1:]:
        total += layer
    return np.asarray(total)
