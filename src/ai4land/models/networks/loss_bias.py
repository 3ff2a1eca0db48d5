"""What a loss adds to the probabilities of the network it trains, and how they are freed of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ai4land.errors import ConfigError
from ai4land.models.inputs import Seen

__all__ = ["LossBias", "change_weights", "unbiased"]

_SMALLEST = 1e-30


@dataclass(frozen=True, slots=True)
class LossBias:
    """The parts of a loss whose minimiser is not the probability that was asked for.

    The loss of a pixel of class y is ``a_y · Σ_k t_k · ℓ(q_k)`` with ``t = (1 − smoothing) ·
    [k = y] + smoothing / K``, ``ℓ(q) = −(cross_entropy + focal · (1 − q)^gamma) · log q`` and
    ``a_k`` of ``change_weights``. Its minimiser q is led back to the probability p exactly:

    1. ``t ∝ q / φ(q)`` with ``φ(q) = −q · ℓ'(q) = cross_entropy + focal · ((1 − q)^gamma −
       gamma · (1 − q)^(gamma − 1) · q · log q)`` (Charoenphakdee et al. 2021, arXiv:2011.09172,
       for the focal loss alone),
    2. ``p' = (t − smoothing / K) / (1 − smoothing)``,
    3. ``p ∝ p' / a`` (as the logit adjustment of Menon et al. 2021, arXiv:2007.07314).

    Attributes:
        changed_weight: What a pixel counts more that is another class than its visible prior.
        cross_entropy: Weight of the cross-entropy.
        focal: Weight of the focal loss (Lin et al. 2017, doi:10.1109/ICCV.2017.324).
        gamma: Its exponent.
        smoothing: Share of the truth that is spread over all classes (Szegedy et al. 2016,
            doi:10.1109/CVPR.2016.308).
    """

    changed_weight: float = 0.0
    cross_entropy: float = 1.0
    focal: float = 0.0
    gamma: float = 0.0
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no loss has."""
        if min(asdict(self).values()) < 0 or self.smoothing >= 1:
            raise ConfigError(
                "Impossible bias of a loss",
                expected="no number below 0, a smoothing below 1",
                found=asdict(self),
            )

    @property
    def curved(self) -> bool:
        """Whether the pixelwise loss is another than the cross-entropy."""
        return self.focal > 0 and self.gamma > 0


def change_weights(prior: Tensor, visible: Tensor, changed_weight: float) -> Tensor:
    """What a pixel counts by its class, ``(B, K, Y, X)``: ``1 + w · visible · (1 − prior)``.

    It depends on what the network sees and on nothing else, so that its effect is known exactly;
    where the prior is hidden nothing is known to have changed, and a pixel counts once.

    Args:
        prior: ``(B, K, Y, X)`` as the network is shown it; may be anything where it is hidden.
        visible: ``(B, 1, Y, X)``.
        changed_weight: w.
    """
    return 1.0 + changed_weight * visible * (1.0 - torch.nan_to_num(prior) * visible)


def unbiased(raw: Tensor, seen: Seen[Tensor], bias: LossBias) -> Tensor:
    """Probabilities ``(B, K, Y, X)`` of logits, free of what the loss of the training added."""
    if not bias.curved and not bias.smoothing and not bias.changed_weight:
        return torch.softmax(raw, dim=1)
    found = _straightened(raw, bias) if bias.curved else torch.softmax(raw, dim=1)
    if bias.smoothing:
        spread = bias.smoothing / raw.shape[1]
        found = (found - spread).clamp(min=0.0) / (1.0 - bias.smoothing)
    if bias.changed_weight:
        found = found / change_weights(seen.prior, seen.visible, bias.changed_weight)
    return found / found.sum(dim=1, keepdim=True).clamp(min=_SMALLEST)


def _straightened(raw: Tensor, bias: LossBias) -> Tensor:
    """``q / φ(q)`` of the softmax q, with a sum of 1."""
    log_share, log_rest = _log_shares(raw)
    rest, gamma = log_rest.exp(), bias.gamma
    # (1 − q)^(γ − 1) · ((1 − q) − γ · q · log q), a sum of what is positive
    bracket = (rest - gamma * log_share.exp() * log_share).clamp(min=_SMALLEST)
    log_focal = (gamma - 1.0) * log_rest + torch.log(bracket)
    if bias.cross_entropy:
        log_focal = torch.log(bias.cross_entropy + bias.focal * log_focal.exp())
    return torch.softmax(log_share - log_focal, dim=1)


def _log_shares(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of the softmax q and of 1 − q, both exact where q is next to 1."""
    raw = raw - raw.detach().amax(dim=1, keepdim=True)  # sums of large numbers lose digits
    log_share = torch.log_softmax(raw, dim=1)
    largest = torch.zeros_like(raw, dtype=torch.bool)
    largest.scatter_(1, raw.argmax(dim=1, keepdim=True), True)
    others = torch.logsumexp(raw.masked_fill(largest, -torch.inf), dim=1, keepdim=True)
    whole = torch.logsumexp(raw, dim=1, keepdim=True)
    # −1 stands where the other branch is taken: a logarithm of 0 has no gradient
    small = torch.log1p(-log_share.masked_fill(largest, -1.0).exp())
    log_rest = torch.where(largest, others - whole, small)
    large = torch.log1p(-log_rest.masked_fill(~largest, -1.0).exp())
    return torch.where(largest, large, log_share), log_rest
