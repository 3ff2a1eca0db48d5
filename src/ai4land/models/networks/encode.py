"""Encoding: named inputs in physical units become one stack of normalised, embedded features."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from ai4land.models.inputs import Inputs, InputSpec, Seen
from ai4land.models.networks.densities import densities, surroundings
from ai4land.models.networks.expectation import expected_classes, log_odds
from ai4land.models.networks.normaliser import Normaliser
from ai4land.models.networks.pointwise import Pointwise

__all__ = ["Encoded", "Encoder", "TargetView", "step_features"]

_LENGTH_FEATURES = 3


class TargetView(NamedTuple):
    """What is known of one target before the backbone; layers as it predicts them.

    Attributes:
        seen: ``(B, K, Y, X)`` the visible prior, 0 where it is hidden; numbers are normalised.
        visible: ``(B, 1, Y, X)``.
        expected: ``(B, K, Y, X)`` class probabilities under the coarse change alone, gross where
            it is known and net elsewhere, for the bound target.
        memory: ``(B, K, Y, X)`` mean of the earlier maps that are seen.
        remembered: ``(B, 1, Y, X)`` where there is any.
        around: ``(B, K, Y, X)`` shares of classes around a hidden pixel, see ``surroundings``.
    """

    seen: Tensor
    visible: Tensor
    expected: Tensor | None
    memory: Tensor | None
    remembered: Tensor | None
    around: Tensor | None


class Encoded(NamedTuple):
    """Features ``(B, C, Y, X)``, the step's ``(B, F)``, and what is known of each target."""

    features: Tensor
    step: Tensor
    targets: dict[str, TargetView]


