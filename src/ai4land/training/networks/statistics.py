"""Statistics of the training split, fitted once before training and kept in the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ai4land.models.networks import Network, Normaliser
from ai4land.samples import SampleSource
from ai4land.training.transitions import transition_counts

__all__ = ["count_transitions", "fit_normalisers", "statistics_of"]

_SAMPLES = 64


def fit_normalisers(network: Network, sampler: SampleSource, rng: np.random.Generator) -> None:
    """Fit all normalisers of a network on pixels of the training split that the loss may see.

    Args:
        network: Its normalisers are set in place.
        sampler: Draws from the training splits, of one region or several.
        rng: Source of randomness.
    """
    encoder = network.encoder
    forcing, change, static, series = [], [], [], []
    numbers: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in encoder.target_scales}
    for _ in range(_SAMPLES):
        sample = sampler.draw(rng)
        used = np.logical_or.reduce([t.valid.any(axis=0) for t in sample.targets.values()])
        if not used.any():
            continue
        forcing.append(sample.forcing[0][:, used])
        change.append((sample.target_forcing(0) - sample.forcing[0])[:, used])
        static.append(sample.static[0][:, used])
        series.append(sample.series[0][:, used])
        for name, parts in numbers.items():
            target = sample.targets[name]
            parts.append(target.targets[0][None][:, target.valid[0]])
    _fit(encoder.forcing_scale, forcing)
    # a change is centred on none at all, so that doing nothing stays 0
    _fit(encoder.change_scale, change, centred=False)
    _fit(encoder.static_scale, static)
    _fit(encoder.series_scale, series)
    for name, parts in numbers.items():
        _fit(network.scale(name), parts)


def _fit(normaliser: Normaliser, parts: list[npt.NDArray[Any]], *, centred: bool = True) -> None:
    if not parts or not normaliser.mean.numel():
        return
    values = np.concatenate(parts, axis=1, dtype=np.float64)
    if not values.size:
        return
    mean = np.nanmean(values, axis=1) if centred else np.zeros(len(values))
    spread = np.sqrt(np.nanmean((values - mean[:, None]) ** 2, axis=1))
    # a channel that never varies must not blow up where it does; it is left unscaled
    spread = np.where(spread > 0, spread, 1.0)
    normaliser.fit(torch.tensor(mean).float(), torch.tensor(spread).float())


def count_transitions(network: Network, sampler: SampleSource) -> None:
    """Count which class follows which in all steps of the training splits, in one pass.

    Args:
        network: Its counts are set in place.
        sampler: Knows the steps, the maps and the pixels of the training split of each region.
    """
    for name, transitions in network.transitions().items():
        counts = np.zeros(tuple(transitions.counts.shape), np.int64)
        for (before, after), table in transition_counts(sampler, name).items():
            counts[int(after < before)] += table
        transitions.counts.copy_(torch.from_numpy(counts))


def statistics_of(network: Network) -> dict[str, Any]:
    """Means and spreads by channel name, in physical units."""
    encoder, spec = network.encoder, network.spec
    groups = {
        "forcing": (spec.forcing, encoder.forcing_scale),
        "change": (spec.forcing, encoder.change_scale),
        "static": (spec.static, encoder.static_scale),
        "series": (spec.series_channels, encoder.series_scale),
        **{name: ((name,), network.scale(name)) for name in encoder.target_scales},
    }
    return {
        group: {
            name: {"mean": float(mean), "spread": float(spread)}
            for name, mean, spread in zip(names, scale.mean, scale.spread, strict=True)
        }
        for group, (names, scale) in groups.items()
    }
