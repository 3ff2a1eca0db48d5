"""Notes: what a build writes into the cube beside the values, of its inputs and its methods."""

from __future__ import annotations

import logging
from fractions import Fraction
from typing import Any

import numpy as np

from ai4land.errors import GridError
from ai4land.grid import Window
from ai4land.recipes.layer import Layer, clipped, touching
from ai4land.recipes.plan import Plan
from ai4land.regrid import AreaBias, class_area_bias, mean_bias
from ai4land.sources import BIASED, class_index
from ai4land.vocabulary import Kind

__all__ = ["area_bias", "notes_of", "provenance_of_plan"]

_LOG = logging.getLogger(__name__)
_SAMPLE = 2_000_000  # cells, of the source or the target, from which a bias is estimated


def notes_of(plan: Plan) -> dict[str, Any]:
    """What the sources find in the data before the build, and what the methods cost, by variable.

    Raises:
        SourceError: If the files contradict each other.
    """
    notes = {}
    for name, layer in plan.layers.items():
        ticks = layer.source_ticks
        if not ticks and layer.schedule:
            continue  # every time is left empty
        found = dict(layer.source.inspect(layer.offer.variable.name, ticks, layer.window))
        if layer.method in BIASED:
            found["area_bias"] = area_bias(layer)
            _LOG.info("%s: %s", name, found["area_bias"])
        if found:
            notes[name] = found
    return notes


def area_bias(layer: Layer) -> dict[str, Any]:
    """Estimate what a method that does not conserve changes, on the first time that is read.

    Areas of classes, or means of numbers, are compared with conservative regridding in the middle
    of the grid, as far as a moment's work reaches.

    Returns:
        Plain data: method, time, part of the grid, and change by class or layer: relative for
        classes, absolute in the variable's units for numbers.
    """
    window = _middle(layer)
    target = layer.grid.crop(window)
    tick = layer.source_ticks[0] if layer.source_ticks else None
    said = {
        "method": layer.method,
        "time": None if tick is None else layer.offer.clock.label(tick),
        "share_of_grid": round(window.height * window.width / np.prod(layer.grid.shape), 6),
    }
    try:
        cover = clipped(touching(layer.offer.grid, target), layer.offer.grid)
    except GridError:
        return {**said, "change": "the product does not reach the middle of the grid"}
    before, source = layer.native(tick, cover), layer.offer.grid.crop(cover)
    after = layer.read_source(tick, window)
    if layer.variable.kind is Kind.CATEGORICAL:
        legend = layer.classes.legend
        assert legend is not None
        index, codes = class_index(legend)
        found = class_area_bias(index[before], source, index[after], target, codes.size)
        names = (*legend.names, *(f"sea {code}" for code in codes[len(legend) :]))
        return {**said, "relative_change": _by_name(names, found, relative=True)}
    found = mean_bias(before, source, after, target)
    names = layer.spec.components or (layer.variable.name,)
    return {**said, "change_of_mean": _by_name(names, found, relative=False)}


def _by_name(names: tuple[str, ...], found: AreaBias, *, relative: bool) -> dict[str, float]:
    """Six digits by class or layer; classes that are nowhere are left out."""
    values = found.relative if relative else found.after - found.before
    pairs = zip(names, values, strict=True)
    return {name: float(f"{value:.6g}") for name, value in pairs if np.isfinite(value)}


def _middle(layer: Layer) -> Window:
    """A window in the middle of the grid that is cheap to read."""
    own, product = layer.grid, layer.offer.grid
    finer: Fraction = max(own.dx / product.dx, Fraction(1)) * max(own.dy / product.dy, Fraction(1))
    cells = max(_SAMPLE / float(finer), 1.0)
    share = min(1.0, (cells / (own.height * own.width)) ** 0.5)
    height, width = max(int(own.height * share), 1), max(int(own.width * share), 1)
    return Window((own.height - height) // 2, (own.width - width) // 2, height, width)


def provenance_of_plan(plan: Plan) -> list[dict[str, Any]]:
    """Every input file once, with the variables that come from it."""
    by_source: dict[int, list[Layer]] = {}
    for layer in plan.layers.values():
        by_source.setdefault(id(layer.source), []).append(layer)
    entries = []
    for layers in by_source.values():
        ticks = {t for layer in layers for t in layer.source_ticks}
        names = [layer.variable.name for layer in layers]
        read = {layer.offer.variable.name for layer in layers}
        files = layers[0].source.provenance(ticks if ticks else None, read)
        entries += [{**file.to_dict(), "variables": names} for file in files]
    return entries
