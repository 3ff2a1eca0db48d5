"""Statistics of the training split, fitted once and kept in the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ai4land.models import Normaliser, UNet
from ai4land.samples import Sampler

__all__ = ["fit_normalisers"]

_SAMPLES = 64


def fit_normalisers(network: UNet, sampler: Sampler, rng: np.random.Generator) -> None:
    """Fit all normalisers of a network on pixels of the training split that the loss may see.

    Args:
        network: Its normalisers are set in place.
        sampler: Draws from the training split.
        rng: Source of randomness.
    """
    forcing, change, static, target = [], [], [], []
    for _ in range(_SAMPLES):
        sample = sampler.draw(rng)
        used = sample.valid.any(axis=0)
        if not used.any():
            continue
        forcing.append(sample.forcing[0][:, used])
        change.append((sample.target_forcing(0) - sample.forcing[0])[:, used])
        static.append(sample.static[:, used])
        if not network.spec.classes:
            target.append(sample.targets[0][None][:, used])
    _fit(network.forcing_scale, forcing)
    # a change is centred on none at all, so that doing nothing stays 0
    _fit(network.change_scale, change, centred=False)
    _fit(network.static_scale, static)
    _fit(network.target_scale, target)


def _fit(normaliser: Normaliser, parts: list[npt.NDArray[Any]], *, centred: bool = True) -> None:
    if not parts or not normaliser.mean.numel():
        return
    values = np.concatenate(parts, axis=1, dtype=np.float64)
    mean = np.nanmean(values, axis=1) if centred else np.zeros(len(values))
    spread = np.sqrt(np.nanmean((values - mean[:, None]) ** 2, axis=1))
    # a channel that never varies must not blow up where it does; it is left unscaled
    spread = np.where(spread > 0, spread, 1.0)
    normaliser.fit(torch.tensor(mean).float(), torch.tensor(spread).float())
