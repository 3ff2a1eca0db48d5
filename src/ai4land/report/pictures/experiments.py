"""A picture of a comparison: skill against accuracy by decision, and reliability."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ai4land.experiments import BASELINES, CUT, Ledger, Plan, Pool, pools
from ai4land.report.pictures.figures import figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_experiments"]

_MARKERS = {"faithful": "s", "likely": "o", "sampled": "^"}
_BASELINES = {"persistence": "P", "kernel": "D", "kernel, one jump": "d", "random": "X"}
_GREY = "#777777"
_COLOURS = (  # Tableau's, the grey ones left to baselines
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#bcbd22"),
    *("#17becf", "#aec7e8", "#ffbb78", "#98df8a", "#ff9896", "#c5b0d5", "#c49c94", "#f7b6d2"),
)
_DEAR = 0.1  # accuracy below persistence beyond which no map is of use
_THIN = 0.001  # share of the pixels below which an interval of probability is not drawn


def draw_experiments(plan: Plan, ledger: Ledger, path: Path) -> Path | None:
    """Draw every case under its own forcing that the ledger holds; ``None`` if it holds none.

    Left, figure of merit against accuracy above persistence at the last step: the curve of
    ``likely`` from timid to bold odds, and each decision's place; right, how often change came
    against how often it was expected, in each interval of probability. Two cases a row.

    Args:
        plan: What is compared.
        ledger: What is known.
        path: The PNG.
    """
    own = {case for case, said in plan.cases.items() if not said.driven}
    every = [pool for pool in pools(plan, ledger) if pool.case in own]
    cases = list(dict.fromkeys(pool.case for pool in every))
    if not cases:
        return None
    arms = dict.fromkeys(pool.arm for pool in every if pool.arm != BASELINES)
    looks = dict(zip(arms, itertools.cycle(_COLOURS), strict=False))
    across, rows = 2 * min(len(cases), 2), math.ceil(len(cases) / 2)
    with figure(4.2 * across, 3.4 * rows + 0.6) as drawn:
        for n, case in enumerate(cases):
            here = [pool for pool in every if pool.case == case]
            _trade(drawn.add_subplot(rows, across, 2 * n + 1), here, looks)
            _reliable(drawn.add_subplot(rows, across, 2 * n + 2), here, looks)
        drawn.legend(handles=_key(drawn.axes[0], looks), loc="outside upper center", ncols=8)
        return save(drawn, path)


def _key(axes: Axes, looks: Mapping[str, str]) -> list[Any]:
    """What colours and marks mean, once for all panels."""
    marks = [
        *((m, n, _GREY) for n, m in _BASELINES.items()),
        *((m, n, "k") for n, m in _MARKERS.items()),
    ]
    lines = [("-", arm, colour) for arm, colour in looks.items()]
    said = [axes.plot([], [], m, color=c, label=n)[0] for m, n, c in (*lines, *marks)]
    dashes = (("-", "first step"), (":", "last step"))
    return [*said, *(axes.plot([], [], d, color="k", label=n)[0] for d, n in dashes)]


def _trade(axes: Axes, here: Sequence[Pool], looks: Mapping[str, str]) -> None:
    for pool in here:
        colour = _GREY if pool.arm == BASELINES else looks[pool.arm]
        curve = [(found.gain, found.figure_of_merit) for _, found in pool.curve()]
        if curve:
            axes.plot(*zip(*curve, strict=True), color=colour, linewidth=1.0, alpha=0.7)
        for name in pool.names:
            last = pool.last(name)
            if last is not None and name != CUT:
                mark = (_MARKERS | _BASELINES)[name]
                axes.scatter(last.gain, last.figure_of_merit, color=colour, marker=mark)
    axes.axvline(0.0, color="#bbbbbb", linewidth=0.6)
    axes.set_xlim(left=max(axes.get_xlim()[0], -_DEAR))
    axes.set_title(f"{here[0].case}, {here[0].ticks[-1]}: figure of merit")
    axes.set_xlabel("accuracy above persistence; line: likely, from timid to bold")


def _reliable(axes: Axes, here: Sequence[Pool], looks: Mapping[str, str]) -> None:
    axes.plot((0, 1), (0, 1), color="#bbbbbb", linewidth=0.6)
    for pool in here[1:]:
        for name, dash in (("first", "-"), ("last", ":")):
            found = pool.probable(name)
            if found is None or (name == "last" and len(pool.ticks) == 1):
                continue
            table = found.change
            held = table[:, 0] > np.maximum(_THIN * table[:, 0].sum(), 0.0)
            weight, said, came = table[held].T
            axes.plot(said / weight, came / weight, dash, color=looks[pool.arm], marker=".")
    axes.set_title("change: came (up), expected (across)")
