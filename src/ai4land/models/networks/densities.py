"""Densities and surroundings: the classes of the visible pixels around a pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["densities", "surroundings"]


def densities(seen: Tensor, visible: Tensor, radii: Sequence[int]) -> Tensor:
    """Class shares among the visible pixels of squares around each pixel.

    Neighbourhood factors at several distances drive cellular land-use models (White & Engelen
    1993, doi:10.1068/a251175). Beyond the border of the window nothing is visible.

    Args:
        seen: ``(B, K, Y, X)`` the visible prior, 0 where it is hidden.
        visible: ``(B, 1, Y, X)``.
        radii: A square has ``2 · radius + 1`` pixels a side, its own pixel in the middle.

    Returns:
        ``(B, R · K, Y, X)``, 0 where nothing is visible.
    """
    return torch.cat([_shares(_counted(seen, visible, radius)) for radius in radii], dim=1)


def surroundings(seen: Tensor, visible: Tensor, radii: Sequence[int]) -> Tensor:
    """Class shares among the visible pixels around each hidden one, nearer ones more.

    A pixel counts in each square that holds it, by the square's radius to the power of −3: about
    as the cube of its distance falls, an inverse distance weighting (Shepard 1968,
    doi:10.1145/800186.810616).

    Args:
        seen: As of ``densities``.
        visible: Likewise.
        radii: Likewise.

    Returns:
        ``(B, K, Y, X)``, 0 at visible pixels, and where nothing is visible around.
    """
    total = torch.zeros_like(torch.cat([seen, visible], dim=1))
    for radius in radii:
        total = total + _counted(seen, visible, radius) * radius**-3.0
    return _shares(total) * (1.0 - visible)


def _counted(seen: Tensor, visible: Tensor, radius: int) -> Tensor:
    """Pixels of each class in the squares around each pixel, and all visible ones as the last."""
    both, side = torch.cat([seen, visible], dim=1), 2 * radius + 1
    rows = F.avg_pool2d(both, (side, 1), stride=1, padding=(radius, 0))
    return F.avg_pool2d(rows, (1, side), stride=1, padding=(0, radius)) * float(side**2)


def _shares(counts: Tensor) -> Tensor:
    """Counts of classes over the last of them, 0 where that is nothing."""
    # pixels of the widest square count least; rounding is no division by nothing
    every, least = counts[:, -1:], 1e-5
    return torch.where(every > least, counts[:, :-1] / every.clamp(min=least), 0.0)
