"""Random network inputs and networks whose every weight matters."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ai4land.models import Inputs, InputSpec, UNet, UNetOptions

CLASSES = ("sea", "field", "wood", "grass")
OPTIONS = UNetOptions(widths=(8, 12), embedding=6)


def identity(size: int) -> tuple[tuple[float, ...], ...]:
    """A translation of forcing channels that are the classes themselves."""
    return tuple(tuple(float(i == j) for j in range(size)) for i in range(size))


def class_spec(history: int = 0, *, translated: bool = True) -> InputSpec:
    """Classes under shares of the same classes, with terrain and zones."""
    return InputSpec(
        target="land_use",
        classes=CLASSES,
        forcing=tuple(f"land_use_fractions/{c}" for c in CLASSES),
        static=("elevation", "slope"),
        zones=(("climate_zone", 5),),
        translation=identity(len(CLASSES)) if translated else (),
        closed_loop=True,
        history=history,
    )


def number_spec(history: int = 0) -> InputSpec:
    """A continuous target under one driver."""
    return InputSpec(
        target="leaf_area_index",
        classes=(),
        forcing=("population_density",),
        static=(),
        zones=(),
        activation="softplus",
        history=history,
    )


def shares(seed: int, classes: int, shape: tuple[int, int]) -> Tensor:
    """Random shares ``(1, K, y, x)`` that sum to 1, constant in 4 × 4 cells."""
    raw = torch.rand(1, classes, shape[0] // 4, shape[1] // 4, generator=_rng(seed)) + 0.05
    cells = raw / raw.sum(dim=1, keepdim=True)
    return cells.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


def random_inputs(spec: InputSpec, shape: tuple[int, int] = (16, 24), seed: int = 0) -> Inputs:
    """One sample; about a third of the prior is hidden."""
    rng = _rng(seed)
    one = (1, 1, *shape)
    count = len(spec.classes)
    forcing = len(spec.forcing)

    def prior() -> Tensor:
        if not count:
            return torch.rand(one, generator=rng) * 6
        index = torch.randint(0, count, (1, *shape), generator=rng)
        return torch.nn.functional.one_hot(index, count).movedim(-1, 1).float().contiguous()

    past = [prior() for _ in range(spec.history)]
    share = count or 1
    return Inputs(
        prior=prior(),
        visible=(torch.rand(one, generator=rng) > 0.33).float(),
        domain=(torch.rand(one, generator=rng) > 0.1).float(),
        forcing_prior=shares(seed + 1, forcing, shape) if count else torch.full(one, 40.0),
        forcing_target=shares(seed + 2, forcing, shape) if count else torch.full(one, 50.0),
        static=torch.rand(1, len(spec.static), *shape, generator=rng) * 100,
        zones=torch.randint(0, 5, (1, len(spec.zones), *shape), generator=rng),
        history=torch.stack(past, dim=1) if past else torch.zeros(1, 0, share, *shape),
        history_visible=(torch.rand(1, spec.history, *shape, generator=rng) > 0.33).float(),
        years=torch.ones(1),
    )


def lively_network(spec: InputSpec, options: UNetOptions = OPTIONS, seed: int = 3) -> UNet:
    """A network in evaluation mode with no zero anywhere, so that every input counts."""
    torch.manual_seed(seed)
    network = UNet(spec, options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=_rng(parameter.numel())))
        # the prior holds less tightly, so that maps do change
        cast("Tensor", network.gates.bias).sub_(2.0)
        network.head.weight.mul_(75.0)
        for name, buffer in network.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
    return network.eval()


def _rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
