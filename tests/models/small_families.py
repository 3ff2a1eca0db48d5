"""Small predictors of each family that is no network, with weights by chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.models import (
    Boosting,
    BoostingOptions,
    InputSpec,
    Logistic,
    LogisticOptions,
    Markov,
    PixelRows,
    PixelView,
    xgboost,
)

SMALL: Mapping[str, Any] = {"radii": (1, 3), "reach": 6}


def random_chain(spec: InputSpec, seed: int = 0) -> Markov:
    """A chain in which most land stays, and the first class becomes and follows nothing."""
    rng = np.random.default_rng(seed)
    size = spec.targets[0].layers
    counts: dict[float, npt.NDArray[np.int64]] = {}
    for years in (1.0, -1.0, 3.0):
        table = rng.integers(1, 9, (size, size)) + 60 * np.eye(size, dtype=np.int64)
        table[0, 1:] = table[1:, 0] = 0
        table[2, 1] = 0
        counts[years] = table
    return Markov(spec, counts)


def random_rows(view: PixelView, count: int, seed: int = 0) -> PixelRows:
    """Rows that no map has."""
    rng = np.random.default_rng(seed)
    size = view.target.layers
    start = np.log(rng.dirichlet(np.ones(size), count)).astype(np.float32)
    features = rng.random((count, len(view.names))).astype(np.float32) * 4
    prior = rng.integers(0, size + 1, count).astype(np.uint8)
    return PixelRows(features, start, prior, rng.random(count) < 0.5)


def random_logistic(spec: InputSpec, seed: int = 0) -> Logistic:
    """A regression with weights by chance."""
    view = LogisticOptions(**SMALL).view(random_chain(spec))
    rng = np.random.default_rng(seed)
    size, count = view.target.layers, len(view.names)
    return Logistic(
        view,
        rng.random(count).astype(np.float32),
        (rng.random(count) + 0.5).astype(np.float32),
        (0.2 * rng.standard_normal((2, size + 1, size, count + 1))).astype(np.float32),
        LogisticOptions(**SMALL),
    )


def random_boosting(spec: InputSpec, seed: int = 0) -> Boosting:
    """Trees grown on noise."""
    options = BoostingOptions(**SMALL, rounds=4, depth=3)
    view = options.view(random_chain(spec))
    rows = random_rows(view, 400, seed)
    labels = np.random.default_rng(seed).integers(0, view.target.layers, 400)
    library = xgboost()
    found = library.train(
        {"objective": "multi:softprob", "num_class": view.target.layers, "max_depth": 3},
        library.DMatrix(rows.features, labels, base_margin=rows.start),
        num_boost_round=4,
    )
    return Boosting(view, found, options)
