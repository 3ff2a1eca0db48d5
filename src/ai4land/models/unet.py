"""The U-Net: change relative to a prior that it may see, under a coarse forcing."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ai4land.errors import ConfigError
from ai4land.models.inputs import Inputs, InputSpec
from ai4land.models.normaliser import Normaliser
from ai4land.models.transitions import Transitions

__all__ = ["UNet", "UNetOptions"]

_FLOOR = 0.01  # probability mass spread over all classes before the prior becomes log-odds
_STEP_FEATURES = 3


@dataclass(frozen=True, slots=True)
class UNetOptions:
    """Shape of the network.

    Attributes:
        widths: Channels per level; each level halves the resolution.
        embedding: Channels of the class, forcing and zone embeddings.
        gate: Initial strength with which the visible prior stands, in units of its log-odds.
        demand: Initial strength of the expectation under the coarse net change, likewise.
        memory: Initial strength of the mean of the earlier maps, likewise.
    """

    widths: tuple[int, ...] = (24, 48, 96)
    embedding: int = 16
    gate: float = 0.8
    demand: float = 0.3
    memory: float = 0.1

    def __post_init__(self) -> None:
        """Refuse impossible shapes."""
        if not self.widths or min(*self.widths, self.embedding, self.embedding) < 1:
            raise ConfigError("Impossible network shape", found=asdict(self))

    @property
    def multiple(self) -> int:
        """Height and width of an input must be multiples of this."""
        return int(2 ** (len(self.widths) - 1))


class _Block(nn.Sequential):
    """Two 3 × 3 convolutions with batch norm and SiLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        layers: list[nn.Module] = []
        for c in (channels_in, channels_out):
            # batch norm is one affine map per channel at inference: tiles cannot see each other
            layers += [
                nn.Conv2d(c, channels_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels_out),
                nn.SiLU(inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015) of double convolutions with a gated residual to the prior.

    ``logits = head + gate · log-odds(prior) + gate' · log-odds(expectation) + gate'' ·
    log-odds(mean of earlier maps)``. The first gate is open where the prior is visible, so that
    doing nothing costs nothing. The expectation is what the coarse net change alone says of a
    pixel (see ``expectation``); it needs a translation of the forcing into classes. The memory
    lets a flickering pixel return to what it was. A continuous target has the normalised prior
    value instead of log-odds, and neither expectation nor memory.
    """

    translation: Tensor

    def __init__(self, spec: InputSpec, options: UNetOptions | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.options = options = options or UNetOptions()
        widths, embedding = options.widths, options.embedding
        self.forcing_scale = Normaliser(len(spec.forcing))
        self.change_scale = Normaliser(len(spec.forcing))
        self.static_scale = Normaliser(len(spec.static))
        self.target_scale = Normaliser(0 if spec.classes else spec.layers)
        self.transitions = Transitions(len(spec.classes))
        self.embed_prior = nn.Conv2d(spec.layers, embedding, 1, bias=False)
        self.embed_forcing = nn.Conv2d(max(3 * len(spec.forcing), 1), embedding, 1)
        self.embed_static = nn.Conv2d(len(spec.static), embedding, 1) if spec.static else None
        self.embed_zones = nn.ModuleList(nn.Embedding(n, embedding) for _, n in spec.zones)
        self.register_buffer("translation", torch.tensor(spec.translation))
        has_demand = bool(spec.translation)
        self.embed_demand = nn.Conv2d(2 * spec.layers, embedding, 1) if has_demand else None
        seen = 2 * (spec.layers + 1)
        self.embed_history = nn.Conv2d(seen, embedding, 1) if spec.history else None
        optional = (spec.static, spec.zones, has_demand, spec.history)
        groups = 2 + sum(map(bool, optional))
        entry = groups * embedding + 2
        self.down = nn.ModuleList(
            _Block(i, o) for i, o in zip((entry, *widths[:-1]), widths, strict=True)
        )
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.reduce = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in pairs)
        self.up = nn.ModuleList(_Block(2 * o, o) for _, o in pairs)
        self.embed_step = nn.Sequential(
            nn.Linear(_STEP_FEATURES, 32), nn.SiLU(), nn.Linear(32, widths[0] + widths[-1])
        )
        self.head = nn.Conv2d(widths[0], spec.layers, 1)
        self.gates = nn.Conv2d(widths[0], 3, 1)
        for layer in (self.head, self.gates):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(cast("Tensor", self.head.bias))
        with torch.no_grad():  # softplus⁻¹, so that the untrained network is persistence
            start = torch.tensor([options.gate, options.demand, options.memory])
            cast("Tensor", self.gates.bias).copy_(torch.log(torch.expm1(start)))

    def to_dict(self) -> dict[str, Any]:
        """Architecture and options as plain data."""
        return {"name": "unet", **asdict(self.options)}

    def forward(self, inputs: Inputs) -> Tensor:
        """Raw output ``(B, K, Y, X)``: logits, or normalised values for a continuous target.

        Height and width must be multiples of ``options.multiple``. The prior enters only through
        ``prior · visible``, so hidden pixels cannot change the output.
        """
        seen = self._visible_prior(inputs)
        expected = self.expectation(inputs, seen) if self.spec.translation else None
        features = self._features(inputs, seen, expected)
        gates = F.softplus(self.gates(features))
        residual = self._log_odds(seen) if self.spec.classes else seen
        raw = self.head(features) + gates[:, :1] * inputs.visible * residual
        if expected is not None:
            raw = raw + gates[:, 1:2] * self._log_odds(expected)
        if self.spec.history and self.spec.classes:
            memory, remembered = self._memory(inputs)
            raw = raw + gates[:, 2:] * remembered * self._log_odds(memory)
        return cast("Tensor", raw)

    def expectation(self, inputs: Inputs, seen: Tensor) -> Tensor:
        """Class probabilities ``(B, K, Y, X)`` under the coarse net change alone.

        A pixel of a class whose share shrinks loses it with probability loss / share and takes
        a growing class in proportion to its gain: a Markov chain with the fewest transitions
        that the two coarse states allow. Where the prior is hidden the expectation is the share
        at the target time.
        """
        before = torch.einsum("kc,bcyx->bkyx", self.translation, inputs.forcing_prior)
        after = torch.einsum("kc,bcyx->bkyx", self.translation, inputs.forcing_target)
        before, after = torch.nan_to_num(before), torch.nan_to_num(after)
        gain, loss = (after - before).clamp(min=0.0), (before - after).clamp(min=0.0)
        gained, lost = gain.sum(dim=1, keepdim=True), loss.sum(dim=1, keepdim=True)
        # where the total of the shares falls, what nobody gains is not lost either
        loss = loss * (gained / lost.clamp(min=1e-12)).clamp(max=1.0)
        gain = gain / gained.clamp(min=1e-12)
        rate = (loss / before.clamp(min=1e-3)).clamp(max=1.0)
        moved = seen * rate
        share = after / after.sum(dim=1, keepdim=True).clamp(min=1e-6)
        hidden = 1.0 - inputs.visible
        return seen - moved + moved.sum(dim=1, keepdim=True) * gain + hidden * share

    def predict(self, inputs: Inputs) -> Tensor:
        """Values ``(B, K, Y, X)``: class probabilities, or a number in physical units.

        Classes that were never seen to follow the visible prior get none, see ``Transitions``.
        """
        values = self.activate(self(inputs))
        return self.transitions.allow(values, inputs) if self.spec.classes else values

    def activate(self, raw: Tensor) -> Tensor:
        """Turn raw output into probabilities or physical values."""
        activation = self.spec.activation
        if activation == "softmax":
            return torch.softmax(raw, dim=1)
        values = self.target_scale.inverse(raw)
        if activation == "softplus":
            return F.softplus(values)
        return torch.sigmoid(values) if activation == "sigmoid" else values

    def _visible_prior(self, inputs: Inputs) -> Tensor:
        return torch.nan_to_num(self._scaled(inputs.prior)) * inputs.visible

    def _log_odds(self, seen: Tensor) -> Tensor:
        """Log-odds of the prior classes above the floor: 0 for an absent class."""
        base = _FLOOR / self.spec.layers
        return torch.log(seen * (1.0 - _FLOOR) + base) - math.log(base)

    def _features(self, inputs: Inputs, seen: Tensor, expected: Tensor | None) -> Tensor:
        step = self.embed_step(_step_features(inputs.years))[:, :, None, None]
        last = self.options.widths[-1]
        skips: list[Tensor] = []
        x = self._entry(inputs, seen, expected)
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            x = x + step[:, last:] if level == 0 else x
            skips.append(x)
        x = x + step[:, :last]
        for reduce, block, skip in zip(self.reduce, self.up, skips[-2::-1], strict=True):
            x = F.interpolate(reduce(x), scale_factor=2, mode="nearest")
            x = block(torch.cat([x, skip], dim=1))
        return cast("Tensor", x)

    def _entry(self, inputs: Inputs, seen: Tensor, expected: Tensor | None) -> Tensor:
        groups = [self.embed_prior(seen), self._embed_drivers(inputs)]
        if self.embed_demand is not None and expected is not None:
            change = 3.0 * (expected - seen) * inputs.visible
            demand = torch.cat([self._log_odds(expected) / 3.0, change], dim=1)
            groups.append(self.embed_demand(demand))
        if self.embed_history is not None:
            groups.append(self.embed_history(self._history(inputs)))
        if self.embed_static is not None:
            groups.append(self.embed_static(self.static_scale(inputs.static)))
        if self.spec.zones:
            codes = inputs.zones.unbind(dim=1)
            embedded = [e(c) for e, c in zip(self.embed_zones, codes, strict=True)]
            groups.append(torch.stack(embedded).sum(dim=0).permute(0, 3, 1, 2))
        return torch.cat([*groups, inputs.visible, inputs.domain], dim=1).contiguous(
            memory_format=torch.channels_last
        )

    def _history(self, inputs: Inputs) -> Tensor:
        """The map before the prior and the mean of all earlier ones, ``(B, 2·(K + 1), Y, X)``."""
        memory, remembered = self._memory(inputs)
        visible = inputs.history_visible[:, :1]
        latest = torch.nan_to_num(self._scaled(inputs.history[:, 0])) * visible
        return torch.cat([latest, visible, memory, remembered], dim=1)

    def _memory(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean of the earlier maps that are seen ``(B, K, Y, X)``, and where there is any."""
        visible = inputs.history_visible[:, :, None]
        maps = torch.stack([self._scaled(m) for m in inputs.history.unbind(dim=1)], dim=1)
        count = visible.sum(dim=1)
        mean = (torch.nan_to_num(maps) * visible).sum(dim=1) / count.clamp(min=1.0)
        return mean, (count > 0).to(mean.dtype)

    def _scaled(self, values: Tensor) -> Tensor:
        return values if self.spec.classes else cast("Tensor", self.target_scale(values))

    def _embed_drivers(self, inputs: Inputs) -> Tensor:
        if not self.spec.forcing:
            return cast("Tensor", self.embed_forcing(torch.zeros_like(inputs.visible)))
        drivers = [
            self.forcing_scale(inputs.forcing_prior),
            self.forcing_scale(inputs.forcing_target),
            self.change_scale(inputs.forcing_target - inputs.forcing_prior),
        ]
        return cast("Tensor", self.embed_forcing(torch.cat(drivers, dim=1)))


def _step_features(years: Tensor) -> Tensor:
    """Direction, length and log length of a step, ``(B, 3)``."""
    length = years.abs().clamp(min=1e-3)
    return torch.stack([years.sign(), years / 10.0, torch.log(length)], dim=-1)
