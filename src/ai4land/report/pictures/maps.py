"""Maps of a reconstruction: where it started, the truth, what it says, and how the two differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.grid import Grid
from ai4land.report.pictures.figures import (
    BUDGET,
    budget_map,
    class_image,
    extent,
    figure,
    judged,
    legend_below,
    save,
    style_map,
)
from ai4land.report.pictures.thinning import read_thinned
from ai4land.vocabulary import Legend, Target

__all__ = ["draw_maps"]

_MOST = 2400  # pixels of a side that are worth drawing


def draw_maps(
    prediction: Cube, truth: Cube | None, target: Target, initial: int, last: int, path: Path
) -> list[Path]:
    """Draw the maps of the first and last time, and the difference to the truth.

    Args:
        prediction: The reconstruction.
        truth: A cube with the labels of ``last``; without it, what changed is drawn.
        target: What was predicted.
        initial: Time of the initial map.
        last: Time to draw.
        path: File without suffix; ``_maps.png`` and ``_difference.png`` are appended.
    """
    spec, grid = prediction.variable(target.name), prediction.grid(target.name)
    legend = spec.legend
    if legend is None:
        return []
    step = max(1, -(-max(grid.shape) // _MOST))
    label = target.clock.label
    start = read_thinned(prediction, target.name, initial, step)
    end = read_thinned(prediction, target.name, last, step)
    reference = None
    if truth is not None and last in truth.group(target.name).ticks:
        reference = read_thinned(truth, target.name, last, step)
    images = [(f"{label(initial)}, initial map", start)]
    if reference is not None:
        images.append((f"{label(last)}, truth", reference))
    images.append((f"{label(last)}, {spec.source or 'reconstruction'}", end))
    panels = [(title, class_image(codes, legend)) for title, codes in images]
    colours = _present([codes for _, codes in images], legend)
    written = [Path(f"{path}_maps.png")]
    if reference is not None:
        scored = judged(start, reference, legend)
        name = spec.source or "reconstruction"
        title = f"{name}: change from {label(initial)} to {label(last)}"
        panels.append((title, budget_map(start, reference, end, scored)))
        written.append(Path(f"{path}_difference.png"))
        _draw(panels[-1:], grid, BUDGET, written[1])
        colours |= BUDGET
    _draw(panels, grid, colours, written[0])
    return written


def _draw(
    panels: list[tuple[str, npt.NDArray[np.uint8]]],
    grid: Grid,
    colours: Mapping[str, str],
    path: Path,
) -> None:
    """Draw images of a grid: wide ones below each other, others side by side in twos."""
    ratio = _ratio(grid)
    columns = 1 if len(panels) == 1 or ratio < 0.5 else 2
    rows = -(-len(panels) // columns)
    side = 8.6 if columns == 1 else 5.4
    with figure(side * columns, (side * ratio + 0.3) * rows + 0.8) as drawn:
        for i, (title, image) in enumerate(panels):
            axes = drawn.add_subplot(rows, columns, i + 1)
            axes.imshow(image, extent=extent(grid), interpolation="nearest")
            style_map(axes, grid, title)
        legend_below(drawn, colours)
        save(drawn, path)


def _ratio(grid: Grid) -> float:
    """Height over width on the ground."""
    middle = math.radians(float(grid.north + grid.south) / 2.0)
    wide = float(grid.width * grid.dx) * max(math.cos(middle), 0.1)
    return float(grid.height * grid.dy) / wide


def _present(maps: list[npt.NDArray[np.uint8]], legend: Legend) -> dict[str, str]:
    """Names and colours of the classes that occur."""
    codes = set(np.concatenate([np.unique(m) for m in maps]).tolist())
    return {c.name: c.colour for c in legend.classes if c.code in codes}
