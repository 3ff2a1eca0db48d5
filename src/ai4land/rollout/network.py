"""The network as a stepper: sliding windows, probabilities averaged, sea untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ai4land.allocation import balance
from ai4land.cube import Field, State
from ai4land.errors import ConfigError
from ai4land.grid import Window
from ai4land.models import Ensemble, Inputs, UNet
from ai4land.rollout.decision import Decision
from ai4land.rollout.tiling import Tiling, sweep
from ai4land.samples import DEMAND, Demand, WindowReader, class_lookup, probabilities
from ai4land.vocabulary import NO_DATA, Task

__all__ = ["NetworkStepper"]

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


class NetworkStepper:
    """Steps a state with a trained network.

    Args:
        network: In evaluation mode.
        reader: Serves forcing and static fields of the cube that drives the rollout.
        tiling: How the domain is cut.
        decision: How probabilities become a map; chosen on the validation split, see
            ``Card.decision``.
        demand: What the coarse forcing asks for since the start of the rollout; needed for a
            balanced decision, and by networks whose forcing has other classes than their map.
        device: Where the network computes.

    Raises:
        ConfigError: If the tile does not fit the network, or a demand is needed and missing.
    """

    name = "network"

    def __init__(
        self,
        network: UNet | Ensemble,
        reader: WindowReader,
        *,
        tiling: Tiling | None = None,
        decision: Decision | None = None,
        demand: Demand | None = None,
        device: str = "cpu",
    ) -> None:
        tiling = tiling or Tiling()
        decision = decision or Decision()
        if demand is None and (decision.balanced or reader.loop == DEMAND):
            raise ConfigError(
                "The network needs to know what the coarse forcing asks for",
                expected="a demand since the initial map",
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
        self.demand = demand
        self.device = device

    @property
    def task(self) -> Task:
        """What the network predicts."""
        return self.reader.task

    def step(self, state: State, tick: int) -> State:
        """The land at another time, as the network sees it."""
        field = state[self.task.target]
        layers = self.network.spec.layers
        own = self._own_shares(field)
        wanted = self._wanted(own, tick)

        def predict(windows: Sequence[Window]) -> FloatArray:
            out = np.zeros((len(windows), layers, *windows[0].shape), dtype=np.float32)
            parts = {i: self._inputs(state, tick, w, (own, wanted)) for i, w in enumerate(windows)}
            # a tile of open sea has nothing to predict
            land = [i for i, part in parts.items() if part["domain"].any()]
            if land:
                names = Inputs._fields
                batch = Inputs(*(torch.stack([parts[i][name] for i in land]) for name in names))
                with torch.inference_mode():
                    out[land] = self.network.predict(batch.to(self.device)).cpu().numpy()
            return out

        values = np.empty((layers, *field.grid.shape), dtype=np.float32)
        for row, band in sweep(field.grid, self.tiling, layers, predict):
            values[:, row : row + band.shape[1]] = band
        past = (replace(state, past=()), *state.past)[: self.network.spec.history]
        decided = {self.task.target: self._decide(field, values, state.tick, tick)}
        return State(state.clock, tick, decided, past=past)

    def _own_shares(self, field: Field) -> FloatArray | None:
        """What the coarse cells hold by the state's own map, where the forcing is made of it."""
        coupling = self.reader.coupling
        if coupling is None or field.legend is None:
            return None
        domain = self.reader.domain(field.values)
        if self.decision.feedback == "probabilities" and field.probabilities is not None:
            return coupling.expected_shares(field.probabilities, domain)
        return coupling.shares(self.reader.positions(field.values), domain)

    def _wanted(self, own: FloatArray | None, tick: int) -> FloatArray | None:
        """What the coarse cells should hold, where the forcing has other classes than the map."""
        if self.demand is None or own is None or self.reader.loop != DEMAND:
            return None
        return self.demand.class_shares(tick, own)

    def _inputs(
        self,
        state: State,
        tick: int,
        window: Window,
        shares: tuple[FloatArray | None, FloatArray | None],
    ) -> dict[str, torch.Tensor]:
        """One window as network inputs; ``shares`` are the cells' own and the wanted ones."""
        reader = self.reader
        own, wanted = shares
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
        fill = NO_DATA if self.task.categorical else np.nan
        values = _cut(field, field.values, window, fill)
        domain = torch.from_numpy(self.reader.domain(values)).float()
        if not self.task.categorical or field.legend is None:
            return torch.from_numpy(values)[None].float(), domain, domain
        positions = self.reader.positions(values)
        visible = torch.from_numpy(positions != NO_DATA).float()
        if self.decision.feedback == "probabilities" and field.probabilities is not None:
            own = torch.from_numpy(_cut(field, field.probabilities, window, 0.0))
            return own, visible, domain
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

    def _decide(self, field: Field, values: FloatArray, before: int, tick: int) -> Field:
        """Averaged values as a field; what is not in the domain stays as it was."""
        domain = self.reader.domain(field.values)
        if not self.task.categorical or field.legend is None:
            return Field(
                field.variable, field.grid, np.where(domain, values[0], field.values), field.legend
            )
        legend = field.legend
        values[self.reader.sea] = 0.0  # land does not become sea
        values /= np.maximum(values.sum(axis=0), np.float32(1e-12))
        if self.decision.balanced and self.demand is not None:
            asked = self.demand
            values = balance(values, asked.cells, asked.shares(tick), asked.groups, domain)
        kept = probabilities(class_lookup(legend)[field.values], len(legend)).numpy()
        decided = (values + np.float32(self.decision.stay(tick - before)) * kept).argmax(axis=0)
        codes = np.array(legend.codes, dtype=np.uint8)[decided]
        return Field(
            field.variable,
            field.grid,
            np.where(domain, codes, field.values),
            legend,
            np.where(domain, values, kept),
        )


def _cut(field: Field, values: npt.NDArray[Any], window: Window, fill: float) -> npt.NDArray[Any]:
    """A window of a field's array, filled where it reaches beyond the grid."""
    out = np.full((*values.shape[:-2], *window.shape), fill, dtype=values.dtype)
    for piece in field.grid.pieces(window):
        out[(..., *piece.target)] = values[(..., *piece.source)]
    return out
