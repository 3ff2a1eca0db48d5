"""Patches of classes, by a library of landscape metrics; and how far two maps differ in them."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4land.errors import ConfigError, SampleError
from ai4land.metrics.tables.counting import check_shapes
from ai4land.metrics.tables.undefined import ratio, reported
from ai4land.vocabulary import NO_DATA

__all__ = ["LANDSCAPE", "configuration_disagreement", "landscape_metrics"]

LANDSCAPE = (
    "number_of_patches",
    "patch_density",
    "area_mn",
    "largest_patch_index",
    "edge_density",
    "landscape_shape_index",
)
"""Metrics computed by default, by the names of FRAGSTATS and of the library."""

Metrics = dict[str, float | None]


def landscape_metrics(
    indices: NDArray[np.uint8],
    names: Sequence[str],
    pixel: tuple[float, float],
    mask: NDArray[np.bool_] | None = None,
    metrics: Sequence[str] = LANDSCAPE,
) -> dict[str, Any]:
    """Landscape metrics of a map, by class and of the whole.

    Computed by PyLandStats (Bosch 2019, doi:10.1371/journal.pone.0225734) as FRAGSTATS defines
    them, patches joined over corners. Pixels are of one size in it: on longitude and latitude take
    regions small enough for that. Patches are cut at the map's borders and do not add.

    Args:
        indices: Class indices 0…K−1, uint8, ``(y, x)``; 255 is missing.
        names: Class names in legend order.
        pixel: Width and height of a pixel in m.
        mask: True where a pixel is looked at; others are missing.
        metrics: Which; densities are per 100 ha (patches) and m per ha (edges), areas in ha.

    Returns:
        ``classes``: name → metric → value, ``None`` for a class the map does not hold; and
        ``landscape``: metric → value.

    Raises:
        ConfigError: If the library is not installed.
        SampleError: If nothing is to be looked at, or an index is no class.
    """
    library = _library()
    known = indices if mask is None else np.where(mask, indices, np.uint8(NO_DATA))
    held = [k for k in np.unique(known).tolist() if k != NO_DATA]
    if indices.ndim != 2 or not held or held[-1] >= len(names):
        raise SampleError(
            "Landscape metrics need a map of classes",
            expected=f"(y, x), indices 0…{len(names) - 1}",
            found=f"{indices.shape}, indices {held[:8]}",
        )
    landscape = library.Landscape(known, res=pixel, nodata=NO_DATA)
    by_class = landscape.compute_class_metrics_df(metrics=list(metrics))
    whole = landscape.compute_landscape_metrics_df(metrics=list(metrics))
    return {
        "classes": {
            name: {
                metric: reported(float(by_class.loc[k, metric])) if k in held else None
                for metric in metrics
            }
            for k, name in enumerate(names)
        },
        "landscape": {metric: reported(float(whole[metric].iloc[0])) for metric in metrics},
    }


def configuration_disagreement(
    initial: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    simulated: NDArray[np.uint8],
    names: Sequence[str],
    pixel: tuple[float, float],
    mask: NDArray[np.bool_] | None = None,
    metrics: Sequence[str] = LANDSCAPE,
) -> dict[str, Any]:
    """How far the pattern of a simulation is from that of the truth, beside persistence.

    After Pickard and Meentemeyer (2019, doi:10.1016/j.compenvurbsys.2019.101366): differences of
    landscape metrics, here relative to the truth's.

    Args:
        initial: Class indices of the map persistence repeats, as for ``landscape_metrics``.
        reference: The truth.
        simulated: Its simulation.
        names: Class names in legend order.
        pixel: Width and height of a pixel in m.
        mask: True where a pixel is looked at.
        metrics: Which.

    Returns:
        ``reference``, ``simulated`` and ``persistence``: the metrics of each map; and
        ``simulated_error``, ``persistence_error``: metric → mean over classes of |map − truth| /
        truth, of the classes that the truth holds.

    Raises:
        ConfigError: If the library is not installed.
        GridError: If shapes differ.
        SampleError: If nothing is to be looked at, or an index is no class.
    """
    check_shapes(initial.shape, reference=reference, simulated=simulated)
    found = {
        key: landscape_metrics(layer, names, pixel, mask, metrics)
        for key, layer in (
            ("reference", reference),
            ("simulated", simulated),
            ("persistence", initial),
        )
    }
    truth = found["reference"]["classes"]
    errors = {
        f"{key}_error": {
            metric: reported(_error(truth, found[key]["classes"], metric)) for metric in metrics
        }
        for key in ("simulated", "persistence")
    }
    return {**found, **errors}


def _error(truth: Mapping[str, Metrics], other: Mapping[str, Metrics], metric: str) -> float:
    errors = []
    for name, values in truth.items():
        wanted = values[metric]
        if wanted is not None:
            errors.append(ratio(abs((other[name][metric] or 0.0) - wanted), abs(wanted)))
    defined = [error for error in errors if not math.isnan(error)]
    return sum(defined) / len(defined) if defined else math.nan


def _library() -> ModuleType:
    try:
        library = importlib.import_module("pylandstats")
    except ImportError as error:
        raise ConfigError(
            "Landscape metrics need PyLandStats",
            where="ai4land.metrics.landscape_metrics",
            remedy="pip install pylandstats",
        ) from error
    return library
