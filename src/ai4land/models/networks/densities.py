"""Densities: shares of the classes in the neighbourhood of a pixel, of what is visible of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["densities"]


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
    both = torch.cat([seen, visible], dim=1)
    found = []
    for radius in radii:
        side = 2 * radius + 1
        rows = F.avg_pool2d(both, (side, 1), stride=1, padding=(radius, 0))
        mean = F.avg_pool2d(rows, (1, side), stride=1, padding=(0, radius))
        count = mean[:, -1:]
        least = 0.5 / side**2  # half a pixel, so that rounding is no division by nothing
        found.append(torch.where(count > least, mean[:, :-1] / count.clamp(min=least), 0.0))
    return torch.cat(found, dim=1)
