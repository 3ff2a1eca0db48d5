"""The terms of a loss: how far predictions are from the truth, each in its own sense."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ai4land.training.loss_options import LossOptions

__all__ = ["REGION_TERMS", "ClassMaps", "dice", "forcing_gap", "location", "lovasz", "pixelwise"]


class ClassMaps(NamedTuple):
    """What a loss knows of a map of classes in one step; B batch, K classes, Y × X pixels.

    Attributes:
        probability: ``(B, K, Y, X)`` as it is predicted.
        truth: ``(B, K, Y, X)`` 1 for the true class, 0 where nothing counts.
        before: ``(B, K, Y, X)`` 1 for the true class before the step, likewise.
        valid: ``(B, 1, Y, X)`` 1 where a pixel counts.
    """

    probability: Tensor
    truth: Tensor
    before: Tensor
    valid: Tensor

    @property
    def masked(self) -> Tensor:
        """Probabilities, 0 where nothing counts."""
        return self.probability * self.valid


def pixelwise(raw: Tensor, wanted: Tensor, options: LossOptions) -> Tensor:
    """Cross-entropy and focal loss of each pixel, ``(B, Y, X)``.

    Focal loss is ``−(1 − q)^gamma · log q`` (Lin et al. 2017, doi:10.1109/ICCV.2017.324). With
    smoothing each class counts by its share of the smoothed truth.

    Args:
        raw: ``(B, K, Y, X)`` logits.
        wanted: ``(B, Y, X)`` true classes.
        options: Weights, exponent and smoothing.
    """
    plain, focal, smoothing = options.cross_entropy, options.focal, options.smoothing
    if not focal or not options.gamma:
        entropy = F.cross_entropy(raw, wanted, reduction="none", label_smoothing=smoothing)
        return (plain + focal) * entropy
    log_share = torch.log_softmax(raw, dim=1)
    rest = -torch.expm1(log_share.clamp(max=-1e-6))  # kept off 0, where roots have no gradient
    each = -(plain + focal * rest**options.gamma) * log_share
    own = each.gather(1, wanted[:, None])[:, 0]
    return (1.0 - smoothing) * own + smoothing * each.mean(dim=1)


def dice(maps: ClassMaps) -> Tensor:
    """1 − the mean Dice coefficient of the classes that the truth of the batch holds.

    Milletari et al. 2016, doi:10.1109/3DV.2016.79, without squares.
    """
    both = (maps.masked * maps.truth).sum(dim=(0, 2, 3))
    either = maps.masked.sum(dim=(0, 2, 3)) + maps.truth.sum(dim=(0, 2, 3))
    present = maps.truth.sum(dim=(0, 2, 3)) > 0
    return _mean_where(1.0 - 2.0 * both / either.clamp(min=1e-6), present)


def lovasz(maps: ClassMaps) -> Tensor:
    """Lovász extension of 1 − the mean IoU of the classes that the truth of the batch holds.

    Berman et al. 2018, doi:10.1109/CVPR.2018.00464, algorithm 1. On certain predictions it is 1 −
    the mean IoU itself.
    """
    used = maps.valid[:, 0] > 0
    share, truth = (part.movedim(1, -1)[used].T for part in (maps.probability, maps.truth))
    errors, order = (truth - share).abs().sort(dim=1, descending=True)  # (K, N)
    truth = truth.gather(1, order)
    total = truth.sum(dim=1, keepdim=True)
    shared, union = total - truth.cumsum(dim=1), total + (1.0 - truth).cumsum(dim=1)
    loss = 1.0 - shared / union.clamp(min=1.0)
    steps = torch.diff(loss, dim=1, prepend=torch.zeros_like(total))
    return _mean_where((errors * steps).sum(dim=1), total[:, 0] > 0)


def location(maps: ClassMaps, blur: float) -> Tensor:
    """How far blurred changes are from true ones: expansion and contraction of each class.

    The mean over valid pixels of Σ_k |G ∗ (simulated − true expansion of k)| + the same of
    contraction, G a Gaussian. It is 0 at the truth, and a change beside its place costs the less
    the nearer it is. Nothing beyond the window or the valid pixels counts.

    Args:
        maps: The maps.
        blur: Standard deviation of the Gaussian in pixels.
    """
    stay = maps.before
    grown = (maps.masked - maps.truth) * (1.0 - stay)
    shrunk = (maps.truth - maps.masked) * stay
    wrong = _blurred(torch.cat([grown, shrunk], dim=1), blur).abs().sum(dim=1, keepdim=True)
    return (wrong * maps.valid).sum() / maps.valid.sum().clamp(min=1.0)


def forcing_gap(
    probability: Tensor, asked: Tensor, valid: Tensor, cell: Tensor, cell_share: Tensor
) -> Tensor:
    """Squared difference of class shares from what the forcing asks, summed over classes.

    The mean over coarse cells of which the window holds every pixel that counts.

    Args:
        probability: ``(B, K, Y, X)``.
        asked: ``(B, K, Y, X)`` class shares that the forcing asks for after the step.
        valid: ``(B, 1, Y, X)`` 1 where a pixel counts.
        cell: ``(B, Y, X)`` number of the coarse cell in the window.
        cell_share: ``(B, Y, X)`` share of a pixel in its cell.
    """
    share = valid * cell_share[:, None]
    batch, count = len(cell), int(cell.max()) + 1
    place = (cell + count * torch.arange(batch, device=cell.device)[:, None, None]).flatten()

    def per_cell(values: Tensor) -> Tensor:
        sums = values.new_zeros(batch * count, values.shape[1])
        return sums.index_add(0, place, values.movedim(1, -1).flatten(0, 2))

    whole = per_cell(share)[:, 0] > 1.0 - 1e-3
    gap = (per_cell((probability - asked) * share) ** 2).sum(dim=1)
    return _mean_where(gap, whole)


REGION_TERMS: Mapping[str, Callable[[ClassMaps, LossOptions], Tensor]] = {
    "dice": lambda maps, options: dice(maps),
    "lovasz": lambda maps, options: lovasz(maps),
    "location": lambda maps, options: location(maps, options.blur),
}
"""Terms of whole maps of classes by their name in ``LossOptions``."""


def _mean_where(values: Tensor, where: Tensor) -> Tensor:
    """Mean of some values; 0 without any."""
    return torch.where(where, values, 0.0).sum() / where.sum().clamp(min=1)


def _blurred(values: Tensor, sigma: float) -> Tensor:
    """``(B, C, Y, X)`` under a Gaussian, as if all beyond the window were 0."""
    kernel = _gaussian(sigma).to(values)
    reach, channels = len(kernel) // 2, values.shape[1]
    rows = kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    found = F.conv2d(values, rows, padding=(reach, 0), groups=channels)
    return F.conv2d(found, rows.transpose(2, 3), padding=(0, reach), groups=channels)


@functools.lru_cache
def _gaussian(sigma: float) -> Tensor:
    """Weights of a Gaussian out to three standard deviations, with a sum of 1."""
    reach = math.ceil(3.0 * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()
