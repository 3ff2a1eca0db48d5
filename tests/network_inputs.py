"""Random network inputs and networks whose every weight matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ai4land.models import Inputs, InputSpec, Seen
from ai4land.models.networks import Network, NetworkPredictor, build_network
from ai4land.vocabulary import LAND_USE, Clock, Driver, Target

CLASSES = ("sea", "field", "wood", "grass")
OPTIONS: Mapping[str, Any] = {"name": "unet", "widths": (8, 12), "embedding": 6}
"""A small architecture."""

CLASS_TARGET = LAND_USE.targets[0].with_classes(CLASSES)
NUMBER_TARGET = Target("leaf_area_index", "softplus", Clock.MONTH)
LAND, LEAF = CLASS_TARGET.name, NUMBER_TARGET.name


def identity(size: int) -> tuple[tuple[float, ...], ...]:
    """A translation of forcing channels that are the classes themselves."""
    return tuple(tuple(float(i == j) for j in range(size)) for i in range(size))


def class_spec(history: int = 0, *, translated: bool = True, flows: bool = False) -> InputSpec:
    """Classes under shares of the same classes, with terrain and zones, or gross transitions."""
    return InputSpec(
        targets=(CLASS_TARGET,),
        forcing=tuple(f"land_use_fractions/{c}" for c in CLASSES),
        static=("elevation", "slope"),
        zones=(("climate_zone", 5),),
        bound=LAND if translated else "",
        translation=identity(len(CLASSES)) if translated else (),
        closed_loop=translated,
        history=history,
        flows="land_use_gross_transitions" if flows else "",
    )


def number_spec(history: int = 0) -> InputSpec:
    """A continuous monthly target under one driver."""
    return InputSpec(
        targets=(NUMBER_TARGET,),
        forcing=("population_density",),
        calendar=("years", "season_cos", "season_sin"),
        history=history,
    )


def two_target_spec(history: int = 0) -> InputSpec:
    """Classes and a number, each on its own clock, with a driver that is told at lags."""
    weather = Driver("air_temperature", Clock.MONTH, lags=(1, 2), mean=1)
    return InputSpec(
        targets=(CLASS_TARGET, NUMBER_TARGET),
        forcing=tuple(f"land_use_fractions/{c}" for c in CLASSES),
        static=("elevation",),
        series=(weather,),
        series_channels=tuple(f"air_temperature −{lag}" for lag in weather.lags),
        calendar=(f"years/{LAND}", f"years/{LEAF}", "season_cos", "season_sin"),
        bound=LAND,
        translation=identity(len(CLASSES)),
        closed_loop=True,
        history=history,
    )


def shares(seed: int, classes: int, shape: tuple[int, int]) -> Tensor:
    """Random shares ``(1, K, y, x)`` that sum to 1, constant in 4 × 4 cells."""
    raw = torch.rand(1, classes, shape[0] // 4, shape[1] // 4, generator=_rng(seed)) + 0.05
    cells = raw / raw.sum(dim=1, keepdim=True)
    return cells.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


def random_inputs(
    spec: InputSpec, shape: tuple[int, int] = (16, 24), seed: int = 0
) -> Inputs[Tensor]:
    """A batch of one sample; about a third of each prior is hidden."""
    rng = _rng(seed)
    forced = len(spec.forcing)
    seen = {target.name: _random_seen(target, spec.history, shape, rng) for target in spec.targets}
    if forced > 1:
        forcing = shares(seed + 1, forced, shape), shares(seed + 2, forced, shape)
    else:
        forcing = torch.full((1, forced, *shape), 40.0), torch.full((1, forced, *shape), 50.0)
    season = float(2 * np.pi * torch.rand(1, generator=rng))
    said = {"season_cos": float(np.cos(season)), "season_sin": float(np.sin(season))}
    return Inputs(
        targets=seen,
        forcing_prior=forcing[0],
        forcing_target=forcing[1],
        static=torch.rand(1, len(spec.static), *shape, generator=rng) * 100,
        zones=torch.randint(0, 5, (1, len(spec.zones), *shape), generator=rng),
        series=torch.randn(1, len(spec.series_channels), *shape, generator=rng),
        flows=_flows(spec, shape, rng),
        calendar=torch.tensor([[said.get(name, 1.0) for name in spec.calendar]]),
    )


def array_inputs(
    spec: InputSpec, shape: tuple[int, int] = (16, 24), seeds: tuple[int, ...] = (0,)
) -> Inputs[npt.NDArray[Any]]:
    """A batch of as many samples as seeds, as arrays."""
    batch = [random_inputs(spec, shape, seed).map(lambda part: part.numpy()) for seed in seeds]
    first = batch[0]
    seen = {
        name: Seen(*map(np.concatenate, zip(*(one.targets[name] for one in batch), strict=True)))
        for name in first.targets
    }
    rest = map(np.concatenate, zip(*(one[1:] for one in batch), strict=True))
    return Inputs(seen, *rest)


def with_seen(inputs: Inputs[Any], target: str, **changes: object) -> Inputs[Any]:
    """The same inputs, but for what is seen of one target."""
    changed = inputs.targets[target]._replace(**changes)
    return inputs._replace(targets={**inputs.targets, target: changed})


def lively_network(
    spec: InputSpec, options: Mapping[str, Any] = OPTIONS, seed: int = 3, strength: float = 75.0
) -> Network:
    """A network in evaluation mode with no zero anywhere, so that every input counts.

    Args:
        spec: The inputs.
        options: The architecture.
        seed: Draws the weights.
        strength: How much its corrections count; many maps change with the default, and rounding
            shows as well.
    """
    torch.manual_seed(seed)
    network = build_network(options, spec)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=_rng(parameter.numel())))
        for head in network.heads.values():
            # the prior holds less tightly, so that maps do change
            cast("Tensor", cast("torch.nn.Conv2d", head.gates).bias).sub_(2.0)
            cast("torch.nn.Conv2d", head.correction).weight.mul_(strength)
        for name, buffer in network.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2.0)
    return network.eval()


def lively_predictor(
    spec: InputSpec, options: Mapping[str, Any] = OPTIONS, seed: int = 3, strength: float = 75.0
) -> NetworkPredictor:
    """A predictor of one lively network."""
    return NetworkPredictor([lively_network(spec, options, seed, strength)])


def _random_seen(
    target: Target, history: int, shape: tuple[int, int], rng: torch.Generator
) -> Seen[Tensor]:
    one = (1, 1, *shape)

    def values() -> Tensor:
        if not target.categorical:
            return torch.rand(one, generator=rng) * 6
        index = torch.randint(0, target.layers, (1, *shape), generator=rng)
        hot = torch.nn.functional.one_hot(index, target.layers)
        return hot.movedim(-1, 1).float().contiguous()

    past = [values() for _ in range(history)]
    return Seen(
        prior=values(),
        visible=(torch.rand(one, generator=rng) > 0.33).float(),
        domain=(torch.rand(one, generator=rng) > 0.1).float(),
        history=torch.stack(past, dim=1) if past else torch.zeros(1, 0, target.layers, *shape),
        history_visible=(torch.rand(1, history, *shape, generator=rng) > 0.33).float(),
    )


def _flows(spec: InputSpec, shape: tuple[int, int], rng: torch.Generator) -> Tensor:
    """Chances that classes become others, ``(1, K·K, y, x)``; nothing is known of the last."""
    if not spec.flows:
        return torch.zeros(1, 0, *shape)
    size = spec.target(spec.bound).layers
    rates = torch.rand(1, size, size, *shape, generator=rng)
    rates = rates / rates.sum(dim=2, keepdim=True)
    rates[:, -1] = 0.0
    return rates.flatten(1, 2)


def _rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