class Encoder(nn.Module):
    """Normalises and embeds each group of inputs on its own, then stacks them.

    Args:
        spec: The inputs.
        embedding: Channels of each group's embedding.
        radii: Of the squares in which classes of a visible prior are counted, see ``densities``.
        around: Whether what lies around hidden pixels is worked out, see ``surroundings``.

    Attributes:
        channels: Channels of the stack.
        step_channels: Features of the step.
    """

    translation: Tensor

    def __init__(
        self, spec: InputSpec, embedding: int, radii: Sequence[int] = (), *, around: bool = False
    ) -> None:
        super().__init__()
        self.spec = spec
        self.radii, self.around = tuple(radii), around
        self.forcing_scale = Normaliser(len(spec.forcing))
        self.change_scale = Normaliser(len(spec.forcing))
        self.static_scale = Normaliser(len(spec.static))
        self.series_scale = Normaliser(len(spec.series_channels))
        self.target_scales = nn.ModuleDict(
            {t.name: Normaliser(t.layers) for t in spec.targets if not t.categorical}
        )
        self.embed_prior = nn.ModuleDict(
            {t.name: Pointwise(t.layers, embedding, bias=False) for t in spec.targets}
        )
        self.embed_forcing = Pointwise(max(3 * len(spec.forcing), 1), embedding)
        self.register_buffer("translation", torch.tensor(spec.translation))
        bound = spec.target(spec.bound) if spec.bound else None
        self.embed_demand = Pointwise(2 * bound.layers, embedding) if bound else None
        self.embed_history = nn.ModuleDict(
            {t.name: Pointwise(2 * (t.layers + 1), embedding) for t in spec.targets if spec.history}
        )
        self.embed_densities = nn.ModuleDict(
            {
                t.name: Pointwise(len(self.radii) * t.layers, embedding)
                for t in spec.targets
                if self.radii and t.categorical
            }
        )
        self.embed_static = Pointwise(len(spec.static), embedding) if spec.static else None
        series = len(spec.series_channels)
        self.embed_series = Pointwise(series, embedding) if series else None
        self.embed_zones = nn.ModuleList(nn.Embedding(n, embedding) for _, n in spec.zones)
        optional = (bound, spec.static, series, spec.zones)
        per_target = 2 if spec.history else 1
        groups = 1 + per_target * len(spec.targets) + sum(map(bool, optional))
        groups += len(self.embed_densities)
        self.channels = groups * embedding + 2 * len(spec.targets)
        lengths = sum(name.startswith("years") for name in spec.calendar)
        self.step_channels = _LENGTH_FEATURES * lengths + len(spec.calendar) - lengths

    def forward(self, inputs: Inputs[Tensor]) -> Encoded:
        """Encode a batch; hidden parts of a prior reach nothing."""
        views = {t.name: self._view(t.name, inputs) for t in self.spec.targets}
        groups = [self.embed_prior[name](view.seen) for name, view in views.items()]
        groups.append(self._forcing(inputs, next(iter(views.values())).visible))
        if self.embed_demand is not None:
            view = views[self.spec.bound]
            assert view.expected is not None
            change = 3.0 * (view.expected - view.seen) * view.visible
            groups.append(
                self.embed_demand(torch.cat([log_odds(view.expected) / 3.0, change], dim=1))
            )
        for name, embed in self.embed_history.items():
            groups.append(embed(self._history(name, inputs, views[name])))
        for name, embed in self.embed_densities.items():
            view = views[name]
            groups.append(embed(densities(view.seen, view.visible, self.radii)))
        if self.embed_static is not None:
            groups.append(self.embed_static(self.static_scale(inputs.static)))
        if self.embed_series is not None:
            groups.append(self.embed_series(self.series_scale(inputs.series)))
        if self.spec.zones:
            codes = inputs.zones.unbind(dim=1)
            embedded = [e(c) for e, c in zip(self.embed_zones, codes, strict=True)]
            groups.append(functools.reduce(torch.add, embedded).permute(0, 3, 1, 2))
        for name, view in views.items():
            groups += [view.visible, inputs.targets[name].domain]
        return Encoded(_stacked(groups), step_features(inputs.calendar, self.spec.calendar), views)

    def _view(self, name: str, inputs: Inputs[Tensor]) -> TargetView:
        given = inputs.targets[name]
        seen = torch.nan_to_num(self._scaled(name, given.prior)) * given.visible
        expected = memory = remembered = around = None
        if name == self.spec.bound:
            before = self._translated(inputs.forcing_prior)
            after = self._translated(inputs.forcing_target)
            expected = expected_classes(before, after, seen, given.visible, self._flows(inputs))
        if self.spec.history:
            memory, remembered = self._memory(name, given)
        if self.around and name in self.embed_densities:
            around = surroundings(seen, given.visible, self.radii)
        return TargetView(seen, given.visible, expected, memory, remembered, around)

    def _translated(self, forcing: Tensor) -> Tensor:
        # what one product leaves out must not reach classes made of another
        return torch.einsum("kc,bcyx->bkyx", self.translation, torch.nan_to_num(forcing))

    def _flows(self, inputs: Inputs[Tensor]) -> Tensor | None:
        """What becomes of each class of the bound target, ``(B, K, K, Y, X)``, if that is told."""
        if not self.spec.flows:
            return None
        classes = self.spec.target(self.spec.bound).layers
        batch, _, height, width = inputs.flows.shape
        return torch.nan_to_num(inputs.flows).reshape(batch, classes, classes, height, width)

    def _memory(self, name: str, given: Seen[Tensor]) -> tuple[Tensor, Tensor]:
        """Mean of the earlier maps that are seen ``(B, K, Y, X)``, and where there is any."""
        visible = given.history_visible[:, :, None]
        maps = torch.stack([self._scaled(name, m) for m in given.history.unbind(dim=1)], dim=1)
        count = visible.sum(dim=1)
        mean = (torch.nan_to_num(maps) * visible).sum(dim=1) / count.clamp(min=1.0)
        return mean, (count > 0).to(mean.dtype)

    def _history(self, name: str, inputs: Inputs[Tensor], view: TargetView) -> Tensor:
        """The map before the prior and the mean of all earlier ones, ``(B, 2·(K + 1), Y, X)``."""
        given = inputs.targets[name]
        visible = given.history_visible[:, :1]
        latest = torch.nan_to_num(self._scaled(name, given.history[:, 0])) * visible
        assert view.memory is not None
        assert view.remembered is not None
        return torch.cat([latest, visible, view.memory, view.remembered], dim=1)

    def _scaled(self, name: str, values: Tensor) -> Tensor:
        scales: Mapping[str, nn.Module] = dict(self.target_scales.items())
        return cast("Tensor", scales[name](values)) if name in scales else values

    def _forcing(self, inputs: Inputs[Tensor], like: Tensor) -> Tensor:
        if not self.spec.forcing:
            return cast("Tensor", self.embed_forcing(torch.zeros_like(like)))
        drivers = [
            self.forcing_scale(inputs.forcing_prior),
            self.forcing_scale(inputs.forcing_target),
            self.change_scale(inputs.forcing_target - inputs.forcing_prior),
        ]
        return cast("Tensor", self.embed_forcing(torch.cat(drivers, dim=1)))


def _stacked(groups: Sequence[Tensor]) -> Tensor:
    """Groups ``(B, C, Y, X)`` one after the other, channels last in memory."""
    if torch.is_grad_enabled():
        return torch.cat(list(groups), dim=1).contiguous(memory_format=torch.channels_last)
    # written once, where they belong: a concatenation and a change of layout write twice
    batch, _, height, width = groups[0].shape
    room = groups[0].new_empty(batch, height, width, sum(g.shape[1] for g in groups))
    start = 0
    for group in groups:
        room[..., start : start + group.shape[1]] = group.permute(0, 2, 3, 1)
        start += group.shape[1]
    return room.permute(0, 3, 1, 2)


def step_features(calendar: Tensor, names: tuple[str, ...]) -> Tensor:
    """Direction, length and log length of a step in years, and the season, ``(B, F)``."""
    parts = []
    for name, values in zip(names, calendar.unbind(dim=1), strict=True):
        if name.startswith("years"):
            length = values.abs().clamp(min=1e-3)
            parts += [values.sign(), values / 10.0, torch.log(length)]
        else:
            parts.append(values)
    return torch.stack(parts, dim=-1)
