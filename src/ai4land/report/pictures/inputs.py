"""The input stack: everything a network sees of one window, and what it should answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.grid import Window
from ai4land.report.pictures.figures import class_image, extent, figure, legend_below, save
from ai4land.rollout import cube_assembler, observed_state
from ai4land.samples import (
    DEMAND,
    Assembler,
    CubeDrivers,
    Drivers,
    Given,
    Labels,
    input_spec,
)
from ai4land.vocabulary import Kind, Legend, Task

__all__ = ["busiest_window", "draw_inputs"]

_COLUMNS = 6
_EMPTY = 1e-6  # a forcing channel with less than this everywhere is not drawn


@dataclass(frozen=True, eq=False)
class _Panel:
    """One picture of the stack: RGB, or numbers with a colour map and its range."""

    title: str
    image: npt.NDArray[Any]
    colours: str | None = None
    span: tuple[float, float] | None = None


def busiest_window(labels: Labels, before: int, after: int, side: int) -> Window:
    """The window in which most land changes between two times."""
    height, width = labels.grid.shape
    side = min(side, height, width)
    one, two = labels.codes(before), labels.codes(after)
    land = labels.domain(one) & labels.domain(two)
    changed = (land & (one != two)).astype(np.int64)
    total = np.pad(changed.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    row, col = np.unravel_index(int(sums.argmax()), sums.shape)
    return Window(int(row), int(col), side, side)


def draw_inputs(
    cube: Cube,
    task: Task,
    forcing: tuple[str, ...],
    static: tuple[str, ...],
    times: tuple[int, int],
    path: Path,
    *,
    side: int = 64,
) -> Path:
    """Draw the inputs of the window with most change, and its target.

    Args:
        cube: Where they come from.
        task: What is predicted.
        forcing: Variables known at prior and target time.
        static: Variables without time.
        times: Prior and target time.
        path: File to write.
        side: Side of the window in pixels.
    """
    labels = Labels(cube, task.targets[0])
    spec = input_spec(cube, CubeDrivers(cube, labels.grid), task, forcing, static)
    window = busiest_window(labels, *times, side)
    stack = _panels(cube_assembler(cube, task, spec), labels, window, times)
    rows = -(-len(stack) // _COLUMNS)
    box = extent(labels.grid, window)
    with figure(1.85 * _COLUMNS, 1.62 * rows + 0.8) as drawn:
        for i, panel in enumerate(stack):
            axes = drawn.add_subplot(rows, _COLUMNS, i + 1)
            shown = axes.imshow(
                panel.image,
                interpolation="nearest",
                cmap=panel.colours,
                vmin=panel.span[0] if panel.span else None,
                vmax=panel.span[1] if panel.span else None,
            )
            axes.set_title(panel.title, fontsize=7.5)
            axes.set_xticks([])
            axes.set_yticks([])
            if panel.colours is not None:
                bar = drawn.colorbar(shown, ax=axes, fraction=0.08, pad=0.03)
                bar.ax.tick_params(labelsize=5.5, length=1.5)
                bar.outline.set_linewidth(0.3)
        label = task.clock.label
        drawn.suptitle(
            f"Inputs of one window, {label(times[0])} → {label(times[1])}: "
            f"{box[0]:.4g}…{box[1]:.4g}° E, {box[2]:.4g}…{box[3]:.4g}° N",
            x=0.01,
            ha="left",
            fontsize=10,
        )
        if labels.legend is not None:
            shown_codes = {*np.unique(labels.codes(times[0], window)).tolist()}
            shown_codes |= {*np.unique(labels.codes(times[1], window)).tolist()}
            present = [c for c in labels.legend.classes if c.code in shown_codes]
            legend_below(drawn, {c.name: c.colour for c in present})
        return save(drawn, path)


def _panels(
    assembler: Assembler, labels: Labels, window: Window, times: tuple[int, int]
) -> list[_Panel]:
    """Prior, target, statics and zones, then each forcing channel at both times."""
    label, spec, drivers = assembler.task.clock.label, assembler.spec, assembler.drivers
    given = _given(assembler, labels, window, times)
    found = [
        _target(labels, window, times[0], f"prior {label(times[0])}"),
        _target(labels, window, times[1], f"target {label(times[1])}"),
    ]
    for name, values in zip(spec.static, given.static, strict=True):
        found.append(_Panel(_short(name), values, "cividis"))
    for (name, _), positions in zip(spec.zones, given.zones, strict=True):
        found.append(_Panel(_short(name), _zones(positions, drivers.describe(name).legend)))
    both = given.forcing_prior, given.forcing_target
    for i, name in enumerate(spec.forcing):
        top = float(np.nanmax([both[0][i], both[1][i]]))
        if not top > _EMPTY:
            continue
        span = (0.0, min(1.0, top)) if _is_share(drivers, name) else None
        for values, tick in zip(both, times, strict=True):
            found.append(_Panel(f"{_short(name)} {label(tick)}", values[i], "viridis", span))
    return found


def _given(assembler: Assembler, labels: Labels, window: Window, times: tuple[int, int]) -> Given:
    """What the drivers say of a step from a labelled map."""
    if not assembler.needs_demand:
        return assembler.given(*times, window)
    state = observed_state(labels.cube, assembler.task, times[0])
    assert assembler.demand is not None
    state = replace(state, reference=assembler.demand.reference(state))
    return assembler.given(*times, window, assembler.loop_of(state, times[1], window))


def _target(labels: Labels, window: Window, tick: int, title: str) -> _Panel:
    codes = labels.codes(tick, window)
    if labels.legend is None:
        return _Panel(title, codes, "viridis")
    return _Panel(title, class_image(codes, labels.legend))


def _is_share(drivers: Drivers, name: str) -> bool:
    variable = name.partition("/")[0]
    return variable == DEMAND or drivers.describe(variable).kind is Kind.FRACTION


def _zones(positions: npt.NDArray[np.int64], legend: Legend | None) -> npt.NDArray[np.uint8]:
    """Legend position + 1 in the legend's colours, 0 white."""
    colours = [] if legend is None else legend.colours
    table = np.full((len(colours) + 1, 3), 255, dtype=np.uint8)
    for i, colour in enumerate(colours):
        table[i + 1] = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return table[positions]


def _short(name: str) -> str:
    return name.rpartition("/")[2].replace("_", " ")
