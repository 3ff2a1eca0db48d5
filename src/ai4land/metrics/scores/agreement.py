"""Agreement of two maps beyond chance, and the parts of their disagreement."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ai4land.metrics.tables.sums import Counts
from ai4land.metrics.tables.undefined import ratio

__all__ = ["agreement", "disagreement_by_class"]

_KEYS = (
    "kappa",
    "kappa_location",
    "kappa_histogram",
    "quantity",
    "allocation",
    "exchange",
    "shift",
    "outside",
)


def agreement(counts: Counts) -> dict[str, float]:
    """The kappa family and the parts of the disagreement, as shares of the scored weight.

    Kappa (Cohen 1960) and its parts by place and by amounts (Pontius 2000; Hagen 2002) are for
    comparison with older work: kappa = kappa location × kappa histogram. Quantity and allocation
    disagreement follow Pontius and Millones (2011, doi:10.1080/01431161.2011.552923), exchange
    and shift Pontius and Santacruz (2014, doi:10.1080/2150704X.2014.969814).

    Args:
        counts: Shape (K, K + 1), ``[truth, predicted]``, the last column for none of the classes.

    Returns:
        ``kappa``, ``kappa_location``, ``kappa_histogram``, ``quantity``, ``allocation``,
        ``exchange``, ``shift`` and ``outside``, the share predicted as none of the classes; NaN
        where 0/0.
    """
    if not counts.any():
        return dict.fromkeys(_KEYS, math.nan)
    p = _shares(counts)
    truth, predicted, right = p.sum(axis=1), p.sum(axis=0), np.diagonal(p)
    agreed, chance = float(right.sum()), float((truth * predicted).sum())
    best = float(np.minimum(truth, predicted).sum())
    allocation = float(np.minimum(truth - right, predicted - right).sum())
    exchange = max(0.0, float(np.minimum(p, p.T).sum() - right.sum()))  # not −1e-16
    values = (
        ratio(agreed - chance, 1.0 - chance, scale=1.0),
        ratio(agreed - chance, best - chance, scale=1.0),
        ratio(best - chance, 1.0 - chance, scale=1.0),
        0.5 * float(np.abs(truth - predicted).sum()),
        allocation,
        exchange,
        max(0.0, allocation - exchange),  # nor a shift of −1e-17
        float(predicted[-1]),
    )
    return dict(zip(_KEYS, values, strict=True))


def disagreement_by_class(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """Quantity, exchange and shift of every class, as shares of the scored weight.

    Pontius and Santacruz (2014, doi:10.1080/2150704X.2014.969814): of one class, what the map has
    too much or too little of; what it swaps with other classes pair by pair; and the rest.

    Args:
        counts: Shape (K, K + 1), ``[truth, predicted]``, the last column for none of the classes.

    Returns:
        ``quantity``, ``exchange`` and ``shift``, each of shape (K,); NaN if nothing is scored.
        Their sum is what of the class is wrong in either map.
    """
    k = counts.shape[0]
    if not counts.any():
        return {key: np.full(k, np.nan) for key in ("quantity", "exchange", "shift")}
    p = _shares(counts)
    truth, predicted, right = p.sum(axis=1), p.sum(axis=0), np.diagonal(p)
    quantity = np.abs(truth - predicted)
    exchange = np.maximum(0.0, 2.0 * (np.minimum(p, p.T).sum(axis=1) - right))
    shift = np.maximum(0.0, truth + predicted - 2.0 * right - quantity - exchange)
    return {"quantity": quantity[:k], "exchange": exchange[:k], "shift": shift[:k]}


def _shares(counts: Counts) -> NDArray[np.float64]:
    """Shape (K + 1, K + 1), shares of the whole; the truth is never in the last row."""
    table = np.zeros((counts.shape[0] + 1, counts.shape[0] + 1))
    table[:-1] = counts / counts.sum()
    return table
